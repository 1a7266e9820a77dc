import type { TableName } from '../model/names.ts';
import type { FenceOptions } from './fence.ts';
import type { StructureScope } from './structure.ts';

/** One end of a reference: columns of a table, and which of its rows are meant. */
export interface ReferenceEnd {
  readonly table: TableName;
  readonly columns: readonly string[];
  /** SQL condition on the row. Default: all rows. */
  readonly where?: string;
}

/** Values that rows refer by, in the order of the columns, and how many rows do. */
export interface ReferenceKey {
  readonly key: readonly string[];
  readonly rows: number;
}

/** The rows that refer by a key now. */
export interface Referrers {
  /** Index into the keys that were asked for. */
  readonly index: number;
  readonly rows: number;
  /** Stays the same while one of the rows does; absent where the server can not tell. */
  readonly version?: string;
}

/** Reads one database's keys. A row with a null among its columns refers to nothing. */
export interface ReferenceReader {
  /** Every key by which rows of `child` refer, each once, in batches, without holding them; all of one moment. */
  keys(child: ReferenceEnd, options: { readonly batch: number; readonly signal?: AbortSignal }): AsyncIterable<readonly ReferenceKey[]>;
  /** Those that no row of `parent`, in this database, has. Both ends have the same types. */
  orphans(child: ReferenceEnd, parent: ReferenceEnd, options: { readonly batch: number; readonly signal?: AbortSignal }): AsyncIterable<readonly ReferenceKey[]>;
  /** For each key whether a row of `parent` has it now. What the columns' types can not hold, none has. */
  present(parent: ReferenceEnd, keys: readonly (readonly string[])[]): Promise<readonly boolean[]>;
  /** The rows that refer by the keys now; a key without any has no entry. */
  referrers(child: ReferenceEnd, keys: readonly (readonly string[])[]): Promise<readonly Referrers[]>;
  /** A statement that shows the rows of `child` which refer by these keys, or all that refer to no row of `parent`. */
  listing(child: ReferenceEnd, of: { readonly keys: readonly (readonly string[])[] } | { readonly parent: ReferenceEnd }): string;
}

export interface PlacedEnd {
  /** What the database is called in reports: `source`, `target`, or a service's name. */
  readonly database: string;
  readonly end: ReferenceEnd;
  readonly reader: ReferenceReader;
}

/** Rows of one table that refer to rows of another, here or in another database. */
export interface Reference {
  /** The constraint's name, or what the configuration says. */
  readonly name: string;
  readonly by: 'constraint' | 'configuration';
  /** The compared table, by the target's name, to whose report it belongs. */
  readonly home: TableName;
  readonly child: PlacedEnd;
  readonly parent: PlacedEnd;
  /** Streams besides the compared pair's that bring rows to either end. */
  readonly fence?: FenceOptions;
}

/** Knows which references there are. */
export interface ReferenceFinder {
  /** The references of these tables, inside each database and across the cut. */
  find(options: { readonly tables: readonly StructureScope[] }): Promise<readonly Reference[]>;
}
