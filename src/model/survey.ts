import type { TableName } from './names.ts';
import type { Schema } from './schema.ts';

/*
 * What a look at a running server finds that no catalogue's structure tells: how much there is, how fast it is read,
 * who writes. Times are seconds, sizes bytes.
 */

/** A table as it stands, with what was written to it while it was watched. */
export interface SurveyedTable {
  readonly name: TableName;
  readonly rows: number;
  /** `counted`: every row; `statistics`: the server's own count of the last VACUUM or ANALYZE, scaled to the present size; `sampled`: from the rows that a few pages hold. */
  readonly rowsFrom: 'counted' | 'statistics' | 'sampled';
  /** With its TOAST, without its indexes. */
  readonly tableBytes: number;
  readonly totalBytes: number;
  readonly indexes: readonly SurveyedIndex[];
  /** Rows inserted, updated and deleted while it was watched; undefined: it could not be told. */
  readonly writes?: number;
  /** Since the server's statistics were reset. */
  readonly updated: number;
  readonly hotUpdated: number;
  readonly live: number;
  /** How fast its rows could be read; absent: `why` says. */
  readonly read?: ReadProbe;
  readonly notRead?: string;
  /** Rules, types and parents that stand in the way of a copy by rows. */
  readonly rules: readonly string[];
  readonly inherits: boolean;
  /** `column type`. */
  readonly oddTypes: readonly string[];
}

/** Parts of a table that were read through COPY, one after the other. */
export interface ReadProbe {
  readonly slices: readonly { readonly rows: number; readonly bytes: number; readonly seconds: number }[];
}

export interface SurveyedIndex {
  readonly name: string;
  readonly bytes: number;
  /** Some rows by its columns, sorted in the server; absent: an expression's, or the table could not be read. */
  readonly sort?: { readonly rows: number; readonly seconds: number };
}

/** A trigger whose function does more than look at its row. */
export interface SideEffect {
  readonly table: TableName;
  readonly trigger: string;
  /** Tables that it writes, other than its own. */
  readonly writes: readonly TableName[];
  /** `notifies listeners`, `calls another server`: what leaves the database. */
  readonly reaches: readonly string[];
  /** False: a body that could not be read, so that it may do more. */
  readonly understood: boolean;
}

/** A transaction that a new slot would have to wait for. */
export interface OpenTransaction {
  readonly pid: string;
  readonly application: string;
  readonly state: string;
  readonly seconds: number;
}

export interface Survey {
  /** RFC 3339. */
  readonly at: string;
  readonly database: string;
  readonly version: string;
  readonly standby: boolean;
  readonly walLevel: string;
  /** What a slot may hold back at most; null: no bound. */
  readonly slotLimitBytes: number | null;
  /** For how long writes were watched. */
  readonly watchedSeconds: number;
  /** Of the whole server, while it was watched; undefined: it could not be told. */
  readonly walBytes?: number;
  readonly tables: readonly SurveyedTable[];
  /** Of the whole database, so that what crosses the cut is seen. */
  readonly schema: Schema;
  readonly sideEffects: readonly SideEffect[];
  /** Open for longer than was asked about. */
  readonly transactions: readonly OpenTransaction[];
  readonly prepared: readonly { readonly id: string; readonly seconds: number }[];
  /** Installed, other than the server's own. */
  readonly extensions: readonly { readonly name: string; readonly version: string }[];
  /** Whether the tables were named, so that all others stay where they are. */
  readonly cut: boolean;
  /** What could not be asked or measured, and why. */
  readonly gaps: readonly { readonly what: string; readonly why: string }[];
}
