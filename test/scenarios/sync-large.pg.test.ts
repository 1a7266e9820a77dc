import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { programArguments } from '../support/compiled.ts';
import { until } from '../support/condition.ts';
import { describePostgres, testDatabase, type TestDatabase } from '../support/postgres.ts';
import { build, RunningSync, setUp, type SyncSettings } from '../support/sync-engine.ts';

const SCHEMA = 'CREATE TABLE item (id int PRIMARY KEY, owner int, name text)';
const MEMORY = { transactionRows: 5000, queueRows: 5000 };
const ROWS = 60_000;
const WORKER = new URL('../support/sync-worker.ts', import.meta.url);
const workers = new Set<ChildProcess>();
const directories: string[] = [];

afterAll(async () => {
  for (const worker of workers) worker.kill('SIGKILL');
  for (const directory of directories) await rm(directory, { recursive: true });
});

async function directory(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'banyan-spool-'));
  directories.push(made);
  return made;
}

async function pair(): Promise<{ readonly monolith: TestDatabase; readonly service: TestDatabase }> {
  const [monolith, service] = [await testDatabase({ schema: SCHEMA, max: 12 }), await testDatabase({ schema: SCHEMA, max: 12 })];
  // The server spills and streams early, as it would with many times the rows.
  for (const each of [monolith, service]) await each.query(`ALTER DATABASE ${each.name} SET logical_decoding_work_mem = '1MB'`);
  return { monolith, service };
}

async function startWorker({ monolith, service }: { readonly monolith: TestDatabase; readonly service: TestDatabase }, settings: SyncSettings): Promise<ChildProcess> {
  const worker = spawn(
    process.execPath,
    ['--max-old-space-size=64', ...programArguments(WORKER), JSON.stringify({ monolith: monolith.url, service: service.url, settings })],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  workers.add(worker);
  await once(worker.stdout, 'data');
  return worker;
}

async function kill(worker: ChildProcess): Promise<void> {
  const exited = once(worker, 'exit');
  worker.kill('SIGKILL');
  await exited;
  workers.delete(worker);
}

const sumOf = async (database: TestDatabase): Promise<string | null | undefined> =>
  (await database.query(`SELECT count(*) || ' ' || coalesce(sum(hashtextextended(t::text, 0)::numeric), 0) AS sum FROM public.item AS t`))[0]?.['sum'];

/** How many rows the target's open transactions have written. */
const underWay = async (database: TestDatabase): Promise<number> => {
  const [row] = await database.query(
    `SELECT (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'banyan%' AND xact_start IS NOT NULL AND backend_xid IS NOT NULL) AS n`,
  );
  return Number(row?.['n']);
};

describePostgres('a transaction larger than memory', () => {
  it('arrives whole and once, though its worker is killed in the middle of it, and leaves nothing on the disk', async () => {
    const ends = await pair();
    const { monolith, service } = ends;
    const spoolDirectory = await directory();
    const settings: SyncSettings = { tables: ['item'], memory: { ...MEMORY, spoolDirectory } };
    const write = [
      `INSERT INTO public.item SELECT g, g % 100, 'item ' || g FROM generate_series(1, ${ROWS}) g`,
      `UPDATE public.item SET name = name || '!', owner = id % 7 WHERE id % 2 = 0`,
      'DELETE FROM public.item WHERE id % 3 = 0',
    ];
    let worker = await startWorker(ends, settings);
    for (const sql of write) {
      await monolith.query(sql);
      await until(async () => (await underWay(service)) > 0, { what: 'it is being applied' });
      await kill(worker);
      worker = await startWorker(ends, settings);
      await service.query(`INSERT INTO public.item VALUES (-1, 0, 'written meanwhile') ON CONFLICT (id) DO UPDATE SET owner = item.owner + 1`);
    }
    await kill(worker);
    const { names } = await setUp(ends, settings);
    const running = new RunningSync(build(ends, settings, names));
    for (let i = 0; i < 2; i++) await running.caughtUp();
    await running.stop();
    expect(await sumOf(service)).toBe(await sumOf(monolith));
    expect(await sumOf(monolith)).toMatch(new RegExp(`^${ROWS - Math.floor(ROWS / 3) + 1} `));
    expect((await monolith.query('SELECT count(*) AS n FROM banyan.conflict'))[0]?.['n']).toBe('0');
    expect((await service.query('SELECT count(*) AS n FROM banyan.quarantine'))[0]?.['n']).toBe('0');
    expect(await readdir(spoolDirectory)).toEqual([]);
  });

  it('with a row that is refused arrives but for that row', async () => {
    const ends = await pair();
    const { monolith, service } = ends;
    await service.query(`ALTER TABLE public.item ADD CHECK (id NOT IN (7777, 9000))`);
    const settings: SyncSettings = { tables: ['item'], memory: { ...MEMORY, spoolDirectory: await directory() } };
    const { names } = await setUp(ends, settings);
    const running = new RunningSync(build(ends, settings, names));
    // Rows of a faulty part and of others are written again later in the transaction.
    await monolith.query(`BEGIN; INSERT INTO public.item SELECT g, 0, 'x' FROM generate_series(1, 10000) g; UPDATE public.item SET owner = 1 WHERE id % 2 = 0; COMMIT`);
    await running.caughtUp();
    await running.caughtUp();
    await running.stop();
    const [counts] = await service.query('SELECT count(*) AS n, sum(owner) AS owners FROM public.item');
    expect(counts).toEqual({ n: '9998', owners: '4999' });
    const held = await service.query('SELECT key, code FROM banyan.quarantine ORDER BY id');
    expect(held.map(({ key, code }) => [key, code])).toEqual([['{"id":"7777"}', '23514'], ['{"id":"9000"}', '23514'], ['{"id":"9000"}', 'held']]);
    expect((await service.query('SELECT count(*) AS n FROM banyan.conflict'))[0]?.['n']).toBe('0');
  });

  it('waits while it can not be spooled, acknowledges nothing, and goes on when it can', async () => {
    const ends = await pair();
    const { monolith, service } = ends;
    // A file where the directory should be: as a disk that takes nothing.
    const spoolDirectory = join(await directory(), 'spool');
    await writeFile(spoolDirectory, '');
    const settings: SyncSettings = { tables: ['item'], memory: { ...MEMORY, spoolDirectory } };
    const warnings: string[] = [];
    const logger = { debug() {}, info() {}, error() {}, child: () => logger, warn: (_: string, facts?: Readonly<Record<string, unknown>>) => void warnings.push(String(facts?.['reason'])) };
    const { names } = await setUp(ends, settings);
    const running = new RunningSync(build(ends, { ...settings, logger }, names));
    await running.caughtUp();
    await monolith.query(`INSERT INTO public.item SELECT g, 0, 'x' FROM generate_series(1, 20000) g`);
    const [written] = await monolith.query('SELECT pg_current_wal_insert_lsn() AS lsn');
    await monolith.query(`INSERT INTO public.item VALUES (-1, 0, 'after it')`);
    await until(() => warnings.filter((warning) => warning.includes('could not be spooled')).length >= 3, { what: 'it was tried three times' });
    const [slot] = await monolith.query('SELECT confirmed_flush_lsn < $1::pg_lsn AS before FROM pg_replication_slots WHERE database = current_database()', [written?.['lsn']]);
    expect(slot?.['before']).toBe('t');
    expect((await service.query('SELECT count(*) AS n FROM public.item'))[0]?.['n']).toBe('0');
    await unlink(spoolDirectory);
    await mkdir(spoolDirectory);
    await running.caughtUp();
    await running.stop();
    expect(await sumOf(service)).toBe(await sumOf(monolith));
    expect(await readdir(spoolDirectory)).toEqual([]);
  });
});
