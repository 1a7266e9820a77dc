import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { createApplication } from '../../src/app/create-application.ts';
import { createLogging } from '../../src/app/logging.ts';
import { atReplicas } from '../../src/app/validate-replicas.ts';
import { systemClock } from '../../src/core/clock.ts';
import { EmbeddedPostgres } from '../../src/embedded/embedded-postgres.ts';
import type { Side } from '../../src/model/side.ts';
import { PostgresChecksummer } from '../../src/postgres/checksum/checksummer.ts';
import { createPool } from '../../src/postgres/connect.ts';
import { PostgresFence } from '../../src/postgres/fence.ts';
import { endOfRecord, PostgresReplica } from '../../src/postgres/replica.ts';
import { ConsistencyValidator } from '../../src/validate/validator.ts';
import { temporaryFolder } from '../support/application.ts';
import { until } from '../support/condition.ts';
import { describePostgres, testDatabase } from '../support/postgres.ts';
import { caughtUpWith, standbyOf } from '../support/standby.ts';
import { build, RunningSync, setUp, type Ends, type SyncSettings } from '../support/sync-engine.ts';
import { LIVE_SCHEMA, liveRows, plant, PLANTED } from './live-writers.ts';

const KEYS = 200;
const SETTINGS: SyncSettings = { tables: ['public.account'] };
const SIDES: readonly Side[] = ['monolith', 'service'];

it('knows where the last record ends when it fills its page', () => {
  const segment = 16n * 1024n * 1024n;
  expect(endOfRecord(segment * 3n + 40n, segment)).toBe(segment * 3n);
  expect(endOfRecord(segment * 3n + 8192n + 24n, segment)).toBe(segment * 3n + 8192n);
  for (const inside of [segment * 3n + 8192n + 40n, segment * 3n + 24n + 40n, segment * 3n + 8192n * 2n]) expect(endOfRecord(inside, segment)).toBe(inside);
});

describePostgres('validation at a replica', () => {
  // One server with both databases, and a standby of it: one replay to pause for both sides.
  let primary: EmbeddedPostgres;
  let standby: EmbeddedPostgres;
  let running: RunningSync;
  let folder: string;
  const pools: pg.Pool[] = [];
  const open = (url: string, max = 6): pg.Pool => {
    const pool = createPool({ url, max });
    pool.on('error', () => {});
    pools.push(pool);
    return pool;
  };
  let ends: Ends;
  let main: Record<Side, pg.Pool>;
  let there: Record<Side, pg.Pool>;
  const replica = (side: Side): Promise<PostgresReplica> =>
    PostgresReplica.open({ pool: there[side], primary: main[side], name: `the replica of the ${side}`, clock: systemClock });
  const paused = (pause: boolean): Promise<unknown> => there.monolith.query(`SELECT pg_wal_replay_${pause ? 'pause' : 'resume'}()`);
  const isPaused = async (): Promise<boolean> => (await there.monolith.query<{ state: string }>('SELECT pg_get_wal_replay_pause_state() AS state')).rows[0]?.state === 'paused';
  const isAskedSince = async (time: string): Promise<boolean> =>
    (await there.service.query("SELECT 1 FROM pg_stat_activity WHERE query LIKE '%pg_last_wal_replay_lsn%' AND pid <> pg_backend_pid() AND query_start > $1", [time])).rowCount !== 0;

  beforeAll(async () => {
    primary = await EmbeddedPostgres.start();
    folder = await mkdtemp(join(tmpdir(), 'banyan-replica-'));
    standby = await standbyOf(primary, folder, { slots: false });
    const first = open(primary.url(), 1);
    for (const side of SIDES) await first.query(`CREATE DATABASE ${side}`);
    main = { monolith: open(primary.url('monolith'), 20), service: open(primary.url('service'), 20) };
    for (const side of SIDES) await main[side].query(LIVE_SCHEMA);
    await main.monolith.query(liveRows(KEYS));
    ends = { monolith: { url: primary.url('monolith'), pool: main.monolith }, service: { url: primary.url('service'), pool: main.service } };
    const { names } = await setUp(ends, SETTINGS);
    running = new RunningSync(build(ends, SETTINGS, names));
    await caughtUpWith(standby, primary);
    there = { monolith: open(standby.url('monolith')), service: open(standby.url('service')) };
  });

  afterAll(async () => {
    await running.stop();
    await Promise.allSettled(pools.map((pool) => pool.end()));
    await standby.remove();
    await primary.remove();
    await rm(folder, { recursive: true, force: true });
  });

  it('waits for a paused replay, fails by its name, and finds what was planted once it goes on', async () => {
    const stop = new AbortController();
    const write = async (side: Side): Promise<void> => {
      for (let key = side === 'monolith' ? 1 : 2; !stop.signal.aborted; key = (key + 2) % KEYS) {
        await main[side].query('UPDATE public.account SET balance = balance + 1 WHERE id BETWEEN $1 AND $1::int8 + 20 AND id % 2 = $2', [key, side === 'monolith' ? 1 : 0]);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    };
    const writing = Promise.all(SIDES.map(write));
    // The monolith is read at its standby, the service at its primary: while the replay is paused, whatever is written differs.
    const fence = new PostgresFence({ clock: systemClock, pools: () => main });
    let pausing = false;
    let planted: Promise<string> | undefined;
    const pauseAndPlant = async (): Promise<string> => {
      await paused(true);
      await until(isPaused);
      await plant(ends, 'service');
      return (await there.service.query<{ now: string }>('SELECT clock_timestamp() AS now')).rows[0]?.now ?? '';
    };
    const first = {
      place: async (options: Parameters<PostgresFence['place']>[0]) => {
        // The run has begun, and the standby was there then.
        if (pausing) await (planted ??= pauseAndPlant());
        return fence.place(options);
      },
      passed: (options: Parameters<PostgresFence['passed']>[0]) => fence.passed(options),
    };
    const validated = async (timeoutMs: number) =>
      new ConsistencyValidator(
        { checksummer: new PostgresChecksummer({ pool: there.monolith }) },
        { checksummer: new PostgresChecksummer({ pool: main.service }) },
        { fence: { fence: first, service: 'shop', timeoutMs }, replicas: [await replica('monolith')] },
      ).validate({ tables: ['public.account'] });
    try {
      expect((await validated(30_000)).tables[0]).toMatchObject({ missing: [], extra: [], different: [] });
      await paused(true);
      await until(isPaused);
      await main.monolith.query('UPDATE public.account SET balance = balance + 1 WHERE id = 1');
      await expect(validated(300)).rejects.toMatchObject({ code: 'BANYAN_VALIDATE_FENCE', message: expect.stringContaining('the replica of the monolith') });
      await paused(false);

      pausing = true;
      let done = false;
      const report = validated(30_000).finally(() => (done = true));
      report.catch(() => {});
      await until(async () => done || (planted && (await isAskedSince(await planted))), { what: 'the validation waits for the replica' });
      await running.caughtUp();
      expect(done, 'the validation waits while the replay is paused').toBe(false);
      await paused(false);
      const [table] = (await report).tables;
      expect(table?.different.map(({ key }) => key)).toEqual([String(PLANTED)]);
      expect(table?.counts).toMatchObject({ missing: 0, extra: 0, different: 1 });
      expect(table?.different[0]?.columns).toMatchObject({ balance: { source: '100.01', target: '100.00' } });
    } finally {
      stop.abort();
      await paused(false);
      await writing;
    }
  });

  it('reads everything at the standbys, by banyan.yaml and by URL, and writes nothing there', async () => {
    const configFile = join(await temporaryFolder(), 'banyan.yaml');
    await writeFile(configFile, [
      'version: 1', `monolith: { url: "${primary.url('monolith')}" }`, `services: { shop: { url: "${primary.url('service')}", tables: [account] } }`,
      'validate:', `  readFrom: { monolith: "${standby.url('monolith')}", services: { shop: "${standby.url('service')}" } }`,
      '  tables: { account: { temporal: { notInFuture: [changed_at], clockToleranceMs: 600000 } } }',
      '  rules: { owners: { monolith: "SELECT pg_is_in_recovery(), count(*) FROM account", service: "SELECT pg_is_in_recovery(), count(*) FROM account" }, here: { sql: "SELECT 1 WHERE NOT pg_is_in_recovery()" }, over: { on: service, sql: "SELECT 1 WHERE NOT pg_is_in_recovery()" } }',
      '  throttle: { activeSessions: 1000 }',
    ].join('\n'));
    const application = createApplication({
      configFile, env: {}, signal: new AbortController().signal, clock: systemClock,
      logging: createLogging({ output: { write: () => {} }, clock: systemClock }),
      progress: { note: () => {}, begin: () => ({ advance: () => {}, expect: () => {}, done: () => {}, failed: () => {} }) },
      confirm: () => Promise.resolve(true),
    });
    await main.monolith.query(`UPDATE public.account SET balance = 7 WHERE id = ${PLANTED}`);
    await running.caughtUp();
    for (const level of ['sample', 'full'] as const) {
      const configured = await application.validate({ level });
      expect(configured.rules?.map(({ name, ok }) => [name, ok]), level).toEqual(expect.arrayContaining([['owners', true], ['here', true], ['over', true]]));
      const urls = await application.validate({
        level, source: primary.url('monolith'), target: primary.url('service'), tables: ['public.account'],
        sourceReplica: standby.url('monolith'), targetReplica: standby.url('service'),
      });
      for (const { tables } of [configured, urls]) expect(tables[0]?.different.map(({ key }) => key), level).toEqual([String(PLANTED)]);
    }
  });

  it('refuses what can not stand for the primary', async () => {
    const other = await testDatabase();
    const from = (pool: pg.Pool, of = main.monolith) => PostgresReplica.open({ pool, primary: of, name: 'the replica', clock: systemClock });
    const refused = (said: string) => ({ code: 'BANYAN_VALIDATE_REPLICA', message: expect.stringContaining(said) });
    // Servers of these tests are copies of one, and have one system identifier.
    const foreign = open(standby.url('monolith'));
    vi.spyOn(foreign, 'query').mockResolvedValue({ rows: [{ system: '7', standby: 't', started: '', database: 'monolith', oid: '' }] } as never);
    await expect(from(foreign)).rejects.toMatchObject(refused('system identifier'));
    await expect(from(other.pool)).rejects.toMatchObject(refused('opens the database t_'));
    await expect(from(there.service)).rejects.toMatchObject(refused('opens the database service'));
    await expect(from(there.monolith, there.monolith)).rejects.toMatchObject(refused('a standby itself'));
    await expect(from(open('postgres://postgres@127.0.0.1:1/monolith'))).rejects.toMatchObject(refused('can not be read'));
    expect(await (await from(main.monolith)).caughtUp({ timeoutMs: 0 })).toBe(true);
  });

  it('names the standby whose replay cut a query off', async () => {
    await there.monolith.query("ALTER SYSTEM SET max_standby_streaming_delay = '10ms'");
    await there.monolith.query('SELECT pg_reload_conf()');
    const reading = atReplicas([await replica('monolith')], () => there.monolith.query('SELECT pg_sleep(20) FROM public.account LIMIT 1'));
    reading.catch(() => {});
    await until(async () => (await there.service.query("SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'")).rowCount === 1);
    // The standby has to replay the lock, and the reader is in its way.
    await main.monolith.query('BEGIN; LOCK TABLE public.account IN ACCESS EXCLUSIVE MODE; COMMIT');
    await expect(reading).rejects.toMatchObject({ code: 'BANYAN_VALIDATE_REPLICA', message: expect.stringMatching(/^the replica of the monolith cut a query off/) });
  });

  it('notices that the standby has become a primary', async () => {
    const before = await replica('monolith');
    await there.monolith.query('SELECT pg_promote()');
    await expect(before.caughtUp({ timeoutMs: 1000 })).rejects.toMatchObject({ code: 'BANYAN_VALIDATE_REPLICA' });
    await expect(replica('monolith')).rejects.toMatchObject({ code: 'BANYAN_VALIDATE_REPLICA', message: expect.stringContaining('promoted') });
  });
});
