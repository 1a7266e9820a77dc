import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { loadFlagProvider } from '../../src/app/flag-provider.ts';
import { flagProvider } from '../../src/app/library/flags.ts';
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
  await until(() => fetch(`http://${admin}/readyz`).then((response) => response.ok, () => false), { what: 'the router is ready', timeoutMs: 60_000 });
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
      code: 'BANYAN_PLANE_UNSUPPORTED', message: expect.stringContaining('lists of users and rules'),
    });
  });

  it('shares users out between variants of the service', async () => {
    const app = await routed('strategy: variants\nvariants: { blue: { upstream: "BLUE", weight: 1 } }\n');
    await app.application.routeSet({ service: 'accounts', percent: 100 });
    expect(await app.ask('anna')).toBe('blue');
    await app.application.routeChange({ service: 'accounts', strategy: 'blue-green', variants: { blue: 0 } });
    expect(await app.ask('anna')).toBe('service');
    for (const share of [{}, { gradual: { stepPercent: 5, everySeconds: 1 } }]) {
      await expect(app.application.routeSet({ service: 'accounts', percent: 50, ...share })).rejects.toMatchObject({ code: 'BANYAN_ROUTE_INVALID' });
    }
    await app.application.routeSet({ service: 'accounts', percent: 0 });
    expect(await app.application.routeShow({ service: 'accounts' })).toMatchObject({ percent: 0, decision: { strategy: 'blue-green' } });
  });

  it('is asked by application code, which follows when the users are moved', async () => {
    const app = await routed('deny: [dora]\n');
    await app.application.routeSet({ service: 'accounts', percent: 0 });
    const provider = flagProvider(app.monolith.url);
    closing.push(() => provider.onClose());
    await provider.initialize();
    const served = async (user: string) => (await provider.resolveBooleanEvaluation('accounts', false, { targetingKey: user })).value;
    expect(await served('anna')).toBe(false);
    await app.application.routeChange({ service: 'accounts', percent: 100, stage: 'dual-write' });
    await until(() => served('anna'), { what: 'the flag follows' });
    expect(await served('dora')).toBe(false);
    expect([await app.ask('anna'), await app.ask('dora')]).toEqual(['service', 'monolith']);
    expect(await provider.resolveBooleanEvaluation('accounts.dualWrite', false, {})).toMatchObject({ value: true });
  });

  it('follows the outside flag of a module, and refuses a module that gives none', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'banyan-flag-'));
    closing.push(() => rm(folder, { recursive: true }));
    const module = join(folder, 'flags.mjs');
    await writeFile(
      module,
      `const no = async () => { throw new Error('no'); };
export default () => ({ resolveNumberEvaluation: async (key) => ({ value: key === 'share' ? 100 : 0 }), resolveBooleanEvaluation: no, resolveObjectEvaluation: no });`,
    );
    const app = await routed(`strategy: flag\nflag: { provider: ${module}, key: share }\n`);
    await until(async () => (await app.ask('anna')) === 'service', { what: 'the flag is followed' });
    expect(await app.application.routeShow({ service: 'accounts' })).toMatchObject({ percent: 100, by: 'flag share', why: 'the flag share says 100' });
    await writeFile(join(folder, 'none.mjs'), 'export default 7;');
    await expect(loadFlagProvider(join(folder, 'none.mjs'))).rejects.toMatchObject({ code: 'BANYAN_FLAG_PROVIDER', message: expect.stringContaining('exports no provider') });
    await expect(loadFlagProvider(join(folder, 'gone.mjs'))).rejects.toMatchObject({ code: 'BANYAN_FLAG_PROVIDER', message: expect.stringContaining('could not be loaded') });
  });

  it('goes by the schedule of its configuration, begun by a command', async () => {
    const app = await routed('strategy: canary\nschedule: [{ percent: 10, at: "2020-01-01T00:00" }, { percent: 100, after: 1s }, { percent: 0, at: "2999-01-01T00:00", timezone: Europe/Berlin }]\n');
    await app.application.routeChange({ service: 'accounts', scheduled: true });
    await until(async () => (await app.application.routeShow({ service: 'accounts' })).percent === 100, { what: 'both steps' });
    const shown = await app.application.routeShow({ service: 'accounts' });
    expect(shown).toMatchObject({ version: 3, by: 'banyan', decision: { strategy: 'canary', schedule: [{ percent: 0, at: '2998-12-31T23:00:00.000Z' }] } });
    await until(async () => (await app.ask('anna')) === 'service', { what: 'everybody is moved' });
  });
});
