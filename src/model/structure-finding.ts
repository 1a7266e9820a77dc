import type { TableName } from './names.ts';

/** What is looked at beside the rows. */
export type StructureCheck = 'schema' | 'sequences' | 'references';

export const STRUCTURE_CHECKS: readonly StructureCheck[] = ['schema', 'sequences', 'references'];

/** `error`: rows of one side may be refused by the other, or mean something else there. `warning`: both hold the same rows all the same. */
export type FindingSeverity = 'error' | 'warning';

/** Statements that bring both sides together without losing a row, and the side to run them on. */
export interface Remedy {
  readonly on: 'source' | 'target';
  readonly sql: readonly string[];
}

/** What kinds of drift there are, with how much each matters. docs/validate.md explains them. */
export const SCHEMA_FINDINGS = {
  table_kind: 'warning',
  table_unlogged: 'error',
  partition_missing: 'error',
  partition_extra: 'warning',
  column_missing: 'error',
  column_generated_missing: 'warning',
  column_extra: 'warning',
  column_demanding: 'error',
  column_type: 'error',
  column_nullability: 'error',
  column_default: 'warning',
  column_numbering: 'error',
  column_identity: 'warning',
  column_generated: 'error',
  column_collation: 'warning',
  primary_key: 'error',
  unique_missing: 'error',
  unique_extra: 'error',
  unique_changed: 'warning',
  check_missing: 'error',
  check_extra: 'error',
  check_changed: 'error',
  check_not_valid: 'warning',
  exclusion_missing: 'error',
  exclusion_extra: 'error',
  exclusion_changed: 'error',
  foreign_key_missing: 'error',
  foreign_key_extra: 'warning',
  foreign_key_changed: 'error',
  foreign_key_not_valid: 'warning',
  index_missing: 'warning',
  index_extra: 'warning',
  enum_labels: 'error',
  enum_order: 'warning',
  domain: 'error',
  type: 'error',
  sequence_definition: 'warning',
} as const satisfies Record<string, FindingSeverity>;

export type SchemaFindingKind = keyof typeof SCHEMA_FINDINGS;

/** One thing that both databases define in two ways, and no mapping asks for. */
export interface SchemaFinding {
  readonly kind: SchemaFindingKind;
  readonly severity: FindingSeverity;
  /** For people: `column public.users.email`, by the target's names. */
  readonly object: string;
  /** The definition that the source asks for, in the target's names; null: none. */
  readonly source: string | null;
  readonly target: string | null;
  /** Absent where only somebody who knows the table can say. */
  readonly remedy?: Remedy;
}

export type SequenceFindingKind = 'sequence_behind' | 'sequence_overlap' | 'sequence_room' | 'sequence_unread';

/** A sequence that gives out numbers which are taken, or soon will. */
export interface SequenceFinding {
  /**
   * `sequence_behind`: its next number is not above the column's own. `sequence_overlap`: both sides give out
   * the same numbers. `sequence_room` (a warning): less than a tenth is left before they do. `sequence_unread` (a warning):
   * the role may not read it.
   */
  readonly kind: SequenceFindingKind;
  readonly severity: FindingSeverity;
  readonly on: 'source' | 'target';
  readonly sequence: TableName;
  /** The column that holds its numbers; absent where it was not looked at. */
  readonly column?: string;
  /** The number it gives out next; empty: not known. */
  readonly next: string;
  /** The largest of its numbers in the column, or the number at which it meets the other side's; empty: not known. */
  readonly taken: string;
  readonly remedy?: Remedy;
}
