import type { NamedRow } from '../model/conflict.ts';
import type { TableName } from '../model/names.ts';
import type { RowIdentity, Selection } from './checksummer.ts';

/** A table of one side, as far as repairs ask. */
export interface RepairableTable {
  /** The columns that can be written. */
  readonly columns: readonly string[];
  /** The tables that its foreign keys point at. */
  readonly references: readonly TableName[];
}

/** Everything that stands under one identity: with a key one row or none; without, as many as are equal. */
export interface StoredRows {
  /** Whole: every column that can be written. */
  readonly rows: readonly NamedRow[];
  /** As {@link RowState.version} of these rows together; absent: none, or not known. */
  readonly version?: string;
  /** When the row was last written, by this server's clock, in microseconds since 1970; absent where it does not tell. */
  readonly committedAt?: bigint;
}

/** What is to stand under an identity instead of what stands there. Rows that are in both stay. */
export interface RowChange {
  readonly identity: RowIdentity;
  readonly before: readonly NamedRow[];
  /** A row that replaces one may name only what it sets; so may a new one, whose other columns get their defaults. */
  readonly after: readonly NamedRow[];
}

export type WriteOutcome =
  /** `rows`: what stands there now, whole. */
  | { readonly state: 'done'; readonly rows: readonly NamedRow[] }
  /** There is another row by now. */
  | { readonly state: 'changed' }
  /** The database does not take it: for the sake of a row it refers to or that refers to it, of another row's unique value, or for its own. */
  | { readonly state: 'refused'; readonly why: 'reference' | 'unique' | 'value'; readonly reason: string };

/**
 * Rows of one side, locked and changed; nothing of it is seen before the commit. Foreign keys hold as in any other
 * transaction, and are looked after without their cascades: whoever is referred to is not deleted. The users' own
 * triggers do not fire, as they do not for what a stream writes.
 */
export interface RepairTransaction {
  /**
   * What stands under each identity, locked until the end: against writers (`share`), or for writing. Absence is not
   * locked, and a table without a key is locked whole.
   */
  lock(selection: Selection, identities: readonly RowIdentity[], strength: 'share' | 'update'): Promise<readonly StoredRows[]>;
  /** The number of the oldest transaction that was running a moment ago: all before it have ended, and are seen from here on. */
  oldestRunning(): Promise<bigint>;
  /** Changes rows, each on its own: what is refused leaves the others. What `before` names has to be locked. */
  write(selection: Selection, changes: readonly RowChange[]): Promise<readonly WriteOutcome[]>;
  /** Changes rows of a table with a key, all or none, by taking all of them away first: they may exchange unique values. */
  writeTogether(selection: Selection, changes: readonly RowChange[]): Promise<readonly WriteOutcome[]>;
  commit(): Promise<void>;
  /** Also after an error, and after the commit: then it does nothing. */
  rollback(): Promise<void>;
}

/** Reads rows of one database whole, and writes them. */
export interface RowRepairer {
  /** @throws BANYAN_TABLE_UNKNOWN */
  describe(table: TableName): Promise<RepairableTable>;
  read(selection: Selection, identities: readonly RowIdentity[]): Promise<readonly StoredRows[]>;
  /** For each pair: below 0 if `a` is first in the order of the column's type, 0 if they are equal, above 0 if `b` is. */
  compare(table: TableName, column: string, pairs: readonly (readonly [a: string, b: string])[]): Promise<readonly number[]>;
  /** The number that the next transaction will have: all before it have begun. */
  nextTransaction(): Promise<bigint>;
  /**
   * @param options.writes false: it only locks.
   * @throws BANYAN_RECONCILE_RIGHTS if the role may not write as a stream does.
   */
  begin(options: { readonly writes: boolean }): Promise<RepairTransaction>;
  /** Whether somebody else's locks stood in the way. */
  isBusy(error: unknown): boolean;
}
