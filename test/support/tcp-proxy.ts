import { createServer, connect, type Server, type Socket } from 'node:net';

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  /** The client's bytes have been passed on, and the server's answer is to be lost. */
  doomed: boolean;
  /** Frozen for good. */
  dead: boolean;
  /** What is still to be written to each socket, as long as the link is slow. */
  readonly late: Map<Socket, readonly Buffer[]>;
}

/** A TCP proxy in front of a server, for tests that cut, freeze or lose what passes. */
export class TcpProxy {
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  #target: { readonly host: string; readonly port: number };
  #frozen = false;
  #delayMs = 0;
  #loseAnswerTo: RegExp | undefined;
  #dieAt: RegExp | undefined;
  #lost = 0;

  private constructor(target: { readonly host: string; readonly port: number }) {
    this.#target = target;
    this.#server = createServer((client) => this.#open(client, connect(this.#target)));
  }

  /** Listens on a free port of 127.0.0.1 in front of the server that `url` names. */
  static async start(url: string): Promise<TcpProxy> {
    const { hostname, port } = new URL(url);
    const proxy = new TcpProxy({ host: hostname, port: Number(port) });
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  /** The same URL, through this proxy. */
  urlFor(url: string): string {
    const address = this.#server.address();
    const through = new URL(url);
    if (typeof address === 'object' && address !== null) through.port = String(address.port);
    return through.href;
  }

  /** Leads new connections to another server, and cuts those there are, as a failover does. */
  leadTo(url: string): void {
    const { hostname, port } = new URL(url);
    this.#target = { host: hostname, port: Number(port) };
    this.cut();
  }

  get connections(): number {
    return this.#pairs.size;
  }

  /** How many answers were lost since {@link loseAnswerTo}. */
  get lost(): number {
    return this.#lost;
  }

  /** Cuts every connection, as a lost link does. New ones are let in. */
  cut(): void {
    for (const pair of this.#pairs) close(pair);
  }

  /** Nothing passes any more, and nobody is told. */
  freeze(): void {
    this.#frozen = true;
    for (const { client, server } of this.#pairs) {
      client.pause();
      server.pause();
    }
  }

  /** Nothing passes any more on the connections there are, and nobody is told; new ones are let in. */
  freezeOpen(): void {
    for (const pair of this.#pairs) kill(pair);
  }

  /** Whatever passes from now on is late by so many milliseconds, and still in order; 0 ends it. */
  slow(delayMs: number): void {
    this.#delayMs = delayMs;
  }

  thaw(): void {
    this.#frozen = false;
    for (const { client, server, dead } of this.#pairs) {
      if (dead) continue;
      client.resume();
      server.resume();
    }
  }

  /** Passes the next message that matches on to the server, waits for the first byte of its answer, and cuts. */
  loseAnswerTo(pattern: RegExp): void {
    this.#loseAnswerTo = pattern;
    this.#lost = 0;
  }

  /** The connection on which the next message that matches comes goes dead: the message does not arrive, and nobody is told. */
  dieAt(pattern: RegExp): void {
    this.#dieAt = pattern;
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #pass(pair: Pair, { from, to, bytes }: { readonly from: Socket; readonly to: Socket; readonly bytes: Buffer }): void {
    const late = pair.late.get(to) ?? [];
    if (this.#delayMs === 0 && late.length === 0) {
      if (!to.write(bytes)) from.pause();
      return;
    }
    // Whichever timer is first, what came first goes first.
    pair.late.set(to, [...late, bytes]);
    setTimeout(() => {
      const [next, ...rest] = pair.late.get(to) ?? [];
      pair.late.set(to, rest);
      if (next && !to.destroyed && !pair.dead && !to.write(next)) from.pause();
    }, this.#delayMs);
  }

  #open(client: Socket, server: Socket): void {
    const pair: Pair = { client, server, doomed: false, dead: false, late: new Map() };
    this.#pairs.add(pair);
    client.on('data', (bytes) => {
      if (this.#loseAnswerTo?.test(bytes.toString('latin1'))) {
        this.#loseAnswerTo = undefined;
        pair.doomed = true;
      }
      if (this.#dieAt?.test(bytes.toString('latin1'))) {
        this.#dieAt = undefined;
        kill(pair);
      } else this.#pass(pair, { from: client, to: server, bytes });
    });
    server.on('data', (bytes) => {
      if (pair.doomed) {
        this.#lost += 1;
        close(pair);
      } else this.#pass(pair, { from: server, to: client, bytes });
    });
    client.on('drain', () => this.#frozen || pair.dead || server.resume());
    server.on('drain', () => this.#frozen || pair.dead || client.resume());
    if (this.#frozen) {
      client.pause();
      server.pause();
    }
    for (const socket of [client, server]) {
      socket.on('error', () => close(pair));
      socket.on('close', () => {
        close(pair);
        this.#pairs.delete(pair);
      });
    }
  }
}

function kill(pair: Pair): void {
  pair.dead = true;
  pair.client.pause();
  pair.server.pause();
}

function close(pair: Pair): void {
  pair.client.destroy();
  pair.server.destroy();
}
