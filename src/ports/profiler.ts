import type { TableShape } from './checksummer.ts';

/** What a column's values are like. Numbers here are for statistics only: they are compared with others of their kind, and never written anywhere. */
export interface ColumnProfile {
  readonly column: string;
  /** Share of rows that are null, 0 to 1. */
  readonly nullShare: number;
  /** Of the rows of a sample that are not null, the share of distinct values. */
  readonly distinctShare: number;
  /** Of numbers, dates and times (as seconds since 1970) only; absent where all are null. */
  readonly range?: { readonly min: number; readonly max: number; readonly mean: number };
}

export interface TableProfile {
  readonly rows: number;
  readonly columns: readonly ColumnProfile[];
}

/** Some rows, as numbers. */
export interface NumericSample {
  /** The columns that are numbers, dates or times. */
  readonly columns: readonly string[];
  readonly rows: readonly {
    /** The key's values as the server writes them, in the order of the shape's key; empty without a key. */
    readonly key: readonly string[];
    /** One for each column; null: no value, or none that is a number (infinity, NaN). */
    readonly numbers: readonly (number | null)[];
  }[];
}

/** Says what tables are like, without anything to compare them with. */
export interface Profiler {
  /** Costs one scan of the table, and a sample for the distinct values. */
  profile(shape: TableShape, options?: { readonly signal?: AbortSignal }): Promise<TableProfile>;
  /** About `rows` rows, each with the same chance. `seed` is a number in [0, 1). */
  numbers(shape: TableShape, options: { readonly rows: number; readonly seed: number; readonly signal?: AbortSignal }): Promise<NumericSample>;
}
