import type { Row } from '../model/change.ts';
import type { Conflict, Decision, NamedRow } from '../model/conflict.ts';
import type { TableName } from '../model/names.ts';
import type { Position } from '../model/position.ts';
import type { Side } from '../model/side.ts';

/** A table as the applier writes it: its writable columns in a fixed order, and which identify a row. */
export interface TargetTable {
  readonly name: TableName;
  readonly columns: readonly string[];
  /** Indexes into `columns`. */
  readonly key: readonly number[];
  /**
   * Which columns the stream carries; absent: all. Of the others every change leaves the cells UNCHANGED:
   * an insert gives them their defaults, an update what they were.
   */
  readonly carried?: readonly boolean[];
  /** SQL condition: rows for which it is not true are none of the stream's, though they stand in the table. */
  readonly filter?: string;
  /** Its rows are another table's as well: to empty it sets the carried columns to null. */
  readonly part?: boolean;
  /** Columns of each unique key beside the row's own. */
  readonly otherUniques?: readonly (readonly number[])[];
  /** Foreign keys. */
  readonly references?: readonly Reference[];
  /** What columns are called now, by the names they had before. */
  readonly formerly?: ReadonlyMap<string, string>;
}

/** A foreign key of a table. */
export interface Reference {
  /** Indexes into the table's own columns. */
  readonly columns: readonly number[];
  /** The table it points at. */
  readonly table: TableName;
  /** The columns there, in the same order. */
  readonly there: readonly string[];
  /** Whether no row of the table breaks it as far as the database knows. Default: not. */
  readonly valid?: boolean;
  /** What becomes of rows whose parent is deleted; `keep`: the parent stays. */
  readonly onDelete?: 'keep' | 'remove' | 'null';
  /** Of `columns`, those that are set to null so that a row refers to none; absent: not all of them can be. */
  readonly nulls?: readonly number[];
}

/** A foreign key between two tables of the stream, which refers to the parent's own key. */
export interface Link {
  readonly child: TargetTable;
  readonly parent: TargetTable;
  readonly reference: Reference;
}

/** One row change, in the target's shape. Cells are in the order of the table's columns. */
export interface Write {
  readonly kind: 'insert' | 'update' | 'delete';
  readonly table: TargetTable;
  /** The identity under which the row is found on the target. */
  readonly key: readonly string[];
  /** Table and key as one text; equal on both sides for the same row. */
  readonly keyText: string;
  /** Set where the row is named by what was its table's key once and is none now: it may be one row, none or several, and `key` is empty. */
  readonly former?: NamedRow;
  /** The new row; absent for a delete. */
  readonly row?: Row;
  /** The whole old row, where the log has it. */
  readonly old?: Row;
  /** Set when an update changes the identity itself. */
  readonly newKeyText?: string;
  /** Where the change was committed on the source. */
  readonly position: Position;
  /** When, by the source's clock, in microseconds since 1970. */
  readonly committedAt: bigint;
  /** How far of the *target's* commits the source had seen when it committed this change. */
  readonly seen: Position;
  /** Why the change could not be put in the target's form; its row is then as the source wrote it. It goes to quarantine. */
  readonly fault?: Error;
  /** Of such a change: the name that both directions have for its table. */
  readonly of?: TableName;
  /** Of such a change: as much as can be put in the target's form, to tell what it has to do with. Never written. */
  readonly known?: Write;
  /** Of a change that was in quarantine: how the rows it writes stood when it was put there, by their key's text. Of a row that is missing here, nobody knows. */
  readonly bases?: ReadonlyMap<string, Base>;
}

/** A row as it stood when a change of it was put in quarantine. */
export interface Base {
  /** Its last writer; absent: there was no row. */
  readonly xid?: number;
  /** The write that stood there and that the change's author had not seen. */
  readonly rival?: Rival;
  /** Where it was last deleted, as far as that was known. */
  readonly deleted?: Position;
  /** What it held, where its table waits to be mended: that may give the row another writer, as it is. */
  readonly row?: NamedRow;
}

/** A write on the target that the incoming change's author had not seen. */
export interface Rival {
  readonly deleted: boolean;
  readonly committedAt: bigint;
  /** Whose write it is: the target's own, or, after an earlier conflict, whoever won that. */
  readonly side: Side | 'merged';
}

/** A row of the target, locked until the transaction ends, and who wrote it last. */
export interface LockedRow {
  /** A cell that the other side's form has no place for is UNCHANGED. */
  readonly row: Row;
  readonly xid: number;
  /** Commit time of the last writer by the target's clock; undefined when it is no longer known. */
  readonly committedAt?: bigint;
  /** Last written by this stream, in an earlier transaction. */
  readonly replayed: boolean;
  /** Last written by this very transaction. */
  readonly own: boolean;
  /** Its last writer changed the table's form, and may have written all rows anew as they were: then no stream tells of it. */
  readonly rewritten?: boolean;
  /** The table's filter leaves it to the target's own writers: the source has no such row. */
  readonly outside?: boolean;
}

/** Some rows of a table. */
export interface RowKeys {
  readonly table: TargetTable;
  readonly keys: readonly (readonly string[])[];
}

/** What is left when a table is emptied by somebody who had not seen it. */
export interface Sparing {
  readonly horizon: Horizon | undefined;
  /** Rows that stay in any case. */
  readonly rows: readonly RowKeys[];
}

/** Durable progress of one stream, kept in the target. */
export interface Checkpoint {
  readonly position: Position;
  /** How far of the target's commits the source had seen at `position`. */
  readonly seen: Position;
}

/** A point before which every transaction of the target has ended and been logged. */
export interface Horizon {
  readonly xid: number;
  readonly position: Position;
}

/** When a one-way stream to a side began. */
export interface Beginning {
  /** The number of the side's oldest transaction that was open then; a first time it is noted, and from then on the same. */
  keep(): Promise<number>;
  /** The stream is none of a one-way mode any more. */
  forget(): Promise<void>;
}

export interface QuarantinedWrite {
  readonly write: Write;
  /** What kind of step it was: a change, one that could not be put in the target's form, a decision of the monolith's, or a request of the service's. */
  readonly as: 'change' | 'untranslated' | 'decided' | 'requested';
  /** The database's or resolver's own code, such as 23514; `held`: it waits behind an earlier one. */
  readonly code: string;
  readonly reason: string;
  readonly claims: Claims;
  readonly bases: ReadonlyMap<string, Base>;
}

/** What a change has to do with, by names that mean the same for every change of the stream. */
export interface Claims {
  /** Its row's places, and the unique values that it takes or gives free. */
  readonly owns: readonly string[];
  /** The rows that its foreign keys point at. */
  readonly refers: readonly string[];
}

/** A change in quarantine, without its content. */
export interface QuarantineEntry {
  readonly id: string;
  readonly code: string;
  readonly kind: Write['kind'];
  readonly keyText: string;
  readonly newKeyText?: string;
  readonly claims: Claims;
  /** What an operator asks for. */
  readonly asked?: 'retry' | 'discard';
  /** How its rows were last deleted by the target's own writers since, by their key's text. See {@link ApplyTransaction.storeDeletes}. */
  readonly deleted?: ReadonlyMap<string, Deleted>;
}

/** Where and when a row was deleted. */
export interface Deleted {
  readonly position: Position;
  readonly committedAt: bigint;
}

/** A change in quarantine as it is to be applied again. */
export interface Recalled {
  readonly write: Write;
  readonly as: QuarantinedWrite['as'];
}

/** What became of a change in quarantine. */
export type QuarantineOutcome =
  | { readonly state: 'applied' | 'discarded' }
  /** It stays. A `code`: it failed again, and why. `owns`: what it owns from here on. */
  | { readonly state: 'held'; readonly code?: string; readonly reason: string; readonly owns?: readonly string[] };

/** Writes one stream's changes into its target. */
export interface BeginOptions {
  /** Default false. */
  readonly beside?: boolean;
  /** Default false. */
  readonly hurried?: boolean;
}

export interface Applier {
  /**
   * Claims the stream: whoever claimed it before can't commit any more. Returns its checkpoint.
   * @throws BANYAN_STREAM_UNKNOWN if the stream was never set up here.
   */
  claim(): Promise<Checkpoint>;
  /** Tables by name; each needs a key. */
  describe(tables: readonly TableName[]): Promise<ReadonlyMap<TableName, TargetTable>>;
  /** How many transactions may be open at once. At least 1. */
  readonly sessions: number;
  /**
   * Begins a transaction that is alone: it waits until every other of this stream has ended, and reads
   * the checkpoint. With `beside`, one that runs beside others of this worker, in a session of its own,
   * and waits for nothing: whoever runs it keeps the order of the commits. If the stream was claimed
   * by another worker, it is the commit that rejects.
   *
   * With `hurried`, a statement that has to wait for a row that somebody else has locked gives up after a
   * moment ({@link isContention}), so that two that wait for each other need not be found by the server, which
   * may well end the other one.
   * @throws BANYAN_STREAM_FENCED if another worker has claimed the stream.
   */
  begin(options?: BeginOptions): Promise<ApplyTransaction>;
  /** The stream's changes in quarantine, in the order in which they came. */
  quarantined(): Promise<readonly QuarantineEntry[]>;
  /** Whether an operator has asked for something to be done with one of them. */
  isAsked(): Promise<boolean>;
  /** Whether the same attempt may succeed later: connection loss, deadlock, shortage. Data errors are not. */
  isTransient(error: unknown): boolean;
  /** Whether a transaction did not commit because one of its tables has got a column since it was described. Such errors are transient. */
  isOutOfDate(error: unknown): boolean;
  /** Whether others' row locks stood in the way, as in a deadlock: fewer rows at a time may pass. Such errors are transient. */
  isContention(error: unknown): boolean;
  /** The code with which the database itself refused; `unknown` for any other error. */
  codeOf(error: unknown): string;
  close(): Promise<void>;
}

/**
 * One transaction on the target, marked with one of the stream's origins. What it writes becomes visible
 * and durable together with the checkpoint, or not at all. Calls are carried out in their order, also
 * if one is made before the answer to the last. After its end every call rejects, but {@link rollback}.
 */
export interface ApplyTransaction {
  /**
   * The durable checkpoint as this transaction began; tells whether a commit whose answer was lost took
   * place. Undefined for one that runs beside others.
   */
  readonly checkpoint: Checkpoint | undefined;
  /**
   * Set-based: writes those rows whose last writer is this stream or is older than `horizon`.
   * All writes are of one table and kind, with different keys. Returns the indexes of those that
   * did not take: another writer was there, or the row is missing or outside of the table's filter.
   */
  write(writes: readonly Write[], horizon: Horizon | undefined): Promise<number[]>;
  /**
   * Locks a row and tells its last writer; undefined if there is none.
   * @param options.keyOnly of its columns only the key is read, and the filter is not asked: where the others may have changed. Default false.
   */
  lock(table: TargetTable, key: readonly string[], options?: { readonly keyOnly: boolean }): Promise<LockedRow | undefined>;
  /** Writes one row whoever wrote it last: inserts, or updates the cells that are not UNCHANGED. */
  put(table: TargetTable, key: readonly string[], row: Row): Promise<void>;
  /** Deletes one row whoever wrote it last. */
  remove(table: TargetTable, key: readonly string[]): Promise<void>;
  /** Which of these keys, by index, are of rows outside of the table's filter. */
  outside(table: TargetTable, keys: readonly (readonly string[])[]): Promise<readonly number[]>;
  /**
   * Empties tables; of one with a filter, what is within it. With `sparing`, rows stay whose last writer is neither
   * this stream nor older than the horizon; gives their keys.
   */
  truncate(tables: readonly TargetTable[], options: { readonly restartIdentity: boolean; readonly sparing?: Sparing }): Promise<readonly RowKeys[]>;
  /** Rows, other than the one with `key`, that hold the same value in one of the table's other unique keys. */
  clashes(table: TargetTable, key: readonly string[], row: Row): Promise<readonly (readonly string[])[]>;
  /** The keys of all rows that hold these values; what is UNCHANGED is not asked for. */
  keysBy(table: TargetTable, row: Row): Promise<readonly (readonly string[])[]>;
  /** Rows of the child that refer to one of these keys of the parent, where no row of the parent has it. */
  orphans(link: Link, parents: readonly (readonly string[])[]): Promise<readonly { readonly key: readonly string[]; readonly parent: readonly string[] }[]>;
  /** Whether a row of the child refers to a row that is not there. One that is there stays until the transaction ends. */
  parentless(link: Link, key: readonly string[]): Promise<boolean>;
  /**
   * Compares two values of a column by the order of its type: below 0 if `a` is first, 0 if they are equal,
   * above 0 if `b` is first.
   */
  compare(table: TargetTable, column: string, a: string, b: string): Promise<number>;
  /**
   * Asks the source, through the target's own log, for the present row of a key that could not be written here.
   * @param options.evenIfGone whether to be told also that there is none. Default false.
   */
  request(table: TargetTable, key: readonly string[], options?: { readonly evenIfGone: boolean }): Promise<void>;
  recordConflict(conflict: Conflict, decision: Decision | undefined): Promise<void>;
  /** Puts a change aside, with its whole content, behind those that are in quarantine already. */
  quarantine(entry: QuarantinedWrite): Promise<void>;
  /** The stream's changes in quarantine, in the order in which they came; those of this transaction too. */
  quarantined(): Promise<readonly QuarantineEntry[]>;
  /** The contents of some, in their order. A table that `tableNamed` does not know has the columns that were stored. */
  recall(ids: readonly string[], tableNamed: (name: TableName) => TargetTable | undefined): Promise<readonly Recalled[]>;
  /** Notes what became of some; what the operator asked for is answered by it. */
  answer(ids: readonly string[], outcome: QuarantineOutcome): Promise<void>;
  /** Notes at the stream's changes in quarantine how their rows were deleted since, by their key's text. */
  storeDeletes(deletes: ReadonlyMap<string, Deleted>): Promise<void>;
  /** Closes the quarantine's changes of tables that were emptied: their rows are gone at the source as well. */
  overtake(tables: readonly TableName[]): Promise<void>;
  /**
   * Resolves when it is known that the stream was ours as this transaction began. To be awaited before anything that
   * another worker might never let come to pass.
   * @throws BANYAN_STREAM_FENCED if another worker had claimed it.
   */
  confirmClaim(): Promise<void>;
  /** Checks now what the database would check at the commit. */
  checkConstraints(): Promise<void>;
  savepoint(): Promise<void>;
  rollbackToSavepoint(): Promise<void>;
  /**
   * @throws BANYAN_STREAM_FENCED if another worker has claimed the stream; nothing was written.
   */
  commit(checkpoint: Checkpoint & { readonly committedAt: bigint }): Promise<void>;
  /** May be called at any time; a second time it does nothing. */
  rollback(): Promise<void>;
}
