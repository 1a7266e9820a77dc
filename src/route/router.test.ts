import { request, type Agent } from 'undici';
import { afterEach, describe, expect, it } from 'vitest';
import { routerFixture, until, type RouterFixture } from '../../test/support/route-fixture.ts';
import { bucketOf } from './decide.ts';

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
});
