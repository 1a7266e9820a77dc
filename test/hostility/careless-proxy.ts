import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import type { Target } from './campaign.ts';
import { observingUpstream, type Seen } from './observed.ts';

/**
 * The planted bug: a proxy as they are written in an afternoon. It takes what a lenient parser takes, passes the
 * head on as it came (with both lengths, if there are two) and what it took for the body behind it, on one kept
 * connection for everybody, and hands out the answers in the order of the requests.
 */
export async function carelessProxy(): Promise<Target & { close(): Promise<void> }> {
  const upstream = await observingUpstream();
  const { port: upstreamPort } = new URL(upstream.url);
  const taken: Seen[] = [];
  let waiting: net.Socket[] = [];
  let kept: net.Socket | null = null;
  const connection = (): net.Socket => {
    if (kept && !kept.destroyed) return kept;
    const socket = net.connect(Number(upstreamPort), '127.0.0.1');
    socket.on('error', () => {});
    socket.on('data', (chunk) => waiting.shift()?.write(chunk));
    socket.on('close', () => {
      for (const client of waiting) client.destroy();
      waiting = [];
    });
    kept = socket;
    return socket;
  };
  const server = http.createServer({ insecureHTTPParser: true, headersTimeout: 300, requestTimeout: 600, keepAliveTimeout: 300, connectionsCheckingInterval: 100 }, (request, response) => {
    const requestId = `careless-${taken.length}`;
    taken.push({ requestId, line: `${request.method} ${request.url}` });
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('error', () => response.destroy());
    request.on('end', () => {
      const lines = [`${request.method} ${request.url} HTTP/1.1`, `x-request-id: ${requestId}`];
      for (let i = 0; i < request.rawHeaders.length; i += 2) {
        if (request.rawHeaders[i]?.toLowerCase() !== 'x-request-id') lines.push(`${request.rawHeaders[i]}: ${request.rawHeaders[i + 1]}`);
      }
      waiting.push(request.socket);
      connection().write(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), ...chunks]));
    });
  });
  server.on('clientError', (_error, socket) => socket.destroy());
  server.setTimeout(1000);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port, upstream, taken,
    close: async () => {
      kept?.destroy();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
      await upstream.close();
    },
  };
}
