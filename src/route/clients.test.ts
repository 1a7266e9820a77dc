import net from 'node:net';
import tls from 'node:tls';
import { request } from 'undici';
import { afterEach, describe, expect, it } from 'vitest';
import { authority as ca, listenTls } from '../../test/support/certificates.ts';
import { routerFixture, until, type RouterFixture } from '../../test/support/route-fixture.ts';

let fixture: RouterFixture | undefined;
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) cleanup();
  await fixture?.close();
  fixture = undefined;
});

/** Sends pieces, one after the other, and gives what came back until the connection was closed. */
async function talk(socket: net.Socket, ...pieces: (string | Buffer)[]): Promise<string> {
  let answer = '';
  cleanups.push(() => socket.destroy());
  socket.setEncoding('latin1').on('error', () => {});
  socket.on('data', (chunk: string) => {
    answer += chunk;
  });
  for (const piece of pieces) await new Promise((resolve) => socket.write(piece, resolve));
  await new Promise((resolve) => socket.once('close', resolve));
  return answer;
}

const connect = (): net.Socket => net.connect(fixture!.port, '127.0.0.1');
const GET = 'GET /x HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n';

describe('the PROXY protocol', () => {
  const trusted = ['127.0.0.0/8'];
  const v1 = 'PROXY TCP4 203.0.113.7 10.0.0.1 4660 80\r\n';

  it('tells the client’s address, for the key and for the sides, however it is cut', async () => {
    fixture = await routerFixture({ proxyProtocol: trusted, key: ['ip'], rule: { decision: { allow: ['203.0.113.7'] } } });
    for (const pieces of [[v1 + GET], [v1, GET], (v1 + GET).split(''), [Buffer.from('\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\x00\x71\x07\x0a\0\0\x01\0\x01\0\x50', 'latin1'), GET]]) {
      expect(await talk(connect(), ...pieces)).toContain('"x-forwarded-for":"203.0.113.7"');
    }
    expect(await talk(connect(), v1, GET.replace('/x', '/api/users/1'))).toContain('x-banyan-side: service');
    expect(await talk(connect(), v1.replace('113.7', '113.8'), GET.replace('/x', '/api/users/1'))).toContain('x-banyan-side: monolith');
  });

  it('may say that the balancer speaks for itself', async () => {
    fixture = await routerFixture({ proxyProtocol: trusted });
    expect(await talk(connect(), `PROXY UNKNOWN\r\n${GET}`)).toContain('"x-forwarded-for":"127.0.0.1"');
  });

  it('comes before TLS', async () => {
    fixture = await routerFixture({ proxyProtocol: trusted, listenTls });
    for (const together of [false, true]) {
      const socket = connect();
      await new Promise((resolve) => socket.once('connect', resolve));
      if (together) socket.cork();
      socket.write(v1);
      const secure = tls.connect({ socket, ca, servername: 'localhost' });
      if (together) socket.uncork();
      expect(await talk(secure, GET)).toContain('"x-forwarded-for":"203.0.113.7"');
    }
  });

  it('is asked of everybody, in time, and taken from those who are trusted only', async () => {
    fixture = await routerFixture({ proxyProtocol: trusted, limits: { headersMs: 50 } });
    expect(await talk(connect(), GET)).toBe('');
    expect(await talk(connect(), 'PROXY TCP4 203')).toBe('');
    await fixture.close();
    fixture = await routerFixture({ proxyProtocol: ['10.0.0.0/8'] });
    expect(await talk(connect(), v1 + GET)).toBe('');
    expect(fixture.monolith.seen).toEqual([]);
  });
});

describe('clients that stand still', () => {
  it('in the middle of a body get 408, and the upstream is told', async () => {
    fixture = await routerFixture({ limits: { bodyMs: 100 } });
    let broken = false;
    fixture.monolith.handler = (incoming) => {
      incoming.on('error', () => {
        broken = true;
      });
      incoming.resume();
    };
    expect(await talk(connect(), 'POST /up HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nsome')).toMatch(/^HTTP\/1.1 408 [^]*connection: close/i);
    await until(() => broken, 'the upstream to be told');
  });

  it('while they wait for an answer are no such', async () => {
    fixture = await routerFixture({ limits: { bodyMs: 50 } });
    fixture.monolith.handler = (incoming, response) => {
      incoming.resume();
      setTimeout(() => response.end('late'), 200);
    };
    const { body } = await request(`${fixture.url}/up`, { method: 'POST', body: 'whole' });
    expect(await body.text()).toBe('late');
  });

  it('and do not take their answer are given up', async () => {
    fixture = await routerFixture({ limits: { bodyMs: 100 } });
    let closed = false;
    fixture.monolith.handler = (_incoming, response) => {
      response.on('close', () => {
        closed = true;
      });
      response.end(Buffer.alloc(50_000_000));
    };
    const socket = connect();
    cleanups.push(() => socket.destroy());
    socket.on('error', () => {});
    socket.write('GET /big HTTP/1.1\r\nhost: x\r\n\r\n');
    socket.pause();
    await until(() => closed, 'the upstream to be told');
  });
});

describe('bulkheads', () => {
  it('send a full service’s reads to the monolith and refuse its writes, unsent, until there is room', async () => {
    fixture = await routerFixture({ bulkhead: { service: 2 }, rule: { percent: 100 } });
    const waiting: (() => void)[] = [];
    fixture.service.handler = (_incoming, response) => {
      waiting.push(() => response.end('slow'));
    };
    const ask = async (method: 'GET' | 'POST'): Promise<readonly [number, unknown]> => {
      const { statusCode, headers, body } = await request(`${fixture!.url}/api/users/1`, { method, headers: { cookie: 'uid=1' } });
      await body.dump();
      return [statusCode, headers['x-banyan-side'] ?? headers['retry-after']];
    };
    const slow = [ask('GET'), ask('POST')];
    await until(() => waiting.length === 2);
    expect(await ask('GET')).toEqual([200, 'monolith']);
    const refused = await request(`${fixture.url}/api/users/1`, { method: 'POST', headers: { cookie: 'uid=1' }, body: 'x' });
    expect(refused).toMatchObject({ statusCode: 503, headers: { 'retry-after': '1' } });
    expect(await refused.body.json()).toMatchObject({ error: { code: 'BANYAN_UPSTREAM_FULL' } });
    for (const answer of waiting) answer();
    expect(await Promise.all(slow)).toEqual([[200, 'service'], [200, 'service']]);
    fixture.service.handler = null;
    expect(await ask('POST')).toEqual([200, 'service']);
    // A client that goes away, and a side that breaks off, make room again.
    fixture.service.handler = (incoming) => incoming.socket.destroy();
    for (let n = 0; n < 5; n++) await ask('GET');
    fixture.service.handler = null;
    expect(fixture.router.status().routes[0]!.sides.service.requests).toBeGreaterThan(0);
  });

  it('refuse what the monolith can not take either', async () => {
    fixture = await routerFixture({ bulkhead: { monolith: 1 } });
    let answer: () => void = () => {};
    fixture.monolith.handler = (_incoming, response) => {
      answer = () => response.end();
    };
    const first = request(`${fixture.url}/orders`);
    await until(() => fixture!.monolith.seen.length === 1);
    const second = await request(`${fixture.url}/orders`);
    expect(second.statusCode).toBe(503);
    await second.body.dump();
    answer();
    await (await first).body.dump();
    fixture.monolith.handler = null;
    expect((await request(`${fixture.url}/orders`)).statusCode).toBe(200);
  });
});
