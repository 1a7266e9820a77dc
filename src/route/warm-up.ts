import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { Pool } from 'undici';

/**
 * Sends requests through a listener like the router's own to an upstream that only says yes, so that
 * the compiler has seen the path before the first user comes (measured: first requests are up to a
 * hundred times slower). Everything happens on loopback and is gone afterwards.
 */
export async function warmUp(options: {
  readonly requests: number;
  /** Makes a request listener that forwards to `upstream`, and what ends it. */
  readonly open: (upstream: string) => { readonly listener: http.RequestListener; readonly close: () => Promise<void> };
}): Promise<void> {
  const upstream = http.createServer((request, response) => {
    request.resume();
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end('{"warm":true}');
  });
  const proxied = options.open(await listen(upstream));
  const proxy = http.createServer(proxied.listener);
  const clients = new Pool(await listen(proxy), { connections: 16 });
  try {
    for (let sent = 0; sent < options.requests; sent += 16) {
      await Promise.all(Array.from({ length: 16 }, (_, i) => ask(clients, sent + i)));
    }
  } finally {
    await clients.close();
    await close(proxy);
    await proxied.close();
    await close(upstream);
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
