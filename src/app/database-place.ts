import type pg from 'pg';
import { createPool } from '../postgres/connect.ts';

/** Whether a place is a database of PostgreSQL, and no file. */
export const isUrl = (place: string): boolean => /^postgres(ql)?:\/\//i.test(place);

/** Lends connections for one piece of work. */
export async function withPool<T>(url: string, work: (pool: pg.Pool) => Promise<T>): Promise<T> {
  const pool = createPool({ url, max: 2 });
  try {
    return await work(pool);
  } finally {
    await pool.end();
  }
}

/** The major version of the server behind a pool. */
export async function serverMajor(pool: pg.Pool): Promise<number> {
  const { rows } = await pool.query<{ readonly version: string }>("SELECT current_setting('server_version_num') AS version");
  return Math.floor(Number(rows[0]?.version ?? 0) / 10_000);
}
