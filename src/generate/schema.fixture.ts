import { parseTableName, splitTableName } from '../model/names.ts';
import type { Column, ForeignKey, Key, Schema, Table } from '../model/schema.ts';

/** A column by its name and type, such as `name text not null`. */
export function column(text: string, extra: Partial<Column> = {}): Column {
  const [, name = '', type = '', notNull] = /^(\S+) (.*?)( not null)?$/.exec(text) ?? [];
  return { name, type, nullable: notNull === undefined, ...extra };
}

function key(name: string, columns: readonly string[]): Key {
  return { name, columns, definition: `PRIMARY KEY (${columns.join(', ')})`, deferrable: false, nullsNotDistinct: false };
}

/** A reference such as `user_id -> public.users(id)`. */
export function reference(text: string): ForeignKey {
  const [, columns = '', table = '', referenced = ''] = /^(.*) -> (.*)\((.*)\)$/.exec(text) ?? [];
  return {
    name: `${columns}_fkey`,
    columns: columns.split(','),
    references: parseTableName(table),
    referencedColumns: referenced.split(','),
    onDelete: 'no action',
    onUpdate: 'no action',
    definition: '',
  };
}

export function table(
  name: string,
  columns: readonly (string | Column)[],
  extra: Omit<Partial<Table>, 'primaryKey'> & { readonly primaryKey?: readonly string[] } = {},
): Table {
  const { primaryKey = ['id'], ...rest } = extra;
  const tableName = parseTableName(name);
  return {
    name: tableName,
    kind: 'table',
    columns: columns.map((each) => (typeof each === 'string' ? column(each) : each)),
    ...(primaryKey.length === 0 ? {} : { primaryKey: key(`${splitTableName(tableName).table}_pkey`, primaryKey) }),
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
    ...rest,
  };
}

export function schemaOf(tables: readonly Table[], extra: Partial<Schema> = {}): Schema {
  return { dialect: 'postgresql', tables, enums: [], domains: [], sequences: [], views: [], extensions: [], ...extra };
}

/** Accounts: users with sessions, and a reference to a table of another service. */
export const accounts = schemaOf([
  table(
    'users',
    [
      column('id bigint not null', { identity: 'always' }),
      'email text not null',
      column('name character varying(40) not null', { default: "''::character varying", comment: 'Shown to others.' }),
      'password_hash text',
      'country_code character(2)',
    ],
    { foreignKeys: [reference('country_code -> public.countries(code)')], comment: 'People with an account.' },
  ),
  table('sessions', ['id uuid not null', 'user_id bigint not null', 'data jsonb'], {
    foreignKeys: [reference('user_id -> public.users(id)')],
  }),
  table('countries', ['code character(2) not null'], { primaryKey: ['code'] }),
]);

export const accountTables = [parseTableName('users'), parseTableName('sessions')];

/** `count` related tables of twelve columns. */
export function manyTables(count: number): Schema {
  return schemaOf(
    Array.from({ length: count }, (_, i) =>
      table(
        `thing_${i}`,
        [
          column('id bigint not null', { identity: 'by default' }),
          'name text not null',
          'price numeric(12,2)',
          'active boolean not null',
          'tags text[]',
          'document jsonb',
          'created_at timestamp with time zone not null',
          'amount integer',
          'ratio double precision',
          'code uuid',
          'day date',
          'parent_id bigint',
        ],
        i === 0 ? {} : { foreignKeys: [reference(`parent_id -> public.thing_${i - 1}(id)`)] },
      ),
    ),
  );
}
