import type { TableName } from '../model/names.ts';
import type { SchemaFinding, SequenceFinding, StructureCheck } from '../model/structure-finding.ts';

/** A table of which the structure is compared. */
export interface StructureScope {
  readonly source: TableName;
  readonly target: TableName;
  /** The columns of both sides, where not all are compared. */
  readonly columns?: readonly { readonly source: string; readonly target: string }[];
  /** Columns of the source that are nobody's business. */
  readonly exclude?: readonly string[];
  /** SQL condition: only such rows are compared, on that side. */
  readonly where?: string;
  readonly targetWhere?: string;
  /** What a module makes of the columns, only the module knows: nothing but its sequences can be compared. */
  readonly opaque?: boolean;
}

/** What was found at one table. */
export interface TableStructure {
  /** The target's name. */
  readonly target: TableName;
  readonly schema: readonly SchemaFinding[];
  readonly sequences: readonly SequenceFinding[];
}

/** Compares two databases' catalogues. Reads both; writes nothing. */
export interface StructureComparer {
  /**
   * One entry for each table that both sides have. Tables that only one side has, views and tables whose
   * mapping is a module's are left out.
   * @param options.checks `references` is not this one's.
   */
  compare(options: { readonly tables: readonly StructureScope[]; readonly checks: ReadonlySet<StructureCheck> }): Promise<readonly TableStructure[]>;
}
