import type { Value } from '../model/change.ts';
import type { TableName } from '../model/names.ts';

/**
 * What a column's values are turned into before they are hashed and compared, so that values which
 * the server calls equal are equal, and all others differ. Two columns are compared in one form.
 */
export type ComparisonForm =
  /** The value itself; both sides have the same type, and its hash reads every bit. */
  | 'native'
  /** A whole number of 8 bytes. */
  | 'integer'
  | 'float'
  /** A floating-point number by the shortest digits that the server writes: the `real` 0.1 is the `double precision` 0.1. */
  | 'digits'
  /** A decimal: 1.10 is 1.1. */
  | 'decimal'
  /** A decimal that has so many digits after the point on both sides, whatever is written. */
  | 'fixed'
  /** A time without a zone, a point in time, a time of day; to the microsecond. */
  | 'timestamp'
  | 'instant'
  | 'time'
  /** A JSON document in the server's canonical text. */
  | 'document'
  /** The text that the server writes, byte for byte. */
  | 'text';

export interface ShapeColumn {
  readonly name: string;
  /** The base type as the server spells it, without length: two sides with the same spelling mean the same. */
  readonly type: string;
  /** What the column is compared as when the other side's column has the same type. */
  readonly form: ComparisonForm;
  /**
   * Whether the type has an equality of its own that may call different texts equal (`jsonb`,
   * `citext`, `numeric[]`): rows that differ only there are judged by {@link Checksummer.equalValues}.
   */
  readonly judged: boolean;
  /** The kind of value, where columns of different types can still mean the same. */
  readonly family: 'integer' | 'float' | 'decimal' | 'date' | 'timestamp' | 'instant' | 'document' | 'text' | 'other';
  readonly generated: boolean;
  /** Of a decimal, where its type says so: how many digits it has after the point. */
  readonly scale?: number;
  /** Whether a row may hold a null there. Default false. */
  readonly nullable?: boolean;
}

/** A table as it is on one side. */
export interface TableShape {
  readonly table: TableName;
  readonly columns: readonly ShapeColumn[];
  /** The primary key, else a unique key without nulls; empty: rows can not be told apart. */
  readonly key: readonly string[];
  /** The server's own estimate, for progress only. */
  readonly estimatedRows: number;
  /** How far rows lie on disk in the order of the key's first column: 1 and -1 wholly, 0 not at all. Absent: unknown. */
  readonly keyOrder?: number;
}

/**
 * How rows are hashed. `record` is the server's own hash: fast, and only the same on two servers
 * that agree on {@link Checksummer.testVector}. `canonical` is SHA-256 of a portable text.
 */
export type HashMethod = 'record' | 'canonical';

export interface SelectedColumn {
  readonly name: string;
  readonly form: ComparisonForm;
  /** What each text of the column is compared as; any other is compared as a text that none of them is. Never of a key column. */
  readonly values?: ReadonlyMap<string, string>;
  /** Set where both sides have the same type, so that a text of one side can be read as a value of the other. */
  readonly sameType?: boolean;
  /** Set where the type's own equality has the last word: two texts of a key may then be one key. */
  readonly judged?: boolean;
}

/** What one side reads of a table. Both sides' selections have as many columns, in the same order. */
export interface Selection {
  readonly table: TableName;
  /** The compared columns, key columns first. */
  readonly columns: readonly SelectedColumn[];
  /** How many of `columns` are the key. 0: the table is a multiset of rows. */
  readonly keyLength: number;
  /** SQL condition on the row; only rows for which it is true are read. */
  readonly where?: string;
  readonly hash: HashMethod;
  /** Whether the place of a row is its key itself (one whole-number key) and not a hash of it. */
  readonly placedByKey: boolean;
}

/** A row's place: a whole number made of its key (of the whole row where there is none), the same on both sides. */
export type Place = bigint;

/** All rows whose place, shifted right by the scan's `shift`, is `leaf`. */
export interface LeafDigest {
  readonly leaf: bigint;
  readonly rows: number;
  /** Sum of the rows' hashes, or of their keys', as the server wrote it. */
  readonly digest: string;
}

/** One row, or several equal ones of a table without a key. */
export interface RowDigest {
  readonly place: Place;
  /** The key's values in the order of the selection; empty without a key. */
  readonly key: readonly string[];
  readonly hash: string;
  /** How many rows; more than 1 only without a key. */
  readonly times: number;
  /** Changes whenever the row is written again; absent where the server can not tell. */
  readonly version?: string;
}

/** A row as it is now, with its values. */
export interface RowState {
  /** Index into the identities that were asked for. */
  readonly index: number;
  readonly hash: string;
  readonly times: number;
  readonly version?: string;
  /** The compared columns' values as the server writes them; absent unless asked for. */
  readonly values?: readonly Value[];
  /** One hash for each compared column, equal for equal values. With `values`. */
  readonly columnHashes?: readonly Value[];
}

/** How a row is found again: by its key, or by its place where there is no key. */
export interface RowIdentity {
  readonly place: Place;
  readonly key: readonly string[];
}

/** Leaves of a scan with that `shift`. */
export interface LeafSet {
  readonly shift: number;
  readonly leaves: readonly bigint[];
}

/** A range of places, both ends included. */
export interface PlaceRange {
  readonly from: Place;
  readonly to: Place;
}

/** Rows in ascending order of place, each column on its own: a million of them are compared in a moment. Good until the next batch is asked for. */
export interface RowColumns {
  readonly rows: number;
  readonly places: BigInt64Array;
  readonly hashes: BigInt64Array;
  /** Change whenever the row is written again; absent where the server can not tell. */
  readonly versions?: Uint32Array;
}

/** One consistent view of one side: all its answers are of the same moment. */
export interface ChecksumSnapshot {
  /** The smallest and largest whole-number key; undefined when no row is selected. Only when `placedByKey`. */
  placeBounds(selection: Selection): Promise<PlaceRange | undefined>;
  count(selection: Selection): Promise<number>;
  /**
   * Digests of all leaves that hold rows, in one scan, in any order; a leaf may come in several
   * parts, which the caller adds up. `onRows` is told after each part of the scan how many rows it had.
   * @param options.hashed false: of each row its key alone; only for tables with a key.
   * @param options.within only rows of these leaves of a coarser scan. Default: all.
   * @param options.range only rows of these places, found through the key's index. Only when `placedByKey`. Default: all.
   */
  leaves(
    selection: Selection,
    options: {
      readonly shift: number;
      readonly hashed: boolean;
      readonly within?: LeafSet;
      readonly range?: PlaceRange;
      readonly onRows?: (rows: number) => void;
    },
  ): AsyncIterable<LeafDigest>;
  /**
   * The hashed rows of a range in ascending order of place, in batches, without holding them; costs the
   * server hardly more than its digests, and the network 34 bytes a row. Only when `placedByKey`.
   * @param options.within only rows of these leaves. Default: all.
   */
  columns(selection: Selection, options: { readonly range: PlaceRange; readonly within?: LeafSet }): AsyncIterable<RowColumns>;
  /**
   * The rows of the given leaves in ascending order of place, in batches, without holding them.
   * @param options.hashed false: every hash is `0`.
   */
  rows(
    selection: Selection,
    options: { readonly within: LeafSet; readonly hashed: boolean; readonly batch?: number },
  ): AsyncIterable<readonly RowDigest[]>;
  /** Ends the snapshot. Also on an error or abort; what still runs on the server is cancelled. */
  close(): Promise<void>;
}

/** Computes hashes of one database's rows inside that database. */
export interface Checksummer {
  /** Ordinary and partitioned tables of users, Banyan's own and single partitions left out. */
  listTables(): Promise<readonly TableName[]>;
  /** @throws BANYAN_TABLE_UNKNOWN if it does not exist. */
  describe(table: TableName): Promise<TableShape>;
  /**
   * The record hash of fixed values of every type that is hashed natively. Equal texts: the two
   * servers hash alike. Empty: this server has no such hash.
   */
  testVector(): Promise<string>;
  /** Opens a repeatable-read view. `signal` cancels what runs in it. */
  snapshot(options?: { readonly signal?: AbortSignal }): Promise<ChecksumSnapshot>;
  /**
   * The rows as they are now. A row that is gone has no state; a key that several rows share
   * has one for each of them.
   * @param options.values also read values and column hashes.
   */
  rowStates(
    selection: Selection,
    identities: readonly RowIdentity[],
    options: { readonly values: boolean; readonly hashed: boolean; readonly signal?: AbortSignal },
  ): Promise<readonly RowState[]>;
  /** How many of the selected rows hold a null in each column of the key. Costs a scan where no index knows. */
  countNullKeys(selection: Selection): Promise<readonly number[]>;
  /** For each pair whether the server holds the two texts, read as `type` (a {@link ShapeColumn.type}), to be equal. */
  equalValues(type: string, pairs: readonly (readonly [string, string])[]): Promise<readonly boolean[]>;
  /**
   * About `rows` rows, each with the same chance, in no order; fewer where the table is smaller.
   * `seed` is a number in [0, 1). Only for tables with a key.
   */
  sample(
    selection: Selection,
    options: { readonly rows: number; readonly seed: number; readonly signal?: AbortSignal },
  ): Promise<readonly RowDigest[]>;
}
