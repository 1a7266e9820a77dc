import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import fastifyHttpProxy from '@fastify/http-proxy';
import { fastify } from 'fastify';
import { createProxyServer } from 'http-proxy-3';
import { Pool } from 'undici';
import { createLogging } from '../../src/app/logging.ts';
import { createMetrics } from '../../src/app/metrics.ts';
import { systemClock } from '../../src/core/clock.ts';
import { TrafficRouter } from '../../src/route/router.ts';

/** Servers of the benchmark; each is a process of its own. `banyan-log`: with its access log. */
export const ROLES = ['upstream', 'banyan', 'banyan-log', 'bare', 'http-proxy-3', 'fastify'] as const;
export type Role = (typeof ROLES)[number];

/** Starts a role's server; gives its port. */
export async function serve(role: Role, upstream: string): Promise<number> {
  if (role === 'upstream') return fixedUpstream();
  if (role === 'bare') return bare(upstream);
  if (role === 'http-proxy-3') return httpProxy(upstream);
  if (role === 'fastify') return fastifyProxy(upstream);
  return banyan(upstream, role === 'banyan-log');
}

/** As `route serve` runs it: users in both halves, a fence that passes at once, metrics; triggers at their defaults. */
async function banyan(upstream: string, accessLog: boolean): Promise<number> {
  const log = { write: () => true };
  const logger = createLogging({ output: log, clock: systemClock }).logger({ level: 'info', format: 'json' });
  const fence = { place: async () => 1n as never, passed: async () => true };
  const router = new TrafficRouter({ key: [{ cookie: 'uid' }], fence, metrics: createMetrics(), logger, accessLog });
  await router.addRoute(
    { service: 'accounts', percent: 50, match: [{ path: '/api/users/**' }, { path: '/login' }] },
    { monolith: upstream, service: upstream },
  );
  return (await router.listen('127.0.0.1:0')).port;
}

async function listen(server: net.Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

/** Answers each end of a head with the same bytes: as little work as an upstream can have. */
async function fixedUpstream(): Promise<number> {
  const body = JSON.stringify({ id: 1, name: 'Ada', mail: 'ada@example.org', pad: 'x'.repeat(400) });
  const answer = Buffer.from(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\ndate: Sun, 22 Nov 2026 00:00:00 GMT\r\n\r\n${body}`);
  const server = net.createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk) => {
      // Heads come whole from each of the proxies: one write for each.
      if (chunk.subarray(-4).equals(Buffer.from('\r\n\r\n'))) socket.write(answer);
    });
  });
  return listen(server);
}

/** The least that a forwarder can do. */
async function bare(upstream: string): Promise<number> {
  const pool = new Pool(upstream);
  return listen(
    http.createServer((request, response) => {
      pool.dispatch(
        { method: request.method ?? 'GET', path: request.url ?? '/', headers: { host: 'x' } },
        {
          onRequestStart: () => {},
          onResponseStart: (_controller, status, headers) => {
            response.writeHead(status, headers as http.OutgoingHttpHeaders);
          },
          onResponseData: (_controller, chunk) => {
            response.write(chunk);
          },
          onResponseEnd: () => {
            response.end();
          },
          onResponseError: () => {
            response.destroy();
          },
        },
      );
    }),
  );
}

/** @fastify/http-proxy, with undici as it comes. */
async function fastifyProxy(upstream: string): Promise<number> {
  const server = fastify();
  await server.register(fastifyHttpProxy, { upstream });
  return Number(new URL(await server.listen({ host: '127.0.0.1', port: 0 })).port);
}

async function httpProxy(upstream: string): Promise<number> {
  const proxy = createProxyServer({ target: upstream, xfwd: true, agent: new http.Agent({ keepAlive: true }) });
  return listen(
    http.createServer((request, response) => {
      proxy.web(request, response);
    }),
  );
}
