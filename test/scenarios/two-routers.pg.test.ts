import { request } from 'undici';
import { afterEach, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { bucketOf } from '../../src/route/decide.ts';
import { awaitRouters, type RoutersAnswer } from '../../src/route/await-routers.ts';
import { PostgresRouteStore } from '../../src/state/route-store.ts';
import { until } from '../support/condition.ts';
import { describePostgres, testDatabase } from '../support/postgres.ts';
import { routerFixture, type RouterFixture } from '../support/route-fixture.ts';

const open: RouterFixture[] = [];
afterEach(async () => {
  for (const fixture of open.splice(0)) {
    fixture.fence.flow('monolith');
    await fixture.close();
  }
});

async function routers(count: number, fenceBoundMs = 8000): Promise<{
  readonly store: PostgresRouteStore;
  readonly fixtures: RouterFixture[];
  readonly database: Awaited<ReturnType<typeof testDatabase>>;
}> {
  const database = await testDatabase({ max: 10 });
  const store = new PostgresRouteStore({ pool: database.pool, clock: systemClock });
  for (let n = 0; n < count; n++) {
    open.push(await routerFixture({ store, instance: `router-${n}`, fenceBoundMs, retryMs: 1000, triggerEveryMs: 20 }));
  }
  return { store, fixtures: [...open], database };
}

const answers = async (store: PostgresRouteStore, version: number, timeoutMs = 10_000): Promise<RoutersAnswer> =>
  awaitRouters({ store, service: 'accounts', version, clock: systemClock, timeoutMs });

const percents = (fixtures: readonly RouterFixture[]): number[] =>
  fixtures.map(({ router }) => router.status().routes[0]!.percent);

describePostgres('two routers that share their state', () => {
  it('follow what a command decides, and acknowledge it', async () => {
    const { store, fixtures } = await routers(2);
    // What `banyan route set accounts 25` does in another process.
    const { version } = await store.save({ service: 'accounts', percent: 25, by: 'anna', why: 'first quarter' });
    const answer = await answers(store, version);
    expect(answer).toMatchObject({ answered: true, missing: [] });
    expect(answer.reports.map(({ router, state, percent }) => [router, state, percent])).toEqual([
      ['router-0', 'done', 25],
      ['router-1', 'done', 25],
    ]);
    for (const uid of ['a', 'b', 'c', 'd', 'e']) {
      const expected = bucketOf(uid) < 2500 ? 'service' : 'monolith';
      for (const { url } of fixtures) {
        const response = await request(`${url}/api/users/1`, { headers: { cookie: `uid=${uid}` } });
        await response.body.dump();
        expect(response.headers['x-banyan-side']).toBe(expected);
      }
    }
    // What one of them decides, the other follows.
    await fixtures[0]!.router.shift('accounts', 60, { by: 'ben', why: 'more' });
    await answers(store, version + 1);
    expect(percents(fixtures)).toEqual([60, 60]);
    expect(await store.history('accounts', 1)).toMatchObject([{ percent: 60, by: 'ben', why: 'more' }]);
  });

  it('tell a command when they put the move off', async () => {
    const { store, fixtures } = await routers(2, 800);
    for (const { fence } of fixtures) fence.stall('monolith');
    const { version } = await store.save({ service: 'accounts', percent: 50, by: 'anna', why: '' });
    const answer = await answers(store, version);
    expect(answer.answered).toBe(true);
    expect(answer.reports.map(({ state }) => state)).toEqual(['postponed', 'postponed']);
    expect(answer.reports[1]?.reason).toContain('has not applied');
    for (const { fence } of fixtures) fence.flow('monolith');
    await until(() => percents(fixtures).every((percent) => percent === 50), { what: 'the move' });
  });

  it('start with what was decided before, and are missed when they are gone', async () => {
    const { store, fixtures } = await routers(1);
    await store.save({ service: 'accounts', percent: 30, by: 'anna', why: '' });
    await answers(store, 1);
    const late = await routerFixture({ store, instance: 'late' });
    open.push(late);
    expect(percents([late])).toEqual([30]);
    expect(late.fence.placed).toEqual([]);
    await store.heartbeat('silent');
    const answer = await answers(store, 1, 100);
    expect(answer).toMatchObject({ answered: false, missing: ['silent'] });
    await store.forget('silent');
    expect(await answers(store, 1)).toMatchObject({ answered: true });
    expect(fixtures).toHaveLength(1);
  });

  it('keep the last decision when they are cut off, say so, and still go back by themselves', async () => {
    const database = await testDatabase({ max: 10 });
    const store = new PostgresRouteStore({ pool: database.pool, clock: systemClock });
    const fixture = await routerFixture({
      store,
      triggerEveryMs: 20,
      rule: { triggers: [{ metric: 'consecutive_failures', threshold: 2 }] },
    });
    open.push(fixture);
    await fixture.router.shift('accounts', 40);
    // The state is gone for a while.
    await database.query('ALTER SCHEMA banyan RENAME TO gone');
    await until(() => fixture.router.status().store?.reachable === false, { what: 'the loss to be noticed' });
    expect(fixture.router.status().store?.cutOffSince).toMatch(/^\d{4}-.*Z$/);
    expect(percents([fixture])).toEqual([40]);
    await expect(fixture.router.shift('accounts', 90)).rejects.toMatchObject({ code: 'BANYAN_ROUTE_STORE' });
    fixture.service.handler = (_incoming, response) => response.writeHead(500).end();
    const uid = Array.from({ length: 100 }, (_, n) => `u${n}`).find((one) => bucketOf(one) < 4000)!;
    for (let n = 0; n < 3; n++) {
      await (await request(`${fixture.url}/api/users/1`, { headers: { cookie: `uid=${uid}` } })).body.dump();
    }
    await until(() => percents([fixture])[0] === 0, { what: 'the rollback' });
    await database.query('ALTER SCHEMA gone RENAME TO banyan');
    await until(async () => (await store.history('accounts', 1))[0]?.by === 'banyan', { what: 'the audit row' });
    const [decision] = await store.history('accounts', 1);
    expect(decision).toMatchObject({ percent: 0, version: 2 });
    expect(decision?.why).toContain('failures in a row');
    await until(() => fixture.router.status().store?.reachable === true, { what: 'the return to be noticed' });
    expect(fixture.router.status().store).toEqual({ reachable: true, reason: '', cutOffSince: null });
    // For the others a router without a word is one that has fallen silent.
    await until(async () => (await store.routers()).some(({ alive, routes }) => alive && routes[0]?.version === 2), { what: 'its report' });
    const impatient = new PostgresRouteStore({ pool: database.pool, clock: systemClock, aliveMs: 0 });
    expect(await impatient.routers()).toMatchObject([{ alive: false, seenAt: expect.stringMatching(/Z$/), routes: [{ service: 'accounts', version: 2 }] }]);
  });

  it('refuse to begin without the state: guessing could move users back', async () => {
    const database = await testDatabase();
    const store = new PostgresRouteStore({ pool: database.pool, clock: systemClock });
    await database.query('CREATE SCHEMA banyan; CREATE TABLE banyan.route_version (wrong text)');
    await expect(routerFixture({ store })).rejects.toMatchObject({ code: 'BANYAN_ROUTE_STORE' });
  });
});
