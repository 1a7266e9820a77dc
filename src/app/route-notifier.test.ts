import { describe, expect, it } from 'vitest';
import { systemClock, type Clock } from '../core/clock.ts';
import { silentLogger } from '../core/logger.ts';
import { noMetrics, type Metrics } from '../core/metrics.ts';
import type { RouteNotice } from '../ports/route-notifier.ts';
import { routeBody, WebhookNotifier, type RouteWebhook } from './route-notifier.ts';

const PATIENCE_MS = 30_000;
const notice: RouteNotice = {
  event: 'triggered', dedupKey: 'banyan/route/accounts/automatic_rollback/error_rate', at: '2026-03-01T10:00:00.000Z',
  service: 'accounts', metric: 'error_rate', action: 'automatic_rollback', percent: 25, why: '3 % failed <!channel>',
};
/** A pause takes no time; the patience of who closes does. */
const clock: Clock = { ...systemClock, sleep: async (ms, signal) => (ms < PATIENCE_MS ? undefined : systemClock.sleep(ms, signal)) };

function told(statuses: number[], webhook: Partial<RouteWebhook> = {}) {
  const bodies: string[] = [];
  const results: string[] = [];
  const metrics: Metrics = { ...noMetrics, count: (name, labels) => void (name === 'banyan_route_notices_total' && results.push(labels?.['result'] ?? '')) };
  const post = async (body: string): Promise<number> => {
    bodies.push(body);
    return statuses.shift() ?? 200;
  };
  const notifier = new WebhookNotifier(
    [{ name: 'hook', format: 'generic', actions: ['automatic_rollback', 'alert_team'], post, ...webhook }],
    { clock, random: () => 0.5, logger: silentLogger, metrics },
  );
  return { notifier, bodies, results };
}

describe('a webhook', () => {
  it('is told what it wants to hear, in order, and again where it could not answer', async () => {
    const { notifier, bodies, results } = told([503, 200, 200]);
    notifier.tell(notice);
    notifier.tell({ ...notice, action: 'scale_up' });
    notifier.tell({ ...notice, event: 'resolved' });
    await notifier.close(PATIENCE_MS);
    expect(bodies.map((body) => (JSON.parse(body) as RouteNotice).event)).toEqual(['triggered', 'triggered', 'resolved']);
    expect(results).toEqual(['sent', 'sent']);
  });

  it('that refuses is not asked again, and keeps nobody', async () => {
    const { notifier, bodies, results } = told([400]);
    notifier.tell(notice);
    await notifier.close(PATIENCE_MS);
    expect([bodies.length, results]).toEqual([1, ['failed']]);
    notifier.tell(notice);
    expect(bodies).toHaveLength(1);
  });

  it('that does not answer is not told more than it could ever read', async () => {
    let answer = (): void => {};
    const waiting = new Promise<number>((resolve) => (answer = () => resolve(200)));
    const { notifier, results } = told([], { post: () => waiting });
    for (let n = 0; n < 150; n++) notifier.tell(notice);
    answer();
    await notifier.close(PATIENCE_MS);
    expect(results.filter((result) => result === 'dropped')).toHaveLength(49);
    expect(results.filter((result) => result === 'sent')).toHaveLength(101);
  });
});

describe('the body', () => {
  it('is in the form that its receiver speaks', () => {
    expect(routeBody(notice, { format: 'generic' })).toEqual(notice);
    expect(routeBody(notice, { format: 'pagerduty', routingKey: 'k' })).toMatchObject({
      routing_key: 'k', dedup_key: notice.dedupKey, event_action: 'trigger',
      payload: { severity: 'critical', component: 'error_rate', class: 'routing', source: 'accounts', summary: 'accounts at 25 %: everybody is going back to the monolith. 3 % failed <!channel>' },
    });
    expect(routeBody({ ...notice, event: 'resolved' }, { format: 'pagerduty', routingKey: 'k' })).toEqual({ routing_key: 'k', dedup_key: notice.dedupKey, event_action: 'resolve' });
    expect(JSON.stringify(routeBody({ ...notice, action: 'scale_up' }, { format: 'slack' }))).toContain('it needs more instances. 3 % failed &lt;!channel&gt;');
  });
});
