import type { Clock } from '../core/clock.ts';
import { messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { Metrics } from '../core/metrics.ts';
import type { Side } from '../model/side.ts';
import type { Fence } from '../ports/fence.ts';
import type { BucketFlow } from './bucket-flow.ts';
import { BUCKETS } from './decide.ts';
import { meet, type Assignment } from './decision/assignment.ts';
import { moveBuckets } from './move.ts';

export interface ShifterOptions {
  readonly flow: BucketFlow;
  readonly service: string;
  readonly fence: Fence | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly boundMs: number;
  readonly maxHeld: number;
  /** Pause before a move that was put off is tried again, in milliseconds. */
  readonly retryMs: number;
  /** Told whenever the state of the move changes. */
  readonly onProgress: (progress: ShiftProgress) => void;
  readonly signal: AbortSignal;
}

export interface ShiftProgress {
  readonly version: number;
  readonly state: 'moving' | 'done' | 'postponed';
  /** Why it is put off; else empty. */
  readonly reason: string;
}

export interface ShiftOutcome {
  /** `postponed`: it goes on trying; `superseded`: a later decision took its place. */
  readonly state: 'done' | 'postponed' | 'superseded';
  readonly reason: string;
}

const URGENT_RETRY_MS = 200;

interface Goal {
  readonly assignment: Assignment;
  readonly version: number;
  readonly urgent: boolean;
  readonly resolve: (outcome: ShiftOutcome) => void;
}

/**
 * Brings one service's users to where the latest decision has them, one move at a time, and goes on
 * trying for as long as a move is put off.
 */
export class Shifter {
  readonly #options: ShifterOptions;
  #goal: Goal | null = null;
  #waiting: Goal | null = null;
  #wake: (() => void) | null = null;
  #attempt: AbortController | null = null;
  #chunk = BUCKETS;
  readonly #running: Promise<void>;
  progress: ShiftProgress = { version: 0, state: 'done', reason: '' };

  constructor(options: ShifterOptions) {
    this.#options = options;
    options.signal.addEventListener('abort', () => this.#wake?.(), { once: true });
    this.#running = this.#run();
  }

  /**
   * Asks for users to be moved. Resolves when they are, put off for the first time, or superseded. An
   * attempt under way for an earlier decision is finished first, unless this one is `urgent`.
   */
  async moveTo(goal: { readonly assignment: Assignment; readonly version: number; readonly urgent: boolean }): Promise<ShiftOutcome> {
    return new Promise((resolve) => {
      this.#waiting?.resolve({ state: 'superseded', reason: `version ${goal.version} took its place` });
      this.#waiting = { ...goal, resolve };
      if (goal.urgent) this.#attempt?.abort(new Error(`version ${goal.version} is urgent`));
      this.#wake?.();
    });
  }

  /** Resolves when the work has ended after the signal was aborted. */
  async stopped(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal, retryMs } = this.#options;
    while (!signal.aborted) {
      if (this.#waiting) {
        this.#goal?.resolve({ state: 'superseded', reason: `version ${this.#waiting.version} took its place` });
        this.#goal = this.#waiting;
        this.#waiting = null;
        this.#chunk = BUCKETS;
      }
      const goal = this.#goal;
      if (!goal) {
        await this.#woken();
        continue;
      }
      this.#report({ version: goal.version, state: 'moving', reason: this.progress.reason });
      const reason = await this.#approach(goal.assignment);
      if (reason === '') {
        this.#report({ version: goal.version, state: 'done', reason: '' });
        this.#goal = null;
        goal.resolve({ state: 'done', reason: '' });
      } else if (!signal.aborted && !this.#waiting) {
        this.#report({ version: goal.version, state: 'postponed', reason });
        goal.resolve({ state: 'postponed', reason });
        // Whoever is brought back from a service in distress should not wait for the next try.
        await this.#woken(goal.urgent ? Math.min(retryMs, URGENT_RETRY_MS) : retryMs);
      }
    }
    for (const goal of [this.#goal, this.#waiting]) goal?.resolve({ state: 'superseded', reason: 'the router stopped' });
  }

  async #woken(ms?: number): Promise<void> {
    const { clock, signal } = this.#options;
    const timer = new AbortController();
    const woken = new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (signal.aborted || this.#waiting) resolve();
    });
    if (ms === undefined) await woken;
    else {
      const pause = clock.sleep(ms, timer.signal).catch((error: unknown) => {
        if (!timer.signal.aborted) throw error;
      });
      await Promise.race([woken, pause]);
    }
    this.#wake = null;
    timer.abort();
  }

  #report(progress: ShiftProgress): void {
    const changed = progress.state !== this.progress.state || progress.version !== this.progress.version;
    this.progress = progress;
    const { service, logger, metrics, flow } = this.#options;
    metrics.gauge('banyan_route_percent', flow.percent, { service });
    if (progress.state === 'postponed') {
      metrics.count('banyan_route_moves_postponed_total', { service });
      if (changed) logger.warn('a move of users is put off', { service, ...progress, percent: flow.percent });
    }
    this.#options.onProgress(progress);
  }

  /** One attempt; empty when everybody is where the goal has him, else why not. */
  async #approach(goal: Assignment): Promise<string> {
    const { flow, signal, logger, service, metrics } = this.#options;
    this.#attempt = new AbortController();
    const stop = AbortSignal.any([signal, this.#attempt.signal]);
    try {
      // Homecoming first: a service that is left in distress should be left at once.
      for (const to of ['monolith', 'service'] as const) {
        for (;;) {
          const buckets = flow.misplaced(goal, to);
          if (buckets.length === 0) break;
          const { fence, clock, boundMs, maxHeld } = this.#options;
          const started = clock.monotonic();
          const chunk = buckets.slice(0, this.#chunk);
          const result = await moveBuckets({
            flow, service, buckets: chunk, next: nextOf(flow, goal, to), to, fence, clock, boundMs, maxHeld, signal: stop,
          });
          metrics.observe('banyan_route_move_seconds', (clock.monotonic() - started) / 1000, { service });
          metrics.gauge('traffic_split_percentage', flow.percent, { service, version: 'service' });
          metrics.gauge('traffic_split_percentage', 100 - flow.percent, { service, version: 'monolith' });
          if (result.left === 0) continue;
          // Fewer users at once, so fewer who wait at once.
          if (result.overflowed && this.#chunk > 1) {
            this.#chunk = Math.max(1, Math.floor(Math.min(this.#chunk, chunk.length) / 2));
            continue;
          }
          return result.reason;
        }
      }
      flow.adopt(goal);
      return '';
    } catch (error) {
      logger.error('a move of users failed', { service, reason: messageOf(error) });
      return messageOf(error);
    } finally {
      this.#attempt = null;
    }
  }
}

/** What the buckets go by after a move to one side: on the way home nobody leaves for the service yet. */
function nextOf(flow: BucketFlow, goal: Assignment, to: Side): (bucket: number) => Assignment {
  if (to === 'service') return () => goal;
  const met = new Map<Assignment, Assignment>();
  return (bucket) => {
    const now = flow.assignment(bucket);
    let next = met.get(now);
    if (!next) met.set(now, (next = meet(now, goal)));
    return next;
  };
}
