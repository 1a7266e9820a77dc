import { readFileSync } from 'node:fs';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import http2 from 'node:http2';
import https from 'node:https';
import type { IncomingHttpHeaders } from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import { Agent, request } from 'undici';
import { afterEach, describe, expect, it } from 'vitest';
import { silentLogger, type Logger } from '../core/logger.ts';
import { authority as ca, certificate as file, listenTls } from '../../test/support/certificates.ts';
import { routerFixture, until, type RouterFixture } from '../../test/support/route-fixture.ts';

let fixture: RouterFixture | undefined;
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
  await fixture?.close();
  fixture = undefined;
});

interface Answer {
  readonly status: number;
  readonly headers: http2.IncomingHttpHeaders;
  readonly trailers: http2.IncomingHttpHeaders;
  readonly body: string;
}

function session(): http2.ClientHttp2Session {
  const client = http2.connect(`https://localhost:${fixture!.port}`, { ca, maxSessionMemory: 100 });
  client.on('error', () => {});
  cleanups.push(() => client.destroy());
  return client;
}

/** A frame of HTTP/2, as it is on the wire. */
function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** A connection for frames that no library would send. */
async function frames(): Promise<tls.TLSSocket> {
  const socket = tls.connect({ port: fixture!.port, host: 'localhost', ca, ALPNProtocols: ['h2'] });
  cleanups.push(() => socket.destroy());
  socket.on('error', () => {});
  await new Promise((resolve) => socket.once('secureConnect', resolve));
  socket.write(Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(4, 0, 0, Buffer.alloc(0))]));
  return socket.resume();
}

async function answerOf(stream: http2.ClientHttp2Stream): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let headers: http2.IncomingHttpHeaders = {};
    let trailers: http2.IncomingHttpHeaders = {};
    let body = '';
    stream.setEncoding('latin1');
    stream.on('response', (got) => {
      headers = got;
    });
    stream.on('trailers', (got) => {
      trailers = got;
    });
    stream.on('data', (chunk: string) => {
      body += chunk;
    });
    stream.on('error', reject);
    stream.on('close', () => {
      resolve({ status: Number(headers[':status'] ?? 0), headers, trailers, body });
    });
  });
}

async function ask(client: http2.ClientHttp2Session, headers: http2.OutgoingHttpHeaders, body?: string): Promise<Answer> {
  const stream = client.request(headers, { endStream: body === undefined });
  const answer = answerOf(stream);
  if (body !== undefined) stream.end(body);
  return answer;
}

interface Echo {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}
const echo = (answer: Answer): Echo => JSON.parse(answer.body) as Echo;

describe('HTTP/2', () => {
  it('is routed as HTTP/1.1 is: key, side, bodies, cookies, host', async () => {
    fixture = await routerFixture({ listenTls, rule: { percent: 100 } });
    const client = session();
    const answer = await ask(client, { ':path': '/api/users/1?a=b', ':method': 'POST', cookie: ['uid=1', 'b=2'], 'x-a': 'c' }, 'body');
    expect(answer.status).toBe(200);
    expect(answer.headers['x-banyan-side']).toBe('service');
    expect(echo(answer)).toMatchObject({ method: 'POST', path: '/api/users/1?a=b', body: 'body' });
    const { headers } = echo(answer);
    expect(headers).toMatchObject({ host: `localhost:${fixture.port}`, cookie: 'uid=1; b=2', 'x-a': 'c', 'x-forwarded-proto': 'https', 'x-forwarded-for': '127.0.0.1' });
    expect(Object.keys(headers).filter((name) => name.startsWith(':'))).toEqual([]);
    expect((await ask(client, { ':path': '/orders' })).headers['x-banyan-side']).toBe('monolith');
  });

  it('carries many requests at once, large bodies both ways, and trailers', async () => {
    fixture = await routerFixture({ listenTls });
    const client = session();
    const size = 3_000_000;
    fixture.monolith.handler = (incoming, response) => {
      response.writeHead(200, { trailer: 'x-sum', 'set-cookie': ['a=1', 'b=2'] });
      incoming.on('data', (chunk: Buffer) => response.write(chunk));
      incoming.on('end', () => {
        response.addTrailers({ 'x-sum': '42' });
        response.end();
      });
    };
    const answers = await Promise.all(Array.from({ length: 5 }, async (_, n) => ask(client, { ':path': `/${n}`, ':method': 'PUT' }, String(n).repeat(size))));
    expect(answers.map(({ body }, n) => body === String(n).repeat(size))).toEqual([true, true, true, true, true]);
    expect(answers[0]?.trailers['x-sum']).toBe('42');
    expect(answers[0]?.headers['set-cookie']).toEqual(['a=1', 'b=2']);
  });

  it('answers HEAD, 204 and Expect: 100-continue', async () => {
    fixture = await routerFixture({ listenTls });
    const client = session();
    fixture.monolith.handler = (incoming, response) => {
      if (incoming.url === '/204') response.writeHead(204).end();
      else response.writeHead(200, { 'content-length': 7 }).end(incoming.method === 'HEAD' ? undefined : '1234567');
    };
    expect(await ask(client, { ':path': '/x', ':method': 'HEAD' })).toMatchObject({ status: 200, body: '', headers: { 'content-length': '7' } });
    expect((await ask(client, { ':path': '/204' })).status).toBe(204);
    const stream = client.request({ ':path': '/x', ':method': 'POST', expect: '100-continue' });
    const answer = answerOf(stream);
    await new Promise((resolve) => stream.once('continue', resolve));
    stream.end('body');
    expect((await answer).body).toBe('1234567');
  });

  it('an upload that is broken off is broken off for the upstream, and is no shorter upload', async () => {
    fixture = await routerFixture({ listenTls });
    const ends: string[] = [];
    fixture.monolith.handler = (incoming) => {
      incoming.on('end', () => ends.push('whole'));
      incoming.on('error', () => ends.push('broken'));
      incoming.resume();
    };
    for (const code of [http2.constants.NGHTTP2_NO_ERROR, http2.constants.NGHTTP2_CANCEL, http2.constants.NGHTTP2_INTERNAL_ERROR]) {
      const seen = fixture.monolith.seen.length;
      // By hand: the library's own client ends its upload before it resets.
      const socket = await frames();
      socket.write(Buffer.concat([frame(1, 4, 1, Buffer.from([0x83, 0x87, 0x84, 0x41, 1, 0x78])), frame(0, 0, 1, Buffer.from('half'))]));
      await until(() => fixture!.monolith.seen.length > seen);
      socket.write(frame(3, 0, 1, Buffer.from([0, 0, 0, code])));
      await until(() => ends.length > seen, 'the upload to end');
    }
    expect(ends).toEqual(['broken', 'broken', 'broken']);
  });

  it('refuses what HTTP/1.1 would be given wrongly', async () => {
    fixture = await routerFixture({ listenTls });
    const client = session();
    const wrong = [
      { ':path': '/x', ':authority': 'a', host: 'b' }, { ':path': '/x', ':authority': 'a/b?c' }, { ':path': 'x' },
      { ':path': '/x', 'transfer-encoding': 'chunked' }, { ':path': '/x', 'content-length': '5' }, { ':path': '/x', ':method': 'CONNECT' },
    ];
    for (const headers of wrong) {
      const status = await ask(client, headers).then((answer) => answer.status, () => 0);
      expect([0, 400, 405]).toContain(status);
    }
    expect(fixture.monolith.seen).toEqual([]);
  });

  it('keeps connections whose clients leave answers that have begun, as listeners of events do', async () => {
    fixture = await routerFixture({ listenTls });
    fixture.monolith.handler = (_incoming, response) => void response.write('data: 1\n\n');
    const client = session();
    for (let n = 0; n < 120; n++) {
      const events = client.request({ ':path': '/events' });
      await new Promise((resolve) => events.once('data', resolve));
      events.close(http2.constants.NGHTTP2_CANCEL);
      await new Promise((resolve) => events.once('close', resolve));
    }
    fixture.monolith.handler = null;
    expect((await ask(client, { ':path': '/well' })).status).toBe(200);
  });

  it('closes connections that open streams only to reset them, and serves others', async () => {
    fixture = await routerFixture({ listenTls });
    fixture.monolith.handler = (incoming, response) => {
      if (incoming.url === '/well') response.end('well');
    };
    const other = session();
    const client = session();
    let closed = false;
    client.on('close', () => {
      closed = true;
    });
    for (let n = 0; n < 5000 && !client.closed; n++) {
      const stream = client.request({ ':path': '/slow' });
      stream.on('error', () => {});
      stream.close(http2.constants.NGHTTP2_CANCEL);
      if (n % 50 === 0) expect((await ask(other, { ':path': '/well' })).body).toBe('well');
    }
    await until(() => closed, 'the connection to be closed');
    expect((await ask(other, { ':path': '/well' })).body).toBe('well');
  });

  it.each([
    ['a header of many megabytes', (client: http2.ClientHttp2Session) => client.request({ ':path': '/x', 'x-a': 'a'.repeat(60_000) })],
    ['thousands of headers', (client: http2.ClientHttp2Session) => client.request({ ':path': '/x', ...Object.fromEntries(Array.from({ length: 1500 }, (_, n) => [`x-${n}`, 'b'])) })],
  ])('refuses %s', async (_what, send) => {
    fixture = await routerFixture({ listenTls });
    const client = session();
    const answer = await answerOf(send(client)).catch(() => ({ status: 0 }));
    expect([0, 431]).toContain(answer.status);
    expect(fixture.monolith.seen).toEqual([]);
    expect((await ask(session(), { ':path': '/y' })).status).toBe(200);
  });

  it('closes a connection that sends CONTINUATION frames without an end', async () => {
    fixture = await routerFixture({ listenTls });
    const socket = await frames();
    let closed = false;
    socket.on('close', () => {
      closed = true;
    });
    socket.write(frame(1, 0, 1, Buffer.from([0x82])));
    for (let n = 0; n < 20_000 && !socket.destroyed; n++) {
      socket.write(frame(9, 0, 1, Buffer.from([0x40, 1, 0x78, 1, 0x79])));
      if (n % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => closed, 'the connection to be closed');
    expect((await ask(session(), { ':path': '/y' })).status).toBe(200);
  });
});

describe('TLS', () => {
  it('serves HTTP/1.1 and WebSockets too', async () => {
    fixture = await routerFixture({ listenTls });
    const dispatcher = new Agent({ connect: { ca } });
    cleanups.push(async () => dispatcher.close());
    const { body } = await request(`https://localhost:${fixture.port}/x`, { dispatcher });
    expect(await body.json()).toMatchObject({ headers: { 'x-forwarded-proto': 'https' } });
    fixture.monolith.server.on('upgrade', (_incoming, socket) => {
      socket.write('HTTP/1.1 101 x\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\r\n');
      socket.on('error', () => {});
      socket.pipe(socket);
    });
    const socket = tls.connect({ port: fixture.port, host: 'localhost', ca });
    cleanups.push(() => socket.destroy());
    let answer = '';
    socket.on('error', () => {}).on('data', (chunk) => {
      answer += String(chunk);
    });
    socket.write('GET /ws HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-key: abc\r\n\r\n');
    await until(() => answer.includes('101'));
    socket.write('ping');
    await until(() => answer.endsWith('ping'));
  });

  it('takes a renewed certificate without a restart, and keeps the old one beside a broken one', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'banyan-tls-'));
    cleanups.push(async () => rm(directory, { recursive: true }));
    const files = { cert: join(directory, 'crt'), key: join(directory, 'key') };
    const use = async (name: string): Promise<void> => {
      await copyFile(file(`${name}.crt`), files.cert);
      await copyFile(file(`${name}.key`), files.key);
    };
    await use('server');
    const told: string[] = [];
    const logger: Logger = { ...silentLogger, error: (message) => void told.push(message), child: () => logger };
    fixture = await routerFixture({ listenTls: files, tlsCheckMs: 20, logger });
    const shown = async (): Promise<string> =>
      new Promise((resolve, reject) => {
        const socket = tls.connect({ port: fixture!.port, rejectUnauthorized: false }, () => {
          resolve(String(socket.getPeerCertificate().subject.CN));
          socket.destroy();
        });
        socket.on('error', reject);
      });
    expect(await shown()).toBe('localhost');
    await copyFile(file('client.crt'), files.cert);
    await until(() => told.some((message) => message.includes('keeps its certificate')), 'the refusal');
    expect(await shown()).toBe('localhost');
    await use('client');
    let name = '';
    await until(() => {
      void shown().then((now) => {
        name = now;
      });
      return name === 'tls_user';
    }, 'the new certificate');
  });

  it('refuses files that are none, before it listens', async () => {
    await expect(routerFixture({ listenTls: { cert: file('server.crt'), key: file('client.key') } })).rejects.toThrow('certificate could not be used');
  });

  it('asks clients for a certificate where their authority is named', async () => {
    fixture = await routerFixture({ listenTls: { ...listenTls, clientCa: file('authority.crt') } });
    const ask = async (options: { readonly cert?: Buffer; readonly key?: Buffer }): Promise<number> => {
      const dispatcher = new Agent({ connect: { ca, ...options } });
      try {
        return (await request(`https://localhost:${fixture!.port}/x`, { dispatcher })).statusCode;
      } finally {
        await dispatcher.destroy();
      }
    };
    await expect(ask({})).rejects.toThrow();
    expect(await ask({ cert: readFileSync(file('client.crt')), key: readFileSync(file('client.key')) })).toBe(200);
  });

  it('shuts out who begins no handshake', async () => {
    fixture = await routerFixture({ listenTls, limits: { headersMs: 100 } });
    const socket = net.connect(fixture.port, '127.0.0.1');
    socket.on('error', () => {});
    await new Promise((resolve) => socket.once('close', resolve));
  });
});

describe('TLS to the sides', () => {
  it('is checked, by the authority and the name, and shows a certificate', async () => {
    const server = https.createServer({ cert: readFileSync(listenTls.cert), key: readFileSync(listenTls.key), ca, requestCert: true, rejectUnauthorized: false }, (incoming, response) => {
      response.end(`to ${String((incoming.socket as tls.TLSSocket).getPeerCertificate().subject?.CN ?? 'nobody')}`);
    });
    let connections = 0;
    server.on('secureConnection', () => connections++);
    server.on('upgrade', (_incoming, socket) => socket.end('HTTP/1.1 101 x\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\r\n'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    cleanups.push(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
    const { port } = server.address() as net.AddressInfo;
    const through = async (url: string, upstreamTls?: object, hosts: readonly string[] = ['127.0.0.1']): Promise<string> => {
      fixture = await routerFixture({ monolith: url, ...(upstreamTls ? { upstreamTls } : {}) });
      const answers = new Set<string>();
      for (const host of hosts) {
        const { statusCode, body } = await request(`${fixture.url}/orders`, { headers: { host } });
        const text = await body.text();
        answers.add(statusCode === 200 ? text : String(statusCode));
      }
      await fixture.close();
      return [...answers].join(' and ');
    };
    expect(await through(`https://localhost:${port}`)).toBe('502');
    expect(await through(`https://localhost:${port}`, { ca })).toBe('to nobody');
    expect(await through(`https://127.0.0.1:${port}`, { ca })).toBe('502');
    expect(await through(`https://127.0.0.1:${port}`, { ca, servername: 'localhost' })).toBe('to nobody');
    // Whatever Host a client sends: it is not his to say whom the router trusts.
    const hosts = ['shop.example', 'localhost', 'other.example:80', 'shop.example'];
    const connected = connections;
    expect(await through(`https://localhost:${port}`, { ca }, hosts)).toBe('to nobody');
    expect(connections - connected).toBe(1);
    expect(await through(`https://127.0.0.1:${port}`, { ca, servername: 'localhost' }, hosts)).toBe('to nobody');
    expect(await through(`https://127.0.0.1:${port}`, { ca }, hosts)).toBe('502');
    expect(await through(`https://127.0.0.1:${port}`, { rejectUnauthorized: false })).toBe('to nobody');
    expect(await through(`https://localhost:${port}`, { ca, cert: readFileSync(file('client.crt'), 'utf8'), key: readFileSync(file('client.key'), 'utf8') })).toBe('to tls_user');
    fixture = undefined;
  });
});
