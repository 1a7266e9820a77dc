import { afterEach, expect, it } from 'vitest';
import { Pool } from 'undici';
import type { PlanePlan } from '../../src/ports/data-plane.ts';
import { bucketOf, homeOf } from '../../src/route/decide.ts';
import { parseTemplate } from '../../src/route/path-template.ts';
import { describeRequiring } from '../support/requires.ts';
import { nginx, nginxRefuses, startNginx, type NginxProcess } from './nginx-process.ts';
import { matching, plan, route } from './plan.ts';
import { echoUpstream, type EchoUpstream, type Seen } from './upstream.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

type Ask = (path: string, headers?: Record<string, string>, method?: string) => Promise<Seen & { readonly answered: Readonly<Record<string, string | string[] | undefined>> }>;

interface Sides {
  readonly monolith: EchoUpstream;
  readonly service: EchoUpstream;
  readonly router: EchoUpstream;
}

async function started(make: (sides: Sides) => PlanePlan): Promise<{ readonly sides: Sides; readonly proxy: NginxProcess; readonly ask: Ask }> {
  const sides = { monolith: await echoUpstream('monolith'), service: await echoUpstream('service'), router: await echoUpstream('router') };
  for (const side of Object.values(sides)) closing.push(() => side.close());
  const proxy = await startNginx(make(sides));
  closing.push(() => proxy.close());
  const ask: Ask = async (path, headers = {}, method = 'GET') => {
    const { body, headers: answered, statusCode } = await pool.request({ path, method, headers });
    const text = await body.text();
    if (statusCode !== 200) throw new Error(`status ${statusCode}: ${text}`);
    return { ...(text === '' ? { side: String(answered['x-banyan-side']), url: '', method, headers: {} } : (JSON.parse(text) as Seen)), answered };
  };
  const pool = new Pool(proxy.url, { connections: 8 });
  closing.push(() => pool.destroy());
  return { sides, proxy, ask };
}

const USERS = Array.from({ length: 400 }, (_, n) => `user-${n}`);

describeRequiring(nginx.absence, 'NGINX with an exported configuration', () => {
  it('moves nobody back while its shares are raised, and about the share that was asked for', async () => {
    const at = (percent: number) => ({ monolith, service }: Sides): PlanePlan => plan({ monolith: monolith.url, routes: [route('users', service.url, { percent })] });
    const { ask, proxy, sides } = await started(at(0));
    let before = new Set<string>();
    for (const percent of [0, 10, 20, 50.5, 100]) {
      await proxy.reload(at(percent)(sides));
      // Connections of before the reload belong to workers that are about to end.
      const served = new Set<string>();
      await Promise.all(USERS.map(async (uid) => {
        const seen = await fetch(`${proxy.url}/api/users/1`, { headers: { cookie: `uid=${uid}`, connection: 'close' } });
        if (((await seen.json()) as Seen).side === 'service') served.add(uid);
      }));
      expect([...before].filter((uid) => !served.has(uid))).toEqual([]);
      expect(Math.abs(served.size / USERS.length - percent / 100)).toBeLessThan(0.1);
      before = served;
    }
    expect((await ask('/api/users/1', { cookie: 'uid=1' })).side).toBe('service');
  });

  it('serves the very users of the router where a header brings their bucket', async () => {
    const { ask } = await started(({ monolith, service }) =>
      plan({ monolith: monolith.url, bucketHeader: 'x-bucket', routes: [route('users', service.url, { percent: 37.41 })] }));
    const wrong: string[] = [];
    await Promise.all(USERS.map(async (uid) => {
      const { side, headers } = await ask('/api/users/1', { 'x-bucket': String(bucketOf(uid)).padStart(4, '0') });
      if (side !== homeOf(bucketOf(uid), 37.41) || headers['x-bucket'] !== undefined) wrong.push(uid);
    }));
    expect(wrong).toEqual([]);
    expect((await ask('/api/users/1')).side).toBe('monolith');
  });

  it('tells requests, users and testers apart, rewrites paths, and samples', async () => {
    const make = ({ monolith, service, router }: Sides): PlanePlan =>
      plan({
        monolith: monolith.url, router: router.url, overrideHeader: 'x-side', key: [{ cookie: 'uid' }, { header: 'x-user-id' }, { query: 'u' }],
        routes: [
          route('users', service.url, {
            percent: 100,
            match: [matching('/api/users/**'), matching('/login', 'POST'), matching('/t/{id}/x'), matching("/odd/it's {here}%25;$a")],
            adapt: [{ from: parseTemplate('/api/users/{id}/posts/{post}'), to: parseTemplate('/v2/p/{post}/of/{id}') }, { from: parseTemplate('/api/users/**'), to: parseTemplate('/v2/u/**') }],
          }),
          route('orders', service.url, { percent: 50 }),
        ],
      });
    const { ask, proxy, sides } = await started(make);
    const asked: [string, string, string?, string?][] = [
      ['/api/users', 'service', 'GET', '/v2/u'], ['/api/us%65rs/7?x=%2F', 'service', 'GET', '/v2/u/7?x=%2F'], ['/api/users%2F7', 'monolith'], ['/api/usersx', 'monolith'],
      ['/api/users/7/posts/a%20b?q=1', 'service', 'GET', '/v2/p/a%20b/of/7?q=1'], ['/login', 'monolith'], ['/login?a', 'service', 'POST', '/login?a'],
      ['/t/1/x', 'service'], ['/t//x', 'monolith'], ["/odd/it's%20%7bhere%7d%25;$a", 'service', 'GET', "/odd/it's%20%7bhere%7d%25;$a"], ['/', 'monolith'],
    ];
    for (const [path, side, method = 'GET', url = path] of asked) {
      const seen = await ask(path, { cookie: 'uid=1' }, method);
      expect([path, method, seen.side, seen.url, seen.answered['x-banyan-side']]).toEqual([path, method, side, url, side]);
    }
    // By whatever source he is known, a user is one; the first cookie counts, and empty ones do not.
    for (let n = 0; n < 8; n++) {
      const { side } = await ask('/api/orders/1', { cookie: `uid=k${n}` });
      for (const headers of [{ cookie: `a=uid; uid = "k${n}" ; uid=x` }, { 'x-user-id': `k${n}` }, { cookie: 'uid=', 'x-user-id': `k${n}` }, { cookie: `banyan-key=k${n}` }]) {
        expect((await ask('/api/orders/1', headers)).side).toBe(side);
      }
      expect((await ask(`/api/orders/1?u=k${n}`)).side).toBe(side);
      expect((await ask('/api/orders/1', { 'x-side': n % 2 === 0 ? 'service' : 'monolith' })).side).toBe(n % 2 === 0 ? 'service' : 'monolith');
      const first = await ask('/api/orders/1');
      const cookie = String(first.answered['set-cookie']);
      expect(cookie).toMatch(/^banyan-key=\w+; Path=\/; Max-Age=31536000; HttpOnly; SameSite=Lax$/);
      expect((await ask('/api/orders/1', { cookie: cookie.split(';', 1)[0] ?? '' })).side).toBe(first.side);
    }
    expect((await ask('/other')).answered['set-cookie']).toBeUndefined();
    expect((await ask('/api/users/1', { 'x-request-id': 'mine' })).headers['x-request-id']).toBe('mine');

    await proxy.reload({ ...make(sides), shadowPercent: 100 });
    const fresh = async (method: string): Promise<string> => ((await (await fetch(`${proxy.url}/api/users/1`, { method, headers: { connection: 'close' } })).json()) as Seen).side;
    expect([await fresh('GET'), await fresh('POST')]).toEqual(['router', 'service']);
  });

  it('takes what is exported for addresses of every kind', async () => {
    for (const address of ['https://127.0.0.1', 'http://[::1]:81', 'http://localhost:1']) {
      expect(await nginxRefuses(plan({ monolith: address, router: 'http://127.0.0.1:9', shadowPercent: 3.5, routes: [route('a-b', address, { percent: 12.34 }), route('a_b', address)] }))).toBe('');
    }
    expect(await nginxRefuses(plan({ routes: [route('x'.repeat(40), 'http://127.0.0.1', { match: [matching('/{a}/{b}/**')], percent: 0.01 })] }))).toBe('');
  });
});
