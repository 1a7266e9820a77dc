import type pg from 'pg';
import { sqlState } from '../postgres/transient.ts';

/** A timestamp column as RFC 3339, in microseconds. */
export const RFC3339 = (column: string): string => `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;

/** JSON of strings and nulls only, as Banyan itself wrote it. */
export function named(text: string | null): Readonly<Record<string, string | null>> | null {
  return text === null ? null : (JSON.parse(text) as Readonly<Record<string, string | null>>);
}

export async function first<T extends pg.QueryResultRow>(pool: pg.Pool, text: string, values: readonly string[]): Promise<T | undefined> {
  return (await all<T>(pool, text, values))[0];
}

const UNDEFINED_TABLE = '42P01';

/** Rows of Banyan's own tables; none where those tables do not exist yet. */
export async function all<T extends pg.QueryResultRow>(pool: pg.Pool, text: string, values: readonly string[]): Promise<readonly T[]> {
  try {
    return (await pool.query<T>(text, [...values])).rows;
  } catch (error) {
    if (sqlState(error) === UNDEFINED_TABLE) return [];
    throw error;
  }
}
