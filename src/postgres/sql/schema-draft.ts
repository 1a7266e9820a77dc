import { quoteIdentifier, splitTableName, type TableName } from '../../model/names.ts';
import type {
  Check,
  Column,
  DomainType,
  EnumType,
  ForeignKey,
  Grant,
  Index,
  Key,
  ObjectGrant,
  RoutineDefinition,
  Schema,
  Sequence,
  StatisticsDefinition,
  StructuredType,
  Table,
  Trigger,
  View,
} from '../../model/schema.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export type DraftColumn = Mutable<Column>;

/** A table while the script is being read: later statements add to it. */
export interface DraftTable extends Omit<
  Mutable<Table>,
  'columns' | 'uniques' | 'foreignKeys' | 'checks' | 'indexes' | 'triggers'
> {
  columns: DraftColumn[];
  uniques: Key[];
  foreignKeys: ForeignKey[];
  checks: Check[];
  indexes: Index[];
  triggers: Trigger[];
}

/** Everything a script has defined so far. */
export interface SchemaDraft {
  readonly tables: Map<TableName, DraftTable>;
  readonly views: Map<TableName, View>;
  readonly enums: Map<string, EnumType>;
  readonly domains: Map<string, DomainType>;
  readonly structuredTypes: Map<string, StructuredType>;
  readonly sequences: Map<TableName, Mutable<Sequence>>;
  readonly extensions: Set<string>;
  readonly extensionVersions: Map<string, string>;
  readonly routines: Map<string, RoutineDefinition>;
  readonly statistics: Map<string, StatisticsDefinition>;
  /** Absent: no statement spoke of privileges, so that nothing is known. */
  grants?: Map<string, Grant>;
  objectGrants?: Map<string, ObjectGrant>;
}

export function emptyDraft(): SchemaDraft {
  return {
    tables: new Map(),
    views: new Map(),
    enums: new Map(),
    domains: new Map(),
    structuredTypes: new Map(),
    sequences: new Map(),
    extensions: new Set(),
    extensionVersions: new Map(),
    routines: new Map(),
    statistics: new Map(),
  };
}

export function emptyTable(name: TableName): DraftTable {
  return {
    name,
    kind: 'table',
    columns: [],
    uniques: [],
    foreignKeys: [],
    checks: [],
    indexes: [],
    triggers: [],
    replicaIdentity: 'default',
    unlogged: false,
    rowSecurity: false,
    estimatedRows: -1,
    bytes: 0,
  };
}

/** The finished schema; a foreign key without target columns gets those of the target's primary key. */
export function finishSchema(draft: SchemaDraft): Schema {
  const tables = [...draft.tables.values()].map((table): Table => {
    const foreignKeys = table.foreignKeys.map((key) =>
      key.referencedColumns.length > 0
        ? key
        : { ...key, referencedColumns: draft.tables.get(key.references)?.primaryKey?.columns ?? [] },
    );
    return { ...table, foreignKeys };
  });
  return {
    dialect: 'postgresql',
    tables: tables.sort(byName),
    enums: [...draft.enums.values()],
    domains: [...draft.domains.values()],
    structuredTypes: [...draft.structuredTypes.values()],
    sequences: [...draft.sequences.values()],
    views: [...draft.views.values()].sort(byName),
    extensions: [...draft.extensions].sort(),
    ...(draft.extensionVersions.size > 0 && { extensionVersions: Object.fromEntries(draft.extensionVersions) }),
    ...(draft.routines.size > 0 && { routines: [...draft.routines.values()] }),
    ...(draft.statistics.size > 0 && { statistics: [...draft.statistics.values()] }),
    ...(draft.grants && { grants: [...draft.grants.values()] }),
    ...(draft.objectGrants && { objectGrants: [...draft.objectGrants.values()] }),
  };
}

function byName(a: { readonly name: TableName }, b: { readonly name: TableName }): number {
  if (a.name === b.name) return 0;
  return a.name < b.name ? -1 : 1;
}

/** The sequence that a serial or identity column draws from. */
export function ownedSequence(options: {
  readonly table: TableName;
  readonly column: string;
  readonly type: string;
  readonly identity: boolean;
}): { readonly name: TableName; readonly sequence: Sequence } {
  const { schema, table } = splitTableName(options.table);
  const name = `${table}_${options.column}_seq`;
  const max = { smallint: '32767', integer: '2147483647' }[options.type] ?? '9223372036854775807';
  return {
    name: `${schema}.${name}` as TableName,
    sequence: {
      schema,
      name,
      type: options.type,
      increment: '1',
      min: '1',
      max,
      cycle: false,
      ownedBy: { table: options.table, column: options.column, identity: options.identity },
    },
  };
}

/** The name that PostgreSQL gives a constraint that has none. */
export function constraintName(table: DraftTable, columns: readonly string[], suffix: string): string {
  const stem = [splitTableName(table.name).table, ...columns, suffix].join('_').slice(0, 63);
  const taken = new Set([...table.uniques, ...table.foreignKeys, ...table.checks, ...(table.exclusions ?? [])].map((constraint) => constraint.name));
  if (!taken.has(stem)) return stem;
  let number = 1;
  while (taken.has(`${stem}${number}`)) number += 1;
  return `${stem}${number}`;
}

const PLAIN = /^[a-z_][a-z0-9_$]*$/;

/** Column names for a definition, quoted where they must be. */
export function columnList(columns: readonly string[]): string {
  return columns.map((column) => (PLAIN.test(column) ? column : quoteIdentifier(column))).join(', ');
}
