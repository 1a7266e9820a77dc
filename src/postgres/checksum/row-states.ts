import type pg from 'pg';
import type { Value } from '../../model/change.ts';
import { quoteIdentifier, quoteTable } from '../../model/names.ts';
import type { RowIdentity, RowState, Selection } from '../../ports/checksummer.ts';
import { columnHashSql, fromSql, hashSql, keyColumns, placeSql, valueSql, whereSql } from './expressions.ts';
import { refused } from './query.ts';

/** Rows asked for in one statement; fewer with their values, which may be wide. */
const ROWS_AT_ONCE = 5000;
const ROWS_WITH_VALUES_AT_ONCE = 500;

/** Types of the key columns for look-ups, without lengths: a cast to `varchar(3)` would cut silently. */
const KEY_TYPES_SQL = `
SELECT a.attname, CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, NULL) ELSE format_type(t.oid, NULL) END AS type,
       c.relkind IN ('r', 'p') AS versioned
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_type t ON t.oid = a.atttypid
 WHERE c.oid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped`;

export async function rowStates(
  pool: pg.Pool,
  selection: Selection,
  identities: readonly RowIdentity[],
  options: { readonly values: boolean; readonly hashed: boolean; readonly signal?: AbortSignal },
): Promise<readonly RowState[]> {
  if (identities.length === 0) return [];
  const catalogue = await pool.query<{ attname: string; type: string; versioned: string }>(KEY_TYPES_SQL, [quoteTable(selection.table)]);
  const types = new Map(catalogue.rows.map((row) => [row.attname, row.type]));
  const versioned = catalogue.rows[0]?.versioned === 't';
  const text =
    selection.keyLength > 0
      ? keyedSql(selection, { ...options, versioned, typeOf: (name) => types.get(name) ?? 'text' })
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
  options: { readonly values: boolean; readonly hashed: boolean; readonly versioned: boolean; readonly typeOf: (name: string) => string },
): string {
  const keys = keyColumns(selection);
  const names = keys.map((_, i) => `k${i}`);
  const arrays = keys.map((column, i) => `$${i + 1}::text[]::${options.typeOf(column.name)}[]`);
  const matches = keys.map((column, i) => `t.${quoteIdentifier(column.name)} = w.k${i}`);
  const output = [
    'w.at',
    options.hashed ? hashSql(selection) : "'0'",
    '1',
    options.versioned ? 't.xmin::text' : 'NULL',
    ...(options.values ? selection.columns.flatMap((column) => [valueSql(column), columnHashSql(selection, column)]) : []),
  ];
  return `SELECT ${output.join(', ')} FROM unnest(${arrays.join(', ')}) WITH ORDINALITY AS w (${names.join(', ')}, at) JOIN ${fromSql(selection)} ON ${matches.join(' AND ')} ${whereSql(selection)}`;
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
