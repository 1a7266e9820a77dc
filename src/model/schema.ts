import type { TableName } from './names.ts';

/** A database's structure, as its catalogue or its SQL says. Names are real names, unquoted. */
export interface Schema {
  readonly dialect: 'postgresql' | 'mysql';
  readonly tables: readonly Table[];
  readonly enums: readonly EnumType[];
  readonly domains: readonly DomainType[];
  /** Composite and range types; absent: none. */
  readonly structuredTypes?: readonly StructuredType[];
  readonly sequences: readonly Sequence[];
  readonly views: readonly View[];
  /** Extensions that the tables need, other than the server's own. */
  readonly extensions: readonly string[];
  /** The schema that each of `extensions` is installed in, where known. */
  readonly extensionSchemas?: Readonly<Record<string, string>>;
}

export interface Table {
  readonly name: TableName;
  readonly kind: 'table' | 'partitioned' | 'partition';
  readonly columns: readonly Column[];
  /** Absent: the table has no primary key. */
  readonly primaryKey?: Key;
  readonly uniques: readonly Key[];
  readonly foreignKeys: readonly ForeignKey[];
  readonly checks: readonly Check[];
  /** EXCLUDE constraints; absent: none. */
  readonly exclusions?: readonly Check[];
  /** Indexes that no key constraint owns. */
  readonly indexes: readonly Index[];
  readonly triggers: readonly Trigger[];
  /** What an UPDATE or DELETE in the log says of the old row. */
  readonly replicaIdentity: 'default' | 'full' | 'nothing' | 'index';
  /** The index that `replicaIdentity: 'index'` names, where known. */
  readonly replicaIdentityIndex?: string;
  /** Of a partition: its parent and the bound as SQL (`FOR VALUES …`). */
  readonly partitionOf?: { readonly parent: TableName; readonly bound: string };
  /** Of a partitioned table: the key as SQL (`RANGE (created_at)`). */
  readonly partitionBy?: string;
  readonly unlogged: boolean;
  readonly rowSecurity: boolean;
  readonly comment?: string;
  /** The server's own estimate; -1 when it has none. */
  readonly estimatedRows: number;
  /** Table with indexes and TOAST; 0 when unknown. */
  readonly bytes: number;
}

export interface Column {
  readonly name: string;
  /** As the server spells it, with length and precision: `character varying(80)`, `numeric(12,2)`, `shop.mood[]`. */
  readonly type: string;
  readonly nullable: boolean;
  /** SQL of the default; absent: none. */
  readonly default?: string;
  readonly identity?: 'always' | 'by default';
  /** SQL of a generated column; it is never written. */
  readonly generated?: string;
  /** Of a generated column: computed when read, not stored. */
  readonly virtual?: boolean;
  readonly collation?: string;
  readonly comment?: string;
}

export interface Key {
  readonly name: string;
  readonly columns: readonly string[];
  /** SQL after the constraint's name, as the server prints it. */
  readonly definition: string;
  readonly deferrable: boolean;
  readonly nullsNotDistinct: boolean;
}

export type ForeignKeyAction = 'no action' | 'restrict' | 'cascade' | 'set null' | 'set default';

export interface ForeignKey {
  readonly name: string;
  readonly columns: readonly string[];
  readonly references: TableName;
  readonly referencedColumns: readonly string[];
  readonly onDelete: ForeignKeyAction;
  readonly onUpdate: ForeignKeyAction;
  readonly definition: string;
}

export interface Check {
  readonly name: string;
  readonly definition: string;
}

export interface Index {
  readonly name: string;
  /** Column names where the index is on plain columns; an expression is `null`. */
  readonly columns: readonly (string | null)[];
  readonly unique: boolean;
  readonly partial: boolean;
  /** The whole CREATE INDEX statement. */
  readonly definition: string;
}

export interface Trigger {
  readonly name: string;
  readonly definition: string;
  /** The function or procedure it calls. */
  readonly calls: string;
  /** When it fires, by the session's replication role; `origin` is the ordinary kind. Absent: unknown. */
  readonly enabled?: 'origin' | 'always' | 'replica' | 'disabled';
}

export interface EnumType {
  readonly schema: string;
  readonly name: string;
  readonly labels: readonly string[];
}

export interface DomainType {
  readonly schema: string;
  readonly name: string;
  readonly baseType: string;
  readonly nullable: boolean;
  readonly default?: string;
  readonly checks: readonly Check[];
}

/** A composite or range type made by a user. */
export interface StructuredType {
  readonly schema: string;
  readonly name: string;
  readonly kind: 'composite' | 'range';
  /** SQL after the type's name: `AS (x integer, y text)`, `AS RANGE (SUBTYPE = …)`. */
  readonly definition: string;
  /** The types it is made from, as the server spells them. */
  readonly parts: readonly string[];
}

export interface Sequence {
  readonly schema: string;
  readonly name: string;
  readonly type: string;
  readonly increment: string;
  readonly min: string;
  readonly max: string;
  readonly cycle: boolean;
  readonly start?: string;
  readonly cache?: string;
  /** The column that owns it (serial or identity). */
  readonly ownedBy?: { readonly table: TableName; readonly column: string; readonly identity: boolean };
}

export interface View {
  readonly name: TableName;
  readonly materialized: boolean;
  readonly columns: readonly string[];
  readonly definition: string;
  /** Tables and views it reads, where the catalogue knows. */
  readonly reads: readonly TableName[];
}
