import { Agent, createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Clock } from '../../core/clock.ts';
import { invariant } from '../../core/errors.ts';

export type Fault = 'none' | 'slow' | 'error';

export const isFault = (value: unknown): value is Fault => value === 'none' || value === 'slow' || value === 'error';

/**
 * Stands before the demo's service and breaks it on purpose: answers late, or with 503 without asking
 * the service. What it lets through it does not touch.
 */
export class FaultProxy {
  readonly #clock: Clock;
  readonly #delayMs: number;
  readonly #server: Server;
  readonly #agent = new Agent({ keepAlive: true });
  fault: Fault = 'none';
  /** The service's URL; 503 for everything until it is known. */
  target: string | undefined;

  constructor(options: { readonly clock: Clock; /** How late a slow answer comes. */ readonly delayMs: number }) {
    this.#clock = options.clock;
    this.#delayMs = options.delayMs;
    this.#server = createServer({ keepAliveTimeout: 60_000 }, (incoming, response) => void this.#answer(incoming, response));
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => {
      this.#server.listen(0, '127.0.0.1', resolve);
    });
    const address = this.#server.address();
    invariant(typeof address === 'object' && address !== null, 'a listening server has an address');
    return `http://127.0.0.1:${address.port}`;
  }

  async close(): Promise<void> {
    this.#agent.destroy();
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  async #answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const { target } = this;
    if (this.fault === 'error' || target === undefined) {
      incoming.resume();
      response.writeHead(503, { 'content-type': 'text/plain' }).end('broken on purpose\n');
      return;
    }
    if (this.fault === 'slow') await this.#clock.sleep(this.#delayMs);
    const url = new URL(target);
    const outgoing = request(
      {
        agent: this.#agent, host: url.hostname, port: url.port, method: incoming.method, path: incoming.url, headers: incoming.headers,
      },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      },
    );
    outgoing.on('error', () => response.destroy());
    response.on('close', () => outgoing.destroy());
    incoming.pipe(outgoing);
  }
}
