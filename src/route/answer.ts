import { STATUS_CODES, type IncomingHttpHeaders } from 'node:http';
import type { ErrorCode } from '../core/error-codes.ts';
import type { Side } from '../model/side.ts';
import { adaptBody, isPlainJson, MOST_ADAPTED, withLength } from './body-adapter.ts';
import { responseHeaders } from './headers.ts';
import type { CompiledFields } from './json-fields.ts';
import { ANONYMOUS_COOKIE } from './key.ts';
import type { Incoming, ProxyRequest, ProxyResponse } from './request.ts';
import type { Traffic } from './traffic.ts';
import type { ResponseHead } from './upstream.ts';

/** Bytes of a piece that is cheaper copied than written apart. */
const SMALL = 8192;

/** Who is told how the client takes its answer. */
export interface AnswerOwner {
  /** The client takes more again. */
  resume(): void;
  /** The client neither sent nor took a byte for too long, when it was its turn. Nothing more of the side is wanted. */
  stalled(): void;
  /** The answer is too long to rename its fields. Nothing more of it is wanted. */
  tooLong(): void;
  /** The answer has been sent, or the client has gone. Told once. */
  over(): void;
}

/** Where an answer comes from, and what the router says of it. */
export interface AnswerSource {
  readonly side: Side;
  readonly variant: string | undefined;
  /** The key of a user who came without one. */
  readonly newKey: string | undefined;
  /** Fields of its JSON that the client knows by other names; null: it goes out as it is. */
  readonly rename: CompiledFields | null;
}

/** One answer on its way to the client, with back-pressure; of the sides or of the router itself. */
export class Answer {
  readonly #traffic: Traffic;
  readonly #request: ProxyRequest;
  readonly #response: ProxyResponse;
  readonly #hasBody: boolean;
  readonly #owner: AnswerOwner;
  #closed = false;
  #refused = false;
  #drainAwaited = false;
  #blocked = false;
  #bodyBegun = false;
  #watched = false;
  /** The client may send its body. */
  #asked: boolean;
  /** One whose fields are renamed: it goes out when it is complete. */
  #held: { readonly head: ResponseHead; readonly headers: string[]; readonly rename: CompiledFields; readonly chunks: Buffer[]; length: number } | null = null;

  constructor(traffic: Traffic, { request, response, body, wantsContinue }: Incoming, owner: AnswerOwner) {
    this.#traffic = traffic;
    this.#request = request;
    this.#response = response;
    this.#hasBody = body !== null;
    this.#asked = !wantsContinue;
    this.#owner = owner;
  }

  /** It is this request's turn. */
  open(): void {
    this.#response.on('close', () => {
      if (this.#closed) return;
      this.#closed = true;
      this.#owner.over();
    });
    if (this.#hasBody) this.#watch();
  }

  /** The answer has been sent, or the client has gone. */
  get closed(): boolean {
    return this.#closed;
  }

  /** The client was given up, or the side's answer: what the side's try still tells is of no use. */
  get refused(): boolean {
    return this.#refused;
  }

  get begun(): boolean {
    return this.#response.headersSent;
  }

  /** Nobody is there to take it. */
  get gone(): boolean {
    return this.#closed || this.#response.destroyed || this.#response.socket?.destroyed !== false;
  }

  /** The client was given all of it. */
  get finished(): boolean {
    return this.#response.writableFinished;
  }

  get status(): number {
    return this.#response.statusCode;
  }

  begin(head: ResponseHead, source: AnswerSource): void {
    const headers = responseHeaders(head.rawHeaders, first(head.headers.connection));
    if (this.#traffic.sideHeader) {
      headers.push('x-banyan-side', source.side);
      if (source.variant !== undefined) headers.push('x-banyan-variant', source.variant);
    }
    if (source.newKey !== undefined) {
      const secure = this.#traffic.secureCookie ? '; Secure' : '';
      headers.push('set-cookie', `${ANONYMOUS_COOKIE}=${source.newKey}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax${secure}`);
    }
    // An answer before the end of the upload: the rest of that would be taken for the next request.
    if (this.#hasBody && !this.#request.complete) headers.push('connection', 'close');
    this.#held = null;
    if (source.rename && isPlainJson(first(head.headers['content-type']), first(head.headers['content-encoding']))) {
      if (this.#request.method !== 'HEAD' && head.status !== 204 && head.status !== 304) {
        this.#held = { head, headers, rename: source.rename, chunks: [], length: 0 };
        return;
      }
      this.#response.writeHead(head.status, head.statusMessage, withLength(headers, undefined));
      return;
    }
    this.#response.writeHead(head.status, head.statusMessage, headers);
    // The head waits in memory for the first piece of the body. What came with the head from the
    // upstream is written before this runs; if nothing did, the head must not wait for it.
    queueMicrotask(() => {
      if (!this.#bodyBegun && !this.#closed) this.#response.flushHeaders();
    });
  }

  /** False: wait until {@link AnswerOwner.resume}. */
  write(chunk: Buffer): boolean {
    const held = this.#held;
    if (held) {
      held.chunks.push(chunk);
      held.length += chunk.length;
      if (held.length > MOST_ADAPTED && !this.#refused && !this.#closed) {
        this.#refused = true;
        this.#owner.tooLong();
      }
      return true;
    }
    const taken = this.#closed || this.#pass(chunk);
    this.#bodyBegun = true;
    if (taken) return true;
    if (!this.#blocked) {
      this.#blocked = true;
      if (!this.#drainAwaited) {
        this.#drainAwaited = true;
        this.#watch();
        this.#response.on('drain', () => {
          this.#blocked = false;
          this.#owner.resume();
        });
      }
    }
    return false;
  }

  /** A small first piece goes as text: the head, which is text too, and it are one write to the system then. */
  #pass(chunk: Buffer): boolean {
    if (this.#bodyBegun || chunk.length > SMALL) return this.#response.write(chunk);
    return this.#response.write(chunk.toString('latin1'), 'latin1');
  }

  end(trailers: IncomingHttpHeaders): void {
    this.#bodyBegun = true;
    const held = this.#held;
    if (held && !this.#closed) {
      const body = adaptBody(Buffer.concat(held.chunks), held.rename);
      this.#response.writeHead(held.head.status, held.head.statusMessage, withLength(held.headers, body.length));
      this.#response.write(body);
      this.#response.end();
      return;
    }
    const names = Object.keys(trailers);
    if (names.length > 0) {
      this.#response.addTrailers(Object.fromEntries(names.map((name) => [name, first(trailers[name]) ?? ''])));
    }
    this.#response.end();
  }

  /** Breaks it off, so that the client does not take what it has for the whole. */
  destroy(): void {
    this.#response.destroy();
  }

  /** The client may send its body, if it waits for a word. */
  askForBody(): void {
    if (this.#asked) return;
    this.#asked = true;
    this.#response.writeContinue();
  }

  /** The router's own answer, in the place of a side's. */
  refuse(status: number, code: ErrorCode, message: string, { side, requestId, headers: more = [] }: { readonly side: Side; readonly requestId: string; readonly headers?: readonly string[] }): void {
    const body = JSON.stringify({ error: { code, message, requestId } });
    const headers = ['content-type', 'application/json', 'content-length', String(Buffer.byteLength(body)), ...more];
    if (this.#traffic.sideHeader) headers.push('x-banyan-side', side);
    // What follows a request that was refused is not to be trusted either.
    if (status < 500 || (this.#hasBody && !this.#request.complete)) headers.push('connection', 'close');
    this.#response.writeHead(status, STATUS_CODES[status] ?? '', headers);
    this.#response.end(this.#request.method === 'HEAD' ? undefined : body);
  }

  /** From now on a client that stands still when it is its turn is given up. */
  #watch(): void {
    if (this.#watched) return;
    this.#watched = true;
    this.#response.setTimeout(this.#traffic.clientStallMs, () => {
      const sends = this.#hasBody && this.#asked && !this.#request.complete && !this.#response.headersSent;
      if (this.#closed || this.#refused || !(sends || this.#blocked)) return;
      this.#refused = true;
      this.#owner.stalled();
    });
  }
}

const first = (value: string | string[] | undefined): string | undefined => (Array.isArray(value) ? value[0] : value);
