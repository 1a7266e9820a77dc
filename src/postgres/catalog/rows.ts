/** What the statements of queries.ts return, field by field. */

export interface TableListRow {
  readonly oid: string;
  readonly schema: string;
  readonly name: string;
  readonly parent: string | null;
}

export interface TableRow {
  readonly oid: string;
  readonly kind: 'r' | 'p';
  readonly isPartition: boolean;
  readonly bound: string | null;
  readonly partitionBy: string | null;
  readonly replicaIdentity: 'd' | 'f' | 'n' | 'i';
  readonly replicaIdentityIndex: string | null;
  readonly unlogged: boolean;
  readonly rowSecurity: boolean;
  readonly comment: string | null;
  readonly estimatedRows: number;
  readonly bytes: number;
}

export interface ColumnRow {
  readonly table: string;
  readonly name: string;
  readonly type: string;
  readonly nullable: boolean;
  /** Of the default or of the generated column. */
  readonly expression: string | null;
  readonly identity: '' | 'a' | 'd';
  readonly generated: '' | 's' | 'v';
  readonly collation: string | null;
  readonly comment: string | null;
}

export type ActionLetter = 'a' | 'r' | 'c' | 'n' | 'd';

export interface ConstraintRow {
  readonly table: string;
  readonly type: 'p' | 'u' | 'f' | 'c' | 'x';
  readonly name: string;
  readonly deferrable: boolean;
  readonly definition: string;
  readonly columns: readonly string[] | null;
  readonly nullsNotDistinct: boolean;
  readonly foreignSchema: string | null;
  readonly foreignTable: string | null;
  readonly foreignColumns: readonly string[] | null;
  /** A space where the constraint is no foreign key. */
  readonly onDelete: ActionLetter | ' ';
  readonly onUpdate: ActionLetter | ' ';
}

export interface IndexRow {
  readonly table: string;
  readonly name: string;
  readonly unique: boolean;
  readonly partial: boolean;
  readonly definition: string;
  readonly columns: readonly (string | null)[];
}

export interface TriggerRow {
  readonly table: string;
  readonly name: string;
  readonly definition: string;
  readonly enabled: 'O' | 'A' | 'R' | 'D';
  readonly calls: string;
}

export interface EnumRow {
  readonly schema: string;
  readonly name: string;
  readonly labels: readonly string[] | null;
}

export interface DomainRow {
  readonly schema: string;
  readonly name: string;
  readonly baseType: string;
  readonly nullable: boolean;
  readonly default: string | null;
  readonly checks: readonly { readonly name: string; readonly definition: string }[];
}

export interface StructuredTypeRow {
  readonly schema: string;
  readonly name: string;
  readonly kind: 'composite' | 'range';
  readonly definition: string;
  readonly parts: readonly string[];
}

export interface SequenceRow {
  readonly schema: string;
  readonly name: string;
  readonly type: string;
  readonly increment: string;
  readonly min: string;
  readonly max: string;
  readonly start: string;
  readonly cache: string;
  readonly cycle: boolean;
  readonly ownerSchema: string | null;
  readonly ownerTable: string | null;
  readonly ownerColumn: string | null;
  readonly identity: boolean | null;
}

export interface ExtensionRow {
  readonly name: string;
  readonly schema: string;
}

export interface ViewRow {
  readonly schema: string;
  readonly name: string;
  readonly materialized: boolean;
  readonly definition: string;
  readonly columns: readonly string[] | null;
  readonly reads: readonly { readonly schema: string; readonly name: string }[];
}
