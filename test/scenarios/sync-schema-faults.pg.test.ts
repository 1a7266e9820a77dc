import type pg from 'pg';
import { afterAll, expect, it } from 'vitest';
import { createPool } from '../../src/postgres/connect.ts';
import { testApplication } from '../support/application.ts';
import { alter, BACKWARD, crosses, drained, endsEqual, expectEqual, FORWARD, mend, namesOf, pairOf, paused, pausedOf, TABLES, Writing } from '../support/changing-tables.ts';
import { until } from '../support/condition.ts';
import { Journal } from '../support/journal.ts';
import { describePostgres, itSince, type TestDatabase } from '../support/postgres.ts';
import { build, rowsOf, RunningSync } from '../support/sync-engine.ts';
import type { SyncPair } from '../support/sync-pair.ts';
import { WorkerProcess } from '../support/worker-process.ts';

const ROLE = 'banyan_applier';
const pools: pg.Pool[] = [];

afterAll(() => Promise.all(pools.map((pool) => pool.end())));

/** Somebody who reads a table for long. */
async function readerOf(database: TestDatabase): Promise<AsyncDisposable & { end(): Promise<void> }> {
  const client = await database.pool.connect();
  await client.query('BEGIN; SELECT count(*) FROM public.account');
  let ended: Promise<void> | undefined;
  const end = (): Promise<void> => (ended ??= client.query('COMMIT').then(() => client.release()));
  return { end, [Symbol.asyncDispose]: end };
}

const isWaiting = (database: TestDatabase) => async (): Promise<boolean> =>
  (await database.query("SELECT 1 FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock' AND relation = 'public.account'::regclass")).length > 0;

/** The service's database with a role that may do what applying takes, and no more. */
async function plainly({ service, ends, settings, names }: SyncPair): Promise<RunningSync> {
  await service.query(
    `DO $$ BEGIN CREATE ROLE ${ROLE} LOGIN REPLICATION PASSWORD 'plain'; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
     GRANT SET ON PARAMETER session_replication_role TO ${ROLE};
     GRANT USAGE ON SCHEMA banyan, public TO ${ROLE};
     GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ${ROLE};
     GRANT ALL ON ALL TABLES IN SCHEMA banyan TO ${ROLE}; GRANT ALL ON ALL SEQUENCES IN SCHEMA banyan TO ${ROLE};
     DO $$ DECLARE name text; BEGIN
       FOR name IN SELECT oid::regprocedure FROM pg_proc WHERE proname LIKE 'pg_replication_origin%' LOOP EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO ${ROLE}', name); END LOOP;
     END $$`,
  );
  const url = new URL(service.url);
  url.username = ROLE;
  url.password = 'plain';
  const pool = createPool({ url: url.href, max: 20 });
  pools.push(pool);
  return new RunningSync(build({ ...ends, service: { url: url.href, pool } }, settings, names));
}

describePostgres('a role that may not write a table', () => {
  itSince(15)('pauses that table with the GRANT, and it goes on once that was run; a column it may not add waits as well', async () => {
    const pair = await pairOf();
    const running = await plainly(pair);
    await drained(running);
    await pair.service.query(`REVOKE INSERT, UPDATE ON public.account FROM ${ROLE}`);
    await pair.monolith.query("UPDATE public.account SET value = 'one' WHERE id = 1; DELETE FROM public.account WHERE id = 2; INSERT INTO public.account VALUES (31, 'new')");
    await until(() => pausedOf(running, FORWARD)[0]?.statements.length, { what: 'the status says what to run', timeoutMs: 60_000 });
    expect(pausedOf(running, FORWARD)).toMatchObject([{ table: 'public.account', code: '42501', statements: [{ on: 'service', sql: `GRANT INSERT, UPDATE ON "public"."account" TO "${ROLE}"` }] }]);
    await crosses(pair);
    await mend(pair, running);
    await drained(running);

    await alter(pair, 'monolith', "ADD COLUMN note text DEFAULT 'none'");
    await pair.monolith.query("UPDATE public.account SET note = 'seen' WHERE id = 1");
    expect(await paused(running, FORWARD)).toMatchObject({ code: 'BANYAN_SCHEMA_CHANGED', reason: expect.stringContaining('must be owner') as string });
    await crosses(pair);
    await mend(pair, running);
    await endsEqual(pair, running);
  });
});

describePostgres('a table whose key changes', () => {
  it('is paused both ways until the other side has the same, and knows its rows by the new one', async () => {
    const pair = await pairOf();
    const running = pair.run();
    await drained(running);
    await pair.service.query("UPDATE public.quiet SET label = 'by the old key' WHERE id = 5");
    await drained(running);
    await pair.monolith.query('ALTER TABLE public.quiet DROP CONSTRAINT quiet_pkey, ADD PRIMARY KEY (value)');
    await pair.monolith.query("UPDATE public.quiet SET label = 'by the new key' WHERE value = 1; UPDATE public.quiet SET value = 20, label = 'moved' WHERE value = 2; DELETE FROM public.quiet WHERE value = 3; INSERT INTO public.quiet VALUES (1, 30, 'the same id')");
    expect(await paused(running, FORWARD)).toMatchObject({
      table: 'public.quiet', statements: [{ on: 'service', sql: 'ALTER TABLE "public"."quiet" DROP CONSTRAINT "quiet_pkey", ADD PRIMARY KEY ("value")' }],
    });
    await pair.service.query("UPDATE public.quiet SET label = 'from the service' WHERE id = 4");
    await mend(pair, running);
    await drained(running);
    await pair.service.query("UPDATE public.quiet SET label = 'the way back' WHERE value = 30");
    await drained(running);
    await mend(pair, running);
    await endsEqual(pair, running);
    expect(await pair.monolith.query('SELECT id, value, label FROM public.quiet ORDER BY value')).toEqual([
      { id: '1', value: '1', label: 'by the new key' }, { id: '4', value: '4', label: 'from the service' }, { id: '5', value: '5', label: 'by the old key' },
      { id: '2', value: '20', label: 'moved' }, { id: '1', value: '30', label: 'the way back' },
    ]);
  });

  it('goes on by itself when a key that was dropped comes back', async () => {
    const pair = await pairOf();
    const running = pair.run();
    await drained(running);
    await pair.monolith.query('ALTER TABLE public.quiet DROP CONSTRAINT quiet_pkey');
    await pair.monolith.query("INSERT INTO public.quiet VALUES (6, 6, 'without a key')");
    await paused(running, FORWARD);
    await pair.monolith.query('ALTER TABLE public.quiet ADD PRIMARY KEY (id)');
    await pair.monolith.query("UPDATE public.quiet SET label = 'with a key' WHERE id = 6");
    await until(() => pausedOf(running, FORWARD).length === 0);
    await endsEqual(pair, running);
  });
});

describePostgres('a column that comes under capture by triggers', () => {
  it('is carried with its older rows, and a type that does not fit pauses its table alone', async () => {
    const pair = await pairOf({ capture: { monolith: 'trigger', service: 'trigger' } });
    const running = pair.run();
    {
      await using journal = new Journal({ ends: pair, keys: 50, pauseMs: 60 });
      journal.start(2);
      await until(() => journal.writes > 30);
      await alter(pair, 'monolith', "ADD COLUMN note text DEFAULT 'older', ADD COLUMN level int NOT NULL DEFAULT 7");
      await using notes = new Writing(pair, 'monolith', (n) => `UPDATE public.account SET note = 'note ${n}' WHERE id = ${1 + (n % 50)}`);
      await until(() => notes.count > 5);
      await until(async () => (await namesOf(pair, 'service')).includes('level'), { what: 'the service has the columns', timeoutMs: 60_000 });
      await alter(pair, 'monolith', 'ALTER COLUMN visits TYPE bigint');
      await paused(running, FORWARD);
      await crosses(pair);
      await mend(pair, running);
      await journal.finish();
      await drained(running);
      await mend(pair, running);
      await drained(running);
      expect(await journal.lost()).toEqual([]);
    }
    await endsEqual(pair, running);
  });
});

describePostgres('a table that somebody reads for long', () => {
  it('gets its column when he has ended, though the worker was killed while it waited; other tables go on', async () => {
    const pair = await pairOf();
    await using worker = new WorkerProcess({ monolith: pair.monolith.url, service: pair.service.url, settings: { tables: TABLES, heartbeatMs: 200 } });
    await worker.running();
    await using reader = await readerOf(pair.service);
    await alter(pair, 'monolith', "ADD COLUMN note text DEFAULT 'older'");
    await pair.monolith.query("UPDATE public.account SET note = 'seen' WHERE id = 1; INSERT INTO public.account (id, value) VALUES (31, 'new')");
    await worker.meanwhile(until(isWaiting(pair.service), { what: 'the column waits for the reader', everyMs: 20, timeoutMs: 60_000 }));
    await worker.kill();
    const running = pair.run();
    expect(await paused(running, FORWARD)).toMatchObject({ reason: expect.stringContaining('is tried again') as string });
    await pair.service.query("UPDATE public.account SET value = 'from the service' WHERE id = 2; INSERT INTO public.account (id, value) VALUES (32, 'from the service')");
    await crosses(pair);
    await reader.end();
    await until(() => pausedOf(running, FORWARD).length === 0, { what: 'the table goes on', timeoutMs: 60_000 });
    await drained(running);
    expect(pausedOf(running, BACKWARD)).toEqual([]);
    await running.stop();
    await expectEqual(pair);
    expect(await pair.service.query('SELECT note FROM public.account WHERE id IN (1, 2, 31, 32) ORDER BY id')).toEqual([{ note: 'seen' }, { note: 'older' }, { note: 'older' }, { note: 'older' }]);
  });
});

describePostgres('sync run of a service that was copied', () => {
  it('starts though a table differs since, says what to run, and carries the other tables', async () => {
    const app = await testApplication();
    await (await app.startSync()).stop();
    await app.monolith.query(`
      ALTER TABLE public.users ALTER COLUMN balance TYPE numeric(20,4), ADD COLUMN note text DEFAULT 'older';
      UPDATE public.users SET balance = 1.2345, note = 'seen' WHERE id = 1; UPDATE public.sessions SET device = '{}' WHERE id = 's2'`);
    const worker = await app.startSync();
    // A row that refers to none of those that wait.
    await until(async () => (await app.service.query("SELECT 1 FROM public.sessions WHERE id = 's2' AND device = '{}'")).length > 0, { what: 'another table goes on', timeoutMs: 60_000 });
    const waiting = async () => (await app.application.syncStatus()).streams.flatMap(({ pausedTables }) => pausedTables ?? []);
    await until(async () => (await waiting()).length > 0, { what: 'the status names the table' });
    // The other direction may have come upon it as well, and says the same.
    const told = await waiting();
    for (const each of told) expect(each).toMatchObject({ table: 'public.users', code: 'BANYAN_SCHEMA_CHANGED' });
    const statements = new Map(told.flatMap((each) => each.statements.map(({ on, sql }) => [`${on}: ${sql}`, { on, sql }])));
    for (const { on, sql } of statements.values()) await app[on].query(sql);
    await until(async () => (await waiting()).length === 0, { what: 'the table goes on', timeoutMs: 60_000 });
    await app.application.syncWait({});
    await worker.stop();
    for (const table of ['users', 'sessions']) expect(await rowsOf(app.service, `public.${table}`)).toEqual(await rowsOf(app.monolith, `public.${table}`));
  });
});
