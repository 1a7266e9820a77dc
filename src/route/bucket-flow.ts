import type { Side } from '../model/side.ts';
import { invariant } from '../core/errors.ts';
import { BUCKETS, homeOf } from './decide.ts';

/** One request's place in the flow of its bucket. */
export class Ticket {
  /** The side that serves this user now. */
  readonly home: Side;
  readonly bucket: number;
  readonly #flow: BucketFlow;
  readonly #unsafe: boolean;
  #left = false;

  constructor(flow: BucketFlow, options: { readonly home: Side; readonly bucket: number; readonly unsafe: boolean }) {
    this.#flow = flow;
    this.home = options.home;
    this.bucket = options.bucket;
    this.#unsafe = options.unsafe;
  }

  /** The response has begun: a safe request has read what it will read, and no move waits for it. */
  answered(): void {
    if (!this.#unsafe) this.leave();
  }

  /** The request is over, whatever became of it. Calling it again does nothing. */
  leave(): void {
    if (this.#left) return;
    this.#left = true;
    this.#flow.depart(this.bucket, this.#unsafe);
  }
}

interface Waiting {
  readonly unsafe: boolean;
  readonly admit: (ticket: Ticket) => void;
}

/**
 * Which side serves each bucket of one service, how many of its requests are under way, and which
 * buckets are held because they are being moved.
 *
 * Invariant: a bucket's home changes only while it is held, with none of its unsafe requests under
 * way. So no request decided for the old side can write there after the fence was placed.
 */
export class BucketFlow {
  readonly #homes = new Uint8Array(BUCKETS);
  readonly #writing = new Uint32Array(BUCKETS);
  readonly #reading = new Uint32Array(BUCKETS);
  #onService = 0;
  #hold: BucketHold | null = null;

  constructor(percent = 0) {
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      if (homeOf(bucket, percent) === 'service') this.#homes[bucket] = 1;
    }
    this.#onService = this.#homes.reduce((sum, home) => sum + home, 0);
  }

  /** The percentage of buckets whose home is the service. */
  get percent(): number {
    return this.#onService / 100;
  }

  /** Requests that wait for a move right now. */
  get heldRequests(): number {
    return this.#hold?.waiting ?? 0;
  }

  home(bucket: number): Side {
    return this.#homes[bucket] === 1 ? 'service' : 'monolith';
  }

  /** Whether the service serves the bucket, or may in a moment. */
  concernsService(bucket: number): boolean {
    return this.#homes[bucket] === 1 || (this.#hold?.has(bucket) ?? false);
  }

  /** A ticket at once, or, while the bucket is held, as soon as the hold is over. */
  admit(bucket: number, unsafe: boolean): Ticket | Promise<Ticket> {
    const hold = this.#hold;
    if (hold?.has(bucket)) {
      return new Promise((admit) => {
        hold.wait(bucket, { unsafe, admit });
      });
    }
    return this.#enter(bucket, unsafe);
  }

  #enter(bucket: number, unsafe: boolean): Ticket {
    const counts = unsafe ? this.#writing : this.#reading;
    counts[bucket] = (counts[bucket] ?? 0) + 1;
    return new Ticket(this, { home: this.home(bucket), bucket, unsafe });
  }

  /** For {@link Ticket} only. */
  depart(bucket: number, unsafe: boolean): void {
    const counts = unsafe ? this.#writing : this.#reading;
    counts[bucket] = (counts[bucket] ?? 1) - 1;
    this.#hold?.departed(bucket);
  }

  /** Whether requests of the bucket are under way; without reads if `writesOnly`. */
  busy(bucket: number, writesOnly: boolean): boolean {
    return (this.#writing[bucket] ?? 0) > 0 || (!writesOnly && (this.#reading[bucket] ?? 0) > 0);
  }

  /** The buckets whose home is not what `percent` wants, lowest first. */
  misplaced(percent: number): number[] {
    const buckets: number[] = [];
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      if (this.home(bucket) !== homeOf(bucket, percent)) buckets.push(bucket);
    }
    return buckets;
  }

  /**
   * Holds the new requests of `buckets` until each is settled. `onOverflow` is called once, when more
   * than `maxRequests` wait: whoever holds has to settle then, which bounds the memory.
   */
  hold(options: {
    readonly buckets: readonly number[];
    readonly maxRequests: number;
    readonly onOverflow: () => void;
  }): BucketHold {
    invariant(this.#hold === null, 'two moves of one service at once');
    this.#hold = new BucketHold(this, options);
    return this.#hold;
  }

  /** For {@link BucketHold} only: gives the bucket its home and lets `waiting` in, in their order. */
  settle(bucket: number, home: Side, waiting: readonly Waiting[]): void {
    const before = this.#homes[bucket] ?? 0;
    const after = home === 'service' ? 1 : 0;
    this.#homes[bucket] = after;
    this.#onService += after - before;
    for (const { unsafe, admit } of waiting) admit(this.#enter(bucket, unsafe));
  }

  /** For {@link BucketHold} only. */
  released(): void {
    this.#hold = null;
  }
}

/** Buckets that are being moved: their new requests wait. */
export class BucketHold {
  readonly #flow: BucketFlow;
  readonly #maxRequests: number;
  readonly #onOverflow: () => void;
  /** Held buckets with the requests that wait for them. */
  readonly #held = new Map<number, Waiting[]>();
  /** Held buckets that still have requests under way. */
  readonly #busy = new Set<number>();
  readonly #drained: number[] = [];
  #writesOnly = false;
  #waiting = 0;
  #wake: (() => void) | null = null;

  constructor(
    flow: BucketFlow,
    options: { readonly buckets: readonly number[]; readonly maxRequests: number; readonly onOverflow: () => void },
  ) {
    this.#flow = flow;
    this.#maxRequests = options.maxRequests;
    this.#onOverflow = options.onOverflow;
    for (const bucket of options.buckets) {
      this.#held.set(bucket, []);
      if (flow.busy(bucket, false)) this.#busy.add(bucket);
      else this.#drained.push(bucket);
    }
  }

  get waiting(): number {
    return this.#waiting;
  }

  /** Held buckets that are not settled yet. */
  get size(): number {
    return this.#held.size;
  }

  has(bucket: number): boolean {
    return this.#held.has(bucket);
  }

  wait(bucket: number, request: Waiting): void {
    this.#held.get(bucket)?.push(request);
    this.#waiting++;
    if (this.#waiting === this.#maxRequests + 1) this.#onOverflow();
  }

  departed(bucket: number): void {
    if (this.#busy.has(bucket) && !this.#flow.busy(bucket, this.#writesOnly)) {
      this.#busy.delete(bucket);
      this.#drained.push(bucket);
      this.#wake?.();
    }
  }

  /** From now on reads under way keep no bucket from moving. */
  ignoreReads(): void {
    this.#writesOnly = true;
    for (const bucket of this.#busy) this.departed(bucket);
  }

  /** Takes the buckets with nothing under way that were not taken before. */
  takeDrained(): number[] {
    return this.#drained.splice(0);
  }

  /** Resolves as soon as {@link takeDrained} has something to give. */
  async drained(): Promise<void> {
    if (this.#drained.length > 0) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }

  /** Ends the hold of `buckets`, with `home` as their home; the waiting requests go there. */
  settle(buckets: readonly number[], home: Side): void {
    for (const bucket of buckets) {
      const waiting = this.#held.get(bucket);
      if (!waiting) continue;
      this.#held.delete(bucket);
      this.#busy.delete(bucket);
      this.#waiting -= waiting.length;
      this.#flow.settle(bucket, home, waiting);
    }
    if (this.#held.size === 0) this.#flow.released();
  }

  /** Ends the hold of every bucket left. */
  settleRest(home: Side): number {
    const rest = [...this.#held.keys()];
    this.settle(rest, home);
    if (rest.length === 0) this.#flow.released();
    return rest.length;
  }
}
