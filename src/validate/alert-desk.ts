import type { Clock } from '../core/clock.ts';
import { atMost } from '../core/at-most.ts';
import { messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { Metrics } from '../core/metrics.ts';
import type { BodyOptions } from '../core/webhook-body.ts';
import { deliver } from '../core/webhook-delivery.ts';
import type { TableName } from '../model/names.ts';
import { alertBody } from './alert-body.ts';
import { eventFor, tableAlert } from './alert.ts';
import type { Severity } from './severity.ts';
import type { Standing } from './standing.ts';

/** Somebody who wants to be told. */
export interface Webhook extends BodyOptions {
  /** How it is called in logs and metrics; its address may be a secret. */
  readonly name: string;
  /** It hears of nothing that is less severe. */
  readonly severity: Severity;
  /** Posts one JSON document and resolves with the answer's status. Rejects if there is none, or if it took too long. */
  readonly post: (body: string, signal: AbortSignal) => Promise<number>;
}

export interface AlertDeskOptions {
  readonly service: string;
  readonly webhook: Webhook;
  /** Keeps what it has been told; `severity` undefined: that it is over. */
  readonly remember: (table: TableName, severity: Severity | undefined) => Promise<void>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** For how long one alert is tried again, in milliseconds. Default 60,000. Then it waits for the next run. */
  readonly patienceMs?: number;
}

/**
 * Tells one receiver what has begun, worsened or ended since it was told last, in order, one at a time.
 *
 * It holds what *is* and not what happened: an alert that could not be delivered is none the less due at the next
 * look, one that is out of date by then is not sent any more, and memory does not grow. Nothing here rejects:
 * validation goes on whatever a webhook does.
 */
export class AlertDesk {
  readonly #options: AlertDeskOptions;
  #told = new Map<TableName, Severity>();
  readonly #standings = new Map<TableName, Standing>();
  readonly #failed = new Set<TableName>();
  readonly #stop = new AbortController();
  #working: Promise<void> | undefined;

  constructor(options: AlertDeskOptions) {
    this.#options = options;
  }

  /**
   * Takes note of what tables are like now, and goes to work. Does not wait for it.
   * @param told what the receiver has been told before by table, whoever told it; absent: as this desk knows.
   */
  consider(standings: Iterable<Standing>, told?: ReadonlyMap<TableName, Severity>): void {
    for (const standing of standings) this.#standings.set(standing.table, standing);
    this.#failed.clear();
    if (this.#working) return;
    if (told) this.#told = new Map(told);
    this.#begin();
  }

  /** Waits until everything is told, for at most `ms` milliseconds; then gives up what is under way. */
  async close(ms: number): Promise<void> {
    if (this.#working) await atMost(this.#options.clock, ms, this.#working);
    this.#stop.abort();
    await this.#working;
  }

  #begin(): void {
    this.#working = this.#work().finally(() => {
      this.#working = undefined;
      // Something may have come in since the last look.
      if (!this.#stop.signal.aborted && this.#next() !== undefined) this.#begin();
    });
  }

  async #work(): Promise<void> {
    for (let next = this.#next(); next !== undefined && !this.#stop.signal.aborted; next = this.#next()) {
      const { table, severity } = next.standing;
      if (await this.#send(next.body)) {
        if (next.event === 'resolved' || severity === undefined) this.#told.delete(table);
        else this.#told.set(table, severity);
        await this.#remember(table);
      } else {
        this.#failed.add(table);
      }
    }
  }

  #next(): { readonly standing: Standing; readonly event: string; readonly body: string } | undefined {
    const { service, webhook, clock } = this.#options;
    for (const standing of this.#standings.values()) {
      const told = this.#told.get(standing.table);
      const event = eventFor(told, standing.severity, webhook.severity);
      if (event === undefined || this.#failed.has(standing.table)) continue;
      const severity = event === 'resolved' ? told : standing.severity;
      const alert = tableAlert({ event, service, standing, severity: severity ?? 'low', atMs: clock.now() });
      return { standing, event, body: JSON.stringify(alertBody(alert, webhook)) };
    }
    return undefined;
  }

  async #send(body: string): Promise<boolean> {
    const { webhook, clock, random, logger, metrics, patienceMs = 60_000 } = this.#options;
    const failure = await deliver({ post: webhook.post, body, patienceMs, clock, random, signal: this.#stop.signal });
    metrics.count('banyan_validate_alerts_total', { webhook: webhook.name, result: failure === undefined ? 'sent' : 'failed' });
    if (failure !== undefined) logger.warn('an alert could not be delivered', { webhook: webhook.name, reason: failure });
    return failure === undefined;
  }

  async #remember(table: TableName): Promise<void> {
    try {
      await this.#options.remember(table, this.#told.get(table));
    } catch (error) {
      this.#options.logger.warn('whom an alert was told could not be kept', { webhook: this.#options.webhook.name, reason: messageOf(error) });
    }
  }
}
