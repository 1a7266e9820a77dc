import type pg from 'pg';
import type { Value } from '../../model/change.ts';
import { quoteIdentifier, quoteTable } from '../../model/names.ts';
import type { ComparisonForm, RowIdentity, RowState, SelectedColumn, Selection } from '../../ports/checksummer.ts';
import { columnHashSql, fromSql, hashSql, keyColumns, placeSql, valueSql, whereSql } from './expressions.ts';
import { refused } from './query.ts';

/** Rows asked for in one statement; fewer with their values, which may be wide. */
const ROWS_AT_ONCE = 5000;
const ROWS_WITH_VALUES_AT_ONCE = 500;

/**
 * Types of the key columns for look-ups, without lengths (a cast to `varchar(3)` would cut silently), and
 * the schema of the type's own `=`, which the search path does not hold.
 */
export const KEY_TYPES_SQL = `
SELECT a.attname, format_type(b.oid, -1) AS type, o.schema AS equality, c.relkind IN ('r', 'p') AS versioned
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_type t ON t.oid = a.atttypid
  CROSS JOIN LATERAL (SELECT CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END AS oid) AS b
  LEFT JOIN LATERAL (SELECT quote_ident(n.nspname) AS schema FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace
     WHERE o.oprname = '=' AND o.oprleft = b.oid AND o.oprright = b.oid LIMIT 1) AS o ON true
 WHERE c.oid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped`;

/** What a look-up has to know of a key column. */
interface KeyType {
  readonly type: string;
  readonly equality: string | null;
}

export async function rowStates(
  pool: pg.Pool,
  selection: Selection,
  identities: readonly RowIdentity[],
  options: { readonly values: boolean; readonly hashed: boolean; readonly signal?: AbortSignal },
): Promise<readonly RowState[]> {
  if (identities.length === 0) return [];
  const catalogue = await pool.query<KeyType & { readonly attname: string; readonly versioned: string }>(KEY_TYPES_SQL, [quoteTable(selection.table)]);
  const types = new Map(catalogue.rows.map((row) => [row.attname, row]));
  const versioned = catalogue.rows[0]?.versioned === 't';
  const text =
    selection.keyLength > 0
      ? keyedSql(selection, { ...options, versioned, typeOf: (name) => types.get(name) ?? { type: 'text', equality: null } })
      : keylessSql(selection, options);
  const states: RowState[] = [];
  const size = options.values ? ROWS_WITH_VALUES_AT_ONCE : ROWS_AT_ONCE;
  for (let from = 0; from < identities.length; from += size) {
    options.signal?.throwIfAborted();
    const part = identities.slice(from, from + size);
    try {
      const found = await pool.query<Value[]>({ text, rowMode: 'array', values: parametersOf(selection, part) });
      for (const row of found.rows) states.push(stateOf(selection, row, from, options.values));
    } catch (error) {
      throw refused(error, selection);
    }
  }
  return states;
}

function parametersOf(selection: Selection, identities: readonly RowIdentity[]): unknown[] {
  if (selection.keyLength === 0) return [identities.map((identity) => String(identity.place))];
  return keyColumns(selection).map((_, i) => identities.map((identity) => identity.key[i]));
}

function keyedSql(
  selection: Selection,
  options: { readonly values: boolean; readonly hashed: boolean; readonly versioned: boolean; readonly typeOf: (name: string) => KeyType },
): string {
  const keys = keyColumns(selection);
  const names = keys.map((_, i) => `x${i}`);
  const lookups = keys.map((column, i) => lookupOf(column, options.typeOf(column.name), i));
  const output = [
    'w.at',
    options.hashed ? hashSql(selection) : "'0'",
    '1',
    options.versioned ? 't.xmin::text' : 'NULL',
    ...(options.values ? selection.columns.flatMap((column) => [valueSql(column), columnHashSql(selection, column)]) : []),
  ];
  const wanted =
    `SELECT ${['x.at', ...names.map((name) => `x.${name}`), ...lookups.map(({ value }, i) => `${value} AS k${i}`)].join(', ')} ` +
    `FROM unnest(${keys.map((_, i) => `$${i + 1}::text[]`).join(', ')}) WITH ORDINALITY AS x (${names.join(', ')}, at)`;
  const matches = lookups.map(({ match }) => match);
  return `SELECT ${output.join(', ')} FROM (${wanted}) AS w JOIN ${fromSql(selection)} ON ${matches.join(' AND ')} ${whereSql(selection)}`;
}

/** A type that holds every value of either side's, where the two types differ. */
const WIDE_TYPES = { integer: 'int8', decimal: 'numeric', fixed: 'numeric', float: 'float8', digits: 'float8', timestamp: 'timestamp', instant: 'timestamptz', document: 'jsonb' } as const;

/** What a value goes through before it is compared as the wide type, where its own `=` would not do. */
const AS_WIDE: Readonly<Partial<Record<ComparisonForm, string>>> = { document: '::jsonb', digits: '::text::float8' };

/**
 * How the i-th column of a key is found: what its text becomes, and when a row has it. The other side's key
 * may be no value of this side's type (an `int4` has no 3000000000, an enum not every text), so it is read as
 * one only where the types are the same.
 */
function lookupOf(column: SelectedColumn, { type, equality }: KeyType, i: number): { readonly value: string; readonly match: string } {
  const own = `t.${quoteIdentifier(column.name)}`;
  const sameText = `${own}::text COLLATE "C" = w.x${i} COLLATE "C"`;
  if (column.sameType) {
    const match = `${own} ${equality === null ? '=' : `OPERATOR(${equality}.=)`} w.k${i}`;
    // For an index the key's own equality; by it, texts that count as different may be equal (in a collation that ignores case).
    return { value: `x.x${i}::${type}`, match: column.form === 'text' && !column.judged ? `${match} AND ${sameText}` : match };
  }
  if (column.form === 'text' || column.form === 'native' || column.form === 'time') return { value: `x.x${i}`, match: sameText };
  const wide = WIDE_TYPES[column.form];
  return { value: `x.x${i}::${wide}`, match: `${own}${AS_WIDE[column.form] ?? ''} = w.k${i}` };
}

/** Equal rows are one group; where equal values have several texts, the least of them stands for all. */
function keylessSql(selection: Selection, options: { readonly values: boolean }): string {
  const place = placeSql(selection);
  const output = [
    `array_position($1::int8[], ${place})`,
    hashSql(selection),
    'count(*)',
    'NULL',
    ...(options.values
      ? selection.columns.flatMap((column) => [`min(${valueSql(column)} COLLATE "C")`, `min(${columnHashSql(selection, column)})`])
      : []),
  ];
  return `SELECT ${output.join(', ')} FROM ${fromSql(selection)} ${whereSql(selection, `${place} = ANY ($1::int8[])`)} GROUP BY 1, 2`;
}

function stateOf(selection: Selection, row: readonly Value[], from: number, withValues: boolean): RowState {
  const [at, hash, times, version, ...cells] = row;
  return {
    index: from + Number(at) - 1,
    hash: hash ?? '',
    times: Number(times),
    ...(version === null || version === undefined ? {} : { version }),
    ...(withValues
      ? {
          values: selection.columns.map((_, i) => cells[2 * i] ?? null),
          columnHashes: selection.columns.map((_, i) => cells[2 * i + 1] ?? null),
        }
      : {}),
  };
}
