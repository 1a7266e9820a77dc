import { expect, inject, it } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import { isSpooled, UNCHANGED, type Change, type Transaction } from '../../model/change.ts';
import { describePostgres, testDatabase, type TestDatabase } from '../../../test/support/postgres.ts';
import { WalChangeSource, type WalChangeSourceOptions } from './change-source.ts';

/** From 14 on a server streams what outgrows this memory; there is no smaller one. */
const SCHEMA = `
  CREATE TABLE t (id int PRIMARY KEY, v text);
  CREATE TABLE u (id int PRIMARY KEY, v text);
  ALTER TABLE u REPLICA IDENTITY FULL;
  CREATE TABLE w (id int PRIMARY KEY);
  CREATE TABLE done (id int PRIMARY KEY);
  CREATE SCHEMA banyan;
  CREATE TABLE banyan.stream (name text PRIMARY KEY, position pg_lsn);
  INSERT INTO banyan.stream VALUES ('s', '0/1');
  CREATE PUBLICATION everything FOR ALL TABLES;
`;

interface Told {
  readonly position: bigint;
  readonly xid: number;
  readonly committedAt: bigint;
  readonly origin: Transaction['origin'];
  readonly spooled: boolean;
  readonly changes: readonly string[];
}

async function prepared(): Promise<{ database: TestDatabase; slots: readonly [string, string] }> {
  const database = await testDatabase({ schema: SCHEMA, max: 8 });
  await database.query(`ALTER DATABASE ${database.name} SET logical_decoding_work_mem = '64kB'`);
  const slots = [`${database.name}_a`, `${database.name}_b`] as const;
  for (const slot of slots) await database.query(`SELECT pg_create_logical_replication_slot($1, 'pgoutput')`, [slot]);
  return { database, slots };
}

const textOf = (change: Change): string =>
  JSON.stringify(
    change.kind === 'truncate'
      ? [change.kind, change.relations.map((relation) => relation.table)]
      : [change.kind, change.relation.table, change.relation.columns.map(({ name }) => name), 'old' in change ? change.old : null, 'row' in change ? change.row : null],
    (_, value: unknown) => (value === UNCHANGED ? 'UNCHANGED' : value),
  );

/** Everything that was committed until the table `done` got a row, read twice where it can be. */
async function readAll(database: TestDatabase, slot: string, options: Partial<WalChangeSourceOptions>): Promise<Told[]> {
  const source = new WalChangeSource({ url: database.url, slot, publication: 'everything', clock: systemClock, ...options });
  const stop = new AbortController();
  const told: Told[] = [];
  for await (const event of source.stream({ signal: stop.signal })) {
    if (event.kind !== 'transaction') continue;
    const { changes, position, xid, committedAt, origin } = event.transaction;
    let read: readonly Change[];
    const spooled = isSpooled(changes);
    if (spooled) {
      const twice: Change[][] = [[], []];
      for (const into of twice) for await (const part of changes.parts()) into.push(...part);
      expect(twice[1]!.map(textOf)).toEqual(twice[0]!.map(textOf));
      expect(changes.count).toBeGreaterThanOrEqual(twice[0]!.length);
      read = twice[0]!;
      await changes.discard();
    } else read = changes;
    // Until 14 the server also sends transactions of which nothing is published; streamed, one may have nothing left.
    if (read.length > 0) told.push({ position, xid, committedAt, origin, spooled, changes: read.map(textOf) });
    if (read.some((change) => change.kind === 'insert' && change.relation.table === 'public.done')) break;
  }
  return told;
}

const SMALL = { transaction: { rows: 100, bytes: 1_000_000 }, part: { rows: 30, bytes: 10_000 } };

/** The same log, read whole and in memory, and read as the server streams it, spooled beyond very little. */
async function bothWays(database: TestDatabase, slots: readonly [string, string], options: Partial<WalChangeSourceOptions> = {}): Promise<Told[]> {
  const whole = await readAll(database, slots[0], { ...options, streaming: false, memory: { transaction: { rows: 1e9, bytes: 1e12 } } });
  const streamed = await readAll(database, slots[1], { ...options, memory: SMALL });
  expect(whole.some((transaction) => transaction.spooled)).toBe(false);
  expect(streamed.map((transaction) => ({ ...transaction, spooled: false }))).toEqual(whole);
  return streamed;
}

const streamedBytes = async (database: TestDatabase, slot: string): Promise<number> => {
  const [row] = await database.query('SELECT stream_txns FROM pg_stat_replication_slots WHERE slot_name = $1', [slot]);
  return Number(row?.['stream_txns']);
};

describePostgres('a large transaction', () => {
  it('is spooled when it is sent in one go, whatever it holds', async () => {
    const { database, slots } = await prepared();
    await database.query(`
      BEGIN;
      INSERT INTO public.t SELECT g, 'x' || g FROM generate_series(1, 500) g;
      UPDATE public.t SET v = 'y' WHERE id % 3 = 0; UPDATE public.t SET id = id + 10000 WHERE id % 7 = 0;
      ALTER TABLE public.t ADD COLUMN w int;
      INSERT INTO public.t SELECT g, 'z', g FROM generate_series(1001, 1100) g;
      TRUNCATE public.u; DELETE FROM public.t WHERE id % 5 = 0;
      COMMIT;
      INSERT INTO public.t VALUES (5000, 'after', 1);
      INSERT INTO public.done VALUES (1)`.replaceAll(/;\n/g, ';'));
    const whole = await readAll(database, slots[0], { streaming: false });
    const spooled = await readAll(database, slots[1], { streaming: false, memory: SMALL });
    expect(spooled.filter((transaction) => transaction.spooled)).toHaveLength(1);
    expect(spooled.map((transaction) => ({ ...transaction, spooled: false }))).toEqual(whole);
  });

  it('is told the same when the server streams it while it is open, among others and with what it rolls back', async () => {
    const { database, slots } = await prepared();
    const [a, b, c] = await Promise.all([database.pool.connect(), database.pool.connect(), database.pool.connect()]);
    const fill = (from: number, rows: number, text = 'x'): string => `INSERT INTO public.t SELECT g, repeat('${text}', 100) FROM generate_series(${from}, ${from + rows - 1}) g`;
    await a.query(`BEGIN; ${fill(0, 3000)}`);
    await b.query(`BEGIN; ${fill(100_000, 3000)}; SAVEPOINT one; ${fill(110_000, 3000, 'gone')}; SAVEPOINT two; ${fill(120_000, 3000, 'gone')}`);
    await c.query(`INSERT INTO public.u VALUES (1, 'between'); UPDATE public.u SET v = 'again'`);
    await b.query(`RELEASE SAVEPOINT two; ROLLBACK TO SAVEPOINT one; ${fill(130_000, 3000)}`);
    // A relation described within what is rolled back, and used after it.
    await b.query(`SAVEPOINT three; INSERT INTO public.u SELECT g, repeat('gone', 100) FROM generate_series(1000, 4000) g; ROLLBACK TO SAVEPOINT three; INSERT INTO public.u SELECT g, 'kept' FROM generate_series(1000, 3000) g`);
    await c.query(`BEGIN; ${fill(200_000, 3000, 'never')}; ROLLBACK`);
    await a.query(`${fill(10_000, 3000)}; DELETE FROM public.t WHERE id < 1000; UPDATE public.t SET id = -id WHERE id < 2000`);
    await b.query('INSERT INTO public.w VALUES (1); COMMIT');
    // The table was described to b alone.
    await c.query(`INSERT INTO public.w VALUES (2); INSERT INTO public.u VALUES (2, 'between')`);
    await a.query(`SAVEPOINT s; ${fill(20_000, 3000)}; RELEASE SAVEPOINT s; COMMIT`);
    // A table that is changed within the transaction that goes on writing it.
    await a.query(`BEGIN; ${fill(300_000, 3000)}; ALTER TABLE public.t ADD COLUMN w text DEFAULT 'd'; ${fill(310_000, 3000)}; TRUNCATE public.u; INSERT INTO public.u VALUES (9, 'x'); COMMIT`);
    await a.query(`BEGIN; SAVEPOINT s; ${fill(400_000, 3000)}; ROLLBACK TO SAVEPOINT s; COMMIT`);
    await c.query(`INSERT INTO public.t VALUES (500000, 'small', 'after'); INSERT INTO public.done VALUES (1)`);
    for (const client of [a, b, c]) client.release();
    const told = await bothWays(database, slots);
    expect(told.filter((transaction) => transaction.spooled)).toHaveLength(3);
    if (inject('postgresMajor') >= 14) {
      expect(await streamedBytes(database, slots[1])).toBeGreaterThan(3);
      expect(await streamedBytes(database, slots[0])).toBe(0);
    }
  });

  it('of our own replay is not kept, and tells where the original was committed', async () => {
    const { database, slots } = await prepared();
    const origin = `${database.name}_o`;
    await database.query(`SELECT pg_replication_origin_create('${origin}')`);
    const client = await database.pool.connect();
    await client.query(`SELECT pg_replication_origin_session_setup('${origin}')`);
    await client.query(`BEGIN; INSERT INTO public.t SELECT g, repeat('x', 100) FROM generate_series(1, 5000) g`);
    await client.query(`UPDATE banyan.stream SET position = '1/ABCD'; SELECT pg_replication_origin_xact_setup('1/ABCD', '2020-01-01 00:00:00+00')`);
    await client.query('COMMIT');
    client.release(new Error('its origin must go with it'));
    await database.query('INSERT INTO public.done VALUES (1)');
    const told = await bothWays(database, slots, { replayOrigin: origin });
    expect(told).toHaveLength(2);
    expect(told[0]).toMatchObject({ origin: { name: origin, position: 0x1_0000_abcdn }, committedAt: 1_577_836_800_000_000n, spooled: false });
    expect(told[0]!.changes).toHaveLength(1);
  });

  it('that was prepared is told when it is committed, and not at all when it is rolled back', async () => {
    const { database, slots } = await prepared();
    const names = [`${database.name}_1`, `${database.name}_2`] as const;
    for (const [i, name] of names.entries()) {
      await database.query(`BEGIN; INSERT INTO public.t SELECT g + ${i * 10_000}, repeat('x', 100) FROM generate_series(1, 3000) g; PREPARE TRANSACTION '${name}'`);
    }
    await database.query(`INSERT INTO public.u VALUES (1, 'before both')`);
    await database.query(`COMMIT PREPARED '${names[0]}'`);
    await database.query(`ROLLBACK PREPARED '${names[1]}'`);
    await database.query('INSERT INTO public.done VALUES (1)');
    const told = await bothWays(database, slots);
    expect(told.map(({ changes }) => changes.length)).toEqual([1, 3000, 1]);
  });

  it.runIf(inject('postgresMajor') >= 15)('from a slot that sends prepared transactions before they commit is refused by name', async () => {
    const { database } = await prepared();
    const slot = `${database.name}_2p`;
    await database.query(`SELECT pg_create_logical_replication_slot('${slot}', 'pgoutput', false, true)`);
    const name = `${database.name}_p`;
    await database.query(`BEGIN; INSERT INTO public.t VALUES (1, 'x'); PREPARE TRANSACTION '${name}'`);
    await expect(readAll(database, slot, {})).rejects.toMatchObject({ code: 'BANYAN_TWO_PHASE' });
    await database.query(`ROLLBACK PREPARED '${name}'`);
  });
});
