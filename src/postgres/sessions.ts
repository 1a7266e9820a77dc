import type pg from 'pg';
import { sqlState } from './transient.ts';

/**
 * What a worker's sessions for a stream are called in pg_stat_activity. It carries the token of the
 * worker's claim, so that a successor can tell the sessions of its predecessors from its own and from
 * those of a successor of its own; one without a token counts as everybody's predecessor. Further words may follow.
 */
export function sessionName(stream: string, token?: string): string {
  return token === undefined ? `banyan ${stream}` : `banyan ${token} ${stream}`;
}

/**
 * Ends every session in this database that a worker with an earlier claim holds for the stream: one
 * that is frozen, or whose link is, would keep its slot, its origins and its locks until the server
 * notices. Gives their number. Sessions of roles that ours may not end are left alone.
 */
export async function endFormerSessions(client: Pick<pg.ClientBase, 'query'>, stream: string, token: string): Promise<number> {
  const ended = await client.query<{ ended: string }>(END_FORMER_SQL, [stream, token]);
  return Number(ended.rows[0]?.ended);
}

/** The server cuts a session's name at 63 bytes. */
const END_FORMER_SQL = `
SELECT count(*) FILTER (WHERE pg_terminate_backend(pid)) AS ended
FROM (SELECT pid, application_name AS name, coalesce(substring(application_name FROM '^banyan ([0-9]+) '), '') AS token
  FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid() AND pg_has_role(usesysid, 'MEMBER')) AS session
WHERE coalesce(nullif(token, '')::numeric, -1) < $2::text::numeric
  AND starts_with(name || ' ', left('banyan ' || CASE WHEN token = '' THEN '' ELSE token || ' ' END || $1::text, 63) || ' ')`;

/**
 * Lets nobody write a service's streams into this database whose token is smaller, and ends the sessions of
 * those who may still try. What they had not committed by then is rolled back, and read again by who comes next.
 */
export async function shutOut(pool: pg.Pool, options: { readonly service: string; readonly streams: readonly string[]; readonly token: string }): Promise<void> {
  const { service, streams, token } = options;
  for (const stream of streams) await endFormerSessions(pool, stream, token);
  try {
    // Waits for a transaction that holds the row, which ends or is ended with its session.
    await pool.query('UPDATE banyan.stream SET token = $2::text::bigint WHERE service = $1 AND token < $2::text::bigint', [service, token]);
  } catch (error) {
    if (sqlState(error) !== UNDEFINED_TABLE) throw error;
  }
}

/** The highest token with which a service's streams into this database were claimed; '0' where there are none. */
export async function readToken(pool: pg.Pool, service: string): Promise<string> {
  try {
    const found = await pool.query<{ token: string | null }>('SELECT max(token) AS token FROM banyan.stream WHERE service = $1', [service]);
    return found.rows[0]?.token ?? '0';
  } catch (error) {
    if (sqlState(error) === UNDEFINED_TABLE) return '0';
    throw error;
  }
}

const UNDEFINED_TABLE = '42P01';
