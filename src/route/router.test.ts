import { request, type Agent } from 'undici';
import { afterEach, describe, expect, it } from 'vitest';
import { routerFixture, until, type RouterFixture } from '../../test/support/route-fixture.ts';
import { bucketOf } from './decide.ts';
import { TrafficRouter } from './router.ts';

let fixture: RouterFixture | undefined;
afterEach(async () => {
  await fixture?.close();
  fixture = undefined;
});

interface Echo {
  readonly side: string;
  readonly path: string;
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body: string;
}

async function ask(
  path: string,
  options: { uid?: string; method?: string; body?: string; headers?: Record<string, string>; dispatcher?: Agent } = {},
): Promise<{ status: number; side: string | undefined; headers: Record<string, unknown>; echo: Echo }> {
  const { uid = 'u1', method = 'GET', body, headers = {}, dispatcher } = options;
  const response = await request(`${fixture!.url}${path}`, {
    method,
    headers: { cookie: `uid=${uid}`, ...headers },
    body: body ?? null,
    ...(dispatcher ? { dispatcher } : {}),
  });
  const text = await response.body.text();
  const side = response.headers['x-banyan-side'];
  return {
    status: response.statusCode,
    side: typeof side === 'string' ? side : undefined,
    headers: response.headers,
    echo: (text.startsWith('{') ? JSON.parse(text) : { body: text }) as Echo,
  };
}

describe('routing', () => {
  it('sends the service its share of its own paths, and everything else to the monolith', async () => {
    fixture = await routerFixture({ rule: { percent: 40 } });
    for (let n = 0; n < 40; n++) {
      const uid = `user-${n}`;
      const expected = bucketOf(uid) < 4000 ? 'service' : 'monolith';
      const users = await ask(`/api/users/${n}?x=1`, { uid });
      expect(users.side).toBe(expected);
      expect(users.echo).toMatchObject({ side: expected, path: `/api/users/${n}?x=1` });
      expect((await ask('/orders', { uid })).side).toBe('monolith');
    }
  });

  it('passes method, body and headers, and drops what concerns one connection', async () => {
    fixture = await routerFixture({ rule: { percent: 100 } });
    const { echo } = await ask('/login', {
      method: 'POST',
      body: 'name=a&pass=b',
      headers: { 'x-banyan-side': 'spoofed', 'x-forwarded-for': '10.1.1.1', 'x-request-id': 'abc-1', 'x-custom': 'kept' },
    });
    expect(echo).toMatchObject({ side: 'service', method: 'POST', body: 'name=a&pass=b' });
    expect(echo.headers).toMatchObject({
      'x-forwarded-for': '10.1.1.1, 127.0.0.1',
      'x-forwarded-proto': 'http',
      'x-forwarded-host': `127.0.0.1:${fixture.port}`,
      host: `127.0.0.1:${fixture.port}`,
      'x-request-id': 'abc-1',
      'x-custom': 'kept',
      'content-length': '13',
    });
    expect(echo.headers['forwarded']).toBe(`for=127.0.0.1;proto=http;host="127.0.0.1:${fixture.port}"`);
    expect(echo.headers['traceparent']).toMatch(/^00-[\da-f]{32}-[\da-f]{16}-00$/);
    expect(echo.headers['x-banyan-side']).toBeUndefined();
  });

  it('moves users up and down behind a fence', async () => {
    fixture = await routerFixture();
    expect((await ask('/api/users/1')).side).toBe('monolith');
    expect(await fixture.router.shift('accounts', 100)).toMatchObject({ state: 'done', percent: 100 });
    expect((await ask('/api/users/1')).side).toBe('service');
    expect(fixture.fence.placed.map(({ side }) => side)).toContain('monolith');
    expect(await fixture.router.rollback('accounts')).toMatchObject({ state: 'done', percent: 0 });
    expect((await ask('/api/users/1')).side).toBe('monolith');
    expect(fixture.fence.placed.map(({ side }) => side)).toContain('service');
    await until(() => fixture!.router.status().usersWithUnfinishedWrites === 0);
  });

  it('gives a user without a key a cookie, and keeps him where that puts him', async () => {
    fixture = await routerFixture({ rule: { percent: 50 }, secureCookie: true });
    const first = await request(`${fixture.url}/api/users/1`);
    await first.body.dump();
    const [cookie] = [first.headers['set-cookie']].flat();
    const key = /^banyan-key=([\da-f]{32}); Path=\/; Max-Age=\d+; HttpOnly; SameSite=Lax; Secure$/.exec(cookie ?? '')?.[1];
    expect(key).toBeDefined();
    expect(first.headers['x-banyan-side']).toBe(bucketOf(key!) < 5000 ? 'service' : 'monolith');
    const second = await request(`${fixture.url}/api/users/1`, { headers: { cookie: `banyan-key=${key}` } });
    await second.body.dump();
    expect(second.headers['set-cookie']).toBeUndefined();
    expect(second.headers['x-banyan-side']).toBe(first.headers['x-banyan-side']);
    // Other paths are none of its business.
    expect((await request(`${fixture.url}/style.css`)).headers['set-cookie']).toBeUndefined();
  });

  it('lets testers choose their side only where that is allowed', async () => {
    fixture = await routerFixture();
    expect((await ask('/api/users/1', { headers: { 'x-banyan-route': 'service' } })).side).toBe('monolith');
    await fixture.close();
    fixture = await routerFixture({ overrideHeader: true, accessLog: true });
    const choose = async (side: string, method = 'GET'): Promise<string | undefined> =>
      (await ask('/api/users/1', { method, headers: { 'x-banyan-route': side } })).side;
    expect(await choose('service')).toBe('service');
    expect(await choose('service', 'POST')).toBe('service');
    expect(await choose('monolith', 'POST')).toBe('monolith');
    expect(await choose('rubbish')).toBe('monolith');
    const named = await routerFixture({ overrideHeader: 'X-Side' });
    const response = await request(`${named.url}/api/users/1`, { headers: { 'x-side': 'service' } });
    expect(response.headers['x-banyan-side']).toBe('service');
    await response.body.dump();
    await named.close();
    // What a tester asks for is what he gets, errors included.
    fixture.service.handler = (_incoming, response) => response.writeHead(500).end();
    expect((await ask('/api/users/1', { headers: { 'x-banyan-route': 'service' } })).status).toBe(500);
  });

  it('changes paths for the service only, and says nothing of the side if told so', async () => {
    fixture = await routerFixture({
      sideHeader: false,
      rule: { percent: 100, adapt: [{ from: '/api/users/{id}', to: '/v1/users/{id}' }] },
    });
    const { side, echo } = await ask('/api/users/7?x=1');
    expect(side).toBeUndefined();
    expect(echo).toMatchObject({ side: 'service', path: '/v1/users/7?x=1' });
    await fixture.router.rollback('accounts');
    expect((await ask('/api/users/7')).echo).toMatchObject({ side: 'monolith', path: '/api/users/7' });
  });

  it('needs only a route to serve, as a library', async () => {
    fixture = await routerFixture();
    const router = new TrafficRouter({ warmUpRequests: 32 });
    await expect(router.listen('127.0.0.1:0')).rejects.toMatchObject({ code: 'BANYAN_ROUTE_INVALID' });
    await router.addRoute(
      { service: 'accounts', strategy: 'percentage', percent: 0, sticky: true },
      { monolith: fixture.monolith.url, service: `${fixture.service.url}/base/` },
    );
    const { port } = await router.listen({ host: '127.0.0.1', port: 0 });
    expect(fixture.monolith.seen).toEqual([]);
    await router.shift('accounts', 100);
    const response = await request(`http://127.0.0.1:${port}/x`);
    expect(await response.body.json()).toMatchObject({ side: 'service', path: '/base/x' });
    await expect(router.listen('127.0.0.1:0')).rejects.toThrow(/listens already/);
    const second = new TrafficRouter({ monolith: fixture.monolith.url, warmUpRequests: 0 });
    await expect(second.listen(`127.0.0.1:${port}`)).rejects.toMatchObject({ code: 'BANYAN_ROUTE_LISTEN' });
    await second.close();
    await router.close();
  });
});

describe('closing', () => {
  it('lets requests under way end, and takes no new ones', async () => {
    fixture = await routerFixture();
    let answer: () => void = () => {};
    fixture.monolith.handler = (_incoming, response) => {
      answer = () => response.end('done');
    };
    const slow = request(`${fixture.url}/slow`);
    await until(() => fixture!.monolith.seen.length === 1);
    const closing = fixture.router.close({ drainMs: 5000 });
    await until(() => fixture!.router.status().notReady === 'closing');
    answer();
    expect(await (await slow).body.text()).toBe('done');
    await closing;
    await expect(request(fixture.url)).rejects.toThrow();
  });

  it('does not wait longer than it was told', async () => {
    fixture = await routerFixture();
    fixture.monolith.handler = () => {};
    const hanging = request(`${fixture.url}/slow`);
    await until(() => fixture!.monolith.seen.length === 1);
    const [result] = await Promise.allSettled([hanging, fixture.router.close({ drainMs: 30 })]);
    expect(result.status).toBe('rejected');
  });
});

describe('the admin interface', () => {
  it('tells health, readiness, metrics and status, and changes nothing', async () => {
    fixture = await routerFixture({ rule: { percent: 25, shadow: { percent: 0 } } });
    const { router } = fixture;
    let broken = false;
    const { port } = await router.listenAdmin('127.0.0.1:0', {
      metricsText: () => {
        if (broken) throw new Error('no metrics');
        return 'up 1\n';
      },
    });
    const admin = async (path: string, method = 'GET'): Promise<{ status: number; text: string }> => {
      const response = await request(`http://127.0.0.1:${port}${path}`, { method });
      return { status: response.statusCode, text: await response.body.text() };
    };
    expect(await admin('/healthz')).toEqual({ status: 200, text: 'alive\n' });
    expect(await admin('/readyz')).toEqual({ status: 200, text: 'ready\n' });
    expect(await admin('/metrics')).toEqual({ status: 200, text: 'up 1\n' });
    const { routes } = JSON.parse((await admin('/status')).text) as { routes: unknown[] };
    expect(routes).toMatchObject([
      { service: 'accounts', percent: 25, version: 0, health: 'healthy', breaker: 'closed', shadow: { percent: 0, compared: 0 } },
    ]);
    expect((await admin('/else')).status).toBe(404);
    expect((await admin('/status', 'POST')).status).toBe(405);
    expect((await admin('/status', 'HEAD')).text).toBe('');
    broken = true;
    expect((await admin('/metrics')).status).toBe(500);
  });

  it('is not ready before the router is, and needs a token beyond this machine', async () => {
    fixture = await routerFixture();
    const router = new TrafficRouter({ monolith: fixture.monolith.url, warmUpRequests: 0 });
    await expect(router.listenAdmin('0.0.0.0:0')).rejects.toMatchObject({ code: 'BANYAN_ADMIN_OPEN' });
    const { port } = await router.listenAdmin('0.0.0.0:0', { token: 'secret' });
    const status = async (path: string, authorization?: string): Promise<number> => {
      const headers = authorization === undefined ? {} : { authorization };
      const response = await request(`http://127.0.0.1:${port}${path}`, { headers });
      await response.body.dump();
      return response.statusCode;
    };
    expect(await status('/readyz')).toBe(503);
    expect(await status('/status')).toBe(401);
    expect(await status('/status', 'Bearer wrong!')).toBe(401);
    expect(await status('/status', 'Bearer secret')).toBe(200);
    expect(await status('/metrics', 'Bearer secret')).toBe(200);
    await router.close();
  });
});
