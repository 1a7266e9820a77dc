import net from 'node:net';
import { Readable } from 'node:stream';
import tls from 'node:tls';
import { Agent, request } from 'undici';
import { authority as ca, listenTls } from './certificates.ts';
import { until } from './condition.ts';
import { routerFixture, type RouterFixture } from './route-fixture.ts';
import { answerStreams, hashOf, pieces } from './streaming-sides.ts';

/** How many clients do what, all the time. */
export interface FlipClients {
  /** Small reads and writes over kept connections. */
  readonly small: number;
  /** Bodies of `bytes` bytes as fast as they go. */
  readonly uploads: number;
  /** Bodies of which a piece comes every now and then. */
  readonly slowUploads: number;
  readonly downloads: number;
  /** Server-sent events. */
  readonly events: number;
  readonly sockets: number;
}

type Kind = keyof FlipClients;

export interface FlipLoadOptions {
  readonly clients: FlipClients;
  /** Of each fast body. */
  readonly bytes: number;
  /** HTTPS, and every other client HTTP/2. Default: HTTP/1.1 in the clear. */
  readonly encrypted?: boolean;
}

const SLOW = { bytes: 96 * 1024, piece: 16 * 1024, pauseMs: 10 };
const SEEDS = 4;
const MESSAGES = 20;
const EVENTS = 15;

/** Clients of every kind on one router, each of which looks at each answer whether it is right and whole. */
export class FlipLoad {
  readonly failures: string[] = [];
  readonly movedBack: string[] = [];
  /** Finished, by kind. */
  readonly counts: Record<Kind, number> = { small: 0, uploads: 0, slowUploads: 0, downloads: 0, events: 0, sockets: 0 };
  readonly fixture: RouterFixture;
  readonly #options: FlipLoadOptions;
  readonly #agents: readonly Agent[];
  readonly #hashes: { readonly fast: readonly string[]; readonly slow: readonly string[] };
  readonly #onService = new Set<string>();
  readonly #going = { on: true };
  /** What clients do just now, with the turn it is. */
  readonly #unfinished = new Set<string>();
  #rising = false;
  #running: Promise<unknown> = Promise.resolve();

  private constructor(options: FlipLoadOptions, parts: { readonly fixture: RouterFixture; readonly hashes: { readonly fast: readonly string[]; readonly slow: readonly string[] } }) {
    this.#options = options;
    this.fixture = parts.fixture;
    this.#hashes = parts.hashes;
    this.#agents = options.encrypted === true ? [new Agent({ connect: { ca } }), new Agent({ connect: { ca }, allowH2: true })] : [new Agent()];
  }

  static async start(options: FlipLoadOptions): Promise<FlipLoad> {
    const fixture = await routerFixture({
      // An upload keeps its bucket back until it has ended; no move is put off for it.
      fenceBoundMs: 120_000,
      ...(options.encrypted === true ? { listenTls } : {}),
    });
    for (const side of [fixture.monolith, fixture.service]) answerStreams(side);
    const seeds = Array.from({ length: SEEDS }, (_, seed) => seed);
    const hashes = {
      fast: await Promise.all(seeds.map((seed) => hashOf(pieces({ bytes: options.bytes, seed })))),
      slow: await Promise.all(seeds.map((seed) => hashOf(pieces({ ...SLOW, pauseMs: 0, seed })))),
    };
    const load = new FlipLoad(options, { fixture, hashes });
    load.#begin();
    await load.#everyKindMore();
    return load;
  }

  /** From 0 to 100 % in so many equal steps; whoever was the service's once has to stay there. */
  async rise(steps: number): Promise<void> {
    await this.#shift(0);
    this.#onService.clear();
    this.#rising = true;
    for (let step = 1; step <= steps; step++) await this.#shift(Math.round((10_000 * step) / steps) / 100);
    await this.#everyKindMore();
    this.#rising = false;
  }

  /** Between 0 and 100 % and back; somebody is answered after each. */
  async flip(times: number): Promise<void> {
    for (let n = 0; n < times; n++) {
      await this.#shift(this.fixture.router.status().routes[0]?.percent === 0 ? 100 : 0);
      const answered = this.counts.small;
      await until(() => this.counts.small > answered, { what: 'an answer between two flips', timeoutMs: 60_000, everyMs: 1 });
    }
    await this.#everyKindMore();
  }

  /** Everybody finishes what he has begun. */
  async stop(): Promise<void> {
    this.#going.on = false;
    await this.#running;
    for (const agent of this.#agents) await agent.close();
    await this.fixture.close();
  }

  async #shift(percent: number): Promise<void> {
    const { state, reason } = await this.fixture.router.shift('accounts', percent);
    if (state !== 'done') throw new Error(`${percent} %: ${state}, ${reason}; not finished: ${[...this.#unfinished].join(', ')}`);
  }

  async #everyKindMore(): Promise<void> {
    const before = { ...this.counts };
    const kinds = (Object.keys(before) as Kind[]).filter((kind) => this.#options.clients[kind] > 0);
    await until(() => this.failures.length > 0 || kinds.every((kind) => this.counts[kind] > before[kind]), { what: 'one more of every kind', timeoutMs: 60_000 });
  }

  #begin(): void {
    const acts: Readonly<Record<Kind, (uid: string, n: number) => Promise<void>>> = {
      small: (uid, n) => this.#small(uid, n),
      uploads: (uid, n) => this.#upload(uid, n, { bytes: this.#options.bytes, hash: this.#hashes.fast[n % SEEDS] ?? '' }),
      slowUploads: (uid, n) => this.#upload(uid, n, { ...SLOW, hash: this.#hashes.slow[n % SEEDS] ?? '' }),
      downloads: (uid, n) => this.#download(uid, n),
      events: (uid, n) => this.#events(uid, n),
      sockets: (uid) => this.#socket(uid),
    };
    const clients = (Object.keys(acts) as Kind[]).flatMap((kind) => Array.from({ length: this.#options.clients[kind] }, (_, n) => ({ kind, n })));
    this.#running = Promise.all(
      clients.map(async ({ kind, n }) => {
        for (let turn = 0; this.#going.on; turn++) {
          const what = `${kind} ${n}, turn ${turn}`;
          this.#unfinished.add(what);
          try {
            await acts[kind](`${kind}-${n}`, n + turn);
            this.counts[kind] += 1;
          } catch (error) {
            this.failures.push(`${what}: ${String(error)}`);
          }
          this.#unfinished.delete(what);
        }
      }),
    );
  }

  async #ask(uid: string, path: string, { n, body }: { readonly n: number; readonly body?: Readable | string }) {
    const scheme = this.#options.encrypted === true ? 'https' : 'http';
    // One client in two speaks HTTP/2, where that is offered.
    const dispatcher = this.#agents[Number(uid.split('-')[1]) % this.#agents.length];
    const answer = await request(`${scheme}://localhost:${this.fixture.port}/api/users/${n}/${path}`, {
      method: body === undefined ? 'GET' : 'POST', body: body ?? null, headers: { cookie: `uid=${uid}` }, ...(dispatcher ? { dispatcher } : {}),
    });
    if (answer.statusCode !== 200) throw new Error(`status ${answer.statusCode}: ${await answer.body.text()}`);
    const onService = answer.headers['x-banyan-side'] === 'service';
    if (this.#rising && onService) this.#onService.add(uid);
    if (this.#rising && !onService && this.#onService.has(uid)) this.movedBack.push(`${uid} ${path}`);
    return answer;
  }

  async #small(uid: string, n: number): Promise<void> {
    const answer = await this.#ask(uid, 'small', n % 3 === 0 ? { n, body: 'x'.repeat(2000) } : { n });
    if ((await answer.body.text()) !== 'here') throw new Error('another body');
  }

  async #upload(uid: string, n: number, what: { readonly bytes: number; readonly piece?: number; readonly pauseMs?: number; readonly hash: string }): Promise<void> {
    const { hash, ...body } = what;
    const answer = await this.#ask(uid, 'upload', { n, body: Readable.from(pieces({ ...body, seed: n % SEEDS })) });
    if ((await answer.body.text()) !== hash) throw new Error('the body did not arrive as it was sent');
  }

  async #download(uid: string, n: number): Promise<void> {
    const answer = await this.#ask(uid, `download?bytes=${this.#options.bytes}&seed=${n % SEEDS}`, { n });
    if ((await hashOf(answer.body as AsyncIterable<Buffer>)) !== this.#hashes.fast[n % SEEDS]) throw new Error('the body did not arrive as it was sent');
  }

  async #events(uid: string, n: number): Promise<void> {
    const answer = await this.#ask(uid, 'events', { n });
    let text = '';
    for await (const part of answer.body) {
      text += String(part);
      if (text.split('\n\n').length > EVENTS) break;
    }
    const numbers = text.split('\n\n').slice(0, EVENTS);
    if (numbers.some((line, i) => line !== `data: ${i}`)) throw new Error(`events ended or were lost: ${text}`);
  }

  async #socket(uid: string): Promise<void> {
    const { port } = this.fixture;
    const socket = this.#options.encrypted === true
      ? tls.connect({ port, host: 'localhost', ca })
      : net.connect({ port, host: 'localhost' });
    try {
      socket.write(`GET /api/users/ws HTTP/1.1\r\nhost: x\r\ncookie: uid=${uid}\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-key: abc\r\nsec-websocket-version: 13\r\n\r\n`);
      const parts = socket[Symbol.asyncIterator]();
      let text = '';
      const more = async (): Promise<void> => {
        const { done, value } = await parts.next();
        if (done === true) throw new Error(`the socket was closed after ${text.length} characters`);
        text += String(value);
      };
      while (!text.includes('\r\n\r\n')) await more();
      if (!text.startsWith('HTTP/1.1 101')) throw new Error(text);
      text = text.slice(text.indexOf('\r\n\r\n') + 4);
      for (let n = 0; n < MESSAGES; n++) {
        const message = `message ${n} of ${uid};`;
        socket.write(message);
        while (text.length < message.length) await more();
        if (text !== message) throw new Error(`${text} instead of ${message}`);
        text = '';
      }
    } finally {
      socket.destroy();
    }
  }
}
