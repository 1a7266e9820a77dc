import { atMost } from '../core/at-most.ts';
import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { Metrics } from '../core/metrics.ts';
import { webhookBody, type BodyOptions } from '../core/webhook-body.ts';
import { deliver } from '../core/webhook-delivery.ts';
import type { RouteNotice, RouteNotifier } from '../ports/route-notifier.ts';

/** Somebody who is told what triggers do. */
export interface RouteWebhook extends BodyOptions {
  /** How it is called in logs and metrics; its address may be a secret. */
  readonly name: string;
  readonly actions: readonly RouteNotice['action'][];
  /** Posts one JSON document and resolves with the answer's status. */
  readonly post: (body: string, signal: AbortSignal) => Promise<number>;
}

const PATIENCE_MS = 60_000;
/** What waits for one receiver at most; the oldest gives way. */
const MOST_WAITING = 100;

/** Tells webhooks, each in order and for itself, and tries again for a minute. */
export class WebhookNotifier implements RouteNotifier {
  readonly #webhooks: readonly RouteWebhook[];
  readonly #options: { readonly clock: Clock; readonly random: () => number; readonly logger: Logger; readonly metrics: Metrics };
  readonly #waiting = new Map<RouteWebhook, RouteNotice[]>();
  readonly #working = new Map<RouteWebhook, Promise<void>>();
  readonly #stop = new AbortController();

  constructor(
    webhooks: readonly RouteWebhook[],
    options: { readonly clock: Clock; readonly random: () => number; readonly logger: Logger; readonly metrics: Metrics },
  ) {
    this.#webhooks = webhooks;
    this.#options = options;
  }

  tell(notice: RouteNotice): void {
    for (const webhook of this.#webhooks) {
      if (!webhook.actions.includes(notice.action) || this.#stop.signal.aborted) continue;
      const waiting = this.#waiting.get(webhook) ?? [];
      this.#waiting.set(webhook, waiting);
      waiting.push(notice);
      if (waiting.length > MOST_WAITING) {
        waiting.shift();
        this.#done(webhook, 'dropped');
      }
      if (!this.#working.has(webhook)) this.#working.set(webhook, this.#work(webhook, waiting));
    }
  }

  async close(ms: number): Promise<void> {
    const all = Promise.all(this.#working.values());
    await atMost(this.#options.clock, ms, all);
    this.#stop.abort();
    await all;
  }

  async #work(webhook: RouteWebhook, waiting: RouteNotice[]): Promise<void> {
    const { clock, random, logger } = this.#options;
    const { signal } = this.#stop;
    for (let notice = waiting.shift(); notice && !signal.aborted; notice = waiting.shift()) {
      const body = JSON.stringify(routeBody(notice, webhook));
      const failure = await deliver({ post: webhook.post, body, patienceMs: PATIENCE_MS, clock, random, signal });
      this.#done(webhook, failure === undefined ? 'sent' : 'failed');
      if (failure !== undefined) logger.warn('a trigger could not be told', { webhook: webhook.name, service: notice.service, metric: notice.metric, reason: failure });
    }
    this.#working.delete(webhook);
  }

  #done(webhook: RouteWebhook, result: 'sent' | 'failed' | 'dropped'): void {
    this.#options.metrics.count('banyan_route_notices_total', { webhook: webhook.name, result });
  }
}

const SEVERITY = { automatic_rollback: 'critical', alert_team: 'high', scale_up: 'medium' } as const satisfies Record<RouteNotice['action'], string>;

/** The JSON document that tells of a trigger. */
export function routeBody(notice: RouteNotice, options: BodyOptions): unknown {
  const { event, dedupKey, at, service, metric, action, percent, why } = notice;
  const what = action === 'automatic_rollback' ? 'everybody is going back to the monolith' : action === 'scale_up' ? 'it needs more instances' : 'look at it';
  return webhookBody(
    {
      resolved: event === 'resolved',
      dedupKey, at, service,
      severity: SEVERITY[action],
      summary: event === 'resolved' ? `${service}: ${why}` : `${service} at ${percent} %: ${what}. ${why}`,
      footnote: `${action} · ${metric} · ${percent} % · ${at}`,
      component: metric,
      class: 'routing',
      details: { action, percent, why },
      document: notice,
    },
    options,
  );
}
