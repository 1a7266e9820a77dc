import { quoteIdentifier, quoteLiteral, tableName } from '../../src/model/names.ts';

/*
 * A schema that a seeded generator makes and changes. Tables and columns have a key of their own, so that what
 * stands on them follows a rename; whoever renders it looks up the name of the day.
 */

export interface RandomColumn {
  readonly key: number;
  readonly name: string;
  readonly type: string;
  readonly nullable: boolean;
  /** DEFAULT, IDENTITY or GENERATED, as SQL. */
  readonly value?: 'identity always' | 'identity by default' | 'serial' | { readonly default: string } | { readonly twice: number };
  readonly collation?: string;
  readonly comment?: string;
  /** A reference to the key of a table. */
  readonly references?: { readonly table: number; readonly actions: string };
}

/** `%0`, `%1` in its SQL stand for the names of `columns`. */
export interface RandomRule {
  readonly kind: 'unique' | 'check' | 'exclude' | 'index' | 'unique index' | 'trigger' | 'policy';
  readonly name: string;
  readonly columns: readonly number[];
  readonly sql: string;
  /** Of a trigger: how it is enabled. */
  readonly enabled?: 'DISABLE' | 'ENABLE ALWAYS' | 'ENABLE REPLICA';
}

export interface RandomTable {
  readonly key: number;
  readonly schema: string;
  readonly name: string;
  readonly idType: 'integer' | 'bigint';
  readonly partitioned: boolean;
  readonly unlogged: boolean;
  readonly replicaFull: boolean;
  readonly rowSecurity: boolean;
  readonly comment?: string;
  readonly columns: readonly RandomColumn[];
  readonly rules: readonly RandomRule[];
}

export interface RandomView {
  readonly key: number;
  readonly name: string;
  readonly materialized: boolean;
  /** The key of the table or view that it reads. */
  readonly reads: number;
  readonly columns: readonly number[];
  readonly where: boolean;
}

/** A function or procedure; `form` is what stands behind its name. */
export interface RandomRoutine {
  readonly key: number;
  readonly name: string;
  readonly kind: 'FUNCTION' | 'PROCEDURE';
  readonly form: string;
}

/** What everybody may do with a table or view. */
export interface RandomGrant {
  /** The key of the table or view. */
  readonly on: number;
  readonly privilege: 'SELECT' | 'INSERT' | 'UPDATE' | 'DELETE';
  /** The key of a column, where it is for one only. */
  readonly column?: number;
}

export interface RandomSchema {
  readonly enums: readonly { readonly name: string; readonly labels: readonly string[] }[];
  readonly domains: readonly { readonly name: string; readonly default?: string; readonly checks: readonly string[] }[];
  readonly sequences: readonly { readonly name: string; readonly options: string }[];
  readonly tables: readonly RandomTable[];
  readonly views: readonly RandomView[];
  readonly composites: readonly { readonly name: string; readonly parts: string }[];
  readonly routines: readonly RandomRoutine[];
  readonly grants: readonly RandomGrant[];
}

export const EMPTY: RandomSchema = { enums: [], domains: [], sequences: [], tables: [], views: [], composites: [], routines: [], grants: [] };

const fullName = ({ schema, name }: { readonly schema: string; readonly name: string }): string => `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;

/** SQL that makes the schema in an empty database. */
export function sqlOf(schema: RandomSchema): string {
  const schemas = [...new Set(schema.tables.map((table) => table.schema))].filter((name) => name !== 'public');
  return [
    `CREATE FUNCTION public.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'`,
    ...schemas.map((name) => `CREATE SCHEMA ${quoteIdentifier(name)}`),
    ...schema.enums.map(({ name, labels }) => `CREATE TYPE public.${quoteIdentifier(name)} AS ENUM (${labels.map(quoteLiteral).join(', ')})`),
    ...schema.domains.map(({ name, default: value, checks }) => `CREATE DOMAIN public.${quoteIdentifier(name)} AS integer${value === undefined ? '' : ` DEFAULT ${value}`}${checks.map((check, n) => ` CONSTRAINT d${n} CHECK (${check})`).join('')}`),
    ...schema.composites.map(({ name, parts }) => `CREATE TYPE public.${quoteIdentifier(name)} AS (${parts})`),
    ...schema.routines.map(({ name, kind, form }) => `CREATE ${kind} public.${quoteIdentifier(name)}${form}`),
    ...schema.sequences.map(({ name, options }) => `CREATE SEQUENCE public.${quoteIdentifier(name)} ${options}`),
    ...schema.tables.flatMap(tableSql),
    ...schema.tables.flatMap((table) => table.columns.flatMap((column) => referenceSql(schema, table, column))),
    ...schema.views.map((view) => viewSql(schema, view)),
    ...schema.grants.flatMap((grant) => grantSql(schema, grant)),
  ].join(';\n');
}

function tableSql(table: RandomTable): string[] {
  const name = fullName(table);
  const named = (rule: RandomRule): string => rule.sql.replaceAll(/%(\d)/g, (_, at: string) => quoteIdentifier(columnName(table, rule.columns[Number(at)])));
  const constraints = table.rules.flatMap((rule) => (rule.kind === 'unique' || rule.kind === 'check' || rule.kind === 'exclude' ? [`  CONSTRAINT ${quoteIdentifier(rule.name)} ${named(rule)}`] : []));
  const lines = [`  id ${table.idType} PRIMARY KEY`, ...table.columns.map((column) => `  ${columnSql(table, column)}`), ...constraints];
  return [
    `CREATE ${table.unlogged ? 'UNLOGGED ' : ''}TABLE ${name} (\n${lines.join(',\n')}\n)${table.partitioned ? ' PARTITION BY RANGE (id)' : ''}`,
    ...(table.partitioned ? [['_a', 'FROM (MINVALUE) TO (3)'], ['_b', 'FROM (3) TO (MAXVALUE)']].map(([suffix = '', bound]) => `CREATE TABLE ${fullName({ ...table, name: `${table.name}${suffix}` })} PARTITION OF ${name} FOR VALUES ${bound}`) : []),
    ...table.rules.flatMap((rule) => {
      if (rule.kind === 'index' || rule.kind === 'unique index') return [`CREATE ${rule.kind.toUpperCase()} ${quoteIdentifier(rule.name)} ON ${name} ${named(rule)}`];
      if (rule.kind === 'policy') return [`CREATE POLICY ${quoteIdentifier(rule.name)} ON ${name} ${named(rule)}`];
      if (rule.kind !== 'trigger') return [];
      return [`CREATE TRIGGER ${quoteIdentifier(rule.name)} ${named(rule).replace('%t', name)}`, ...(rule.enabled === undefined ? [] : [`ALTER TABLE ${name} ${rule.enabled} TRIGGER ${quoteIdentifier(rule.name)}`])];
    }),
    ...(table.rowSecurity ? [`ALTER TABLE ${name} ENABLE ROW LEVEL SECURITY`] : []),
    ...(table.replicaFull ? [`ALTER TABLE ${name} REPLICA IDENTITY FULL`] : []),
    ...(table.comment === undefined ? [] : [`COMMENT ON TABLE ${name} IS ${quoteLiteral(table.comment)}`]),
    ...table.columns.flatMap((column) => (column.comment === undefined ? [] : [`COMMENT ON COLUMN ${name}.${quoteIdentifier(column.name)} IS ${quoteLiteral(column.comment)}`])),
  ];
}

function columnSql(table: RandomTable, { name, type, nullable, value, collation }: RandomColumn): string {
  const more = value === undefined ? '' : value === 'serial' ? '' : typeof value === 'string' ? ` GENERATED ${value.replace('identity ', '').toUpperCase()} AS IDENTITY` : 'default' in value ? ` DEFAULT ${value.default}` : ` GENERATED ALWAYS AS (${quoteIdentifier(columnName(table, value.twice))} * 2) STORED`;
  return `${quoteIdentifier(name)} ${value === 'serial' ? (type === 'bigint' ? 'bigserial' : 'serial') : type}${collation === undefined ? '' : ` COLLATE ${collation}`}${more}${nullable ? '' : ' NOT NULL'}`;
}

function columnName(table: RandomTable, key: number | undefined): string {
  return table.columns.find((column) => column.key === key)?.name ?? 'id';
}

function referenceSql({ tables }: RandomSchema, table: RandomTable, { key, name, references }: RandomColumn): string[] {
  const other = tables.find((each) => each.key === references?.table);
  if (!references || !other) return [];
  return [`ALTER TABLE ${fullName(table)} ADD CONSTRAINT fk${key} FOREIGN KEY (${quoteIdentifier(name)}) REFERENCES ${fullName(other)} ${references.actions}`];
}

function viewSql({ tables, views }: RandomSchema, { name, materialized, reads, columns, where }: RandomView): string {
  const table = tables.find(({ key }) => key === reads);
  const view = views.find(({ key }) => key === reads);
  const from = table ? fullName(table) : `public.${quoteIdentifier(view?.name ?? '')}`;
  const list = ['id', ...(table ? columns.map((key) => quoteIdentifier(columnName(table, key))) : [])];
  return `CREATE ${materialized ? 'MATERIALIZED ' : ''}VIEW public.${quoteIdentifier(name)} AS SELECT ${list.join(', ')} FROM ${from}${where ? ' WHERE id > 0' : ''}`;
}

/** Nothing, where what it is about is gone. */
function grantSql({ tables, views }: RandomSchema, { on, privilege, column }: RandomGrant): string[] {
  const table = tables.find(({ key }) => key === on);
  const view = views.find(({ key }) => key === on);
  const only = table?.columns.find(({ key }) => key === column);
  if ((!table && !view) || (column !== undefined && !only)) return [];
  return [`GRANT ${privilege}${only ? ` (${quoteIdentifier(only.name)})` : ''} ON ${table ? fullName(table) : `public.${quoteIdentifier(view?.name ?? '')}`} TO PUBLIC`];
}

/** The renames that lead from one to the other, as `--rename` takes them. */
export function renamesBetween(old: RandomSchema, fresh: RandomSchema): Record<string, string> {
  const display = (table: RandomTable): string => tableName(table.schema, table.name);
  const renames: Record<string, string> = {};
  for (const table of old.tables) {
    const other = fresh.tables.find(({ key }) => key === table.key);
    if (!other) continue;
    if (other.name !== table.name) renames[display(table)] = display(other);
    for (const column of table.columns) {
      const after = other.columns.find(({ key }) => key === column.key);
      if (after && after.name !== column.name) renames[`${display(table)}.${quoteIdentifier(column.name)}`] = `${display(other)}.${quoteIdentifier(after.name)}`;
    }
  }
  return renames;
}
