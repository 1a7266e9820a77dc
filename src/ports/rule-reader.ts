import type { Value } from '../model/change.ts';
import type { Selection } from './checksummer.ts';

/** How much is read, and for how long. */
export interface ReadLimits {
  /** Rows that are kept; what is beyond them is counted only. */
  readonly mostRows: number;
  /** After this many milliseconds the server breaks the statement off. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/** What a statement gave: the first rows, and how many there are. */
export interface RuleRows {
  readonly columns: readonly string[];
  /** Which columns are of a type of number: of a text, every sign counts. */
  readonly numeric: readonly boolean[];
  readonly rows: readonly (readonly Value[])[];
  readonly total: number;
}

/** Something that a row's times have to be. */
export type TimeCheck =
  /** Not later than the server's clock, give or take. */
  | { readonly kind: 'future'; readonly column: string; readonly family: TimeFamily; readonly toleranceMs: number }
  /** `earlier` not after `later`; a row where one of both is null passes, unless nulls are refused. */
  | { readonly kind: 'ordered'; readonly earlier: string; readonly later: string; readonly refuseNulls: boolean };

export type TimeFamily = 'date' | 'timestamp' | 'instant';

/** A row that fails a check. */
export interface MisplacedRow {
  /** Index of the check. */
  readonly check: number;
  /** The key's values; the whole row's where there is no key. */
  readonly key: readonly Value[];
  /** The times that the check looked at. */
  readonly times: readonly Value[];
}

/** Reads for business rules; each read in a transaction of its own that can not write. */
export interface RuleReader {
  /**
   * Runs one query as somebody wrote it, on the database's own search path.
   * @throws BANYAN_VALIDATE_RULE if the server refuses it, or it is not one query.
   */
  query(sql: string, limits: ReadLimits): Promise<RuleRows>;
  /**
   * The rows of a table that fail any of the checks, in one scan.
   * @returns with the first rows of all checks together, how many fail each.
   * @throws BANYAN_VALIDATE_RULE likewise
   */
  misplaced(selection: Selection, checks: readonly TimeCheck[], limits: ReadLimits): Promise<{ readonly rows: readonly MisplacedRow[]; readonly totals: readonly number[] }>;
}
