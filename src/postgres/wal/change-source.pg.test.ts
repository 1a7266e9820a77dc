import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import { isBanyanError } from '../../core/errors.ts';
import { isSpooled, UNCHANGED, type Transaction } from '../../model/change.ts';
import { parseLsn } from '../../model/position.ts';
import type { SourceEvent } from '../../ports/change-source.ts';
import { until } from '../../../test/support/condition.ts';
import { describePostgres, itSince, testDatabase, type TestDatabase } from '../../../test/support/postgres.ts';
import { TcpProxy } from '../../../test/support/tcp-proxy.ts';
import { isTransient } from '../transient.ts';
import { WalChangeSource, type WalChangeSourceOptions } from './change-source.ts';
import { PgoutputDecoder } from './pgoutput.ts';

const SCHEMA = `
  CREATE TABLE t (id int PRIMARY KEY, v text);
  CREATE TABLE wide (id int PRIMARY KEY, big text, n int);
  ALTER TABLE wide ALTER big SET STORAGE EXTERNAL;
  CREATE TABLE whole (id int PRIMARY KEY, v text);
  ALTER TABLE whole REPLICA IDENTITY FULL;
  CREATE PUBLICATION everything FOR ALL TABLES;
`;

async function prepared(): Promise<{ database: TestDatabase; slot: string }> {
  const database = await testDatabase({ schema: SCHEMA });
  await database.query(`SELECT pg_create_logical_replication_slot($1, 'pgoutput')`, [database.name]);
  return { database, slot: database.name };
}

function sourceOf(database: TestDatabase, options: Partial<WalChangeSourceOptions> = {}): WalChangeSource {
  return new WalChangeSource({ url: database.url, slot: database.name, publication: 'everything', clock: systemClock, ...options });
}

const countOf = ({ changes }: Transaction): number => (isSpooled(changes) ? changes.count : changes.length);

/** A reader of one stream, so that a test can wait for what it needs. */
class Reading {
  readonly stop = new AbortController();
  readonly #events: AsyncIterator<SourceEvent>;

  constructor(source: WalChangeSource) {
    this.#events = source.stream({ signal: this.stop.signal })[Symbol.asyncIterator]();
  }

  async next(): Promise<SourceEvent> {
    const { value, done } = await this.#events.next();
    if (done) throw new Error('the stream ended without an error');
    return value;
  }

  async transaction(): Promise<Transaction> {
    for (;;) {
      const event = await this.next();
      // Until 14 the server also sends transactions of which nothing is published.
      if (event.kind === 'transaction' && countOf(event.transaction) > 0) return event.transaction;
    }
  }

  async count(): Promise<number> {
    return countOf(await this.transaction());
  }

  async end(): Promise<void> {
    await this.#events.return?.();
  }
}

const walsender = async (database: TestDatabase): Promise<string | undefined> => {
  const [row] = await database.query('SELECT active_pid FROM pg_replication_slots WHERE slot_name = $1', [database.name]);
  return row?.['active_pid'] ?? undefined;
};

async function failureOf(source: WalChangeSource): Promise<unknown> {
  const reading = new Reading(source);
  try {
    for (;;) await reading.next();
  } catch (error) {
    return error;
  }
}

describePostgres('WalChangeSource', () => {
  it('delivers transactions in commit order, row by row as they were written', async () => {
    const { database } = await prepared();
    const big = 'x'.repeat(10_000);
    await database.query(`
      BEGIN; INSERT INTO public.t VALUES (1, 'one'), (2, NULL); UPDATE public.t SET id = 3 WHERE id = 2; COMMIT;
      INSERT INTO public.wide VALUES (1, '${big}', 0);
      UPDATE public.wide SET n = 1; UPDATE public.wide SET id = 2;
      INSERT INTO public.whole VALUES (1, 'old'); UPDATE public.whole SET v = 'new'; DELETE FROM public.whole;
      TRUNCATE public.t RESTART IDENTITY`);
    const reading = new Reading(sourceOf(database));
    const first = await reading.transaction();
    expect(first.changes).toMatchObject([
      { kind: 'insert', row: ['1', 'one'] },
      { kind: 'insert', row: ['2', null] },
      { kind: 'update', old: ['2', null], oldIsKey: true, row: ['3', null] },
    ]);
    const second = await reading.transaction();
    expect(second.position).toBeGreaterThan(first.position);
    expect(second.changes).toMatchObject([
      { kind: 'insert', row: ['1', big, '0'] },
      { kind: 'update', row: ['1', UNCHANGED, '1'] },
      { kind: 'update', old: ['1', null, null], row: ['2', UNCHANGED, '1'] },
      { kind: 'insert' },
      { kind: 'update', old: ['1', 'old'], oldIsKey: false, row: ['1', 'new'] },
      { kind: 'delete', old: ['1', 'new'], oldIsKey: false },
      { kind: 'truncate', restartIdentity: true, cascade: false },
    ]);
    const [now] = await database.query(`SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::int8 AS us`);
    expect(second.committedAt).toBeLessThanOrEqual(BigInt(now!['us']!));
    expect(second.committedAt).toBeGreaterThan(BigInt(now!['us']!) - 600_000_000n);
    await reading.end();
  });

  it('writes values in their portable form, whatever the database is set to', async () => {
    const { database } = await prepared();
    await database.query(`
      ALTER DATABASE ${database.name} SET DateStyle = 'SQL, DMY';
      ALTER DATABASE ${database.name} SET IntervalStyle = 'iso_8601';
      ALTER DATABASE ${database.name} SET bytea_output = 'escape';
      ALTER DATABASE ${database.name} SET extra_float_digits = -5;
      ALTER DATABASE ${database.name} SET TimeZone = 'Asia/Kolkata';
      ALTER DATABASE ${database.name} SET lc_monetary = 'C';
      CREATE TABLE public.forms (id int PRIMARY KEY, d date, z timestamptz, i interval, b bytea, f float8, r regclass);
      INSERT INTO public.forms VALUES (1, '2024-03-02', '2024-03-02 00:00:00+00', '1 day 02:00', '\\xff00', 0.1::float8 + 0.2, 'public.t')`);
    const reading = new Reading(sourceOf(database));
    const { changes } = await reading.transaction();
    expect(changes).toMatchObject([
      { row: ['1', '2024-03-02', '2024-03-02 00:00:00+00', '1 day 02:00:00', '\\xff00', '0.30000000000000004', 'public.t'] },
    ]);
    await reading.end();
  });

  it('tells the origin of a replay and drops its rows, but for Banyan\'s own', async () => {
    const { database } = await prepared();
    const origin = `${database.name}_o`;
    await database.query(`
      CREATE SCHEMA banyan; CREATE TABLE banyan.mark (id int PRIMARY KEY);
      SELECT pg_replication_origin_create('${origin}')`);
    const client = await database.pool.connect();
    await client.query(`SELECT pg_replication_origin_session_setup('${origin}')`);
    await client.query(`BEGIN; SELECT pg_replication_origin_xact_setup('0/ABCD', '2020-01-01 00:00:00+00');
      INSERT INTO public.t VALUES (1, 'echo'); INSERT INTO banyan.mark VALUES (1); COMMIT`);
    client.release(new Error('its origin must go with it'));
    const reading = new Reading(sourceOf(database, { replayOrigin: origin }));
    expect(await reading.transaction()).toMatchObject({
      origin: { name: origin, position: 0xabcdn }, committedAt: 1_577_836_800_000_000n,
      changes: [{ kind: 'insert', relation: { table: 'banyan.mark' } }],
    });
    await reading.end();
  });

  it('moves the slot by what was acknowledged and nothing else, and goes on from there', async () => {
    const { database } = await prepared();
    await database.query(`INSERT INTO public.t VALUES (1, 'a')`);
    await database.query(`INSERT INTO public.t VALUES (2, 'b')`);
    const source = sourceOf(database, { statusEveryMs: 20 });
    const reading = new Reading(source);
    const first = await reading.transaction();
    const second = await reading.transaction();
    source.acknowledge(first.position);
    source.acknowledge(0n as typeof first.position);
    const confirmed = async (): Promise<bigint> => {
      const [row] = await database.query('SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = $1', [database.name]);
      return parseLsn(row!['confirmed_flush_lsn']!);
    };
    await until(async () => (await confirmed()) === first.position, { what: 'the slot has moved' });
    await reading.end();
    const again = new Reading(source);
    expect((await again.transaction()).position).toBe(second.position);
    await again.end();
  });

  it('reports progress while nothing is published', async () => {
    const { database } = await prepared();
    const reading = new Reading(sourceOf(database));
    const [now] = await database.query('SELECT pg_current_wal_insert_lsn() AS lsn');
    for (;;) {
      const event = await reading.next();
      expect(event.kind).toBe('progress');
      if (event.kind === 'progress' && event.position >= parseLsn(now!['lsn']!)) break;
      await database.query('CREATE TEMP TABLE IF NOT EXISTS x (a int)');
    }
    await reading.end();
  });

  it('answers a server that asks whether it lives', async () => {
    const { database } = await prepared();
    await database.query(`ALTER DATABASE ${database.name} SET wal_sender_timeout = '600ms'`);
    const reading = new Reading(sourceOf(database, { statusEveryMs: 600_000 }));
    const events = (async () => {
      for (;;) await reading.next();
    })();
    const pid = await until(() => walsender(database));
    await until(
      async () => (await database.query(`SELECT 1 FROM pg_stat_activity WHERE pid = $1 AND clock_timestamp() > backend_start + interval '2 s'`, [pid])).length,
      { what: 'the walsender outlives its timeout three times' },
    );
    reading.stop.abort(new Error('enough'));
    await expect(events).rejects.toThrow('enough');
  });

  it('makes the server wait for a reader that does not read, and keeps the connection meanwhile', async () => {
    const { database } = await prepared();
    await database.query(`ALTER DATABASE ${database.name} SET wal_sender_timeout = '600ms'`);
    await database.query(`INSERT INTO public.t SELECT g, repeat('y', 1000) FROM generate_series(1, 100) g`);
    for (let i = 0; i < 60; i++) await database.query(`INSERT INTO public.t SELECT g, repeat('z', 1000) FROM generate_series($1::int, $1::int + 499) g`, [1000 + i * 500]);
    const reading = new Reading(sourceOf(database));
    expect((await reading.transaction()).changes).toHaveLength(100);
    const pid = await until(() => walsender(database));
    const [end] = await database.query('SELECT pg_current_wal_lsn() AS lsn');
    const before = process.memoryUsage().arrayBuffers;
    const waited = await until(
      async () => (await database.query(
        `SELECT sent_lsn FROM pg_stat_replication WHERE pid = $1 AND clock_timestamp() > backend_start + interval '2 s'`, [pid]))[0],
      { what: 'the walsender waits and lives' },
    );
    expect(parseLsn(waited['sent_lsn']!)).toBeLessThan(parseLsn(end!['lsn']!));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20_000_000);
    let rows = 0;
    for (let i = 0; i < 60; i++) rows += await reading.count();
    expect(rows).toBe(30_000);
    expect(await walsender(database)).toBe(pid);
    await reading.end();
  });

  it('closes at once when aborted, and frees the slot', async () => {
    const { database } = await prepared();
    const reading = new Reading(sourceOf(database));
    const next = reading.transaction();
    await until(() => walsender(database));
    reading.stop.abort(new Error('stopped'));
    await expect(next).rejects.toThrow('stopped');
    await until(async () => (await walsender(database)) === undefined, { what: 'the slot is free' });
  });

  it('does not stream at all when it was aborted before', async () => {
    const { database } = await prepared();
    const stream = sourceOf(database).stream({ signal: AbortSignal.abort(new Error('never')) });
    await expect(stream.next()).rejects.toThrow('never');
  });

  it('says BANYAN_SLOT_LOST when the slot is gone', async () => {
    const { database } = await prepared();
    await database.query('SELECT pg_drop_replication_slot($1)', [database.name]);
    const failure = await failureOf(sourceOf(database));
    expect(failure).toMatchObject({ code: 'BANYAN_SLOT_LOST', details: { sqlState: '42704' } });
    expect(isTransient(failure)).toBe(false);
  });

  it('waits for a slot that another worker still holds', async () => {
    const { database } = await prepared();
    const reading = new Reading(sourceOf(database));
    const next = reading.transaction();
    await until(() => walsender(database));
    const failure = await failureOf(sourceOf(database));
    expect(failure).toMatchObject({ code: 'BANYAN_WAL_STREAM', details: { sqlState: '55006' } });
    expect(isTransient(failure)).toBe(true);
    reading.stop.abort(new Error('stopped'));
    await expect(next).rejects.toThrow('stopped');
  });

  it('waits when the server ends the walsender or the link is cut', async () => {
    const { database } = await prepared();
    const ended = failureOf(sourceOf(database));
    const pid = await until(() => walsender(database));
    await database.query('SELECT pg_terminate_backend($1)', [pid]);
    expect(await ended).toMatchObject({ code: 'BANYAN_WAL_STREAM', details: { sqlState: '57P01' } });
    expect(isTransient(await ended)).toBe(true);
    await until(async () => (await walsender(database)) === undefined);

    const proxy = await TcpProxy.start(database.url);
    const cut = failureOf(sourceOf(database, { url: proxy.urlFor(database.url) }));
    await until(async () => (await walsender(database)) !== undefined && proxy.connections > 0);
    proxy.cut();
    expect(await cut).toMatchObject({ code: 'BANYAN_WAL_STREAM' });
    expect(isTransient(await cut)).toBe(true);
    await proxy.close();
  });

  it('finds a link that has gone dead, and keeps a quiet one', async () => {
    const { database } = await prepared();
    const proxy = await TcpProxy.start(database.url);
    const dead = failureOf(sourceOf(database, { url: proxy.urlFor(database.url), statusEveryMs: 50, silenceMs: 400 }));
    const pid = await until(() => walsender(database));
    await until(
      async () => (await database.query(`SELECT 1 FROM pg_stat_activity WHERE pid = $1 AND clock_timestamp() > backend_start + interval '1200 ms'`, [pid])).length,
      { what: 'the quiet link is kept three times as long' },
    );
    expect(await walsender(database)).toBe(pid);
    proxy.freeze();
    expect(await dead).toMatchObject({ code: 'BANYAN_WAL_STREAM', message: expect.stringContaining('said nothing') });
    expect(isTransient(await dead)).toBe(true);
    await proxy.close();
  });

  it('says BANYAN_CONNECT without the password when the server can not be reached or refuses', async () => {
    const { database } = await prepared();
    const wrong = new URL(database.url);
    wrong.password = 'not-this-one';
    const refused = await failureOf(sourceOf(database, { url: wrong.href }));
    expect(refused).toMatchObject({ code: 'BANYAN_CONNECT', message: expect.not.stringContaining('not-this-one') });
    expect(isTransient(refused)).toBe(false);
    wrong.port = '1';
    const unreachable = await failureOf(sourceOf(database, { url: wrong.href }));
    expect(unreachable).toMatchObject({ code: 'BANYAN_CONNECT' });
    expect(isTransient(unreachable)).toBe(true);
  });

  itSince(14)('decodes a real log, and answers its bytes cut or changed with BANYAN_WAL_FORMAT or a whole row', async () => {
    const { database } = await prepared();
    await database.query(`
      INSERT INTO public.t VALUES (1, 'one'); INSERT INTO public.wide VALUES (1, repeat('ä', 9000), 0);
      UPDATE public.wide SET n = 1; UPDATE public.wide SET id = 2; INSERT INTO public.whole VALUES (1, 'x'); DELETE FROM public.whole;
      SELECT pg_logical_emit_message(true, 'prefix', 'content'); TRUNCATE public.t, public.wide CASCADE`);
    const rows = await database.query(
      `SELECT encode(data, 'hex') AS data FROM pg_logical_slot_get_binary_changes($1, NULL, NULL, 'proto_version', '1', 'publication_names', 'everything', 'messages', 'on')`,
      [database.name],
    );
    const messages = rows.map((row) => Buffer.from(row['data']!, 'hex'));
    const decoder = new PgoutputDecoder();
    expect(messages.map((bytes) => decoder.decode(bytes).kind)).toEqual(
      ['begin', 'relation', 'insert', 'relation', 'insert', 'update', 'update', 'relation', 'insert', 'delete', 'message', 'relation', 'relation', 'truncate', 'commit'],
    );
    fc.assert(
      fc.property(fc.nat(messages.length - 1), fc.nat(2000), fc.nat(255), fc.boolean(), (which, at, byte, cut) => {
        const original = messages[which]!;
        const bytes = cut ? original.subarray(0, at % original.length) : Buffer.from(original);
        if (!cut) bytes[at % bytes.length] = byte;
        const copy = new PgoutputDecoder();
        for (const message of messages) copy.decode(message);
        try {
          const message = copy.decode(bytes);
          if ('row' in message) expect(message.row).toHaveLength(message.relation.columns.length);
        } catch (error) {
          // A changed first byte may make it a message of two-phase commit.
          if (!isBanyanError(error, 'BANYAN_WAL_FORMAT') && !isBanyanError(error, 'BANYAN_TWO_PHASE')) throw error;
        }
      }),
      { numRuns: 500 },
    );
  });

  it('stops when the publication is gone, for the server then leaves out its changes with no more than a warning', async () => {
    const { database } = await prepared();
    const failed = failureOf(sourceOf(database));
    await until(() => walsender(database));
    await database.query('DROP PUBLICATION everything');
    await database.query(`INSERT INTO public.t VALUES (1, 'one')`);
    expect(await failed).toMatchObject({ code: 'BANYAN_SLOT_LOST', message: expect.stringContaining('everything') });
    expect(isTransient(await failed)).toBe(false);
  });
});
