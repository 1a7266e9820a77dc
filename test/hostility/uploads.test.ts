import { readFileSync } from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { routerFixture, until, type RouterFixture } from '../support/route-fixture.ts';
import { converse, statuses } from './raw-connection.ts';

let fixture: RouterFixture | undefined;
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
  await fixture?.close();
  fixture = undefined;
});

const file = (name: string): string => new URL(`../support/certificates/${name}`, import.meta.url).pathname;
const listenTls = { cert: file('server.crt'), key: file('server.key') };

interface Upload {
  readonly url: string | undefined;
  readonly headers: http.IncomingHttpHeaders;
  body: string;
  trailers: readonly string[];
  whole: boolean;
}

/** Has an upstream write down its uploads, and answer each with its number. */
function uploadsOf(upstream: { handler: http.RequestListener | null }): Upload[] {
  const uploads: Upload[] = [];
  upstream.handler = (incoming, response) => {
    const upload: Upload = { url: incoming.url, headers: incoming.headers, body: '', trailers: [], whole: false };
    uploads.push(upload);
    incoming.setEncoding('latin1');
    incoming.on('error', () => {});
    incoming.on('data', (chunk: string) => {
      upload.body += chunk;
    });
    incoming.on('end', () => {
      upload.whole = true;
      upload.trailers = incoming.rawTrailers;
      response.end(`upload ${uploads.length}`);
    });
  };
  return uploads;
}

const chunked = (options: { readonly trailer?: string; readonly fields: string; readonly path?: string; readonly body?: string }): string => {
  const { trailer, fields, path = '/up', body = 'four' } = options;
  const announced = trailer === undefined ? '' : `trailer: ${trailer}\r\n`;
  return `POST ${path} HTTP/1.1\r\nhost: x\r\ncookie: uid=1\r\ntransfer-encoding: chunked\r\n${announced}connection: close\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n${fields}\r\n`;
};

async function send(bytes: string): Promise<string> {
  const { received, hung } = await converse(fixture!.port, { pieces: [bytes], leaving: 'waits' });
  expect(hung).toBe(false);
  return received;
}

describe('trailers of requests', () => {
  it('that are announced follow the body', async () => {
    fixture = await routerFixture();
    const uploads = uploadsOf(fixture.monolith);
    const body = 'b'.repeat(300_000);
    expect(await send(chunked({ trailer: 'X-Sum, x-other', fields: 'X-Sum: 42\r\nx-other: \xe9\r\nX-Sum: 43\r\n', body }))).toContain('upload 1');
    expect(uploads[0]).toMatchObject({ whole: true, trailers: ['X-Sum', '42', 'x-other', '\xe9', 'X-Sum', '43'] });
    expect(uploads[0]?.body === body).toBe(true);
    expect(uploads[0]?.headers).toMatchObject({ trailer: 'x-sum, x-other', 'transfer-encoding': 'chunked', 'x-forwarded-for': '127.0.0.1' });
  });

  it('of HTTP/2 too, with a length or without', async () => {
    fixture = await routerFixture({ listenTls });
    const uploads = uploadsOf(fixture.monolith);
    const client = http2.connect(`https://localhost:${fixture.port}`, { ca: readFileSync(file('authority.crt')) });
    cleanups.push(() => client.destroy());
    for (const length of [{}, { 'content-length': 4 }]) {
      const stream = client.request({ ':path': '/up', ':method': 'POST', trailer: 'x-sum', ...length }, { waitForTrailers: true });
      stream.on('wantTrailers', () => {
        stream.sendTrailers({ 'x-sum': '42', 'x-more': 'no' });
      });
      stream.end('four');
      const answer = await new Promise((resolve) => {
        stream.setEncoding('latin1').on('data', resolve);
      });
      expect(answer).toMatch(/^upload /);
    }
    for (const upload of uploads) expect(upload).toMatchObject({ body: 'four', whole: true, trailers: ['x-sum', '42'] });
    expect(uploads).toHaveLength(2);
  });

  it.each([
    'cookie', 'authorization', 'host', 'x-forwarded-for', 'x_forwarded_for', 'forwarded', 'x-request-id', 'x-banyan-side', 'connection', 'upgrade', 'te', 'expect', 'content-type', 'content-encoding',
  ])('never say anything about framing, users or the router: %s', async (name) => {
    fixture = await routerFixture();
    const uploads = uploadsOf(fixture.monolith);
    await send(chunked({ trailer: `${name}, x-ok`, fields: `${name}: 5\r\nx-ok: 1\r\n` }));
    await send(chunked({ trailer: name, fields: `${name}: 5\r\n` }));
    expect(uploads).toMatchObject([{ body: 'four', whole: true, trailers: ['x-ok', '1'] }, { body: 'four', whole: true, trailers: [] }]);
    expect(uploads.map(({ headers }) => headers.trailer)).toEqual(['x-ok', undefined]);
  });

  it.each(['content-length', 'transfer-encoding'])('that would frame the body again end at the router: %s', async (name) => {
    fixture = await routerFixture();
    const uploads = uploadsOf(fixture.monolith);
    await send(chunked({ trailer: `${name}, x-ok`, fields: `${name}: 5\r\nx-ok: 1\r\n` }));
    expect(uploads.flatMap(({ trailers }) => trailers).filter((text) => text.toLowerCase() === name)).toEqual([]);
    expect(uploads.every(({ headers }) => headers.trailer === 'x-ok')).toBe(true);
  });

  it('that are not announced, or stand behind no chunks, are left out', async () => {
    fixture = await routerFixture();
    const uploads = uploadsOf(fixture.monolith);
    await send(chunked({ fields: 'x-ok: 1\r\n' }));
    await send(chunked({ trailer: 'x-other', fields: 'x-ok: 1\r\n' }));
    await send('POST /up HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\ntrailer: x-ok\r\nconnection: close\r\n\r\nfour');
    expect(uploads.map(({ body, trailers }) => [body, trailers])).toEqual([['four', []], ['four', []], ['four', []]]);
  });

  it('that are too long end the request for the side as well', async () => {
    fixture = await routerFixture();
    const uploads = uploadsOf(fixture.monolith);
    const received = await send(chunked({ trailer: 'x-sum', fields: `x-sum: ${'4'.repeat(20_000)}\r\n` }));
    expect(statuses(received).filter((status) => status < 400)).toEqual([]);
    await send(chunked({ trailer: 'x-sum', fields: 'x-sum: 42\r\n' }));
    expect(uploads.filter(({ whole }) => whole).map(({ trailers }) => trailers)).toEqual([['x-sum', '42']]);
  });

  it.each(['end', 'resetAndDestroy'] as const)('that are broken off make no shorter upload: %s', async (leave) => {
    fixture = await routerFixture();
    const uploads = uploadsOf(fixture.monolith);
    const closed = new Promise((resolve) => fixture!.monolith.server.on('connection', (socket) => socket.on('close', resolve)));
    const socket = net.connect(fixture.port, '127.0.0.1').on('error', () => {});
    socket.write(chunked({ trailer: 'x-sum', fields: 'x-sum: 42\r\n' }).slice(0, -4));
    await until(() => uploads[0]?.body === 'four');
    socket[leave]();
    await closed;
    expect(uploads[0]?.whole).toBe(false);
  });

  it('go to the monolith with their request when the service refuses the connection', async () => {
    fixture = await routerFixture({ rule: { percent: 100 } });
    await fixture.service.close();
    const uploads = uploadsOf(fixture.monolith);
    expect(await send(chunked({ trailer: 'x-sum', fields: 'x-sum: 42\r\n', path: '/api/users/1' }))).toContain('upload 1');
    expect(uploads).toMatchObject([{ body: 'four', trailers: ['x-sum', '42'] }]);
  });
});

/** A client that waits for a word before it uploads, and what it was told. */
function expectant(path = '/up', headers: http.OutgoingHttpHeaders = {}): { readonly told: string[]; readonly request: http.ClientRequest } {
  const told: string[] = [];
  const request = http.request(`${fixture!.url}${path}`, { method: 'POST', headers: { expect: '100-continue', 'content-length': 4, cookie: 'uid=1', ...headers } });
  request.on('error', () => {});
  request.on('continue', () => {
    told.push('continue');
    request.end('four');
  });
  request.on('response', (response) => {
    told.push(String(response.statusCode));
    response.resume();
  });
  request.flushHeaders();
  cleanups.push(() => request.destroy());
  return { told, request };
}

describe('Expect: 100-continue', () => {
  it('waits for the side’s own word', async () => {
    fixture = await routerFixture({ timeouts: { continueMs: 60_000 } });
    const asked: http.ServerResponse[] = [];
    const uploads = uploadsOf(fixture.monolith);
    fixture.monolith.server.on('checkContinue', (incoming: http.IncomingMessage, response: http.ServerResponse) => {
      asked.push(response);
      fixture!.monolith.handler?.(incoming, response);
    });
    const { told } = expectant();
    await until(() => asked.length === 1);
    expect(uploads[0]).toMatchObject({ body: '', headers: { expect: '100-continue' } });
    expect(told).toEqual([]);
    asked[0]?.writeContinue();
    await until(() => told.length === 2);
    expect(told).toEqual(['continue', '200']);
    expect(uploads).toMatchObject([{ body: 'four', whole: true }]);
  });

  it('is answered by what the side says instead, and nothing is uploaded', async () => {
    fixture = await routerFixture({ timeouts: { continueMs: 60_000 } });
    let received = '';
    fixture.monolith.server.on('checkContinue', (incoming: http.IncomingMessage, response: http.ServerResponse) => {
      incoming.on('data', (chunk: Buffer) => {
        received += chunk.toString();
      });
      response.writeHead(401, { 'content-length': 0 }).end();
    });
    const { told } = expectant();
    await until(() => told.length > 0);
    expect([told, received]).toEqual([['401'], '']);
  });

  it('is not waited for longer than is allowed, of a side that does not know it', async () => {
    fixture = await routerFixture({ timeouts: { continueMs: 20 } });
    let bytes = '';
    const old = net.createServer((socket) => {
      socket.on('error', () => {});
      socket.on('data', (chunk) => {
        bytes += chunk.toString('latin1');
        if (bytes.endsWith('four')) socket.end('HTTP/1.0 201 Created\r\n\r\n');
      });
    });
    await new Promise<void>((resolve) => fixture!.monolith.server.close(() => resolve()));
    await new Promise<void>((resolve) => old.listen(Number(new URL(fixture!.monolith.url).port), '127.0.0.1', resolve));
    cleanups.push(() => old.close());
    const { told } = expectant();
    await until(() => told.length === 2);
    expect(told).toEqual(['continue', '201']);
  });

  it('asks the client once, whatever the side says', async () => {
    fixture = await routerFixture({ timeouts: { continueMs: 60_000 } });
    const uploads = uploadsOf(fixture.monolith);
    fixture.monolith.server.on('checkContinue', (incoming: http.IncomingMessage, response: http.ServerResponse) => {
      for (let n = 0; n < 5; n++) response.writeContinue();
      fixture!.monolith.handler?.(incoming, response);
    });
    const { told } = expectant();
    await until(() => told.includes('200'));
    expect(told).toEqual(['continue', '200']);
    expect(uploads).toMatchObject([{ body: 'four' }]);
  });

  it('goes with its request to the monolith when the service refuses the connection', async () => {
    fixture = await routerFixture({ rule: { percent: 100 } });
    await fixture.service.close();
    const uploads = uploadsOf(fixture.monolith);
    const { told } = expectant('/api/users/1');
    await until(() => told.length === 2);
    expect(told).toEqual(['continue', '200']);
    expect(uploads).toMatchObject([{ body: 'four', whole: true }]);
  });

  it('is 502 when the side breaks off before its word: sent once, and never uploaded', async () => {
    fixture = await routerFixture({ rule: { percent: 100 }, timeouts: { continueMs: 60_000 } });
    let asked = 0;
    fixture.service.server.on('checkContinue', (incoming: http.IncomingMessage) => {
      asked++;
      incoming.socket.destroy();
    });
    const { told } = expectant('/api/users/1');
    await until(() => told.length > 0);
    expect([told, asked, fixture.monolith.seen]).toEqual([['502'], 1, []]);
  });

  it('is forgotten when the client goes away, and the side is told', async () => {
    fixture = await routerFixture({ timeouts: { continueMs: 60_000 } });
    let closed = 0;
    let asked = 0;
    fixture.monolith.server.on('checkContinue', (incoming: http.IncomingMessage) => {
      asked++;
      incoming.socket.on('close', () => closed++);
    });
    const { request } = expectant();
    await until(() => asked === 1);
    request.destroy();
    await until(() => closed === 1);
  });

  it('of a client that does not wait for the word, and of one that waits for ever, is taken as it comes', async () => {
    fixture = await routerFixture({ limits: { bodyMs: 200 } });
    const uploads = uploadsOf(fixture.monolith);
    const impatient = await send('POST /up HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 4\r\nconnection: close\r\n\r\nfour');
    expect(statuses(impatient)).toEqual([200]);
    expect(uploads).toMatchObject([{ body: 'four', whole: true }]);
    const silent = await send('POST /up HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n');
    expect(silent).toMatch(/^HTTP\/1\.1 100 .*\r\n\r\nHTTP\/1\.1 408 /);
    expect(uploads.filter(({ whole }) => whole)).toHaveLength(1);
  });

  it('and trailers go together', async () => {
    fixture = await routerFixture();
    const uploads = uploadsOf(fixture.monolith);
    const received = await send(chunked({ trailer: 'x-sum', fields: 'x-sum: 42\r\n' }).replace('connection: close', 'connection: close\r\nexpect: 100-continue'));
    expect(statuses(received)).toEqual([200]);
    expect(uploads).toMatchObject([{ body: 'four', trailers: ['x-sum', '42'] }]);
  });
});
