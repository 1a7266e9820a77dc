import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { Pool } from 'undici';
import { silentLogger } from '../core/logger.ts';
import { noMetrics } from '../core/metrics.ts';
import { requestListener } from './listener.ts';
import { ServiceRoute } from './service-route.ts';
import type { Traffic } from './traffic.ts';
import type { Upstream } from './upstream.ts';

/**
 * Sends requests through a listener like the router's own to an upstream that only says yes, so that
 * the compiler has seen the path before the first user comes (measured: first requests are up to a
 * hundred times slower). Everything happens on loopback and is gone afterwards.
 */
export async function warmUp(options: {
  readonly requests: number;
  /** The router's own; only its routes, and who hears of it, are others. */
  readonly traffic: Traffic;
  readonly connect: (url: string) => Upstream;
}): Promise<void> {
  const answering = http.createServer((request, response) => {
    request.resume();
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end('{"warm":true}');
  });
  const upstream = options.connect(await listen(answering));
  const stop = new AbortController();
  const route = new ServiceRoute({
    rule: { service: 'warm-up', percent: 50, triggers: [] },
    upstreams: { monolith: upstream, service: upstream },
    fence: undefined,
    clock: options.traffic.clock,
    logger: silentLogger,
    metrics: noMetrics,
    fenceBoundMs: 1,
    maxHeld: 1,
    retryMs: 1,
    onProgress: () => {},
    signal: stop.signal,
  });
  const proxy = http.createServer(
    requestListener({
      ...options.traffic,
      routes: [route],
      monolith: upstream,
      barrier: null,
      key: [{ cookie: 'uid' }],
      logger: silentLogger,
      metrics: noMetrics,
    }),
  );
  const clients = new Pool(await listen(proxy), { connections: 16 });
  try {
    for (let sent = 0; sent < options.requests; sent += 16) {
      await Promise.all(Array.from({ length: 16 }, (_, i) => ask(clients, sent + i)));
    }
  } finally {
    await clients.close();
    await close(proxy);
    stop.abort();
    await route.shifter.stopped();
    await upstream.destroy();
    await close(answering);
  }
}

async function ask(clients: Pool, n: number): Promise<void> {
  const write = n % 8 === 0;
  const headers = { cookie: `uid=${n}`, 'content-type': 'application/json' };
  const { body } = await clients.request({
    method: write ? 'POST' : 'GET',
    path: `/warm/${n}`,
    headers,
    body: write ? '{"n":1}' : null,
  });
  await body.dump();
}

async function listen(server: http.Server): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function close(server: http.Server): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => {
      resolve();
    });
    server.closeAllConnections();
  });
}
