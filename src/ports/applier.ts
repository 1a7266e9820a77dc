import type { Row } from '../model/change.ts';
import type { Conflict, Decision } from '../model/conflict.ts';
import type { TableName } from '../model/names.ts';
import type { Position } from '../model/position.ts';

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
}

/** One row change, in the target's shape. Cells are in the order of the table's columns. */
export interface Write {
  readonly kind: 'insert' | 'update' | 'delete';
  readonly table: TargetTable;
  /** The identity under which the row is found on the target. */
  readonly key: readonly string[];
  /** Table and key as one text; equal on both sides for the same row. */
  readonly keyText: string;
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

export interface QuarantinedWrite {
  readonly write: Write;
  /** The database's or resolver's own code, such as 23514. */
  readonly code: string;
  readonly reason: string;
}

/** Writes one stream's changes into its target. */
export interface Applier {
  /**
   * Claims the stream: whoever claimed it before can't commit any more. Returns its checkpoint.
   * @throws BANYAN_STREAM_UNKNOWN if the stream was never set up here.
   */
  claim(): Promise<Checkpoint>;
  /** Tables by name; each needs a key. */
  describe(tables: readonly TableName[]): Promise<ReadonlyMap<TableName, TargetTable>>;
  begin(): Promise<ApplyTransaction>;
  /** Keys (as `keyText`) whose changes are held in quarantine; of a change of the key itself, the old and the new one. */
  heldKeys(): Promise<ReadonlySet<string>>;
  /** Whether the same attempt may succeed later: connection loss, deadlock, shortage. Data errors are not. */
  isTransient(error: unknown): boolean;
  /** The code with which the database itself refused; `unknown` for any other error. */
  codeOf(error: unknown): string;
  close(): Promise<void>;
}

/**
 * One transaction on the target, marked with the stream's origin. What it writes becomes visible
 * and durable together with the checkpoint, or not at all.
 */
export interface ApplyTransaction {
  /** The durable checkpoint as this transaction began; tells whether a commit whose answer was lost took place. */
  readonly checkpoint: Checkpoint;
  /**
   * Set-based: writes those rows whose last writer is this stream or is older than `horizon`.
   * All writes are of one table and kind, with different keys. Returns the indexes of those that
   * did not take: another writer was there, or the row is missing.
   */
  write(writes: readonly Write[], horizon: Horizon | undefined): Promise<number[]>;
  /** Locks a row and tells its last writer; undefined if there is none. */
  lock(table: TargetTable, key: readonly string[]): Promise<LockedRow | undefined>;
  /** Writes one row whoever wrote it last: inserts, or updates the cells that are not UNCHANGED. */
  put(table: TargetTable, key: readonly string[], row: Row): Promise<void>;
  /** Deletes one row whoever wrote it last. */
  remove(table: TargetTable, key: readonly string[]): Promise<void>;
  truncate(tables: readonly TargetTable[], options: { readonly restartIdentity: boolean }): Promise<void>;
  /** Rows, other than the one with `key`, that hold the same value in one of the table's other unique keys. */
  clashes(table: TargetTable, key: readonly string[], row: Row): Promise<readonly (readonly string[])[]>;
  /** Asks the source, through the target's own log, for the present row of a key that could not be written here. */
  request(table: TargetTable, key: readonly string[]): Promise<void>;
  recordConflict(conflict: Conflict, decision: Decision | undefined): Promise<void>;
  quarantine(entry: QuarantinedWrite): Promise<void>;
  savepoint(): Promise<void>;
  rollbackToSavepoint(): Promise<void>;
  /**
   * @throws BANYAN_STREAM_FENCED if another worker has claimed the stream; nothing was written.
   */
  commit(checkpoint: Checkpoint & { readonly committedAt: bigint }): Promise<void>;
  rollback(): Promise<void>;
}
