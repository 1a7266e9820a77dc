import { expect, it } from 'vitest';
import { streamsAre, testApplication, type TestApplication } from '../support/application.ts';
import { Bursts, ITEM_ROWS, ITEM_SCHEMA } from '../support/bursts.ts';
import { until } from '../support/condition.ts';
import { describePostgres, testDatabase } from '../support/postgres.ts';
import { rowsOf } from '../support/sync-engine.ts';
import { SyncProcess } from '../support/sync-process.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';

const itemApplication = (sections = '', env: Readonly<Record<string, string>> = {}): Promise<TestApplication> =>
  testApplication({ sections, env, schema: ITEM_SCHEMA + ITEM_ROWS, services: () => '  accounts: { url: "${ACCOUNTS_URL}", tables: [item] }\n' });

const SERVICE = { service: 'accounts' };

/** Everything that a worker could move: the rows of both sides and the checkpoints. */
async function all(app: TestApplication): Promise<unknown> {
  const sides = [app.monolith, app.service];
  return Promise.all(sides.map(async (side) => [await rowsOf(side, 'public.item'), await side.query('SELECT name, position, seen, token FROM banyan.stream ORDER BY name')]));
}

describePostgres('a paused service', () => {
  it('is followed by no worker until it is resumed, and has lost nothing then', async () => {
    const app = await itemApplication();
    const bursts = new Bursts(app);
    const first = await app.startSync();
    // In the middle of writes on both sides.
    await bursts.during(async () => {
      expect(await app.application.syncPause(SERVICE)).toEqual({ service: 'accounts', paused: true, changed: true });
    });
    const { streams } = await app.application.syncStatus();
    expect(streams.map(({ state, pausedBy, worker }) => [state, pausedBy, worker])).toEqual([['paused', 'anna', undefined], ['paused', 'anna', undefined]]);
    expect(streams[0]?.pausedAt).toMatch(/^\d{4}-.*Z$/);
    expect(await app.application.syncPause(SERVICE)).toEqual({ service: 'accounts', paused: true, changed: false });

    // Neither the worker there is nor one that comes moves anything.
    const before = await all(app);
    const second = app.start((application) => application.syncRun({ provision: true, untilCaughtUp: false }));
    await until(async () => (await app.application.syncStatus()).workers.length === 2);
    const rounds = async (): Promise<string[]> => (await app.monolith.query('SELECT expires_at FROM banyan.worker ORDER BY id')).map((row) => row['expires_at'] ?? '');
    const earlier = await rounds();
    await until(async () => (await rounds()).every((round, i) => round !== earlier[i]), { what: 'both workers have looked at the leases' });
    expect(await all(app)).toEqual(before);

    // What would wait for it says so.
    await expect(app.application.syncWait({})).rejects.toMatchObject({ code: 'BANYAN_SYNC_PAUSED', message: expect.stringContaining('anna') as string });
    await expect(app.application.syncRun({ provision: true, untilCaughtUp: true })).rejects.toMatchObject({ code: 'BANYAN_SYNC_PAUSED' });

    expect(await app.application.syncResume(SERVICE)).toEqual({ service: 'accounts', paused: false, changed: true });
    expect(await app.application.syncResume(SERVICE)).toEqual({ service: 'accounts', paused: false, changed: false });
    await streamsAre(app.application, 'running');
    await bursts.equal('after it was resumed');
    expect((await app.application.syncStatus()).streams[0]).not.toHaveProperty('pausedAt');
    await Promise.all([first.stop(), second.stop()]);
    await expect(app.application.syncPause({ service: 'nobody' })).rejects.toMatchObject({ code: 'BANYAN_SERVICE_UNKNOWN' });
  });

  it('lets nobody go on waiting for it who began before it was paused', async () => {
    const app = await itemApplication();
    const worker = await app.startSync();
    const client = await app.service.pool.connect();
    try {
      await client.query('BEGIN; LOCK TABLE public.item');
      await app.monolith.query("UPDATE public.item SET value = 'behind a lock' WHERE id = 1");
      const waiting = [app.start((application) => application.syncWait({})), app.start((application) => application.syncRun({ provision: true, untilCaughtUp: true }))];
      await until(async () => (await app.application.syncStatus()).workers.length === 2, { what: 'both wait' });
      const pausing = app.start((application) => application.syncPause(SERVICE));
      for (const each of waiting) await expect(each.result).rejects.toMatchObject({ code: 'BANYAN_SYNC_PAUSED', message: expect.stringContaining('anna') as string });
      await client.query('COMMIT');
      expect(await pausing.result).toMatchObject({ paused: true });
    } finally {
      client.release(true);
    }
    await worker.stop();
  });

  it('is not written by a worker that can not know of it', async () => {
    const state = await testDatabase();
    const proxy = await TcpProxy.start(state.url);
    try {
      const app = await itemApplication('state: { url: "${STATE_URL}" }\n', { STATE_URL: state.url });
      const bursts = new Bursts(app);
      const worker = SyncProcess.start({
        configFile: app.context.configFile, env: { MONOLITH_URL: app.monolith.url, ACCOUNTS_URL: app.service.url, STATE_URL: proxy.urlFor(state.url) },
      });
      await until(async () => (await app.application.syncStatus()).streams.every((stream) => stream.state === 'running'), { timeoutMs: 40_000, everyMs: 50 });
      proxy.freeze();
      await worker.says('the leases can not be renewed');
      expect(await app.application.syncPause(SERVICE)).toMatchObject({ paused: true });
      const before = await all(app);
      await worker.says('another worker has taken over');
      await bursts.during(() => {});
      const checkpoints = (rows: unknown): unknown => (rows as readonly (readonly unknown[])[]).map((side) => side[1]);
      expect(checkpoints(await all(app))).toEqual(checkpoints(before));
      proxy.thaw();
      await app.application.syncResume(SERVICE);
      await bursts.equal('after it was resumed');
      expect(await worker.stop()).toBe(0);
    } finally {
      await proxy.close();
    }
  });
});
