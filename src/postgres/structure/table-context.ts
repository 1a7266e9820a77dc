import type { TableName } from '../../model/names.ts';
import type { Column, Table } from '../../model/schema.ts';
import { SCHEMA_FINDINGS, type Remedy, type SchemaFinding, type SchemaFindingKind } from '../../model/structure-finding.ts';

/** One table as the source asks for it, and as the target has it. */
export interface TableContext {
  /** In the target's names. */
  readonly expected: Table;
  readonly actual: Table;
  readonly sourceName: TableName;
  /** Whether columns have other names, types or values on the two sides. */
  readonly reshaped: boolean;
  /** Whether the table is called the same and looks the same, so that one side's SQL is good on the other. */
  readonly alike: boolean;
  /** Whether only named columns are compared; others of the target are meant to be there. */
  readonly chosen: boolean;
  /** The target's names of columns with values of their own for the source's: any type may hold them. */
  readonly revalued: ReadonlySet<string>;
  /** The target's names of columns that are nobody's business. */
  readonly excluded: ReadonlySet<string>;
  /** A default as the target would write it: with its own sequences' names. */
  readonly translated: (expression: string | undefined) => string | undefined;
  /** Whether a foreign key's target was moved, and looks there as the source has it. */
  readonly comparable: (table: TableName) => boolean;
}

export interface FindingParts {
  readonly object: string;
  readonly source: string | null | undefined;
  readonly target: string | null | undefined;
  readonly on?: Remedy['on'];
  /** Empty: nothing that a statement could do. */
  readonly sql?: readonly string[];
}

export function finding(kind: SchemaFindingKind, { object, source, target, on = 'target', sql = [] }: FindingParts): SchemaFinding {
  return {
    kind, severity: SCHEMA_FINDINGS[kind], object, source: source ?? null, target: target ?? null,
    ...(sql.length > 0 ? { remedy: { on, sql } } : {}),
  };
}

/** Whether new rows get a number from a sequence in this column. */
export const drawsNumbers = (column: Column): boolean => column.identity !== undefined || column.default?.includes('nextval(') === true;
