import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { freePort } from '../../src/embedded/free-port.ts';
import { testApplication, type TestApplication } from '../support/application.ts';
import { until } from '../support/condition.ts';
import { describePostgres } from '../support/postgres.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function upstream(name: string): Promise<string> {
  const server = createServer((_request, response) => response.end(name));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => new Promise((resolve) => (server.closeAllConnections(), server.close(() => resolve()))));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

interface Routed extends TestApplication {
  ask(user: string, tenant?: string): Promise<string>;
}

async function routed(routing: string): Promise<Routed> {
  const [monolith, service, blue] = [await upstream('monolith'), await upstream('service'), await upstream('blue')];
  const listen = `127.0.0.1:${await freePort()}`;
  const admin = `127.0.0.1:${await freePort()}`;
  const app = await testApplication({
    services: () =>
      `  accounts:\n    url: \${ACCOUNTS_URL}\n    tables: [users, sessions]\n    upstream: ${service}\n    match: [{ path: /api/** }]\n    routing:\n${routing.replaceAll('BLUE', blue).replaceAll(/^(?=.)/gm, '      ')}\n`,
    sections: `route:\n  listen: ${listen}\n  admin: ${admin}\n  monolith: ${monolith}\n  key: [{ cookie: uid }]\n  tenant: [{ header: x-tenant }]\n  rollback: { triggers: [] }\n`,
  });
  await app.startSync();
  app.start((other) => other.routeServe());
  await until(() => fetch(`http://${admin}/readyz`).then((response) => response.ok, () => false), { what: 'the router is ready' });
  return {
    ...app,
    ask: async (user, tenant = '') => (await fetch(`http://${listen}/api/x`, { headers: { cookie: `uid=${user}`, 'x-tenant': tenant } })).text(),
  };
}

describePostgres('a route that is more than a percentage', () => {
  it('begins as the configuration says, is changed in the store, and goes back with one command', async () => {
    const app = await routed('allow: [anna]\nrules: [{ when: { tenant: [acme] }, percent: 100 }]\n');
    expect(await app.application.routeShow({ service: 'accounts' })).toMatchObject({ version: 0, percent: 0, decision: { allow: ['anna'] } });
    expect([await app.ask('anna'), await app.ask('berta'), await app.ask('berta', 'acme')]).toEqual(['service', 'monolith', 'service']);

    // The first decision keeps what the configuration began with.
    await app.application.routeSet({ service: 'accounts', percent: 0 });
    expect(await app.ask('anna')).toBe('service');
    await app.application.routeChange({ service: 'accounts', allow: ['berta'], deny: ['anna'], why: 'asked' });
    expect([await app.ask('anna'), await app.ask('berta'), await app.ask('anna', 'acme')]).toEqual(['monolith', 'service', 'monolith']);
    expect(await app.application.routeShow({ service: 'accounts' })).toMatchObject({ version: 2, why: 'asked', decision: { allow: ['berta'], deny: ['anna'] } });

    await app.application.routeRollback({ service: 'accounts' });
    expect([await app.ask('berta'), await app.ask('clara', 'acme')]).toEqual(['monolith', 'monolith']);
    await app.application.routeSet({ service: 'accounts', percent: 0 });
    expect([await app.ask('berta'), await app.ask('clara', 'acme')]).toEqual(['service', 'service']);
    await app.application.routeChange({ service: 'accounts', configured: true });
    expect(await app.application.routeShow({ service: 'accounts' })).toMatchObject({ version: 5, decision: { allow: ['anna'], deny: [] } });
    await expect(app.application.routeChange({ service: 'accounts', stage: 'live' })).rejects.toMatchObject({ code: 'BANYAN_ROUTE_INVALID' });
    await expect(app.application.routeChange({ service: 'accounts', variants: { red: 1 } })).rejects.toMatchObject({
      code: 'BANYAN_ROUTE_INVALID', message: expect.stringContaining('no upstream for the variant red'),
    });
    await expect(app.application.routeExport({ format: 'haproxy', outDir: app.folder, direct: false })).rejects.toMatchObject({
      code: 'BANYAN_NOT_AVAILABLE', message: expect.stringContaining('allow and deny lists, rules'),
    });
  });

  it('shares users out between variants of the service', async () => {
    const app = await routed('strategy: variants\nvariants: { blue: { upstream: "BLUE", weight: 1 } }\n');
    await app.application.routeSet({ service: 'accounts', percent: 100 });
    expect(await app.ask('anna')).toBe('blue');
    await app.application.routeChange({ service: 'accounts', strategy: 'percentage', variants: { blue: 0 } });
    expect(await app.ask('anna')).toBe('service');
  });
});
