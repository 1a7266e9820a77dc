import type { Unchecked } from './attempts.ts';
import type { Value } from '../model/change.ts';
import type { TableName } from '../model/names.ts';
import type { RuleReport } from './rules/rule-report.ts';
import type { SchemaFinding, SequenceFinding } from '../model/structure-finding.ts';

/** How closely tables are compared; each level costs more than the one before and says more. */
export const LEVELS = ['count', 'sample', 'checksum', 'full'] as const;
export type Level = (typeof LEVELS)[number];

/**
 * A row's key: the value of a key of one column; values by column for a key of several; for a table
 * without a key the row itself and how often each side has it. Column names are the source's.
 */
export type ReportedKey = string | Readonly<Record<string, string>> | ReportedCopies;

export interface ReportedCopies {
  readonly row: Readonly<Record<string, Value>>;
  readonly source: number;
  readonly target: number;
}

/** One column's two values, as the servers write them. */
export interface ColumnDifference {
  readonly source: Value;
  readonly target: Value;
}

export interface DifferentRow {
  readonly key: ReportedKey;
  /** Differing columns by the source's name. Only at level `full`. */
  readonly columns: Readonly<Record<string, ColumnDifference>>;
  /** Set when a side has several rows with this key. */
  readonly copies?: { readonly source: number; readonly target: number };
}

/** A column that only one side has, so that the two tables can not be equal. */
export interface ColumnDrift {
  readonly column: string;
  readonly absentOn: 'source' | 'target';
}

/** Exact numbers, however long the lists are. */
export interface DifferenceCounts {
  readonly missing: number;
  readonly extra: number;
  readonly different: number;
  /** Rows that were written so often that no difference could be told from a change in flight. Not differences. */
  readonly unsettled: number;
}

/** What a sample says of the whole table. */
export interface SampleBound {
  /** Distinct keys that were drawn, from both sides, and compared. */
  readonly rows: number;
  readonly confidence: number;
  /** With this confidence no larger share of either side's rows differs or is absent on the other (Clopper-Pearson). */
  readonly differingShareAtMost: number;
}

/** Columns of a table, and the database: `source`, `target`, or another service's name. */
export interface ReferencedColumns {
  readonly database: string;
  readonly table: TableName;
  readonly columns: readonly string[];
}

/** Rows that refer to nothing. */
export interface BrokenReference {
  /** The constraint's name, or what the configuration says. */
  readonly name: string;
  readonly by: 'constraint' | 'configuration';
  readonly from: ReferencedColumns;
  readonly to: ReferencedColumns;
  /** What they refer by, by the referring column, and how many rows do; the first ones. */
  readonly orphans: readonly { readonly key: Readonly<Record<string, string>>; readonly rows: number }[];
  /** Exact. `orphans`: keys; `rows`: rows that refer by them; `unsettled`: keys whose rows were written at every look, which are no orphans. */
  readonly counts: { readonly orphans: number; readonly rows: number; readonly unsettled: number };
  /** Why it could not be looked at: a right that the role lacks. Then nothing else is known. */
  readonly unread?: string;
  /** A statement that shows the rows, and the database to run it in. */
  readonly remedy?: { readonly on: string; readonly sql: readonly string[] };
}

export interface TableReport {
  readonly table: TableName;
  /** The target's name for it, where it is another one. */
  readonly targetTable?: TableName;
  /** Where it was compared at another level than the report says. */
  readonly level?: Level;
  readonly consistent: boolean;
  /** Rows of each side that were looked at. */
  readonly source: number;
  readonly target: number;
  /** Keys of rows that only the source has; the first ones. */
  readonly missing: readonly ReportedKey[];
  /** Keys of rows that only the target has; the first ones. */
  readonly extra: readonly ReportedKey[];
  /** Rows that both have, with other values; the first ones. */
  readonly different: readonly DifferentRow[];
  readonly counts: DifferenceCounts;
  /** Share of rows that are equal, 0 to 1. */
  readonly score: number;
  readonly seconds: number;
  /** Columns that could not be compared, because one side lacks them. */
  readonly drift?: readonly ColumnDrift[];
  /** The side that has no such table. */
  readonly absentOn?: 'source' | 'target';
  /** What both sides define in two ways, and no mapping asks for. Absent: not looked at. */
  readonly schema?: readonly SchemaFinding[];
  /** Sequences that give out numbers which are taken. Absent: not looked at. */
  readonly sequences?: readonly SequenceFinding[];
  /** References of its rows, and to them, that are broken. Absent: not looked at. */
  readonly references?: readonly BrokenReference[];
  /** Only at level `sample`. */
  readonly sample?: SampleBound;
  /** Only of an incremental run: what of the table it looked at. */
  readonly incremental?: LookedAt;
}

/** What an incremental run looked at of one table: all of it, and why; or only what the streams have touched since the last run. */
export type LookedAt =
  | { readonly whole: string }
  | {
      /** When the last comparison of all of it began, RFC 3339. `source` and `target` of the report are its rows. */
      readonly since: string;
      /** Ranges of keys that were read. */
      readonly leaves: number;
      /** Rows that were looked up by their keys. */
      readonly keys: number;
      /** Rows of each side that were read. */
      readonly rows: { readonly source: number; readonly target: number };
    };

export interface ValidationReport {
  readonly consistent: boolean;
  readonly level: Level;
  /** Rows of the source that were compared. */
  readonly rows: number;
  readonly seconds: number;
  /** Share of rows that are equal over all tables, 0 to 1. */
  readonly score: number;
  readonly tables: readonly TableReport[];
  /** Absent: none was checked. */
  readonly rules?: readonly RuleReport[];
  /** What could not be checked, and why: such a report is not consistent, whatever else it holds. Absent: nothing. */
  readonly unchecked?: readonly Unchecked[];
}

/** The share of `rows` that is not among `differing`. A table without rows on both sides is equal. */
export function scoreOf(rows: number, differing: number): number {
  return rows === 0 ? (differing === 0 ? 1 : 0) : Math.max(0, 1 - differing / rows);
}

/** The share of equal rows over several tables. */
export function scoreOfTables(tables: readonly Pick<TableReport, 'source' | 'target' | 'counts'>[]): number {
  const sum = (value: (table: Pick<TableReport, 'source' | 'target' | 'counts'>) => number): number => tables.reduce((total, table) => total + value(table), 0);
  return scoreOf(
    sum((table) => Math.max(table.source, table.target)),
    sum(({ counts }) => counts.missing + counts.extra + counts.different),
  );
}
