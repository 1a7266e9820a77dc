import { withAbortOf } from '../core/abort-any.ts';
import type { Clock } from '../core/clock.ts';
import type { Standing } from '../model/conflict.ts';
import { ORIGIN_OF_TIME, later, type Position } from '../model/position.ts';
import type { Horizon } from '../ports/applier.ts';
import type { TableName } from '../model/names.ts';
import { PackedMap } from './packed-map.ts';
import { Tombstones, type Tombstone } from './tombstones.ts';

/** Made once: an abort without a reason makes an exception with a stack each time. */
const WOKEN = new Error('woken');

/** A conflict settled on the monolith's side; a write of the monolith's as far as the service is concerned. */
export interface DecidedRow extends Standing {
  /** Where it was committed; undefined until the monolith's stream has shown it. */
  readonly position: Position | undefined;
  /** How far of the service's commits the transaction that decided it went: names that transaction on both ways. */
  readonly batch: Position;
}

/**
 * What one side's stream has told of it: which local transactions committed where, which rows were
 * deleted, and how far of the *other* side's commits it had seen. This is the version vector of two
 * nodes, read from the logs; no clock takes part.
 *
 * Invariant: an entry is dropped only when every change still to come from the other side has seen it.
 */
export class Knowledge {
  readonly #clock: Clock;
  readonly #byXid: PackedMap<Position>;
  /** A row written within a savepoint carries a subtransaction's number; its commit time is the whole's. */
  readonly #byTime: PackedMap<Position>;
  readonly #tombstones: Tombstones;
  /** When a table was last emptied: of which rows, nobody was told. */
  readonly #emptied = new Map<TableName, Tombstone>();
  /** In order of decision; the last one stands. Earlier ones are kept until it is known to be committed. */
  readonly #decisions = new Map<string, readonly DecidedRow[]>();
  /** Rows with a change in quarantine, and how they were last deleted here: no position says when that may be forgotten. */
  #watched = new Map<string, Tombstone | undefined>();
  /** Deletes of watched rows that are not stored yet. */
  readonly #unstored = new Map<string, Tombstone>();
  readonly #waiters = new Set<{ readonly position: Position; readonly wake: () => void }>();
  #lastDelete: Position = ORIGIN_OF_TIME;
  #lastCommit: Position = ORIGIN_OF_TIME;
  #horizons: Horizon[] = [];
  /** When the first transaction was committed that the stream has told of since it began. */
  #firstAt: bigint | undefined;
  #decoded: Position = ORIGIN_OF_TIME;
  #seenOfOther: Position = ORIGIN_OF_TIME;

  /** @param options.recentSize commits and deletes that are not packed yet at most. Default 50,000 of each. */
  constructor(options: { readonly clock: Clock; readonly recentSize?: number }) {
    this.#clock = options.clock;
    this.#byXid = new PackedMap(options);
    this.#byTime = new PackedMap(options);
    this.#tombstones = new Tombstones(options);
  }

  /** Everything at or before this position has been read from this side's stream. */
  get decoded(): Position {
    return this.#decoded;
  }

  /** How far of the other side's commits this side had seen, at the point its stream has been read to. */
  get seenOfOther(): Position {
    return this.#seenOfOther;
  }

  /** Whether somebody waits for this stream to be read further; back-pressure must then give way. */
  get awaited(): boolean {
    return this.#waiters.size > 0;
  }

  sawOther(position: Position): void {
    this.#seenOfOther = later(this.#seenOfOther, position);
  }

  recordCommit(options: { readonly xid: number; readonly position: Position; readonly committedAt: bigint }): void {
    this.#firstAt ??= options.committedAt;
    this.#byXid.set(options.xid, options.position);
    const time = Number(options.committedAt);
    // Only parts of a unit may come in another order than their positions'.
    const last = options.position >= this.#lastCommit ? options.position : later(this.#byTime.get(time) ?? ORIGIN_OF_TIME, options.position);
    this.#lastCommit = later(this.#lastCommit, options.position);
    this.#byTime.set(time, last);
  }

  recordDelete(keyText: string, { position, committedAt }: Tombstone): void {
    this.#lastDelete = later(this.#lastDelete, position);
    this.#tombstones.record(keyText, { position, committedAt });
    if (this.#watched.has(keyText)) this.#noteWatched(keyText, { position, committedAt });
  }

  /** All rows of the table were deleted at once. */
  recordEmptied(table: TableName, { position, committedAt }: Tombstone): void {
    this.#lastDelete = later(this.#lastDelete, position);
    this.#emptied.set(table, { position, committedAt });
  }

  recordInsert(keyText: string): void {
    this.#tombstones.delete(keyText);
    if (this.#watched.get(keyText)) this.#watched.set(keyText, undefined);
  }

  /** From here on every delete of this row is remembered, until {@link watchOnly}; and the last one, if it is known. */
  watch(keyText: string): void {
    if (this.#watched.has(keyText)) return;
    this.#watched.set(keyText, undefined);
    this.#watchAgain(keyText);
  }

  /** Watches these rows and no others. Their deletes, as they were stored, may be known no more. */
  watchOnly(rows: ReadonlyMap<string, Tombstone | undefined>): void {
    const before = this.#watched;
    this.#watched = new Map();
    for (const [keyText, stored] of rows) {
      const known = before.has(keyText) ? before.get(keyText) : stored;
      this.#watched.set(keyText, known);
      if (!before.has(keyText)) this.#watchAgain(keyText);
    }
    for (const keyText of this.#unstored.keys()) if (!this.#watched.has(keyText)) this.#unstored.delete(keyText);
  }

  #watchAgain(keyText: string): void {
    const tombstone = this.#tombstones.get(keyText);
    if (tombstone && tombstone.position > (this.#watched.get(keyText)?.position ?? ORIGIN_OF_TIME)) this.#noteWatched(keyText, tombstone);
  }

  #noteWatched(keyText: string, tombstone: Tombstone): void {
    this.#watched.set(keyText, tombstone);
    this.#unstored.set(keyText, tombstone);
  }

  /** Deletes of watched rows that must be stored before the source is known to have seen them. */
  unstoredDeletes(): ReadonlyMap<string, Tombstone> {
    return new Map(this.#unstored);
  }

  storedDeletes(stored: ReadonlyMap<string, Tombstone>): void {
    for (const [keyText, tombstone] of stored) if (this.#unstored.get(keyText) === tombstone) this.#unstored.delete(keyText);
  }

  recordDecision(keyText: string, decided: DecidedRow): void {
    const others = this.#decisions.get(keyText)?.filter((known) => known.batch !== decided.batch) ?? [];
    this.#decisions.set(keyText, [...others, decided]);
  }

  /** The monolith's stream shows where a decision was committed: what had been decided before is past. */
  placeDecision(keyText: string, decided: DecidedRow): void {
    const later = this.#decisions.get(keyText)?.filter((known) => known.batch > decided.batch) ?? [];
    this.#decisions.set(keyText, [decided, ...later]);
  }

  /** The last decisions about rows of one whole transaction: between two parts of it an earlier one must not stand for a last one that is known. */
  placeDecisions(decided: ReadonlyMap<string, DecidedRow>): void {
    for (const [keyText, last] of decided) this.placeDecision(keyText, last);
  }

  /** Takes back what a transaction had decided that did not commit. */
  forgetDecision(keyText: string, batch: Position): void {
    const others = this.#decisions.get(keyText)?.filter((known) => known.batch !== batch) ?? [];
    if (others.length > 0) this.#decisions.set(keyText, others);
    else this.#decisions.delete(keyText);
  }

  decodedThrough(position: Position): void {
    this.#decoded = later(this.#decoded, position);
    for (const waiter of this.#waiters) {
      if (this.#decoded >= waiter.position) waiter.wake();
    }
  }

  /** Resolves when the stream has been read to `position`. */
  async awaitDecoded(position: Position, signal: AbortSignal): Promise<void> {
    while (this.#decoded < position) {
      signal.throwIfAborted();
      const waiting = new AbortController();
      const waiter = { position, wake: () => waiting.abort(WOKEN) };
      this.#waiters.add(waiter);
      try {
        await withAbortOf([waiting.signal, signal], (either) => this.#clock.sleep(1000, either));
      } catch (error) {
        if (!waiting.signal.aborted) throw error;
      } finally {
        this.#waiters.delete(waiter);
      }
    }
  }

  /** Whether the stream has been read to `decoded`, and has shown that the other side was seen to `seen`. */
  hasRead(point: { readonly decoded: Position; readonly seen: Position }): boolean {
    return this.#decoded >= point.decoded && this.#seenOfOther >= point.seen;
  }

  /** Where the transaction that wrote a row was committed, if the stream has shown it. */
  commitOf(writer: { readonly xid: number; readonly committedAt?: bigint }): Position | undefined {
    const position = this.#byXid.get(writer.xid);
    if (position !== undefined || writer.committedAt === undefined) return position;
    return this.#byTime.get(Number(writer.committedAt));
  }

  tombstone(keyText: string): Tombstone | undefined {
    return this.#tombstones.get(keyText) ?? this.#watched.get(keyText);
  }

  /** Where a row that once stood here was last deleted, by itself or with its whole table. */
  lastDelete(keyText: string, table: TableName): Tombstone | undefined {
    const tombstone = this.tombstone(keyText);
    const emptied = this.#emptied.get(table);
    return !emptied || (tombstone && tombstone.position > emptied.position) ? tombstone : emptied;
  }

  /** Whether any delete is remembered that a change with this `seen` had not seen. */
  deletedSince(seen: Position): boolean {
    return this.#lastDelete > seen;
  }

  decision(keyText: string): DecidedRow | undefined {
    return this.#decisions.get(keyText)?.at(-1);
  }

  /** The rows with a decision that a change with this `seen` had not seen. */
  decidedSince(seen: Position): string[] {
    return [...this.#decisions].flatMap(([keyText, decided]) => {
      const position = decided.at(-1)?.position;
      return position === undefined || position > seen ? [keyText] : [];
    });
  }

  /**
   * Whether no transaction that the stream has told of since it began came before one that was committed then:
   * everything before that, whoever's changes are still to come has seen.
   */
  predates(committedAt: bigint | undefined): boolean {
    return committedAt === undefined || this.#firstAt === undefined || committedAt < this.#firstAt;
  }

  addHorizon(horizon: Horizon): void {
    this.#horizons.push(horizon);
    if (this.#horizons.length > 64) this.#horizons = this.#horizons.filter((_, i) => i % 2 === 1 || i > 48);
  }

  /** The latest horizon of this side that a change with this `seen` had wholly seen. */
  horizonFor(seen: Position): Horizon | undefined {
    return this.#horizons.findLast((horizon) => horizon.position <= seen);
  }

  /**
   * Drops what every change to come has seen: all changes of the other side from here on have seen
   * this side up to `seen` at least.
   */
  forget(seen: Position): void {
    const horizon = this.horizonFor(seen);
    if (horizon) {
      this.#horizons = this.#horizons.filter((h) => h.position >= horizon.position);
      // The horizon answers for these transactions from here on.
      this.#byXid.dropThrough(horizon.position);
      this.#byTime.dropThrough(horizon.position);
    }
    this.#tombstones.forget(seen);
    for (const [table, { position }] of this.#emptied) if (position <= seen) this.#emptied.delete(table);
    for (const [key, decided] of this.#decisions) {
      const last = decided.at(-1);
      if (last?.position !== undefined && last.position <= seen) this.#decisions.delete(key);
    }
  }
}
