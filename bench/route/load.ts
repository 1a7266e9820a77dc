import { connect, type Socket } from 'node:net';

/** What one stretch of load has shown. Latencies are in milliseconds. */
export interface Load {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
}

export interface LoadOptions {
  readonly port: number;
  readonly seconds: number;
  readonly connections: number;
  /** Requests a second, over all connections. Default: each connection asks again as soon as it is answered. */
  readonly rate?: number;
}

const END_OF_HEAD = Buffer.from('\r\n\r\n');

/**
 * Asks over kept connections, one request at a time on each. It writes prepared bytes and looks of an answer only
 * for its status and its length, so that the servers are what is measured.
 */
export async function load(options: LoadOptions): Promise<Load> {
  const { port, seconds, connections, rate } = options;
  const latencies: number[] = [];
  const started = performance.now();
  const end = started + seconds * 1000;
  const pause = rate === undefined ? 0 : (connections / rate) * 1000;
  await Promise.all(Array.from({ length: connections }, (_, n) => client({ port, n, end, pause, first: (pause * n) / connections, latencies })));
  const took = (performance.now() - started) / 1000;
  latencies.sort((a, b) => a - b);
  const at = (q: number): number => latencies[Math.floor(q * (latencies.length - 1))] ?? 0;
  return { perSecond: latencies.length / took, p50: at(0.5), p99: at(0.99) };
}

interface Client {
  readonly port: number;
  readonly n: number;
  readonly end: number;
  /** From one request to the next, in milliseconds; a late answer delays the next. */
  readonly pause: number;
  /** Before the first. */
  readonly first: number;
  readonly latencies: number[];
}

async function client({ port, n, end, pause, first, latencies }: Client): Promise<void> {
  const request = Buffer.from(`GET /api/users/${n} HTTP/1.1\r\nhost: shop.example\r\ncookie: uid=user-${n}\r\naccept: application/json\r\nuser-agent: bench\r\n\r\n`);
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await new Promise<void>((resolve, reject) => {
    let asked = 0;
    let due = performance.now() + first;
    const answers = new Answers(socket);
    const ask = (): void => {
      asked = performance.now();
      socket.write(request);
    };
    const next = (): void => {
      const now = performance.now();
      if (now >= end) {
        socket.end();
        resolve();
      } else if (now >= due) ask();
      else setTimeout(next, due - now);
    };
    answers.each(() => {
      latencies.push(performance.now() - asked);
      due += pause;
      next();
    }, reject);
    socket.on('error', reject).on('connect', next);
  });
}

/** Tells when each answer is there. */
class Answers {
  readonly #socket: Socket;
  #bytes = Buffer.alloc(0);

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  each(whole: () => void, failed: (error: Error) => void): void {
    this.#socket.on('data', (chunk) => {
      this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
      const head = this.#bytes.indexOf(END_OF_HEAD);
      if (head < 0) return;
      const text = this.#bytes.toString('latin1', 0, head);
      const length = /\r\ncontent-length: *(\d+)/i.exec(text)?.[1];
      if (!text.startsWith('HTTP/1.1 200') || length === undefined) {
        failed(new Error(`not the answer expected: ${text}`));
        return;
      }
      const size = head + END_OF_HEAD.length + Number(length);
      if (this.#bytes.length < size) return;
      this.#bytes = Buffer.alloc(0);
      whole();
    });
  }
}
