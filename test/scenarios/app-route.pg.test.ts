import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { flagProvider } from '../../src/app/library/flags.ts';
import type { RouteResult } from '../../src/app/route-types.ts';
import { freePort } from '../../src/embedded/free-port.ts';
import { testApplication, type Running, type TestApplication, type TestApplicationOptions } from '../support/application.ts';
import { until } from '../support/condition.ts';
import { describePostgres } from '../support/postgres.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** A side that answers everything with its name, `/health` too while it is well; it keeps what is posted to it. */
async function upstream(name: string): Promise<{ readonly url: string; well: boolean; readonly told: unknown[] }> {
  const side = { url: '', well: true, told: new Array<unknown>() };
  const server = createServer((request, response) => {
    if (request.method === 'POST') {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => void side.told.push(JSON.parse(Buffer.concat(chunks).toString())));
    }
    response.writeHead(request.url === '/health' && !side.well ? 500 : 200, { 'content-type': 'application/json' }).end(JSON.stringify({ side: name }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  side.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  closing.push(() => new Promise((resolve) => (server.closeAllConnections(), server.close(() => resolve()))));
  return side;
}

interface Routed extends TestApplication {
  readonly listen: string;
  readonly admin: string;
  readonly sides: { readonly monolith: { well: boolean }; readonly service: { well: boolean } };
  serve(): Promise<Running<RouteResult>>;
  /** Which side answers a user. */
  side(user: string): Promise<string>;
}

async function routed(options: TestApplicationOptions & { readonly route?: string } = {}): Promise<Routed> {
  const [monolith, service] = [await upstream('monolith'), await upstream('service')];
  const listen = `127.0.0.1:${await freePort()}`;
  const admin = `127.0.0.1:${await freePort()}`;
  const app = await testApplication({
    ...options,
    services: () =>
      `  accounts:\n    url: \${ACCOUNTS_URL}\n    tables: [users, sessions]\n    upstream: ${service.url}\n    match: [{ path: /api/users/** }, { path: /login, methods: [POST] }]\n    health: { path: /health, everyMs: 30 }\n`,
    sections: `route:\n  listen: ${listen}\n  admin: ${admin}\n  monolith: ${monolith.url}\n  key: [{ cookie: uid }]\n  fence: { timeoutMs: 500 }\n${options.route ?? ''}${options.sections ?? ''}`,
  });
  return {
    ...app, listen, admin,
    sides: { monolith, service },
    serve: async () => {
      const router = app.start((other) => other.routeServe());
      const ready = until(() => fetch(`http://${admin}/readyz`).then((response) => response.ok, () => false), { what: 'the router is ready', timeoutMs: 60_000 });
      await Promise.race([ready, router.result.then(() => Promise.reject(new Error('the router ended')))]);
      return router;
    },
    side: async (user) => {
      const response = await fetch(`http://${listen}/api/users/1`, { headers: { cookie: `uid=${user}` } });
      return ((await response.json()) as { side: string }).side;
    },
  };
}

const USERS = Array.from({ length: 12 }, (_, n) => `user-${n}`);

describePostgres('the router of a configuration', () => {
  it('serves, moves users behind the fence, tells how it is, and goes back', async () => {
    const app = await routed({ route: '  shadow: { percent: 100 }\n  rollback: { triggers: [] }\n  headerOverride: x-side\n' });
    await app.startSync();
    const router = await app.serve();
    expect(app.notes).toContain(`listening on http://${app.listen}`);
    for (const user of USERS) expect(await app.side(user)).toBe('monolith');

    const half = await app.application.routeSet({ service: 'accounts', percent: 50 });
    expect(half.routes).toMatchObject([{ service: 'accounts', percent: 50, version: 1, health: 'healthy', breaker: 'closed' }]);
    const moved = new Set<string>();
    for (const user of USERS) if ((await app.side(user)) === 'service') moved.add(user);
    expect(moved.size).toBeGreaterThan(0);
    expect(moved.size).toBeLessThan(USERS.length);

    const gradual = await app.application.routeSet({ service: 'accounts', percent: 100, gradual: { stepPercent: 25, everySeconds: 0.05 } });
    expect(gradual.routes).toMatchObject([{ percent: 100, version: 3 }]);
    for (const user of USERS) expect(await app.side(user)).toBe('service');

    expect((await app.application.routeRollback({ service: 'accounts', why: 'a drill' })).routes).toMatchObject([{ percent: 0, version: 4 }]);
    for (const user of USERS) expect(await app.side(user)).toBe('monolith');
    expect(await app.application.routeStatus()).toMatchObject({
      routes: [{ version: 4, targetPercent: 0, decided: { why: 'a drill', by: expect.any(String), at: expect.stringMatching(/Z$/) }, decision: { strategy: 'percentage', pinned: 'monolith' }, move: { state: 'done' } }],
      routers: [{ alive: true, routes: [{ service: 'accounts', version: 4, state: 'done', percent: 0 }] }],
      asked: { router: expect.any(String), cutOffSince: null }, planes: [], store: { reachable: true },
    });
    // A router that is cut off is looked at without the store, too.
    await app.monolith.query('ALTER SCHEMA banyan RENAME TO gone');
    await until(async () => (await app.application.routeStatus()).asked?.cutOffSince, { what: 'the router says that it is cut off' });
    expect(await app.application.routeStatus()).toMatchObject({ routes: [{ version: 4, health: 'healthy' }], routers: [], store: { reachable: false, reason: expect.stringContaining('route_version') } });
    await app.monolith.query('ALTER SCHEMA gone RENAME TO banyan');
    await until(async () => (await app.application.routeStatus()).asked?.cutOffSince === null, { what: 'the router is back' });

    app.sides.service.well = false;
    await until(async () => (await app.application.routeStatus()).routes[0]!.health === 'unhealthy');
    const metrics = await (await fetch(`http://${app.admin}/metrics`)).text();
    expect(metrics).toContain('traffic_split_percentage');
    const left = await router.stop();
    expect(left.routes).toMatchObject([{ service: 'accounts', percent: 0, version: 4 }]);
    const without = await app.application.routeStatus();
    expect(without.routes).toEqual([{
      service: 'accounts', percent: 0, version: 4, health: 'unknown', breaker: 'unknown', shadow: {},
      decided: expect.objectContaining({ why: 'a drill' }), decision: expect.objectContaining({ pinned: 'monolith' }),
    }]);
    expect(without).toMatchObject({ routers: [], asked: null });
  });

  it('does not move anybody while the other side can not catch up, and says that it is pending', async () => {
    const app = await routed();
    const worker = await app.startSync();
    await worker.stop();
    await app.serve();
    await app.monolith.query("UPDATE public.users SET name = 'unseen' WHERE id = 1");
    await expect(app.application.routeSet({ service: 'accounts', percent: 100 })).rejects.toMatchObject({
      code: 'BANYAN_ROUTE_PENDING', message: expect.stringContaining('100 %'),
    });
    for (const user of USERS) expect(await app.side(user)).toBe('monolith');
    // The router goes on trying by itself, and moves everybody once the stream runs.
    await app.startSync();
    await until(async () => (await app.application.routeStatus()).routes[0]!.percent === 100);
    expect(await app.side('user-1')).toBe('service');
    expect(await app.service.query('SELECT name FROM public.users WHERE id = 1')).toEqual([{ name: 'unseen' }]);
  });

  it('is not needed to decide: whoever starts later starts with the decision', async () => {
    const app = await routed();
    expect((await app.application.routeStatus()).routes).toEqual([{ service: 'accounts', percent: 0, version: 0, health: 'unknown', breaker: 'unknown', shadow: {} }]);
    expect((await app.application.routeSet({ service: 'accounts', percent: 30 })).routes).toMatchObject([{ percent: 30, version: 1, health: 'unknown' }]);
    await app.startSync();
    await app.serve();
    expect((await app.application.routeStatus()).routes).toMatchObject([{ percent: 30, version: 1, health: 'healthy' }]);
    await expect(app.application.routeSet({ service: 'acounts', percent: 30 })).rejects.toMatchObject({ code: 'BANYAN_SERVICE_UNKNOWN' });
  });

  it('goes by steps of its own, keeps the history, goes back to any version, and not at once again by itself', async () => {
    const hook = await upstream('hook');
    const app = await routed({
      route:
        '  rollback:\n    coolDownMs: 3600000\n    triggers: [{ metric: sync_lag, threshold: 60000 }, { metric: unavailable }]\n' +
        `    webhooks: { team: { url: "${hook.url}/told" } }\n`,
    });
    await app.startSync();
    await app.serve();
    const first = await app.application.routeSet({ service: 'accounts', percent: 75, plan: { stepPercent: 25, everySeconds: 0.05 } });
    expect(first.routes[0]!.percent).toBeGreaterThanOrEqual(25);
    // No user asks, so nothing but the time and a word of sync is waited for.
    await until(async () => (await app.application.routeStatus()).routes[0]!.percent === 75);
    const { versions } = await app.application.routeHistory({ service: 'accounts', limit: 2 });
    expect(versions).toMatchObject([{ version: 3, percent: 75, by: 'banyan', why: 'gradual, to 75 %' }, { version: 2, percent: 50 }]);
    expect((await app.application.routeRollback({ service: 'accounts', toVersion: 1 })).routes).toMatchObject([{ percent: 25, version: 4 }]);
    await expect(app.application.routeRollback({ service: 'accounts', toVersion: 9 })).rejects.toMatchObject({ code: 'BANYAN_ROUTE_INVALID' });
    expect((await app.application.routeStatus()).routes[0]).toMatchObject({ gradual: null, signals: { syncLagMs: expect.any(Number) } });

    app.sides.service.well = false;
    await until(async () => (await app.application.routeStatus()).routes[0]!.percent === 0);
    app.sides.service.well = true;
    await expect(app.application.routeSet({ service: 'accounts', percent: 50, plan: {} })).rejects.toMatchObject({ code: 'BANYAN_ROUTE_COOLING' });
    await until(async () => (await app.application.routeStatus()).routes[0]!.health === 'healthy');
    expect((await app.application.routeSet({ service: 'accounts', percent: 10 })).routes).toMatchObject([{ percent: 10 }]);
    await until(async () => hook.told.length > 0);
    expect(hook.told[0]).toMatchObject({ event: 'triggered', service: 'accounts', action: 'automatic_rollback', metric: 'unavailable', percent: 25 });
  });

  it('is not taken for ours when something else answers on its address', async () => {
    const other = await upstream('something else');
    const app = await routed();
    const port = new URL(other.url).port;
    await app.configure(`route: { listen: "${app.listen}", admin: "127.0.0.1:${port}", monolith: "${other.url}" }\n`);
    expect((await app.application.routeStatus()).routes).toMatchObject([{ service: 'accounts', percent: 0, health: 'unknown' }]);
    await expect(app.start((application) => application.routeServe()).result).rejects.toMatchObject({ code: 'BANYAN_ROUTE_LISTEN' });
  });
});

describePostgres('a route that nothing could serve', () => {
  it('is refused before it is decided', async () => {
    const app = await testApplication();
    for (const command of [
      () => app.application.routeSet({ service: 'accounts', percent: 10 }),
      () => app.application.routeRollback({ service: 'accounts' }),
      () => app.application.routeServe(),
    ]) {
      await expect(command()).rejects.toMatchObject({ code: 'BANYAN_CONFIG', message: expect.stringContaining('route') });
    }
    await app.configure('route: { monolith: "http://127.0.0.1:3000" }\n');
    await expect(app.application.routeSet({ service: 'accounts', percent: 10 })).rejects.toMatchObject({ code: 'BANYAN_CONFIG', message: expect.stringContaining('upstream') });
    expect((await app.monolith.query("SELECT to_regclass('banyan.route') AS name"))[0]!['name']).toBeNull();
  });
});

describePostgres('a migration', () => {
  it('goes stage by stage to live, stops at the gate that says no, and comes back', async () => {
    const app = await routed({ route: '  rollback: { triggers: [] }\n' });
    const { application } = app;
    expect(await application.migrateStatus({})).toEqual({ migrations: [{ service: 'accounts', stage: 'planned', gates: [], history: [] }] });

    expect(await application.migrate({ service: 'accounts', dryRun: true })).toMatchObject({ stage: 'planned', gates: [{ name: 'prerequisites', passed: true }] });
    expect(await application.migrate({ service: 'accounts', dryRun: false })).toMatchObject({ stage: 'prepared' });
    expect(await application.migrate({ service: 'accounts', dryRun: false })).toMatchObject({ stage: 'provisioned', gates: [] });
    expect(await app.service.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).toHaveLength(2);

    // Nothing follows yet.
    expect(await application.migrate({ service: 'accounts', dryRun: false })).toMatchObject({ stage: 'provisioned', gates: [{ name: 'following', passed: false, evidence: expect.stringContaining('absent') }] });
    const worker = await app.startSync();
    await until(async () => (await application.migrate({ service: 'accounts', to: 'synced', dryRun: false })).stage === 'synced');

    // Application code that asks the provider goes along.
    const provider = flagProvider(app.monolith.url);
    closing.push(() => provider.onClose());
    await provider.initialize();
    const told = async (stage: string) => {
      const heard = async () => (await provider.resolveStringEvaluation('accounts.stage', '', { targetingKey: 'user-1' })).value;
      await until(async () => (await heard()) === stage, { what: `application code is at ${stage}` });
    };
    const version = async () => (await application.routeShow({ service: 'accounts' })).version;
    await told('dual-write');

    // Both sides differ where no stream mends it.
    await worker.stop();
    await app.service.query("DELETE FROM public.sessions WHERE id = 's1'");
    expect(await application.migrate({ service: 'accounts', dryRun: false })).toMatchObject({ stage: 'synced', gates: [{ name: 'equal', passed: false, evidence: '40 rows compared; public.sessions: missing: 1 row only in the source' }] });
    await app.startSync();
    expect(await application.syncWait({ timeoutSeconds: 20 })).toMatchObject({ caughtUp: true });
    expect(await application.migrate({ service: 'accounts', dryRun: false })).toMatchObject({ stage: 'validated', gates: [{ name: 'equal', passed: true, evidence: '39 rows compared' }] });
    await told('shadow');
    expect(await version()).toBe(2);

    expect(await application.migrate({ service: 'accounts', dryRun: false })).toMatchObject({ stage: 'validated', gates: [{ name: 'served', passed: false }] });
    await app.serve();
    const live = await application.migrate({ service: 'accounts', to: 'live', dryRun: false });
    expect(live.gates.filter((gate) => !gate.passed)).toEqual([]);
    expect(live.stage).toBe('live');
    expect(live.history.map(({ to }) => to)).toEqual(['prepared', 'provisioned', 'synced', 'validated', 'routed', 'canary', 'half', 'live']);
    expect(await app.side('user-1')).toBe('service');
    await told('ramp-down');
    expect((await application.routeHistory({ service: 'accounts', limit: 9 })).versions.map(({ percent, why }) => [percent, why])).toEqual([
      [100, 'migrate: ramp-down'], [50, 'migrate: live'], [1, 'migrate: live'], [0, 'migrate: shadow'], [0, 'migrate: dual-write'],
    ]);
    await application.routeChange({ service: 'accounts', stage: 'complete' });
    await told('complete');
    await expect(application.migrate({ service: 'accounts', to: 'synced', dryRun: false })).rejects.toMatchObject({ code: 'BANYAN_MIGRATE_STAGE' });

    expect(await application.migrateRollback({ service: 'accounts', dryRun: true })).toMatchObject({ stage: 'live' });
    expect(await app.side('user-1')).toBe('service');
    expect(await application.migrateRollback({ service: 'accounts', dryRun: false })).toMatchObject({ stage: 'validated' });
    expect(await app.side('user-1')).toBe('monolith');
    await told('shadow');
    expect((await application.migrateStatus({ service: 'accounts' })).migrations[0]!.history.at(-1)).toMatchObject({ from: 'live', to: 'validated' });

    // What somebody had set by hand is taken back too, and made up for on the way forward.
    await application.routeChange({ service: 'accounts', stage: 'off', allow: ['user-2'] });
    expect(await app.side('user-2')).toBe('monolith');
    expect(await application.migrate({ service: 'accounts', to: 'canary', dryRun: false })).toMatchObject({ stage: 'canary' });
    expect(await application.routeShow({ service: 'accounts' })).toMatchObject({ percent: 1, decision: { stage: 'live', pinned: null } });
    expect(await app.side('user-2')).toBe('service');
    await application.migrateRollback({ service: 'accounts', dryRun: false });
    expect(await app.side('user-2')).toBe('monolith');
    expect(await application.routeShow({ service: 'accounts' })).toMatchObject({ percent: 0, why: 'migrate rollback', decision: { stage: 'shadow', pinned: 'monolith' } });
  });

  it('is moved by one of two commands at once', async () => {
    const app = await testApplication();
    const both = await Promise.allSettled([
      app.application.migrate({ service: 'accounts', dryRun: false }),
      app.application.migrate({ service: 'accounts', dryRun: false }),
    ]);
    const refused = both.filter((each) => each.status === 'rejected');
    expect(refused.map((each) => (each.reason as { code: string }).code)).toEqual(['BANYAN_MIGRATE_CONFLICT']);
    const { history, stage } = (await app.application.migrateStatus({ service: 'accounts' })).migrations[0]!;
    expect([stage, history.length]).toEqual(['prepared', 1]);
  });

  it('does not begin while prerequisites fail, and is rolled back without a router too', async () => {
    const app = await testApplication({ schema: 'CREATE TABLE public.users (a int); CREATE TABLE public.sessions (id int PRIMARY KEY);' });
    const report = await app.application.migrate({ service: 'accounts', dryRun: false });
    expect(report).toMatchObject({ stage: 'planned', gates: [{ name: 'prerequisites', passed: false, evidence: expect.stringContaining('public.users.key') }] });
    expect(await app.application.migrateRollback({ service: 'accounts', dryRun: false })).toMatchObject({ stage: 'planned' });
    await expect(app.application.migrate({ service: 'nobody', dryRun: false })).rejects.toMatchObject({ code: 'BANYAN_SERVICE_UNKNOWN' });
  });
});
