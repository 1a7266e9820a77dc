import { Type, type Static } from 'typebox';
import { parseTableName, quoteLiteral, splitTableName, type TableName } from '../../../model/names.ts';
import type { Check, Column, ForeignKey, ForeignKeyAction, Index, Key, Schema, Table, View } from '../../../model/schema.ts';
import { readDocument, type DocumentIssue } from '../../document.ts';
import { columnsText, spelled } from './sql-text.ts';

const Scalar = Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Null()], { description: 'SQL, or a plain value' });
const Size = Type.Optional(Type.Union([Type.Integer(), Type.Null()]));
const Flag = Type.Optional(Type.Boolean());
const Columns = Type.Union([Type.String(), Type.Array(Type.String())]);

const ColumnJson = Type.Object({
  type: Type.String({ description: 'a type, such as varchar(80)' }), length: Size, precision: Size, scale: Size, nullable: Flag, default: Type.Optional(Scalar),
  primary_key: Flag, auto_increment: Flag, unique: Flag, comment: Type.Optional(Type.Union([Type.String(), Type.Null()])),
});

const TableJson = Type.Object({
  columns: Type.Record(Type.String(), ColumnJson),
  constraints: Type.Optional(Type.Object({
    primary_key: Type.Optional(Columns), unique: Type.Optional(Type.Array(Columns)),
    foreign_key: Type.Optional(Type.Array(Type.Object({ name: Type.Optional(Type.String()), columns: Columns, references: Type.String({ description: 'users(id)' }), on_delete: Type.Optional(Type.String()), on_update: Type.Optional(Type.String()) }))),
    check: Type.Optional(Type.Array(Type.Union([Type.String(), Type.Object({ name: Type.Optional(Type.String()), expression: Type.String() })]))),
  })),
  indexes: Type.Optional(Type.Array(Type.Object({ name: Type.Optional(Type.String()), columns: Columns, unique: Flag }))),
  comment: Type.Optional(Type.String()),
});

const SchemaJson = Type.Object({
  schema_version: Type.Optional(Type.Union([Type.String(), Type.Number()])),
  database: Type.Optional(Type.String()),
  tables: Type.Record(Type.String(), TableJson),
  views: Type.Optional(Type.Record(Type.String(), Type.Object({ definition: Type.String(), columns: Type.Optional(Type.Array(Type.String())) }))),
  procedures: Type.Optional(Type.Array(Type.Object({ name: Type.String() }))),
});

type TableOf = Static<typeof TableJson>;
type ColumnOf = Static<typeof ColumnJson>;

/**
 * A schema from INTERFACE's schema JSON. MySQL's types and defaults are understood as the nearest of PostgreSQL's.
 * @throws BANYAN_DOCUMENT with each key, what was found and what was expected.
 */
export function readSchemaJson({ file, text }: { readonly file: string; readonly text: string }): Schema {
  const { value } = readDocument({ file, text, schema: SchemaJson, check: ({ tables }) => Object.entries(tables).flatMap(([name, table]) => issuesOf(name, table)) });
  const tables = Object.entries(value.tables).map(([name, table]) => tableOf(name, table));
  return {
    dialect: 'postgresql', tables: tables.map((table) => withReferences(table, tables)), enums: [], domains: [], sequences: [], extensions: [],
    views: Object.entries(value.views ?? {}).map(([name, { definition, columns = [] }]): View => ({ name: parseTableName(name), materialized: false, columns, definition: definition.replace(/^\s*CREATE\s+(?:OR\s+REPLACE\s+)?VIEW\s+\S+\s+AS\s+/i, ''), reads: tables.map((table) => table.name).filter((table) => readsTable(definition, table)) })),
  };
}

function readsTable(definition: string, table: TableName): boolean {
  const bare = splitTableName(table).table;
  return new RegExp(String.raw`(?<!\w)${bare.replaceAll(/[^\w\s]/g, String.raw`\$&`)}(?!\w)`, 'i').test(definition);
}

function issuesOf(name: string, { columns, constraints = {}, indexes = [] }: TableOf): Omit<DocumentIssue, 'line'>[] {
  const known = new Set(Object.keys(columns));
  const unknown = (names: readonly string[], path: string): Omit<DocumentIssue, 'line'>[] => names.filter((each) => !known.has(each)).map((each) => ({ path, found: JSON.stringify(each), expected: `a column of ${name}: ${[...known].slice(0, 10).join(', ')}` }));
  const at = `tables.${name}`;
  return [
    ...unknown(list(constraints.primary_key ?? []), `${at}.constraints.primary_key`),
    ...(constraints.foreign_key ?? []).flatMap((key, i) => [
      ...unknown(list(key.columns), `${at}.constraints.foreign_key[${i}].columns`),
      ...(REFERENCE.test(key.references) ? [] : [{ path: `${at}.constraints.foreign_key[${i}].references`, found: JSON.stringify(key.references), expected: 'table(column), such as users(id)' }]),
    ]),
    ...indexes.flatMap((index, i) => unknown(list(index.columns).filter((each) => /^\w+$/.test(each)), `${at}.indexes[${i}].columns`)),
  ];
}

const REFERENCE = /^\s*([^()]+?)\s*(?:\(\s*([^()]*?)\s*\))?\s*$/;

const list = (columns: string | readonly string[]): string[] => (typeof columns === 'string' ? columns.split(',').map((each) => each.trim()) : [...columns]);

function tableOf(key: string, json: TableOf): Table {
  const name = parseTableName(/^[\w$]+$/.test(key) ? `"${key}"` : key);
  const bare = name.slice(name.indexOf('.') + 1).replaceAll('"', '');
  const { constraints = {} } = json;
  const primary = constraints.primary_key === undefined ? Object.entries(json.columns).filter(([, column]) => column.primary_key).map(([column]) => column) : list(constraints.primary_key);
  const uniques = [...(constraints.unique ?? []).map(list), ...Object.entries(json.columns).filter(([, column]) => column.unique).map(([column]) => [column])];
  const taken = new Set<string>();
  const named = (wanted: string): string => {
    let free = wanted;
    for (let n = 1; taken.has(free); n++) free = `${wanted}${n}`;
    taken.add(free);
    return free;
  };
  const keyOf = (word: 'PRIMARY KEY' | 'UNIQUE', columns: readonly string[], suffix: string): Key => ({ name: named(suffix), columns, definition: `${word} (${columns.map(spelled).join(', ')})`, deferrable: false, nullsNotDistinct: false });
  // A unique that is given twice, or by its index's name, is one.
  const distinct = [...new Map(uniques.filter((columns) => columns.every((column) => column in json.columns)).map((columns) => [columns.join('\0'), columns])).values()];
  return {
    name, kind: 'table',
    columns: Object.entries(json.columns).map(([column, of]) => columnOf(column, of, primary)),
    ...(primary.length === 0 ? {} : { primaryKey: keyOf('PRIMARY KEY', primary, `${bare}_pkey`) }),
    uniques: distinct.map((columns) => keyOf('UNIQUE', columns, `${bare}_${columns.join('_')}_key`)),
    foreignKeys: (constraints.foreign_key ?? []).map((each): ForeignKey => {
      const [, table = '', referenced = ''] = REFERENCE.exec(each.references) ?? [];
      const columns = list(each.columns);
      const [onDelete, onUpdate] = [foreignKeyAction(each.on_delete), foreignKeyAction(each.on_update)];
      return { name: each.name ?? named(`${bare}_${columns.join('_')}_fkey`), columns, references: parseTableName(table), referencedColumns: referenced === '' ? [] : list(referenced), onDelete, onUpdate, definition: `FOREIGN KEY (${columns.join(', ')}) REFERENCES ${each.references}${onUpdate === 'no action' ? '' : ` ON UPDATE ${onUpdate.toUpperCase()}`}${onDelete === 'no action' ? '' : ` ON DELETE ${onDelete.toUpperCase()}`}` };
    }),
    checks: (constraints.check ?? []).map((check): Check => {
      const expression = typeof check === 'string' ? check : check.expression;
      const of = Object.keys(json.columns).find((column) => new RegExp(String.raw`\b${column.replaceAll(/\W/g, String.raw`\$&`)}\b`).test(expression));
      return { name: (typeof check === 'string' ? undefined : check.name) ?? named(`${bare}${of === undefined ? '' : `_${of}`}_check`), definition: `CHECK (${expression.replace(/^\s*CHECK\s*\(([\s\S]*)\)\s*$/i, '$1').replaceAll('`', '"')})` };
    }),
    indexes: (json.indexes ?? []).map((index): Index => {
      const columns = list(index.columns);
      const own = index.name ?? named(`${bare}_${columns.join('_')}_idx`);
      return { name: own, columns, unique: index.unique ?? false, partial: false, definition: `CREATE ${index.unique ? 'UNIQUE ' : ''}INDEX ${spelled(own)} ON ${name} ${columnsText(columns)}` };
    }),
    triggers: [], replicaIdentity: 'default', unlogged: false, rowSecurity: false, estimatedRows: -1, bytes: 0, ...(json.comment === undefined ? {} : { comment: json.comment }),
  };
}

/** A reference without columns leads to the primary key. */
function withReferences(table: Table, tables: readonly Table[]): Table {
  return { ...table, foreignKeys: table.foreignKeys.map((key) => (key.referencedColumns.length > 0 ? key : { ...key, referencedColumns: tables.find(({ name }) => name === key.references)?.primaryKey?.columns ?? ['id'] })) };
}

function columnOf(name: string, json: ColumnOf, primary: readonly string[]): Column {
  const type = typeOf(json);
  const value = defaultOf(json.default, type);
  const counts = json.auto_increment === true || /serial$/i.test(json.type);
  return {
    name, type, nullable: !counts && !primary.includes(name) && json.primary_key !== true && (json.nullable ?? true), ...(counts ? { identity: 'by default' as const } : value === undefined ? {} : { default: value }),
    ...(typeof json.comment === 'string' && json.comment !== '' ? { comment: json.comment } : {}),
  };
}

/** Of MySQL and of PostgreSQL, as the server spells it. */
const SPELLINGS: Readonly<Record<string, string>> = {
  int: 'integer', int4: 'integer', integer: 'integer', mediumint: 'integer', serial: 'integer', tinyint: 'smallint', int2: 'smallint', smallserial: 'smallint', int8: 'bigint', bigserial: 'bigint',
  bool: 'boolean', varchar: 'character varying', nvarchar: 'character varying', 'varchar2': 'character varying', char: 'character', nchar: 'character', bpchar: 'character', decimal: 'numeric', dec: 'numeric', number: 'numeric', double: 'double precision', float8: 'double precision', float: 'double precision', float4: 'real',
  datetime: 'timestamp without time zone', timestamp: 'timestamp without time zone', timestamptz: 'timestamp with time zone', time: 'time without time zone', timetz: 'time with time zone', year: 'smallint',
  tinytext: 'text', mediumtext: 'text', longtext: 'text', string: 'text', tinyblob: 'bytea', blob: 'bytea', mediumblob: 'bytea', longblob: 'bytea', binary: 'bytea', varbinary: 'bytea', varbit: 'bit varying', enum: 'text', set: 'text',
};

/** For what is never negative. */
const TWICE_AS_FAR: Readonly<Record<string, string>> = { smallint: 'integer', integer: 'bigint', bigint: 'numeric(20,0)' };

export function typeOf({ type, length, precision, scale }: Pick<ColumnOf, 'type' | 'length' | 'precision' | 'scale'>): string {
  const [array = ''] = /(?:\[\])+$/.exec(type.trim()) ?? [];
  const sizes = /\(([^)]*)\)/.exec(type)?.[1];
  const unsigned = /\bunsigned\b/i.test(type);
  const plain = type.replace(/\([^)]*\)/, ' ').replace(/(?:\[\])+\s*$/, '').toLowerCase().replaceAll(/\b(?:unsigned|zerofill)\b/g, '').replaceAll(/\s+/g, ' ').trim();
  if (plain === 'tinyint' && sizes?.trim() === '1') return `boolean${array}`;
  const base = SPELLINGS[plain] ?? plain;
  const wider = unsigned ? TWICE_AS_FAR[base] : undefined;
  if (wider !== undefined) return wider;
  const given = sizes === undefined ? (base === 'numeric' ? [precision, scale ?? (typeof precision === 'number' ? 0 : undefined)] : /^(character|bit)/.test(base) ? [length] : []) : sizes.split(',').map((size) => size.trim());
  const numbers = given.filter((size) => size !== undefined && size !== null);
  if (numbers.length === 0 || /^(smallint|integer|bigint|boolean|text|bytea|real|double precision)$/.test(base)) return `${base}${array}`;
  const modifiers = base === 'numeric' && numbers.length === 1 ? [...numbers, 0] : numbers;
  const zone = / with(?:out)? time zone$/.exec(base);
  return `${zone ? `${base.slice(0, zone.index)}(${modifiers.join(',')})${zone[0]}` : `${base}(${modifiers.join(',')})`}${array}`;
}

/** What is a value and not SQL is quoted: `UTC`, but not `now()`, `5` or `'x'`. */
export function defaultOf(value: ColumnOf['default'], type: string): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string') return type === 'boolean' && typeof value === 'number' ? String(value !== 0) : String(value);
  const text = value.trim().replace(/\s+ON UPDATE CURRENT_TIMESTAMP(?:\(\d*\))?$/i, '');
  if (/^null$/i.test(text)) return undefined;
  if (/^(CURRENT_(?:TIMESTAMP|DATE|TIME|USER)|LOCALTIMESTAMP|LOCALTIME)(?:\(\d*\))?$/i.test(text)) return text.toUpperCase().replace('()', '');
  if (/^(true|false)$/i.test(text)) return text.toLowerCase();
  const number = /^-?\d+(\.\d+)?$/.test(text);
  if (number && type === 'boolean') return String(text !== '0');
  if (number && !/^(text|character)/.test(type)) return text;
  if (/^[a-z_][\w.]*\([\s\S]*\)$/i.test(text) || /^[eb]?'(?:[^']|'')*'(?:::[\w .()[\]]+)?$/i.test(text) || /^array\[/i.test(text)) return text;
  return quoteLiteral(value);
}

/** `ON DELETE` and `ON UPDATE`; absent: no action. */
export function foreignKeyAction(text: string | undefined): ForeignKeyAction {
  const found = text?.trim().toLowerCase().replaceAll(/[\s_]+/g, ' ');
  return found === 'cascade' || found === 'restrict' || found === 'set null' || found === 'set default' ? found : 'no action';
}
