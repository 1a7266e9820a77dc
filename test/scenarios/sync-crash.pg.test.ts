import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, expect, it } from 'vitest';
import { EmbeddedPostgres } from '../../src/embedded/embedded-postgres.ts';
import { createPool } from '../../src/postgres/connect.ts';
import { programArguments } from '../support/compiled.ts';
import { until } from '../support/condition.ts';
import { Journal, JOURNAL_SCHEMA } from '../support/journal.ts';
import { describePostgres, testDatabase } from '../support/postgres.ts';
import { build, rowsOf, RunningSync, setUp, type SyncSettings } from '../support/sync-engine.ts';

const SETTINGS: SyncSettings = { tables: ['account', 'entry'] };
const WORKER = new URL('../support/sync-worker.ts', import.meta.url);
const workers = new Set<ChildProcess>();

afterAll(() => {
  for (const worker of workers) worker.kill('SIGKILL');
});

interface Urls {
  readonly monolith: string;
  readonly service: string;
}

/** Resolves when the worker has set the streams up. */
async function startWorker(urls: Urls): Promise<ChildProcess> {
  const worker = spawn(process.execPath, [...programArguments(WORKER), JSON.stringify({ ...urls, settings: SETTINGS })], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  workers.add(worker);
  let said = '';
  worker.stderr.on('data', (text: Buffer) => (said += text.toString()));
  const ended = once(worker, 'exit').then(([code]) => {
    throw new Error(`the worker ended with ${String(code)}: ${said}`);
  });
  await Promise.race([once(worker.stdout, 'data'), ended]);
  // From here on its end is the test's own doing.
  ended.catch(() => {});
  return worker;
}

async function kill(worker: ChildProcess): Promise<void> {
  const exited = once(worker, 'exit');
  worker.kill('SIGKILL');
  await exited;
  workers.delete(worker);
}

/** Runs the engine here until everything is across. */
async function finish(ends: Parameters<typeof setUp>[0]): Promise<void> {
  const { names, copied } = await setUp(ends, SETTINGS);
  expect(copied).toBe(0);
  const running = new RunningSync(build(ends, SETTINGS, names));
  for (let i = 0; i < 3; i++) await running.caughtUp();
  await running.stop();
}

describePostgres('sync and sudden ends', () => {
  it('loses nothing and converges when its worker is killed again and again', async () => {
    const monolith = await testDatabase({ schema: JOURNAL_SCHEMA, max: 12 });
    const service = await testDatabase({ schema: JOURNAL_SCHEMA, max: 12 });
    await monolith.query(`INSERT INTO public.account SELECT g, 'seed-' || g FROM generate_series(1, 40) g`);
    const urls = { monolith: monolith.url, service: service.url };
    let worker = await startWorker(urls);
    await using journal = new Journal({ ends: { monolith, service }, keys: 60 });
    journal.start(3);
    for (let i = 1; i <= 3; i++) {
      const before = journal.writes;
      await until(() => journal.writes > before + 60);
      // Anywhere within what the worker does; no condition would be as blind.
      await delay(randomInt(60));
      await kill(worker);
      worker = await startWorker(urls);
    }
    await journal.finish();
    await kill(worker);
    await finish({ monolith, service });
    for (const table of ['account', 'entry']) expect(await rowsOf(service, `public.${table}`)).toEqual(await rowsOf(monolith, `public.${table}`));
    for (const side of [monolith, service]) expect(await side.query('SELECT * FROM banyan.quarantine')).toEqual([]);
    expect(await journal.lost()).toEqual([]);
  });

  it('loses nothing and converges when either server breaks off and starts again', async () => {
    await using first = await EmbeddedPostgres.start();
    await using second = await EmbeddedPostgres.start();
    const pools = { monolith: createPool({ url: first.url(), max: 8 }), service: createPool({ url: second.url(), max: 8 }) };
    const ends = { monolith: { url: first.url(), pool: pools.monolith }, service: { url: second.url(), pool: pools.service } };
    for (const pool of Object.values(pools)) await pool.query(`SET search_path = public; ${JOURNAL_SCHEMA} SET search_path = pg_catalog`);
    const { names } = await setUp(ends, SETTINGS);
    const running = new RunningSync(build(ends, SETTINGS, names));
    await using journal = new Journal({ ends, keys: 60 });
    journal.start(3);
    for (const server of [second, first, second]) {
      const before = journal.writes;
      await until(() => journal.writes > before + 80);
      await server.stop('immediate');
      await server.start();
    }
    const before = journal.writes;
    await until(() => journal.writes > before + 40);
    await journal.finish();
    for (let i = 0; i < 3; i++) await running.caughtUp();
    await running.stop();
    const read = (pool: typeof pools.monolith) => ({
      query: async (sql: string) => (await pool.query<Record<string, string | null>>(sql)).rows,
    });
    for (const table of ['account', 'entry']) {
      expect(await rowsOf(read(pools.service), `public.${table}`)).toEqual(await rowsOf(read(pools.monolith), `public.${table}`));
    }
    expect(await journal.lost()).toEqual([]);
    await Promise.all([pools.monolith.end(), pools.service.end()]);
  });
});
