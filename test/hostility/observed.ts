import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { silentLogger, type Logger } from '../../src/core/logger.ts';

/** What one request was, at one of the two ends of the router's way. */
export interface Seen {
  readonly requestId: string;
  readonly line: string;
  /** Whose secrets it carried. */
  readonly tokens?: ReadonlySet<string>;
}

/** A user's secret: only what was sent on his connection may carry it. */
export const TOKEN = /tok-[0-9a-f]{16}/g;

export const tokensIn = (text: string): ReadonlySet<string> => new Set(text.match(TOKEN));

/** An upstream that writes down exactly what it is sent, and tells each client what that was. */
export interface ObservingUpstream {
  readonly url: string;
  readonly seen: Seen[];
  /** What no well-behaved proxy causes: bytes that are no HTTP. */
  readonly faults: string[];
  close(): Promise<void>;
}

export async function observingUpstream(): Promise<ObservingUpstream> {
  const seen: Seen[] = [];
  const faults: string[] = [];
  const server = http.createServer((request, response) => {
    const ids = request.headersDistinct['x-request-id'] ?? [];
    const line = `${request.method} ${request.url}`;
    let body = '';
    request.setEncoding('latin1');
    request.on('data', (chunk: string) => {
      body += chunk;
    });
    // Whether it came to its end or not.
    request.on('close', () => {
      seen.push({ requestId: ids.join(' and '), line, tokens: tokensIn(`${request.url}\n${request.rawHeaders.join('\n')}\n${body}\n${request.rawTrailers.join('\n')}`) });
    });
    request.on('end', () => {
      const tokens = tokensIn(`${request.url}\n${request.rawHeaders.join('\n')}\n${body}\n${request.rawTrailers.join('\n')}`);
      response.writeHead(200, { 'content-type': 'text/plain', 'x-echo': [...tokens].join(',') });
      response.end(`answer to ${request.method} ${request.url} of ${[...tokens].join(',')};`);
    });
    request.on('error', () => {});
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code?.startsWith('HPE_') && error.code !== 'HPE_INVALID_EOF_STATE') faults.push(`bytes that are no HTTP: ${error.code}`);
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    faults,
    close: async () => {
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

/** What the router says that it has taken, by its access log. */
export function accessLog(): { readonly logger: Logger; readonly taken: Seen[] } {
  const taken: Seen[] = [];
  const logger: Logger = {
    ...silentLogger,
    info: (message, fields) => {
      if (message === 'request') taken.push({ requestId: String(fields?.['requestId']), line: `${String(fields?.['method'])} ${String(fields?.['path'])}` });
    },
    child: () => logger,
  };
  return { logger, taken };
}

const withoutQuery = (line: string): string => line.split('?', 1)[0] ?? line;

/** Every request that reached the upstream is one that the router took, once, and the same. */
export function unexplained(upstream: readonly Seen[], taken: readonly Seen[]): string[] {
  const left = new Map<string, number>();
  const key = ({ requestId, line }: Seen): string => `${requestId} ${withoutQuery(line)}`;
  for (const one of taken) left.set(key(one), (left.get(key(one)) ?? 0) + 1);
  const found: string[] = [];
  for (const one of upstream) {
    const count = left.get(key(one)) ?? 0;
    if (count === 0) found.push(`the upstream saw ${one.line} (${one.requestId}), which the router never took`);
    left.set(key(one), count - 1);
  }
  return found;
}
