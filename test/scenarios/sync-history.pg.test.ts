import { expect, it } from 'vitest';
import { EmbeddedPostgres } from '../../src/embedded/embedded-postgres.ts';
import { isBanyanError } from '../../src/core/errors.ts';
import { createPool } from '../../src/postgres/connect.ts';
import { isTransient } from '../../src/postgres/transient.ts';
import { temporaryFolder } from '../support/application.ts';
import { until } from '../support/condition.ts';
import { describePostgres, testDatabase } from '../support/postgres.ts';
import { caughtUpWith, standbyOf } from '../support/standby.ts';
import { build, rowsOf, RunningSync, setUp, type SyncSettings } from '../support/sync-engine.ts';
import { syncPair, type SyncPair } from '../support/sync-pair.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';

const SCHEMA = 'CREATE TABLE item (id int PRIMARY KEY, value text);';
const SETTINGS: SyncSettings = { tables: ['item'] };

const slotOf = (pair: SyncPair): string => pair.names.get('monolith-to-service')!.slot;

/** Ends whoever reads the slot and drops it, as somebody does who is short of disk. */
async function dropSlotOf(pair: SyncPair): Promise<void> {
  await until(async () => {
    await pair.monolith.query('SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = $1 AND active', [slotOf(pair)]);
    return pair.monolith.query('SELECT pg_drop_replication_slot($1)', [slotOf(pair)]).then(() => true, () => false);
  });
}

describePostgres('the history of a source', () => {
  it('is missed when its slot is dropped under a running worker', async () => {
    const pair = await syncPair({ ...SETTINGS, schema: SCHEMA });
    const running = pair.run();
    await running.caughtUp();
    await dropSlotOf(pair);
    expect(await running.failure()).toMatchObject({ code: 'BANYAN_SLOT_LOST', message: expect.stringContaining('does not exist') });
    await expect(setUp(pair.ends, SETTINGS)).rejects.toMatchObject({ code: 'BANYAN_SLOT_LOST' });
  });

  it('is missed when its slot is made again under a running worker, and what lies between is not skipped', async () => {
    const pair = await syncPair({ ...SETTINGS, schema: SCHEMA });
    const proxy = await TcpProxy.start(pair.monolith.url);
    try {
      const ends = { ...pair.ends, monolith: { ...pair.ends.monolith, url: proxy.urlFor(pair.monolith.url) } };
      const running = new RunningSync(build(ends, SETTINGS, pair.names));
      await running.caughtUp();
      // The worker sees the slot only when it is there again.
      proxy.freeze();
      await dropSlotOf(pair);
      await pair.monolith.query("INSERT INTO public.item VALUES (1, 'between')");
      await pair.monolith.query("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", [slotOf(pair)]);
      proxy.cut();
      proxy.thaw();
      expect(await running.failure()).toMatchObject({ code: 'BANYAN_SLOT_LOST', message: expect.stringContaining('needs it at') });
      await expect(setUp(pair.ends, SETTINGS)).rejects.toMatchObject({ code: 'BANYAN_SLOT_LOST' });
    } finally {
      await proxy.close();
    }
  });

  it('is missed by a target that has forgotten commits', async () => {
    const pair = await syncPair({ ...SETTINGS, schema: SCHEMA });
    const running = pair.run();
    const before = (await pair.service.query('SELECT position FROM banyan.stream'))[0]?.['position'];
    await pair.monolith.query("INSERT INTO public.item VALUES (1, 'a')");
    await running.caughtUp();
    // As a standby is that was promoted without the last commits.
    await pair.service.query('UPDATE banyan.stream SET position = $1', [before]);
    expect(await running.failure()).toMatchObject({ code: 'BANYAN_TARGET_CHANGED' });
  });

  it('goes on at a standby that was promoted with its slots, and is refused where that lacks what was read', async () => {
    await using primary = await EmbeddedPostgres.start();
    const service = await testDatabase({ schema: SCHEMA, max: 8 });
    const first = createPool({ url: primary.url(), max: 4 });
    await first.query(`SET search_path = public; ${SCHEMA} SET search_path = pg_catalog`);
    await using standby = await standbyOf(primary, await temporaryFolder(), { slots: true });
    const proxy = await TcpProxy.start(primary.url());
    const monolith = createPool({ url: proxy.urlFor(primary.url()), max: 8 });
    const direct = createPool({ url: standby.url(), max: 4 });
    try {
      const ends = { monolith: { url: proxy.urlFor(primary.url()), pool: monolith }, service };
      const { names } = await setUp(ends, SETTINGS);
      const running = new RunningSync(build(ends, SETTINGS, names));
      await monolith.query("INSERT INTO public.item VALUES (1, 'before')");
      await running.caughtUp();
      const slot = names.get('monolith-to-service')!.slot;
      await until(
        async () => {
          // The standby takes a slot over once its primary has logged what was running; that happens by itself every 15 seconds.
          await first.query('SELECT pg_log_standby_snapshot()');
          return (await direct.query('SELECT 1 FROM pg_replication_slots WHERE slot_name = $1 AND synced AND NOT temporary', [slot])).rowCount === 1;
        },
        { what: 'the slot is on the standby', timeoutMs: 45_000, everyMs: 200 },
      );
      await caughtUpWith(standby, primary);

      await primary.stop();
      await caughtUpAfterStop(direct);
      await direct.query('SELECT pg_promote()');
      proxy.leadTo(standby.url());
      await until(() => monolith.query("INSERT INTO public.item VALUES (2, 'after')").then(() => true, () => false), { what: 'the promoted server is written' });
      await service.query("INSERT INTO public.item VALUES (3, 'the other way')");
      await running.caughtUp();
      const read = { query: async (sql: string) => (await direct.query<Record<string, string | null>>(sql)).rows };
      expect(await rowsOf(service, 'public.item')).toEqual(['(1,before)', '(2,after)', '(3,"the other way")']);
      expect(await rowsOf(read, 'public.item')).toEqual(await rowsOf(service, 'public.item'));
      expect((await service.query('SELECT source_timeline FROM banyan.stream'))[0]).toEqual({ source_timeline: '2' });
      await running.stop();

      const refused = () =>
        until(() => setUp(ends, SETTINGS).then(() => undefined, (error: unknown) => (isBanyanError(error) && !isTransient(error) ? error : undefined)), { what: 'a refusal' });
      // As if all this had been read on the first timeline, which the promoted server left before it.
      await service.query('UPDATE banyan.stream SET source_timeline = 1');
      expect(await refused()).toMatchObject({ code: 'BANYAN_SOURCE_CHANGED', message: expect.stringContaining('the standby that was promoted') });
      await service.query('UPDATE banyan.stream SET source_timeline = 2');

      // Back at the server that was left behind: the same number, but it lacks what was read since. It lacks the last
      // checkpoints of what came from the service as well; if that slot was moved on by them, that is told first.
      await primary.start();
      proxy.leadTo(primary.url());
      expect(['BANYAN_SOURCE_CHANGED', 'BANYAN_SLOT_LOST']).toContain((await refused())?.code);
    } finally {
      await Promise.allSettled([first.end(), monolith.end(), direct.end()]);
      await proxy.close();
    }
  });
});

/** The standby has replayed all that its primary wrote before it stopped. */
async function caughtUpAfterStop(standby: ReturnType<typeof createPool>): Promise<void> {
  await until(async () => (await standby.query<{ there: string }>('SELECT pg_last_wal_replay_lsn() >= pg_last_wal_receive_lsn() AS there')).rows[0]?.there === 't');
}
