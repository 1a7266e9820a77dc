import type { Clock } from '../core/clock.ts';
import type { Side } from '../model/side.ts';
import type { Block, Observations } from './evidence/observations.ts';
import { QuantileTracker } from './evidence/quantile-tracker.ts';

/** Latencies are counted in 80 classes, each 1.19 times (2^(1/4)) the one before, from 0.1 ms to 100 s. */
const CLASSES = 80;
const SMALLEST_MS = 0.1;
const SLOT_MS = 250;
const SLOTS = 480;

const classOf = (ms: number): number =>
  ms <= SMALLEST_MS ? 0 : Math.min(CLASSES - 1, Math.ceil(4 * Math.log2(ms / SMALLEST_MS)));
const upperBoundMs = (index: number): number => SMALLEST_MS * 2 ** (index / 4);

interface Slot {
  number: number;
  requests: number;
  errors: number;
  refused: number;
  readonly latencies: Uint32Array;
}

/** What one side did in a window of time. */
export interface WindowSummary {
  readonly requests: number;
  readonly errors: number;
  /** Requests that were meant for the side and not sent to it, because it was not well. */
  readonly refused: number;
  /** Errors by requests, 0 to 1; 0 without requests. */
  readonly errorRate: number;
  /**
   * The latency, in milliseconds, that the share `q` of requests did not exceed, to within 19 %; 0
   * without requests. A request under way counts with its age so far, once that is long.
   */
  quantile(q: number): number;
}

/** A request under way. */
export interface Timing {
  readonly startedAt: number;
  /** Where it is counted for the comparison of both sides; null: nowhere. */
  readonly block: Block | null;
}

/**
 * Requests, errors and latencies of one side over the last two minutes, in slots of 250 ms.
 *
 * A side that answers slowly is seen before it answers: requests under way for longer than
 * `overdueMs` count as that slow already.
 */
export class SideStats {
  readonly #clock: Clock;
  readonly #slots: Slot[] = [];
  /** In the order they started. */
  readonly #underWay = new Set<Timing>();
  readonly #counted: { readonly observations: Observations; readonly side: Side } | null;
  /** The quantiles that somebody asked for, kept up to date from then on. */
  readonly #trackers = new Map<number, QuantileTracker>();
  #since: number;

  /** @param counted where its requests are counted for the comparison of both sides. */
  constructor(clock: Clock, counted: { readonly observations: Observations; readonly side: Side } | null = null) {
    this.#clock = clock;
    this.#counted = counted;
    this.#since = clock.monotonic();
  }

  /**
   * @param compared false: the request came to this side for a reason that has to do with the other's answer, or
   * with its sender's wish; so it says nothing of how the sides compare.
   */
  start(compared = true): Timing {
    const startedAt = this.#clock.monotonic();
    const counted = compared ? this.#counted : null;
    const timing = { startedAt, block: counted ? counted.observations.begin(counted.side, startedAt) : null };
    this.#underWay.add(timing);
    return timing;
  }

  /** The request is over: `failed` by an error of the side, or not. Gives its milliseconds. */
  finish(timing: Timing, failed: boolean): number {
    this.#underWay.delete(timing);
    const now = this.#clock.monotonic();
    const ms = now - timing.startedAt;
    const slot = this.#slotAt(now);
    slot.requests++;
    if (failed) slot.errors++;
    const index = classOf(ms);
    slot.latencies[index] = (slot.latencies[index] ?? 0) + 1;
    for (const tracker of this.#trackers.values()) tracker.add(ms);
    if (timing.block && this.#counted) this.#counted.observations.end(this.#counted.side, timing.block, { now, ms, failed });
    return ms;
  }

  /** A request was meant for this side, and not sent to it. */
  refuse(): void {
    this.#slotAt(this.#clock.monotonic()).refused++;
  }

  /** A quantile of the latencies of late, exact to a few hundredths of its share; undefined until it is known. */
  tracked(q: number): number | undefined {
    let tracker = this.#trackers.get(q);
    if (!tracker) this.#trackers.set(q, (tracker = new QuantileTracker(q)));
    return tracker.value;
  }

  /** The request ended without telling anything about the side. */
  cancel(timing: Timing): void {
    this.#underWay.delete(timing);
    if (timing.block && this.#counted) this.#counted.observations.leave(this.#counted.side, timing.block, this.#clock.monotonic() - timing.startedAt);
  }

  /** Forgets what is past, for a new attempt with the same side. */
  reset(): void {
    this.#slots.length = 0;
    this.#since = this.#clock.monotonic();
  }

  summary(windowMs: number, overdueMs = Infinity): WindowSummary {
    const now = this.#clock.monotonic();
    const first = Math.floor((now - windowMs) / SLOT_MS);
    const latencies = new Float64Array(CLASSES);
    let requests = 0;
    let errors = 0;
    let refused = 0;
    let measured = 0;
    for (const slot of this.#slots) {
      if (slot.number <= first) continue;
      requests += slot.requests;
      errors += slot.errors;
      refused += slot.refused;
      for (let i = 0; i < CLASSES; i++) latencies[i] = (latencies[i] ?? 0) + (slot.latencies[i] ?? 0);
    }
    measured = requests;
    for (const { startedAt } of this.#underWay) {
      const age = now - Math.max(startedAt, this.#since);
      if (age <= overdueMs) break;
      const index = classOf(age);
      latencies[index] = (latencies[index] ?? 0) + 1;
      measured++;
    }
    return {
      requests: measured,
      errors,
      refused,
      errorRate: requests === 0 ? 0 : errors / requests,
      quantile: (q) => {
        let remaining = Math.ceil(q * measured);
        if (measured === 0) return 0;
        for (let i = 0; i < CLASSES; i++) {
          remaining -= latencies[i] ?? 0;
          if (remaining <= 0) return upperBoundMs(i);
        }
        return upperBoundMs(CLASSES - 1);
      },
    };
  }

  #slotAt(now: number): Slot {
    const number = Math.floor(now / SLOT_MS);
    const last = this.#slots.at(-1);
    if (last?.number === number) return last;
    const reused = this.#slots.length >= SLOTS ? this.#slots.shift() : undefined;
    const slot = reused ?? { number, requests: 0, errors: 0, refused: 0, latencies: new Uint32Array(CLASSES) };
    slot.number = number;
    slot.requests = 0;
    slot.errors = 0;
    slot.refused = 0;
    slot.latencies.fill(0);
    this.#slots.push(slot);
    return slot;
  }
}
