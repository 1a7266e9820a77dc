/** The two that are measured: Banyan in a process of its own, and the server's own logical replication. */
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type pg from 'pg';
import { createPool } from '../src/postgres/connect.ts';
import type { EmbeddedPostgres } from '../src/embedded/embedded-postgres.ts';
import type { WorkerAnswer, WorkerCommand } from './sync-worker.ts';

export interface Servers {
  readonly left: EmbeddedPostgres;
  readonly right: EmbeddedPostgres;
}

/** A database on each server, with the same tables, and something that keeps them equal. */
export interface Contender {
  readonly name: string;
  readonly left: pg.Pool;
  readonly right: pg.Pool;
  /** Carries on from where it was stopped. Returns when told, not when it has caught up. */
  start(): Promise<void>;
  stop(): Promise<void>;
  close(): Promise<void>;
  /** Of the process outside the servers, if there is one. */
  readonly processId?: number;
}

export interface ContenderOptions {
  readonly servers: Servers;
  /** Of the databases, the same on both servers. */
  readonly name: string;
  readonly schema: string;
  /** Run on both sides before they are connected. */
  readonly fill?: string;
  readonly tables: readonly string[];
  readonly bothWays: boolean;
}

/** Creates a database on a server and gives a pool of it. */
export async function database(server: EmbeddedPostgres, name: string, sql: string): Promise<pg.Pool> {
  const admin = createPool({ url: server.url(), max: 1 });
  await admin.query(`CREATE DATABASE ${name}`);
  await admin.end();
  const pool = createPool({ url: server.url(name), max: 12, applicationName: 'bench' });
  await pool.query(sql);
  return pool;
}

export async function startNative(options: ContenderOptions): Promise<Contender> {
  const { servers, name, schema, fill = '', tables, bothWays } = options;
  const left = await database(servers.left, name, `${schema};${fill}`);
  const right = await database(servers.right, name, `${schema};${fill}`);
  await Promise.all([left, right].map((pool) => pool.query('VACUUM ANALYZE')));
  const directions = [{ from: servers.left, source: left, target: right, sub: `${name}_lr` }];
  if (bothWays) directions.push({ from: servers.right, source: right, target: left, sub: `${name}_rl` });
  for (const { from, source, target, sub } of directions) {
    await source.query(`CREATE PUBLICATION ${sub} FOR TABLE ${tables.join(', ')}`);
    const to = new URL(from.url(name));
    await target.query(
      `CREATE SUBSCRIPTION ${sub} CONNECTION 'host=127.0.0.1 port=${to.port} user=${to.username} password=${to.password} dbname=${name}' ` +
        `PUBLICATION ${sub} WITH (copy_data = false, origin = ${bothWays ? 'none' : 'any'}, enabled = true)`,
    );
  }
  return {
    name: 'server', left, right,
    start: async () => void (await Promise.all(directions.map(({ target, sub }) => target.query(`ALTER SUBSCRIPTION ${sub} ENABLE`)))),
    stop: async () => {
      for (const { target, source, sub } of directions) {
        await target.query(`ALTER SUBSCRIPTION ${sub} DISABLE`);
        await until(source, `SELECT 1 FROM pg_replication_slots WHERE slot_name = '${sub}' AND NOT active`);
      }
    },
    close: async () => {
      for (const { target, sub } of directions) await target.query(`DROP SUBSCRIPTION ${sub}`);
      await Promise.all([left.end(), right.end()]);
    },
  };
}

export interface BanyanContender extends Contender {
  /** How long bringing the streams up took, initial copy included. */
  readonly setupMs: number;
}

export async function startBanyan(
  options: ContenderOptions & { readonly fillLeft?: string; readonly batchRows: number; readonly left?: pg.Pool; readonly leftName?: string },
): Promise<BanyanContender> {
  const { servers, name, schema, fill = '', tables } = options;
  const left = options.left ?? (await database(servers.left, name, `${schema};${fill}`));
  await left.query('VACUUM ANALYZE');
  const right = await database(servers.right, name, schema);
  const worker = new Worker();
  await worker.tell({
    do: 'open',
    settings: {
      service: name, monolith: servers.left.url(options.leftName ?? name), service_: servers.right.url(name), tables, batchRows: options.batchRows,
    },
  });
  const { ms } = await worker.tell({ do: 'setup' });
  await right.query('VACUUM ANALYZE');
  return {
    name: 'banyan', left, right, setupMs: ms, processId: worker.processId,
    start: async () => void (await worker.tell({ do: 'start' })),
    stop: async () => void (await worker.tell({ do: 'stop' })),
    close: async () => {
      const { conflicts } = await worker.tell({ do: 'quit' });
      if (conflicts > 0) throw new Error(`${conflicts} conflicts or quarantined changes where there are none`);
      for (const pool of [left, right]) {
        await pool.query('SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = current_database() AND NOT active');
      }
      await right.end();
      if (!options.left) await left.end();
    },
  };
}

class Worker {
  readonly #child: ChildProcess;
  #waiting: { resolve: (answer: Extract<WorkerAnswer, { done: string }>) => void; reject: (error: Error) => void } | undefined;
  #failure: Error | undefined;

  constructor() {
    const profile = process.env['BENCH_PROFILE'];
    const flags = (process.env['BENCH_NODE_FLAGS'] ?? '').split(' ').filter((flag) => flag !== '');
    this.#child = fork(fileURLToPath(new URL('./sync-worker.ts', import.meta.url)), {
      execArgv: ['--import', 'tsx', ...flags, ...(profile ? ['--cpu-prof', `--cpu-prof-dir=${profile}`] : [])],
    });
    this.#child.on('message', (answer: WorkerAnswer) => {
      const waiting = this.#waiting;
      this.#waiting = undefined;
      if ('failed' in answer) {
        this.#failure = new Error(`the worker failed: ${answer.failed}`);
        console.error(this.#failure.message);
        waiting?.reject(this.#failure);
      } else waiting?.resolve(answer);
    });
    this.#child.on('exit', (code) => this.#waiting?.reject(new Error(`the worker ended with ${code}`)));
  }

  get processId(): number {
    return this.#child.pid ?? 0;
  }

  tell(command: WorkerCommand): Promise<Extract<WorkerAnswer, { done: string }>> {
    if (this.#failure) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#child.send(command);
    });
  }
}

/** Asks every few milliseconds until there is a row. */
export async function until(pool: pg.Pool, sql: string, limitMs = 300_000): Promise<void> {
  const from = performance.now();
  for (;;) {
    if (((await pool.query(sql)).rowCount ?? 0) > 0) return;
    if (performance.now() - from > limitMs) throw new Error(`waited too long for: ${sql}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
