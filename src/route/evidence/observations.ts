import type { Clock } from '../../core/clock.ts';
import type { Side } from '../../model/side.ts';
import type { Count, Pair } from './likelihood.ts';

const LEAST_MS = 200;
const MOST_MS = 10_000;
/** Fewer requests than this in a block waste what conditioning on its margins costs. */
const ENOUGH = 20;
/** Requests of one side that a block counts; what comes later in it is left out, whatever it shows. */
const MOST_REQUESTS = 2000;
/** Without a request of the monolith for this long there is nothing to wait for. */
const BASELINE_GONE_MS = 10_000;
const BLOCKS_KEPT = 600;
/** No cutoff is above this, in milliseconds: a block is kept until its requests are past it. */
export const HIGHEST_CUTOFF_MS = 60_000;

/** What both sides did in one short stretch of time. */
export interface Block {
  readonly number: number;
  readonly openedAt: number;
  /** NaN until it is closed. */
  closedAt: number;
  /** Requests that ended in it. */
  readonly ended: Record<Side, number>;
  /** Of these, the failed. */
  readonly failed: Record<Side, number>;
  /** Requests that began in it. */
  readonly begun: Record<Side, number>;
  /** Where each cut was when the block was opened, in milliseconds; NaN: not known then. */
  readonly cutoffs: Float64Array;
  /** Requests begun in it that ended within each cutoff. */
  readonly within: Uint32Array;
  /** Requests begun in it whose client left within each cutoff: they tell nothing. */
  readonly unknown: Uint32Array;
}

/** A latency that divides requests into fast and slow ones. */
interface Cut {
  readonly side: Side;
  readonly at: () => number | undefined;
}

/**
 * Counts requests of both sides in common blocks of time, so that what is compared was simultaneous.
 *
 * Failures count in the block in which the request ended. For latencies a request counts in the block in
 * which it began: it is slow as soon as it is older than the cutoff, whether it ever ends or not, and the
 * cutoff was fixed when the block was opened. Blocks are closed by the time and by how many requests have
 * begun, never by what they showed.
 */
export class Observations {
  readonly #clock: Clock;
  readonly #cuts: Cut[] = [];
  readonly #closed: Block[] = [];
  #open: Block | null = null;
  #number = 0;
  /** Of what began in a block before this one nothing counts any more. */
  #from = 0;
  #monolithSeenAt = -Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Divides the requests of a side at the latency that `at` gives when a block is opened; gives the cut's index. */
  addCut(side: Side, at: () => number | undefined): number {
    this.#cuts.push({ side, at });
    this.reset();
    return this.#cuts.length - 1;
  }

  /** A request begins; null: it is not counted. */
  begin(side: Side, now: number): Block | null {
    const block = this.#at(now);
    if (side === 'monolith') this.#monolithSeenAt = now;
    if (block.begun[side] >= MOST_REQUESTS) return null;
    block.begun[side]++;
    return block;
  }

  /** A counted request has ended after `ms`. */
  end(side: Side, begunIn: Block, { now, ms, failed }: { readonly now: number; readonly ms: number; readonly failed: boolean }): void {
    if (begunIn.number < this.#from) return;
    const block = this.#at(now);
    if (block.ended[side] < MOST_REQUESTS) {
      block.ended[side]++;
      if (failed) block.failed[side]++;
    }
    this.#note(begunIn.within, side, begunIn, ms);
  }

  /** The client of a counted request has left after `ms`. */
  leave(side: Side, begunIn: Block, ms: number): void {
    this.#note(begunIn.unknown, side, begunIn, ms);
  }

  /**
   * Blocks from `number` on that are closed, and whose requests are all older than `waitMs`; in order. What is
   * not asked for in time is forgotten.
   */
  settled(number: number, waitMs: number | ((block: Block) => number) = 0): Block[] {
    const now = this.#clock.monotonic();
    if (this.#open) this.#at(now);
    const blocks: Block[] = [];
    // Their numbers follow one another.
    const first = Math.max(0, number - (this.#closed[0]?.number ?? 0));
    for (let i = first; i < this.#closed.length; i++) {
      const block = this.#closed[i];
      if (!block) break;
      const wait = typeof waitMs === 'number' ? waitMs : waitMs(block);
      // One that waits longer holds back the later ones: they are counted in their order.
      if (block.closedAt + wait > now) break;
      blocks.push(block);
    }
    return blocks;
  }

  /** The number of the next block that will be opened. */
  get next(): number {
    return this.#number;
  }

  /** Whether any request began in a block from `number` on that is not closed or not settled yet. */
  anythingSince(number: number): boolean {
    const some = ({ begun }: Block): boolean => begun.service + begun.monolith > 0;
    return (this.#open !== null && this.#open.number >= number && some(this.#open)) || this.#closed.some((block) => block.number >= number && some(block));
  }

  /** Failed requests of both sides among those that ended in the block. */
  failures({ ended, failed }: Block): Pair {
    return {
      service: { n: ended.service, k: failed.service },
      monolith: { n: ended.monolith, k: failed.monolith },
    };
  }

  /** Requests begun in a settled block that took longer than the cut; undefined: where it was is not known. */
  slow(block: Block, cut: number): Count | undefined {
    const side = this.#cuts[cut]?.side;
    const cutoff = block.cutoffs[cut] ?? Number.NaN;
    if (side === undefined || Number.isNaN(cutoff)) return undefined;
    const n = block.begun[side] - (block.unknown[cut] ?? 0);
    return { n, k: n - (block.within[cut] ?? 0) };
  }

  /** Begins anew: what is under way is not counted. */
  reset(): void {
    this.#open = null;
    this.#closed.length = 0;
    this.#from = this.#number;
  }

  #note(counts: Uint32Array, side: Side, { cutoffs }: Block, ms: number): void {
    for (let i = 0; i < this.#cuts.length; i++) {
      if (this.#cuts[i]?.side === side && ms <= (cutoffs[i] ?? 0)) counts[i] = (counts[i] ?? 0) + 1;
    }
  }

  #at(now: number): Block {
    const open = this.#open;
    if (open && !this.#full(open, now)) return open;
    if (open) {
      open.closedAt = now;
      this.#closed.push(open);
      if (this.#closed.length > BLOCKS_KEPT) this.#closed.shift();
    }
    const cutoffs = Float64Array.from(this.#cuts, ({ at }) => Math.min(HIGHEST_CUTOFF_MS, at() ?? Number.NaN));
    this.#open = {
      number: this.#number++,
      openedAt: now,
      closedAt: Number.NaN,
      ended: { monolith: 0, service: 0 },
      failed: { monolith: 0, service: 0 },
      begun: { monolith: 0, service: 0 },
      cutoffs,
      within: new Uint32Array(cutoffs.length),
      unknown: new Uint32Array(cutoffs.length),
    };
    return this.#open;
  }

  #full({ openedAt, begun }: Block, now: number): boolean {
    const age = now - openedAt;
    if (age < LEAST_MS) return false;
    if (age >= MOST_MS) return true;
    if (now - this.#monolithSeenAt > BASELINE_GONE_MS) return begun.service > 0;
    return begun.service > 0 && begun.monolith > 0 && begun.service + begun.monolith >= ENOUGH;
  }
}
