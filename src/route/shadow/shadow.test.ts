import { request } from 'undici';
import { afterEach, describe, expect, it } from 'vitest';
import { noMetrics, type Metrics } from '../../core/metrics.ts';
import { routerFixture, until, type RouterFixture } from '../../../test/support/route-fixture.ts';
import type { ShadowStatus } from './shadow.ts';

let fixture: RouterFixture | undefined;
afterEach(async () => {
  await fixture?.close();
  fixture = undefined;
});

const status = (): ShadowStatus => fixture!.router.status().routes[0]!.shadow as ShadowStatus;
const get = async (path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<void> => {
  const response = await request(`${fixture!.url}${path}`, { method, headers: { cookie: 'uid=1', ...headers } });
  await response.body.dump();
};

describe('shadowing', () => {
  it('asks the other side after the user was answered, and finds what differs', async () => {
    fixture = await routerFixture({ rule: { shadow: { percent: 100, settleMs: 20, ignore: ['$.at', '$.items[*].seen'] } } });
    const { monolith, service } = fixture;
    const answer = (body: unknown) => (_: unknown, response: { end(text: string): void }) => {
      response.end(JSON.stringify(body));
    };
    monolith.handler = answer({ id: 1, at: 1, items: [{ seen: 1, price: '2.50' }], password: 'old' });
    service.handler = answer({ id: 1, at: 2, items: [{ seen: 2, price: '2.50' }], password: 'old' });
    await get('/api/users/1?token=x', { 'accept-encoding': 'gzip', 'if-none-match': 'x' });
    await until(() => status().compared === 1);
    expect(status()).toMatchObject({ equal: 1, different: 0, examples: [] });
    service.handler = answer({ id: 1, at: 2, items: [{ seen: 2, price: '2.49' }], password: 'new' });
    await get('/api/users/1?token=x');
    await until(() => status().compared === 2);
    expect(status()).toMatchObject({
      different: 1,
      examples: [
        {
          method: 'GET', path: '/api/users/1', primarySide: 'monolith', primaryStatus: 200, shadowStatus: 200,
          differences: [
            { path: '$.items[0].price', kind: 'value', monolith: '"2.50"', service: '"2.49"' },
            { path: '$.password', kind: 'value', monolith: '***', service: '***' },
          ],
        },
      ],
      differences: [
        { endpoint: 'GET /api/users/{id}', path: '$.items[*].price', kind: 'value', count: 1, examples: [{ request: 'GET /api/users/1', at: '$.items[0].price', primarySide: 'monolith' }] },
        { endpoint: 'GET /api/users/{id}', path: '$.password', kind: 'value', count: 1 },
      ],
    });
  });

  it('never sends a write, an unmatched path or an error twice', async () => {
    fixture = await routerFixture({ rule: { shadow: { percent: 100 } } });
    await get('/api/users/1', {}, 'POST');
    await get('/api/users/1', {}, 'DELETE');
    await get('/api/users/1', {}, 'OPTIONS');
    await get('/orders');
    await get('/api/users/1');
    await until(() => status().compared === 1);
    expect(fixture.service.seen.every((line) => line === 'GET /api/users/1')).toBe(true);
  });

  it('leaves out what finds no room, and what can’t be asked', async () => {
    fixture = await routerFixture({ rule: { shadow: { percent: 100, queue: 1, concurrency: 1 } } });
    let release: () => void = () => {};
    fixture.service.handler = (_incoming, response) => {
      release = () => response.end();
    };
    for (let n = 0; n < 4; n++) await get('/api/users/1');
    await until(() => status().skipped === 2);
    await fixture.service.close();
    release();
    await until(() => status().failed === 2);
  });

  it('does not take data on its way through sync for a difference, nor keep long bodies', async () => {
    fixture = await routerFixture({ rule: { shadow: { percent: 100, maxBodyBytes: 1000, settleMs: 20, sameSidePercent: 0 } } });
    let asked = 0;
    fixture.monolith.handler = (_incoming, response) => response.end('{"name":"new"}');
    fixture.service.handler = (_incoming, response) => response.end(asked++ === 0 ? '{"name":"old"}' : '{"name":"new"}');
    await get('/api/users/1');
    await until(() => status().equal === 1);
    expect(asked).toBe(3);
    fixture.service.handler = (_incoming, response) => response.end('x'.repeat(100_000));
    await get('/api/users/1');
    await until(() => status().equal === 2);
  });

  it('takes the same share of requests every time', async () => {
    let over = 0;
    const metrics: Metrics = { ...noMetrics, observe: (name) => void (name === 'http_request_duration_seconds' && over++) };
    // One comparison at a time: they come in the order of the requests.
    fixture = await routerFixture({ rule: { shadow: { percent: 30, concurrency: 1 } }, metrics });
    const asked: string[] = [];
    fixture.monolith.handler = (_incoming, response) => response.end('same');
    fixture.service.handler = (incoming, response) => {
      asked.push(String(incoming.headers['x-request-id']));
      response.end('same');
    };
    let sent = 0;
    const send = async (id: string): Promise<void> => {
      await get('/api/users/1', { 'x-request-id': id });
      sent++;
      await until(() => over === sent, 'the router to be done with the request');
    };
    const shadowed = async (round: string): Promise<string[]> => {
      asked.length = 0;
      for (let n = 0; n < 60; n++) await send(`r-${n}`);
      // Once a later request is compared, all of the sample before it have been.
      const later = (): boolean => asked.some((id) => id.startsWith(round));
      for (let n = 0; n < 60; n++) await send(`${round}-${n}`);
      await until(later, 'a later request to be compared');
      return asked.filter((id) => id.startsWith('r-'));
    };
    const first = await shadowed('first');
    expect(first.length).toBeGreaterThan(5);
    expect(first.length).toBeLessThan(40);
    expect(await shadowed('second')).toEqual(first);
  });
});
