import { connect } from 'node:net';
import { BanyanError, messageOf } from '../../core/errors.ts';

/** Asks HAProxy one thing; gives its answer. */
export type HaproxyCommand = (command: string, signal?: AbortSignal) => Promise<string>;

/** More than this is no answer to what is asked here. */
const LONGEST_ANSWER = 64 * 1024 * 1024;

/** Speaks with the runtime socket at `path`: one connection for each command, as HAProxy closes it after its answer. */
export function runtimeSocket(path: string, { timeoutMs }: { readonly timeoutMs: number }): HaproxyCommand {
  return (command, signal) =>
    new Promise((resolve, reject) => {
      const socket = connect(path);
      const chunks: Buffer[] = [];
      let length = 0;
      const failed = (error: unknown): void => {
        socket.destroy();
        reject(new BanyanError('BANYAN_PLANE_APPLY', { message: `HAProxy at ${path} did not answer: ${messageOf(error)}`, cause: error }));
      };
      const aborted = (): void => failed(signal?.reason);
      if (signal?.aborted) {
        aborted();
        return;
      }
      signal?.addEventListener('abort', aborted, { once: true });
      socket.setTimeout(timeoutMs, () => failed(new Error(`nothing within ${timeoutMs} ms`)));
      socket.on('error', failed);
      socket.on('data', (chunk) => {
        length += chunk.length;
        chunks.push(chunk);
        if (length > LONGEST_ANSWER) failed(new Error('an answer without end'));
      });
      socket.on('close', () => signal?.removeEventListener('abort', aborted));
      socket.on('end', () => resolve(Buffer.concat(chunks).toString('utf8').trimEnd()));
      socket.write(`${command}\n`);
    });
}
