import type pg from 'pg';
import type { Value } from '../../model/change.ts';
import { quoteTable } from '../../model/names.ts';
import type { RowDigest, Selection } from '../../ports/checksummer.ts';
import { fromSql, hashSql, keyColumns, placeSql, valueSql, whereSql } from './expressions.ts';
import { refused } from './query.ts';

const ESTIMATE_SQL = `
SELECT count(*) FILTER (WHERE c.reltuples < 0) AS unknown, coalesce(sum(c.reltuples), 0)::float8 AS rows FROM pg_class c
 WHERE c.relkind = 'r' AND (c.oid = to_regclass($1)
    OR c.oid IN (SELECT relid FROM pg_partition_tree(to_regclass($1)) WHERE isleaf))`;

/** Draw this much more than is wanted: the estimate may be off, and every row must keep the same chance. */
const MARGIN = 1.5;

/**
 * Draws rows by Bernoulli trials: each row has the same chance, whatever page or key range it lies in.
 * Reads the table's pages, but hashes the drawn rows only.
 */
export async function sampleRows(
  pool: pg.Pool,
  selection: Selection,
  options: { readonly rows: number; readonly seed: number; readonly signal?: AbortSignal },
): Promise<readonly RowDigest[]> {
  const estimate = await pool.query<{ unknown: string; rows: string }>(ESTIMATE_SQL, [quoteTable(selection.table)]);
  const row = estimate.rows[0];
  // Without statistics, or with a filter that keeps who knows how many rows, every row takes part.
  const known = row !== undefined && row.unknown === '0' && selection.where === undefined ? Number(row.rows) : 0;
  const percent = known > 0 ? Math.min(100, (options.rows * MARGIN * 100) / known) : 100;
  const keys = keyColumns(selection).map(valueSql);
  const text =
    `SELECT ${placeSql(selection)}, ${hashSql(selection)}, ${keys.join(', ')} FROM ${fromSql(selection)} ` +
    `TABLESAMPLE BERNOULLI (${percent}) REPEATABLE (${options.seed}) ${whereSql(selection)} ` +
    `ORDER BY hashint8extended(${placeSql(selection)}, ${Math.floor(options.seed * 2 ** 31)}) LIMIT ${options.rows}`;
  options.signal?.throwIfAborted();
  try {
    const found = await pool.query<Value[]>({ text, rowMode: 'array' });
    return found.rows.map(([place, hash, ...key]) => ({
      place: BigInt(place ?? 0),
      hash: hash ?? '',
      times: 1,
      key: key.map((value) => value ?? ''),
    }));
  } catch (error) {
    throw refused(error, selection);
  }
}
