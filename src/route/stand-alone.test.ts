import { request } from 'undici';
import { afterEach, describe, expect, it } from 'vitest';
import { until } from '../../test/support/condition.ts';
import { routerFixture, type RouterFixture } from '../../test/support/route-fixture.ts';
import { SharedRouteStore } from '../../test/support/shared-route-store.ts';
import { systemClock } from '../core/clock.ts';
import type { RouteBaseline, RouteBaselines } from '../ports/route-store.ts';

let fixture: RouterFixture | undefined;
afterEach(async () => {
  await fixture?.close();
  fixture = undefined;
});

/** Its one baseline is of the service that the fixture routes. */
class RememberingStore extends SharedRouteStore {
  kept: RouteBaseline | undefined;
  readonly baselines: RouteBaselines = {
    remember: async (_service, seen) => {
      this.kept = { ...seen, ageMs: 0 };
    },
    read: async () => this.kept,
  };

  constructor(kept?: RouteBaseline) {
    super(systemClock);
    this.kept = kept;
  }
}

const rule = { triggers: [{ metric: 'error_rate', threshold: 0.002, relative: 2, alone: 0.5 }] as const };
const DAY_MS = 86_400_000;

/** Requests of many users, also while they are counted. */
async function users(from: number, many: number): Promise<void> {
  await Promise.all(Array.from({ length: many }, async (_, i) => (await request(`${fixture!.url}/api/users/1`, { headers: { cookie: `uid=${from + i}` } })).body.dump()));
}

const route = () => fixture!.router.status().routes[0]!;

describe('at 100 %, rules about failures', () => {
  it('go by what the monolith did while it was compared', async () => {
    fixture = await routerFixture({ rule: { ...rule, percent: 50 } });
    expect(route().baseline).toBeNull();
    for (let sent = 0; (route().evidence[0]?.monolith.requests ?? 0) < 100; sent += 50) await users(sent, 50);
    await fixture.router.shift('accounts', 100);
    await until(() => route().baseline !== null);
    expect(route().baseline).toMatchObject({ share: 0 });
    expect(route().baseline?.requests).toBeGreaterThan(90);
    expect(route().evidence[0]?.edge).toBeLessThan(0.2);
    // Half of this is far below the limit of 50 %, and far above what the monolith did.
    let asked = 0;
    fixture.service.handler = (_incoming, response) => response.writeHead(asked++ % 4 === 0 ? 500 : 200).end();
    let sent = 0;
    await until(async () => {
      await users((sent += 50), 50);
      return route().targetPercent === 0;
    });
    expect(route().lastRollback?.why).toContain('error_rate');
    expect(route().baseline).toBeNull();
  });

  it('go by what the store remembers when a router is restarted', async () => {
    const store = new RememberingStore({ requests: 30_000, failed: 30, worst: 0.001, ageMs: DAY_MS });
    await store.save({ service: 'accounts', percent: 100, by: 'anna', why: 'done' });
    fixture = await routerFixture({ store, rule });
    await until(() => route().baseline !== null);
    expect(route().baseline).toMatchObject({ requests: 30_000, share: 0.001 });
    expect(Date.now() - Date.parse(route().baseline?.at ?? '')).toBeGreaterThanOrEqual(DAY_MS);
    // Twice the upper bound of 0.1 %, which 30 failures leave below 0.2 %.
    expect(route().evidence[0]?.edge).toBeGreaterThan(0.002);
    expect(route().evidence[0]?.edge).toBeLessThan(0.004);
    // No longer when users come back to the monolith.
    await fixture.router.shift('accounts', 90);
    expect(route().baseline).toBeNull();
  });

  it('go by their own limit when what is remembered is too old, or is not wanted', async () => {
    for (const [ageMs, baselineMs] of [[8 * DAY_MS, 7 * DAY_MS], [1, 0]] as const) {
      const store = new RememberingStore({ requests: 30_000, failed: 30, worst: 0.001, ageMs });
      await store.save({ service: 'accounts', percent: 100, by: 'anna', why: 'done' });
      fixture = await routerFixture({ store, rule: { ...rule, baselineMs } });
      expect(route().baseline).toBeNull();
      expect(route().evidence[0]?.edge).toBeNull();
      await fixture.close();
    }
    fixture = undefined;
  });
});
