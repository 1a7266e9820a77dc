import { expect, it } from 'vitest';
import { until } from '../../test/support/condition.ts';
import { describePostgres, serverMajor, testDatabase, type TestDatabase } from '../../test/support/postgres.ts';
import { rowsOf, setUp, type SyncSettings } from '../../test/support/sync-engine.ts';
import { syncPair } from '../../test/support/sync-pair.ts';
import { systemClock } from '../core/clock.ts';
import { parseLsn } from '../model/position.ts';
import { ensureBanyanSchema, streamNames } from './banyan-schema.ts';
import { connect, createPool, inTransaction } from './connect.ts';
import { placeMark, PostgresFence } from './fence.ts';
import { readHorizon } from './horizon.ts';
import { databaseOid, dropSlot, slotState } from './slot.ts';
import { connectReplication, streamSlot } from './wal/walsender.ts';

const SCHEMA = `
  CREATE TABLE a (id int PRIMARY KEY, v text);
  CREATE TABLE b (id int PRIMARY KEY, a_id int REFERENCES a, double int GENERATED ALWAYS AS (id * 2) STORED);
  CREATE TABLE p (region text, id int, PRIMARY KEY (region, id)) PARTITION BY LIST (region);
  CREATE TABLE p_x PARTITION OF p FOR VALUES IN ('x');
  CREATE TABLE of_the_service (id int PRIMARY KEY, a_id int REFERENCES a);
`;
const ROWS = `INSERT INTO a SELECT g, 'v' || g FROM generate_series(1, 500) g; INSERT INTO b SELECT g, g FROM generate_series(1, 300) g; INSERT INTO p VALUES ('x', 1)`;
const SETTINGS: SyncSettings = { tables: ['a', 'b', 'p'] };

async function pairOf(rows = ROWS): Promise<{ monolith: TestDatabase; service: TestDatabase }> {
  const monolith = await testDatabase({ schema: SCHEMA });
  const service = await testDatabase({ schema: SCHEMA });
  await monolith.query(`SET search_path = public; ${rows}; SET search_path = pg_catalog`);
  return { monolith, service };
}

const count = async (database: TestDatabase, table: string): Promise<number> =>
  Number((await database.query(`SELECT count(*) AS n FROM ${table}`))[0]!['n']);

describePostgres('setUpStreams', () => {
  it('copies a first time, with the rows marked as replays; a second time finds everything', async () => {
    const ends = await pairOf();
    const copied: string[] = [];
    const first = await setUp(ends, SETTINGS, { onTable: (table, rows) => copied.push(`${table} ${rows}`) });
    expect(first.copied).toBe(801);
    expect(copied.toSorted()).toEqual(['public.a 500', 'public.b 300', 'public.p 1']);
    for (const table of ['a', 'b', 'p']) expect(await rowsOf(ends.service, `public.${table}`)).toEqual(await rowsOf(ends.monolith, `public.${table}`));
    const forward = first.names.get('monolith-to-service')!;
    const backward = first.names.get('service-to-monolith')!;
    if (serverMajor() >= 14) {
      const [marked] = await ends.service.query(
        'SELECT DISTINCT roname FROM public.a t JOIN pg_replication_origin o ON o.roident = (pg_xact_commit_timestamp_origin(t.xmin)).roident');
      expect(marked).toEqual({ roname: forward.origin });
    }
    const [there] = await ends.service.query('SELECT * FROM banyan.stream');
    const [back] = await ends.monolith.query('SELECT * FROM banyan.stream');
    expect(there).toMatchObject({ name: 'shop/monolith-to-service', state: 'streaming', seen: back!['position'] });
    expect(back).toMatchObject({ name: 'shop/service-to-monolith', state: 'streaming', seen: there!['position'] });
    expect(await slotState(ends.monolith.pool, forward.slot)).toEqual({ confirmed: parseLsn(there!['position']!), lost: false });
    expect(await slotState(ends.service.pool, backward.slot)).toEqual({ confirmed: parseLsn(back!['position']!), lost: false });

    const second = await setUp(ends, SETTINGS);
    expect(second).toEqual({ copied: 0, names: first.names });
    expect(await ends.service.query('SELECT * FROM banyan.stream')).toEqual([there]);
  });

  it('goes on with a copy that was cut short, without touching what is not its own', async () => {
    const ends = await pairOf();
    const stop = new AbortController();
    const cut = setUp(ends, SETTINGS, {
      signal: stop.signal, copyWorkers: 1,
      onTable: (table) => {
        if (table === 'public.a') stop.abort(new Error('cut short'));
      },
    });
    await expect(cut).rejects.toThrow('cut short');
    expect(await count(ends.service, 'public.a')).toBe(500);
    expect(await ends.service.query('SELECT state FROM banyan.stream')).toEqual([{ state: 'copying' }]);
    await ends.service.query('INSERT INTO public.of_the_service VALUES (1, 1)');
    await ends.monolith.query('DELETE FROM public.b WHERE id = 300; DELETE FROM public.a WHERE id = 500');
    expect((await setUp(ends, SETTINGS)).copied).toBe(300);
    for (const table of ['a', 'b', 'p']) expect(await rowsOf(ends.service, `public.${table}`)).toEqual(await rowsOf(ends.monolith, `public.${table}`));
    expect(await count(ends.service, 'public.of_the_service')).toBe(1);
  });

  it('stops a copy in the middle of a table', async () => {
    const ends = await pairOf(`INSERT INTO a SELECT g, repeat('x', 1000) FROM generate_series(1, 20000) g`);
    await ends.service.query(`
      CREATE FUNCTION public.wait() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN PERFORM pg_advisory_xact_lock(42); RETURN NEW; END $f$;
      CREATE TRIGGER wait BEFORE INSERT ON public.a FOR EACH ROW EXECUTE FUNCTION public.wait();
      ALTER TABLE public.a ENABLE ALWAYS TRIGGER wait`);
    const locker = await ends.service.pool.connect();
    await locker.query('SELECT pg_advisory_lock(42)');
    const stop = new AbortController();
    const cut = setUp(ends, SETTINGS, { signal: stop.signal }).catch((error: unknown) => error);
    await until(async () => (await ends.service.query(`SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'copy %' AND query LIKE 'COPY%' AND wait_event_type = 'Lock' AND datname = current_database()`)).length > 0);
    stop.abort(new Error('enough'));
    expect(await cut).toMatchObject({ message: 'enough' });
    await locker.query('SELECT pg_advisory_unlock(42)');
    locker.release();
    expect((await setUp(ends, SETTINGS)).copied).toBe(20_000);
  });

  it('refuses a target with rows of its own', async () => {
    const ends = await pairOf();
    await ends.service.query(`INSERT INTO public.p VALUES ('x', 5)`);
    await expect(setUp(ends, SETTINGS)).rejects.toMatchObject({ code: 'BANYAN_TARGET_NOT_EMPTY', message: expect.stringContaining('public.p') });
    expect(await count(ends.service, 'public.p')).toBe(1);
    await ends.service.query('DELETE FROM public.p');
    expect((await setUp(ends, SETTINGS)).copied).toBe(801);
  });

  it('leaves no slot of an attempt behind when the target is not there', async () => {
    const ends = await pairOf();
    await expect(setUp(ends, { tables: ['a', 'absent'] })).rejects.toThrow(/absent/);
    expect((await setUp(ends, SETTINGS)).copied).toBe(801);
  });

  it('refuses a table without a usable key before it is published, so that the application can go on writing', async () => {
    const ends = await pairOf();
    for (const side of [ends.monolith, ends.service]) {
      await side.query('CREATE TABLE public.late (id int PRIMARY KEY DEFERRABLE, v int); INSERT INTO public.late VALUES (1, 1)');
    }
    await expect(setUp(ends, { tables: ['a', 'late'] })).rejects.toMatchObject({ code: 'BANYAN_NO_KEY' });
    await ends.monolith.query('UPDATE public.late SET v = 2');
  });

  it.each(['monolith-to-service', 'service-to-monolith'] as const)('says BANYAN_SLOT_LOST when the slot of %s is gone or ahead', async (direction) => {
    const ends = await pairOf();
    const { names } = await setUp(ends, SETTINGS);
    const source = direction === 'monolith-to-service' ? ends.monolith : ends.service;
    const { slot } = names.get(direction)!;
    await source.query('INSERT INTO public.a VALUES (9000, NULL)');
    await source.query(`SELECT pg_replication_slot_advance($1, pg_current_wal_lsn())`, [slot]);
    await expect(setUp(ends, SETTINGS)).rejects.toMatchObject({ code: 'BANYAN_SLOT_LOST', message: expect.stringContaining('is at') });
    await dropSlot(source.pool, slot);
    await expect(setUp(ends, SETTINGS)).rejects.toMatchObject({ code: 'BANYAN_SLOT_LOST', message: expect.stringContaining('does not exist') });
  });

  it('says BANYAN_SOURCE_CHANGED when the source is another server', async () => {
    const ends = await pairOf();
    await setUp(ends, SETTINGS);
    await ends.service.query(`UPDATE banyan.stream SET source_system = '7'`);
    await expect(setUp(ends, SETTINGS)).rejects.toMatchObject({ code: 'BANYAN_SOURCE_CHANGED' });
  });

  it('publishes exactly the tables it was given, and its own', async () => {
    const ends = await pairOf();
    const { names } = await setUp(ends, SETTINGS);
    const { publication } = names.get('monolith-to-service')!;
    const published = async (): Promise<string[]> =>
      (await ends.monolith.query('SELECT tablename AS t FROM pg_publication_tables WHERE pubname = $1 ORDER BY 1', [publication])).map((row) => row['t']!);
    expect(await published()).toEqual(['a', 'b', 'conflict', 'mark', 'p', 'request', 'stream']);
    await setUp(ends, { tables: ['a'] });
    expect(await published()).toEqual(['a', 'conflict', 'mark', 'request', 'stream']);
  });

  it('sets up one direction only', async () => {
    const there = await pairOf();
    const forward = await setUp(there, { ...SETTINGS, mode: 'monolith-to-service' });
    expect(await there.monolith.query('SELECT * FROM banyan.stream')).toEqual([]);
    const slot = forward.names.get('service-to-monolith')!.slot;
    expect(await there.service.query('SELECT 1 FROM pg_replication_slots WHERE slot_name = $1', [slot])).toEqual([]);
    expect(await there.service.query('SELECT seen FROM banyan.stream')).toEqual([{ seen: '0/0' }]);

    const back = await pairOf();
    const backward = await setUp(back, { ...SETTINGS, mode: 'service-to-monolith' });
    expect(backward.copied).toBe(801);
    const slots = await back.monolith.query('SELECT 1 FROM pg_replication_slots WHERE database = current_database()');
    expect(slots).toEqual([]);
    expect((await setUp(back, { ...SETTINGS, mode: 'service-to-monolith' })).copied).toBe(0);
  });
});

describePostgres('slots, marks and sessions', () => {
  it('frees a slot that somebody still holds before it drops it', async () => {
    const database = await testDatabase();
    await database.query('CREATE PUBLICATION p');
    await database.query(`SELECT pg_create_logical_replication_slot($1, 'pgoutput')`, [database.name]);
    const client = await connectReplication({ url: database.url });
    const stream = streamSlot({
      client, slot: database.name, publication: 'p', clock: systemClock, signal: new AbortController().signal,
      durable: () => parseLsn('0/0'), statusEveryMs: 1000, silenceMs: 30_000,
    });
    const ended = (async () => {
      for await (const _ of stream);
    })().catch((error: unknown) => error);
    await until(async () => (await database.query('SELECT 1 FROM pg_replication_slots WHERE slot_name = $1 AND active', [database.name])).length);
    await dropSlot(database.pool, database.name);
    expect(await ended).toMatchObject({ code: 'BANYAN_WAL_STREAM' });
    expect(await slotState(database.pool, database.name)).toBeUndefined();
    await dropSlot(database.pool, database.name);
  });

  it('creates Banyan\'s tables from several workers at once', async () => {
    const database = await testDatabase();
    await Promise.all(Array.from({ length: 4 }, () => ensureBanyanSchema(database.pool)));
    expect(await count(database, 'banyan.stream')).toBe(0);
  });

  it('places marks after what was acknowledged, and waits for a fence to be passed', async () => {
    const pair = await syncPair({ schema: SCHEMA, rows: ROWS, tables: ['a', 'b'] });
    const { monolith, service } = pair;
    const fence = new PostgresFence({ pools: () => ({ monolith: monolith.pool, service: service.pool }), clock: systemClock });
    const before = await placeMark(monolith.pool, 'shop');
    await monolith.query('INSERT INTO public.a VALUES (7000, NULL)');
    const position = await fence.place({ service: 'shop', side: 'monolith' });
    expect(position).toBeGreaterThan(before);
    expect(await fence.passed({ service: 'shop', side: 'monolith', position, timeoutMs: 60 })).toBe(false);
    expect(await fence.passed({ service: 'unknown', side: 'monolith', position, timeoutMs: 0 })).toBe(false);
    const running = pair.run();
    expect(await fence.passed({ service: 'shop', side: 'monolith', position, timeoutMs: 20_000 })).toBe(true);
    expect(await service.query('SELECT id FROM public.a WHERE id = 7000')).toHaveLength(1);
    const aborted = AbortSignal.abort(new Error('no more'));
    await expect(fence.place({ service: 'shop', side: 'service', signal: aborted })).rejects.toThrow('no more');
    await expect(fence.passed({ service: 'shop', side: 'service', position, timeoutMs: 1, signal: aborted })).rejects.toThrow('no more');
    await running.stop();
  });

  it('reads a horizon that leaves out what is still open', async () => {
    const database = await testDatabase({ schema: SCHEMA });
    await ensureBanyanSchema(database.pool);
    const open = await database.pool.connect();
    await open.query('BEGIN; INSERT INTO public.a VALUES (1)');
    const own = Number((await open.query<{ x: string }>('SELECT pg_current_xact_id()::xid AS x')).rows[0]!.x);
    await database.query('INSERT INTO public.a VALUES (2)');
    const during = await readHorizon(database.pool, 'shop');
    expect(during.xid).toBe(own);
    await open.query('COMMIT');
    open.release();
    const after = await readHorizon(database.pool, 'shop');
    expect(after.xid).toBeGreaterThan(own);
    expect(after.position).toBeGreaterThan(during.position);
  });

  it('names streams so that they do not clash within a cluster', async () => {
    const database = await testDatabase();
    const oid = await databaseOid(database.pool);
    expect(streamNames({ service: 'Odd-Näme', direction: 'service-to-monolith', sourceDatabase: oid, targetDatabase: '5', prefix: 'x' })).toEqual({
      stream: 'Odd-Näme/service-to-monolith', slot: `x_odd_n_me_s2m_${oid}`, publication: 'x_odd_n_me_service', origin: 'x_odd_n_me_s2m_5',
    });
  });

  it('rolls back what throws, and gives no session back that may still be in its transaction', async () => {
    const database = await testDatabase({ schema: SCHEMA });
    const pool = createPool({ url: database.url, max: 1 });
    await expect(inTransaction(pool, async (client) => {
      await client.query('INSERT INTO public.a VALUES (1)');
      throw new Error('on purpose');
    })).rejects.toThrow('on purpose');
    await expect(inTransaction(pool, async (client) => {
      await client.query('SELECT pg_terminate_backend(pg_backend_pid())');
    })).rejects.toMatchObject({ code: '57P01' });
    expect(await inTransaction(pool, async (client) => (await client.query('SELECT count(*) AS n FROM public.a')).rows)).toEqual([{ n: '0' }]);
    await pool.end();
  });

  it('tells the logger of an idle connection that was lost, and replaces it', async () => {
    const database = await testDatabase();
    const warnings: string[] = [];
    const logger = { debug: () => {}, info: () => {}, error: () => {}, warn: (message: string) => warnings.push(message), child: () => logger };
    const pool = createPool({ url: database.url, logger, applicationName: 'idle one' });
    await pool.query('SELECT 1');
    await database.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'idle one' AND datname = current_database()`);
    await until(() => warnings.length > 0);
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: '1' }]);
    await pool.end();
    await expect(connect({ url: database.url.replace(/\/\/.*@/, '//nobody:secret@'), connectTimeoutMs: 5000 })).rejects.toMatchObject({
      code: 'BANYAN_CONNECT', message: expect.not.stringContaining('secret'),
    });
  });

  it('gives a service that was followed one way the way back, and copies nothing again', async () => {
    const ends = await pairOf();
    await setUp(ends, { ...SETTINGS, mode: 'monolith-to-service' });
    await ends.service.query("INSERT INTO public.a VALUES (9001, 'of the service')");
    const both = await setUp(ends, SETTINGS);
    expect(both.copied).toBe(0);
    expect(await count(ends.service, 'public.a')).toBe(501);
    const [back] = await ends.monolith.query('SELECT state, position, seen FROM banyan.stream');
    const [there] = await ends.service.query('SELECT position, seen FROM banyan.stream');
    expect(back).toMatchObject({ state: 'streaming', seen: there!['position'] });
    expect(there!['seen']).toBe(back!['position']);
    expect(await setUp(ends, SETTINGS)).toMatchObject({ copied: 0 });
  });

  it('refuses a table that would join running streams without its rows', async () => {
    const ends = await pairOf();
    await setUp(ends, { tables: ['a'] });
    await expect(setUp(ends, { tables: ['a', 'b'] })).rejects.toMatchObject({ code: 'BANYAN_TABLES_ADDED', message: expect.stringContaining('public.b') });
    // Nothing was published meanwhile.
    const published = await ends.monolith.query("SELECT tablename FROM pg_publication_tables WHERE schemaname = 'public'");
    expect(published).toEqual([{ tablename: 'a' }]);
  });
});
