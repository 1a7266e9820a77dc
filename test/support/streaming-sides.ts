import { createHash } from 'node:crypto';
import type http from 'node:http';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { FakeUpstream } from './route-fixture.ts';

/** The pieces of a body of `bytes` bytes, a pause before each; no two pieces and no two seeds alike. */
export async function* pieces(body: { readonly bytes: number; readonly seed: number; readonly piece?: number; readonly pauseMs?: number }): AsyncGenerator<Buffer> {
  const { bytes, seed, piece = 64 * 1024, pauseMs = 0 } = body;
  for (let from = 0; from < bytes; from += piece) {
    if (pauseMs > 0) await delay(pauseMs);
    const chunk = Buffer.alloc(Math.min(piece, bytes - from), `${seed} ${from} `);
    yield chunk;
  }
}

export async function hashOf(parts: AsyncIterable<Buffer>): Promise<string> {
  const hash = createHash('sha256');
  for await (const part of parts) hash.update(part);
  return hash.digest('hex');
}

/**
 * Makes a side answer long things: `POST /api/users/upload` with the body's hash, `GET …/download?bytes=&seed=`
 * with a body of the same pieces, `GET …/events` with numbered events for as long as it is listened to, all else
 * at once; and every WebSocket with what is sent to it.
 */
export function answerStreams(side: FakeUpstream): void {
  // Longer than the router keeps an unused connection, however long the machine stands still.
  side.server.keepAliveTimeout = 120_000;
  side.handler = (incoming, response) => {
    const url = new URL(incoming.url ?? '/', 'http://side');
    const what = url.pathname.split('/').at(-1);
    if (what === 'upload') {
      void hashOf(incoming as AsyncIterable<Buffer>).then(
        (hash) => response.end(hash),
        // Its client has gone in the middle.
        () => response.destroy(),
      );
      return;
    }
    incoming.resume();
    if (what === 'download') {
      Readable.from(pieces({ bytes: Number(url.searchParams.get('bytes')), seed: Number(url.searchParams.get('seed')) })).pipe(response);
    } else if (what === 'events') tellEvents(response);
    else response.end('here');
  };
  side.server.on('upgrade', (_incoming, socket) => {
    socket.on('error', () => socket.destroy());
    socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\r\n');
    socket.pipe(socket);
  });
}

function tellEvents(response: http.ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  let next = 0;
  const timer = setInterval(() => response.write(`data: ${next++}\n\n`), 10);
  response.on('close', () => {
    clearInterval(timer);
  });
}
