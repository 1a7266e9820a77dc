import { withAbortOf } from '../core/abort-any.ts';
import { Approach, type ApproachOptions } from './approach.ts';
import type { Assignment } from './decision/assignment.ts';

export interface ShifterOptions extends ApproachOptions {
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

/** Whoever is brought back from a service in distress should not wait for the next try, in milliseconds. */
export const URGENT_RETRY_MS = 200;

export interface ShiftGoal {
  readonly assignment: Assignment;
  readonly version: number;
  /** What is under way is given up for it. */
  readonly urgent: boolean;
  /** Whether the shared state has it, so that all routers will. Default true. */
  readonly stored?: boolean;
}

/** A goal, and who waits for its outcome. */
export interface Goal extends ShiftGoal {
  readonly resolve: (outcome: ShiftOutcome) => void;
}

/** What brings one service's users to where the latest decision has them. */
export interface Mover {
  progress: ShiftProgress;
  /** Resolves when the users are moved, when that was put off for the first time, or superseded. */
  moveTo(goal: ShiftGoal): Promise<ShiftOutcome>;
  /** Resolves when the work has ended after the signal was aborted. */
  stopped(): Promise<void>;
}

/**
 * Brings one service's users to where the latest decision has them, one move at a time, and goes on
 * trying for as long as a move is put off.
 */
export class Shifter implements Mover {
  readonly #options: ShifterOptions;
  #goal: Goal | null = null;
  #waiting: Goal | null = null;
  #wake: (() => void) | null = null;
  #attempt: AbortController | null = null;
  readonly #approach: Approach;
  readonly #running: Promise<void>;
  progress: ShiftProgress = { version: 0, state: 'done', reason: '' };

  constructor(options: ShifterOptions) {
    this.#options = options;
    this.#approach = new Approach(options);
    options.signal.addEventListener('abort', () => this.#wake?.(), { once: true });
    this.#running = this.#run();
  }

  /**
   * Asks for users to be moved. Resolves when they are, put off for the first time, or superseded. An
   * attempt under way for an earlier decision is finished first, unless this one is `urgent`.
   */
  async moveTo(goal: ShiftGoal): Promise<ShiftOutcome> {
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
        this.#approach.begin();
      }
      const goal = this.#goal;
      if (!goal) {
        await this.#woken();
        continue;
      }
      this.#report({ version: goal.version, state: 'moving', reason: this.progress.reason });
      this.#attempt = new AbortController();
      const reason = await withAbortOf([signal, this.#attempt.signal], (either) => this.#approach.run(goal.assignment, { signal: either }));
      this.#attempt = null;
      if (reason === '') {
        this.#report({ version: goal.version, state: 'done', reason: '' });
        this.#goal = null;
        goal.resolve({ state: 'done', reason: '' });
      } else if (!signal.aborted && !this.#waiting) {
        this.#report({ version: goal.version, state: 'postponed', reason });
        goal.resolve({ state: 'postponed', reason });
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
}
