import type { Clock } from '../core/clock.ts';

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
  readonly latencies: Uint32Array;
}

/** What one side did in a window of time. */
export interface WindowSummary {
  readonly requests: number;
  readonly errors: number;
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
  #since: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#since = clock.monotonic();
  }

  start(): Timing {
    const timing = { startedAt: this.#clock.monotonic() };
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
    return ms;
  }

  /** The request ended without telling anything about the side. */
  cancel(timing: Timing): void {
    this.#underWay.delete(timing);
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
    let measured = 0;
    for (const slot of this.#slots) {
      if (slot.number <= first) continue;
      requests += slot.requests;
      errors += slot.errors;
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
    const slot = reused ?? { number, requests: 0, errors: 0, latencies: new Uint32Array(CLASSES) };
    slot.number = number;
    slot.requests = 0;
    slot.errors = 0;
    slot.latencies.fill(0);
    this.#slots.push(slot);
    return slot;
  }
}
