import { request } from 'undici';
import { afterEach, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { awaitRouters } from '../../src/route/await-routers.ts';
import { bucketOf } from '../../src/route/decide.ts';
import { PostgresRouteStore } from '../../src/state/route-store.ts';
import { until } from '../support/condition.ts';
import { describePostgres, testDatabase } from '../support/postgres.ts';
import { FakeFence, fakeUpstream, type FakeUpstream } from '../support/route-fixture.ts';
import { TrafficRouter } from '../../src/route/router.ts';

interface Setting {
  readonly store: PostgresRouteStore;
  readonly database: Awaited<ReturnType<typeof testDatabase>>;
  readonly monolith: FakeUpstream;
  readonly service: FakeUpstream;
  readonly fence: FakeFence;
  readonly routers: { readonly router: TrafficRouter; readonly url: string }[];
  readonly add: (instance: string) => Promise<{ readonly router: TrafficRouter; readonly url: string }>;
}

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** Routers before the same two sides, with the same databases behind these. */
async function setting(names: readonly string[], fenceBoundMs = 12_000): Promise<Setting> {
  const database = await testDatabase({ max: 20 });
  const store = new PostgresRouteStore({ pool: database.pool, clock: systemClock, aliveMs: 60_000 });
  const [monolith, service] = [await fakeUpstream('monolith'), await fakeUpstream('service')];
  closing.push(async () => monolith.close(), async () => service.close());
  const fence = new FakeFence();
  const routers: { readonly router: TrafficRouter; readonly url: string }[] = [];
  const add = async (instance: string): Promise<{ readonly router: TrafficRouter; readonly url: string }> => {
    const router = new TrafficRouter({
      key: [{ cookie: 'uid' }], warmUpRequests: 0, fence, store, instance, fenceBoundMs, retryMs: 1000,
    });
    closing.push(async () => {
      fence.flow('monolith');
      await router.close({ drainMs: 2000 });
    });
    await router.addRoute({ service: 'accounts', match: [{ path: '/api/users/**' }], triggers: [] }, { monolith: monolith.url, service: service.url });
    const { port } = await router.listen('127.0.0.1:0');
    const running = { router, url: `http://127.0.0.1:${port}` };
    routers.push(running);
    return running;
  };
  for (const name of names) await add(name);
  return { store, database, monolith, service, fence, routers, add };
}

const UID = Array.from({ length: 100 }, (_, n) => `low-${n}`).find((uid) => bucketOf(uid) < 1000)!;

const ask = async (url: string, method: 'GET' | 'POST' = 'GET', uid = UID): Promise<string> => {
  const response = await request(`${url}/api/users/1`, { method, headers: { cookie: `uid=${uid}` }, ...(method === 'POST' ? { body: 'x' } : {}) });
  await response.body.dump();
  expect(response.statusCode).toBe(200);
  return String(response.headers['x-banyan-side']);
};

const percents = ({ routers }: Setting): number[] => routers.map(({ router }) => router.status().routes[0]!.percent);
const held = ({ routers }: Setting): number[] => routers.map(({ router }) => router.status().routes[0]!.move.heldRequests);
const set = async ({ store }: Setting, percent: number): Promise<number> => (await store.save({ service: 'accounts', percent, by: 'anna', why: '' })).version;
const done = async ({ store }: Setting, version: number) => awaitRouters({ store, service: 'accounts', version, clock: systemClock, timeoutMs: 10_000 });

describePostgres('three routers that act as one', () => {
  it('move nobody before each of them holds him and has drained his writes', async () => {
    const all = await setting(['a', 'b', 'c']);
    let release: () => void = () => {};
    all.monolith.handler = (incoming, response) => {
      incoming.resume();
      release = () => response.end('written');
    };
    // A write that comes through the last of them and takes its time.
    const write = ask(all.routers[2]!.url, 'POST');
    write.catch(() => {});
    await until(() => all.monolith.seen.length === 1);
    const version = await set(all, 100);
    // Everybody else changes over; the writer's bucket waits, at every router.
    await until(() => percents(all).every((percent) => percent === 99.99), { what: 'the others to be moved' });
    const waiting = all.routers.map(async ({ url }) => ask(url));
    await until(() => held(all).every((count) => count === 1), { what: 'each router to hold him' });
    expect(all.service.seen).toEqual([]);
    all.monolith.handler = null;
    release();
    expect(await write).toBe('monolith');
    expect(await Promise.all(waiting)).toEqual(['service', 'service', 'service']);
    expect(await done(all, version)).toMatchObject({ answered: true, reports: [{ state: 'done' }, { state: 'done' }, { state: 'done' }] });
  });

  it('put the move off alike when a router does not answer, and go on when its lease has run out', async () => {
    const all = await setting(['a', 'b'], 3000);
    // A router that died a moment ago.
    await all.store.heartbeat('dead');
    const view = (await all.store.moves.read())[0]!;
    expect(await all.store.moves.write({ service: 'accounts', expected: view.sequence, move: { ...view.move, members: [...view.move.members, 'dead#1'] } })).toBe(true);
    const version = await set(all, 50);
    const answer = await done(all, version);
    expect(answer.reports.map(({ percent }) => percent)).toEqual([0, 0]);
    expect(answer.reports[0]!.reason).toContain('the router dead had not held its requests');
    expect(await Promise.all(all.routers.map(async ({ url }) => ask(url)))).toEqual(['monolith', 'monolith']);
    await all.database.query(`UPDATE banyan.route_router SET seen_at = seen_at - interval '1 hour' WHERE router = 'dead'`);
    await until(() => percents(all).every((percent) => percent === 50), { what: 'the move without it' });
  });

  it('go home at once while they are on their way out, and take in who comes in the middle', async () => {
    const all = await setting(['a', 'b', 'c']);
    all.fence.applied.monolith = 1n;
    const out = await set(all, 100);
    // The fence of the rehearsal passes; then all hold, and wait for the second.
    await until(async () => (await all.store.moves.read())[0]!.reports.length === 3, { what: 'each router to hold' });
    const waiting = all.routers.map(async ({ url }) => ask(url));
    await until(() => held(all).every((count) => count === 1), { what: 'each router to hold him' });
    const joins = all.add('late');
    const back = await set(all, 0);
    expect(await Promise.all(waiting)).toEqual(['monolith', 'monolith', 'monolith']);
    all.fence.flow('monolith');
    await joins;
    expect(back).toBe(out + 1);
    expect(await done(all, back)).toMatchObject({ answered: true });
    const again = await set(all, 100);
    await done(all, again);
    expect(percents(all)).toEqual([100, 100, 100, 100]);
    // Whoever starts later starts where the others are.
    await all.add('later');
    expect(percents(all)).toEqual([100, 100, 100, 100, 100]);
    expect(await ask(all.routers[4]!.url)).toBe('service');
  });

  it('never answer a user’s read by what he had before his write, whatever routers his requests come through', async () => {
    const all = await setting(['a', 'b', 'c']);
    // One truth, which each side sees as soon as the fence lets it: at once. So what counts is who is asked when.
    const sides: string[] = [];
    const load = { on: true };
    const failures: string[] = [];
    const clients = Array.from({ length: 4 }, async (_, n) => {
      for (let turn = n; load.on; turn++) {
        const { url } = all.routers[turn % 3]!;
        await ask(url, turn % 2 === 0 ? 'GET' : 'POST').then((side) => sides.push(side), (error: unknown) => failures.push(String(error)));
      }
    });
    let last = 0;
    for (const percent of [100, 0, 100, 0, 100]) {
      const version = await set(all, percent);
      expect(await done(all, version)).toMatchObject({ answered: true });
      const before = sides.length;
      await until(() => sides.length > before + 8, { what: 'more requests' });
      // All have changed over: nobody answers from the other side any more.
      expect(new Set(sides.slice(before + 4))).toEqual(new Set([percent === 100 ? 'service' : 'monolith']));
      last = version;
    }
    load.on = false;
    await Promise.all(clients);
    expect(failures).toEqual([]);
    expect(last).toBe(5);
  });
});
