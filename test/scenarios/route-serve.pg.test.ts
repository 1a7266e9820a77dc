import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import net, { type AddressInfo } from 'node:net';
import { join } from 'node:path';
import tls from 'node:tls';
import { afterEach, expect, it } from 'vitest';
import { freePort } from '../../src/embedded/free-port.ts';
import { temporaryFolder } from '../support/application.ts';
import { authority, certificate, listenTls } from '../support/certificates.ts';
import { until } from '../support/condition.ts';
import { describePostgres, testDatabase } from '../support/postgres.ts';
import { SyncProcess } from '../support/sync-process.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

const pem = (name: string): string => readFileSync(certificate(name), 'utf8');

/** A side that says who asked it, by which headers; `/…/hang` is answered when it is let go. */
async function side(name: string, create: (listener: http.RequestListener) => http.Server): Promise<{ readonly port: number; well: boolean; readonly hanging: (() => void)[] }> {
  const state = { port: 0, well: true, hanging: new Array<() => void>() };
  const server = create((incoming, response) => {
    incoming.resume();
    if (incoming.url === '/health') response.writeHead(state.well ? 200 : 500).end();
    else if (incoming.url?.endsWith('/hang') === true) state.hanging.push(() => response.end(name));
    else incoming.on('end', () => {
      const shown = incoming.socket instanceof tls.TLSSocket ? incoming.socket.getPeerCertificate().subject?.CN : undefined;
      response.end(JSON.stringify({ side: name, shown, headers: incoming.headers }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, resolve));
  state.port = (server.address() as AddressInfo).port;
  cleanups.push(() => (server.closeAllConnections(), new Promise((resolve) => server.close(resolve))));
  return state;
}

const PROXIED = 'PROXY TCP4 203.0.113.7 127.0.0.1 51000 443\r\n';

interface ClientOptions {
  readonly port: number;
  /** What a load balancer says before the handshake. */
  readonly first?: string;
  readonly certificate?: boolean;
  readonly protocol?: 'h2' | 'http/1.1';
}

/** A connection as a load balancer and a client with a certificate make it. */
async function connect(options: ClientOptions): Promise<tls.TLSSocket> {
  const raw = net.connect(options.port, '127.0.0.1');
  cleanups.push(() => raw.destroy());
  raw.on('error', () => {});
  raw.write(options.first ?? PROXIED);
  const socket = tls.connect({
    socket: raw, servername: 'localhost', ca: authority, ALPNProtocols: [options.protocol ?? 'http/1.1'],
    ...(options.certificate === false ? {} : { cert: pem('client.crt'), key: pem('client.key') }),
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('secureConnect', resolve).once('error', reject).once('close', () => reject(new Error('closed')));
  });
  socket.on('error', () => {});
  return socket;
}

/** Everything that comes until the other end closes. */
async function conversation(socket: tls.TLSSocket, text: string): Promise<string> {
  let answer = '';
  socket.on('data', (part) => (answer += String(part)));
  socket.write(text);
  await new Promise((resolve) => socket.once('close', resolve));
  return answer;
}

interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
}

async function ask(port: number, path: string, options: { readonly method?: string; readonly headers?: Record<string, string> } = {}): Promise<Answer> {
  const socket = await connect({ port });
  return new Promise((resolve, reject) => {
    const request = https.request({ path, method: options.method ?? 'GET', headers: { host: 'shop.example', ...options.headers }, createConnection: () => socket }, (response) => {
      let text = '';
      response.on('data', (part) => (text += String(part)));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
    });
    request.on('error', reject);
    request.end();
  });
}

async function askHttp2(port: number, path: string): Promise<unknown> {
  const socket = await connect({ port, protocol: 'h2' });
  const session = http2.connect('https://localhost', { createConnection: () => socket });
  const stream = session.request({ ':path': path });
  let text = '';
  for await (const part of stream) text += String(part);
  session.close();
  return JSON.parse(text);
}

const jsonOf = ({ text }: Answer): { readonly side: string; readonly shown?: string; readonly headers: http.IncomingHttpHeaders } => JSON.parse(text) as ReturnType<typeof jsonOf>;

describePostgres('banyan route serve, as a user starts it', () => {
  it('does what every section of the listener says', async () => {
    const monolithDatabase = await testDatabase({ schema: 'CREATE TABLE users (id int PRIMARY KEY)' });
    const serviceDatabase = await testDatabase({ schema: 'CREATE TABLE users (id int PRIMARY KEY)' });
    const monolith = await side('monolith', (listener) => http.createServer(listener));
    const service = await side('service', (listener) => https.createServer({ cert: pem('server.crt'), key: pem('server.key'), ca: authority, requestCert: true, rejectUnauthorized: false }, listener));
    const [port, admin] = [await freePort(), await freePort()];
    const configFile = join(await temporaryFolder(), 'banyan.yaml');
    const env = { MONOLITH_URL: monolithDatabase.url, ACCOUNTS_URL: serviceDatabase.url, ADMIN_TOKEN: 'sesame' };
    const write = (token: string): Promise<void> =>
      writeFile(configFile, `version: 1
monolith: { url: "\${MONOLITH_URL}" }
services:
  accounts:
    url: \${ACCOUNTS_URL}
    tables: [users]
    upstream: https://localhost:${service.port}
    match: [{ path: /api/users/** }]
    health: { path: /health, everyMs: 50, timeoutMs: 5000 }
route:
  listen: 127.0.0.1:${port}
  admin: 0.0.0.0:${admin}
${token}  monolith: http://127.0.0.1:${monolith.port}
  key: [ip]
  headerOverride: x-side
  rollback: { triggers: [] }
  tls: { cert: "${listenTls.cert}", key: "${listenTls.key}", clientCa: "${certificate('authority.crt')}" }
  upstreamTls: { ca: "${certificate('authority.crt')}", cert: "${certificate('client.crt')}", key: "${certificate('client.key')}" }
  proxyProtocol: { trusted: [127.0.0.0/8] }
  clients: { headersMs: 1500, bodyMs: 600, maxHeaderBytes: 2048 }
  bulkhead: { monolith: 2, service: 20 }
  timeouts: { headersMs: 4000, drainMs: 20000 }
`);
    const start = (command: readonly string[]): SyncProcess => {
      const process = SyncProcess.start({ configFile, env, command });
      cleanups.push(() => process.kill());
      return process;
    };

    // Beyond this machine only with a token.
    await write('');
    const refused = start(['route', 'serve']);
    await until(() => refused.end !== undefined, { what: 'a router without a token is refused', timeoutMs: 60_000 });
    expect(refused.said).toContain('BANYAN_ADMIN_OPEN');

    await write('  adminToken: "${ADMIN_TOKEN}"\n');
    const router = start(['route', 'serve']);
    await router.says(`listening on https://127.0.0.1:${port}`);
    const adminUrl = `http://127.0.0.1:${admin}`;
    await until(async () => (await fetch(`${adminUrl}/readyz`)).ok, { what: 'the router is ready', timeoutMs: 60_000 });
    expect((await fetch(`${adminUrl}/status`)).status).toBe(401);
    expect((await fetch(`${adminUrl}/metrics`, { headers: { authorization: 'Bearer sesame' } })).status).toBe(200);
    const status = async (): Promise<{ readonly routes: readonly { readonly health: string; readonly percent: number }[] }> =>
      (await fetch(`${adminUrl}/status`, { headers: { authorization: 'Bearer sesame' } })).json() as ReturnType<typeof status>;

    // The load balancer's word for the client's address, TLS in and out, certificates both ways.
    const plain = jsonOf(await ask(port, '/orders'));
    expect(plain).toMatchObject({ side: 'monolith', headers: { 'x-forwarded-for': '203.0.113.7', 'x-forwarded-proto': 'https', host: 'shop.example' } });
    const byService = jsonOf(await ask(port, '/api/users/1', { headers: { 'x-side': 'service', host: 'localhost' } }));
    expect(byService).toMatchObject({ side: 'service', headers: { 'x-forwarded-for': '203.0.113.7' } });
    expect(byService.shown).toBeTruthy();
    expect(await askHttp2(port, '/orders')).toMatchObject({ side: 'monolith', headers: { 'x-forwarded-for': '203.0.113.7' } });

    await expect(connect({ port, first: 'GET / HTTP/1.1\r\n\r\n' })).rejects.toThrow();
    const stranger = await connect({ port, certificate: false }).then((socket) => conversation(socket, 'GET / HTTP/1.1\r\nhost: x\r\n\r\n'), () => '');
    expect(stranger).not.toContain('HTTP/1.1 200');

    // What is asked of clients.
    expect(await conversation(await connect({ port }), `GET / HTTP/1.1\r\nhost: x\r\nx-long: ${'y'.repeat(3000)}\r\n\r\n`)).toMatch(/^HTTP\/1.1 431/);
    const [slowHead, slowBody] = await Promise.all([
      connect({ port }).then((socket) => conversation(socket, 'GET / HTTP/1.1\r\nhost: x\r\n')),
      connect({ port }).then((socket) => conversation(socket, 'POST /orders HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n12345')),
    ]);
    expect(slowHead).toMatch(/^HTTP\/1.1 408/);
    expect(slowBody).toMatch(/^HTTP\/1.1 408/);

    // A side that hangs: so many at most wait for it, a write is given up in time, and others are not kept waiting.
    const waiting = [ask(port, '/orders/hang', { method: 'POST' }), ask(port, '/orders/hang', { method: 'POST' })];
    await until(() => monolith.hanging.length === 2, { what: 'two requests hang' });
    expect(await ask(port, '/orders')).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
    expect((await Promise.all(waiting)).map((answer) => answer.status)).toEqual([504, 504]);
    expect(await ask(port, '/orders')).toMatchObject({ status: 200 });

    service.well = false;
    await until(async () => (await status()).routes[0]?.health === 'unhealthy', { what: 'the health check fails' });
    service.well = true;
    await until(async () => (await status()).routes[0]?.health === 'healthy', { what: 'the health check passes' });

    // The command line asks the same router, with the same token.
    const shown = start(['route', 'status', '--json']);
    await until(() => shown.end !== undefined, { what: 'the status is told', timeoutMs: 60_000 });
    expect(shown.said).toMatch(/"health": ?"healthy"/);

    // A request under way is answered before it ends.
    const last = ask(port, '/orders/hang');
    await until(() => monolith.hanging.length === 3, { what: 'a request is under way' });
    const stopped = router.stop();
    monolith.hanging[2]?.();
    expect(await last).toMatchObject({ status: 200, text: 'monolith' });
    expect(await stopped).toBe(0);
  });
});
