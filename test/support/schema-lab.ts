import { createHash } from 'node:crypto';
import type pg from 'pg';
import type { Schema } from '../../src/model/schema.ts';
import { PostgresIntrospector } from '../../src/postgres/catalog/introspector.ts';
import { connect } from '../../src/postgres/connect.ts';
import { CATALOGUE, FILLED, WRITINGS } from './catalogue.ts';
import { testDatabase, type TestDatabase } from './postgres.ts';

/** What a statement answered: the rows of all its parts, or what went wrong. */
export type Answer = { readonly rows: readonly Record<string, string | null>[] } | { readonly error: string };

/** After so many schemas the dead rows they left in the catalogue are swept out: they make each look at it slower. */
const SWEEP_EVERY = 12;

/** A database that schemas are made in, one after the other, and looked at; over one session, since connecting costs more than a schema. */
export class SchemaLab {
  readonly #database: TestDatabase;
  readonly #session: pg.Client;
  #made = 0;

  static async open(): Promise<SchemaLab> {
    const database = await testDatabase({ max: 1 });
    const session = await connect({ url: database.url, applicationName: `lab ${database.name}`, pipeline: true });
    database.pool.on('connect', planOnce);
    await session.query('SET jit = off; SET synchronous_commit = off; SET client_min_messages = error');
    return new SchemaLab(database, session);
  }

  private constructor(database: TestDatabase, session: pg.Client) {
    this.#database = database;
    this.#session = session;
  }

  async close(): Promise<void> {
    await this.#session.end();
    await this.#database.drop();
  }

  /** Everything that was there is dropped, and `sql` run with the search path of a user. */
  async create(sql: string): Promise<void> {
    if (this.#made++ % SWEEP_EVERY === SWEEP_EVERY - 1) await this.must(FILLED.map((name) => `VACUUM pg_catalog.${name}`));
    const [schemas] = await this.must(["SELECT string_agg('DROP SCHEMA ' || quote_ident(nspname) || ' CASCADE', '; ') AS drop FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'"]);
    await this.must([`${schemas?.[0]?.['drop'] ?? 'SELECT 1'}; CREATE SCHEMA public; SET search_path = public`, sql, 'SET search_path = pg_catalog']);
  }

  /** As `banyan check` reads it. */
  readSchema(): Promise<Schema> {
    return new PostgresIntrospector({ pool: this.#database.pool }).readEverything();
  }

  /** The whole catalogue as text; see {@link CATALOGUE}. */
  async catalogue(): Promise<string> {
    const { rows } = await this.#session.query<{ all: string | null }>({ name: 'catalogue', text: CATALOGUE });
    return rows[0]?.all ?? '';
  }

  /** See {@link WRITINGS}. */
  async writings(): Promise<string> {
    const { rows } = await this.#session.query<{ writings: string }>({ name: 'writings', text: WRITINGS });
    return rows[0]?.writings ?? '';
  }

  /** Runs statements without waiting for each; a failed one does not keep those behind it from being run. */
  async run(statements: readonly string[]): Promise<readonly Answer[]> {
    return await Promise.all(statements.map(async (sql): Promise<Answer> => {
      try {
        const result = await this.#session.query<Record<string, string | null>>(sql);
        // Several statements give an array of results, whatever the type says.
        const results: pg.QueryResult<Record<string, string | null>>[] = Array.isArray(result) ? result : [result];
        return { rows: results.flatMap(({ rows }) => rows) };
      } catch (error) {
        return { error: String(error) };
      }
    }));
  }

  /** As {@link run}. @throws at the first that fails. */
  async must(statements: readonly string[]): Promise<readonly (readonly Record<string, string | null>[])[]> {
    return (await this.run(statements)).map((answer, n) => {
      if ('error' in answer) throw new Error(`${answer.error}\n${statements[n]}`);
      return answer.rows;
    });
  }
}

/** What reads a schema is the same for each of them, and is planned once: to plan it takes longer than to run it. */
function planOnce(client: pg.PoolClient): void {
  void client.query('SET plan_cache_mode = force_generic_plan');
  const query = client.query.bind(client);
  const named = (text: unknown, values?: unknown[]): unknown => (typeof text === 'string' && values !== undefined ? query({ name: createHash('sha256').update(text).digest('hex').slice(0, 32), text, values }) : query(text as string));
  client.query = named as typeof client.query;
}
