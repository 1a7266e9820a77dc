import { expect, it } from 'vitest';
import { until } from '../../test/support/condition.ts';
import { describePostgres, testDatabase } from '../../test/support/postgres.ts';
import { systemClock } from '../core/clock.ts';
import { PLAIN_DECISION } from '../model/route-decision.ts';
import type { RouteState } from '../ports/route-store.ts';
import { PostgresRouteStore, type RouteSqlPool } from './route-store.ts';

async function store(options: { readonly aliveMs?: number; readonly pollMs?: number } = {}): Promise<{
  readonly store: PostgresRouteStore;
  readonly database: Awaited<ReturnType<typeof testDatabase>>;
}> {
  const database = await testDatabase();
  const made = new PostgresRouteStore({ pool: database.pool, clock: systemClock, ...options });
  await made.install();
  return { store: made, database };
}

const change = (percent: number, why = 'test') => ({ service: 'accounts', percent, by: 'anna', why });

describePostgres('the route store', () => {
  it('is installed by many at once', async () => {
    const database = await testDatabase();
    const made = new PostgresRouteStore({ pool: database.pool, clock: systemClock });
    await Promise.all([made.install(), made.install(), made.install()]);
    expect(await made.load()).toEqual([]);
  });

  it('keeps every decision with who, when and why', async () => {
    const { store: routes } = await store();
    await routes.save(change(1, 'first users'));
    await routes.save({ ...change(33.33), service: 'other' });
    expect(await routes.save(change(12.34, 'more'))).toMatchObject({ service: 'accounts', version: 2, percent: 12.34, by: 'anna', why: 'more' });
    expect((await routes.load()).map(({ service, version, percent }) => [service, version, percent])).toEqual([
      ['accounts', 2, 12.34],
      ['other', 1, 33.33],
    ]);
    const history = await routes.history('accounts', 10);
    expect(history.map(({ version, why }) => [version, why])).toEqual([[2, 'more'], [1, 'first users']]);
    expect(history[0]?.at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    expect(await routes.history('accounts', 1)).toHaveLength(1);
  });

  it('remembers what the monolith did: the most requests of the last hour, else the latest', async () => {
    const { store: routes, database } = await store();
    expect(await routes.baselines.read('accounts')).toBeUndefined();
    await routes.baselines.remember('accounts', { requests: 5000, failed: 7, worst: 0.125 });
    await routes.baselines.remember('accounts', { requests: 2000, failed: 1, worst: 0.001 });
    const kept = await routes.baselines.read('accounts');
    expect(kept).toMatchObject({ requests: 5000, failed: 7, worst: 0.125 });
    expect(kept?.ageMs).toBeGreaterThanOrEqual(0);
    await database.pool.query("UPDATE banyan.route_baseline SET seen_at = seen_at - interval '2 hours'");
    expect((await routes.baselines.read('accounts'))?.ageMs).toBeGreaterThanOrEqual(7_200_000);
    await routes.baselines.remember('accounts', { requests: 2000, failed: 1, worst: 0.001 });
    expect(await routes.baselines.read('accounts')).toMatchObject({ requests: 2000, failed: 1, worst: 0.001 });
    expect(await routes.baselines.read('other')).toBeUndefined();
  });

  it('gives decisions made at once different versions, and refuses one made on an old version', async () => {
    const { store: routes } = await store();
    const saved = await Promise.all([1, 2, 3, 4, 5].map((percent) => routes.save(change(percent))));
    expect(new Set(saved.map(({ version }) => version))).toEqual(new Set([1, 2, 3, 4, 5]));
    await expect(routes.save({ ...change(9), expectedVersion: 4 })).rejects.toMatchObject({ code: 'BANYAN_ROUTE_CONFLICT' });
    expect(await routes.save({ ...change(9), expectedVersion: 5 })).toMatchObject({ version: 6 });
    expect(await routes.save({ ...change(9), service: 'new', expectedVersion: 0 })).toMatchObject({ version: 1 });
    await expect(routes.save(change(500))).rejects.toThrow(/check constraint/);
    expect(await routes.save(change(10))).toMatchObject({ version: 7 });
  });

  it('keeps lists and rules when only a percentage is decided, but neither a pin nor a schedule', async () => {
    const { store: routes, database } = await store();
    const decision = {
      ...PLAIN_DECISION, strategy: 'variants' as const, allow: ['anna', "o'neil"], rules: [{ when: { tenant: ['acme'] }, percent: 12.5 }],
      experiment: 'prices', variants: [{ name: 'a', weight: 1.5, ranges: [[0, 10_000]] as const }], stage: 'shadow' as const,
    };
    expect(await routes.save({ ...change(5), decision })).toMatchObject({ version: 1, decision });
    expect(await routes.save(change(6))).toMatchObject({ version: 2, percent: 6, decision });
    const rolled = { ...decision, pinned: 'monolith' as const, schedule: [{ percent: 50, at: '2026-01-01T00:00:00Z' }] };
    expect(await routes.save({ ...change(0), decision: rolled })).toMatchObject({ decision: rolled });
    expect(await routes.save(change(1))).toMatchObject({ decision });
    expect((await routes.history('accounts', 10)).map((state) => state.decision)).toEqual([decision, rolled, decision, decision]);
    // A row of a version that knew percentages only.
    await database.query(`INSERT INTO banyan.route_version (service, version, hundredths, decided_by, why) VALUES ('old', 1, 700, 'x', '')`);
    expect((await routes.load()).find(({ service }) => service === 'old')).toMatchObject({ percent: 7, decision: PLAIN_DECISION });
    expect(await routes.save({ ...change(8), service: 'old' })).toMatchObject({ version: 2, decision: PLAIN_DECISION });
  });

  it('is brought up to date where it was installed before decisions were more than a percentage', async () => {
    const { store: routes, database } = await store();
    await database.query('ALTER TABLE banyan.route_version DROP COLUMN decision');
    await Promise.all([routes.install(), routes.install()]);
    expect(await routes.save(change(3))).toMatchObject({ version: 1, decision: PLAIN_DECISION });
  });

  it('tells watchers of decisions by others without polling, and survives a lost connection', async () => {
    const { store: routes, database } = await store({ pollMs: 60_000 });
    const quick = new PostgresRouteStore({ pool: database.pool, clock: systemClock, pollMs: 20 });
    const seen = { notified: [] as (readonly RouteState[])[], polled: [] as (readonly RouteState[])[] };
    const reachable: boolean[] = [];
    const stop = new AbortController();
    const watching = Promise.all([
      routes.watch({ onStates: (states) => seen.notified.push(states), onReachable: () => {} }, stop.signal),
      quick.watch({ onStates: (states) => seen.polled.push(states), onReachable: (ok) => reachable.push(ok) }, stop.signal),
    ]);
    await until(() => seen.notified.length > 0, { what: 'the first states' });
    await routes.save(change(25));
    await until(() => seen.notified.at(-1)?.[0]?.percent === 25, { what: 'the notification' });
    // One transaction that no notification tells of, and sessions that are killed.
    await database.query(
      `INSERT INTO banyan.route_version (service, version, hundredths, decided_by, why) VALUES ('accounts', 2, 5000, 'x', '')`,
    );
    await until(() => seen.polled.at(-1)?.[0]?.percent === 50, { what: 'the poll' });
    await database.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'SELECT DISTINCT ON%' AND pid <> pg_backend_pid()`,
    );
    await until(() => reachable.includes(false), { what: 'the loss to be told' });
    await until(() => reachable.at(-1) === true, { what: 'the return to be told' });
    stop.abort();
    await watching;
  });

  it('knows which routers live, and how far they are', async () => {
    const { store: routes, database } = await store();
    await routes.heartbeat('a');
    await routes.acknowledge({ router: 'b', service: 'accounts', version: 3, state: 'moving', percent: 1.5, reason: '' });
    await routes.acknowledge({ router: 'b', service: 'accounts', version: 3, state: 'postponed', percent: 1.5, reason: 'lag' });
    expect(await routes.liveRouters()).toEqual(['a', 'b']);
    expect(await routes.acknowledgements('accounts')).toMatchObject([
      { router: 'b', version: 3, state: 'postponed', percent: 1.5, reason: 'lag' },
    ]);
    await routes.acknowledge({ router: 'b', service: 'accounts', version: 3, state: 'done', percent: 2, reason: '' });
    expect(await routes.acknowledgements('accounts')).toMatchObject([{ state: 'done' }]);
    await database.query(`UPDATE banyan.route_router SET seen_at = seen_at - interval '1 hour' WHERE router = 'b'`);
    expect(await routes.liveRouters()).toEqual(['a']);
    expect(await routes.acknowledgements('accounts')).toEqual([]);
    await routes.acknowledge({ router: 'b', service: 'accounts', version: 4, state: 'moving', percent: 2, reason: '' });
    expect(await routes.acknowledgements('accounts')).toMatchObject([{ state: 'moving' }]);
    await routes.forget('b');
    expect(await routes.liveRouters()).toEqual(['a']);
  });
});

it('a watcher says so when the database can’t be reached, and stops when told', async () => {
  const unreachable: RouteSqlPool = {
    query: async () => Promise.reject(new Error('no database')),
    connect: async () => Promise.reject(new Error('no database')),
  };
  const routes = new PostgresRouteStore({ pool: unreachable, clock: systemClock, pollMs: 5 });
  const reasons: string[] = [];
  const stop = new AbortController();
  const watching = routes.watch({ onStates: () => {}, onReachable: (_ok, reason) => reasons.push(reason) }, stop.signal);
  await until(() => reasons.length > 1, { what: 'two attempts' });
  stop.abort();
  await watching;
  expect(reasons[0]).toBe('no database');
});
