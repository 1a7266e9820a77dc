import http from 'node:http';
import https from 'node:https';
import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { Pool, type Dispatcher } from 'undici';
import type { UpstreamTls } from './tls-context.ts';

export interface UpstreamTimeouts {
  /** To connect. Default 2,000. */
  readonly connectMs?: number;
  /** From the request's end to the response's head. Default 30,000. */
  readonly headersMs?: number;
  /** Between two pieces of the response's body; 0: for ever. Default 300,000. */
  readonly bodyMs?: number;
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

/** What becomes of one try. Exactly one of `failed` and `ended` is told, and nothing after it. */
export interface Receiver {
  /** The response's head. Returning false discards this response: nothing else is told. */
  head(response: ResponseHead): boolean;
  /** Returning false pauses until {@link Try.resume}. */
  chunk(chunk: Buffer): boolean;
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

/** A discarded response is read up to here to keep its connection; beyond, that is closed. */
const MAX_DISCARDED = 65_536;

/** One try of one request at one upstream. */
export class Try implements Dispatcher.DispatchHandler {
  readonly #receiver: Receiver;
  readonly #over: () => void;
  #controller: Dispatcher.DispatchController | null = null;
  #aborted: Error | null = null;
  #discarding = false;
  #discarded = 0;

  constructor(receiver: Receiver, over: () => void) {
    this.#receiver = receiver;
    this.#over = over;
  }

  resume(): void {
    this.#controller?.resume();
  }

  /** Gives the request up and closes its connection. */
  abort(reason: Error): void {
    this.#aborted = reason;
    this.#controller?.abort(reason);
  }

  // undici calls this immediately before it writes the request to a connected socket.
  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#aborted) controller.abort(this.#aborted);
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
    statusMessage?: string,
  ): void {
    // Informational responses concern this hop.
    if (status < 200) return;
    const raw = Array.isArray(controller.rawHeaders) ? controller.rawHeaders : [];
    const wanted = this.#receiver.head({ status, statusMessage: statusMessage ?? '', headers, rawHeaders: raw });
    this.#discarding = !wanted;
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#discarding) {
      this.#discarded += chunk.length;
      if (this.#discarded > MAX_DISCARDED) controller.abort(new Error('the discarded response is too long'));
    } else if (!this.#receiver.chunk(chunk)) {
      controller.pause();
    }
  }

  onResponseEnd(_controller: Dispatcher.DispatchController, trailers: IncomingHttpHeaders): void {
    this.#over();
    if (!this.#discarding) this.#receiver.ended(trailers);
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#over();
    if (!this.#discarding) this.#receiver.failed(error, this.#controller !== null);
  }
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
    const { connectMs = 2000, headersMs = 30_000, bodyMs = 300_000, idleMs = 4000 } = options.timeouts ?? {};
    this.#timeouts = { connectMs, headersMs, bodyMs, idleMs };
    this.#maxHeaderBytes = options.maxHeaderBytes ?? 65_536;
    this.#maxUnderWay = options.maxUnderWay ?? Infinity;
    this.#tls = defined(options.tls ?? {});
    this.#pool = new Pool(this.url.origin, {
      connections: options.connections ?? 512,
      connect: { timeout: connectMs, ...this.#tls },
      headersTimeout: headersMs,
      bodyTimeout: bodyMs,
      keepAliveTimeout: idleMs,
      maxHeaderSize: this.#maxHeaderBytes,
      pipelining: 1,
    });
  }

  send(
    request: {
      readonly method: string;
      readonly path: string;
      readonly headers: string[];
      readonly body: Readable | Buffer | null;
    },
    receiver: Receiver,
  ): Try {
    this.#underWay++;
    const attempt = new Try(receiver, this.#ended);
    this.#pool.dispatch(
      { method: request.method, path: this.#prefix + request.path, headers: request.headers, body: request.body },
      attempt,
    );
    return attempt;
  }

  /** A request that may become a tunnel; it has not been ended yet. */
  openUpgrade(request: { readonly method: string; readonly path: string; readonly headers: string[] }): http.ClientRequest {
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
      timeout: this.#timeouts.headersMs,
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
