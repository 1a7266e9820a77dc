import { request } from 'undici';
import { afterEach, describe, expect, it } from 'vitest';
import { fakeUpstream, routerFixture, until, type FakeUpstream, type RouterFixture } from '../../../test/support/route-fixture.ts';
import { PLAIN_DECISION } from '../../model/route-decision.ts';
import { bucketOf } from '../decide.ts';
import { shareOut } from './variants.ts';

let fixture: RouterFixture;
const extra: FakeUpstream[] = [];
afterEach(async () => {
  fixture.fence.flow('monolith');
  fixture.fence.flow('service');
  await fixture.close();
  await Promise.all(extra.splice(0).map((upstream) => upstream.close()));
});

async function ask(uid: string, options: { readonly method?: string; readonly tenant?: string; readonly host?: string; readonly headers?: Record<string, string> } = {}) {
  const headers = { cookie: `uid=${uid}`, ...(options.tenant === undefined ? {} : { 'x-tenant': options.tenant }), ...options.headers };
  const response = await request(`${fixture.url}/api/users/1`, { method: options.method === 'POST' ? 'POST' : 'GET', body: options.method === 'POST' ? 'x' : null, headers });
  await response.body.dump();
  expect(response.statusCode).toBe(200);
  return { side: String(response.headers['x-banyan-side']), variant: response.headers['x-banyan-variant'] };
}
const side = async (uid: string, options?: Parameters<typeof ask>[1]): Promise<string> => (await ask(uid, options)).side;

/** Another user of the same bucket. */
const neighbourOf = (uid: string): string => {
  for (let n = 0; ; n++) if (bucketOf(`neighbour-${n}`) === bucketOf(uid)) return `neighbour-${n}`;
};

describe('a user who is listed', () => {
  it('is moved through the fence, and his neighbour of the same bucket does not even wait', async () => {
    fixture = await routerFixture({ fenceBoundMs: 5000 });
    fixture.fence.applied.monolith = 1n;
    const change = fixture.router.change('accounts', { allow: ['anna'] });
    await until(() => fixture.fence.placed.length === 2, 'the second fence');
    const held = side('anna');
    await until(() => fixture.router.status().routes[0]!.move.heldRequests === 1, 'the hold');
    expect(await side(neighbourOf('anna'))).toBe('monolith');
    expect(fixture.service.seen).toEqual([]);
    fixture.fence.flow('monolith');
    expect(await held).toBe('service');
    expect(await change).toMatchObject({ state: 'done', percent: 0, version: 1 });
    expect(await side(neighbourOf('anna'))).toBe('monolith');
    // Nobody left the service: no fence was placed on it.
    expect(fixture.fence.placed.every((placed) => placed.side === 'monolith')).toBe(true);
  });

  it('comes home through the fence of the service when he is denied, and with everybody on a rollback', async () => {
    fixture = await routerFixture();
    await fixture.router.change('accounts', { percent: 100, allow: ['anna'] });
    expect(await side('anna')).toBe('service');
    await fixture.router.change('accounts', { deny: ['anna'] });
    expect(await side('anna')).toBe('monolith');
    expect(await side('berta')).toBe('service');
    expect(fixture.fence.placed.at(-1)?.side).toBe('service');
    await fixture.router.change('accounts', { percent: 0, allow: ['anna'] });
    expect(await side('anna')).toBe('service');
    expect(await side('berta')).toBe('monolith');
    await fixture.router.rollback('accounts');
    expect(await side('anna')).toBe('monolith');
    expect(fixture.router.status().routes[0]).toMatchObject({ percent: 0, decision: { pinned: 'monolith', allowed: 1 } });
    await fixture.router.shift('accounts', 0);
    expect(await side('anna')).toBe('service');
  });

  it('keeps his side when the fence is late, and is moved later', async () => {
    fixture = await routerFixture({ fenceBoundMs: 200, retryMs: 10 });
    fixture.fence.stall('monolith');
    expect(await fixture.router.change('accounts', { allow: ['anna'] })).toMatchObject({ state: 'postponed' });
    expect(await side('anna')).toBe('monolith');
    fixture.fence.flow('monolith');
    await until(() => fixture.router.status().routes[0]!.move.state === 'done');
    expect(await side('anna')).toBe('service');
  });
});

describe('a tenant', () => {
  const rules = [{ when: { tenant: ['acme'] }, percent: 100 }];

  it('is moved as a whole, while the others go on', async () => {
    fixture = await routerFixture({ fenceBoundMs: 5000, tenant: [{ header: 'x-tenant' }] });
    fixture.fence.applied.monolith = 1n;
    const change = fixture.router.change('accounts', { rules });
    await until(() => fixture.fence.placed.length === 2, 'the second fence');
    const held = Promise.all([side('anna', { tenant: 'acme' }), side('berta', { tenant: 'acme' })]);
    await until(() => fixture.router.status().routes[0]!.move.heldRequests === 2, 'the hold');
    expect(await side('clara', { tenant: 'initech' })).toBe('monolith');
    expect(await side('clara', { method: 'POST' })).toBe('monolith');
    fixture.fence.flow('monolith');
    expect(await held).toEqual(['service', 'service']);
    expect(await change).toMatchObject({ state: 'done' });
    await fixture.router.rollback('accounts');
    expect(await side('anna', { tenant: 'acme' })).toBe('monolith');
  });

  it('whose user turns to another does not read the past there: what he has read, not only what he wrote', async () => {
    fixture = await routerFixture({ rule: { decision: { rules } }, tenant: [{ header: 'x-tenant' }], barrierBoundMs: 5000 });
    expect(await side('anna', { tenant: 'other' })).toBe('monolith');
    fixture.fence.stall('monolith');
    const turned = side('anna', { tenant: 'acme' });
    await until(() => fixture.fence.placed.length === 1, 'the fence');
    expect(await side('berta', { tenant: 'acme' })).toBe('service');
    expect(fixture.service.seen).toHaveLength(1);
    fixture.fence.flow('monolith');
    expect(await turned).toBe('service');
    // And he may stay there without waiting.
    fixture.fence.stall('monolith');
    expect(await side('anna', { tenant: 'acme' })).toBe('service');
  });

  it('is found by region too, by the network of the address', async () => {
    fixture = await routerFixture({
      rule: { decision: { rules: [{ when: { region: ['here'] }, percent: 100 }] } }, region: [{ networks: { there: ['10.0.0.0/8'], here: ['127.0.0.0/8', '::1'] } }],
    });
    expect(await side('anna')).toBe('service');
  });
});

describe('a tester', () => {
  it('who changes sides reads there what he has seen on the other', async () => {
    fixture = await routerFixture({ overrideHeader: true, barrierBoundMs: 5000 });
    expect(await side('anna')).toBe('monolith');
    fixture.fence.stall('monolith');
    const other = side('anna', { headers: { 'x-banyan-route': 'service' } });
    await until(() => fixture.fence.placed.length === 1, 'the fence');
    expect(fixture.service.seen).toEqual([]);
    fixture.fence.flow('monolith');
    expect(await other).toBe('service');
  });
});

describe('a tester’s path', () => {
  it('picks the side, only where that is allowed, and is gone when the request arrives', async () => {
    const asked = async (path: string): Promise<unknown> => {
      const response = await request(`${fixture.url}${path}`, { headers: { cookie: 'uid=anna' } });
      return { side: response.headers['x-banyan-side'], path: ((await response.body.json()) as { path: string }).path };
    };
    fixture = await routerFixture({ overridePath: '/-side/' });
    expect(await asked('/-side/service/api/users/1?a=1')).toEqual({ side: 'service', path: '/api/users/1?a=1' });
    expect(await asked('/-side/monolith/api/users/1')).toEqual({ side: 'monolith', path: '/api/users/1' });
    expect(await asked('/-side/service')).toEqual({ side: 'monolith', path: '/' });
    expect(await asked('/-side/services/api/users/1')).toEqual({ side: 'monolith', path: '/-side/services/api/users/1' });
    await fixture.close();
    fixture = await routerFixture();
    expect(await asked('/-side/service/api/users/1')).toEqual({ side: 'monolith', path: '/-side/service/api/users/1' });
  });
});

describe('variants', () => {
  it('serve each user from his own deployment, and only whom the service serves', async () => {
    extra.push(await fakeUpstream('blue'), await fakeUpstream('green'));
    const [blue, green] = extra;
    fixture = await routerFixture({
      rule: {
        percent: 100, variants: { blue: blue!.url, green: green!.url },
        decision: { ...PLAIN_DECISION, experiment: 'colours', variants: shareOut([{ name: 'blue', weight: 1 }, { name: 'green', weight: 1 }]) },
      },
    });
    const users = Array.from({ length: 20 }, (_, n) => `user-${n}`);
    const first = new Map<string, unknown>();
    for (const uid of users) first.set(uid, (await ask(uid)).variant);
    expect(new Set(first.values())).toEqual(new Set(['blue', 'green']));
    expect(blue!.seen).toHaveLength([...first.values()].filter((name) => name === 'blue').length);
    expect(fixture.service.seen).toEqual([]);
    for (const uid of users) expect((await ask(uid)).variant).toBe(first.get(uid));
    expect(await fixture.router.change('accounts', { variants: { blue: 0 } })).toMatchObject({ state: 'done' });
    for (const uid of users) expect((await ask(uid)).variant).toBe('green');
    await fixture.router.rollback('accounts');
    expect(await ask('user-1')).toEqual({ side: 'monolith', variant: undefined });
  });
});
