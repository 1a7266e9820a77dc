import type { Side } from '../model/side.ts';
import { invariant } from '../core/errors.ts';
import { BUCKETS } from './decide.ts';
import { bucketsThatMove, type Assignment } from './decision/assignment.ts';
import { CompiledDecision } from './decision/compiled-decision.ts';
import type { Subject } from './decision/facts.ts';

/** Where users should be: everybody by one assignment, or each bucket by its own. */
export type Goal = Assignment | ((bucket: number) => Assignment);

const goalOf = (goal: Goal, bucket: number): Assignment => (typeof goal === 'function' ? goal(bucket) : goal);

/** The buckets some users of which may move to `to` when `goal` takes the place of `now`, lowest first. */
export function misplaced(now: (bucket: number) => Assignment, goal: Goal, to: Side): number[] {
  const masks = new Map<Assignment, Map<Assignment, Uint8Array>>();
  const maskOf = (before: Assignment, after: Assignment): Uint8Array => {
    let ofBefore = masks.get(before);
    if (!ofBefore) masks.set(before, (ofBefore = new Map<Assignment, Uint8Array>()));
    let mask = ofBefore.get(after);
    if (!mask) ofBefore.set(after, (mask = bucketsThatMove(before, after, to)));
    return mask;
  };
  const buckets: number[] = [];
  // Neighbours mostly go by the same.
  let last: { readonly before: Assignment; readonly after: Assignment; readonly mask: Uint8Array } | undefined;
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    const before = now(bucket);
    const after = goalOf(goal, bucket);
    if (before === after) continue;
    if (last?.before !== before || last.after !== after) last = { before, after, mask: maskOf(before, after) };
    if (last.mask[bucket] === 1) buckets.push(bucket);
  }
  return buckets;
}

/** One request's place in the flow of its bucket. */
export class Ticket {
  /** The side that serves this user now. */
  readonly home: Side;
  readonly bucket: number;
  readonly #flow: BucketFlow;
  readonly #unsafe: boolean;
  readonly #epoch: number;
  #left = false;

  constructor(flow: BucketFlow, options: { readonly home: Side; readonly bucket: number; readonly unsafe: boolean; readonly epoch?: number }) {
    this.#flow = flow;
    this.home = options.home;
    this.bucket = options.bucket;
    this.#unsafe = options.unsafe;
    this.#epoch = options.epoch ?? 0;
  }

  /** The response has begun: a safe request has read what it will read, and no move waits for it. */
  answered(): void {
    if (!this.#unsafe) this.leave();
  }

  /** The request is over, whatever became of it. Calling it again does nothing. */
  leave(): void {
    if (this.#left) return;
    this.#left = true;
    this.#flow.depart(this.bucket, this.#unsafe, this.#epoch);
  }
}

interface Waiting {
  readonly user: Subject;
  readonly unsafe: boolean;
  readonly admit: (ticket: Ticket) => void;
}

/** How many requests of each bucket are under way. */
class Counts {
  readonly writing = new Uint32Array(BUCKETS);
  readonly reading = new Uint32Array(BUCKETS);

  of(unsafe: boolean): Uint32Array {
    return unsafe ? this.writing : this.reading;
  }
}

/**
 * Which assignment each bucket of one service goes by, how many of its requests are under way, and
 * which buckets are held because users of theirs are being moved.
 *
 * Invariant: a bucket's assignment changes so that somebody moves only while it is held, with none of
 * the unsafe requests under way that came before the hold. During the hold only users are admitted
 * whom the change does not move. So no request decided for the old side can write there after the
 * fence was placed.
 */
export class BucketFlow {
  readonly #assignments: Assignment[];
  /** Requests that came before the present hold, or the last one. */
  readonly #before = new Counts();
  readonly #since = new Counts();
  #epoch = 0;
  #onService = 0;
  #hold: BucketHold | null = null;

  constructor(initial: Assignment = new CompiledDecision(0)) {
    this.#assignments = Array.from({ length: BUCKETS }, () => initial);
    for (let bucket = 0; bucket < BUCKETS; bucket++) if (initial.home(bucket) === 'service') this.#onService++;
  }

  /** The percentage of buckets whose home is the service. */
  get percent(): number {
    return this.#onService / 100;
  }

  /** Requests that wait for a move right now. */
  get heldRequests(): number {
    return this.#hold?.waiting ?? 0;
  }

  /** Where users of the bucket are of whom nothing else is said. */
  home(bucket: number): Side {
    return this.assignment(bucket).home(bucket);
  }

  assignment(bucket: number): Assignment {
    const assignment = this.#assignments[bucket];
    invariant(assignment !== undefined, 'a bucket without an assignment');
    return assignment;
  }

  /** Whether the service serves somebody of the bucket, or may in a moment. */
  concernsService(bucket: number): boolean {
    return this.assignment(bucket).mayServe(bucket) || (this.#hold?.has(bucket) ?? false);
  }

  /** A ticket at once, or, while the user is being moved, as soon as that is over. */
  admit(user: Subject, unsafe: boolean): Ticket | Promise<Ticket> {
    const hold = this.#hold;
    if (hold?.moves(user)) {
      return new Promise((admit) => {
        hold.wait({ user, unsafe, admit });
      });
    }
    return this.#enter(user, unsafe);
  }

  #enter(user: Subject, unsafe: boolean): Ticket {
    const { bucket } = user;
    const counts = this.#since.of(unsafe);
    counts[bucket] = (counts[bucket] ?? 0) + 1;
    return new Ticket(this, { home: this.assignment(bucket).side(user), bucket, unsafe, epoch: this.#epoch });
  }

  /** For {@link Ticket} only. */
  depart(bucket: number, unsafe: boolean, epoch: number): void {
    const counts = (epoch === this.#epoch ? this.#since : this.#before).of(unsafe);
    counts[bucket] = (counts[bucket] ?? 1) - 1;
    this.#hold?.departed(bucket);
  }

  /** Whether requests of the bucket are under way that came before the hold; without reads if `writesOnly`. */
  busy(bucket: number, writesOnly: boolean): boolean {
    return (this.#before.writing[bucket] ?? 0) > 0 || (!writesOnly && (this.#before.reading[bucket] ?? 0) > 0);
  }

  /** The buckets some users of which `goal` may move to `to`, lowest first. */
  misplaced(goal: Goal, to: Side): number[] {
    return misplaced((bucket) => this.assignment(bucket), goal, to);
  }

  /** Makes `goal` the assignment of every bucket. Only when it moves nobody, see {@link misplaced}. */
  adopt(goal: Goal): void {
    invariant(this.#hold === null, 'an assignment is taken over during a move');
    for (let bucket = 0; bucket < BUCKETS; bucket++) this.#assign(bucket, goalOf(goal, bucket));
  }

  /**
   * Holds the new requests of the users of `buckets` whom `next` moves, until each bucket is settled.
   * `onOverflow` is called once, when more than `maxRequests` wait: whoever holds has to settle then,
   * which bounds the memory.
   */
  hold(options: HoldOptions): BucketHold {
    invariant(this.#hold === null, 'two moves of one service at once');
    // From here on the requests under way are those that the move waits for.
    this.#epoch++;
    for (const unsafe of [true, false]) {
      const before = this.#before.of(unsafe);
      const since = this.#since.of(unsafe);
      for (let bucket = 0; bucket < BUCKETS; bucket++) before[bucket] = (before[bucket] ?? 0) + (since[bucket] ?? 0);
      since.fill(0);
    }
    this.#hold = new BucketHold(this, options);
    return this.#hold;
  }

  /** For {@link BucketHold} only: gives the bucket its assignment, if it is a new one, and lets `waiting` in, in their order. */
  settle(bucket: number, next: Assignment | null, waiting: readonly Waiting[]): void {
    if (next) this.#assign(bucket, next);
    for (const { user, unsafe, admit } of waiting) admit(this.#enter(user, unsafe));
  }

  #assign(bucket: number, next: Assignment): void {
    if (this.home(bucket) === 'service') this.#onService--;
    this.#assignments[bucket] = next;
    if (next.home(bucket) === 'service') this.#onService++;
  }

  /** For {@link BucketHold} only. */
  released(): void {
    this.#hold = null;
  }
}

export interface HoldOptions {
  readonly buckets: readonly number[];
  /** What a bucket goes by once it is settled. */
  readonly next: (bucket: number) => Assignment;
  readonly maxRequests: number;
  readonly onOverflow: () => void;
}

/**
 * Buckets of which users are being moved: the new requests of those users wait. All buckets may be, within the
 * milliseconds that a move takes, so nothing is made for one before somebody of it waits.
 */
export class BucketHold {
  readonly #flow: BucketFlow;
  readonly #maxRequests: number;
  readonly #onOverflow: () => void;
  /** By bucket, what a held one goes by once it is settled; absent: not held, or settled. */
  readonly #next: (Assignment | undefined)[] = Array.from<undefined>({ length: BUCKETS });
  #size = 0;
  readonly #requests = new Map<number, Waiting[]>();
  /** Held buckets that still have requests under way. */
  readonly #busy = new Set<number>();
  readonly #drained: number[] = [];
  #writesOnly = false;
  #waiting = 0;
  #wake: (() => void) | null = null;

  constructor(flow: BucketFlow, options: HoldOptions) {
    this.#flow = flow;
    this.#maxRequests = options.maxRequests;
    this.#onOverflow = options.onOverflow;
    for (const bucket of options.buckets) {
      this.#next[bucket] = options.next(bucket);
      this.#size++;
      if (flow.busy(bucket, false)) this.#busy.add(bucket);
      else this.#drained.push(bucket);
    }
  }

  get waiting(): number {
    return this.#waiting;
  }

  /** Held buckets that are not settled yet. */
  get size(): number {
    return this.#size;
  }

  /** Held buckets that still have requests under way, in ascending order. */
  get busy(): number[] {
    return [...this.#busy].sort((a, b) => a - b);
  }

  has(bucket: number): boolean {
    return this.#next[bucket] !== undefined;
  }

  /** Whether the user is one of those who are being moved. */
  moves(user: Subject): boolean {
    const next = this.#next[user.bucket];
    return next !== undefined && next.side(user) !== this.#flow.assignment(user.bucket).side(user);
  }

  wait(request: Waiting): void {
    const { bucket } = request.user;
    const waiting = this.#requests.get(bucket);
    if (waiting) waiting.push(request);
    else this.#requests.set(bucket, [request]);
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

  /** Ends the hold of `buckets`: their users are moved, and the waiting requests go where they belong now. */
  settle(buckets: readonly number[]): void {
    for (const bucket of buckets) this.#end(bucket, true);
    if (this.#size === 0) this.#flow.released();
  }

  /** Ends the hold of every bucket left, whose users stay where they were. */
  settleRest(): number {
    const left = this.#size;
    for (let bucket = 0; bucket < BUCKETS && this.#size > 0; bucket++) this.#end(bucket, false);
    this.#flow.released();
    return left;
  }

  #end(bucket: number, moved: boolean): void {
    const next = this.#next[bucket];
    if (next === undefined) return;
    this.#next[bucket] = undefined;
    this.#size--;
    this.#busy.delete(bucket);
    const waiting = this.#requests.get(bucket) ?? NOBODY_WAITS;
    this.#requests.delete(bucket);
    this.#waiting -= waiting.length;
    this.#flow.settle(bucket, moved ? next : null, waiting);
  }
}

const NOBODY_WAITS: readonly Waiting[] = [];
