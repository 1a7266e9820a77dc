import type pg from 'pg';
import { loadModule } from 'libpg-query';
import { beforeAll, expect, it } from 'vitest';
import type { Schema } from '../../../src/model/schema.ts';
import { STEADY_FUNCTIONS } from '../../../src/plan/check/database/hazards/changing-default.ts';
import { LOCK_MODES, strongest, type LockMode } from '../../../src/plan/check/database/hazards/effect.ts';
import { effectOf, FORMS } from '../../../src/plan/check/database/hazards/forms.ts';
import { SchemaSoFar } from '../../../src/plan/check/database/hazards/schema-so-far.ts';
import { readStatements } from '../../../src/plan/check/database/hazards/statement-forms.ts';
import type { Touched } from '../../../src/plan/check/database/hazards/touched.ts';
import { PostgresIntrospector } from '../../../src/postgres/catalog/introspector.ts';
import { until } from '../../support/condition.ts';
import { describePostgres, serverMajor, testDatabase, type TestDatabase } from '../../support/postgres.ts';
import { FIXTURE, HAZARD_EXAMPLES, type HazardExample } from './hazard-examples.ts';

/** What a statement did, as the server's own books say, or as the catalogue does. */
interface Seen {
  /** The strongest lock on each relation that was there before. */
  readonly locks: Readonly<Record<string, LockMode>>;
  /** Relations whose file became another one. */
  readonly files: readonly string[];
  /** Relations with rows that were all read. */
  readonly scans: readonly string[];
  /** Whether indexes got other files while their tables kept theirs. */
  readonly rebuilt: boolean;
}

interface Relation {
  readonly name: string;
  readonly kind: string;
  readonly file: string;
  /** Of an index: its table. */
  readonly of: string;
}

const KINDS = "c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'i', 'I')";
const RELATIONS = `SELECT c.oid::text AS oid, c.relname AS name, c.relkind::text AS kind, c.relfilenode::text AS file, coalesce(t.relname, '') AS of FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid LEFT JOIN pg_class t ON t.oid = i.indrelid WHERE ${KINDS}`;
const locksOf = (pid: string): string => `SELECT relation::text AS oid, upper(trim(regexp_replace(replace(mode, 'Lock', ''), '([A-Z])', ' \\1', 'g'))) AS mode FROM pg_locks WHERE locktype = 'relation' AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND pid = ${pid}`;
/** Also what the session's transactions before have read, as long as it was not handed over. */
const SCANS = "SELECT relname AS name, seq_tup_read AS rows FROM pg_stat_xact_user_tables WHERE schemaname = 'public'";

describePostgres('the hazards of each form of statement', () => {
  let database: TestDatabase;
  let schema: Schema;
  let kinds: ReadonlyMap<string, string>;
  let filled: ReadonlySet<string>;
  beforeAll(async () => {
    await loadModule();
    database = await testDatabase();
    await database.query(`SET search_path = public; ${FIXTURE}; CREATE SCHEMA elsewhere; ANALYZE; SET search_path = pg_catalog`);
    schema = await new PostgresIntrospector({ pool: database.pool }).readSchema();
    kinds = new Map([...(await relationsNow(database.pool)).values()].map(({ name, kind }) => [name, kind]));
    filled = new Set((await database.query("SELECT relname AS name FROM pg_class WHERE reltuples > 0 AND relkind IN ('r', 'm')")).map(({ name }) => name ?? ''));
  });

  /** In a transaction that is rolled back. */
  const seenInside = async ({ sql, settings = 'SELECT 1' }: HazardExample): Promise<Seen> => {
    const client = await database.pool.connect();
    try {
      await client.query(`BEGIN; SET LOCAL search_path = public; ${settings}`);
      const before = await relationsNow(client);
      const earlier = new Map((await rowsOf(client, SCANS)).map(({ name, rows }) => [name, rows]));
      await client.query(sql);
      const locks = await rowsOf(client, locksOf('pg_backend_pid()'));
      const scans = (await rowsOf(client, SCANS)).filter(({ name, rows }) => (earlier.get(name) ?? '0') !== rows);
      return seen({ before, after: await relationsNow(client), locks, scans });
    } finally {
      await client.query('ROLLBACK');
      client.release();
    }
  };

  /** While it waits for a transaction that has written to the table; then that is let go. What stands in no transaction has no count of its own of rows. */
  const seenWaiting = async ({ sql }: HazardExample, table: string, scans: readonly string[]): Promise<Seen> => {
    const [writer, client] = [await database.pool.connect(), await database.pool.connect()];
    try {
      await client.query('SET search_path = public');
      const [{ pid = '' } = {}] = await rowsOf(client, 'SELECT pg_backend_pid() AS pid');
      const before = await relationsNow(client);
      // VACUUM waits for no writer: it is looked at from behind a lock that it does wait for.
      await writer.query(`BEGIN; LOCK TABLE ${table} IN ${sql.startsWith('VACUUM') ? 'SHARE UPDATE EXCLUSIVE' : 'ROW EXCLUSIVE'} MODE`);
      const running = client.query(sql);
      running.catch(() => undefined);
      await until(async () => (await database.query(`SELECT FROM pg_stat_activity WHERE pid = ${pid} AND wait_event_type = 'Lock'`)).length === 1, { what: `${sql} waits` });
      const locks = await rowsOf(database.pool, locksOf(pid));
      await writer.query('COMMIT');
      await running;
      const after = await relationsNow(client);
      return { ...seen({ before, after, locks, scans: [] }), scans };
    } finally {
      await writer.query('ROLLBACK');
      writer.release();
      await client.query('SET search_path = pg_catalog');
      client.release();
    }
  };

  const told = (uses: readonly Touched[]): Seen => {
    const locks: Record<string, LockMode> = {};
    for (const each of uses) for (const [name, mode] of each.locks) locks[bare(name)] = strongest([mode, ...modesOf(locks[bare(name)])]) ?? mode;
    const names = (of: (use: Touched) => readonly string[]): string[] => [...new Set(uses.flatMap(of).map(bare))].toSorted();
    return { locks, files: names(({ files }) => files).filter((name) => kinds.get(name) !== 'p'), scans: names(({ scans }) => scans).filter((name) => filled.has(name)), rebuilt: uses.some(({ effect }) => effect.rebuildsIndexes === true) };
  };

  /** Indexes and sequences are locked with their tables: only those that the catalogue names count. */
  const counted = (found: Seen, wanted: Seen): Seen => ({ ...found, locks: Object.fromEntries(Object.entries(found.locks).filter(([name]) => name in wanted.locks || !/[iIS]/.test(kinds.get(name) ?? 'i'))) });

  it.each(HAZARD_EXAMPLES.map((example) => ({ ...example, title: `${example.sql}: ${example.forms.join(', ')}` })))('$title', async (example) => {
    const effects = example.forms.map((form) => effectOf(form, serverMajor()));
    if (effects.some(({ since = 0 }) => serverMajor() < since)) return;
    const statements = readStatements(example.sql, new SchemaSoFar(schema, { major: serverMajor() }));
    const uses = statements.flatMap((statement) => statement.uses);
    expect(uses.map(({ form }) => form)).toEqual(example.forms);
    const wanted = told(uses.map((use) => use.touched));
    const outside = effects.some((effect) => effect.outside === true);
    if (outside) await expect(seenInside(example)).rejects.toThrow(/cannot run inside a transaction block/);
    const [table = ''] = uses.flatMap(({ relations: names }) => [...(names.partition ?? []), ...(names.table ?? [])]);
    const found = outside ? await seenWaiting(example, table, wanted.scans) : await seenInside(example);
    expect(counted(found, wanted)).toEqual(wanted);
  });

  it('has an example for each form', () => {
    const tried = new Set<string>(HAZARD_EXAMPLES.flatMap(({ forms }) => forms));
    expect(Object.keys(FORMS).filter((form) => !tried.has(form))).toEqual(['unknown']);
  });

  it('knows which functions give each row the same value', async () => {
    // Version 13 still had a form of timezone() for times without a date that changed.
    const changing = new Set((await database.query("SELECT proname AS name FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND provolatile = 'v' AND NOT (proname = 'timezone' AND 'timetz'::regtype = ANY (proargtypes))")).map(({ name }) => name));
    expect(changing.size).toBeGreaterThan(100);
    expect(STEADY_FUNCTIONS.filter((name) => changing.has(name))).toEqual([]);
  });

  it('would be caught if the catalogue said less', async () => {
    const use = (sql: string): readonly Touched[] => readStatements(sql, new SchemaSoFar(schema)).flatMap(({ uses }) => uses.map((each) => each.touched));
    const [retype, trigger, check] = ['ALTER TABLE t ALTER COLUMN n TYPE bigint', 'CREATE TRIGGER x AFTER UPDATE ON t FOR EACH ROW EXECUTE FUNCTION nothing()', 'ALTER TABLE t ADD CHECK (n > 0)'];
    const planted: readonly (readonly [string, (each: Touched) => Touched])[] = [
      [retype, (each) => ({ ...each, files: [] })],
      [trigger, (each) => ({ ...each, locks: new Map([...each.locks.keys()].map((name) => [name, 'SHARE'])) })],
      [check, (each) => ({ ...each, scans: [] })],
    ];
    for (const [sql, wrong] of planted) {
      const found = await seenInside({ forms: [], sql });
      expect(counted(found, told(use(sql)))).toEqual(told(use(sql)));
      expect(counted(found, told(use(sql).map(wrong)))).not.toEqual(told(use(sql).map(wrong)));
    }
  });
});

const bare = (name: string): string => name.replace(/^public\./, '');

const modesOf = (mode: string | undefined): LockMode[] => LOCK_MODES.filter((each) => each === mode);

async function rowsOf(client: pg.ClientBase | pg.Pool, sql: string): Promise<Record<string, string>[]> {
  return (await client.query<Record<string, string>>(sql)).rows;
}

/** By their oid, which stays with a relation that is renamed or dropped. */
async function relationsNow(client: pg.ClientBase | pg.Pool): Promise<Map<string, Relation>> {
  return new Map((await rowsOf(client, RELATIONS)).map(({ oid = '', name = '', kind = '', file = '', of = '' }) => [oid, { name, kind, file, of }]));
}

interface Books {
  readonly before: ReadonlyMap<string, Relation>;
  readonly after: ReadonlyMap<string, Relation>;
  readonly locks: readonly Record<string, string>[];
  readonly scans: readonly Record<string, string>[];
}

function seen({ before, after, locks, scans }: Books): Seen {
  const strong: Record<string, LockMode> = {};
  for (const { oid = '', mode } of locks) {
    const name = before.get(oid)?.name;
    if (name !== undefined) strong[name] = strongest([...modesOf(strong[name]), ...modesOf(mode)]) ?? 'ACCESS SHARE';
  }
  const changed = [...before].filter(([oid, { file }]) => after.has(oid) && after.get(oid)?.file !== file).map(([, relation]) => relation);
  const files = changed.filter(({ kind }) => kind === 'r' || kind === 'm').map(({ name }) => name).toSorted();
  const names = new Set([...before.values()].map(({ name }) => name));
  // An index that is built beside the old one takes its name.
  const later = new Map([...after.values()].map(({ name, file }) => [name, file]));
  const rebuilt = [...before.values()].some(({ name, kind, file, of }) => kind === 'i' && later.has(name) && later.get(name) !== file && !files.includes(of));
  return { locks: strong, files, scans: scans.map(({ name = '' }) => name).filter((name) => names.has(name)).toSorted(), rebuilt };
}
