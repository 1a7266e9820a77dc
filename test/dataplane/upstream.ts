import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Seen {
  readonly side: string;
  readonly url: string;
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
}

export interface EchoUpstream {
  readonly url: string;
  /** Answers that wait to be let go: requests with the header `x-hold`. */
  readonly held: (() => void)[];
  close(): Promise<void>;
}

/** A side that answers every request with its own name and with what it was asked. */
export async function echoUpstream(side: string): Promise<EchoUpstream> {
  const held: (() => void)[] = [];
  const server = createServer((request, response) => {
    const seen: Seen = { side, url: request.url ?? '', method: request.method ?? '', headers: request.headers };
    const answer = (): void => void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(seen));
    request.resume();
    if (request.headers['x-hold'] === undefined) answer();
    else held.push(answer);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    held,
    close: () => new Promise((resolve) => (server.closeAllConnections(), server.close(() => resolve()))),
  };
}
