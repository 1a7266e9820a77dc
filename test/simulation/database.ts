import { UNCHANGED, type Cell, type Change, type Relation, type Transaction, type Value } from '../../src/model/change.ts';
import { tableName } from '../../src/model/names.ts';
import type { Position } from '../../src/model/position.ts';
import type { Side } from '../../src/model/side.ts';
import type { Deleted, Horizon, QuarantinedWrite, QuarantineOutcome } from '../../src/ports/applier.ts';
import type { Random } from './random.ts';
import type { Process, Scheduler } from './scheduler.ts';

/** What the checker knows of one version of a row, and no engine ever sees. */
export interface Version {
  readonly id: string;
  readonly side: Side;
  readonly key: string;
  /** The versions that stood there when this one was written. */
  readonly parents: Version[];
  readonly deleted: boolean;
  /** No writer's, but the absence that a decision left. */
  readonly decision?: boolean;
  /** Deleted with its whole table. */
  readonly emptied?: boolean;
  /** How much it added to the row's counter. */
  readonly added?: bigint;
  /** Where it was committed, once it was. */
  position?: Position;
  /** And when, by its server's clock. */
  committedAt?: bigint;
}

export const ITEMS = tableName('public', 'items');
/** The key, a value that is unique beside it, the writer's mark, and a large value that updates may leave alone. */
export const COLUMNS = ['id', 'code', 'mark', 'body'] as const;
const KEY = 0;
const CODE = 1;
const MARK = 2;

export const ITEMS_RELATION: Relation = relation(ITEMS, COLUMNS, ['id']);

/** What the service may call the same table and columns. */
export const RENAMED = { table: tableName('public', 'things'), columns: ['ref', 'serial', 'stamp', 'mark'] } as const;
const MARK_RELATION: Relation = relation(tableName('banyan', 'mark'), ['service', 'placed'], ['service']);
const STREAM_RELATION: Relation = relation(tableName('banyan', 'stream'), ['name'], ['name']);
const REQUEST_RELATION: Relation = relation(tableName('banyan', 'request'), ['service', 'table_name', 'key', 'even_if_gone'], []);
const CONFLICT_RELATION: Relation = relation(
  tableName('banyan', 'conflict'),
  ['service', 'table_name', 'key', 'type', 'monolith', 'service_row', 'winner', 'strategy', 'decided', 'decision', 'standing', 'standing_at'],
  [],
);

export function relation(table: Relation['table'], columns: readonly string[], identity: readonly string[]): Relation {
  return {
    table, replicaIdentity: 'default',
    columns: columns.map((name) => ({ name, identity: identity.includes(name), typeId: 25 })),
  };
}

export interface Tuple {
  readonly row: readonly Value[];
  readonly xid: number;
  readonly truth: Version;
  /** Updates keep it, a delete ends it: a statement that waited for a row follows it no further. */
  readonly chain: object;
}

/** How a transaction ended, by the numbers its rows carry. */
interface Ended {
  readonly at: bigint;
  readonly origin: string | undefined;
}

export interface ConflictRecord {
  readonly key: string;
  readonly type: string;
  readonly monolith: Version | undefined;
  readonly service: Version | undefined;
  /** Other deletes of the same apply transaction that the record may mean: a delete carries no mark. */
  readonly orThese?: readonly Version[];
  readonly winner: string;
  readonly strategy: string;
  /** The version that the decision left, or sent. */
  readonly left?: Version | undefined;
}

export interface QuarantineRecord {
  readonly id: string;
  readonly stream: string;
  /** What was put aside; of a row that got another key, the end of the old one as well. */
  readonly versions: readonly Version[];
  readonly entry: QuarantinedWrite;
  code: string;
  state: 'held' | 'applied' | 'discarded';
  asked?: 'retry' | 'discard';
  /** Closed because its table was emptied. */
  overtaken?: boolean;
  readonly deleted: Map<string, Deleted>;
}

/** What became of a change in quarantine, once the transaction that says so commits. */
interface QuarantineAnswer {
  readonly id: string;
  readonly outcome: QuarantineOutcome;
  readonly overtaken?: boolean;
}

export interface StreamState {
  token: number;
  position: Position;
  seen: Position;
  /** When it began, if it runs one way. */
  beginning?: number;
}

export interface LogEntry extends Transaction {
  readonly changes: readonly Change[];
  /** Row versions in the order of the transaction; of replays too. */
  readonly truths: readonly Version[];
}

/** Thrown as the server would: with an SQLSTATE. */
export class ServerError extends Error {
  readonly code: string;
  constructor(code: string) {
    super(`server error ${code}`);
    this.code = code;
  }
}

/** One in-memory PostgreSQL: READ COMMITTED, row locks, a log in commit order, a commit that is logged before it is seen. */
export class Database {
  readonly side: Side;
  readonly log: LogEntry[] = [];
  readonly rows = new Map<string, Tuple>();
  /** The truth of rows that are gone. */
  readonly gone = new Map<string, Version>();
  readonly conflicts: ConflictRecord[] = [];
  readonly quarantine: QuarantineRecord[] = [];
  readonly streams = new Map<string, StreamState>();
  readonly locks = new Map<string, Session>();
  /** Who shares the lock of a name that is no row. */
  readonly shared = new Map<string, Set<Session>>();
  readonly active = new Set<Session>();
  readonly ended = new Map<number, Ended>();
  readonly scheduler: Scheduler;
  readonly random: Random;
  /** A constraint that only this side has: rows it refuses to take from the other. */
  refuses: (row: readonly Value[]) => boolean = () => false;
  /** Whether tables are emptied here: then everybody who writes a row holds the table as well. */
  truncates = false;
  /** Whether one code may stand in one row only. */
  uniqueCodes = true;
  /** Milliseconds this server's clock is off. */
  skewMs = 0;
  /** Whether the log carries whole old rows (REPLICA IDENTITY FULL). */
  readonly fullIdentity: boolean;
  #nextXid: number;
  #insertAt = 1_000n;
  #growth: (() => void)[] = [];

  constructor(options: { side: Side; scheduler: Scheduler; random: Random; fullIdentity: boolean; firstXid: number }) {
    this.side = options.side;
    this.scheduler = options.scheduler;
    this.random = options.random;
    this.fullIdentity = options.fullIdentity;
    this.#nextXid = options.firstXid;
  }

  /** Where the next record of the log will go. */
  get insertPosition(): Position {
    return this.#insertAt as Position;
  }

  /** The stream's open changes in quarantine, in order. */
  held(stream: string): QuarantineRecord[] {
    return this.quarantine.filter((record) => record.stream === stream && record.state === 'held');
  }

  answer({ id, outcome, overtaken = false }: QuarantineAnswer): void {
    const record = this.quarantine.find((each) => each.id === id);
    if (!record) throw new Error(`${id} was answered and is not in quarantine`);
    delete record.asked;
    record.state = outcome.state;
    record.overtaken = overtaken;
    if (outcome.state === 'held' && outcome.code !== undefined) record.code = outcome.code;
  }

  storeDeletes(deletes: ReadonlyMap<string, Deleted>): void {
    for (const [keyText, deleted] of deletes) {
      for (const { entry, state, ...record } of this.quarantine) {
        if (state === 'held' && [entry.write.keyText, entry.write.newKeyText].includes(keyText)) record.deleted.set(keyText, deleted);
      }
    }
  }

  nextXid(): number {
    const xid = this.#nextXid;
    // Numbers below 3 are the server's own, and are skipped when it comes round.
    this.#nextXid = (xid + 1) % 4_294_967_296 || 3;
    return xid;
  }

  writeLog(): Position {
    this.#insertAt += BigInt(8 + this.random.below(60));
    return this.#insertAt as Position;
  }

  now(): bigint {
    return BigInt(Math.floor((this.scheduler.now + this.skewMs) * 1000)) + 1_700_000_000_000_000n;
  }

  append(entry: LogEntry): void {
    this.log.push(entry);
    const wake = this.#growth;
    this.#growth = [];
    for (const each of wake) each();
  }

  /** Calls back once when the log has grown. */
  onGrowth(wake: () => void): void {
    this.#growth.push(wake);
  }

  async horizon(process: Process): Promise<Horizon> {
    const running = [...this.active].filter((session) => session.xid !== undefined).map((session) => session.xid!);
    let xid = this.#nextXid;
    for (const each of running) if (((each - xid) | 0) < 0) xid = each;
    await this.scheduler.step(process);
    return { xid, position: this.insertPosition };
  }

  /** In a transaction of its own, as a pool does it. */
  async placeMark(process: Process): Promise<Position> {
    const session = new Session(this, process);
    session.change({ kind: 'update', relation: MARK_RELATION, row: ['shop', '1'] });
    const position = this.insertPosition;
    await session.commit();
    return position;
  }
}

interface Saved {
  readonly pending: Map<string, Tuple | null>;
  readonly locks: Set<string>;
  readonly changes: number;
  readonly truths: number;
  readonly conflicts: number;
  readonly quarantine: number;
  readonly answers: number;
  readonly subXid: number | undefined;
}

/** One transaction of one connection. */
export class Session {
  readonly database: Database;
  readonly process: Process;
  xid: number | undefined;
  pending = new Map<string, Tuple | null>();
  readonly newConflicts: ConflictRecord[] = [];
  readonly newQuarantine: QuarantineRecord[] = [];
  readonly answers: QuarantineAnswer[] = [];
  /** How rows of changes in quarantine were deleted. */
  readonly deletes: ReadonlyMap<string, Deleted>[] = [];
  /** Whether this side's own constraint holds for what is written here. */
  replays = false;
  over = false;
  failed = false;
  #locks = new Set<string>();
  #changes: Change[] = [];
  #truths: Version[] = [];
  #subXid: number | undefined;
  /** Of all its savepoints; rows of those that were undone are gone. */
  readonly #subXids = new Set<number>();
  #saved: Saved | undefined;
  /** Gives up rather than wait long for a lock. */
  hurried = false;
  #waiters: (() => void)[] = [];
  #waitsFor: Session | undefined;

  constructor(database: Database, process: Process) {
    this.database = database;
    this.process = process;
    database.active.add(this);
  }

  get #writeXid(): number {
    this.xid ??= this.database.nextXid();
    return this.#subXid ?? this.xid;
  }

  /** What this transaction sees of a row now. */
  read(key: string): Tuple | undefined {
    const own = this.pending.get(key);
    return own === null ? undefined : (own ?? this.database.rows.get(key));
  }

  ownXid(xid: number): boolean {
    return xid === this.xid || this.#subXids.has(xid);
  }

  /** The version that stood at a locked key before `version` was written here. */
  before(version: Version): Version | undefined {
    const own = this.#truths.findLast((truth) => truth.key === version.key && truth !== version);
    return own ?? this.database.rows.get(version.key)?.truth ?? this.database.gone.get(version.key);
  }

  /** Locks a row that can be seen, waiting for whoever holds it; undefined if there is none, or none any more. */
  async lock(key: string): Promise<Tuple | undefined> {
    if (this.database.truncates) await this.lockName(ITEMS, { share: true });
    const seen = this.read(key);
    if (!seen) return undefined;
    await this.#acquire(key);
    const now = this.read(key);
    return now?.chain === seen.chain ? now : undefined;
  }

  async update(key: string, row: readonly Cell[], truth: Version): Promise<boolean> {
    const tuple = await this.lock(key);
    if (!tuple) return false;
    const next = tuple.row.map((value, i) => (row[i] === UNCHANGED ? value : (row[i] as Value)));
    const newKey = next[KEY]!;
    if (newKey !== key) {
      if ((await this.#free(newKey)) !== undefined) throw this.fail('23505');
    }
    await this.#checkUnique(next, key);
    const xid = this.#writeXid;
    if (newKey !== key) this.pending.set(key, null);
    this.pending.set(newKey, { row: next, xid, truth, chain: newKey === key ? tuple.chain : {} });
    const old = this.database.fullIdentity || newKey !== key;
    this.change({
      kind: 'update', relation: ITEMS_RELATION,
      row: next.map((value, i) => (i > MARK && row[i] === UNCHANGED && !this.database.fullIdentity ? UNCHANGED : value)),
      ...(old
        ? {
            old: this.database.fullIdentity ? tuple.row : tuple.row.map((value, i) => (i === KEY ? value : null)),
            oldIsKey: !this.database.fullIdentity,
          }
        : {}),
    });
    this.#truths.push(truth);
    return true;
  }

  /** Inserts; a row that is there makes it fail, or is handed back locked if `onConflict`. */
  async insert(row: readonly Value[], truth: Version, onConflict = false): Promise<Tuple | undefined> {
    const key = row[KEY]!;
    const there = await this.#free(key);
    if (there) {
      if (!onConflict) throw this.fail('23505');
      return there;
    }
    await this.#checkUnique(row, key);
    this.pending.set(key, { row, xid: this.#writeXid, truth, chain: {} });
    this.change({ kind: 'insert', relation: ITEMS_RELATION, row });
    this.#truths.push(truth);
    return undefined;
  }

  async remove(key: string, truth: Version): Promise<boolean> {
    const tuple = await this.lock(key);
    if (!tuple) return false;
    void this.#writeXid;
    this.pending.set(key, null);
    const full = this.database.fullIdentity;
    this.change({
      kind: 'delete', relation: ITEMS_RELATION,
      old: full ? tuple.row : tuple.row.map((value, i) => (i === KEY ? value : null)), oldIsKey: !full,
    });
    this.#truths.push(truth);
    return true;
  }

  /** Empties the table, or leaves of it what `stays`; gives the keys of what was left. */
  async truncate(truthOf: (key: string) => Version, stays: (tuple: Tuple) => boolean = () => false): Promise<string[]> {
    await this.lockName(ITEMS);
    const [left, gone]: [string[], string[]] = [[], []];
    for (const key of this.#keys()) {
      const tuple = this.read(key);
      if (tuple) (stays(tuple) ? left : gone).push(key);
    }
    void this.#writeXid;
    for (const key of gone) {
      const truth = truthOf(key);
      this.pending.set(key, null);
      this.#truths.push(truth);
    }
    this.change({ kind: 'truncate', relations: [ITEMS_RELATION], cascade: false, restartIdentity: false });
    return left;
  }

  change(change: Change): void {
    void this.#writeXid;
    this.#changes.push(change);
    this.database.writeLog();
  }

  /** Notes a truth that has no change of its own, such as the old place of a row that got another key. */
  noteTruth(version: Version): void {
    this.#truths.push(version);
  }

  /** Replaces what was not known when it was written. */
  resolveTruths(resolve: (version: Version) => Version): void {
    this.#truths = this.#truths.map(resolve);
  }

  conflict(record: ConflictRecord, row: Readonly<Record<string, Value>>): void {
    this.newConflicts.push(record);
    this.change({ kind: 'insert', relation: CONFLICT_RELATION, row: CONFLICT_RELATION.columns.map((column) => row[column.name] ?? null) });
  }

  /** Rows, but that of `key`, that hold the same unique value as far as this transaction sees. */
  sameCode(key: string, row: readonly Cell[]): string[] {
    const code = row[CODE];
    if (typeof code !== 'string' || !this.database.uniqueCodes) return [];
    return this.#keys().filter((other) => other !== key && this.read(other)?.row[CODE] === code);
  }

  /** Takes the lock of a name that is no row, such as a stream's. */
  async lockName(name: string, options: { readonly share: boolean } = { share: false }): Promise<void> {
    const sharing = this.database.shared.get(name) ?? new Set<Session>();
    this.database.shared.set(name, sharing);
    if (options.share) {
      for (let holder = this.database.locks.get(name); holder && holder !== this; holder = this.database.locks.get(name)) await this.#waitFor(holder);
      sharing.add(this);
      return;
    }
    await this.#acquire(name);
    for (;;) {
      const other = [...sharing].find((session) => session !== this);
      if (!other) return;
      await this.#waitFor(other);
    }
  }

  savepoint(): void {
    this.#saved = {
      pending: new Map(this.pending), locks: new Set(this.#locks), changes: this.#changes.length,
      truths: this.#truths.length, conflicts: this.newConflicts.length, quarantine: this.newQuarantine.length, answers: this.answers.length, subXid: this.#subXid,
    };
    void this.#writeXid;
    this.#subXid = this.database.nextXid();
    this.#subXids.add(this.#subXid);
  }

  rollbackToSavepoint(): void {
    const saved = this.#saved!;
    this.pending = new Map(saved.pending);
    this.#changes = this.#changes.slice(0, saved.changes);
    this.#truths = this.#truths.slice(0, saved.truths);
    this.newConflicts.length = saved.conflicts;
    this.newQuarantine.length = saved.quarantine;
    this.answers.length = saved.answers;
    for (const name of this.#locks) {
      if (saved.locks.has(name)) continue;
      this.database.locks.delete(name);
      this.#locks.delete(name);
    }
    this.failed = false;
    this.#subXid = this.database.nextXid();
    this.#subXids.add(this.#subXid);
    this.#wake();
  }

  fail(code: string): ServerError {
    this.failed = true;
    return new ServerError(code);
  }

  /**
   * Commits as the server does: first the time, then the log, and only some steps later do others
   * see it. A server that has begun to commit goes on even if its client is gone, so `process` must
   * not be the client's if that may be.
   */
  async commit(options: {
    readonly origin?: { readonly name: string; readonly position: Position };
    readonly at?: bigint;
    /** Called when the transaction is in the log, and nobody sees its rows yet. */
    readonly logged?: (position: Position) => void;
    readonly also?: () => void;
    readonly process?: Process;
  } = {}): Promise<void> {
    const { database } = this;
    const process = options.process ?? this.process;
    if (this.#changes.length === 0) {
      this.#end();
      return;
    }
    const xid = this.xid!;
    const at = options.at ?? database.now();
    await database.scheduler.step(process);
    const position = database.writeLog();
    for (const each of this.#numbers()) database.ended.set(each, { at, origin: options.origin?.name });
    if (!options.origin) for (const truth of this.#truths) Object.assign(truth, { position, committedAt: at });
    options.logged?.(position);
    database.append({
      position, xid, committedAt: at, changes: this.#changes, truths: this.#truths,
      ...(options.origin ? { origin: options.origin } : {}),
    });
    await database.scheduler.step(process);
    for (const [key, tuple] of this.pending) {
      if (tuple) database.rows.set(key, tuple);
      else database.rows.delete(key);
    }
    for (const truth of this.#truths) {
      if (truth.deleted) database.gone.set(truth.key, truth);
      else database.gone.delete(truth.key);
    }
    database.conflicts.push(...this.newConflicts);
    database.quarantine.push(...this.newQuarantine);
    for (const deletes of this.deletes) database.storeDeletes(deletes);
    for (const answer of this.answers) database.answer(answer);
    options.also?.();
    this.#end();
  }

  rollback(): void {
    this.#end();
  }

  static request(row: readonly Value[]): Change {
    return { kind: 'insert', relation: REQUEST_RELATION, row };
  }

  static stream(name: string): Change {
    return { kind: 'update', relation: STREAM_RELATION, row: [name] };
  }

  #numbers(): Set<number> {
    const numbers = new Set([this.xid!]);
    for (const tuple of this.pending.values()) if (tuple) numbers.add(tuple.xid);
    return numbers;
  }

  #end(): void {
    this.over = true;
    for (const name of this.#locks) this.database.locks.delete(name);
    this.#locks.clear();
    for (const sharing of this.database.shared.values()) sharing.delete(this);
    this.database.active.delete(this);
    this.#wake();
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }

  #keys(): string[] {
    return [...new Set([...this.database.rows.keys(), ...this.pending.keys()])];
  }

  async #acquire(name: string): Promise<void> {
    for (;;) {
      const holder = this.database.locks.get(name);
      if (holder === this) return;
      if (!holder) break;
      await this.#waitFor(holder);
    }
    this.database.locks.set(name, this);
    this.#locks.add(name);
  }

  async #waitFor(holder: Session): Promise<void> {
    for (let other: Session | undefined = holder; other; other = other.#waitsFor) {
      if (other === this) throw this.fail('40P01');
    }
    // How long it would have waited is the scheduler's to say.
    if (this.hurried && this.database.random.chance(0.3)) throw this.fail('55P03');
    this.#waitsFor = holder;
    await new Promise<void>((resolve) => {
      holder.#waiters.push(resolve);
    });
    this.#waitsFor = undefined;
    await this.database.scheduler.step(this.process);
    if (this.over) await new Promise<never>(() => {});
  }

  /** Makes sure that a key can be inserted, waiting for whoever is about to; the row that is there instead, locked. */
  async #free(key: string): Promise<Tuple | undefined> {
    if (this.database.truncates) await this.lockName(ITEMS, { share: true });
    await this.#acquire(key);
    return this.read(key);
  }

  async #checkUnique(row: readonly Value[], ownKey: string): Promise<void> {
    if (this.replays && this.database.refuses(row)) throw this.fail('23514');
    const code = row[CODE];
    if (code === null || code === undefined || !this.database.uniqueCodes) return;
    for (;;) {
      if (this.#keys().some((key) => key !== ownKey && this.pending.has(key) && this.pending.get(key)?.row[CODE] === code)) throw this.fail('23505');
      const rival = this.#rivalFor(code, ownKey);
      if (rival === undefined) return;
      if (rival === 'taken') throw this.fail('23505');
      await this.#waitFor(rival);
    }
  }

  /** Whoever may still give the value free or take it; 'taken' if it is. */
  #rivalFor(code: string, ownKey: string): Session | 'taken' | undefined {
    for (const other of this.database.active) {
      if (other === this) continue;
      for (const tuple of other.pending.values()) if (tuple?.row[CODE] === code) return other;
    }
    for (const [key, tuple] of this.database.rows) {
      if (key === ownKey || tuple.row[CODE] !== code || this.pending.has(key)) continue;
      const holder = this.database.locks.get(key);
      return holder && holder !== this && holder.pending.has(key) ? holder : 'taken';
    }
    return undefined;
  }
}
