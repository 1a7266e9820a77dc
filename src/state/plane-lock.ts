/** What this lock needs of a PostgreSQL session; `pg.PoolClient` fits. */
interface LockClient {
  query(text: string): Promise<{ readonly rows: readonly Readonly<Record<string, unknown>>[] }>;
  release(destroy?: boolean): void;
}

export interface LockPool {
  connect(): Promise<LockClient>;
}

const KEY = `hashtextextended('banyan.route_planes', 0)`;

/**
 * Runs `work` while no other process changes the proxies that are not Banyan's own: what one reads
 * there and writes back would undo the other's. With `wait: false` gives undefined at once if another
 * one does.
 */
export async function withPlaneLock<T>(pool: LockPool, options: { readonly wait: boolean }, work: () => Promise<T>): Promise<T | undefined> {
  const client = await pool.connect();
  let failed = true;
  try {
    const { rows } = await client.query(options.wait ? `SELECT true::text AS held FROM pg_advisory_lock(${KEY})` : `SELECT pg_try_advisory_lock(${KEY})::text AS held`);
    if (rows[0]?.['held'] !== 'true') {
      failed = false;
      return undefined;
    }
    const result = await work();
    await client.query(`SELECT pg_advisory_unlock(${KEY})`);
    failed = false;
    return result;
  } finally {
    // A session that may still hold the lock is closed, which ends it.
    client.release(failed);
  }
}
