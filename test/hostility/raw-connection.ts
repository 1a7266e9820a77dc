import net from 'node:net';

/** How a client leaves. */
export type Leaving = 'waits' | 'half-closes' | 'resets';

export interface Conversation {
  /** Written one by one, each after the one before was handed to the system. */
  readonly pieces: readonly string[];
  readonly leaving: Leaving;
}

export interface Outcome {
  readonly received: string;
  /** The other end neither closed nor answered within the bound. */
  readonly hung: boolean;
}

/** Writes the pieces, and gives what came back until the connection was closed. */
export async function converse(port: number, conversation: Conversation, boundMs = 10_000): Promise<Outcome> {
  return new Promise((resolve) => {
    let received = '';
    let hung = false;
    const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    const bound = setTimeout(() => {
      hung = true;
      socket.destroy();
    }, boundMs);
    socket.setEncoding('latin1');
    socket.setNoDelay(true);
    socket.on('data', (chunk: string) => {
      received += chunk;
    });
    socket.on('end', () => socket.end());
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(bound);
      resolve({ received, hung });
    });
    const next = (index: number): void => {
      const piece = conversation.pieces[index];
      if (piece !== undefined) {
        socket.write(piece, 'latin1', () => setImmediate(next, index + 1));
      } else if (conversation.leaving === 'half-closes') socket.end();
      else if (conversation.leaving === 'resets') socket.resetAndDestroy();
    };
    socket.once('connect', () => {
      next(0);
    });
  });
}

/** The statuses of the answers in what came back, without interim ones. */
export const statuses = (received: string): number[] =>
  [...received.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1])).filter((status) => status >= 200);
