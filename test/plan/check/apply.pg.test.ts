import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { applyScripts } from '../../../src/app/apply-scripts.ts';
import { createApplication } from '../../../src/app/create-application.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { compareSchemas } from '../../../src/plan/check/database/compare-schemas.ts';
import { withHazards } from '../../../src/plan/check/database/hazards/script-hazards.ts';
import type { MigrationScript } from '../../../src/plan/check/finding.ts';
import { PostgresIntrospector } from '../../../src/postgres/catalog/introspector.ts';
import { run } from '../../cli/harness.ts';
import { until } from '../../support/condition.ts';
import { describePostgres, serverMajor, testDatabase, type TestDatabase } from '../../support/postgres.ts';

const OLD = 'CREATE TABLE public.t (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n integer, word varchar(10)); INSERT INTO public.t (n, word) SELECT i, i::text FROM generate_series(1, 500) i';
const NEW = "CREATE TABLE public.t (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n integer NOT NULL CHECK (n > 0), word varchar(20), x text DEFAULT 'a'); CREATE INDEX t_word ON public.t (word)";

describePostgres('applying the scripts of a check', () => {
  const databaseWith = async (sql: string): Promise<TestDatabase> => {
    const database = await testDatabase({ max: 8 });
    onTestFinished(() => database.drop());
    await database.query(sql);
    return database;
  };
  const plan = async (database: TestDatabase, target: TestDatabase): Promise<MigrationScript[]> => {
    const [before, after] = [await new PostgresIntrospector({ pool: database.pool }).readSchema(), await new PostgresIntrospector({ pool: target.pool }).readSchema()];
    return await withHazards({ scripts: compareSchemas({ before, after }).scripts, before, after });
  };
  const common = { clock: systemClock, signal: new AbortController().signal };

  it('keeps no writer waiting for longer than it waits itself, and one that does would be seen', async () => {
    if (serverMajor() < 14) return;
    const [database, target] = [await databaseWith(OLD), await databaseWith(NEW)];
    const lockTimeoutMs = 300;
    const [reader, writer] = [await database.pool.connect(), await database.pool.connect()];
    const pid = (await writer.query<{ readonly pid: string }>('SELECT pg_backend_pid() AS pid')).rows[0]?.pid ?? '';
    const state = { stopped: false };
    let [writes, longest] = [0, 0];
    const load = (async () => {
      while (!state.stopped) {
        await writer.query("INSERT INTO public.t (n, word) VALUES (7, 'w')");
        writes += 1;
      }
    })();
    /** How long the writer has been waiting, by the server's own clock. */
    const watched = async (): Promise<number> => {
      const [row] = await database.query(`SELECT extract(epoch FROM clock_timestamp() - waitstart) * 1000 AS ms FROM pg_locks WHERE pid = ${pid} AND NOT granted AND waitstart IS NOT NULL`);
      longest = Math.max(longest, Number(row?.['ms'] ?? 0));
      return longest;
    };
    const watch = (async () => {
      while (!state.stopped) await watched();
    })();
    const refused: string[] = [];
    await reader.query('BEGIN; SELECT count(*) FROM public.t');
    const applied = applyScripts({ ...common, pool: database.pool, scripts: await plan(database, target), lockTimeoutMs, note: (text) => refused.push(text) });
    await until(() => refused.length >= 3, { what: 'the lock was given up three times' });
    await reader.query('COMMIT');
    expect((await applied).length).toBeGreaterThan(5);
    const [during, writesThen] = [longest, writes];
    expect(during).toBeGreaterThan(0);
    expect(during / lockTimeoutMs).toBeLessThan(2);
    expect(writesThen).toBeGreaterThan(3);
    expect(await plan(database, target)).toEqual([]);
    // A statement without the timeout, behind the same reader, is seen by the same watch.
    await reader.query('BEGIN; SELECT count(*) FROM public.t');
    const rude = database.query('ALTER TABLE public.t ALTER COLUMN word TYPE varchar(30)');
    await until(async () => (await watched()) / lockTimeoutMs > 2, { what: 'the writer waits behind it' });
    await reader.query('COMMIT');
    await rude;
    state.stopped = true;
    await Promise.all([load, watch]);
    reader.release();
    writer.release();
  });

  it('is led on by another check where it was killed, and drops what a broken off index has left', async () => {
    // With a column of another type the server would build the index anew by itself.
    const [database, target] = [await databaseWith(OLD), await databaseWith(NEW.replace('varchar(20)', 'varchar(10)'))];
    const writer = await database.pool.connect();
    await writer.query("BEGIN; INSERT INTO public.t (n, word) VALUES (1, 'open')");
    // The index comes before what the open writer would keep out.
    const scripts = (await plan(database, target)).toSorted((a, b) => Number(a.transactional) - Number(b.transactional));
    const broken = applyScripts({ ...common, pool: database.pool, scripts, note: () => undefined });
    broken.catch(() => undefined);
    const building = async (): Promise<Record<string, string | null>[]> => await database.query("SELECT pid FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX CONCURRENTLY%' AND wait_event_type = 'Lock' AND datname = current_database()");
    await until(async () => (await building()).length === 1, { what: 'the index waits for the writer' });
    await database.query(`SELECT pg_terminate_backend(${(await building())[0]?.['pid'] ?? ''})`);
    await expect(broken).rejects.toMatchObject({ code: 'BANYAN_PLAN_APPLY' });
    expect(await database.query('SELECT indexrelid::regclass::text AS name FROM pg_index WHERE NOT indisvalid')).toEqual([{ name: 'public.t_word' }]);
    await writer.query('COMMIT');
    writer.release();
    const notes: string[] = [];
    await applyScripts({ ...common, pool: database.pool, scripts: await plan(database, target), note: (text) => notes.push(text) });
    expect(notes.join()).toContain('is dropped first');
    expect(await plan(database, target)).toEqual([]);
    expect(await database.query('SELECT FROM pg_index WHERE NOT indisvalid')).toEqual([]);
  });

  it('looks at no row for a plan that is refused', async () => {
    if (serverMajor() < 15) return;
    const database = await databaseWith(OLD);
    const folder = await mkdtemp(join(tmpdir(), 'banyan-apply-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const file = join(folder, 'new.sql');
    await writeFile(file, NEW.replace('n integer NOT NULL CHECK (n > 0)', 'n bigint NOT NULL'));
    /** How often the table was read by a command; a session leaves its counts before it goes. */
    const scans = async (...words: string[]): Promise<{ readonly said: string; readonly scans: number }> => {
      const count = async (): Promise<number> => Number((await database.query("SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 't'"))[0]?.['seq_scan']);
      const before = await count();
      const { stdout } = await run(['check', '--before', database.url, '--after', file, '--type', 'database', '--json', ...words], { application: createApplication });
      await until(async () => (await database.query("SELECT FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()")).length === 0, { what: 'its sessions are gone' });
      return { said: /BANYAN_\w+/.exec(stdout)?.[0] ?? /"plan_hash": ?"(\w{12})"/.exec(stdout)?.[1] ?? '', scans: (await count()) - before };
    };
    // What making the table has read is told before anything is counted.
    await database.query('SELECT pg_stat_force_next_flush()');
    const looked = await scans();
    expect(looked).toEqual({ said: expect.stringMatching(/^[0-9a-f]{12}$/) as string, scans: 1 });
    expect(await scans('--apply', '--plan-hash', '000000000000')).toEqual({ said: 'BANYAN_PLAN_CHANGED', scans: 0 });
    expect(await scans('--apply', '--plan-hash', looked.said)).toEqual({ said: 'BANYAN_HAZARD', scans: 0 });
  });

  it('is refused without its hash and without its hazards, and done with both', async () => {
    const database = await databaseWith(OLD);
    const folder = await mkdtemp(join(tmpdir(), 'banyan-apply-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const file = join(folder, 'new.sql');
    await writeFile(file, NEW.replace('n integer NOT NULL CHECK (n > 0)', 'n bigint'));
    const banyan = (...words: string[]) => run(['check', '--before', database.url, '--after', file, '--type', 'database', '--json', ...words], { application: createApplication });
    const hashOf = (text: string): string => /"plan_hash": ?"(\w{12})"/.exec(text)?.[1] ?? '';
    const first = await banyan();
    const hash = hashOf(first.stdout);
    expect(hash).toMatch(/^[0-9a-f]{12}$/);
    expect(hashOf((await banyan('--allow-hazard', 'none')).stdout)).toBe(hash);
    expect(await banyan('--allow-hazard', 'table_rewrit')).toMatchObject({ code: 2, stdout: expect.stringContaining('Did you mean table_rewrite?') as string });
    expect(await banyan('--apply', '--plan-hash', '000000000000', '--allow-hazard', 'table_rewrite')).toMatchObject({ code: 2, stdout: expect.stringMatching(new RegExp(`BANYAN_PLAN_CHANGED[\\s\\S]*000000000000[\\s\\S]*${hash}`)) as string });
    expect(await banyan('--apply', '--plan-hash', hash)).toMatchObject({ code: 2, stdout: expect.stringMatching(/BANYAN_HAZARD[\s\S]*table_rewrite/) as string });
    // Somebody changes the schema in between: what was looked at is not what would run.
    await database.query('ALTER TABLE public.t ADD COLUMN late integer');
    expect(await banyan('--apply', '--plan-hash', hash, '--allow-hazard', 'table_rewrite', '--allow-hazard', 'deletes_data')).toMatchObject({ code: 2, stdout: expect.stringContaining('BANYAN_PLAN_CHANGED') as string });
    await database.query('ALTER TABLE public.t DROP COLUMN late');
    const applied = await banyan('--apply', '--plan-hash', hash, '--allow-hazard', 'table_rewrite');
    expect(applied).toMatchObject({ code: 0 });
    expect(JSON.parse(applied.stdout)).toMatchObject({ applied: expect.arrayContaining(['Add column t.x']) as unknown });
    expect(JSON.parse((await banyan()).stdout)).toMatchObject({ migration_scripts: [], issues: [] });
  });

  it('is refused where rows break a new rule that came between the look and the apply, and nothing is changed', async () => {
    const database = await databaseWith(OLD);
    const folder = await mkdtemp(join(tmpdir(), 'banyan-apply-rows-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const [file, rules] = [join(folder, 'new.sql'), join(folder, 'rules.yaml')];
    await writeFile(file, NEW.replace('varchar(20)', 'varchar(5)'));
    const banyan = (...words: string[]) => run(['check', '--before', database.url, '--after', file, '--type', 'database', '--json', ...words], { application: createApplication });
    const first = await banyan();
    const hash = /"plan_hash": ?"(\w{12})"/.exec(first.stdout)?.[1] ?? '';
    const hazards = [...new Set([...first.stdout.matchAll(/"hazard": ?"(\w+)"/g)].map(([, name = '']) => name))].flatMap((name) => ['--allow-hazard', name]);
    const apply = ['--apply', '--plan-hash', hash, ...hazards];
    const looked = async (): Promise<unknown> => [await plan(database, await databaseWith(NEW)), await database.query('SELECT id, n, word FROM public.t ORDER BY id')];
    // The plan is the same whatever the rows say.
    await database.query("INSERT INTO public.t (n, word) VALUES (NULL, 'a'), (NULL, 'b'), (1, 'far too')");
    const before = await looked();
    const refused = await banyan(...apply);
    expect(refused).toMatchObject({ code: 2, stdout: expect.stringContaining('BANYAN_PLAN_ROWS') as string });
    expect(JSON.parse(refused.stdout)).toMatchObject({ error: { message: expect.stringContaining('tables.t.columns.n: 2 of 503 rows are null: id=501; id=502') as string, details: { data_checks: [
      { field_path: 'tables.t.columns.n', problem: 'nulls', rows: 2, of: 503, keys: [{ id: '501' }, { id: '502' }] },
      { field_path: 'tables.t.columns.word', problem: 'too_long', rows: 1, of: 503, keys: [{ id: '503' }] },
    ] } } });
    expect(await looked()).toEqual(before);
    // Leave for one place is none for the other; neither is a waiver of one of two findings, nor an expired one.
    const paths = (text: string): string[] => [...new Set([...text.matchAll(/"field_path": ?"([^"]+)",\s*"problem"/g)].map(([, path = '']) => path))];
    expect(paths((await banyan(...apply, '--allow-rows', 'tables.t.columns.n')).stdout)).toEqual(['tables.t.columns.word']);
    const waive = async (until: string): Promise<void> => await writeFile(rules, `waivers:\n  - { rule: nullability-restriction, object: 'tables.t.columns.n', until: ${until}, reason: filled in }\n`);
    await waive('1960-01-01');
    expect(paths((await banyan(...apply, '--rules', rules)).stdout)).toEqual(['tables.t.columns.n', 'tables.t.columns.word']);
    await waive('2999-01-01');
    expect(paths((await banyan(...apply, '--rules', rules)).stdout)).toEqual(['tables.t.columns.word']);
    expect(await banyan(...apply, '--allow-rows', 'tables.t.columns.nn')).toMatchObject({ code: 2, stdout: expect.stringContaining('Expected one of tables.t.columns.n') as string });
    expect(await banyan(...apply, '--rows-timeout', '0')).toMatchObject({ code: 2, stdout: expect.stringContaining('BANYAN_USAGE') as string });
    expect(await looked()).toEqual(before);
    await database.query('DELETE FROM public.t WHERE id > 500');
    expect(await banyan(...apply)).toMatchObject({ code: 0 });
  });

  it('is refused where nobody could count the rows in time', async () => {
    const database = await databaseWith("CREATE FUNCTION public.slow(integer) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(600); RETURN true; END $$; CREATE TABLE public.t (id integer PRIMARY KEY); INSERT INTO public.t VALUES (1)");
    const folder = await mkdtemp(join(tmpdir(), 'banyan-apply-slow-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const file = join(folder, 'new.sql');
    await writeFile(file, 'CREATE FUNCTION public.slow(integer) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(600); RETURN true; END $$; CREATE TABLE public.t (id integer PRIMARY KEY CONSTRAINT slowly CHECK (slow(id)))');
    const banyan = (...words: string[]) => run(['check', '--before', database.url, '--after', file, '--type', 'database', '--json', '--rows-timeout', '0.1', ...words], { application: createApplication });
    const hash = /"plan_hash": ?"(\w{12})"/.exec((await banyan()).stdout)?.[1] ?? '';
    const refused = await banyan('--apply', '--plan-hash', hash, '--allow-hazard', 'refuses_rows');
    expect(refused).toMatchObject({ code: 2, stdout: expect.stringMatching(/BANYAN_PLAN_ROWS[\s\S]*it took longer than 0.1 seconds/) as string });
    expect(await database.query("SELECT FROM pg_constraint WHERE conname = 'slowly'")).toEqual([]);
  });
});
