import type { Side } from '../../src/model/side.ts';
import type { TestApplication } from './application.ts';

/** Writes what the streams of the service `accounts` take for their own work: nobody is told of it. */
export async function behind(app: TestApplication, side: Side, sql: string): Promise<void> {
  const client = await app[side].pool.connect();
  try {
    const stream = side === 'service' ? 'm2s' : 's2m';
    const found = await client.query<{ origin: string }>(
      `SELECT 'banyan_accounts_${stream}_' || oid || '/behind' AS origin FROM pg_database WHERE datname = current_database()`,
    );
    const origin = found.rows[0]?.origin;
    await client.query('SELECT pg_replication_origin_create($1) WHERE pg_replication_origin_oid($1) IS NULL', [origin]);
    await client.query('SELECT pg_replication_origin_session_setup($1)', [origin]);
    await client.query(`BEGIN; SET LOCAL session_replication_role = replica; ${sql}; COMMIT`);
  } finally {
    client.release(true);
  }
}
