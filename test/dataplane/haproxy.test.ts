import { readFile, writeFile } from 'node:fs/promises';
import { afterEach, expect, it } from 'vitest';
import { IncomingMessage, request as httpRequest } from 'node:http';
import { Socket } from 'node:net';
import { Pool } from 'undici';
import { systemClock } from '../../src/core/clock.ts';
import type { PlanePlan, PlaneShare } from '../../src/ports/data-plane.ts';
import { bucketOf, homeOf } from '../../src/route/decide.ts';
import { parseTemplate } from '../../src/route/path-template.ts';
import { readKey } from '../../src/route/key.ts';
import { until } from '../support/condition.ts';
import { describeRequiring } from '../support/requires.ts';
import { haproxy, startHaproxy, type HaproxyProcess } from './haproxy-process.ts';
import { matching, plan, route } from './plan.ts';
import { echoUpstream, type EchoUpstream, type Seen } from './upstream.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

interface Sides {
  readonly monolith: EchoUpstream;
  readonly service: EchoUpstream;
  readonly router: EchoUpstream;
}

async function sides(): Promise<Sides> {
  const three = { monolith: await echoUpstream('monolith'), service: await echoUpstream('service'), router: await echoUpstream('router') };
  for (const side of Object.values(three)) closing.push(() => side.close());
  return three;
}

async function started(make: (sides: Sides) => PlanePlan): Promise<Sides & { readonly proxy: HaproxyProcess; readonly ask: Ask }> {
  const three = await sides();
  const proxy = await startHaproxy(make(three));
  closing.push(() => proxy.close());
  const pool = new Pool(proxy.url, { connections: 8 });
  closing.push(() => pool.destroy());
  const ask: Ask = async (path, headers = {}, method = 'GET') => {
    const { body, headers: answered, statusCode } = await pool.request({ path, method, headers });
    if (statusCode !== 200) throw new Error(`status ${statusCode}: ${await body.text()}`);
    const text = await body.text();
    return { ...(text === '' ? { side: String(answered['x-banyan-side']), url: '', method, headers: {} } : (JSON.parse(text) as Seen)), answered };
  };
  return { ...three, proxy, ask };
}

type Ask = (path: string, headers?: Record<string, string>, method?: string) => Promise<Seen & { readonly answered: Readonly<Record<string, string | string[] | undefined>> }>;

const user = (n: number): string => `user-${n}-${'x'.repeat(n % 23)}é`;

describeRequiring(haproxy.absence, 'HAProxy with an exported configuration', () => {
  it('puts 2,000 keys on the sides where the router of Banyan puts them', async () => {
    const { ask } = await started(({ monolith, service }) =>
      plan({ monolith: monolith.url, routes: [route('users', service.url, { percent: 37.41 })] }));
    const wrong: string[] = [];
    await Promise.all(
      Array.from({ length: 2000 }, async (_, n) => {
        const key = user(n);
        const { side } = await ask('/api/users/1', { cookie: `a=b; uid=${Buffer.from(key).toString('latin1')}` });
        // Header values are Latin-1 in Node on both ways; the bytes are what is hashed.
        if (side !== homeOf(bucketOf(key), 37.41)) wrong.push(`${key} ${side}`);
      }),
    );
    expect(wrong).toEqual([]);
  });

  it('finds the key by the same chain, in odd cookies too', async () => {
    const key = [{ cookie: 'uid' }, { header: 'x-user-id' }, { jwt: 'sub' }, { query: 'u' }] as const;
    const { ask } = await started(({ monolith, service }) =>
      plan({ monolith: monolith.url, key, routes: [route('users', service.url, { percent: 50 })] }));
    const token = (claims: object): string => `Bearer e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.x`;
    const requests: { path?: string; headers: Record<string, string> }[] = Array.from({ length: 12 }, (_, n) => [
      { headers: { cookie: `uid=k${n}; uid=other` } },
      { headers: { cookie: `uid=; uid=o${n}`, 'x-user-id': `h${n}` } },
      { headers: { cookie: `auid=x; uid="q${n}"` } },
      { headers: { cookie: `x=uid=1; uid =  s${n}  ; z="a;uid=5"` } },
      { headers: { cookie: `uidx=1`, 'x-user-id': `a${n}, b` } },
      { headers: { authorization: token({ sub: `j${n}`, more: { sub: 'no' } }) } },
      { headers: { authorization: token({ more: { sub: 'no' }, sub: 1_234_567_890 + n }) } },
      { headers: { authorization: 'Bearer nonsense', cookie: `banyan-key=b${n}` } },
      { headers: { authorization: 'Basic abc' }, path: `/api/users/1?a=b&u=p%20${n}+z` },
    ]).flat();
    const wrong: unknown[] = [];
    for (const { path = '/api/users/1', headers } of requests) {
      const request = new IncomingMessage(new Socket());
      Object.assign(request, { headers, url: path });
      const expected = homeOf(bucketOf(readKey(key, request, '127.0.0.1') ?? 'none'), 50);
      const { side } = await ask(path, headers);
      if (side !== expected) wrong.push({ path, headers, side, expected });
    }
    expect(wrong).toEqual([]);
  });

  it('gives a user without a key a cookie that keeps him where he is', async () => {
    const { ask } = await started(({ monolith, service }) => plan({ monolith: monolith.url, routes: [route('users', service.url, { percent: 50 })] }));
    const reached = new Set<string>();
    for (let n = 0; n < 12; n++) {
      const first = await ask('/api/users/1');
      const cookie = String(first.answered['set-cookie']);
      expect(cookie).toMatch(/^banyan-key=[\w-]+; Path=\/; Max-Age=31536000; HttpOnly; SameSite=Lax$/);
      const second = await ask('/api/users/2', { cookie: cookie.split(';', 1)[0] ?? '' });
      expect(second).toMatchObject({ side: first.side });
      expect(second.answered['set-cookie']).toBeUndefined();
      reached.add(first.side);
    }
    expect(reached.size).toBe(2);
    expect((await ask('/other')).answered['set-cookie']).toBeUndefined();
  });

  it('tells requests apart by path, escapes and method as the router does, and rewrites paths', async () => {
    const { ask } = await started(({ monolith, service }) =>
      plan({
        monolith: monolith.url,
        routes: [
          route('users', service.url, {
            percent: 100,
            match: [matching('/api/users/**'), matching('/login', 'POST'), matching('/t/{id}/x'), matching("/odd/it's {here}%25"), matching('/only', 'GET')],
            adapt: [
              { from: parseTemplate('/api/users/{id}/posts/{post}'), to: parseTemplate('/v2/p/{post}/of/{id}') },
              { from: parseTemplate('/api/users/**'), to: parseTemplate('/v2/a%26b/**') },
            ],
          }),
        ],
      }));
    const asked: [string, string, string?, string?][] = [
      ['/api/users', 'service', 'GET', '/v2/a%26b'], ['/api/users/', 'service', 'GET', '/v2/a%26b/'], ['/api/users/7?x=%2F', 'service', 'GET', '/v2/a%26b/7?x=%2F'],
      ['/api/us%65rs/a%2Fb', 'service'], ['/api/users%2F7', 'monolith'], ['/api/usersx', 'monolith'], ['/API/users', 'monolith'],
      ['/api/users/7/posts/a%20b?q', 'service', 'GET', '/v2/p/a%20b/of/7?q'],
      ['/login', 'monolith'], ['/login', 'service', 'POST'], ['/login/', 'monolith', 'POST'], ['/only', 'service', 'HEAD'], ['/only', 'monolith', 'POST'],
      ['/t/1/x', 'service'], ['/t//x', 'monolith'], ['/t/1/y', 'monolith'], ["/odd/it's%20%7Bhere%7D%25", 'service'], ['/odd/it%27s%20%7bhere%7D%25', 'service'], ['/odd/its', 'monolith'],
    ];
    for (const [path, side, method = 'GET', url] of asked) {
      const seen = await ask(path, { cookie: 'uid=1' }, method);
      expect([path, method, seen.side, seen.answered['x-banyan-side']]).toEqual([path, method, side, side]);
      if (url !== undefined) expect(seen.url).toBe(url);
    }
  });

  it('changes several shares at one moment, for good, and moves nobody back while 100 changes fail nobody', async () => {
    const { ask, proxy } = await started(({ monolith, service }) =>
      plan({ monolith: monolith.url, routes: [route('users', service.url), route('orders', service.url)] }));
    const both = (percent: number): PlaneShare[] => [{ service: 'users', percent }, { service: 'orders', percent }];
    const stop = new AbortController();
    let served = 0;
    const load = Array.from({ length: 4 }, async (_, n) => {
      while (!stop.signal.aborted) {
        const seen = await ask(`/api/users/${n}`, { cookie: `uid=${user(served++ % 500)}` });
        expect(['monolith', 'service']).toContain(seen.side);
      }
    });
    for (let n = 0; n < 100; n++) {
      await proxy.plane.apply(both(n % 2 === 0 ? 100 : 0));
      expect(await proxy.plane.read()).toEqual(both(n % 2 === 0 ? 100 : 0));
    }
    const moved = new Set<number>();
    for (let percent = 5; percent <= 100; percent += 19) {
      await proxy.plane.apply(both(percent));
      for (let n = 0; n < 60; n++) {
        const { side } = await ask('/api/orders/1', { cookie: `uid=w${n}` });
        expect(side === 'service' || !moved.has(n)).toBe(true);
        if (side === 'service') moved.add(n);
      }
    }
    stop.abort();
    await Promise.all(load);
    expect(served).toBeGreaterThan(200);
    expect(moved.size).toBe(60);

    await proxy.plane.apply([{ service: 'users', percent: 12.34 }, { service: 'orders', percent: 5, movingUpTo: 10 }]);
    await proxy.restart();
    expect(await proxy.plane.read()).toEqual([{ service: 'users', percent: 12.34 }, { service: 'orders', percent: 5, movingUpTo: 10 }]);
  });

  it('keeps the old shares, in force and in the file, when it does not take the new ones', async () => {
    const { proxy, monolith, service } = await started(({ monolith, service }) => plan({ monolith: monolith.url, routes: [route('users', service.url, { percent: 5 })] }));
    expect([monolith.held, service.held]).toEqual([[], []]);
    await expect(proxy.plane.apply([{ service: 'users; commit map @1', percent: 50 }])).rejects.toMatchObject({ code: 'BANYAN_PLANE_APPLY' });
    expect(await proxy.plane.read()).toEqual([{ service: 'users', percent: 5 }]);
    expect(await readFile(proxy.map, 'utf8')).toBe('users 500\n');
    await writeFile(`${proxy.folder}/run.sock.txt`, '');
    await proxy.close();
    await expect(proxy.plane.read()).rejects.toMatchObject({ code: 'BANYAN_PLANE_APPLY', message: expect.stringContaining('did not answer') });
  });

  it('sends moving users and the sample through the router, and knows when older requests are over', async () => {
    const { ask, proxy, monolith } = await started(({ monolith, service, router }) =>
      plan({ monolith: monolith.url, router: router.url, shadowPercent: 20, overrideHeader: 'x-side', routes: [route('users', service.url, { percent: 10, movingUpTo: 30 })] }));
    const plain = { 'x-request-id': 'not-in-the-sample-0' };
    const where = new Map<string, number>();
    for (let n = 0; n < 300; n++) {
      const bucket = bucketOf(`m${n}`);
      const { side } = await ask('/api/users/1', { cookie: `uid=m${n}`, ...plain }, 'PUT');
      expect(side).toBe(bucket < 1000 ? 'service' : bucket < 3000 ? 'router' : 'monolith');
      where.set(side, (where.get(side) ?? 0) + 1);
    }
    expect(where.size).toBe(3);
    const { Shadow } = await import('../../src/route/shadow/shadow.ts');
    const shadow = new Shadow({ percent: 20, service: 'users', upstreams: {} as never, clock: systemClock, metrics: {} as never, logger: {} as never });
    for (let n = 0; n < 200; n++) {
      const id = `request-${n}`;
      const { side } = await ask('/api/users/1', { cookie: 'uid=m1', 'x-side': 'no', 'x-request-id': id });
      if (bucketOf('m1') >= 3000 || bucketOf('m1') < 1000) expect(side === 'router').toBe(shadow.samples(id));
    }
    expect((await ask('/api/users/1', { cookie: 'uid=m1', 'x-side': 'service' })).side).toBe('service');
    expect((await ask('/api/users/1', { cookie: 'uid=m1', 'x-side': 'monolith' })).side).toBe('monolith');

    const slow = httpRequest(`${proxy.url}/other`, { method: 'POST', headers: { 'x-hold': '1' } }).end('x');
    const answered = new Promise((resolve) => slow.once('response', (response) => resolve(response.resume().statusCode)));
    await until(() => monolith.held.length === 1);
    expect(await proxy.plane.drained({ timeoutMs: 0 })).toBe(false);
    const drained = proxy.plane.drained({ timeoutMs: 10_000 });
    // What comes later does not count.
    const later = httpRequest(`${proxy.url}/other`, { method: 'POST', headers: { 'x-hold': '1' } }).end('x');
    const laterAnswered = new Promise((resolve) => later.once('response', (response) => resolve(response.resume().statusCode)));
    await until(() => monolith.held.length === 2);
    monolith.held[0]?.();
    expect(await answered).toBe(200);
    expect(await drained).toBe(true);
    monolith.held[1]?.();
    expect(await laterAnswered).toBe(200);
  });
});
