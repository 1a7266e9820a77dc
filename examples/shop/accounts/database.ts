import type pg from 'pg';
import { sqlState } from './http.ts';

export type Json = Readonly<Record<string, unknown>>;

/**
 * Runs a statement whose single column is JSON made by PostgreSQL, as text. So the answer is the same whatever type
 * parsers the pool has, and microseconds and numerics reach the client as they are stored.
 */
export async function jsonRows(client: pg.Pool | pg.PoolClient, sql: string, values: unknown[]): Promise<Json[]> {
  const result = await client.query<Record<string, string>>(sql, values);
  return result.rows.map((row) => JSON.parse(String(Object.values(row)[0])));
}

export async function jsonRow(client: pg.Pool | pg.PoolClient, sql: string, values: unknown[]): Promise<Json | undefined> {
  return (await jsonRows(client, sql, values))[0];
}

/** Runs `work` in one transaction; deadlocks and serialization failures are tried again, three times in all. */
export async function inTransaction<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    const client = await pool.connect();
    let broken: Error | undefined;
    // A connection that is lost between two statements says so as an event; the next statement fails with it.
    const onError = (error: Error): void => {
      broken = error;
    };
    client.on('error', onError);
    try {
      await client.query('begin');
      const result = await work(client);
      await client.query('commit');
      return result;
    } catch (error) {
      await client.query('rollback').catch(onError);
      const state = sqlState(error);
      if (attempt === 3 || (state !== '40P01' && state !== '40001')) throw error;
    } finally {
      client.off('error', onError);
      client.release(broken);
    }
  }
}

/** A timestamptz column as ISO 8601 text with microseconds. */
export const iso = (column: string): string => `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
