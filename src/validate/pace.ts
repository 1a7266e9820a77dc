import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import { Throttle } from '../core/throttle.ts';
import type { LoadProbe, ServerLoad } from '../ports/load-probe.ts';

export interface PaceOptions {
  /** How long the statements of one range should take, in milliseconds. Default: as long as they do. */
  readonly statementMs?: number;
  /** Of its time, the most that a scan may go on; the rest it rests. Above 0, at most 1, which is the default. */
  readonly share?: number;
  /** Servers that are asked after each range, and what is too much for them. */
  readonly load?: {
    readonly probes: readonly LoadProbe[];
    /** Statements of users at one moment. Default: no limit. */
    readonly activeSessions?: number;
    /** How far a standby may be behind, in milliseconds. Default: no limit. */
    readonly replicationLagMs?: number;
  };
}

/** However busy the servers are, a validation goes on for this share of its time. */
const LEAST_SHARE = 0.05;
/** Aims below the limit, since the next range is never quite like the last. */
const MARGIN = 0.7;
/** What a range costs beside its rows must not make it smaller and smaller. */
const LEAST_ROWS = 1000;
/** No rest is longer, so that a change is soon felt, and a stop as well. */
const LONGEST_REST_MS = 10_000;

/** Keeps a scan from being a burden: ranges that end in time, and a rest after each, longer while a server is busy. */
export class Pace {
  readonly #options: PaceOptions;
  readonly #clock: Clock;
  readonly #logger: Logger;
  /** Measures are shares of the limits, so that one number stands for the worst of them. */
  readonly #throttle = new Throttle({ limit: 1, leastShare: LEAST_SHARE });

  constructor(options: PaceOptions, parts: { readonly clock: Clock; readonly logger: Logger }) {
    this.#options = options;
    this.#clock = parts.clock;
    this.#logger = parts.logger;
  }

  /** How many rows the next range may have, after one of `rows` rows took `tookMs`. */
  rowsAfter(rows: number, tookMs: number): number {
    const { statementMs } = this.#options;
    return statementMs === undefined || rows === 0 || tookMs <= 0 ? Infinity : Math.max(LEAST_ROWS, (rows * statementMs * MARGIN) / tookMs);
  }

  /** Rests after work that took `tookMs`. */
  async rest(tookMs: number, signal?: AbortSignal): Promise<void> {
    await this.#measure();
    const share = Math.min(this.#options.share ?? 1, this.#throttle.share);
    const restMs = Math.min(LONGEST_REST_MS, tookMs * (1 / share - 1));
    if (restMs > 0) await this.#clock.sleep(restMs, signal);
  }

  async #measure(): Promise<void> {
    const { load } = this.#options;
    if (!load) return;
    const found = await Promise.all(load.probes.map((probe) => probe.read()));
    const worst = (of: keyof ServerLoad, limit: number | undefined): number => (limit === undefined ? 0 : Math.max(0, ...found.map((server) => server[of])) / limit);
    const change = this.#throttle.add(Math.max(worst('activeSessions', load.activeSessions), worst('replicationLagMs', load.replicationLagMs)));
    if (change === 'begun') this.#logger.warn('a server is busy: validating more slowly', { ...found[0] });
    if (change === 'over') this.#logger.info('the servers are no longer busy: validating at full speed');
  }
}
