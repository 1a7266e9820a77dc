import type { IncomingHttpHeaders } from 'node:http';
import type { Clock } from '../../core/clock.ts';
import type { Upstream } from '../upstream.ts';
import type { Answer } from './compare.ts';

export interface TimedAnswer extends Answer {
  /** From the request to the end of its answer, in milliseconds. */
  readonly ms: number;
}

/** Asks a side once, and gives up what takes too long. Of an answer that is too long the body is null. */
export async function askSide(options: {
  readonly upstream: Upstream;
  readonly method: string;
  readonly path: string;
  readonly headers: readonly string[];
  readonly body: Buffer | null;
  readonly maxBodyBytes: number;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}): Promise<TimedAnswer> {
  const { upstream, method, path, headers, body, maxBodyBytes, timeoutMs, clock, signal } = options;
  const startedAt = clock.monotonic();
  const over = new AbortController();
  const answer = new Promise<TimedAnswer>((resolve, reject) => {
    const chunks: Buffer[] = [];
    let head: { readonly status: number; readonly headers: IncomingHttpHeaders } = { status: 0, headers: {} };
    let bytes = 0;
    const ms = (): number => clock.monotonic() - startedAt;
    const attempt = upstream.send(
      { method, path, headers: shadowHeaders(headers), body },
      {
        head: ({ status, headers }) => {
          head = { status, headers };
          return true;
        },
        chunk: (chunk) => {
          bytes += chunk.length;
          if (bytes <= maxBodyBytes) chunks.push(chunk);
          else {
            resolve({ ...head, body: null, ms: ms() });
            attempt.abort(new Error('too long to compare'));
          }
          return true;
        },
        ended: () => {
          resolve({ ...head, body: Buffer.concat(chunks), ms: ms() });
        },
        failed: reject,
      },
    );
    const giveUp = (reason: string): void => {
      const error = new Error(reason);
      reject(error);
      attempt.abort(error);
    };
    const stop = (): void => {
      giveUp('the router is closing');
    };
    signal.addEventListener('abort', stop, { once: true });
    over.signal.addEventListener('abort', () => {
      signal.removeEventListener('abort', stop);
    });
    clock.sleep(timeoutMs, over.signal).then(
      () => {
        giveUp('no whole answer in time');
      },
      () => {
        // It has been answered.
      },
    );
  });
  try {
    return await answer;
  } finally {
    over.abort();
  }
}

/** The user's headers, marked, and without what would make two answers hard to compare. */
function shadowHeaders(headers: readonly string[]): string[] {
  const result = ['x-banyan-shadow', '1'];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] ?? '';
    if (/^(accept-encoding|if-none-match|if-modified-since|range)$/i.test(name)) continue;
    result.push(name, headers[i + 1] ?? '');
  }
  return result;
}
