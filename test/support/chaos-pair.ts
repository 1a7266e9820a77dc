import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import type { Application } from '../../src/app/application.ts';
import { createApplication } from '../../src/app/create-application.ts';
import { createLogging } from '../../src/app/logging.ts';
import { systemClock } from '../../src/core/clock.ts';
import { messageOf } from '../../src/core/errors.ts';
import { EmbeddedPostgres } from '../../src/embedded/embedded-postgres.ts';
import type { Side } from '../../src/model/side.ts';
import { createPool } from '../../src/postgres/connect.ts';
import { isTransient } from '../../src/postgres/transient.ts';
import { until } from './condition.ts';
import { Journal, JOURNAL_SCHEMA } from './journal.ts';
import { standbyOf } from './standby.ts';
import { SyncProcess } from './sync-process.ts';
import { TcpProxy } from './tcp-proxy.ts';

const SIDES: readonly Side[] = ['monolith', 'service'];
const TABLES = ['account', 'entry'];
/** A row for each side that nothing but {@link ChaosPair.crossed} writes. */
const PROBE = 'CREATE TABLE probe (id int PRIMARY KEY, value int NOT NULL);';

export interface ChaosEnd {
  readonly server: EmbeddedPostgres;
  /** Between the workers and the server. */
  readonly proxy: TcpProxy;
  /** For the writers: past the proxy. */
  readonly url: string;
  readonly pool: pg.Pool;
  /** Where it has one, every commit waits for it, and the workers read nothing that it has not got. */
  readonly standby: Standby | undefined;
}

interface Standby {
  readonly server: EmbeddedPostgres;
  /** Between the writers and the server, so that they can be led to the standby. */
  readonly front: TcpProxy;
}

export interface ChaosPairOptions {
  /** Whether the monolith has a standby to fail over to. Default false. */
  readonly standby?: boolean;
  /** Rows that all writers share. */
  readonly keys: number;
  /** Most connections of each side's writers. */
  readonly writers: number;
  readonly pauseMs: number;
  /** Where what each worker says is kept. Default: nowhere. */
  readonly logFolder?: string | undefined;
  /** Whether the workers spool to a small disk of their own, if one can be mounted here. Default false. */
  readonly smallDisk?: boolean;
}

/** Two servers of their own, a proxy before each, `banyan sync run` processes that share the streams, and a journal of what was written. */
export class ChaosPair {
  readonly ends: Readonly<Record<Side, ChaosEnd>>;
  readonly journal: Journal;
  readonly folder: string;
  /** Where the workers spool; taken away and filled by faults. */
  readonly spool: string;
  /** Whether it lies on a small disk of its own. */
  readonly smallDisk: boolean;
  /** Reads both sides past the proxies. */
  readonly application: Application;
  /** Oldest first. */
  readonly workers: SyncProcess[] = [];
  /** Workers that ended by themselves, which none should. */
  readonly ended: string[] = [];
  readonly #configFile: string;
  readonly #logFolder: string | undefined;
  #probe = 0;

  private constructor(ends: Readonly<Record<Side, ChaosEnd>>, folder: string, options: ChaosPairOptions) {
    this.ends = ends;
    this.folder = folder;
    const disk = join(folder, 'disk');
    this.smallDisk = (options.smallDisk ?? false) && mounted(disk);
    this.spool = join(disk, 'spool');
    this.#logFolder = options.logFolder;
    this.#configFile = join(folder, 'banyan.yaml');
    this.journal = new Journal({ ends, keys: options.keys, uniqueValues: true, pauseMs: options.pauseMs });
    this.application = createApplication({
      configFile: this.#configFile,
      env: { MONOLITH_URL: ends.monolith.url, ACCOUNTS_URL: ends.service.url, USER: 'chaos' },
      signal: new AbortController().signal,
      clock: systemClock,
      logging: createLogging({ output: { write: () => {} }, clock: systemClock }),
      progress: { note: () => {}, begin: () => ({ advance: () => {}, expect: () => {}, done: () => {}, failed: () => {} }) },
      confirm: () => Promise.resolve(true),
    });
  }

  static async start(options: ChaosPairOptions): Promise<ChaosPair> {
    const folder = await mkdtemp(join(tmpdir(), 'banyan-chaos-'));
    await mkdir(join(folder, 'disk'));
    const ends = { monolith: await startEnd(options, options.standby === true ? folder : undefined), service: await startEnd(options) };
    await ends.monolith.pool.query('INSERT INTO public.probe VALUES (1, 0), (2, 0)');
    const pair = new ChaosPair(ends, folder, options);
    await mkdir(pair.spool);
    await pair.#configure();
    return pair;
  }

  async #configure(): Promise<void> {
    await writeFile(
      this.#configFile,
      'version: 1\nmonolith:\n  url: ${MONOLITH_URL}\n' +
        `services:\n  accounts: { url: "\${ACCOUNTS_URL}", tables: [${[...TABLES, 'probe'].join(', ')}] }\n` +
        'sync: { heartbeatMs: 500, linkTimeoutMs: 2000, memory: { transactionRows: 2000, queueRows: 5000, spoolDirectory: ./disk/spool } }\nlog: { level: debug }\n',
    );
  }

  /** One more `banyan sync run`. */
  addWorker(): SyncProcess {
    const through = (side: Side): string => this.ends[side].proxy.urlFor(this.ends[side].server.url());
    const worker = SyncProcess.start({ configFile: this.#configFile, env: { MONOLITH_URL: through('monolith'), ACCOUNTS_URL: through('service') }, logFolder: this.#logFolder });
    this.workers.push(worker);
    return worker;
  }

  /** Kills a worker, of which nothing more is expected. */
  async kill(worker: SyncProcess): Promise<void> {
    this.#forget(worker);
    await worker.kill();
  }

  async stop(worker: SyncProcess): Promise<void> {
    this.#forget(worker);
    const code = await Promise.race([worker.stop(), delay(STOP_MS, 'not at all within a minute' as const, { ref: false })]);
    if (typeof code === 'string') await worker.kill();
    // One that has only just begun ends as any process does.
    if (worker.end === 'SIGTERM' && worker.said === '') return;
    if (code !== 0) this.ended.push(`a worker that was asked to stop ended with ${code}: ${worker.said.slice(-1500)}`);
  }

  /** The worker that holds the streams, as far as the monolith can be asked; otherwise any. */
  async holder(): Promise<SyncProcess> {
    const held = await this.ends.monolith.pool
      .query<{ pid: string }>('SELECT w.pid FROM banyan.lease AS l JOIN banyan.worker AS w ON w.id = l.holder')
      .catch(() => ({ rows: [] }));
    return this.workers.find(({ pid }) => String(pid) === held.rows[0]?.pid) ?? this.workers[0]!;
  }

  /** Nothing more is expected of workers that have ended, as they should have. */
  forgetEnded(): void {
    for (const worker of this.workers.filter(({ end }) => end !== undefined)) this.#forget(worker);
  }

  /** Waits until a second worker is there to take over. */
  async standsBy(timeoutMs: number): Promise<void> {
    await until(async () => ((await this.ends.monolith.pool.query('SELECT 1 FROM banyan.worker WHERE expires_at > clock_timestamp()')).rowCount ?? 0) >= 2, {
      what: 'a second worker stands by', timeoutMs, everyMs: 50,
    });
  }

  /** Starts workers in the place of those that ended by themselves, as an orchestrator does, and remembers those. */
  keepWorkers(count: number): void {
    for (const worker of this.workers.filter(({ end }) => end !== undefined)) {
      this.#forget(worker);
      this.ended.push(`a worker ended by itself with ${worker.end}: ${worker.said.slice(-1500)}`);
    }
    while (this.workers.length < count) this.addWorker();
  }

  /** The monolith breaks off, and its standby takes its place, for the workers and the writers. */
  async failOver(): Promise<void> {
    const { server, proxy, standby } = this.ends.monolith;
    if (!standby) throw new Error('there is no standby');
    await server.stop('immediate');
    const promoted = createPool({ url: standby.server.url(), max: 1 });
    await promoted.query('SELECT pg_promote()');
    await promoted.end();
    for (const each of [proxy, standby.front]) each.leadTo(standby.server.url());
  }

  /** Waits until a write of each side made now is on the other one; resolves with the milliseconds that took. */
  async crossed(timeoutMs: number): Promise<number> {
    const value = (this.#probe += 1);
    const began = performance.now();
    for (const [i, side] of SIDES.entries()) {
      await until(() => transiently(() => this.ends[side].pool.query('UPDATE public.probe SET value = $1 WHERE id = $2', [value, i + 1]).then(({ rowCount }) => rowCount === 1)), { timeoutMs, everyMs: 50 });
    }
    for (const [i, side] of SIDES.entries()) {
      const other = this.ends[SIDES[1 - i]!];
      await until(
        () => {
          this.keepWorkers(this.workers.length);
          return transiently(async () => (await other.pool.query('SELECT 1 FROM public.probe WHERE id = $1 AND value = $2', [i + 1, value])).rowCount === 1);
        },
        { what: `a write of the ${side} is on the other side`, timeoutMs, everyMs: 50 },
      );
    }
    return performance.now() - began;
  }

  /** Rows of which the two sides have different versions, as long as that lasts; none once they are equal. */
  async differing(timeoutMs: number): Promise<readonly string[]> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const found: string[] = [];
      for (const table of TABLES) {
        const theirs = new Set(await rowsOf(this.ends.service.pool, table));
        for (const row of await rowsOf(this.ends.monolith.pool, table)) if (!theirs.delete(row)) found.push(`monolith ${table} ${row}`);
        found.push(...[...theirs].map((row) => `service ${table} ${row}`));
      }
      if (found.length === 0 || performance.now() > deadline) return found;
      await this.crossed(timeoutMs);
    }
  }

  /** What a person looks at first when something is stuck: leases, checkpoints, slots, sessions and what they wait for. */
  async situation(): Promise<string> {
    const asked: readonly (readonly [string, readonly Side[], string])[] = [
      ['leases', ['monolith'], 'SELECT l.service, l.token, w.pid, w.expires_at > clock_timestamp() AS alive, l.wanted_by FROM banyan.lease AS l LEFT JOIN banyan.worker AS w ON w.id = l.holder'],
      ['workers', ['monolith'], 'SELECT pid, services, expires_at - clock_timestamp() AS lives FROM banyan.worker'],
      ['streams', SIDES, 'SELECT name, state, token, position, seen, pg_current_wal_lsn() AS log_end FROM banyan.stream'],
      ['slots', SIDES, 'SELECT slot_name, active_pid, confirmed_flush_lsn, restart_lsn FROM pg_replication_slots'],
      [
        'sessions', SIDES,
        "SELECT pid, application_name, state, wait_event_type, wait_event, clock_timestamp() - state_change AS since, pg_blocking_pids(pid) AS blocked_by, left(query, 160) AS query " +
          "FROM pg_stat_activity WHERE application_name LIKE 'banyan%' OR backend_type = 'walsender'",
      ],
    ];
    const found: string[] = [];
    for (const [what, sides, sql] of asked) {
      for (const side of sides) {
        const rows = await this.ends[side].pool.query(sql).then(({ rows: all }) => all as readonly unknown[], (error: unknown) => [messageOf(error)]);
        found.push(`${what} of the ${side}:`, ...rows.map((row) => `  ${JSON.stringify(row)}`));
      }
    }
    return found.join('\n');
  }

  /** When, and by which transaction, a side's rows of entries with these values were written: to look at by hand. */
  async written(side: Side, values: readonly string[]): Promise<string> {
    const found = await this.ends[side].pool.query(
      'SELECT value, xmin, pg_xact_commit_timestamp(xmin) AS at, (SELECT count(*) FROM public.entry AS e WHERE e.xmin = t.xmin) AS rows FROM public.entry AS t WHERE value = ANY ($1) ORDER BY at',
      [values],
    );
    return found.rows.map((row) => JSON.stringify(row)).join('\n');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.kill()));
    await this.journal.finish();
    for (const { pool, proxy, server, standby } of Object.values(this.ends)) {
      await pool.end();
      await proxy.close();
      await standby?.front.close();
      await standby?.server.remove();
      await server.remove();
    }
    if (this.smallDisk) unmount(join(this.folder, 'disk'));
    await rm(this.folder, { recursive: true, force: true });
  }

  #forget(worker: SyncProcess): void {
    const at = this.workers.indexOf(worker);
    if (at >= 0) this.workers.splice(at, 1);
  }
}

function mounted(folder: string): boolean {
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=32m', 'tmpfs', folder]).status !== 0) return false;
  process.on('exit', () => unmount(folder));
  return true;
}

const MAX_CONNECTIONS = 120;

/** Within which a worker that is asked to must have ended. */
const STOP_MS = 60_000;

const unmount = (folder: string): unknown => spawnSync('umount', ['-l', folder]);

async function startEnd({ writers }: ChaosPairOptions, standbyFolder?: string): Promise<ChaosEnd> {
  // The server spills and streams large transactions early.
  const server = await EmbeddedPostgres.start({ durable: false, maxConnections: MAX_CONNECTIONS, settings: { logical_decoding_work_mem: '256kB' } });
  const standby = standbyFolder === undefined ? undefined : await standbyFor(server, standbyFolder);
  const url = standby?.front.urlFor(server.url()) ?? server.url();
  const pool = createPool({ url, max: writers + 8, applicationName: 'chaos' });
  await pool.query(`SET search_path = public; ${JOURNAL_SCHEMA} ${PROBE} SET search_path = pg_catalog`);
  return { server, pool, url, standby, proxy: await TcpProxy.start(server.url()) };
}

async function standbyFor(primary: EmbeddedPostgres, folder: string): Promise<Standby> {
  const server = await standbyOf(primary, folder, { slots: true, maxConnections: MAX_CONNECTIONS });
  const pool = createPool({ url: primary.url(), max: 1 });
  await pool.query("ALTER SYSTEM SET synchronized_standby_slots = 'standby'");
  await pool.query("ALTER SYSTEM SET synchronous_standby_names = '*'");
  await pool.query('SELECT pg_reload_conf()');
  await pool.end();
  return { server, front: await TcpProxy.start(primary.url()) };
}

async function rowsOf(pool: pg.Pool, table: string): Promise<string[]> {
  const found = await pool.query<{ row: string }>(`SELECT t::text AS row FROM public.${table} AS t`);
  return found.rows.map(({ row }) => row);
}

/** False while the server is away. */
async function transiently(work: () => Promise<boolean>): Promise<boolean> {
  try {
    return await work();
  } catch (error) {
    if (isTransient(error)) return false;
    throw error;
  }
}
