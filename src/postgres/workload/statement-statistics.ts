import type pg from 'pg';
import { quoteIdentifier } from '../../model/names.ts';
import { messageOf } from '../../core/errors.ts';

/** One statement with its parameters as `$1`, and how often it ran. */
export interface CountedStatement {
  readonly text: string;
  readonly calls: number;
}

export type StatementStatistics =
  | { readonly statements: AsyncIterable<CountedStatement>; readonly since: string | undefined; readonly seconds: number | undefined; readonly hidden: number }
  /** Why there are none, in one line, with what to do. */
  | { readonly missing: string };

const PAGE = 500;

/** What pg_stat_statements has counted in this database; other databases of the server are left out. */
export async function statementStatistics(client: pg.Client): Promise<StatementStatistics> {
  const found = await client.query<{ schema: string | null; version: string | null }>(
    "SELECT (SELECT nspname FROM pg_namespace WHERE oid = extnamespace) AS schema, extversion AS version FROM pg_extension WHERE extname = 'pg_stat_statements'",
  );
  const schema = found.rows[0]?.schema;
  if (schema === undefined || schema === null) {
    return { missing: "pg_stat_statements is not installed in this database, so nobody has counted its statements: add it to shared_preload_libraries, restart, and CREATE EXTENSION pg_stat_statements; or give a log with --log." };
  }
  const view = `${quoteIdentifier(schema)}.pg_stat_statements`;
  const here = 'dbid = (SELECT oid FROM pg_database WHERE datname = current_database())';
  try {
    const hidden = await client.query<{ count: string }>(`SELECT count(*) FROM ${view} WHERE ${here} AND (query IS NULL OR query = '<insufficient privilege>')`);
    return { statements: pages(client, view, here), hidden: Number(hidden.rows[0]?.count ?? 0), ...(await observed(client, schema)) };
  } catch (error) {
    return { missing: `pg_stat_statements can not be read: ${messageOf(error)}. It has to be in shared_preload_libraries, and the role in pg_read_all_stats.` };
  }
}

/** Since when it has counted, where the server says so (from 14 on). */
async function observed(client: pg.Client, schema: string): Promise<{ readonly since: string | undefined; readonly seconds: number | undefined }> {
  const info = await client.query('SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relname = $1 AND nspname = $2', ['pg_stat_statements_info', schema]);
  if (info.rowCount === 0) return { since: undefined, seconds: undefined };
  const found = await client.query<{ since: string; seconds: string }>(
    `SELECT stats_reset::text AS since, greatest(1, extract(epoch FROM clock_timestamp() - stats_reset))::bigint AS seconds FROM ${quoteIdentifier(schema)}.pg_stat_statements_info`,
  );
  return { since: found.rows[0]?.since, seconds: Number(found.rows[0]?.seconds ?? 0) || undefined };
}

async function* pages(client: pg.Client, view: string, here: string): AsyncGenerator<CountedStatement> {
  await client.query('BEGIN READ ONLY');
  try {
    // Texts may be long, and there may be as many as pg_stat_statements.max.
    await client.query(`DECLARE statements NO SCROLL CURSOR FOR SELECT query, sum(calls)::text AS calls FROM ${view} WHERE ${here} AND query <> '<insufficient privilege>' GROUP BY query ORDER BY sum(calls) DESC, query`);
    for (;;) {
      const page = await client.query<{ query: string; calls: string }>(`FETCH ${PAGE} FROM statements`);
      for (const { query, calls } of page.rows) yield { text: query, calls: Number(calls) };
      if (page.rows.length < PAGE) return;
    }
  } finally {
    await client.query('ROLLBACK');
  }
}
