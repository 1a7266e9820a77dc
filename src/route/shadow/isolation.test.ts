import type http from 'node:http';
import { request } from 'undici';
import { afterEach, describe, expect, it } from 'vitest';
import { routerFixture, until, type RouterFixture } from '../../../test/support/route-fixture.ts';
import type { ShadowStatus } from './shadow.ts';

let fixture: RouterFixture | undefined;
afterEach(async () => {
  await fixture?.close();
  fixture = undefined;
});

const CHUNK = Buffer.alloc(65_536, 'x');

/** A side that misbehaves, and how much of it is under way. */
interface Other {
  readonly handler: http.RequestListener;
  underWay: number;
  most: number;
  written: number;
}

function other(misbehave: (request: http.IncomingMessage, response: http.ServerResponse, self: Other) => void): Other {
  const self: Other = {
    underWay: 0, most: 0, written: 0,
    handler: (incoming, response) => {
      self.most = Math.max(self.most, ++self.underWay);
      response.on('close', () => self.underWay--);
      misbehave(incoming, response, self);
    },
  };
  return self;
}

describe('the other side', () => {
  it.each([
    ['hangs for ever', () => {}],
    ['sends its head and nothing more', (_: http.IncomingMessage, response: http.ServerResponse) => response.writeHead(200).flushHeaders()],
    ['answers without an end', (_: http.IncomingMessage, response: http.ServerResponse, self: Other) => {
      const more = (): void => {
        for (let go = true; go && !response.destroyed; self.written += CHUNK.length) go = response.write(CHUNK);
      };
      response.on('drain', more);
      more();
    }],
    ['resets', (incoming: http.IncomingMessage) => void incoming.socket.resetAndDestroy()],
  ] as const)('%s: users are answered, and nothing piles up', async (_, misbehave) => {
    fixture = await routerFixture({ rule: { shadow: { percent: 100, queue: 8, concurrency: 2, timeoutMs: 100, settleMs: 0, sameSidePercent: 0 } } });
    const { router, monolith, service, url } = fixture;
    const side = other(misbehave);
    service.handler = side.handler;
    monolith.handler = (_incoming, response) => response.end('{"fine":true}');
    for (let n = 0; n < 40; n++) {
      const { statusCode, headers, body } = await request(`${url}/api/users/${n}`, { headers: { cookie: 'uid=1' } });
      expect([statusCode, headers['x-banyan-side'], await body.text()]).toEqual([200, 'monolith', '{"fine":true}']);
    }
    const status = (): ShadowStatus => router.status().routes[0]!.shadow as ShadowStatus;
    await until(() => status().compared + status().failed + status().skipped === 40, 'every request to be compared or left out');
    await until(() => side.underWay === 0, 'every connection to be given up');
    // Two at once, and one that is just being given up for each.
    expect(side.most).toBeLessThanOrEqual(4);
    // What the sockets hold of it, not what it would send.
    expect(side.written).toBeLessThan(40 * 16_000_000);
    const [route] = router.status().routes;
    expect(route).toMatchObject({ health: 'healthy', breaker: 'closed', sides: { service: { requests: 0, errorRate: 0 } } });
  });

  it('keeps no place from users: neither connections nor the bulkhead', async () => {
    fixture = await routerFixture({ rule: { percent: 0, shadow: { percent: 100, timeoutMs: 60_000 } }, bulkhead: { service: 1 }, overrideHeader: true });
    const { monolith, service, url } = fixture;
    let hanging = 0;
    service.handler = (incoming, response) => {
      if (incoming.headers['x-banyan-shadow'] === '1') hanging++;
      else response.end('user');
    };
    monolith.handler = (_incoming, response) => response.end('user');
    for (let n = 0; n < 6; n++) await (await request(`${url}/api/users/1`, { headers: { cookie: 'uid=1' } })).body.dump();
    await until(() => hanging >= 4, 'as many to hang as may be compared at once');
    const { statusCode, body } = await request(`${url}/api/users/1`, { method: 'POST', headers: { cookie: 'uid=1', 'x-banyan-route': 'service' } });
    expect([statusCode, await body.text()]).toEqual([200, 'user']);
  });
});
