import { expect, it } from 'vitest';
import { parseTableName } from '../../src/model/names.ts';
import type { TableMapping } from '../../src/model/table-mapping.ts';
import { sqlState } from '../../src/postgres/transient.ts';
import { describePostgres, itSince, serverMajor, type TestDatabase } from '../support/postgres.ts';
import { setUp, type RunningSync } from '../support/sync-engine.ts';
import { syncPair, type SyncPair } from '../support/sync-pair.ts';

const table = parseTableName;

const same = (...names: string[]) => names.map((name) => ({ monolith: name, service: name }));

async function rows(database: TestDatabase, sql: string): Promise<(string | null)[][]> {
  return (await database.query(sql)).map((row) => Object.values(row));
}

/** What the monolith settled on the way has to come back. */
async function settled(running: RunningSync): Promise<void> {
  for (let round = 0; round < 3; round++) await running.caughtUp();
}

/** An application gives up a write that is a duplicate, or that the server ended for a deadlock. */
async function unlessRefused(writing: Promise<unknown>): Promise<void> {
  try {
    await writing;
  } catch (error) {
    if (!['23505', '40P01'].includes(sqlState(error) ?? '')) throw error;
  }
}

async function quarantine(pair: SyncPair): Promise<(string | null)[][]> {
  const sql = 'SELECT table_name, key, kind, code FROM banyan.quarantine ORDER BY id';
  return [...(await rows(pair.monolith, sql)), ...(await rows(pair.service, sql))];
}

const PEOPLE: TableMapping = {
  monolith: table('users'), service: table('crm.people'),
  columns: [
    { monolith: 'id', service: 'ref' }, { monolith: 'email', service: 'id' }, { monolith: 'bio', service: 'note' },
    { monolith: 'state', service: 'status', values: new Map([['A', 'active'], ['I', "it's idle"]]) }, { monolith: 'visits', service: 'visits', type: 'bigint' },
  ],
};

const USERS = `CREATE TABLE users (
  secret text NOT NULL DEFAULT 'untold', id int PRIMARY KEY, email text UNIQUE, bio text, state char(1), visits int DEFAULT 0)`;
const CRM = `CREATE SCHEMA crm; CREATE TABLE crm.people (
  note text, status text, id text UNIQUE, visits bigint, ref int PRIMARY KEY, mark text DEFAULT 'ours', loud text GENERATED ALWAYS AS (upper(id)) STORED)`;

const LONG = "(SELECT string_agg(md5(i::text), '') FROM generate_series(1, 400) AS i)";

const inMonolith = (pair: SyncPair) => rows(pair.monolith, 'SELECT id, email, md5(bio), state, visits FROM public.users ORDER BY id');
const inService = (pair: SyncPair) =>
  rows(pair.service, "SELECT ref, id, md5(note), CASE status WHEN 'active' THEN 'A' WHEN 'it''s idle' THEN 'I' END, visits FROM crm.people ORDER BY ref");

describePostgres('a table with other names, fewer columns and other values', () => {
  const people = (rowsSql?: string) =>
    syncPair({ schema: USERS, serviceSchema: CRM, tables: [], mappings: [PEOPLE], ...(rowsSql === undefined ? {} : { rows: rowsSql }) });

  it('is copied and kept equal both ways; what one side alone has stays as it is', async () => {
    const pair = await people(`INSERT INTO users VALUES ('s1', 1, 'one', ${LONG}, 'A', 0), ('s2', 2, E'tab\\there', NULL, 'I', 5), ('s3', 3, NULL, '\\N', NULL, 0)`);
    expect(pair.copied).toBe(3);
    expect(await inService(pair)).toEqual(await inMonolith(pair));
    const running = pair.run();
    await pair.monolith.query("UPDATE public.users SET visits = 9 WHERE id = 1; UPDATE public.users SET state = 'I', secret = 'changed' WHERE id = 1; INSERT INTO public.users (id, email, state) VALUES (4, 'four', 'A')");
    await pair.service.query("UPDATE crm.people SET status = 'active', mark = 'kept' WHERE ref = 2; INSERT INTO crm.people (ref, id, status) VALUES (5, 'five', 'active'); DELETE FROM crm.people WHERE ref = 3");
    await settled(running);
    // A key that changes, and values that the change does not carry.
    await pair.service.query('UPDATE crm.people SET ref = 11 WHERE ref = 1');
    await pair.monolith.query('UPDATE public.users SET id = 12 WHERE id = 2');
    await settled(running);
    await running.stop();
    expect(await quarantine(pair)).toEqual([]);
    expect(await inService(pair)).toEqual(await inMonolith(pair));
    expect(await rows(pair.monolith, 'SELECT id, secret, state FROM public.users ORDER BY id')).toEqual([['4', 'untold', 'A'], ['5', 'untold', 'A'], ['11', 'changed', 'I'], ['12', 's2', 'A']]);
    expect(await rows(pair.service, 'SELECT ref, mark, loud FROM crm.people ORDER BY ref')).toEqual([['4', 'ours', 'FOUR'], ['5', 'ours', 'FIVE'], ['11', 'ours', 'ONE'], ['12', 'kept', 'TAB\tHERE']]);
  });

  it('has its conflicts told and settled in the monolith\'s words', async () => {
    const pair = await people("INSERT INTO users VALUES ('s1', 1, 'one', 'b', 'A'), ('s2', 2, 'two', 'b', 'A'), ('s3', 3, 'three', 'b', 'A')");
    await pair.monolith.query("UPDATE public.users SET email = 'by monolith' WHERE id = 1; UPDATE public.users SET email = 'clash' WHERE id = 2; DELETE FROM public.users WHERE id = 3");
    await pair.service.query("UPDATE crm.people SET id = 'by service' WHERE ref = 1; INSERT INTO crm.people (ref, id, status) VALUES (7, 'clash', 'it''s idle'); UPDATE crm.people SET note = 'late' WHERE ref = 3");
    const running = pair.run();
    await settled(running);
    await running.stop();
    expect(await quarantine(pair)).toEqual([]);
    expect(await inService(pair)).toEqual(await inMonolith(pair));
    const conflicts = await rows(pair.monolith, "SELECT table_name, key, type FROM banyan.conflict WHERE strategy <> 'sent-again' ORDER BY key, type");
    expect(conflicts).toEqual([
      ['public.users', '{"id":"1"}', 'update-update'], ['public.users', expect.stringMatching(/^\{"id":"[27]"\}$/), 'unique-key'], ['public.users', '{"id":"3"}', 'delete-update'],
    ]);
  });

  it('sends a value that is not listed to quarantine, and nothing else', async () => {
    const pair = await people("INSERT INTO users VALUES ('s1', 1, 'one', 'b', 'A'), ('s2', 2, 'two', 'b', 'A')");
    const running = pair.run();
    await pair.monolith.query("UPDATE public.users SET state = 'X' WHERE id = 1; UPDATE public.users SET visits = 3 WHERE id = 1; UPDATE public.users SET visits = 4 WHERE id = 2");
    await pair.service.query("INSERT INTO crm.people (ref, status) VALUES (8, 'unheard of'), (9, 'active'); UPDATE crm.people SET note = 'x' WHERE ref = 8");
    await settled(running);
    await running.stop();
    expect(await quarantine(pair)).toEqual([
      ['crm.people', '{"ref":"8"}', 'insert', 'BANYAN_TRANSFORM'], ['crm.people', '{"ref":"8"}', 'update', 'held'],
      ['public.users', '{"id":"1"}', 'update', 'BANYAN_TRANSFORM'], ['public.users', '{"id":"1"}', 'update', 'held'],
    ]);
    expect(await rows(pair.service, 'SELECT ref, visits FROM crm.people WHERE ref IN (2, 9) ORDER BY ref')).toEqual([['2', '4'], ['9', null]]);
    expect(await rows(pair.monolith, 'SELECT id FROM public.users ORDER BY id')).toEqual([['1'], ['2'], ['9']]);
  });

  it('stays equal under writers on both sides', async () => {
    const pair = await people('INSERT INTO users (id, email, state) SELECT n, n, \'A\' FROM generate_series(1, 20) n');
    const running = pair.run();
    const write = async (side: TestDatabase, sql: (n: number) => string): Promise<void> => {
      for (let n = 0; n < 150; n++) await unlessRefused(side.query(sql(n)));
    };
    await Promise.all([0, 1].flatMap((writer) => [
      write(pair.monolith, (n) => [
        `UPDATE public.users SET visits = ${n}, state = 'I' WHERE id = ${((n * 7 + writer) % 20) + 1}`,
        `DELETE FROM public.users WHERE id = ${((n * 3 + writer) % 20) + 1}`,
        `INSERT INTO public.users (id, email, bio, state) VALUES (${((n * 3 + writer) % 20) + 1}, 'm${n % 30}', ${LONG}, 'A')`,
      ][n % 3] ?? ''),
      write(pair.service, (n) => [
        `UPDATE crm.people SET id = 's${n}' WHERE ref = ${((n * 5 + writer) % 20) + 1}`,
        `UPDATE crm.people SET status = 'active', note = 'n${n}' WHERE ref = ${((n * 11 + writer) % 20) + 1}`,
        `INSERT INTO crm.people (ref, id, status) VALUES (${((n * 3 + writer) % 25) + 1}, 'm${n % 30}', 'active')`,
      ][n % 3] ?? ''),
    ]));
    await settled(running);
    await running.stop();
    const held = new Set((await quarantine(pair)).map(([, key]) => /\d+/.exec(key ?? '')?.[0]));
    const free = (all: (string | null)[][]) => all.filter(([id]) => !held.has(id ?? ''));
    expect(held.size).toBeLessThan(5);
    expect(free(await inService(pair))).toEqual(free(await inMonolith(pair)));
  });
});

describePostgres('a user\'s functions', () => {
  it('are given whole rows, large values included, and a failing one stops its own row only', async () => {
    const mapping: TableMapping = {
      monolith: table('users'), service: table('people'), columns: same('id', 'bio'),
      functions: {
        reads: ['id', 'bio', 'first', 'last'],
        toService: ({ first, last }) => {
          if (first === 'bad') throw new Error('bad name');
          return { name: `${first} ${last}` };
        },
        toMonolith: ({ name }) => ({ first: name?.split(' ')[0] ?? null, last: name?.split(' ').slice(1).join(' ') ?? null }),
      },
    };
    const full = 'REPLICA IDENTITY FULL';
    const pair = await syncPair({
      schema: `CREATE TABLE users (id int PRIMARY KEY, first text, last text, bio text); ALTER TABLE users ${full}; ALTER TABLE users ALTER last SET STORAGE EXTERNAL`,
      serviceSchema: `CREATE TABLE people (id int PRIMARY KEY, name text NOT NULL, bio text, since text DEFAULT 'now'); ALTER TABLE people ${full}`,
      tables: [], mappings: [mapping], rows: `INSERT INTO users VALUES (1, 'Ada', ${LONG}, ${LONG}), (2, 'Bob', E'B\\nC', NULL)`,
    });
    // Before 16 a copy has no word for a column's default.
    const since = serverMajor() >= 16 ? 'now' : null;
    expect(await rows(pair.service, 'SELECT id, left(name, 5), since FROM public.people ORDER BY id')).toEqual([['1', 'Ada c', since], ['2', 'Bob B', since]]);
    const running = pair.run();
    await pair.monolith.query("UPDATE public.users SET first = 'Eve' WHERE id = 1; UPDATE public.users SET first = 'bad' WHERE id = 2; INSERT INTO public.users VALUES (3, 'Carl', 'Dean')");
    await settled(running);
    await pair.service.query("UPDATE public.people SET bio = 'short' WHERE id = 1; INSERT INTO public.people VALUES (4, 'Dora M', 'x'); DELETE FROM public.people WHERE id = 3");
    await settled(running);
    await running.stop();
    expect(await rows(pair.monolith, 'SELECT id, first, length(last), bio FROM public.users ORDER BY id')).toEqual([['1', 'Eve', '12800', 'short'], ['2', 'bad', '3', null], ['4', 'Dora', '1', 'x']]);
    expect(await rows(pair.service, 'SELECT id, left(name, 5), since FROM public.people ORDER BY id')).toEqual([['1', 'Eve c', since], ['2', 'Bob B', since], ['4', 'Dora ', 'now']]);
    expect(await quarantine(pair)).toEqual([['public.users', '{"id":"2"}', 'update', 'BANYAN_TRANSFORM']]);
  });
});

describePostgres('one way', () => {
  it('one table is made into several', async () => {
    const pair = await syncPair({
      schema: 'CREATE TABLE users (id int PRIMARY KEY, email text, bio text)',
      serviceSchema: 'CREATE TABLE accounts (id int PRIMARY KEY, email text); CREATE TABLE profiles (user_id int PRIMARY KEY, bio text)',
      mode: 'monolith-to-service', tables: [],
      mappings: [
        { monolith: table('users'), service: table('accounts'), columns: same('id', 'email') },
        { monolith: table('users'), service: table('profiles'), columns: [{ monolith: 'id', service: 'user_id' }, { monolith: 'bio', service: 'bio' }] },
      ],
      rows: "INSERT INTO users VALUES (1, 'a', 'x'), (2, 'b', 'y')",
    });
    const running = pair.run();
    await pair.monolith.query("UPDATE public.users SET email = 'A', bio = 'X' WHERE id = 1; DELETE FROM public.users WHERE id = 2; INSERT INTO public.users VALUES (3, 'c', 'z')");
    await running.caughtUp();
    await running.stop();
    expect(await rows(pair.service, 'SELECT * FROM public.accounts ORDER BY 1')).toEqual([['1', 'A'], ['3', 'c']]);
    expect(await rows(pair.service, 'SELECT * FROM public.profiles ORDER BY 1')).toEqual([['1', 'X'], ['3', 'z']]);
    expect(await quarantine(pair)).toEqual([]);
  });

  it('several tables are made into one, in whichever order their rows come', async () => {
    const pair = await syncPair({
      schema: 'CREATE TABLE users (id int PRIMARY KEY, email text); CREATE TABLE settings (user_id int PRIMARY KEY, theme text)',
      serviceSchema: 'CREATE TABLE accounts (id int PRIMARY KEY, email text, theme text)',
      mode: 'monolith-to-service', tables: [],
      mappings: [
        { monolith: table('users'), service: table('accounts'), columns: same('id', 'email') },
        { monolith: table('settings'), service: table('accounts'), columns: [{ monolith: 'user_id', service: 'id' }, { monolith: 'theme', service: 'theme' }], part: true },
      ],
      rows: "INSERT INTO users VALUES (1, 'a'), (2, 'b'), (3, 'c'); INSERT INTO settings VALUES (1, 'dark'), (3, 'light')",
    });
    expect(await rows(pair.service, 'SELECT * FROM public.accounts ORDER BY 1')).toEqual([['1', 'a', 'dark'], ['2', 'b', null], ['3', 'c', 'light']]);
    const running = pair.run();
    await pair.monolith.query("INSERT INTO public.settings VALUES (4, 'early'); INSERT INTO public.users VALUES (4, 'd'); INSERT INTO public.settings VALUES (2, 'blue')");
    await pair.monolith.query("UPDATE public.settings SET theme = 'bright' WHERE user_id = 1; UPDATE public.users SET email = 'A' WHERE id = 1; DELETE FROM public.users WHERE id = 3; DELETE FROM public.settings WHERE user_id = 3; DELETE FROM public.settings WHERE user_id = 2");
    await running.caughtUp();
    expect(await rows(pair.service, 'SELECT * FROM public.accounts ORDER BY 1')).toEqual([['1', 'A', 'bright'], ['2', 'b', null], ['4', 'd', 'early']]);
    await pair.monolith.query('TRUNCATE public.settings');
    await running.caughtUp();
    await running.stop();
    expect(await rows(pair.service, 'SELECT * FROM public.accounts ORDER BY 1')).toEqual([['1', 'A', null], ['2', 'b', null], ['4', 'd', null]]);
    expect(await quarantine(pair)).toEqual([]);
  });
});

describePostgres('a filter', () => {
  const ORDERS: TableMapping = { monolith: table('orders'), service: table('orders'), columns: same('id', 'region', 'item', 'sku'), where: "region = 'EU' -- Europe" };
  const orders = (rowsSql?: string, more: Partial<Parameters<typeof syncPair>[0]> = {}) =>
    syncPair({
      schema: 'CREATE TABLE orders (id int PRIMARY KEY, region text, item text, sku text UNIQUE, secret text DEFAULT \'none\'); ALTER TABLE orders REPLICA IDENTITY FULL; ALTER TABLE orders ALTER item SET STORAGE EXTERNAL',
      serviceSchema: 'CREATE TABLE orders (id int PRIMARY KEY, region text, item text, sku text UNIQUE)',
      tables: [], mappings: [ORDERS], ...(rowsSql === undefined ? {} : { rows: rowsSql }), ...more,
    });
  const here = (pair: SyncPair, where = 'true') => rows(pair.monolith, `SELECT id, region, md5(item), sku FROM public.orders WHERE ${where} ORDER BY id`);
  const there = (pair: SyncPair) => rows(pair.service, 'SELECT id, region, md5(item), sku FROM public.orders ORDER BY id');
  const expectSame = async (pair: SyncPair): Promise<void> => {
    expect(await quarantine(pair)).toEqual([]);
    expect(await there(pair)).toEqual(await here(pair, "region = 'EU'"));
  };

  itSince(15)('lets rows in and out, whoever moves them, with all their values', async () => {
    const pair = await orders(`INSERT INTO orders SELECT n, CASE WHEN n % 2 = 0 THEN 'EU' ELSE 'US' END, ${LONG}, 'sku' || n FROM generate_series(1, 8) n`);
    expect(pair.copied).toBe(4);
    const running = pair.run();
    await pair.monolith.query("UPDATE public.orders SET region = 'EU' WHERE id = 1; UPDATE public.orders SET region = 'US' WHERE id = 2; UPDATE public.orders SET region = NULL WHERE id = 4; DELETE FROM public.orders WHERE id = 3; INSERT INTO public.orders VALUES (9, 'EU', 'x'), (10, 'US', 'x')");
    await settled(running);
    await expectSame(pair);
    expect((await there(pair)).map(([id]) => id)).toEqual(['1', '6', '8', '9']);
    // What the service writes out of the filter is the monolith's from then on.
    await pair.service.query("UPDATE public.orders SET region = 'US', item = 'moved' WHERE id = 6; INSERT INTO public.orders VALUES (11, 'EU', 'new'), (12, 'AU', 'not ours'); UPDATE public.orders SET region = 'US' WHERE id = 9; UPDATE public.orders SET region = 'EU' WHERE id = 9; DELETE FROM public.orders WHERE id = 8");
    await settled(running);
    await expectSame(pair);
    expect(await rows(pair.monolith, 'SELECT id, region, left(item, 8), secret FROM public.orders WHERE id >= 5 ORDER BY id')).toEqual([
      ['5', 'US', 'c4ca4238', 'none'], ['6', 'US', 'moved', 'none'], ['7', 'US', 'c4ca4238', 'none'], ['9', 'EU', 'x', 'none'], ['10', 'US', 'x', 'none'], ['11', 'EU', 'new', 'none'], ['12', 'AU', 'not ours', 'none'],
    ]);
    expect((await there(pair)).map(([id]) => id)).toEqual(['1', '9', '11']);
    // And may come back.
    await pair.monolith.query("UPDATE public.orders SET region = 'EU' WHERE id IN (6, 12)");
    await pair.service.query('TRUNCATE public.orders');
    await settled(running);
    await running.stop();
    expect(await rows(pair.monolith, 'SELECT id FROM public.orders ORDER BY id')).toEqual(expect.arrayContaining([['2'], ['4'], ['5'], ['7'], ['10']]) as unknown);
  });

  itSince(15)('settles what both sides wrote of a row that came or went', async () => {
    const pair = await orders(`INSERT INTO orders SELECT n, CASE WHEN n <= 5 THEN 'EU' ELSE 'US' END, 'item', 'sku' || n FROM generate_series(1, 8) n`);
    // Moved out here and written, deleted and moved out there; a key and a unique value that only the monolith can see.
    await pair.service.query("UPDATE public.orders SET item = 'by service' WHERE id = 1; DELETE FROM public.orders WHERE id = 2; UPDATE public.orders SET region = 'AU' WHERE id = 3; INSERT INTO public.orders VALUES (6, 'EU', 'same key', 'six'), (20, 'EU', 'same sku', 'sku7')");
    await pair.monolith.query("UPDATE public.orders SET region = 'US' WHERE id IN (1, 2, 3); UPDATE public.orders SET item = 'by monolith' WHERE id = 6");
    const running = pair.run();
    await settled(running);
    await expectSame(pair);
    expect(await rows(pair.monolith, "SELECT key, type, winner FROM banyan.conflict WHERE strategy NOT IN ('sent-again') ORDER BY key, type")).toEqual([
      ['{"id":"1"}', 'update-update', 'monolith'], ['{"id":"2"}', 'update-delete', 'monolith'], ['{"id":"20"}', 'unique-key', 'monolith'],
      ['{"id":"3"}', 'update-update', 'monolith'], ['{"id":"6"}', 'insert-insert', 'monolith'],
    ]);
    expect(await rows(pair.monolith, 'SELECT id, item FROM public.orders WHERE id IN (6, 7, 20) ORDER BY id')).toEqual([['6', 'by monolith'], ['7', 'item']]);
    // What nobody sees there is not overwritten unasked, however long ago it was written.
    await running.caughtUp();
    await pair.service.query("INSERT INTO public.orders VALUES (8, 'EU', 'late', 'eight')");
    await settled(running);
    await running.stop();
    await expectSame(pair);
    expect(await rows(pair.monolith, "SELECT monolith::jsonb ->> 'item' AS m, service_row::jsonb ->> 'item' AS s, type, winner FROM banyan.conflict WHERE key = '{\"id\":\"8\"}'")).toEqual([['item', 'late', 'insert-insert', 'service']]);
  });

  itSince(15).each(['prefer-service', 'last-write-wins', 'prefer-monolith'] as const)('stays equal under writers on both sides that move rows (%s)', async (strategy) => {
    const pair = await orders("INSERT INTO orders (id, region) SELECT n, CASE WHEN n % 2 = 0 THEN 'EU' ELSE 'US' END FROM generate_series(1, 12) n", { strategy });
    const running = pair.run();
    const write = async (side: TestDatabase, seed: number): Promise<void> => {
      for (let n = 0; n < 120; n++) {
        const id = ((n * 7 + seed * 5) % 14) + 1;
        const region = ['EU', 'US', 'EU'][(n + seed) % 3];
        const sql = [`UPDATE public.orders SET region = '${region}', item = '${seed}-${n}' WHERE id = ${id}`, `UPDATE public.orders SET item = '${seed}-${n}' WHERE id = ${id}`,
          `DELETE FROM public.orders WHERE id = ${id}`, `INSERT INTO public.orders VALUES (${id}, '${region}', '${seed}-${n}') ON CONFLICT DO NOTHING`][(n * 3 + seed) % 4] ?? '';
        await unlessRefused(side.query(sql));
      }
    };
    await Promise.all([write(pair.monolith, 1), write(pair.service, 2), write(pair.monolith, 3), write(pair.service, 4)]);
    for (let round = 0; round < 2; round++) await settled(running);
    await running.stop();
    await expectSame(pair);
  });

  itSince(15)('is refused where PostgreSQL can not tell it, and may not change under a running stream', async () => {
    await expect(orders(undefined, { mappings: [{ ...ORDERS, where: 'regoin = 1' }] })).rejects.toMatchObject({ code: 'BANYAN_MAPPING', message: expect.stringContaining('public.orders') as string });
    await expect(orders(undefined, { mappings: [{ ...ORDERS, where: 'random() < 0.5' }] })).rejects.toMatchObject({ code: 'BANYAN_MAPPING' });
    const pair = await orders("INSERT INTO orders VALUES (1, 'EU', 'x')");
    await expect(setUp(pair.ends, { tables: [], mappings: [{ ...ORDERS, where: "region = 'US'" }] })).rejects.toMatchObject({ code: 'BANYAN_MAPPING', message: expect.stringContaining("was (region = 'EU'::text)") as string });
    expect((await setUp(pair.ends, { tables: [], mappings: [ORDERS] })).copied).toBe(0);
  });
});
