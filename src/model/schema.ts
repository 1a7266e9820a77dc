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
  // What only a comparison of schemas reads; absent: not read.
  /** The version of each of `extensions`, where known. */
  readonly extensionVersions?: Readonly<Record<string, string>>;
  readonly routines?: readonly RoutineDefinition[];
  readonly grants?: readonly Grant[];
  readonly objectGrants?: readonly ObjectGrant[];
  readonly statistics?: readonly StatisticsDefinition[];
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
  /** Row security holds for the owner too; absent: it does not, or was not read. */
  readonly rowSecurityForced?: boolean;
  /** Absent: none, or not read. */
  readonly policies?: readonly Policy[];
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
  /** Of a materialized view; absent: none, or not read. */
  readonly indexes?: readonly Index[];
}

/** A function or procedure, but no aggregate and no window function. */
export interface RoutineDefinition {
  readonly schema: string;
  readonly name: string;
  readonly kind: 'function' | 'procedure';
  /** The types of what is put in, by which the server tells those of one name apart: `integer, text`. */
  readonly signature: string;
  /** With names, modes and defaults: `a integer, b text DEFAULT 'x'::text`. */
  readonly arguments: string;
  /** Absent: a procedure. */
  readonly returns?: string;
  readonly language: string;
  /** SQL of what is not the default: `IMMUTABLE STRICT SECURITY DEFINER`. */
  readonly attributes: string;
  /** The text behind AS; of a body that is SQL by the standard, the body itself. */
  readonly body: string;
  readonly standardBody: boolean;
}

/** A policy of row security. */
export interface Policy {
  readonly name: string;
  readonly command: 'all' | 'select' | 'insert' | 'update' | 'delete';
  readonly permissive: boolean;
  /** `public`: everybody. */
  readonly roles: readonly string[];
  readonly using?: string;
  readonly check?: string;
}

/** One privilege of one role; those of the owner are not told. */
export interface Grant {
  readonly on: 'table' | 'sequence' | 'schema';
  /** A schema's name, or that of the table, view or sequence. */
  readonly name: string;
  readonly column?: string;
  /** `public`: everybody. */
  readonly grantee: string;
  /** `SELECT`. */
  readonly privilege: string;
  readonly grantable: boolean;
}

/** Extended statistics, which the planner asks about several columns at once. */
export interface StatisticsDefinition {
  readonly schema: string;
  readonly name: string;
  readonly table: TableName;
  /** `dependencies`, `mcv`, `ndistinct`; empty: of one expression. */
  readonly kinds: readonly string[];
  readonly columns: readonly string[];
  readonly expressions: readonly string[];
}

/** The one privilege that there is on a routine (EXECUTE) or a type (USAGE). That everybody has it is not told. */
export interface ObjectGrant {
  readonly on: 'routine' | 'type';
  readonly schema: string;
  readonly name: string;
  /** Of a routine: as that of its definition. */
  readonly signature?: string;
  /** `public`: everybody. */
  readonly grantee: string;
  readonly grantable: boolean;
  /** It was taken from everybody, who has it otherwise. */
  readonly withheld?: true;
}
