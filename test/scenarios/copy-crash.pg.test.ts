import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { EmbeddedPostgres } from '../../src/embedded/embedded-postgres.ts';
import { systemClock } from '../../src/core/clock.ts';
import { retry } from '../../src/core/retry.ts';
import { createPool, inTransaction } from '../../src/postgres/connect.ts';
import { ensureBanyanSchema } from '../../src/postgres/banyan-schema.ts';
import { isTransient, sqlState } from '../../src/postgres/transient.ts';
import { until } from '../support/condition.ts';
import { describePostgres, testDatabase, type TestDatabase } from '../support/postgres.ts';
import { build, rowsOf, RunningSync, setUp, type Ends, type SyncSettings } from '../support/sync-engine.ts';
import { WorkerProcess } from '../support/worker-process.ts';

/**
 * Rows move between chunks with large values that the log leaves out, unique values move between rows,
 * children come and go with their parents, and text keys have an order of their own.
 */
const SCHEMA = `
  CREATE TABLE item (id int PRIMARY KEY, n int NOT NULL, code int UNIQUE, big text NOT NULL);
  ALTER TABLE item ALTER big SET STORAGE EXTERNAL;
  CREATE TABLE word (word text COLLATE "en-x-icu", part int, v text, big text NOT NULL, PRIMARY KEY (part, word)) PARTITION BY HASH (part);
  CREATE TABLE word_0 PARTITION OF word FOR VALUES WITH (MODULUS 2, REMAINDER 0);
  CREATE TABLE word_1 PARTITION OF word FOR VALUES WITH (MODULUS 2, REMAINDER 1);
  ALTER TABLE word ALTER big SET STORAGE EXTERNAL; ALTER TABLE word_0 ALTER big SET STORAGE EXTERNAL; ALTER TABLE word_1 ALTER big SET STORAGE EXTERNAL;
  CREATE TABLE note (id uuid PRIMARY KEY, item int NOT NULL REFERENCES item ON UPDATE CASCADE ON DELETE CASCADE, v int);
  CREATE TABLE copied (table_name text, number int, rows int);
  CREATE TABLE gate (open int); INSERT INTO gate VALUES (0);
`;
const ITEMS = 6000;
const ROWS = `
  INSERT INTO item SELECT g * 10, g, g, CASE WHEN g % 3 = 0 THEN repeat(g::text, 800) ELSE '' END FROM generate_series(1, ${ITEMS}) g;
  INSERT INTO word SELECT (ARRAY['a','A','ä','b','B','Z','z','"','''','é'])[g % 10 + 1] || g, g % 7, g::text, CASE WHEN g % 4 = 0 THEN repeat('w', 3000) ELSE '' END FROM generate_series(1, 2000) g;
  INSERT INTO note SELECT gen_random_uuid(), g * 10, g FROM generate_series(1, ${ITEMS}, 3) g;
  ANALYZE`;
const TABLES = ['item', 'word', 'note'];
const SETTINGS: SyncSettings = { tables: TABLES, chunkRows: 150 };

/**
 * Notes each time that a chunk is marked as copied, in the transaction that does it; and holds that
 * transaction while as many chunks are there as the gate lets through.
 */
const WATCH = `
  CREATE FUNCTION public.watch() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN
    INSERT INTO public.copied VALUES (NEW.table_name, NEW.number, NEW.rows);
    WHILE (SELECT count(*) FROM public.copied) > (SELECT open FROM public.gate) LOOP PERFORM pg_sleep(0.01); END LOOP;
    RETURN NEW; END $f$;
  CREATE TRIGGER watch AFTER UPDATE ON banyan.copy_chunk FOR EACH ROW EXECUTE FUNCTION public.watch();
  ALTER TABLE banyan.copy_chunk ENABLE ALWAYS TRIGGER watch`;

/** Writers on the monolith: everything that can happen to a row while it is copied. */
class Writers {
  readonly #pool: Ends['monolith']['pool'];
  readonly #running: Promise<void>[];
  #stopping = false;
  writes = 0;

  constructor(pool: Ends['monolith']['pool'], count: number) {
    this.#pool = pool;
    this.#running = Array.from({ length: count }, () => this.#run());
    // A failure is told when they are disposed of.
    for (const running of this.#running) running.catch(() => {});
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      try {
        await this.#write();
        this.writes += 1;
      } catch (error) {
        // Two writers wanted the same key, row or lock; or the server was killed under them.
        if (!isTransient(error) && !/^(23505|23503)$/.test(sqlState(error) ?? '')) throw error;
        await delay(5);
      }
    }
  }

  async #write(): Promise<void> {
    const any = randomInt(ITEMS * 10 + 100);
    const other = randomInt(ITEMS * 10 + 100);
    const near = (id: number): string => `(SELECT id FROM public.item WHERE id >= ${id} ORDER BY id LIMIT 1)`;
    const word = `(SELECT part, word FROM public.word WHERE part = ${any % 7} ORDER BY md5(word || ${other}) LIMIT 1)`;
    const writes: readonly (readonly string[])[] = [
      [`INSERT INTO public.item VALUES (${any}, ${other}, NULL, repeat('n', ${other % 4000}))`],
      [`UPDATE public.item SET n = n + 1 WHERE id = ${near(any)}`],
      [`UPDATE public.item SET id = ${other} WHERE id = ${near(any)}`],
      [`UPDATE public.item SET id = ${other}, n = 0 WHERE id = ${near(any)}`, `UPDATE public.item SET id = ${any} WHERE id = ${other}`],
      [`UPDATE public.item SET big = repeat('b', ${any % 5000}) WHERE id = ${near(any)}`],
      [`DELETE FROM public.item WHERE id = ${near(any)}`],
      // A unique value goes from one row to another.
      [`UPDATE public.item SET code = NULL WHERE id = ${near(any)} AND code = ${Math.ceil(any / 10)}`, `UPDATE public.item SET code = ${Math.ceil(any / 10)} WHERE id = ${near(other)}`],
      [`INSERT INTO public.note SELECT gen_random_uuid(), id, 1 FROM public.item WHERE id >= ${any} ORDER BY id LIMIT 1`],
      [`UPDATE public.note SET id = gen_random_uuid() WHERE id = (SELECT id FROM public.note WHERE item >= ${any} LIMIT 1)`],
      [`UPDATE public.word SET part = ${other % 7}, v = 'moved' WHERE (part, word) = ${word}`],
      [`UPDATE public.word SET word = word || 'x' WHERE (part, word) = ${word}`],
      [`DELETE FROM public.word WHERE (part, word) = ${word}`],
      [`INSERT INTO public.word VALUES ('new' || ${other}, ${any % 7}, NULL, repeat('i', ${any % 4000}))`],
    ];
    const statements = writes[randomInt(writes.length)] ?? [];
    await inTransaction(this.#pool, async (client) => {
      for (const statement of statements) await client.query(statement);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#running);
  }
}

type Queried = Pick<TestDatabase, 'query'>;

async function expectEqual(monolith: Queried, service: Queried): Promise<void> {
  for (const table of TABLES) {
    const [there, here] = [new Set(await rowsOf(monolith, `public.${table}`)), new Set(await rowsOf(service, `public.${table}`))];
    const apart = { lost: [...there].filter((row) => !here.has(row)), tooMany: [...here].filter((row) => !there.has(row)) };
    expect([...apart.lost, ...apart.tooMany].length, `${table}: ${JSON.stringify(apart).slice(0, 1000)}`).toBe(0);
  }
  for (const side of [monolith, service]) {
    expect(await side.query('SELECT * FROM banyan.quarantine')).toEqual([]);
    expect(await side.query('SELECT * FROM banyan.conflict')).toEqual([]);
  }
}

const finished = async (service: Queried): Promise<number> => Number((await service.query('SELECT count(*) AS n FROM public.copied'))[0]?.['n']);

async function finish(ends: Ends, settings: SyncSettings): Promise<void> {
  const { names, copied } = await setUp(ends, settings);
  expect(copied).toBe(0);
  const running = new RunningSync(build(ends, settings, names));
  for (let i = 0; i < 3; i++) await running.caughtUp();
  await running.stop();
}

describePostgres('an initial copy and sudden ends', () => {
  it.each(['bidirectional', 'monolith-to-service'] as const)('goes on (%s) from its finished chunks when its worker is killed again and again, under writers', async (mode) => {
    const settings = { ...SETTINGS, mode };
    const monolith = await testDatabase({ schema: SCHEMA, max: 12 });
    const service = await testDatabase({ schema: SCHEMA });
    await monolith.query(`SET search_path = public; ${ROWS}; SET search_path = pg_catalog`);
    await ensureBanyanSchema(service.pool);
    await service.query(WATCH);
    const urls = { monolith: monolith.url, service: service.url, settings };
    {
      await using writers = new Writers(monolith.pool, 3);
      let before = 0;
      for (let i = 0; i < 3; i++) {
        const gate = before + 4 + randomInt(8);
        await service.query('UPDATE public.gate SET open = $1', [gate]);
        await using worker = new WorkerProcess(urls);
        // Until it copies again; then anywhere within what it does.
        await worker.meanwhile(until(async () => (await finished(service)) > before, { timeoutMs: 60_000 }));
        await delay(randomInt(50));
        await worker.kill();
        before = await finished(service);
      }
      await service.query('UPDATE public.gate SET open = 1000');
      expect(writers.writes).toBeGreaterThan(0);
      await using worker = new WorkerProcess(urls);
      await worker.running();
    }
    await finish({ monolith, service }, settings);
    await expectEqual(monolith, service);
    const again = await service.query('SELECT table_name, number FROM public.copied GROUP BY 1, 2 HAVING count(*) > 1');
    expect(again, 'chunks that were copied twice').toEqual([]);
    expect(await finished(service), 'chunks').toBeGreaterThan(35);
  });

  it('goes on when either server breaks off in the middle and starts again', async () => {
    await using first = await EmbeddedPostgres.start();
    await using second = await EmbeddedPostgres.start();
    const pools = { monolith: createPool({ url: first.url(), max: 8 }), service: createPool({ url: second.url(), max: 8 }) };
    const ends = { monolith: { url: first.url(), pool: pools.monolith }, service: { url: second.url(), pool: pools.service } };
    const asText = (pool: typeof pools.monolith): Queried => ({ query: async (sql, values) => (await pool.query<Record<string, string | null>>(sql, [...(values ?? [])])).rows });
    const [monolith, service] = [asText(pools.monolith), asText(pools.service)];
    for (const pool of Object.values(pools)) await pool.query(`SET search_path = public; ${SCHEMA} SET search_path = pg_catalog`);
    await pools.monolith.query(`SET search_path = public; ${ROWS}; SET search_path = pg_catalog`);
    await ensureBanyanSchema(pools.service);
    await pools.service.query(WATCH);
    const settings = { ...SETTINGS, mode: 'bidirectional' } as const;
    {
      await using writers = new Writers(pools.monolith, 2);
      const copying = retry(() => setUp(ends, settings), { clock: systemClock, signal: new AbortController().signal, transient: isTransient });
      copying.catch(() => {});
      let before = 0;
      for (const server of [second, first]) {
        await service.query('UPDATE public.gate SET open = $1', [String(before + 12)]);
        await Promise.race([copying, until(async () => (await finished(service)) >= before + 8, { timeoutMs: 60_000 })]);
        await server.stop('immediate');
        await server.start();
        before = await finished(service);
      }
      await service.query('UPDATE public.gate SET open = 1000');
      await copying;
      expect(writers.writes).toBeGreaterThan(0);
    }
    await finish(ends, settings);
    await expectEqual(monolith, service);
    expect(await service.query('SELECT table_name, number FROM public.copied GROUP BY 1, 2 HAVING count(*) > 1')).toEqual([]);
    await Promise.all([pools.monolith.end(), pools.service.end()]);
  });

  it('holds a commit that was in the log already, and visible to nobody yet, exactly once', async () => {
    await using first = await EmbeddedPostgres.start({ settings: { synchronous_standby_names: 'nobody' } });
    await using second = await EmbeddedPostgres.start();
    const url = `${first.url()}?options=-c%20synchronous_commit%3Dlocal`;
    const pools = { monolith: createPool({ url }), waiting: createPool({ url: first.url() }), service: createPool({ url: second.url() }) };
    const ends = { monolith: { url, pool: pools.monolith }, service: { url: second.url(), pool: pools.service } };
    for (const pool of [pools.monolith, pools.service]) await pool.query('CREATE TABLE public.t (id int PRIMARY KEY, v int)');
    await pools.monolith.query('INSERT INTO public.t SELECT g, g FROM generate_series(1, 100) g');
    const settings: SyncSettings = { tables: ['t'], mode: 'bidirectional' };
    const stop = new AbortController();
    // Cut short with everything copied and nothing ended, so that the next attempt has to catch up.
    await expect(setUp(ends, settings, { signal: stop.signal, afterCopy: () => Promise.reject(new Error('cut short')) })).rejects.toThrow('cut short');
    const writing = pools.waiting.query('UPDATE public.t SET v = v + 1000 WHERE id <= 3');
    await until(async () => (await pools.monolith.query("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'")).rowCount);
    const copying = setUp(ends, settings);
    copying.catch(() => {});
    await until(async () => (await pools.monolith.query("SELECT 1 FROM pg_stat_activity WHERE query LIKE 'CREATE_REPLICATION_SLOT%' AND wait_event_type = 'Lock'")).rowCount);
    await pools.monolith.query("ALTER SYSTEM SET synchronous_standby_names = ''");
    await pools.monolith.query('SELECT pg_reload_conf()');
    await Promise.all([writing, copying]);
    await finish(ends, settings);
    const sum = async (pool: typeof pools.monolith) => (await pool.query('SELECT count(*) AS n, sum(v) AS v FROM public.t')).rows;
    expect(await sum(pools.service)).toEqual(await sum(pools.monolith));
    expect(await sum(pools.service)).toEqual([{ n: '100', v: '8050' }]);
    await Promise.all(Object.values(pools).map((pool) => pool.end()));
  });
});
