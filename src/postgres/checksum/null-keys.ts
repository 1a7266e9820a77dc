import type pg from 'pg';
import type { Value } from '../../model/change.ts';
import type { Selection } from '../../ports/checksummer.ts';
import { columnSql, fromSql, keyColumns, whereSql } from './expressions.ts';
import { refused } from './query.ts';

/** How many rows hold a null in each of the key's columns. The condition is one that indexes answer. */
export async function countNullKeys(pool: pg.Pool, selection: Selection): Promise<readonly number[]> {
  const isNull = keyColumns(selection).map((column) => `${columnSql(column)} IS NULL`);
  if (isNull.length === 0) return [];
  const counted = isNull.map((condition) => `count(*) FILTER (WHERE ${condition})`);
  try {
    const found = await pool.query<Value[]>({ text: `SELECT ${counted.join(', ')} FROM ${fromSql(selection)} ${whereSql(selection, `(${isNull.join(' OR ')})`)}`, rowMode: 'array' });
    return (found.rows[0] ?? []).map(Number);
  } catch (error) {
    throw refused(error, selection);
  }
}
