import http from 'node:http';
import https from 'node:https';
import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { buildConnector, errors, Pool } from 'undici';
import { messageOf } from '../core/errors.ts';
import { DispatchedTry } from './dispatched-try.ts';
import { HttpTry } from './http-try.ts';
import type { UpstreamTls } from './tls-context.ts';

export interface UpstreamTimeouts {
  /** To connect. Default 2,000. */
  readonly connectMs?: number;
  /** From the request's end to the response's head. Default 30,000. */
  readonly headersMs?: number;
  /** Between two pieces of the response's body; 0: for ever. Default 300,000. */
  readonly bodyMs?: number;
  /** For a side's word that it wants a body (`Expect: 100-continue`); it is sent then anyway. Default 1,000. */
  readonly continueMs?: number;
  /** How long an unused connection is kept. Default 4,000. */
  readonly idleMs?: number;
}

export interface UpstreamOptions {
  /** `http://host:port` or `https://…`; a path in it is put before every request's path. */
  readonly url: string;
  readonly timeouts?: UpstreamTimeouts;
  /** For an `https:` URL. */
  readonly tls?: UpstreamTls;
  /** Most connections at once; further requests wait for one. Default 512. */
  readonly connections?: number;
  /** Most requests under way at once; beyond it {@link Upstream.isFull}. Default: no bound. */
  readonly maxUnderWay?: number;
  /** Largest response head in bytes. Default 65,536. */
  readonly maxHeaderBytes?: number;
}

/** A request as it is sent; headers are name, value, name, value, … */
export interface UpstreamRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: string[];
  readonly body: Readable | Buffer | null;
  /** The body is sent when the side asks for it (`Expect: 100-continue`), or says nothing for `timeouts.continueMs`. */
  readonly expects?: boolean;
  /** What follows the body, asked for when that has ended. Its names are in the headers' `trailer`. */
  readonly trailers?: (() => readonly [string, string][]) | null;
}

/** What becomes of one try. Exactly one of `failed` and `ended` is told, and nothing after it. */
export interface Receiver {
  /** The response's head. Returning false discards this response: nothing else is told. */
  head(response: ResponseHead): boolean;
  /** Returning false pauses until {@link Try.resume}. */
  chunk(chunk: Buffer): boolean;
  /** The side wants the body of a request that `expects`, or does not say. At most once, before the head. */
  continued?(): void;
  ended(trailers: IncomingHttpHeaders): void;
  /** `sent`: the upstream may have seen the request. False: it certainly has not. */
  failed(error: Error, sent: boolean): void;
}

export interface ResponseHead {
  readonly status: number;
  readonly statusMessage: string;
  readonly headers: IncomingHttpHeaders;
  /** Name, value, name, value, … as the upstream wrote them. */
  readonly rawHeaders: readonly (string | Buffer)[];
}

/** One try of one request at one upstream. */
export interface Try {
  resume(): void;
  /** Gives the request up and closes its connection. */
  abort(reason: Error): void;
}

/** Options for a connection; unset ones must not be there at all, or they would replace the defaults. */
type TlsOptions = { -readonly [K in keyof UpstreamTls]?: NonNullable<UpstreamTls[K]> };

function defined(tls: UpstreamTls): TlsOptions {
  const { ca, cert, key, servername, rejectUnauthorized } = tls;
  return {
    ...(ca === undefined ? {} : { ca }), ...(cert === undefined ? {} : { cert }), ...(key === undefined ? {} : { key }),
    ...(servername === undefined ? {} : { servername }), ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
  };
}

/** By another name undici would connect anew; without one it takes the `Host` of the request, which is the client's. */
const ONE_NAME = { servername: 'the side' };

/** Connects by the side's own name: `name`, or the URL's host. */
function ownName(connect: buildConnector.connector, name: string | undefined): buildConnector.connector {
  return (options, callback) => {
    const { servername: _, ...own } = options;
    connect(name === undefined ? own : { ...own, servername: name }, callback);
  };
}

/** One side's HTTP server. */
export class Upstream {
  readonly url: URL;
  readonly #pool: Pool;
  readonly #prefix: string;
  readonly #timeouts: Required<UpstreamTimeouts>;
  readonly #maxHeaderBytes: number;
  readonly #tls: TlsOptions;
  readonly #maxUnderWay: number;
  #underWay = 0;
  readonly #ended = (): void => {
    this.#underWay--;
  };

  constructor(options: UpstreamOptions) {
    this.url = new URL(options.url);
    this.#prefix = this.url.pathname === '/' ? '' : this.url.pathname.replace(/\/$/, '');
    const { connectMs = 2000, headersMs = 30_000, bodyMs = 300_000, idleMs = 4000, continueMs = 1000 } = options.timeouts ?? {};
    this.#timeouts = { connectMs, headersMs, bodyMs, idleMs, continueMs };
    this.#maxHeaderBytes = options.maxHeaderBytes ?? 65_536;
    this.#maxUnderWay = options.maxUnderWay ?? Infinity;
    this.#tls = defined(options.tls ?? {});
    this.#pool = new Pool(this.url.origin, {
      connections: options.connections ?? 512,
      connect: ownName(buildConnector({ timeout: connectMs, ...this.#tls }), this.#tls.servername),
      headersTimeout: headersMs,
      bodyTimeout: bodyMs,
      keepAliveTimeout: idleMs,
      maxHeaderSize: this.#maxHeaderBytes,
      pipelining: 1,
    });
  }

  send(request: UpstreamRequest, receiver: Receiver): Try {
    this.#underWay++;
    if (request.body !== null && (request.expects === true || request.trailers)) return this.#sendAlone(request, receiver);
    const attempt = new DispatchedTry(receiver, this.#ended);
    const { method, path, headers, body } = request;
    this.#pool.dispatch({ ...ONE_NAME, method, path: this.#prefix + path, headers, body }, attempt);
    return attempt;
  }

  /** Over a connection of its own. */
  #sendAlone(request: UpstreamRequest, receiver: Receiver): Try {
    const { body, expects: waits = false, trailers = null } = request;
    const headers = [...request.headers];
    const has = (name: string): boolean => headers.some((header, i) => i % 2 === 0 && header.toLowerCase() === name);
    if (!has('host')) headers.push('host', this.url.host);
    if (!has('content-length')) headers.push('transfer-encoding', 'chunked');
    if (waits) headers.push('expect', '100-continue');
    let outgoing: http.ClientRequest;
    try {
      outgoing = this.#open({ ...request, headers }, this.#timeouts.connectMs);
    } catch (error) {
      // By this it says that the request is none, as undici does by its own.
      this.#ended();
      receiver.failed(new errors.InvalidArgumentError(messageOf(error)), false);
      return { resume: () => {}, abort: () => {} };
    }
    return new HttpTry({ outgoing, body, trailers, waits, timeouts: this.#timeouts, receiver, over: this.#ended });
  }

  /** A request that may become a tunnel; it has not been ended yet. */
  openUpgrade(request: { readonly method: string; readonly path: string; readonly headers: string[] }): http.ClientRequest {
    return this.#open(request, this.#timeouts.headersMs);
  }

  /** @param timeoutMs until something moves on the connection, its beginning included. */
  #open(request: { readonly method: string; readonly path: string; readonly headers: string[] }, timeoutMs: number): http.ClientRequest {
    const start = this.url.protocol === 'https:' ? https.request : http.request;
    return start({
      host: this.url.hostname.replace(/^\[|\]$/g, ''),
      port: this.url.port || (this.url.protocol === 'https:' ? 443 : 80),
      method: request.method,
      path: this.#prefix + request.path,
      headers: request.headers,
      setHost: false,
      agent: false,
      maxHeaderSize: this.#maxHeaderBytes,
      timeout: timeoutMs,
      ...this.#tls,
    });
  }

  /** As many requests are under way as may be. */
  get isFull(): boolean {
    return this.#underWay >= this.#maxUnderWay;
  }

  /** Waits for requests under way, then closes. */
  async close(): Promise<void> {
    await this.#pool.close();
  }

  /** Closes at once; requests under way fail. */
  async destroy(): Promise<void> {
    await this.#pool.destroy();
  }
}
