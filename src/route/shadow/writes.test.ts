import type http from 'node:http';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { request } from 'undici';
import { afterEach, describe, expect, it } from 'vitest';
import { routerFixture, until, type FakeUpstream, type RouterFixture } from '../../../test/support/route-fixture.ts';
import { checkRule } from '../check-rule.ts';
import type { ShadowStatus } from './shadow.ts';
import type { ShadowWrites } from './write-copy.ts';

let fixture: RouterFixture | undefined;
afterEach(async () => {
  await fixture?.close();
  fixture = undefined;
});

interface Seen {
  readonly line: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

/** What the side is sent, each answered the same. */
function record(side: FakeUpstream, answer: (response: http.ServerResponse) => void): Seen[] {
  const seen: Seen[] = [];
  side.handler = (incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      seen.push({ line: `${incoming.method} ${incoming.url}`, headers: incoming.headers, body: Buffer.concat(chunks).toString() });
      answer(response);
    });
  };
  return seen;
}

const json = (value: unknown) => (response: http.ServerResponse) => void response.writeHead(201, { 'content-type': 'application/json' }).end(JSON.stringify(value));
const status = (): ShadowStatus => fixture!.router.status().routes[0]!.shadow as ShadowStatus;
const start = async (writes: ShadowWrites, more: Parameters<typeof routerFixture>[0] = {}): Promise<RouterFixture> =>
  (fixture = await routerFixture({ overrideHeader: true, ...more, rule: { shadow: { percent: 100, writes, maxBodyBytes: 10_000 }, ...more.rule } }));
const post = async (body: string | Buffer, headers: Record<string, string> = {}, method = 'POST'): Promise<string> => {
  const response = await request(`${fixture!.url}/api/users/1`, { method, body, headers: { cookie: 'uid=1', 'content-type': 'application/json', ...headers } });
  return response.body.text();
};

describe('writes in the shadow', () => {
  it('are sent to the other side once, marked, after the user was answered', async () => {
    const { monolith, service } = await start({ mode: 'dry-run-header', header: 'X-Dry-Run: 1' });
    const copies = record(service, json({ id: 1, name: 'Ada' }));
    let answer: () => void = () => {};
    const taken = record(monolith, (response) => (answer = () => json({ name: 'Ada', id: 1 })(response)));
    const posted = post('{"name":"Ada"}', { 'x-dry-run': '0' });
    await until(() => taken.length === 1);
    expect(service.seen).toEqual([]);
    answer();
    expect(await posted).toBe('{"name":"Ada","id":1}');
    await until(() => status().compared === 1);
    expect(copies).toMatchObject([{ line: 'POST /api/users/1', body: '{"name":"Ada"}', headers: { 'x-banyan-shadow': '1', 'x-dry-run': '1', cookie: 'uid=1' } }]);
    expect(status()).toMatchObject({ writes: 'dry-run-header', equal: 1 });
    record(service, json({ id: 2, name: 'Ada' }));
    const second = post('{}', {}, 'PUT');
    await until(() => taken.length === 2);
    answer();
    await second;
    await until(() => status().different === 1);
    expect(status().differences).toMatchObject([{ endpoint: 'PUT /api/users/{id}', path: '$.id', kind: 'value' }]);
    expect(service.seen).toHaveLength(2);
  });

  it('go only to a side that promised', async () => {
    const { monolith, service } = await start({ mode: 'write-safe' });
    record(monolith, json({}));
    record(service, json({}));
    await post('{}', { 'x-banyan-route': 'service' });
    await post('{}');
    await until(() => status().compared === 1);
    expect([monolith.seen.length, service.seen.length]).toEqual([1, 2]);
    await fixture!.close();
    await start({ mode: 'rolled-back', sides: ['monolith'] });
    const both = fixture!;
    record(both.service, json({}));
    const copies = record(both.monolith, json({}));
    await post('{}', { 'x-banyan-route': 'service' });
    await until(() => copies.length === 1);
    expect(copies[0]!.headers['x-banyan-shadow']).toBe('1');
  });

  it('are left out when they are long, and answers may be compressed', async () => {
    const { monolith, service } = await start({ mode: 'write-safe' });
    const packed = gzipSync('{"a":1}');
    const received = record(monolith, (response) => response.writeHead(201, { 'content-type': 'application/json', 'content-encoding': 'gzip' }).end(packed));
    record(service, json({ a: 1 }));
    await post('{}', { 'accept-encoding': 'gzip' });
    await until(() => status().equal === 1);
    const long = 'x'.repeat(2_000_000);
    await post(long);
    await until(() => status().skipped === 1);
    expect(received[1]!.body === long).toBe(true);
    expect(service.seen).toHaveLength(1);
  });

  it('are never tried again, and count against nobody', async () => {
    const { monolith, service, router } = await start({ mode: 'write-safe' });
    record(monolith, json({}));
    service.handler = (incoming) => void incoming.socket.resetAndDestroy();
    for (let n = 1; n <= 8; n++) {
      await post('{}');
      await until(() => status().failed === n);
    }
    expect(service.seen).toHaveLength(8);
    expect(router.status().routes[0]).toMatchObject({ breaker: 'closed', health: 'healthy', sides: { service: { requests: 0 } } });
  });

  it('have the names of their fields that the other side knows', async () => {
    const { monolith, service } = await start({ mode: 'write-safe' }, { rule: { adapt: [{ from: '/api/users/{id}', to: '/v2/accounts/{id}', request: { name: 'full_name' } }] } });
    record(monolith, json({}));
    const copies = record(service, json({}));
    await post('{"name":"Ada"}');
    await until(() => copies.length === 1);
    expect(copies).toMatchObject([{ line: 'POST /v2/accounts/1', body: '{"full_name":"Ada"}', headers: { 'content-length': '19' } }]);
  });

  it('are not copied when they were answered before their end, nor beyond what may be kept at once', async () => {
    const { monolith, service } = await start({ mode: 'write-safe' }, { rule: { shadow: { percent: 100, queue: 1, writes: { mode: 'write-safe' } } } });
    monolith.handler = (_incoming, response) => response.writeHead(413).end('enough');
    record(service, json({}));
    const socket = connect(fixture!.port, '127.0.0.1');
    let said = '';
    socket.on('data', (chunk) => (said += chunk.toString()));
    socket.on('error', () => {});
    socket.write('POST /api/users/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nbegun');
    await until(() => said.includes('enough'));
    socket.destroy();
    const releases: (() => void)[] = [];
    monolith.handler = (_incoming, response) => releases.push(() => response.end('{}'));
    const two = [post('{}'), post('{}')];
    await until(() => releases.length === 2);
    expect(status().skipped).toBe(1);
    for (const release of releases) release();
    await Promise.all(two);
    await until(() => status().compared === 1);
    expect(service.seen).toEqual(['POST /api/users/1']);
  });

  it('need a header where the promise is one', () => {
    const rule = (writes: ShadowWrites) => ({ service: 'accounts', shadow: { percent: 1, writes } });
    expect(() => checkRule(rule({ mode: 'dry-run-header' }))).toThrow('found none');
    expect(() => checkRule(rule({ mode: 'rolled-back', header: 'nonsense' }))).toThrow('need a header such as');
    checkRule(rule({ mode: 'rolled-back' }));
  });
});
