import type { TableName } from '../../../../model/names.ts';

/** Why a row stands in the way of the new schema. */
export type RowProblem = 'nulls' | 'missing' | 'too_long' | 'out_of_range' | 'unparsable' | 'refused_by_check' | 'duplicates' | 'orphans';

/** One new rule that rows of the old database may break. All names and SQL are those of the old database. */
export interface RowRule {
  readonly table: TableName;
  /** The finding that it belongs to. */
  readonly field_path: string;
  readonly problem: RowProblem;
  readonly test: RowTest;
}

export type RowTest =
  /** `breaks`: SQL that is true of a row that breaks the rule. `mayFail`: its expression is not Banyan's own. */
  | { readonly kind: 'row'; readonly breaks: string; readonly mayFail: boolean }
  /** `values`: SQL of what may be there once only. `where`: SQL of the rows that count. */
  | { readonly kind: 'duplicates'; readonly values: readonly string[]; readonly nullsNotDistinct: boolean; readonly where?: string; readonly mayFail: boolean }
  | { readonly kind: 'orphans'; readonly columns: readonly string[]; readonly references: TableName; readonly referencedColumns: readonly string[]; readonly full: boolean; readonly asText: boolean };

/** A rule that no query here can test. */
export interface UntestedRule {
  readonly table: TableName;
  readonly field_path: string;
  readonly reason: string;
}

export interface RowRules {
  readonly rules: readonly RowRule[];
  readonly untested: readonly UntestedRule[];
}
