import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Direction, Side } from '../../src/model/side.ts';
import { isTransient, sqlState } from '../../src/postgres/transient.ts';
import { until } from './condition.ts';
import { JOURNAL_SCHEMA } from './journal.ts';
import type { RunningSync, SyncSettings } from './sync-engine.ts';
import { syncPair, type SyncPair } from './sync-pair.ts';

export const TABLES = ['account', 'entry', 'quiet'];
const SCHEMA = `${JOURNAL_SCHEMA} CREATE TABLE quiet (id int PRIMARY KEY, value int NOT NULL, label varchar(20));`;
export const FORWARD: Direction = 'monolith-to-service';
export const BACKWARD: Direction = 'service-to-monolith';

export const pairOf = (settings: Partial<SyncSettings> = {}): Promise<SyncPair> =>
  syncPair({ schema: SCHEMA, tables: TABLES, rows: "INSERT INTO account SELECT g, 'seed-' || g FROM generate_series(1, 30) g; INSERT INTO quiet SELECT g, g, 'q' || g FROM generate_series(1, 5) g", ...settings });

export const pausedOf = (running: RunningSync, direction: Direction) => running.sync.status().get(direction)?.pausedTables ?? [];

export async function paused(running: RunningSync, direction: Direction) {
  return until(() => pausedOf(running, direction)[0], { what: `a table of ${direction} is paused`, timeoutMs: 60_000 });
}

/** Runs what `sync status` tells to run, where it says, until nothing is paused. */
export async function mend(pair: SyncPair, running: RunningSync): Promise<void> {
  await until(
    async () => {
      const tables = [FORWARD, BACKWARD].flatMap((direction) => pausedOf(running, direction));
      for (const { on, sql } of tables.flatMap(({ statements }) => statements)) {
        await pair[on].query(sql).catch((error: unknown) => {
          // Both directions may have asked for the same.
          if (!['42701', '42703'].includes(sqlState(error) ?? '')) throw error;
        });
      }
      // A table that goes on applies what it held a part at a time.
      return tables.length === 0 && !(await holds(pair));
    },
    { what: 'all tables go on, and nothing is held', everyMs: 300, timeoutMs: 60_000 },
  );
}

const holds = async (pair: SyncPair): Promise<boolean> =>
  (await Promise.all([pair.monolith, pair.service].map((side) => side.query("SELECT FROM banyan.quarantine WHERE state = 'held' LIMIT 1")))).flat().length > 0;

/** DDL as people run it beside writers: it waits for the lock. */
export const alter = async (pair: SyncPair, side: Side, sql: string): Promise<void> => void (await pair[side].query(`ALTER TABLE public.account ${sql}`));

/** Conflicts are settled by the monolith and told to the service, so equality needs both directions more than once. */
export async function drained(running: RunningSync): Promise<void> {
  for (let i = 0; i < 4; i++) await running.caughtUp();
}

export const namesOf = async (pair: SyncPair, side: Side, table = 'public.account'): Promise<string[]> =>
  (await pair[side].query(`SELECT attname AS name FROM pg_attribute WHERE attrelid = '${table}'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attname`)).map(({ name }) => name ?? '');

export const contentOf = async (pair: SyncPair, side: Side, table: string): Promise<string[]> => {
  const names = await namesOf(pair, side, `public.${table}`);
  return (await pair[side].query(`SELECT ROW(${names.map((name) => `t."${name}"`).join(', ')})::text AS row FROM public.${table} AS t ORDER BY 1`)).map(({ row }) => row ?? '');
};

export async function expectEqual(pair: SyncPair): Promise<void> {
  for (const side of ['monolith', 'service'] as const) {
    expect(await pair[side].query("SELECT stream, key_text, kind, code, reason, row FROM banyan.quarantine WHERE state = 'held'")).toEqual([]);
  }
  expect(await namesOf(pair, 'service')).toEqual(await namesOf(pair, 'monolith'));
  for (const table of TABLES) expect(await contentOf(pair, 'service', table)).toEqual(await contentOf(pair, 'monolith', table));
}

/** Both sides are the same once the engine has drained and stopped. */
export async function endsEqual(pair: SyncPair, running: RunningSync): Promise<void> {
  await drained(running);
  await running.stop();
  await expectEqual(pair);
}

/** Somebody who writes a table that nothing happens to, and sees that each write arrives while others wait. */
export async function crosses(pair: SyncPair): Promise<void> {
  await pair.monolith.query('UPDATE public.quiet SET value = value + 1 WHERE id = 1');
  await pair.service.query('UPDATE public.quiet SET value = value + 1 WHERE id = 2');
  const [there] = await pair.monolith.query('SELECT value FROM public.quiet WHERE id = 1');
  const [here] = await pair.service.query('SELECT value FROM public.quiet WHERE id = 2');
  await until(async () => (await pair.service.query('SELECT value FROM public.quiet WHERE id = 1'))[0]?.['value'] === there?.['value'], { what: 'a table that has not changed goes on to the service', timeoutMs: 60_000 });
  await until(async () => (await pair.monolith.query('SELECT value FROM public.quiet WHERE id = 2'))[0]?.['value'] === here?.['value'], { what: 'a table that has not changed goes on to the monolith', timeoutMs: 60_000 });
}

/** Writes a statement again and again with a number of its own, from one side, until it is stopped. */
export class Writing implements AsyncDisposable {
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  count = 0;

  constructor(pair: SyncPair, side: Side, sql: (n: number) => string) {
    this.#running = this.#write(pair, side, sql);
  }

  async #write(pair: SyncPair, side: Side, sql: (n: number) => string): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await pair[side].query(sql(this.count + 1)).then(
        () => void (this.count += 1),
        (error: unknown) => {
          if (!isTransient(error) && sqlState(error) !== '42703') throw error;
        },
      );
      await delay(20);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }
}
