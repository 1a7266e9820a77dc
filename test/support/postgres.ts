import { createHash, randomBytes } from 'node:crypto';
import type pg from 'pg';
import { afterAll, inject, it } from 'vitest';
import { connect, createPool } from '../../src/postgres/connect.ts';
import { describeRequiring } from './requires.ts';
import { until } from './condition.ts';

export interface TestDatabaseOptions {
  /** SQL run once per run into a template, keyed by its hash, of which every database is a clone. */
  readonly schema?: string;
  /** Most connections of the pool. Default 4. */
  readonly max?: number;
}

export interface TestDatabase {
  /** As the superuser, with a password. */
  readonly url: string;
  /** Unique in the server, at most 24 characters of `[a-z0-9_]`; use it in slot and origin names. */
  readonly name: string;
  /** Values are raw text, as everywhere in Banyan. */
  readonly pool: pg.Pool;
  /** Rows as objects of raw text. Multiple statements are allowed when there are no values. */
  query(sql: string, values?: readonly unknown[]): Promise<Record<string, string | null>[]>;
  /** Drops the database with its replication slots, whoever is connected. Called by itself after the file. */
  drop(): Promise<void>;
}

/**
 * A fresh database on this worker's server (PostgreSQL 18, `wal_level = logical`), dropped after the
 * test file.
 *
 * Only tables are private to it. Replication slots, replication origins, roles and prepared
 * transactions belong to the whole server, which other files used before and will use: put
 * {@link TestDatabase.name} into their names, and count or drop only your own. Slots of the database
 * and origins with its name in theirs go with it; roles and prepared transactions are the test's own to drop. The sessions'
 * search_path is `pg_catalog`: write `public.users`.
 */
export async function testDatabase(options: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const server = serverUrl();
  const name = `t_${process.pid}_${randomBytes(5).toString('hex')}`;
  const template = options.schema === undefined ? 'template1' : await templateDatabase(server, options.schema);
  await onServer(server, (client) => client.query(`CREATE DATABASE ${name} TEMPLATE ${template}${byFiles()}`));
  const url = urlOf(server, name);
  const pool = createPool({ url, max: options.max ?? 4, applicationName: `test ${name}` });
  const held = new Set<pg.PoolClient>();
  // Dropping ends sessions under clients which a failed test still holds; that is no error of its own.
  pool.on('connect', (client) => client.on('error', () => {}));
  pool.on('acquire', (client) => held.add(client));
  pool.on('release', (_error, client) => held.delete(client));
  let dropping: Promise<void> | undefined;
  const database: TestDatabase = {
    url,
    name,
    pool,
    query: async (sql, values) => {
      const result = await pool.query<Record<string, string | null>>(sql, values ? [...values] : undefined);
      // Several statements give an array of results, whatever the type says.
      const results: pg.QueryResult<Record<string, string | null>>[] = Array.isArray(result) ? result : [result];
      return results.at(-1)?.rows ?? [];
    },
    drop: () =>
      (dropping ??= (async () => {
        const ended = pool.end();
        await dropDatabase(server, name);
        // The pool waits forever for a client that was never given back.
        if (held.size === 0) await ended;
      })()),
  };
  created.add(database);
  return database;
}

/** `describe` for tests that need the embedded server; see {@link describeRequiring}. */
export function describePostgres(name: string, suite: () => void): void {
  describeRequiring(inject('postgresAbsence'), name, suite);
}

/** `it` for what only servers of a major version or newer can do; skipped on older ones (see scripts/test-versions.mjs). */
export function itSince(major: number): typeof it | typeof it.skip {
  return inject('postgresMajor') >= major ? it : it.skip;
}

/** The major version of the run's server. */
export function serverMajor(): number {
  return inject('postgresMajor');
}

/** Copies a template's files, a third of the work of writing each of its pages to the WAL; the only way there was before 15. */
function byFiles(): string {
  return serverMajor() >= 15 ? ' STRATEGY = FILE_COPY' : '';
}

/** The superuser's URL of this worker's server, for tests which look at the server as a whole. */
export function serverUrl(): string {
  const urls = inject('postgresUrls');
  // Workers are numbered from 1.
  const url = urls[(Number(process.env['VITEST_POOL_ID'] ?? 1) - 1) % Math.max(1, urls.length)];
  if (url === undefined) throw new Error(`There is no PostgreSQL server: ${inject('postgresAbsence')}`);
  return url;
}

const created = new Set<TestDatabase>();

afterAll(async () => {
  await Promise.all([...created].map((database) => database.drop()));
  created.clear();
});

async function templateDatabase(server: string, schema: string): Promise<string> {
  const name = `template_${createHash('sha256').update(schema).digest('hex').slice(0, 16)}`;
  await onServer(server, async (client) => {
    // One maker at a time over all workers. The name is only given to a database that is complete, so
    // a maker that dies or fails leaves no half template behind.
    await client.query('SELECT pg_advisory_lock(hashtextextended($1, 0))', [name]);
    const found = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [name]);
    if (found.rows.length > 0) return;
    const draft = `draft_${randomBytes(6).toString('hex')}`;
    await client.query(`CREATE DATABASE ${draft}`);
    try {
      await onServer(urlOf(server, draft), async (session) => {
        await session.query('SET search_path = public');
        await session.query(schema);
      });
      await client.query(`ALTER DATABASE ${draft} RENAME TO ${name}`);
    } catch (error) {
      await client.query(`DROP DATABASE ${draft} WITH (FORCE)`);
      throw error;
    }
  });
  return name;
}

async function dropDatabase(server: string, name: string): Promise<void> {
  await onServer(server, async (client) => {
    await client.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
    // A walsender needs a moment to leave after it was told to.
    await until(
      async () => {
        await client.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [name]);
        await client.query(
          'SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = $1 AND NOT active',
          [name],
        );
        const left = await client.query('SELECT 1 FROM pg_replication_slots WHERE database = $1', [name]);
        return left.rows.length === 0;
      },
      { what: `the replication slots of ${name} are dropped` },
    );
    await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    await client.query('SELECT pg_replication_origin_drop(roname) FROM pg_replication_origin WHERE strpos(roname, $1) > 0', [name]);
  });
}

async function onServer<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = await connect({ url, applicationName: 'test support' });
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

function urlOf(server: string, database: string): string {
  const url = new URL(server);
  url.pathname = `/${database}`;
  return url.href;
}
