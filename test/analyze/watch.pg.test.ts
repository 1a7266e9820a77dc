import { expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { seededRandom } from '../../src/core/random.ts';
import { EmbeddedPostgres } from '../../src/embedded/embedded-postgres.ts';
import type { WriteOperation } from '../../src/model/workload.ts';
import { connect } from '../../src/postgres/connect.ts';
import { watchCommits, type Watched, type WatchOptions } from '../../src/postgres/workload/watch-commits.ts';
import { publishForWatch } from '../../src/postgres/workload/watch-publications.ts';
import { describePostgres, testDatabase, type TestDatabase } from '../support/postgres.ts';

const SCHEMA = `
  ${Array.from({ length: 5 }, (_, n) => `CREATE TABLE public.t${n} (id bigserial PRIMARY KEY, v int DEFAULT 0);`).join('\n')}
  CREATE TABLE public.keyless (v int);
  CREATE UNLOGGED TABLE public.passing (v int);
  CREATE TABLE public.parts (id int PRIMARY KEY) PARTITION BY RANGE (id);
  CREATE TABLE public.part_1 PARTITION OF public.parts FOR VALUES FROM (0) TO (10);
  INSERT INTO public.keyless VALUES (1);`;

const suffixOf = (database: TestDatabase): string => Buffer.from(database.name.slice(-6)).toString('hex');

/** Watches while `work` runs, and ends then. */
async function watching(url: string, suffix: string, work: () => Promise<void>, options: Partial<WatchOptions> = {}): Promise<Watched & { readonly seen: Map<string, number>; readonly notes: string[] }> {
  const seen = new Map<string, number>();
  const notes: string[] = [];
  const stop = new AbortController();
  let working: Promise<void> = Promise.resolve();
  const watched = await watchCommits({
    url, seconds: 600, clock: systemClock, signal: stop.signal, suffix, note: (text) => notes.push(text),
    onReady: () => {
      working = work().finally(() => stop.abort());
    },
    onCommit: (operations) => count(seen, operations.map(textOf)),
    ...options,
  });
  await working;
  return { ...watched, seen, notes };
}

const textOf = ({ table, kind }: WriteOperation): string => `${kind} ${table}`;

function count(into: Map<string, number>, operations: readonly string[]): void {
  if (operations.length === 0) return;
  const key = [...new Set(operations)].sort().join(', ');
  into.set(key, (into.get(key) ?? 0) + 1);
}

const publications = async (database: TestDatabase): Promise<(string | null)[]> =>
  (await database.query("SELECT pubname AS name FROM pg_publication WHERE pubname LIKE 'banyan%' ORDER BY 1")).map(({ name }) => name ?? null);

describePostgres('what commits together', () => {
  it('is what the clients wrote, and nothing is in their way or left behind', async () => {
    const database = await testDatabase({ schema: SCHEMA, max: 8 });
    const journal = new Map<string, number>();
    const { seen, insertsOnly, unseen } = await watching(database.url, suffixOf(database), async () => {
      await Promise.all([1, 2, 3, 4].map(async (session) => {
        const random = seededRandom(session);
        const client = await database.pool.connect();
        for (let round = 0; round < 60; round += 1) {
          const done: string[] = [];
          const write = async (): Promise<void> => {
            const table = `public.t${Math.floor(random() * 5)}`;
            const kind = random();
            await client.query(`INSERT INTO ${table} (v) VALUES (${session})`);
            done.push(`insert ${table}`);
            if (kind < 0.4) {
              await client.query(`UPDATE ${table} SET v = v WHERE id = lastval()`);
              done.push(`update ${table}`);
            } else if (kind < 0.6) {
              await client.query(`DELETE FROM ${table} WHERE id = lastval()`);
              done.push(`delete ${table}`);
            }
          };
          await client.query('BEGIN');
          for (let i = random() * 3; i > 0; i -= 1) await write();
          const kept = done.length;
          await client.query('SAVEPOINT s');
          await write();
          if (random() < 0.5) {
            await client.query('ROLLBACK TO s');
            done.length = kept;
          }
          const committed = random() < 0.8;
          await client.query(committed ? 'COMMIT' : 'ROLLBACK');
          if (committed) count(journal, done);
        }
        client.release();
      }));
      // Without a key, updates would be refused if they were published.
      await database.query('UPDATE public.keyless SET v = 2; INSERT INTO public.passing VALUES (1)');
      await database.query('INSERT INTO public.keyless VALUES (3); INSERT INTO public.parts VALUES (1); TRUNCATE public.t0');
      count(journal, ['insert public.keyless', 'insert public.part_1', 'delete public.t0']);
    });
    expect(Object.fromEntries(seen)).toEqual(Object.fromEntries(journal));
    expect(journal.size).toBeGreaterThan(40);
    expect(insertsOnly).toEqual(['public.keyless']);
    expect(unseen).toEqual([]);
    expect(await publications(database)).toEqual([]);
    expect(await database.query('SELECT 1 FROM pg_replication_slots WHERE database = current_database()')).toEqual([]);
  });

  it('ends after its time with all that had committed by then', async () => {
    const database = await testDatabase({ schema: SCHEMA });
    let over: (() => void) | undefined;
    const time = new Promise<void>((resolve) => (over = resolve));
    // The first sleep that is as long as the watch is its time; the test says when it is over.
    const clock = { ...systemClock, sleep: (ms: number, signal?: AbortSignal) => (ms === 77_000 ? time : systemClock.sleep(ms, signal)) };
    const { seen } = await watching(database.url, suffixOf(database), async () => {
      for (let i = 0; i < 200; i += 1) await database.query('INSERT INTO public.t1 (v) VALUES (1)');
      over?.();
      await time;
    }, { seconds: 77, clock, signal: new AbortController().signal });
    expect([...seen]).toEqual([['insert public.t1', 200]]);
  });

  it('can be watched again after a watch was killed, and by two at a time', async () => {
    const database = await testDatabase({ schema: SCHEMA });
    const killed = await connect({ url: database.url });
    await publishForWatch(killed, 'dead');
    await database.query("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())");
    const living = await connect({ url: database.url });
    await publishForWatch(living, 'abba');
    expect(await publications(database)).toHaveLength(4);
    const { notes } = await watching(database.url, suffixOf(database), async () => {});
    expect(notes).toEqual(['banyan_watch_dead', 'banyan_watch_dead_inserts'].map((name) => `dropped the publication ${name}, which a watch that was killed had left`));
    expect(await publications(database)).toEqual(['banyan_watch_abba', 'banyan_watch_abba_inserts']);
    await living.end();
  });

  it('is refused with the cause where the server or the role does not allow it', async () => {
    await using server = await EmbeddedPostgres.start({ durable: false, settings: { wal_level: 'replica' } });
    await expect(watching(server.url(), 'a', async () => {})).rejects.toMatchObject({ code: 'BANYAN_WATCH', message: 'wal_level is replica; expected logical.' });
    const database = await testDatabase({ schema: SCHEMA });
    const role = `${database.name}_r`;
    await database.query(`CREATE ROLE ${role} LOGIN REPLICATION PASSWORD 'x'`);
    const url = new URL(database.url);
    [url.username, url.password] = [role, 'x'];
    await expect(watching(url.href, 'b', async () => {})).rejects.toMatchObject({ code: 'BANYAN_WATCH', message: 'The role owns none of the 7 tables, and only an owner may publish one.' });
    await database.query(`ALTER TABLE public.t1 OWNER TO ${role}`);
    await expect(watching(url.href, 'b', async () => {})).rejects.toMatchObject({ code: 'BANYAN_WATCH', message: expect.stringContaining('permission denied') });
    await database.query(`GRANT CREATE ON DATABASE ${database.name} TO ${role}`);
    const { seen, unseen } = await watching(url.href, 'b', async () => void (await database.query('INSERT INTO public.t1 (v) VALUES (1); INSERT INTO public.t2 (v) VALUES (1)')));
    expect([...seen]).toEqual([['insert public.t1', 1]]);
    expect(unseen).toHaveLength(6);
    await database.drop();
    const admin = await connect({ url: Object.assign(new URL(database.url), { pathname: '/postgres' }).href });
    await admin.query(`DROP ROLE ${role}`);
    await admin.end();
  });
});
