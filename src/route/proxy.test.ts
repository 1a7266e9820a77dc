import http from 'node:http';
import net from 'node:net';
import { createHash, randomBytes } from 'node:crypto';
import { request } from 'undici';
import { afterEach, describe, expect, it } from 'vitest';
import { noMetrics, type Metrics } from '../core/metrics.ts';
import { routerFixture, until, type RouterFixture } from '../../test/support/route-fixture.ts';

let fixture: RouterFixture | undefined;
afterEach(async () => {
  await fixture?.close();
  fixture = undefined;
});

/** Sends raw bytes and gives everything that comes back until the connection ends or `enough`. */
async function raw(bytes: string, enough: (answer: string) => boolean = () => false): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(fixture!.port, '127.0.0.1');
    let answer = '';
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      answer += chunk;
      if (enough(answer)) {
        socket.destroy();
        resolve(answer);
      }
    });
    socket.on('close', () => {
      resolve(answer);
    });
    socket.on('error', (error) => {
      if (answer === '') reject(error);
    });
    socket.write(bytes, 'latin1');
  });
}

const ended = (answer: string): boolean => answer.includes('\r\n0\r\n\r\n') || /\r\n\r\n[^]*\}$/.test(answer);

describe('bodies', () => {
  it('streams an upload and a download of many megabytes, byte for byte', async () => {
    fixture = await routerFixture({ rule: { percent: 100 } });
    const size = 20_000_000;
    const sent = randomBytes(size);
    fixture.service.handler = (incoming, response) => {
      response.writeHead(200);
      incoming.pipe(response);
    };
    const response = await request(`${fixture.url}/api/users/1`, { method: 'PUT', body: sent, headers: { cookie: 'uid=1' } });
    const received = Buffer.from(await response.body.arrayBuffer());
    const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
    expect(digest(received)).toBe(digest(sent));
  });

  it('makes a fast server wait for a slow client', async () => {
    fixture = await routerFixture();
    let written = 0;
    let closed = false;
    const tooMuch = 100_000_000;
    const chunk = Buffer.alloc(65_536);
    fixture.monolith.handler = (incoming, response) => {
      if (incoming.url !== '/big') {
        response.end();
        return;
      }
      response.writeHead(200, { 'content-length': 1_000_000_000 });
      const more = (): void => {
        while (written < tooMuch) {
          written += chunk.length;
          if (!response.write(chunk)) break;
        }
      };
      response.on('drain', more);
      response.on('close', () => {
        closed = true;
      });
      more();
    };
    const socket = net.connect(fixture.port, '127.0.0.1');
    socket.write('GET /big HTTP/1.1\r\nhost: x\r\n\r\n');
    await until(() => written > 1_000_000);
    let before = -1;
    // It comes to a standstill because nobody reads: others are served meanwhile, this one gets nothing more.
    while (before !== written) {
      before = written;
      for (let n = 0; n < 50; n++) await (await request(`${fixture.url}/small`)).body.dump();
    }
    expect(written).toBeLessThan(tooMuch);
    socket.destroy();
    await until(() => closed, 'the server to be told that nobody reads any more');
  });

  it('passes server-sent events as they come', async () => {
    fixture = await routerFixture();
    let emit: (text: string) => void = () => {};
    let closed = false;
    fixture.monolith.handler = (_incoming, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.flushHeaders();
      emit = (text) => response.write(text);
      response.on('close', () => {
        closed = true;
      });
    };
    const response = await request(`${fixture.url}/events`);
    const events = response.body[Symbol.asyncIterator]();
    for (const text of ['data: 1\n\n', 'data: 2\n\n']) {
      emit(text);
      const next = (await events.next()) as { value: Buffer };
      expect(next.value.toString()).toBe(text);
    }
    // Whoever stops listening is not listened for.
    response.body.destroy();
    await until(() => closed, 'the upstream to see the client go');
  });

  it('answers HEAD, 204 and 304 without a body, and passes trailers on', async () => {
    fixture = await routerFixture();
    fixture.monolith.handler = (incoming, response) => {
      if (incoming.url === '/204') response.writeHead(204).end();
      else if (incoming.url === '/304') response.writeHead(304, { etag: 'x' }).end();
      else if (incoming.method === 'HEAD') response.writeHead(200, { 'content-length': 7, 'set-cookie': ['a=1', 'b=2'] }).end();
      else {
        response.writeHead(200, { trailer: 'x-sum' });
        response.write('body');
        response.addTrailers({ 'x-sum': '42' });
        response.end();
      }
    };
    const head = await request(`${fixture.url}/x`, { method: 'HEAD' });
    expect(head.headers).toMatchObject({ 'content-length': '7', 'set-cookie': ['a=1', 'b=2'] });
    expect((await request(`${fixture.url}/204`)).statusCode).toBe(204);
    expect((await request(`${fixture.url}/304`)).headers['etag']).toBe('x');
    const withTrailers = await request(`${fixture.url}/t`);
    expect(await withTrailers.body.text()).toBe('body');
    expect(withTrailers.trailers).toEqual({ 'x-sum': '42' });
  });

  it('asks for the body of Expect: 100-continue only when the request goes on', async () => {
    fixture = await routerFixture();
    const client = http.request(`${fixture.url}/up`, { method: 'POST', headers: { expect: '100-continue', 'content-length': 4 } });
    client.flushHeaders();
    await new Promise((resolve) => client.once('continue', resolve));
    client.end('data');
    const response = await new Promise<http.IncomingMessage>((resolve) => client.once('response', resolve));
    let text = '';
    for await (const chunk of response) text += String(chunk);
    expect(JSON.parse(text)).toMatchObject({ body: 'data' });
  });

  it('passes early hints over and the answer on', async () => {
    fixture = await routerFixture();
    fixture.monolith.handler = (_incoming, response) => {
      response.writeEarlyHints({ link: '</x.css>; rel=preload' });
      response.end('later');
    };
    expect(await (await request(`${fixture.url}/`)).body.text()).toBe('later');
  });

  it('closes the client’s connection after an answer that came before the end of the upload', async () => {
    fixture = await routerFixture();
    fixture.monolith.handler = (_incoming, response) => {
      response.writeHead(413, { 'content-length': 0 }).end();
    };
    const answer = await raw('POST /up HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\nsome');
    expect(answer).toMatch(/^HTTP\/1.1 413 /);
    expect(answer.toLowerCase()).toContain('connection: close');
  });
});

describe('hostile clients', () => {
  it.each([
    ['Content-Length and Transfer-Encoding', 'POST /x HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n', 400],
    ['two lengths', 'POST /x HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\ncontent-length: 5\r\n\r\nabcd', 400],
    ['an obscured encoding', 'POST /x HTTP/1.1\r\nhost: x\r\ntransfer-encoding: xchunked\r\n\r\n0\r\n\r\n', 400],
    ['a length that is none', 'POST /x HTTP/1.1\r\nhost: x\r\ncontent-length: +4\r\n\r\nabcd', 400],
    ['a space before the colon', 'GET /x HTTP/1.1\r\nhost: x\r\nx-a : b\r\n\r\n', 400],
    ['a malformed chunk', 'POST /x HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n', 400],
    ['no host', 'GET /x HTTP/1.1\r\n\r\n', 400],
    ['a target that is none', 'OPTIONS * HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n', 400],
    ['a head that is too large', `GET /x HTTP/1.1\r\nhost: x\r\nx-a: ${'a'.repeat(20_000)}\r\n\r\n`, 431],
    ['a target that is too long', `GET /${'a'.repeat(20_000)} HTTP/1.1\r\nhost: x\r\n\r\n`, 431],
    ['two hosts', 'GET /x HTTP/1.1\r\nhost: x\r\nhost: y\r\nconnection: close\r\n\r\n', 400],
    ['no HTTP at all', '\x16\x03\x01 hello\r\n\r\n', 400],
  ])('are refused: %s', async (_what, bytes, status) => {
    fixture = await routerFixture();
    expect(await raw(bytes, ended)).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(fixture.monolith.seen.filter((line) => !line.startsWith('POST /x'))).toEqual([]);
  });

  it('that send their head drop by drop get 408', async () => {
    fixture = await routerFixture({ limits: { headersMs: 50 } });
    expect(await raw('GET /x HTTP/1.1\r\nhost')).toMatch(/^HTTP\/1.1 408 /);
  });

  it('take an absolute target as a path, and nothing else from it', async () => {
    fixture = await routerFixture();
    const answer = await raw('GET http://elsewhere/api/users/3?q HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
    expect(answer).toContain('"path":"/api/users/3?q"');
  });

  it('that go away cancel the upstream’s work', async () => {
    fixture = await routerFixture();
    let closed = 0;
    fixture.monolith.handler = (_incoming, response) => {
      response.on('close', () => closed++);
    };
    for (const bytes of [
      'GET /slow HTTP/1.1\r\nhost: x\r\n\r\n',
      'POST /slow HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\npart',
    ]) {
      const seen = fixture.monolith.seen.length;
      const socket = net.connect(fixture.port, '127.0.0.1');
      socket.write(bytes);
      await until(() => fixture!.monolith.seen.length > seen);
      socket.resetAndDestroy();
      await until(() => closed > seen, 'the upstream request to be closed');
    }
  });

  it('that go away while they are held are forgotten', async () => {
    const statuses: (string | undefined)[] = [];
    const metrics: Metrics = { ...noMetrics, observe: (_name, _value, labels) => statuses.push(labels?.['status']) };
    fixture = await routerFixture({ fenceBoundMs: 30_000, metrics });
    fixture.fence.applied.monolith = 1n;
    const shift = fixture.router.shift('accounts', 100);
    await until(() => fixture!.fence.placed.length === 2);
    const socket = net.connect(fixture.port, '127.0.0.1');
    socket.write('GET /api/users/1 HTTP/1.1\r\nhost: x\r\ncookie: uid=1\r\n\r\n');
    await until(() => fixture!.router.status().routes[0]!.move.heldRequests === 1);
    socket.destroy();
    await until(() => statuses.includes('499'), 'the router to see the client go');
    fixture.fence.flow('monolith');
    await shift;
    await (await request(`${fixture.url}/api/users/2`, { headers: { cookie: 'uid=1' } })).body.dump();
    expect(fixture.service.seen).toEqual(['GET /api/users/2']);
    expect(await fixture.router.rollback('accounts')).toMatchObject({ state: 'done' });
  });
});

describe('upstreams that fail', () => {
  it('give 502 when nobody listens, and the breaker tells', async () => {
    fixture = await routerFixture();
    await fixture.monolith.close();
    const response = await request(`${fixture.url}/orders`, { method: 'POST', body: 'x' });
    expect(response.statusCode).toBe(502);
    expect(await response.body.json()).toMatchObject({ error: { code: 'BANYAN_UPSTREAM_UNREACHABLE' } });
    for (let n = 0; n < 5; n++) await (await request(`${fixture.url}/api/users/1`)).body.dump();
    expect(await fixture.router.health.isHealthy('accounts', 'monolith')).toBe(false);
    expect(await fixture.router.health.isHealthy('accounts')).toBe(true);
  });

  it('give 504 when they are too slow', async () => {
    fixture = await routerFixture({ timeouts: { headersMs: 100 } });
    fixture.monolith.handler = () => {};
    const response = await request(`${fixture.url}/orders`);
    expect(response.statusCode).toBe(504);
    expect(fixture.monolith.seen).toHaveLength(1);
  });

  it('break the answer off for the client too when they die in its middle', async () => {
    fixture = await routerFixture();
    fixture.monolith.handler = (_incoming, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('half');
      setImmediate(() => response.destroy());
    };
    const response = await request(`${fixture.url}/orders`);
    await expect(response.body.text()).rejects.toThrow();
    fixture.monolith.handler = null;
    expect((await request(`${fixture.url}/orders`)).statusCode).toBe(200);
  });

  it('never get a write twice', async () => {
    fixture = await routerFixture({ rule: { percent: 100 } });
    fixture.service.handler = (incoming) => {
      incoming.socket.destroy();
    };
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
      const response = await request(`${fixture.url}/api/users/1`, { method, body: 'x' });
      expect(response.statusCode).toBe(502);
    }
    expect(fixture.service.seen).toEqual(['POST', 'PUT', 'DELETE', 'PATCH'].map((method) => `${method} /api/users/1`));
    expect(fixture.monolith.seen).toEqual([]);
  });

  it('are stood in for by the monolith for reads', async () => {
    fixture = await routerFixture({ rule: { percent: 100, breaker: { failures: 100 } } });
    const ask = async (): Promise<string> => {
      const response = await request(`${fixture!.url}/api/users/1`);
      await response.body.dump();
      expect(response.statusCode).toBe(200);
      return String(response.headers['x-banyan-side']);
    };
    fixture.service.handler = (incoming) => incoming.socket.destroy();
    expect(await ask()).toBe('monolith');
    fixture.service.handler = (_incoming, response) => response.writeHead(503).end('x'.repeat(200_000));
    expect(await ask()).toBe('monolith');
    fixture.service.handler = (_incoming, response) => response.writeHead(404).end();
    expect((await request(`${fixture.url}/api/users/1`)).statusCode).toBe(404);
    // A write's failure is the user's to know.
    fixture.service.handler = (_incoming, response) => response.writeHead(500).end();
    expect((await request(`${fixture.url}/api/users/1`, { method: 'POST' })).statusCode).toBe(500);
  });

  it('are stood in for by the monolith for a write that was certainly not sent', async () => {
    fixture = await routerFixture({ rule: { percent: 100 } });
    await fixture.service.close();
    const response = await request(`${fixture.url}/login`, { method: 'POST', body: 'whole body' });
    expect(response.headers['x-banyan-side']).toBe('monolith');
    expect(await response.body.json()).toMatchObject({ body: 'whole body' });
    expect(fixture.monolith.seen).toEqual(['POST /login']);
  });

  it('are asked once more for a read when a kept connection was closed under it', async () => {
    fixture = await routerFixture();
    await (await request(`${fixture.url}/orders`)).body.dump();
    let first = true;
    fixture.monolith.handler = (incoming, response) => {
      if (first) incoming.socket.destroy();
      else response.end('second');
      first = false;
    };
    expect(await (await request(`${fixture.url}/orders`)).body.text()).toBe('second');
    expect(fixture.monolith.seen).toHaveLength(3);
  });

  it('are left alone while the breaker is open, and tried again with a read', async () => {
    fixture = await routerFixture({ rule: { percent: 100, breaker: { failures: 3, openMs: 50, successes: 1 } } });
    fixture.service.handler = (incoming) => incoming.socket.destroy();
    const ask = async (method = 'GET'): Promise<string> => {
      const response = await request(`${fixture!.url}/api/users/1`, { method });
      await response.body.dump();
      return String(response.headers['x-banyan-side']);
    };
    for (let n = 0; n < 3; n++) await ask();
    expect(fixture.router.status().routes[0]).toMatchObject({ breaker: 'open', health: 'degraded' });
    const seen = fixture.service.seen.length;
    expect(await ask('POST')).toBe('monolith');
    expect(fixture.service.seen).toHaveLength(seen);
    fixture.service.handler = null;
    await until(() => fixture!.router.status().routes[0]!.breaker === 'half-open');
    expect(await ask('POST')).toBe('monolith');
    expect(await ask('GET')).toBe('service');
    expect(await ask('POST')).toBe('service');
    expect(fixture.router.status().routes[0]!.breaker).toBe('closed');
  });
});

describe('WebSockets', () => {
  const accept = (key: string): string => createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  const handshake = (path: string, extra = ''): string =>
    `GET ${path} HTTP/1.1\r\nhost: x\r\ncookie: uid=1\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-key: abc\r\nsec-websocket-version: 13\r\n${extra}\r\n`;

  function echoes(upstream: RouterFixture['service'], name: string): void {
    upstream.server.on('upgrade', (incoming, socket) => {
      const key = incoming.headers['sec-websocket-key'] ?? '';
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: ${accept(key)}\r\n\r\n`,
      );
      socket.write(`hello from ${name} at ${incoming.url};`);
      socket.pipe(socket);
      socket.on('error', () => {});
    });
  }

  it('go to the user’s side and stay there', async () => {
    fixture = await routerFixture({ rule: { percent: 100, adapt: [{ from: '/api/users/{id}', to: '/v1/users/{id}' }] } });
    echoes(fixture.service, 'service');
    echoes(fixture.monolith, 'monolith');
    const socket = net.connect(fixture.port, '127.0.0.1');
    let answer = '';
    socket.on('data', (chunk) => {
      answer += String(chunk);
    });
    socket.write(handshake('/api/users/7'));
    await until(() => answer.includes('hello'));
    expect(answer).toContain('HTTP/1.1 101');
    expect(answer).toContain('x-banyan-side: service');
    expect(answer).toContain(`sec-websocket-accept: ${accept('abc')}`);
    expect(answer).toContain('hello from service at /v1/users/7');
    await fixture.router.shift('accounts', 0);
    socket.write('ping;');
    await until(() => answer.includes('ping;'));
    socket.destroy();
    expect(await raw(handshake('/chat'), (text) => text.includes(';'))).toContain('hello from monolith at /chat');
    expect(await raw(handshake('/api/users/7'), (text) => text.includes(';'))).toContain('hello from monolith');
  });

  it('that the upstream refuses are one response, and the connection is closed', async () => {
    fixture = await routerFixture();
    const answer = await raw(`${handshake('/chat')}GET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1.1 200 /);
    expect(answer).toContain('connection: close');
    expect(fixture.monolith.seen).toEqual(['GET /chat']);
  });

  it('get 502 when nobody listens, and 400 without a path', async () => {
    fixture = await routerFixture();
    await fixture.monolith.close();
    expect(await raw(handshake('/chat'))).toMatch(/^HTTP\/1.1 502 /);
    expect(await raw(handshake('x:1'))).toMatch(/^HTTP\/1.1 400 /);
  });

  it('end on one end when they end on the other', async () => {
    fixture = await routerFixture();
    let ended = 0;
    fixture.monolith.server.on('upgrade', (_incoming, socket) => {
      socket.write('HTTP/1.1 101 x\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\r\n');
      socket.on('error', () => {});
      socket.on('close', () => ended++);
      socket.on('end', () => socket.end());
      socket.on('data', () => socket.destroy());
    });
    const first = net.connect(fixture.port, '127.0.0.1');
    let open = '';
    first.on('data', (chunk) => {
      open += String(chunk);
    });
    first.write(handshake('/chat'));
    await until(() => open.includes('101'));
    first.destroy();
    await until(() => ended === 1);
    // The upstream ends it at the first byte; so does the router.
    expect(await raw(`${handshake('/chat')}x`)).toContain('101');
  });

  it('are closed when the router closes', async () => {
    fixture = await routerFixture();
    echoes(fixture.monolith, 'monolith');
    let answer = '';
    const open = raw(handshake('/chat'), (text) => {
      answer = text;
      return false;
    });
    await until(() => answer.includes('hello'));
    await fixture.router.close();
    expect(await open).toContain('hello');
  });

  it('are not what other upgrades become', async () => {
    fixture = await routerFixture();
    const h2c = (method: string, rest: string): string =>
      `${method} /x HTTP/1.1\r\nhost: x\r\nupgrade: h2c\r\nconnection: Upgrade, HTTP2-Settings\r\nhttp2-settings: AAMA\r\n${rest}`;
    const answer = await raw(h2c('GET', '\r\n'));
    expect(answer).toMatch(/^HTTP\/1.1 200 /);
    expect(answer).not.toContain('http2-settings');
    expect(await raw(h2c('POST', 'content-length: 2\r\n\r\nab'))).toMatch(/^HTTP\/1.1 400 /);
  });
});
