import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Pool } from 'pg';

export interface InstallReport {
  readonly tables: number;
  readonly rows: number;
  readonly seconds: number;
}

/**
 * Creates the shop's tables in an empty database and loads its rows (about 270,000, the same on every run).
 * Everything happens on one connection, which is closed afterwards; the seed is one transaction.
 */
export async function installShop(database: string | Pool): Promise<InstallReport> {
  const started = performance.now();
  const pool = typeof database === 'string' ? new Pool({ connectionString: database, max: 1 }) : database;
  try {
    const client = await pool.connect();
    try {
      await client.query('set search_path = public');
      await client.query(await readFile(new URL('schema.sql', import.meta.url), 'utf8'));
      await client.query(await readFile(new URL('seed.sql', import.meta.url), 'utf8'));
      await client.query('analyze');
      const counted = await client.query<{ tables: string; rows: string }>(
        `select count(*) filter (where relkind = 'r' and not relispartition or relkind = 'p')::text as tables,
                coalesce(sum(reltuples) filter (where relkind = 'r'), 0)::bigint::text as rows
         from pg_class where relnamespace = 'public'::regnamespace`,
      );
      const counts = counted.rows[0];
      return {
        tables: Number(counts?.tables),
        rows: Number(counts?.rows),
        seconds: (performance.now() - started) / 1000,
      };
    } finally {
      // Not given back: the session's settings were changed.
      client.release(true);
    }
  } finally {
    if (typeof database === 'string') await pool.end();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const url = process.argv[2] ?? process.env['DATABASE_URL'];
  if (!url) {
    console.error('usage: node --import tsx examples/shop/install.ts DATABASE_URL');
    process.exit(2);
  }
  console.log(JSON.stringify(await installShop(url)));
}
