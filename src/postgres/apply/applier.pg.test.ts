import { Pool } from 'pg';
import { expect, it } from 'vitest';
import { UNCHANGED, type Cell } from '../../model/change.ts';
import { tableName } from '../../model/names.ts';
import type { Position } from '../../model/position.ts';
import type { ApplyTransaction, Horizon, LockedRow, RowKeys, Sparing, TargetTable, Write } from '../../ports/applier.ts';
import { until } from '../../../test/support/condition.ts';
import { describePostgres, itSince, testDatabase, type TestDatabase } from '../../../test/support/postgres.ts';
import { TcpProxy } from '../../../test/support/tcp-proxy.ts';
import { BANYAN_SCHEMA_SQL, type StreamNames } from '../banyan-schema.ts';
import { CAPTURE_SCHEMA_SQL } from '../trigger/schema.ts';
import { readHorizon } from '../horizon.ts';
import { columnLiteral } from './array-literal.ts';
import { PostgresApplier } from './applier.ts';

const SCHEMA = `${BANYAN_SCHEMA_SQL}${CAPTURE_SCHEMA_SQL}
  INSERT INTO banyan.stream (name, service, direction, state, position, seen, source_system)
    VALUES ('shop/x', 'shop', 'monolith-to-service', 'streaming', '0/10', '0/20', '1');
  CREATE TABLE item (id int PRIMARY KEY, v text, n int DEFAULT 7);
  CREATE TABLE part (region text, id int, v text, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
  CREATE TABLE part_a PARTITION OF part FOR VALUES IN ('a');
  CREATE TABLE part_b (v text, dropped int, id int NOT NULL, region text NOT NULL);
  ALTER TABLE part_b DROP dropped;
  ALTER TABLE part ATTACH PARTITION part_b FOR VALUES IN ('b');
  CREATE TABLE only_key (a text, b int, PRIMARY KEY (b, a));
  CREATE TABLE person (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text UNIQUE, nick text, realm text,
    twice text GENERATED ALWAYS AS (email || email) STORED, seq int GENERATED ALWAYS AS IDENTITY, UNIQUE (realm, nick));
  CREATE TABLE covered (id int, note text, code text, PRIMARY KEY (id) INCLUDE (note), UNIQUE (code) INCLUDE (note));
  CREATE TABLE swap (id int PRIMARY KEY, place int UNIQUE DEFERRABLE INITIALLY DEFERRED);
  CREATE TABLE keyless (a int);
  CREATE TABLE deferred_key (a int PRIMARY KEY DEFERRABLE);
  CREATE TABLE computed_key (a int, b int GENERATED ALWAYS AS (a + 1) STORED PRIMARY KEY);
  CREATE TABLE odd ("Select" char(5) PRIMARY KEY, "a ""b" text);
`;

const TABLES = ['item', 'part', 'only_key', 'person', 'covered', 'swap', 'odd'];

interface Fixture {
  readonly database: TestDatabase;
  readonly names: StreamNames;
  readonly applier: PostgresApplier;
  readonly table: (name: string) => TargetTable;
}

const namesIn = (database: TestDatabase): StreamNames => ({ stream: 'shop/x', slot: database.name, publication: 'p', origin: `${database.name}_o` });

async function fixture(options: { readonly url?: (database: TestDatabase) => string; readonly before?: string } = {}): Promise<Fixture> {
  const database = await testDatabase({ schema: SCHEMA, max: 8 });
  if (options.before !== undefined) await database.query(options.before.replaceAll('$db', database.name));
  const names = namesIn(database);
  const applier = new PostgresApplier({ url: options.url?.(database) ?? database.url, service: 'shop', names });
  expect(await applier.claim()).toEqual({ position: 0x10n, seen: 0x20n });
  const tables = await applier.describe(TABLES.map((name) => tableName('public', name)));
  return { database, names, applier, table: (name) => tables.get(tableName('public', name))! };
}

const position = (n: number): Position => BigInt(n) as Position;

function write(kind: Write['kind'], table: TargetTable, key: readonly string[], row?: readonly Cell[]): Write {
  return {
    kind, table, key, keyText: `${table.name} ${key.join()}`, ...(row ? { row } : {}),
    position: position(0x100), committedAt: 1_577_836_800_123_456n, seen: position(0x50),
  };
}

async function inApply<T>(applier: PostgresApplier, at: number, work: (transaction: ApplyTransaction) => Promise<T>): Promise<T> {
  const transaction = await applier.begin();
  const result = await work(transaction);
  await transaction.commit({ position: position(at), seen: position(at + 1), committedAt: 1_577_836_800_123_456n });
  return result;
}

const rows = async (database: TestDatabase, sql: string): Promise<(string | null)[][]> => (await database.query(sql)).map((row) => Object.values(row));

describePostgres('PostgresApplier', () => {
  itSince(14)('commits rows and checkpoint together, marked as a replay with the time of the original', async () => {
    const { database, applier, names, table } = await fixture();
    const item = table('item');
    await inApply(applier, 0x100, async (transaction) => {
      expect(transaction.checkpoint).toEqual({ position: 0x10n, seen: 0x20n });
      expect(await transaction.write([write('insert', item, ['1'], ['1', 'a', null]), write('insert', item, ['2'], ['2', 'b', '3'])], undefined)).toEqual([]);
    });
    expect(await rows(database, 'SELECT * FROM public.item ORDER BY id')).toEqual([['1', 'a', null], ['2', 'b', '3']]);
    const [marked] = await database.query(
      `SELECT o.roname, c.timestamp FROM public.item t, pg_xact_commit_timestamp_origin(t.xmin) c JOIN pg_replication_origin o ON o.roident = c.roident LIMIT 1`,
    );
    expect(marked).toEqual({ roname: names.origin, timestamp: '2020-01-01 00:00:00.123456+00' });
    expect(await rows(database, 'SELECT position, seen FROM banyan.stream')).toEqual([['0/100', '0/101']]);
    expect(await rows(database, `SELECT pg_replication_origin_progress('${names.origin}', true)`)).toEqual([['0/100']]);

    const undone = await applier.begin();
    expect(undone.checkpoint).toEqual({ position: 0x100n, seen: 0x101n });
    await undone.write([write('delete', item, ['1'])], undefined);
    await undone.rollback();
    expect(await rows(database, 'SELECT count(*) FROM public.item')).toEqual([['2']]);
    expect(await rows(database, 'SELECT position FROM banyan.stream')).toEqual([['0/100']]);
    await applier.close();
  });

  it('refuses what it can not apply to', async () => {
    const { database, names, applier } = await fixture();
    await expect(applier.describe([tableName('public', 'absent')])).rejects.toMatchObject({ code: 'BANYAN_TABLE_UNKNOWN' });
    await expect(applier.describe([tableName('public', 'keyless')])).rejects.toMatchObject({ code: 'BANYAN_NO_KEY' });
    await expect(applier.describe([tableName('public', 'deferred_key')])).rejects.toMatchObject({ code: 'BANYAN_NO_KEY' });
    await expect(applier.describe([tableName('public', 'computed_key')])).rejects.toMatchObject({ code: 'BANYAN_NO_KEY' });
    await applier.close();
    const unknown = new PostgresApplier({ url: database.url, service: 'shop', names: { ...names, stream: "shop/o'ther" } });
    await expect(unknown.claim()).rejects.toMatchObject({ code: 'BANYAN_STREAM_UNKNOWN' });
    await unknown.close();
    await unknown.close();
    const nowhere = new PostgresApplier({ url: 'postgres://nobody@127.0.0.1:1/none', service: 'shop', names });
    const failure: unknown = await nowhere.claim().catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'BANYAN_CONNECT' });
    expect(nowhere.isTransient(failure)).toBe(true);
    expect(nowhere.codeOf(failure)).toBe('unknown');
    expect(nowhere.codeOf(Object.assign(new Error('x'), { code: '23505' }))).toBe('23505');
  });

  it('never has two transactions in one session, however long the server takes to roll one back', async () => {
    const { database, applier, table } = await fixture();
    const item = table('item');
    await database.query("INSERT INTO public.item VALUES (1, 'a')");
    const user = await database.pool.connect();
    await user.query("BEGIN; UPDATE public.item SET v = 'user' WHERE id = 1");
    const first = await applier.begin({ beside: true });
    const second = await applier.begin({ beside: true });
    const waits = second.lock(item, ['1']);
    await until(async () => (await database.query("SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'banyan %' AND wait_event_type = 'Lock'")).length === 1);
    const rolledBack = second.rollback();
    await first.commit({ position: position(0x100), seen: position(0x101), committedAt: 0n });

    const third = await applier.begin({ beside: true });
    await third.write([write('insert', item, ['2'], ['2', 'mine', null])], undefined);
    const fourth = applier.begin({ beside: true }).then((transaction) => transaction.rollback());
    await Promise.race([fourth, database.query('SELECT pg_sleep(0.3)')]);
    await third.commit({ position: position(0x200), seen: position(0x201), committedAt: 0n });
    await user.query('COMMIT');
    user.release();
    await Promise.all([waits, rolledBack, fourth]);
    expect(await rows(database, 'SELECT v FROM public.item WHERE id = 2')).toEqual([['mine']]);
    expect(await rows(database, 'SELECT position FROM banyan.stream')).toEqual([['0/200']]);
    await applier.close();
  });

  it('gives way to a user whose transaction waits for it, if it is hurried, so that the server ends neither', async () => {
    const { database, applier, table } = await fixture();
    const item = table('item');
    await database.query("INSERT INTO public.item VALUES (1, 'a'), (2, 'b')");
    const user = await database.pool.connect();
    await user.query("BEGIN; UPDATE public.item SET v = 'user' WHERE id = 2");
    const transaction = await applier.begin({ hurried: true });
    expect(await transaction.lock(item, ['1'])).toBeDefined();
    const [{ pid } = {}] = (await user.query<{ pid: string }>('SELECT pg_backend_pid() AS pid')).rows;
    const wants = user.query("UPDATE public.item SET v = 'user' WHERE id = 1; COMMIT");
    await until(async () => (await database.query(`SELECT 1 FROM pg_stat_activity WHERE pid = ${pid} AND wait_event_type = 'Lock'`)).length === 1);
    const failure: unknown = await transaction.lock(item, ['2']).catch((error: unknown) => error);
    expect({ code: applier.codeOf(failure), contention: applier.isContention(failure), transient: applier.isTransient(failure) }).toEqual({ code: '55P03', contention: true, transient: true });
    await transaction.rollback();
    await wants;
    user.release();
    expect(await rows(database, 'SELECT id, v FROM public.item ORDER BY id')).toEqual([['1', 'user'], ['2', 'user']]);

    // Only for that transaction.
    const holder = await database.pool.connect();
    await holder.query("BEGIN; UPDATE public.item SET v = 'holder' WHERE id = 1");
    const patient = await applier.begin();
    const waits = patient.lock(item, ['1']);
    await until(async () => (await database.query("SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'banyan %' AND wait_event_type = 'Lock' AND clock_timestamp() - state_change > interval '500 ms'")).length === 1);
    await holder.query('COMMIT');
    holder.release();
    expect((await waits)?.row[1]).toBe('holder');
    await patient.rollback();
    await applier.close();
  });

  it('refuses to write into a table that was never described', async () => {
    const { applier, table } = await fixture();
    const transaction = await applier.begin();
    const strange = { ...table('item'), name: tableName('public', 'strange') };
    await expect(transaction.write([write('delete', strange, ['1'])], undefined)).rejects.toMatchObject({ code: 'BANYAN_INTERNAL' });
    expect(await transaction.write([], undefined)).toEqual([]);
    await transaction.rollback();
    await applier.close();
  });

  it('shuts out a worker whose stream another one has claimed', async () => {
    const { database, names, applier, table } = await fixture();
    const open = await applier.begin();
    const second = new PostgresApplier({ url: database.url, service: 'shop', names });
    // While the first one's session lives, its origin is taken: a reason to try again, not to give up.
    const early: unknown = await second.claim().catch((error: unknown) => error);
    expect(second.codeOf(early)).toBe('55006');
    expect(second.isTransient(early)).toBe(true);
    await database.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'banyan shop/x' AND datname = current_database()`);
    await until(async () => {
      try {
        return await second.claim();
      } catch (error) {
        if (!second.isTransient(error)) throw error;
        return undefined;
      }
    }, { what: 'the second worker has claimed the stream' });
    const lost: unknown = await open.write([write('delete', table('item'), ['1'])], undefined).catch((error: unknown) => error);
    expect(applier.isTransient(lost)).toBe(true);
    await inApply(second, 0x200, async () => {});
    await second.close();
    await until(async () => (await database.query(`SELECT 1 FROM pg_stat_activity WHERE application_name = 'banyan shop/x' AND datname = current_database()`)).length === 0);
    await expect(applier.begin()).rejects.toMatchObject({ code: 'BANYAN_STREAM_FENCED' });
    expect(await rows(database, 'SELECT position FROM banyan.stream')).toEqual([['0/200']]);
    await applier.close();
  });

  itSince(14)('lets transactions run beside each other, each with an origin of the stream, while a claim waits for them all', async () => {
    const { database, names, applier, table } = await fixture();
    const item = table('item');
    const first = await applier.begin({ beside: true });
    const second = await applier.begin({ beside: true });
    expect(await Promise.all([
      first.write([write('insert', item, ['1'], ['1', 'a', null])], undefined),
      second.write([write('insert', item, ['2'], ['2', 'b', null])], undefined),
    ])).toEqual([[], []]);
    const claims = new Pool({ connectionString: database.url, max: 1 });
    let claimed = false;
    const claim = claims.query("SELECT 1 FROM banyan.stream WHERE name = 'shop/x' FOR UPDATE").then(() => (claimed = true));
    await until(async () => (await database.query("SELECT 1 FROM pg_locks WHERE NOT granted AND locktype IN ('transactionid', 'tuple')")).length > 0);
    await first.commit({ position: position(0x100), seen: position(0x50), committedAt: 0n });
    expect(claimed).toBe(false);
    await second.commit({ position: position(0x110), seen: position(0x50), committedAt: 0n });
    await claim;
    await claims.end();
    expect(await rows(database, 'SELECT position FROM banyan.stream')).toEqual([['0/110']]);
    const origins = await rows(database, 'SELECT o.roname FROM public.item t, pg_xact_commit_timestamp_origin(t.xmin) c JOIN pg_replication_origin o ON o.roident = c.roident ORDER BY 1');
    expect(origins).toEqual([[names.origin], [`${names.origin}/1`]]);
    // Rows of either are the stream's own, whichever session writes them next.
    await inApply(applier, 0x120, async (transaction) => {
      expect(await transaction.write(['1', '2'].map((key) => write('update', item, [key], [key, 'c', null])), undefined)).toEqual([]);
    });
    // What is sent after the end must not be a transaction of its own.
    const over = await applier.begin({ beside: true });
    await over.rollback();
    const late: unknown = await over.write([write('delete', item, ['1'])], undefined).catch((error: unknown) => error);
    expect(applier.isTransient(late)).toBe(true);
    expect(await rows(database, 'SELECT count(*) FROM public.item')).toEqual([['2']]);
    // A worker that has lost its claim hears of it at the commit.
    await database.query("UPDATE banyan.stream SET token = token + 1 WHERE name = 'shop/x'");
    const fenced = await applier.begin({ beside: true });
    await fenced.write([write('delete', item, ['1'])], undefined);
    await expect(fenced.commit({ position: position(0x130), seen: position(0x50), committedAt: 0n })).rejects.toMatchObject({ code: 'BANYAN_STREAM_FENCED' });
    await fenced.rollback();
    expect(await rows(database, 'SELECT count(*) FROM public.item')).toEqual([['2']]);
    await applier.close();
  });

  it('tells by its checkpoint that a commit whose answer was lost took place', async () => {
    const database = await testDatabase({ schema: SCHEMA });
    const proxy = await TcpProxy.start(database.url);
    const applier = new PostgresApplier({ url: proxy.urlFor(database.url), service: 'shop', names: namesIn(database) });
    await applier.claim();
    const name = tableName('public', 'item');
    const item = (await applier.describe([name])).get(name)!;
    const transaction = await applier.begin();
    await transaction.write([write('insert', item, ['1'], ['1', 'a', null])], undefined);
    proxy.loseAnswerTo(/COMMIT/);
    const failure: unknown = await transaction.commit({ position: position(0x300), seen: position(1), committedAt: 0n }).catch((error: unknown) => error);
    expect(applier.isTransient(failure)).toBe(true);
    expect(proxy.lost).toBe(1);
    const again = await until(async () => {
      try {
        return await applier.begin();
      } catch (error) {
        if (!applier.isTransient(error)) throw error;
        return undefined;
      }
    }, { what: 'the lost session has let go of its origin' });
    expect(again.checkpoint?.position).toBe(0x300n);
    await again.rollback();
    expect(await rows(database, 'SELECT count(*) FROM public.item')).toEqual([['1']]);
    await applier.close();
    await proxy.close();
  });

  it('begins anew after a beginning that failed half way', async () => {
    const { database, applier } = await fixture();
    const blocker = await database.pool.connect();
    await blocker.query("BEGIN; SELECT 1 FROM banyan.stream WHERE name = 'shop/x' FOR UPDATE");
    const beginning = applier.begin().catch((error: unknown) => error);
    await until(async () => (await database.query(
      `SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'banyan shop/x' AND datname = current_database() AND wait_event_type = 'Lock'`)).length > 0);
    expect(applier.codeOf(await beginning)).toBe('57014');
    expect(applier.isTransient(await beginning)).toBe(true);
    await blocker.query('ROLLBACK');
    blocker.release();
    const transaction = await until(async () => {
      try {
        return await applier.begin();
      } catch (error) {
        if (!applier.isTransient(error)) throw error;
        return undefined;
      }
    });
    await transaction.rollback();
    await applier.close();
  });

  it('waits for durability even where the database is set not to', async () => {
    const { database, applier, table } = await fixture({
      before: `ALTER DATABASE $db SET synchronous_commit = off;
        CREATE FUNCTION public.note() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN NEW.v = current_setting('synchronous_commit'); RETURN NEW; END $f$;
        CREATE TRIGGER note BEFORE INSERT ON public.item FOR EACH ROW EXECUTE FUNCTION public.note();
        ALTER TABLE public.item ENABLE ALWAYS TRIGGER note`,
    });
    await inApply(applier, 0x100, async (transaction) => {
      await transaction.write([write('insert', table('item'), ['1'], ['1', 'a', null])], undefined);
    });
    expect(await rows(database, 'SELECT v FROM public.item')).toEqual([['on']]);
    await applier.close();
  });

  it('writes keys only, composite keys in their own order, identities, generated columns and odd names', async () => {
    const { database, applier, table } = await fixture();
    const [onlyKey, person, odd] = [table('only_key'), table('person'), table('odd')];
    expect(onlyKey.key.map((i) => onlyKey.columns[i])).toEqual(['b', 'a']);
    expect(person.columns).toEqual(['id', 'email', 'nick', 'realm', 'seq']);
    await inApply(applier, 0x100, async (transaction) => {
      const keys = [write('insert', onlyKey, ['1', 'x'], ['x', '1']), write('insert', onlyKey, ['2', 'y'], ['y', '2'])];
      expect(await transaction.write(keys, undefined)).toEqual([]);
      expect(await transaction.write(keys, undefined)).toEqual([]);
      expect(await transaction.write([write('update', onlyKey, ['1', 'x'], ['x', '1']), write('update', onlyKey, ['9', 'x'], ['x', '9'])], undefined)).toEqual([1]);
      expect(await transaction.write([write('insert', person, ['50'], ['50', 'e@x', null, null, '9'])], undefined)).toEqual([]);
      expect(await transaction.write([write('update', person, ['50'], ['50', 'f@x', UNCHANGED, UNCHANGED, '9'])], undefined)).toEqual([]);
      expect(await transaction.write([write('insert', odd, ['ab   '], ['ab   ', 'it\'s "so" \\ {,}'])], undefined)).toEqual([]);
      expect(await transaction.write([write('update', odd, ['ab   '], [UNCHANGED, 'x'])], undefined)).toEqual([]);
      await transaction.put(onlyKey, ['1', 'x'], ['x', '1']);
      await transaction.put(onlyKey, ['2', 'y'], [UNCHANGED, '2']);
      await transaction.put(person, ['50'], [UNCHANGED, 'g@x', UNCHANGED, UNCHANGED, UNCHANGED]);
    });
    expect(await rows(database, 'SELECT * FROM public.only_key ORDER BY 1')).toEqual([['x', '1'], ['y', '2']]);
    expect(await rows(database, 'SELECT id, email, twice, seq FROM public.person')).toEqual([['50', 'g@x', 'g@xg@x', '9']]);
    expect(await rows(database, 'SELECT * FROM public.odd')).toEqual([['ab   ', 'x']]);
    await applier.close();
  });

  it('finds key and unique columns without those an index only includes', async () => {
    const { database, applier, table } = await fixture();
    const covered = table('covered');
    expect(covered.key).toEqual([0]);
    await inApply(applier, 0x100, async (transaction) => {
      await transaction.write([write('insert', covered, ['1'], ['1', 'n', 'c']), write('insert', covered, ['1'], ['2', 'n', 'd'])], undefined);
      await transaction.put(covered, ['2'], ['2', 'm', 'd']);
      expect(await transaction.clashes(covered, ['9'], ['9', 'other', 'c'])).toEqual([['1']]);
    });
    expect(await rows(database, 'SELECT * FROM public.covered ORDER BY 1')).toEqual([['1', 'n', 'c'], ['2', 'm', 'd']]);
    await applier.close();
  });

  it('sets cells that a row leaves unchanged apart, and swaps deferred unique values', async () => {
    const { database, applier, table } = await fixture();
    const [item, swap] = [table('item'), table('swap')];
    await database.query(`INSERT INTO public.item VALUES (1, 'big', 1), (2, 'big', 2), (3, 'c', 3); INSERT INTO public.swap VALUES (1, 1), (2, 2)`);
    const horizon = await readHorizon(database.pool, 'shop');
    await inApply(applier, 0x100, async (transaction) => {
      const updates = [
        write('update', item, ['1'], ['1', UNCHANGED, '10']), write('update', item, ['3'], ['3', 'C', '30']),
        write('update', item, ['2'], ['2', UNCHANGED, '20']), write('update', item, ['4'], ['4', 'D', '40']),
        write('update', item, ['5'], ['5', UNCHANGED, '50']),
      ];
      expect((await transaction.write(updates, horizon)).toSorted((a, b) => a - b)).toEqual([3, 4]);
      expect(await transaction.write([write('update', swap, ['1'], ['1', '2']), write('update', swap, ['2'], ['2', '1'])], horizon)).toEqual([]);
    });
    expect(await rows(database, 'SELECT * FROM public.item ORDER BY id')).toEqual([['1', 'big', '10'], ['2', 'big', '20'], ['3', 'C', '30']]);
    expect(await rows(database, 'SELECT * FROM public.swap ORDER BY id')).toEqual([['1', '2'], ['2', '1']]);
    await applier.close();
  });

  it('changes a key in place, keeping what the log did not carry', async () => {
    const { database, applier, table } = await fixture();
    const [item, part] = [table('item'), table('part')];
    await database.query(`INSERT INTO public.item VALUES (1, 'big', 1); INSERT INTO public.part VALUES ('a', 1, 'big')`);
    await inApply(applier, 0x100, async (transaction) => {
      await transaction.put(item, ['1'], ['2', UNCHANGED, '5']);
      await transaction.put(item, ['7'], ['8', 'not there before', '5']);
      // Into another partition, whose columns lie in another order.
      await transaction.put(part, ['1', 'a'], ['b', '1', UNCHANGED]);
    });
    expect(await rows(database, 'SELECT * FROM public.item ORDER BY 1')).toEqual([['2', 'big', '5'], ['8', 'not there before', '5']]);
    expect(await rows(database, 'SELECT tableoid::regclass, region, id, v FROM public.part')).toEqual([['public.part_b', 'b', '1', 'big']]);
    await applier.close();
  });

  itSince(14)('locks a row and tells who wrote it last', async () => {
    const { database, applier, table } = await fixture();
    const item = table('item');
    await database.query(`INSERT INTO public.item VALUES (1, NULL, 1)`);
    const [local] = await database.query('SELECT xmin, (extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000000)::int8 AS at FROM public.item');
    await inApply(applier, 0x100, async (transaction) => {
      expect(await transaction.lock(item, ['2'])).toBeUndefined();
      expect(await transaction.lock(item, ['1'])).toEqual({
        row: ['1', null, '1'], xid: Number(local!['xmin']), committedAt: BigInt(local!['at']!), replayed: false, own: false,
      } satisfies LockedRow);
      await transaction.put(item, ['1'], ['1', 'mine', '2']);
      const own = await transaction.lock(item, ['1']);
      expect(own).toMatchObject({ row: ['1', 'mine', '2'], own: true, replayed: false });
      expect(own).not.toHaveProperty('committedAt');
    });
    await inApply(applier, 0x200, async (transaction) => {
      expect(await transaction.lock(item, ['1'])).toMatchObject({ own: false, replayed: true, committedAt: 1_577_836_800_123_456n });
      await transaction.remove(item, ['1']);
      expect(await transaction.lock(item, ['1'])).toBeUndefined();
    });
    await applier.close();
  });

  it('knows the rows that it wrote within a savepoint for its own, and gives up one savepoint for the next', async () => {
    const { database, applier, table } = await fixture();
    const item = table('item');
    await inApply(applier, 0x100, async (transaction) => {
      await transaction.put(item, ['0'], ['0', 'before', '0']);
      for (const key of ['1', '2', '3']) {
        await transaction.savepoint();
        await transaction.put(item, [key], [key, 'within', '0']);
        // A later transaction of another's, whose number lies between ours.
        await database.query(`INSERT INTO public.item VALUES (1${key}, 'theirs', 0)`);
      }
      await transaction.rollbackToSavepoint();
      for (const key of ['0', '1', '2']) expect(await transaction.lock(item, [key])).toMatchObject({ own: true });
      for (const key of ['11', '12', '13']) expect(await transaction.lock(item, [key])).toMatchObject({ own: false });
      expect(await transaction.lock(item, ['3'])).toBeUndefined();
    });
    await applier.close();
  });

  it('finds the rows that hold a unique value already', async () => {
    const { database, applier, table } = await fixture();
    const person = table('person');
    await database.query(`INSERT INTO public.person (id, email, nick, realm) OVERRIDING SYSTEM VALUE VALUES (1, 'e', 'n', 'r'), (2, 'f', 'n', 's'), (3, NULL, NULL, 's')`);
    await inApply(applier, 0x100, async (transaction) => {
      expect(await transaction.clashes(person, ['9'], ['9', 'e', 'n', 's', '1'])).toEqual([['1'], ['2']]);
      expect(await transaction.clashes(person, ['1'], ['1', 'e', 'n', 'r', '1'])).toEqual([]);
      expect(await transaction.clashes(person, ['9'], ['9', null, UNCHANGED, 's', '1'])).toEqual([]);
    });
    await applier.close();
  });

  it('finds the rows in the way of a partial index, of expressions, of computed columns, and of an exclusion', async () => {
    const { database, applier, names } = await fixture();
    await database.query(`
      CREATE EXTENSION IF NOT EXISTS btree_gist SCHEMA public; CREATE EXTENSION IF NOT EXISTS citext SCHEMA public;
      CREATE TABLE public."Odd ""user" (id int PRIMARY KEY, "E mail" text, gone bool NOT NULL DEFAULT false, nick public.citext UNIQUE,
        slug text GENERATED ALWAYS AS (lower("E mail")) STORED UNIQUE, during int4range, EXCLUDE USING gist (during WITH &&));
      CREATE UNIQUE INDEX ON public."Odd ""user" (substr("E mail", 1, 1), (id % 2)) WHERE NOT gone;
      INSERT INTO public."Odd ""user" (id, "E mail", gone, nick, during) VALUES (1, 'Ann', false, 'ann', '[1,5)'), (2, 'bob', true, 'b', NULL), (3, NULL, false, NULL, '[7,9)')`);
    await applier.close();
    const other = new PostgresApplier({ url: database.url, service: 'shop', names });
    await other.claim();
    const name = tableName('public', 'Odd "user');
    const odd = (await other.describe([name])).get(name)!;
    await inApply(other, 0x100, async (transaction) => {
      const clash = (key: string, row: readonly Cell[]) => transaction.clashes(odd, [key], row);
      expect(await clash('9', ['9', 'ANN', 'true', null, null])).toEqual([['1']]);
      expect(await clash('9', ['9', 'Abe', 'false', null, null])).toEqual([['1']]);
      expect(await clash('9', ['9', 'Abe', 'true', null, null])).toEqual([]);
      // What the row does not carry has its default where there is no row yet.
      expect(await clash('9', ['9', 'Abe', UNCHANGED, null, null])).toEqual([['1']]);
      expect(await clash('9', ['9', 'bert', 'false', null, null])).toEqual([]);
      expect(await clash('2', ['2', 'bob', 'false', 'ANN', null])).toEqual([['1']]);
      expect(await clash('2', ['2', UNCHANGED, 'true', UNCHANGED, '[4,8)'])).toEqual([['1'], ['3']]);
      expect(await clash('1', ['1', 'Ann', 'false', 'ann', '[1,6)'])).toEqual([]);
      expect(await clash('3', ['3', null, UNCHANGED, null, '[5,7)'])).toEqual([]);
    });
    await other.close();
  });

  itSince(15)('finds the row in the way where no value counts as one', async () => {
    const { database, applier, names } = await fixture();
    await database.query(`
      CREATE TABLE public.seat (id int PRIMARY KEY, place text, day int, UNIQUE NULLS NOT DISTINCT (place, day));
      INSERT INTO public.seat VALUES (1, NULL, 1), (2, 'a', NULL)`);
    await applier.close();
    const other = new PostgresApplier({ url: database.url, service: 'shop', names });
    await other.claim();
    const name = tableName('public', 'seat');
    const seat = (await other.describe([name])).get(name)!;
    await inApply(other, 0x100, async (transaction) => {
      expect(await transaction.clashes(seat, ['9'], ['9', null, '1'])).toEqual([['1']]);
      expect(await transaction.clashes(seat, ['9'], ['9', 'a', null])).toEqual([['2']]);
      expect(await transaction.clashes(seat, ['9'], ['9', null, null])).toEqual([]);
      expect(await transaction.clashes(seat, ['1'], ['1', null, '1'])).toEqual([]);
    });
    await other.close();
  });

  it('fails for what failed first, whoever is told first, and for nothing of it once that is undone', async () => {
    const database = await testDatabase({ schema: SCHEMA, max: 8 });
    const applier = new PostgresApplier({ url: database.url, service: 'shop', names: namesIn(database), copyFrom: 2 });
    await applier.claim();
    const tables = await applier.describe(TABLES.map((name) => tableName('public', name)));
    const [item, person] = ['item', 'person'].map((name) => tables.get(tableName('public', name))!);
    await database.query("INSERT INTO public.person (id, email) OVERRIDING SYSTEM VALUE VALUES (1, 'a'), (2, 'b'); INSERT INTO public.item VALUES (1, 'a')");
    const clash = [write('update', person!, ['2'], ['2', 'a', null, null, '2'])];
    const copied = ['3', '4'].map((id) => write('insert', person!, [id], [id, 'a', null, null, id]));
    const after = [write('delete', item!, ['1'])];
    const seen = { xid: 2_000_000_000, position: position(0x40) };
    const codes = async (transaction: ApplyTransaction, all: readonly (readonly Write[])[]): Promise<readonly string[]> =>
      (await Promise.allSettled([...all.map((writes) => transaction.write(writes, seen)), transaction.lock(item!, ['1'])]))
        .map((each) => (each.status === 'rejected' ? applier.codeOf(each.reason) : 'none'));

    const alone = await applier.begin();
    await alone.savepoint();
    expect(await codes(alone, [clash, after])).toEqual(['23505', '23505', '23505']);
    await alone.rollbackToSavepoint();
    expect(await codes(alone, [after])).toEqual(['none', 'none']);
    await alone.rollback();

    const user = await database.pool.connect();
    await user.query("BEGIN; UPDATE public.person SET nick = 'user' WHERE id = 2");
    const hurried = await applier.begin({ hurried: true });
    expect(await codes(hurried, [clash, after])).toEqual(['55P03', '55P03', '55P03']);
    await hurried.rollback();
    await user.query('ROLLBACK');
    user.release();

    // It is not the copy's fault that the transaction had failed before.
    const beside = await applier.begin({ beside: true });
    expect(await codes(beside, [clash, copied])).toEqual(['23505', '23505', '23505']);
    await beside.rollback();
    const copying = await applier.begin({ beside: true });
    expect(await codes(copying, [copied, after])).toEqual(['23505', '23505', '23505']);
    await copying.rollback();
    await applier.close();
  });

  it('recalls a change by the key that its table has by now', async () => {
    const { applier, table } = await fixture();
    const item = table('item');
    const byValue = { ...item, key: [item.columns.indexOf('v')] };
    const aside = { as: 'change', code: 'held', reason: 'r', claims: { owns: [], refers: [] }, bases: new Map() } as const;
    await inApply(applier, 0x100, async (transaction) => {
      await transaction.quarantine({ write: write('insert', item, ['1'], ['1', 'one', null]), ...aside });
      await transaction.quarantine({ write: { ...write('update', item, ['2'], ['2', 'new', null]), old: ['2', 'old', null] }, ...aside });
    });
    const ids = (await applier.quarantined()).map(({ id }) => id);
    await inApply(applier, 0x110, async (transaction) => {
      expect((await transaction.recall(ids, () => byValue)).map((recalled) => recalled.write.key)).toEqual([['one'], ['old']]);
      expect((await transaction.recall(ids, () => item)).map((recalled) => recalled.write.key)).toEqual([['1'], ['2']]);
    });
    await applier.close();
  });

  it('names a row by its former key where nothing tells the one that its table has by now, and finds the rows that hold it', async () => {
    const { applier, table } = await fixture();
    const item = table('item');
    const byValue = { ...item, key: [item.columns.indexOf('v')] };
    const aside = { code: 'held', reason: 'r', claims: { owns: [], refers: [] }, bases: new Map() } as const;
    await inApply(applier, 0x100, async (transaction) => {
      await transaction.write([write('insert', item, ['1'], ['1', 'one', null]), write('insert', item, ['2'], ['2', 'two', null])], undefined);
      await transaction.quarantine({ write: write('update', item, ['1']), as: 'requested', ...aside });
      await transaction.quarantine({ write: write('delete', item, ['2']), as: 'change', ...aside });
    });
    const ids = (await applier.quarantined()).map(({ id }) => id);
    await inApply(applier, 0x110, async (transaction) => {
      const [requested, gone] = await transaction.recall(ids, () => byValue);
      expect(requested?.write).toMatchObject({ key: [], former: { id: '1' } });
      expect(gone?.write).toMatchObject({ key: [], former: { id: '2' }, fault: { code: 'BANYAN_NO_KEY' } });
      expect(await transaction.keysBy(item, [UNCHANGED, 'one', UNCHANGED])).toEqual([['1']]);
      expect(await transaction.keysBy(item, [UNCHANGED, UNCHANGED, null])).toEqual([['1'], ['2']]);
      expect(await transaction.keysBy(item, ['3', UNCHANGED, UNCHANGED])).toEqual([]);
      // Put there once more as it was recalled, it still says the same.
      if (requested) await transaction.quarantine({ write: requested.write, as: 'requested', ...aside });
    });
    const again = (await applier.quarantined()).at(-1)?.id ?? '';
    await inApply(applier, 0x120, async (transaction) => {
      expect((await transaction.recall([again], () => item))[0]?.write).toMatchObject({ key: ['1'] });
    });
    await applier.close();
  });

  it('truncates, records conflicts and sets changes aside, or none of it after a savepoint', async () => {
    const { database, applier, table, names } = await fixture();
    const item = table('item');
    await database.query(`INSERT INTO public.item VALUES (1, 'a', 1)`);
    const conflict = {
      service: 'shop', table: item.name, key: { id: '1' }, type: 'update-update', monolith: { id: '1', v: 'é"' }, serviceRow: null,
      winner: 'monolith', strategy: 's',
    } as const;
    const aside = { as: 'change', claims: { owns: [], refers: [] }, bases: new Map() } as const;
    await inApply(applier, 0x100, async (transaction) => {
      await transaction.savepoint();
      await transaction.truncate([item], { restartIdentity: false });
      await transaction.quarantine({ write: write('delete', item, ['3']), code: 'c', reason: 'r', ...aside });
      await transaction.rollbackToSavepoint();
      await transaction.recordConflict(conflict, undefined);
      await transaction.recordConflict({ ...conflict, reason: 'why' }, { table: item.name, key: { id: '1' }, row: { id: '1', v: null }, standing: { winner: 'monolith', committedAt: 7n } });
      await transaction.recordConflict(conflict, { table: item.name, key: { id: '1' }, row: null, standing: { winner: 'service', committedAt: 8n } });
      await transaction.quarantine({ write: write('update', item, ['1'], ['1', UNCHANGED, null]), code: '23514', reason: 'check', as: 'change', claims: { owns: ['public.item 1'], refers: ['x'] }, bases: new Map([['public.item 1', { xid: 7, rival: { deleted: true, committedAt: 9_007_199_254_740_993n, side: 'service' } }]]) });
      await transaction.quarantine({ write: write('delete', item, ['2']), code: 'held', reason: 'r', ...aside });
      await transaction.quarantine({
        write: { ...write('update', item, ['2'], ['4', UNCHANGED, null]), newKeyText: 'public.item 4' }, code: 'held', reason: 'r', ...aside,
      });
    });
    expect(await rows(database, 'SELECT count(*) FROM public.item')).toEqual([['1']]);
    expect(await rows(database, 'SELECT monolith, service_row, reason, decided, decision FROM banyan.conflict ORDER BY id')).toEqual([
      ['{"id":"1","v":"é\\""}', null, null, 'f', null],
      ['{"id":"1","v":"é\\""}', null, 'why', 't', '{"id":"1","v":null}'],
      ['{"id":"1","v":"é\\""}', null, null, 't', null],
    ]);
    expect(await rows(database, 'SELECT stream, key, kind, row, position, committed_at, code FROM banyan.quarantine ORDER BY id')).toEqual([
      [names.stream, '{"id":"1"}', 'update', '{"id":"1","n":null}', '0/100', '1577836800123456', '23514'],
      [names.stream, '{"id":"2"}', 'delete', null, '0/100', '1577836800123456', 'held'],
      [names.stream, '{"id":"2"}', 'update', '{"id":"4","n":null}', '0/100', '1577836800123456', 'held'],
    ]);
    // A row that was to get another key is held under both.
    const entries = await applier.quarantined();
    expect(entries.map(({ code, kind, claims }) => [code, kind, claims])).toEqual([
      ['23514', 'update', { owns: ['public.item 1', 'public.item 1'], refers: ['x'] }],
      ['held', 'delete', { owns: ['public.item 2'], refers: [] }],
      ['held', 'update', { owns: ['public.item 2', 'public.item 4'], refers: [] }],
    ]);
    const [first, second, third] = entries.map(({ id }) => id) as [string, string, string];
    expect(await applier.isAsked()).toBe(false);
    await database.query("UPDATE banyan.quarantine SET asked = 'retry' WHERE id = $1", [first]);
    expect(await applier.isAsked()).toBe(true);
    await inApply(applier, 0x110, async (transaction) => {
      const [recalled] = await transaction.recall([first], () => item);
      const { write: whole, as } = recalled!;
      expect([as, whole]).toEqual([
        'change',
        {
          ...write('update', item, ['1'], ['1', UNCHANGED, null]),
          bases: new Map([['public.item 1', { xid: 7, rival: { deleted: true, committedAt: 9_007_199_254_740_993n, side: 'service' } }]]),
        },
      ]);
      await transaction.answer([first], { state: 'held', code: '23505', reason: 'again' });
      await transaction.answer([second], { state: 'applied' });
      await transaction.answer([third], { state: 'held', reason: 'it waits' });
      await transaction.storeDeletes(new Map([['public.item 4', { position: 0x90n as Position, committedAt: 9_007_199_254_740_993n }]]));
    });
    expect((await applier.quarantined()).map(({ id, deleted }) => [id, [...(deleted ?? [])]])).toEqual([
      [first, []], [third, [['public.item 4', { position: 0x90n, committedAt: 9_007_199_254_740_993n }]]],
    ]);
    expect(await rows(database, 'SELECT state, code, reason, answer, asked FROM banyan.quarantine ORDER BY id')).toEqual([
      ['held', '23505', 'again', 'again', null], ['applied', 'held', 'r', null, null], ['held', 'held', 'r', 'it waits', null],
    ]);
    await inApply(applier, 0x200, async (transaction) => {
      await transaction.truncate([item, table('person')], { restartIdentity: true });
      await transaction.overtake([item.name]);
    });
    expect(await applier.quarantined()).toEqual([]);
    expect(await rows(database, 'SELECT count(*) FROM public.item')).toEqual([['0']]);
    await applier.close();
  });
});

/** Where a guard is tried: the table, a row of it by key and value, and SQL by which a local writer changes it. */
const GUARDED = [
  { name: 'item', key: ['1'], row: (v: string): Cell[] => ['1', v, '0'], insert: `INSERT INTO public.item VALUES (1, 'local', 0)`, update: `UPDATE public.item SET v = 'newer'` },
  { name: 'part', key: ['1', 'a'], row: (v: string): Cell[] => ['a', '1', v], insert: `INSERT INTO public.part VALUES ('a', 1, 'local')`, update: `UPDATE public.part SET v = 'newer'` },
  { name: 'part', key: ['1', 'b'], row: (v: string): Cell[] => ['b', '1', v], insert: `INSERT INTO public.part VALUES ('b', 1, 'local')`, update: `UPDATE public.part SET v = 'newer'` },
] as const;

describePostgres('the guard of set-based writes', () => {
  const values = (database: TestDatabase, name: string): Promise<(string | null)[][]> => rows(database, `SELECT v FROM public.${name}`);

  // Version 13 does not tell a row's origin; each row goes the careful way there.
  itSince(14).each(GUARDED)('leaves a local row of $name $key that is not older than the horizon, and writes what is', async ({ name, key, row, insert, update }) => {
    const { database, applier, table } = await fixture();
    const target = table(name);
    await database.query(insert);
    const older = await readHorizon(database.pool, 'shop');
    await database.query(update);
    const newer = await readHorizon(database.pool, 'shop');
    expect(newer.position).toBeGreaterThanOrEqual(older.position);
    const attempt = (kind: Write['kind'], horizon: Horizon | undefined): Promise<number[]> =>
      inApply(applier, 0x100, (transaction) => transaction.write([write(kind, target, key, kind === 'delete' ? undefined : row(kind))], horizon));
    for (const horizon of [undefined, older]) {
      for (const kind of ['insert', 'update', 'delete'] as const) expect(await attempt(kind, horizon)).toEqual([0]);
    }
    expect(await values(database, name)).toEqual([['newer']]);
    expect(await attempt('update', newer)).toEqual([]);
    expect(await values(database, name)).toEqual([['update']]);
    // From here on the stream itself is the last writer, whatever the horizon.
    expect(await attempt('insert', undefined)).toEqual([]);
    expect(await values(database, name)).toEqual([['insert']]);
    expect(await attempt('delete', undefined)).toEqual([]);
    expect(await values(database, name)).toEqual([]);
    await applier.close();
  });

  itSince(14).each([
    { name: 'item', keys: [['1'], ['2'], ['3'], ['4']], row: ([id]: readonly string[]): Cell[] => [id!, 'v', '0'] },
    { name: 'part', keys: [['1', 'a'], ['1', 'b'], ['2', 'a'], ['2', 'b']], row: ([id, region]: readonly string[]): Cell[] => [region!, id!, 'v'] },
  ])('empties $name but for what the horizon spares and the rows that are to stay, or as a whole', async ({ name, keys, row }) => {
    const { database, applier, table } = await fixture();
    const target = table(name);
    const [first, second, older, newer] = keys as [string[], string[], string[], string[]];
    const insert = ([id, region]: readonly string[]): string =>
      region === undefined ? `INSERT INTO public.item VALUES (${id}, 'local', 0)` : `INSERT INTO public.part VALUES ('${region}', ${id}, 'local')`;
    await inApply(applier, 0x100, (transaction) => transaction.write([first, second].map((key) => write('insert', target, key, row(key))), undefined));
    await database.query(insert(older));
    const horizon = await readHorizon(database.pool, 'shop');
    await database.query(insert(newer));
    const truncate = (at: number, sparing: Sparing): Promise<readonly RowKeys[]> =>
      inApply(applier, at, (transaction) => transaction.truncate([target], { restartIdentity: false, sparing }));
    expect(await truncate(0x200, { horizon, rows: [{ table: target, keys: [second] }] })).toEqual([{ table: target, keys: [newer] }]);
    const left = (await rows(database, `SELECT ${target.columns.join(', ')} FROM public.${name}`)).map((cells) => target.key.map((i) => cells[i]!));
    expect(left).toHaveLength(2);
    expect(left).toEqual(expect.arrayContaining([second, newer]));
    const later = await readHorizon(database.pool, 'shop');
    expect(await truncate(0x300, { horizon: later, rows: [] })).toEqual([]);
    expect(await rows(database, `SELECT FROM public.${name}`)).toEqual([]);
    await applier.close();
  });

  itSince(14).each(GUARDED.flatMap((each) => (['insert', 'update', 'delete'] as const).map((kind) => ({ ...each, kind }))))(
    'looks again at $name $key when it waited for a local writer to $kind', async ({ name, key, row, insert, update, kind }) => {
      const { database, applier, table } = await fixture();
      await database.query(insert);
      const horizon = await readHorizon(database.pool, 'shop');
      const local = await database.pool.connect();
      await local.query(`BEGIN; ${update}`);
      const transaction = await applier.begin();
      const writing = transaction.write([write(kind, table(name), key, kind === 'delete' ? undefined : row('applied'))], horizon);
      await until(async () => (await database.query(
        `SELECT 1 FROM pg_stat_activity WHERE application_name = 'banyan shop/x' AND datname = current_database() AND wait_event_type = 'Lock'`)).length > 0,
        { what: 'the apply waits for the local writer' });
      await local.query('COMMIT');
      local.release();
      expect(await writing).toEqual([0]);
      await transaction.commit({ position: position(0x100), seen: position(1), committedAt: 0n });
      expect(await values(database, name)).toEqual([['newer']]);
      await applier.close();
    });

  itSince(14)('finds no row to update or delete after it waited for a local writer to delete it, and inserts', async () => {
    for (const kind of ['insert', 'update', 'delete'] as const) {
      const { database, applier, table } = await fixture();
      await database.query(GUARDED[0].insert);
      const horizon = await readHorizon(database.pool, 'shop');
      const local = await database.pool.connect();
      await local.query('BEGIN; DELETE FROM public.item');
      const transaction = await applier.begin();
      const writing = transaction.write([write(kind, table('item'), ['1'], kind === 'delete' ? undefined : ['1', 'applied', '0'])], horizon);
      await until(async () => (await database.query(
        `SELECT 1 FROM pg_stat_activity WHERE application_name = 'banyan shop/x' AND datname = current_database() AND wait_event_type = 'Lock'`)).length > 0);
      await local.query('COMMIT');
      local.release();
      expect(await writing).toEqual(kind === 'insert' ? [] : [0]);
      await transaction.rollback();
      await applier.close();
    }
  });

  it('copies new rows in where it runs beside others, and writes over none', async () => {
    const database = await testDatabase({ schema: SCHEMA, max: 8 });
    const applier = new PostgresApplier({ url: database.url, service: 'shop', names: namesIn(database), copyFrom: 2 });
    await applier.claim();
    const tables = await applier.describe(TABLES.map((name) => tableName('public', name)));
    const [item, person] = ['item', 'person'].map((name) => tables.get(tableName('public', name))!);
    const statements = async (): Promise<string[]> => (await rows(database, `SELECT query FROM pg_stat_activity WHERE application_name = 'banyan shop/x' AND datname = current_database()`)).map(([query]) => query ?? '');
    const beside = async (writes: readonly Write[]): Promise<{ readonly missed: readonly number[]; readonly copied: boolean } | { readonly refused: string }> => {
      const transaction = await applier.begin({ beside: true });
      try {
        const missed = await transaction.write(writes, undefined);
        const copied = (await statements()).some((query) => query.startsWith('COPY'));
        await transaction.commit({ position: position(0x100), seen: position(1), committedAt: 0n });
        return { missed, copied };
      } catch (error) {
        await transaction.rollback();
        return { refused: error instanceof Error && 'code' in error ? String(error.code) : String(error) };
      }
    };
    const inserts = (...rows: readonly (readonly Cell[])[]): Write[] => rows.map((row) => write('insert', item!, [String(row[0])], row));
    const odd = 'tab\there, a \\N, line\nbreak\r, \b\f\v é🐘 \\. "{}",\'';
    expect(await beside(inserts(['1', odd, null], ['2', '', '3'], ['3', '\\.', '-1']))).toEqual({ missed: [], copied: true });
    expect(await rows(database, 'SELECT * FROM public.item ORDER BY id')).toEqual([['1', odd, null], ['2', '', '3'], ['3', '\\.', '-1']]);
    // An identity column gets the value that it had.
    expect(await beside([write('insert', person!, ['5'], ['5', 'a', null, null, '70']), write('insert', person!, ['6'], ['6', 'b', null, null, '71'])])).toEqual({ missed: [], copied: true });
    expect(await rows(database, 'SELECT id, twice, seq FROM public.person ORDER BY id')).toEqual([['5', 'aa', '70'], ['6', 'bb', '71']]);
    // A cell that nothing is known of is no value that could be copied.
    expect(await beside(inserts(['8', 'x', UNCHANGED], ['9', 'y', UNCHANGED]))).toEqual({ missed: [], copied: false });
    expect(await rows(database, 'SELECT n FROM public.item WHERE id > 7')).toEqual([['7'], ['7']]);

    await database.query(`INSERT INTO public.item VALUES (20, 'local', 1)`);
    expect(await beside(inserts(['20', 'x', '1'], ['21', 'x', '1']))).toEqual({ refused: '23505' });
    expect(await rows(database, 'SELECT v FROM public.item WHERE id IN (20, 21)')).toEqual([['local']]);
    // It does not fail twice for the same: the next writes go the sure way, which tells what missed.
    expect(await beside(inserts(['20', 'x', '1'], ['21', 'x', '1']))).toEqual({ missed: [0], copied: false });
    expect(await rows(database, 'SELECT id, v FROM public.item WHERE id IN (20, 21) ORDER BY id')).toEqual([['20', 'local'], ['21', 'x']]);
    // Another table has done nothing wrong.
    expect(await beside([write('insert', person!, ['7'], ['7', 'c', null, null, '72']), write('insert', person!, ['8'], ['8', 'd', null, null, '73'])])).toEqual({ missed: [], copied: true });
    await applier.close();
  });

  it('does not take a row that a trigger kept out for one that was copied', async () => {
    const database = await testDatabase({ schema: SCHEMA, max: 8 });
    await database.query(`CREATE FUNCTION public.skip() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.id = 2 THEN RETURN NULL; END IF; RETURN NEW; END $$;
      CREATE TRIGGER skip BEFORE INSERT ON public.item FOR EACH ROW EXECUTE FUNCTION public.skip(); ALTER TABLE public.item ENABLE ALWAYS TRIGGER skip`);
    const applier = new PostgresApplier({ url: database.url, service: 'shop', names: namesIn(database), copyFrom: 2 });
    await applier.claim();
    const item = (await applier.describe([tableName('public', 'item')])).get(tableName('public', 'item'))!;
    const writes = ['1', '2', '3'].map((id) => write('insert', item, [id], [id, 'v', null]));
    const first = await applier.begin({ beside: true });
    await expect(first.write(writes, undefined)).rejects.toThrow('1 rows were not copied into public.item');
    await first.rollback();
    const second = await applier.begin({ beside: true });
    expect(await second.write(writes, undefined)).toEqual([1]);
    await second.rollback();
    await applier.close();
  });
});

describePostgres('columnLiteral', () => {
  it('is read by the server as the values it was made of', async () => {
    const database = await testDatabase();
    const values = ['', 'NULL', 'null', null, ' a ', '"', '\\', '\\"', '{}', ',', "'", 'a\nb', 'é🐘'];
    const read = await database.query('SELECT u FROM unnest($1::text[]) WITH ORDINALITY AS x(u, o) ORDER BY o', [columnLiteral(values.map((value) => [value]), 0)]);
    expect(read.map((row) => row['u'])).toEqual(values);
    expect(columnLiteral([], 0)).toBe('{}');
  });
});

