import { request } from 'undici';
import { afterEach, describe, expect, it } from 'vitest';
import { FakeFence, routerFixture, until, type RouterFixture } from '../../test/support/route-fixture.ts';
import { systemClock } from '../core/clock.ts';
import { silentLogger } from '../core/logger.ts';
import { noMetrics } from '../core/metrics.ts';
import { CausalBarrier } from './barrier.ts';

let fixture: RouterFixture | undefined;
afterEach(async () => {
  fixture?.fence.flow('monolith');
  fixture?.fence.flow('service');
  await fixture?.close();
  fixture = undefined;
});

async function send(method: string, path: string, uid: string | null = 'u1', headers: Record<string, string> = {}): Promise<string> {
  const response = await request(`${fixture!.url}${path}`, {
    method,
    headers: { ...(uid === null ? {} : { cookie: `uid=${uid}` }), ...headers },
    body: method === 'POST' ? '{}' : null,
  });
  await response.body.dump();
  return String(response.headers['x-banyan-side']);
}

/** Whether a promise is still open after a few turns of real I/O. */
async function isWaiting(promise: Promise<unknown>): Promise<boolean> {
  let over = false;
  void promise.then(() => {
    over = true;
  });
  // Another user's request makes the whole way meanwhile.
  await send('GET', '/api/users/9', 'somebody-else');
  await send('GET', '/orders', 'somebody-else');
  return !over;
}

describe('the causal barrier between paths', () => {
  it('lets a user’s read on the monolith wait for his write on the service', async () => {
    fixture = await routerFixture({ rule: { percent: 100 } });
    fixture.fence.stall('service');
    expect(await send('POST', '/login')).toBe('service');
    const order = send('GET', '/orders');
    expect(await isWaiting(order)).toBe(true);
    expect(fixture.monolith.seen).toEqual(['GET /orders']);
    fixture.fence.flow('service');
    expect(await order).toBe('monolith');
    await until(() => fixture!.router.status().usersWithUnfinishedWrites === 0);
  });

  it('lets a user’s read on the service wait for his write on the monolith', async () => {
    fixture = await routerFixture({ rule: { percent: 100 } });
    fixture.fence.stall('monolith');
    expect(await send('POST', '/orders')).toBe('monolith');
    const account = send('GET', '/api/users/1');
    expect(await isWaiting(account)).toBe(true);
    // The same side needs no waiting.
    expect(await send('GET', '/orders')).toBe('monolith');
    fixture.fence.flow('monolith');
    expect(await account).toBe('service');
  });

  it('asks for no fence while the service serves nobody', async () => {
    fixture = await routerFixture();
    await send('POST', '/orders');
    await send('POST', '/login');
    expect(fixture.fence.placed).toEqual([]);
  });

  it('knows the user by the cookie that his log-in gives him', async () => {
    fixture = await routerFixture({ rule: { percent: 100 } });
    fixture.service.handler = (incoming, response) => {
      incoming.resume();
      response.writeHead(200, { 'set-cookie': 'uid=fresh; Path=/' });
      response.end();
    };
    fixture.fence.stall('service');
    expect(await send('POST', '/login', null)).toBe('service');
    fixture.service.handler = null;
    const order = send('GET', '/orders', 'fresh');
    expect(await isWaiting(order)).toBe(true);
    fixture.fence.flow('service');
    expect(await order).toBe('monolith');
  });

  it('goes on after the bound', async () => {
    fixture = await routerFixture({ rule: { percent: 100 }, barrierBoundMs: 50 });
    fixture.fence.stall('service');
    await send('POST', '/login');
    expect(await send('GET', '/orders')).toBe('monolith');
    await until(() => fixture!.router.status().usersWithUnfinishedWrites === 0);
  });

  it('goes on when the router closes', async () => {
    fixture = await routerFixture({ rule: { percent: 100 }, barrierBoundMs: 1000 });
    fixture.fence.stall('service');
    await send('POST', '/login');
    const order = send('GET', '/orders');
    await isWaiting(order);
    await fixture.router.close({ drainMs: 3000 });
    expect(await order).toBe('monolith');
  });
});

describe('fences', () => {
  const barrier = (fence: FakeFence, maxKeys = 10, boundMs = 5000): CausalBarrier => {
    const made = new CausalBarrier({
      fence, clock: systemClock, logger: silentLogger, metrics: noMetrics, boundMs, maxKeys, signal: new AbortController().signal,
    });
    made.addService('a');
    made.addService('b');
    return made;
  };

  it('are shared by all who wrote before one was placed', async () => {
    const fence = new FakeFence();
    const wall = barrier(fence, 1000);
    fence.stall('service');
    for (let n = 0; n < 500; n++) wall.wrote({ service: 'a', side: 'service', key: `k${n}` });
    await until(() => fence.placed.length === 1);
    expect(wall.size).toBe(500);
    // Four are awaited at most; everybody after that shares the fifth.
    for (let n = 0; n < 50; n++) {
      wall.wrote({ service: 'a', side: 'service', key: `late${n}` });
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(fence.placed.length).toBe(4);
    fence.flow('service');
    await until(() => wall.size === 0);
    expect(fence.placed.length).toBe(5);
  });

  it('of one service concern requests to it or to the monolith only', async () => {
    const fence = new FakeFence();
    const wall = barrier(fence);
    fence.stall('monolith');
    wall.wrote({ service: 'a', side: 'monolith', key: 'k' });
    expect(wall.before({ side: 'service', service: 'a', key: 'k' })).toHaveLength(1);
    expect(wall.before({ side: 'service', service: 'b', key: 'k' })).toBeUndefined();
    expect(wall.before({ side: 'service', service: 'unknown', key: 'k' })).toBeUndefined();
    expect(wall.before({ side: 'monolith', key: 'k' })).toBeUndefined();
    expect(wall.before({ side: 'service', service: 'a', key: 'other' })).toBeUndefined();
    wall.wrote({ service: 'unknown', side: 'monolith', key: 'k' });
    fence.flow('monolith');
    await until(() => wall.size === 0);
  });

  it('make everybody wait when too many users have written to remember them', async () => {
    const fence = new FakeFence();
    const wall = barrier(fence, 2);
    fence.stall('service');
    for (const key of ['a', 'b', 'c', 'd']) wall.wrote({ service: 'a', side: 'service', key });
    expect(wall.size).toBe(2);
    const [crowd] = wall.before({ side: 'monolith', key: 'stranger' }) ?? [];
    expect(crowd).toBeDefined();
    fence.flow('service');
    expect(await wall.wait([crowd!], 'monolith')).toBe(true);
    await until(() => wall.before({ side: 'monolith', key: 'stranger' }) === undefined);
  });

  it('that fail are given up at once', async () => {
    const fence = new FakeFence();
    fence.placeError = new Error('no database');
    const wall = barrier(fence);
    wall.wrote({ service: 'a', side: 'service', key: 'k' });
    const batches = wall.before({ side: 'monolith', key: 'k' })!;
    expect(await wall.wait(batches, 'monolith')).toBe(false);
    expect(wall.size).toBe(0);
  });

  it('bound what a long key costs', () => {
    const wall = barrier(new FakeFence());
    const key = 'x'.repeat(5000);
    wall.wrote({ service: 'a', side: 'service', key });
    expect(wall.before({ side: 'monolith', key })).toHaveLength(1);
    expect(wall.before({ side: 'monolith', key: `${key}y` })).toBeUndefined();
  });
});
