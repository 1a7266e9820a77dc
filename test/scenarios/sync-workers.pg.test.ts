import { hostname } from 'node:os';
import { afterAll, expect, it } from 'vitest';
import { testApplication, type TestApplication } from '../support/application.ts';
import { Bursts, ITEM_ROWS, ITEM_SCHEMA } from '../support/bursts.ts';
import { until } from '../support/condition.ts';
import { describePostgres, testDatabase } from '../support/postgres.ts';
import { rowsOf } from '../support/sync-engine.ts';
import { killSyncProcesses, SyncProcess } from '../support/sync-process.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';

afterAll(killSyncProcesses);

const nameOf = (worker: SyncProcess): string => `${hostname()}:${worker.pid}`;

function start(app: TestApplication, env: Readonly<Record<string, string>> = {}): SyncProcess {
  return SyncProcess.start({ configFile: app.context.configFile, env: { MONOLITH_URL: app.monolith.url, ACCOUNTS_URL: app.service.url, ...env } });
}

/** Which worker holds each service; undefined: none, or its streams do not run yet. */
async function holders(app: TestApplication): Promise<Readonly<Record<string, string | undefined>>> {
  const { streams } = await app.application.syncStatus();
  return Object.fromEntries(streams.map(({ service, worker, state }) => [service, state === 'running' ? worker : undefined]));
}

/** Waits until `worker` holds the one service, and its streams run. */
async function works(app: TestApplication, worker: SyncProcess): Promise<void> {
  await until(async () => Object.values(await holders(app)).every((holder) => holder === nameOf(worker)), {
    what: 'the worker holds all services', timeoutMs: 40_000, everyMs: 50,
  });
}

const tokens = async (app: TestApplication): Promise<string[]> =>
  [...(await app.service.query('SELECT token FROM banyan.stream')), ...(await app.monolith.query('SELECT token FROM banyan.stream'))].map((row) => row['token'] ?? '');

const itemApplication = (sections = '', env: Readonly<Record<string, string>> = {}): Promise<TestApplication> =>
  testApplication({ env, schema: ITEM_SCHEMA + ITEM_ROWS, sections, services: () => '  accounts: { url: "${ACCOUNTS_URL}", tables: [item] }\n' });

describePostgres('workers that share the streams', () => {
  it('lose nothing when one is killed and another is frozen and woken', async () => {
    const app = await itemApplication();
    // Both at once: one works, the other stands by.
    const first = start(app);
    const second = start(app);
    const holder = await until(async () => (await holders(app))['accounts'], { timeoutMs: 40_000, everyMs: 50, what: 'a worker works' });
    const [dies, next] = holder === nameOf(first) ? [first, second] : [second, first];
    await until(async () => (await app.application.syncStatus()).workers.length === 2);
    expect((await app.application.syncStatus()).workers.map(({ services }) => services.length).sort((a, b) => a - b)).toEqual([0, 1]);

    const bursts = new Bursts(app);
    await bursts.during(() => dies.kill());
    await works(app, next);
    await bursts.equal('after a worker was killed');

    // Whatever it is in the middle of, its successor does not wait for it.
    const third = start(app);
    await until(async () => (await app.application.syncStatus()).workers.length === 2, { timeoutMs: 40_000 });
    await bursts.during(() => next.freeze());
    await works(app, third);
    const lease = (await app.monolith.query('SELECT token FROM banyan.lease'))[0]?.['token'];
    await bursts.during(() => next.wake());
    await next.says('giving a service up');
    await until(async () => (await app.application.syncStatus()).workers.some(({ worker, services }) => worker === nameOf(next) && services.length === 0));
    await bursts.equal('after a worker was frozen and woken');
    expect(await holders(app)).toEqual({ accounts: nameOf(third) });
    expect(await tokens(app)).toEqual([lease, lease]);

    // Ctrl-C gives the lease back at once.
    expect(await third.stop()).toBe(0);
    await works(app, next);
    await bursts.during(() => {});
    await bursts.equal('after a worker was stopped');
    expect(await next.stop()).toBe(0);
    for (const side of [app.monolith, app.service]) expect(await side.query('SELECT * FROM banyan.quarantine')).toEqual([]);
  });

  it('are shut out by the databases themselves when they can not know that another has taken over', async () => {
    const state = await testDatabase();
    const proxy = await TcpProxy.start(state.url);
    try {
      const app = await itemApplication('state: { url: "${STATE_URL}" }\n', { STATE_URL: state.url });
      const cutOff = start(app, { STATE_URL: proxy.urlFor(state.url) });
      await works(app, cutOff);
      proxy.freeze();
      await cutOff.says('the leases can not be renewed');
      // Nobody has taken over, so it goes on.
      await app.monolith.query("INSERT INTO public.item VALUES (100, 'nobody else is there')");
      expect(await app.application.syncWait({ timeoutSeconds: 30 })).toMatchObject({ caughtUp: true });

      const successor = start(app, { STATE_URL: state.url });
      await works(app, successor);
      await cutOff.says('another worker has taken over');
      const [token] = await tokens(app);
      await successor.kill();
      await app.monolith.query("INSERT INTO public.item VALUES (101, 'nobody may write')");
      proxy.thaw();
      await works(app, cutOff);
      expect(await app.application.syncWait({ timeoutSeconds: 30 })).toMatchObject({ caughtUp: true });
      for (const now of await tokens(app)) expect(BigInt(now)).toBeGreaterThan(BigInt(token ?? 0));
      expect(await rowsOf(app.service, 'public.item')).toEqual(await rowsOf(app.monolith, 'public.item'));
      await cutOff.stop();
    } finally {
      await proxy.close();
    }
  });

  it('hand over what they can not reach to one that can', async () => {
    const app = await itemApplication('sync: { linkTimeoutMs: 1000, heartbeatMs: 200 }\n');
    const proxy = await TcpProxy.start(app.service.url);
    try {
      const cutOff = start(app, { ACCOUNTS_URL: proxy.urlFor(app.service.url) });
      await works(app, cutOff);
      const other = start(app);
      await until(async () => (await app.application.syncStatus()).workers.length === 2, { timeoutMs: 40_000 });
      // The lease is still renewed: only the service's database is out of reach.
      proxy.freeze();
      await works(app, other);
      await app.monolith.query("INSERT INTO public.item VALUES (100, 'm')");
      expect(await app.application.syncWait({ timeoutSeconds: 30 })).toMatchObject({ caughtUp: true });
      proxy.thaw();
      expect(await other.stop()).toBe(0);
      await works(app, cutOff);
      expect(await cutOff.stop()).toBe(0);
    } finally {
      await proxy.close();
    }
  });

  it('divide the services evenly, and divide them anew when one comes or goes', async () => {
    const services = ['one', 'two', 'three', 'four'];
    const app = await testApplication({
      schema: services.map((name) => `CREATE TABLE public.${name} (id int PRIMARY KEY, value text);`).join(' '),
      services: () => services.map((name) => `  ${name}: { url: "\${ACCOUNTS_URL}", tables: [${name}] }\n`).join(''),
    });
    const counts = async (): Promise<number[]> => {
      const held = Object.values(await holders(app)).filter((holder) => holder !== undefined);
      return [...new Set(held)].map((worker) => held.filter((each) => each === worker).length).sort((a, b) => a - b);
    };
    const settle = (expected: readonly number[]): Promise<unknown> =>
      until(async () => JSON.stringify(await counts()) === JSON.stringify(expected), { what: `${expected.join(', ')} services each`, timeoutMs: 60_000, everyMs: 100 });
    const workers = [start(app)];
    await settle([4]);
    workers.push(start(app), start(app));
    await settle([1, 1, 2]);
    await workers[0]!.kill();
    await settle([2, 2]);
    expect(await workers[1]!.stop()).toBe(0);
    await settle([4]);
    for (const name of services) await app.monolith.query(`INSERT INTO public.${name} VALUES (1, 'm')`);
    expect(await app.application.syncWait({ timeoutSeconds: 30 })).toMatchObject({ caughtUp: true });
    for (const name of services) expect(await app.service.query(`SELECT * FROM public.${name}`)).toEqual([{ id: '1', value: 'm' }]);
    expect(await workers[2]!.stop()).toBe(0);
  });
});
