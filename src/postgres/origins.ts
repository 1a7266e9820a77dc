import type pg from 'pg';

/*
 * Which replication origins belong to a stream. A server lets one session at a time use an origin, so
 * a stream that writes through several has one for each: its own, and numbered ones. Whoever asks
 * whether a transaction was a replay of the stream's must take them all for the same.
 */

/** The origin of a stream's session by number; 0 has the stream's own. Names of streams hold no slash. */
export const sessionOrigin = (stream: string, session: number): string => (session === 0 ? stream : `${stream}/${session}`);

/** The origin of a copy's n-th session; the first uses the stream's own. Unlike those of the stream, they are dropped after it. */
export const copyOrigin = (stream: string, session: number): string => (session === 0 ? stream : `${stream}/copy${session}`);

/** The origin of repairs that are written in the stream's name while it runs. */
export const repairOrigin = (stream: string): string => `${stream}/repair`;

/** Whether an origin is one of the stream's. */
export const isOriginOf = (name: string, stream: string): boolean => name === stream || name.startsWith(`${stream}/`);

/** The numbers that a stream's origins have on this server. */
export async function originNumbers(client: pg.ClientBase | pg.Pool, stream: string): Promise<readonly string[]> {
  const found = await client.query<{ roident: string }>(
    "SELECT roident FROM pg_replication_origin WHERE roname = $1 OR starts_with(roname, $1 || '/') ORDER BY roident",
    [stream],
  );
  return found.rows.map((row) => row.roident);
}

/** Creates an origin if there is none of the name. */
export async function ensureOrigin(client: pg.ClientBase | pg.Pool, name: string): Promise<void> {
  await client.query('SELECT pg_replication_origin_create($1) WHERE pg_replication_origin_oid($1) IS NULL', [name]);
}
