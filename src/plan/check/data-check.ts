import type { RowProblem } from './database/rows/row-rule.ts';

/** How many rows of the old database break a rule of the new one. */
export interface DataCheck {
  /** As the old database names it. */
  readonly table: string;
  /** The finding that it belongs to. */
  readonly field_path: string;
  /** Null: no query could look for it. */
  readonly problem: RowProblem | null;
  /** Rows that break it; of duplicates, each that shares its value with another. Null: not counted. */
  readonly rows: number | null;
  /** Rows of the table. */
  readonly of: number | null;
  /** Primary keys of at most ten of them, as text; without a primary key their place (`ctid`). No other value leaves the database. */
  readonly keys: readonly Readonly<Record<string, string>>[];
  /** Why nobody counted; absent: they were counted. */
  readonly not_checked?: string;
}
