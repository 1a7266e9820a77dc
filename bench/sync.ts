/**
 * Sync beside PostgreSQL's own logical replication, on the same two servers in the same run. Banyan
 * runs both directions with conflict detection, in a process of its own; the server's subscription
 * runs one direction (both in case f) and detects nothing that Banyan does.
 *
 *   npx tsx bench/sync.ts [--quick | --scale=0.3] [--rounds=N] [--batch=ROWS] [--cases=a,b,c,d,e,f,g]
 *
 * Backlogs (a, b, c, f): both are stopped, the same work is written for both, then one after the
 * other is started and timed until the last row is visible; who is first alternates. Every process
 * was started before. Writers commit asynchronously, or writing would take longer than all the rest;
 * the latency cases (e, g) commit durably. BENCH_PROFILE=folder writes a CPU
 * profile of Banyan's process; BENCH_NODE_FLAGS are given to its node; with BENCH_MARKS=1 its streams
 * note which rows they read, for incremental validation.
 */
import { cpus, loadavg, totalmem } from 'node:os';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import type pg from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import { connect } from '../src/postgres/connect.ts';
import { EmbeddedPostgres } from '../src/embedded/embedded-postgres.ts';
import { database, startBanyan, startNative, until, type Contender, type Servers } from './sync-contenders.ts';
import { cpuByProcess, cpuMs } from './sync-cpu.ts';
import { LATENCY_SCHEMA, measureLatency, type LatencyResult } from './sync-latency.ts';

const { values: args } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    scale: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    batch: { type: 'string', default: '2000' },
    cases: { type: 'string', default: 'a,b,c,d,e,f,g' },
  },
});
const SCALE = Number(args.scale ?? (args.quick ? 0.1 : 1));
const ROUNDS = Number(args.rounds);
const BATCH_ROWS = Number(args.batch);
const CASES = args.cases.split(',');

const SCHEMA = `
CREATE TABLE public.item (id bigint PRIMARY KEY, account int NOT NULL, amount numeric(12,2) NOT NULL, name text NOT NULL,
  active boolean NOT NULL, updated_at timestamptz NOT NULL, note text);
CREATE TABLE public.finished (id int PRIMARY KEY)`;
const TABLES = ['public.item', 'public.finished'];

const rowsFrom = (first: number, last: string): string =>
  `SELECT g, g % 1000, (g % 100000) / 100.0, 'item number ' || g, g % 2 = 0, timestamptz '2024-01-01' + g * interval '1 ms', ` +
  `CASE WHEN g % 3 = 0 THEN NULL ELSE md5(g::text) END FROM generate_series(${first}, ${last}) g`;

interface Backlog {
  readonly title: string;
  readonly rows: number;
  readonly fill?: string;
  readonly bothWays?: boolean;
  /** A block that commits for itself; `first` is 1 in the first round. */
  readonly work: (first: number, side: 'left' | 'right') => string;
}

const scaled = (rows: number): number => Math.round(rows * SCALE);

/** Inserts `rows` rows from `first` on, `size` to a transaction. */
const inserts = (first: number, rows: number, size: number): string =>
  `DO $$ BEGIN FOR i IN 0..${Math.ceil(rows / size) - 1} LOOP INSERT INTO public.item ${rowsFrom(first, `${first + size - 1}`).replace(
    `generate_series(${first}, ${first + size - 1})`, `generate_series(${first} + i * ${size}, ${first + size - 1} + i * ${size})`,
  )}; COMMIT; END LOOP; END $$`;

const UPDATED = scaled(300_000);
/** Coprime to the number of rows: each is updated once a round, neighbours far apart. */
const STRIDE = 77_773;

const BACKLOGS: Readonly<Record<string, Backlog>> = {
  a: {
    title: 'inserts in transactions of 100', rows: scaled(500_000),
    work: (first) => inserts(first, scaled(500_000), 100),
  },
  b: {
    title: 'updates in transactions of 10', rows: UPDATED, fill: `INSERT INTO public.item ${rowsFrom(1, `${UPDATED}`)}`,
    work: () =>
      `DO $$ BEGIN FOR i IN 0..${UPDATED / 10 - 1} LOOP FOR j IN 0..9 LOOP ` +
      `UPDATE public.item SET amount = amount + 1, updated_at = now() WHERE id = ((i * 10 + j)::bigint * ${STRIDE}) % ${UPDATED} + 1; ` +
      `END LOOP; COMMIT; END LOOP; END $$`,
  },
  c: {
    title: 'single-row transactions', rows: scaled(100_000),
    work: (first) => inserts(first, scaled(100_000), 1),
  },
  f: {
    title: 'inserts in transactions of 10, half on each side', rows: scaled(200_000), bothWays: true,
    work: (first, side) => inserts(first + (side === 'left' ? 0 : 1_000_000_000), scaled(100_000), 10),
  },
};

async function main(): Promise<void> {
  const servers: Servers = { left: await EmbeddedPostgres.start(), right: await EmbeddedPostgres.start() };
  try {
    printMachine(servers);
    for (const [letter, backlog] of Object.entries(BACKLOGS)) if (letter !== 'f' && CASES.includes(letter)) await measureBacklog(servers, letter, backlog);
    if (CASES.includes('d')) await measureCopy(servers);
    if (CASES.includes('e')) await latency(servers, { letter: 'e', rate: 1000, rowsPerTransaction: 1, bothWays: false });
    if (CASES.includes('f') && BACKLOGS['f']) await measureBacklog(servers, 'f', BACKLOGS['f']);
    if (CASES.includes('g')) await latency(servers, { letter: 'g', rate: 500, rowsPerTransaction: 10, bothWays: true });
  } finally {
    for (const server of [servers.left, servers.right]) await server.remove();
  }
}

function printMachine(servers: Servers): void {
  console.log(
    `${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'}), ${Math.round(totalmem() / 2 ** 30)} GiB, ` +
      `node ${process.version}, PostgreSQL ${servers.left.version}, durable, batch ${BATCH_ROWS} rows${SCALE === 1 ? '' : `, sizes times ${SCALE}`}`,
  );
}

const load = (): string => `load ${loadavg()[0]?.toFixed(1)}`;

async function measureBacklog(servers: Servers, letter: string, backlog: Backlog): Promise<void> {
  const { bothWays = false, fill } = backlog;
  const shared = { servers, schema: SCHEMA, tables: TABLES, bothWays, ...(fill === undefined ? {} : { fill }) };
  const native = await startNative({ ...shared, name: `native_${letter}` });
  const banyan = await startBanyan({ ...shared, name: `banyan_${letter}`, batchRows: BATCH_ROWS });
  const rates: Record<string, number[]> = { banyan: [], server: [] };
  const costs: Record<string, number[]> = { banyan: [], server: [] };
  const outside: number[] = [];
  const split = new Map<string, number[]>();
  const roots = [servers.left, servers.right].map((server) => server.processId ?? 0);
  const worker = banyan.processId ?? 0;
  for (let round = 1; round <= ROUNDS; round++) {
    const both = [banyan, native];
    for (const contender of both) {
      // Whatever the last round left in the logs is read before, by both.
      if (contender === banyan || round > 1) await contender.start();
      await finish(contender, -round, bothWays);
      await new Promise((resolve) => setTimeout(resolve, 1500));
      await contender.stop();
    }
    for (const contender of both) {
      await write(contender, 'left', backlog.work(1 + (round - 1) * backlog.rows, 'left'));
      if (bothWays) await write(contender, 'right', backlog.work(1 + (round - 1) * backlog.rows, 'right'));
    }
    for (const contender of round % 2 === 1 ? both : both.toReversed()) {
      await contender.left.query(`INSERT INTO public.finished VALUES (${round})`);
      if (bothWays) await contender.right.query(`INSERT INTO public.finished VALUES (${round + 1000})`);
      const [cpuBefore, outsideBefore] = [await cpuMs(roots), await cpuMs([worker])];
      const named = { source: roots[0] ?? 0, target: roots[1] ?? 0, ...(contender === banyan ? { banyan: worker } : {}) };
      const partsBefore = await cpuByProcess(named);
      const from = performance.now();
      await contender.start();
      await until(contender.right, `SELECT 1 FROM public.finished WHERE id = ${round}`);
      if (bothWays) await until(contender.left, `SELECT 1 FROM public.finished WHERE id = ${round + 1000}`);
      rates[contender.name]?.push(backlog.rows / ((performance.now() - from) / 1000));
      const usedOutside = contender === banyan ? (await cpuMs([worker])) - outsideBefore : 0;
      if (contender === banyan) outside.push((usedOutside * 1000) / backlog.rows);
      costs[contender.name]?.push((((await cpuMs(roots)) - cpuBefore + usedOutside) * 1000) / backlog.rows);
      for (const [name, ms] of await cpuByProcess(named)) {
        const label = `${contender.name}: ${name}`;
        split.set(label, [...(split.get(label) ?? []), ((ms - (partsBefore.get(name) ?? 0)) * 1000) / backlog.rows]);
      }
      await contender.stop();
    }
  }
  for (const contender of [banyan, native]) await checkEqual(contender);
  await Promise.all([banyan.close(), native.close()]);
  printRates(`${letter}  ${backlog.rows} ${backlog.title}`, rates, 'rows/s');
  const cost = (name: string): string => median(costs[name] ?? []).toFixed(1);
  console.log(
    `   processor time per row, all processes: banyan ${cost('banyan')} µs (its own process ${median(outside).toFixed(1)} µs), server ${cost('server')} µs`,
  );
  for (const [label, values] of split) if (median(values) >= 0.2) console.log(`     ${label} ${median(values).toFixed(1)} µs`);
}

async function write(contender: Contender, side: 'left' | 'right', sql: string): Promise<void> {
  const client = await contender[side].connect();
  try {
    await client.query('SET synchronous_commit = off');
    await client.query(sql);
    await client.query('RESET synchronous_commit');
  } finally {
    client.release();
  }
}

/** Waits until a running contender carries new rows. */
async function finish(contender: Contender, id: number, bothWays: boolean): Promise<void> {
  await contender.left.query(`INSERT INTO public.finished VALUES (${id})`);
  await until(contender.right, `SELECT 1 FROM public.finished WHERE id = ${id}`);
  if (!bothWays) return;
  await contender.right.query(`INSERT INTO public.finished VALUES (${id - 1000})`);
  await until(contender.left, `SELECT 1 FROM public.finished WHERE id = ${id - 1000}`);
}

async function checkEqual(contender: Contender): Promise<void> {
  const sums = await Promise.all(
    [contender.left, contender.right].map(async (pool) => {
      const found = await pool.query<{ sum: string }>('SELECT count(*) || \' \' || sum(hash_record_extended(t, 0)) AS sum FROM public.item t');
      return found.rows[0]?.sum;
    }),
  );
  if (sums[0] !== sums[1]) throw new Error(`${contender.name}: the sides differ, ${sums.join(' and ')}`);
}

/** Banyan's whole setup, slots and snapshot included, beside one COPY piped into another. */
async function measureCopy(servers: Servers): Promise<void> {
  const rows = scaled(1_000_000);
  const left = await database(servers.left, 'copied', SCHEMA);
  await left.query(`INSERT INTO public.item ${rowsFrom(1, `${rows}`)}`);
  await left.query('VACUUM (FREEZE, ANALYZE)');
  const rates: Record<string, number[]> = { banyan: [], server: [] };
  const withBanyan = async (round: number): Promise<void> => {
    const banyan = await startBanyan({
      servers, schema: SCHEMA, tables: TABLES, bothWays: false, name: `banyan_d${round}`, left, leftName: 'copied', batchRows: BATCH_ROWS,
    });
    rates['banyan']?.push(rows / (banyan.setupMs / 1000));
    await banyan.close();
  };
  const piped = async (round: number): Promise<void> => {
    const right = await database(servers.right, `native_d${round}`, SCHEMA);
    await right.end();
    const [source, target] = await Promise.all([connect({ url: servers.left.url('copied') }), connect({ url: servers.right.url(`native_d${round}`) })]);
    const from = performance.now();
    await pipeline(source.query(copyTo('COPY public.item TO STDOUT')), target.query(copyFrom('COPY public.item FROM STDIN')));
    rates['server']?.push(rows / ((performance.now() - from) / 1000));
    await Promise.all([source.end(), target.end()]);
  };
  for (let round = 1; round <= ROUNDS; round++) {
    for (const run of round % 2 === 1 ? [withBanyan, piped] : [piped, withBanyan]) await run(round);
  }
  await left.end();
  printRates(`d  initial copy of ${rows} rows (server: piped COPY)`, rates, 'rows/s');
}

async function latency(
  servers: Servers,
  options: { readonly letter: string; readonly rate: number; readonly rowsPerTransaction: number; readonly bothWays: boolean },
): Promise<void> {
  const { letter, rate, rowsPerTransaction, bothWays } = options;
  const shared = { servers, schema: `${SCHEMA}; ${LATENCY_SCHEMA}`, tables: [...TABLES, 'public.beat'], bothWays };
  const native = await startNative({ ...shared, name: `native_${letter}` });
  await native.stop();
  const banyan = await startBanyan({ ...shared, name: `banyan_${letter}`, batchRows: BATCH_ROWS });
  const results: Record<string, LatencyResult[]> = { banyan: [], server: [] };
  for (let round = 1; round <= ROUNDS; round++) {
    for (const contender of round % 2 === 1 ? [banyan, native] : [native, banyan]) {
      await contender.start();
      await finish(contender, -round, bothWays);
      const one = (from: pg.Pool, to: pg.Pool, run: number): Promise<LatencyResult> =>
        measureLatency({ from, to, seconds: args.quick ? 4 : 10, rate, rowsPerTransaction, run });
      const measured = await Promise.all([
        one(contender.left, contender.right, round), ...(bothWays ? [one(contender.right, contender.left, round + 1000)] : []),
      ]);
      results[contender.name]?.push(...measured);
      await contender.stop();
    }
  }
  await Promise.all([banyan.close(), native.close()]);
  const what = bothWays ? `${rate * rowsPerTransaction * 2} row changes/s, half on each side, ${rowsPerTransaction} to a transaction` : `${rate} transactions/s`;
  console.log(`${letter}  latency from commit to visible at ${what} (${load()})`);
  for (const name of ['banyan', 'server']) {
    const of = (key: keyof LatencyResult): string => median((results[name] ?? []).map((result) => result[key])).toFixed(1);
    const p95s = (results[name] ?? []).map((result) => result.p95.toFixed(1)).join(' ');
    console.log(`   ${name}: p50 ${of('p50')} ms, p95 ${of('p95')} ms, p99 ${of('p99')} ms, reached ${of('rate')}/s a direction  [p95 ${p95s}]`);
  }
}

function printRates(title: string, rates: Readonly<Record<string, readonly number[]>>, unit: string): void {
  const banyan = median(rates['banyan'] ?? []);
  const server = median(rates['server'] ?? []);
  const all = (name: string): string => (rates[name] ?? []).map((rate) => Math.round(rate)).join(' ');
  console.log(
    `${title}: banyan ${Math.round(banyan)} ${unit}, server ${Math.round(server)} ${unit}, ratio ${(banyan / server).toFixed(2)}  ` +
      `[banyan ${all('banyan')}; server ${all('server')}] (${load()})`,
  );
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? (sorted[middle] ?? NaN) : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2;
}

await main();
