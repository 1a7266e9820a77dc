/**
 * Proof that memory is bounded by configuration: one transaction of 2 million rows inserted, updated
 * and deleted, and a backlog of 5 million rows, through a worker with 256 MB of heap. What arrives is
 * counted and summed. `--scale=0.1` for a tenth, `--cases=insert,backlog` for some; takes minutes.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type pg from 'pg';
import { EmbeddedPostgres } from '../src/embedded/embedded-postgres.ts';
import { database } from './sync-contenders.ts';

const HEAP_MB = 256;
const WORKER = fileURLToPath(new URL('large-worker.ts', import.meta.url));
const option = (name: string): string | undefined => process.argv.find((argument) => argument.startsWith(`--${name}=`))?.slice(name.length + 3);
const scale = Number(option('scale') ?? '1');
const rows = Math.round(2_000_000 * scale);
const backlog = Math.round(5_000_000 * scale);

const SCHEMA = 'CREATE TABLE public.item (id bigint PRIMARY KEY, owner int NOT NULL, name text NOT NULL, price numeric(12,2), changed timestamptz NOT NULL)';
const filled = (from: number, count: number): string =>
  `INSERT INTO public.item SELECT g, g % 1000, 'item number ' || g, g % 977, clock_timestamp() FROM generate_series(${from}, ${from + count - 1}) AS g`;

interface Case {
  readonly name: string;
  /** Before the worker runs. */
  readonly before?: readonly string[];
  /** While it runs. */
  readonly during?: string;
  readonly rows: number;
}

const CASES: readonly Case[] = [
  { name: 'insert', during: filled(1, rows), rows },
  { name: 'update', during: `UPDATE public.item SET name = name || '!', changed = clock_timestamp()`, rows },
  { name: 'delete', during: 'DELETE FROM public.item', rows },
  { name: 'found at start: insert', before: [filled(1, rows)], rows },
  { name: 'found at start: delete', before: ['DELETE FROM public.item'], rows },
  {
    name: 'backlog of 100 to a transaction', rows: backlog,
    before: [`DO $$ BEGIN FOR i IN 0..${Math.round(backlog / 100) - 1} LOOP ` +
      `INSERT INTO public.item SELECT g, g % 1000, 'item number ' || g, g % 977, clock_timestamp() FROM generate_series(i * 100, i * 100 + 99) AS g; COMMIT; END LOOP; END $$`],
  },
];

async function startWorker(urls: readonly string[]): Promise<ChildProcess> {
  const worker = spawn(process.execPath, [`--max-old-space-size=${HEAP_MB}`, '--import', 'tsx', WORKER, ...urls], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(worker, 'exit').then(([code, signal]) => {
    throw new Error(`the worker ended with ${String(code ?? signal)}`);
  });
  await Promise.race([once(worker.stdout, 'data'), ended]);
  ended.catch((error: unknown) => {
    if (!stopping.has(worker)) {
      console.error(error);
      process.exit(1);
    }
  });
  return worker;
}

const stopping = new Set<ChildProcess>();

async function stopWorker(worker: ChildProcess): Promise<string> {
  stopping.add(worker);
  const said = once(worker.stdout!, 'data');
  worker.kill('SIGTERM');
  const [line] = (await said) as [Buffer];
  await once(worker, 'exit');
  return line.toString().trim();
}

const sumOf = async (pool: pg.Pool): Promise<string> => {
  const found = await pool.query<{ n: string; sum: string }>('SELECT count(*) AS n, sum(hash_record_extended(t, 0)::numeric) AS sum FROM public.item AS t');
  return `${found.rows[0]?.n} ${found.rows[0]?.sum}`;
};

/** Writes at the source and waits until the target shows it: later commits are applied later. */
async function passed(left: pg.Pool, right: pg.Pool): Promise<void> {
  await left.query(`INSERT INTO public.item VALUES (-1, 0, 'last', 0, clock_timestamp())`);
  while ((await right.query('SELECT 1 FROM public.item WHERE id = -1')).rowCount === 0) await delay(100);
  await left.query('DELETE FROM public.item WHERE id = -1');
  while ((await right.query('SELECT 1 FROM public.item WHERE id = -1')).rowCount !== 0) await delay(100);
}

const mb = (bytes: number): string => (bytes / 1e6).toFixed(0);
const settings = { max_wal_size: '8GB', logical_decoding_work_mem: '64MB', shared_buffers: '512MB' };
const servers = [await EmbeddedPostgres.start({ durable: false, settings }), await EmbeddedPostgres.start({ durable: false, settings })] as const;
const spool = await mkdtemp(join(tmpdir(), 'banyan-large-'));
try {
  const left = await database(servers[0], 'shop', SCHEMA);
  const right = await database(servers[1], 'shop', SCHEMA);
  const urls = [servers[0].url('shop'), servers[1].url('shop'), spool];
  // Sets the streams up.
  await stopWorker(await startWorker(urls));
  const wanted = option('cases')?.split(',');
  console.log(`${HEAP_MB} MB of heap; PostgreSQL ${(await left.query('SHOW server_version')).rows[0].server_version}, Node.js ${process.version}`);
  console.log('| case | rows | seconds | rows/s | heap MB | outside the heap MB | resident MB | equal |\n| --- | --- | --- | --- | --- | --- | --- | --- |');
  for (const each of CASES) {
    if (wanted && !wanted.some((name) => each.name.startsWith(name))) continue;
    for (const sql of each.before ?? []) await left.query(sql);
    const begun = performance.now();
    const worker = await startWorker(urls);
    if (each.during !== undefined) await left.query(each.during);
    const written = performance.now();
    await passed(left, right);
    const seconds = (performance.now() - (each.during === undefined ? begun : written)) / 1000;
    const [a, b] = await Promise.all([sumOf(left), sumOf(right)]);
    // The echo of it all has to pass as well.
    await passed(right, left);
    const peak = JSON.parse(await stopWorker(worker)) as { heap: number; external: number; rss: number; conflicts: number; quarantined: number };
    const verdict = a === b ? 'yes' : `NO: ${a} and ${b}`;
    console.log(`| ${each.name} | ${each.rows} | ${seconds.toFixed(0)} | ${(each.rows / seconds).toFixed(0)} | ${mb(peak.heap)} | ${mb(peak.external)} | ${mb(peak.rss)} | ${verdict}${peak.conflicts + peak.quarantined > 0 ? `, ${peak.conflicts} conflicts, ${peak.quarantined} in quarantine` : ''} |`);
    if (a !== b || peak.conflicts + peak.quarantined > 0) process.exitCode = 1;
  }
  await Promise.all([left.end(), right.end()]);
} finally {
  await Promise.all(servers.map((server) => server.remove()));
  await rm(spool, { recursive: true });
}
