import { Pool, type CustomTypesConfig, type PoolClient } from 'pg';
import type { Config } from './config.ts';

/** Whatever runs a statement: the pool, or one connection inside a transaction. */
export type Db = Pick<Pool | PoolClient, 'query'>;

/**
 * Values arrive as the text PostgreSQL wrote: `9007199254740993`, `12.50` and microseconds lose
 * nothing on their way. Only the JSON of a response decides what becomes a number.
 */
const textOnly: CustomTypesConfig = { getTypeParser: () => (value: string | Buffer) => value };

/** Makes text output the same whatever the server's defaults are; sent when a connection is made. */
const SESSION_SETTINGS =
  '-c DateStyle=ISO,YMD -c IntervalStyle=postgres -c TimeZone=UTC -c bytea_output=hex -c extra_float_digits=3';

export function createPool(config: Config, onIdleError: (error: Error) => void): Pool {
  const pool = new Pool({
    connectionString: config.databaseUrl,
    max: config.poolSize,
    connectionTimeoutMillis: config.connectTimeoutMs,
    statement_timeout: config.statementTimeoutMs,
    keepAlive: true,
    types: textOnly,
    options: SESSION_SETTINGS,
  });
  // The pool replaces a lost idle connection by itself; unheard, the error would end the process.
  pool.on('error', onIdleError);
  return pool;
}

/** Runs `work` in one transaction: committed when it returns, rolled back when it throws. */
export async function inTransaction<T>(pool: Pool, work: (db: Db) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query('BEGIN');
    const result = await work(client);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch((failure: unknown) => {
      broken = failure instanceof Error ? failure : new Error(String(failure));
    });
    throw error;
  } finally {
    client.release(broken);
  }
}

/** One row as text, in the order of the select list. */
export type TextRow = readonly (string | null)[];

export type Parameter = string | Buffer | null | readonly Parameter[];

const statementNames = new Map<string, string>();
const MOST_PREPARED = 500;

/** The first 500 different statements are prepared once per connection; later ones run unnamed. */
function statementName(text: string): string | undefined {
  let name = statementNames.get(text);
  if (name === undefined && statementNames.size < MOST_PREPARED) {
    name = `s${statementNames.size + 1}`;
    statementNames.set(text, name);
  }
  return name;
}

export async function queryRows(db: Db, text: string, values: readonly Parameter[]): Promise<TextRow[]> {
  const name = statementName(text);
  const result = await db.query<(string | null)[]>({
    text,
    values: [...values],
    rowMode: 'array',
    types: textOnly,
    ...(name === undefined ? {} : { name }),
  });
  return result.rows;
}
