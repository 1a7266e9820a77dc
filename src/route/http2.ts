import http2 from 'node:http2';
import { PassThrough, type Readable } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { HTTP2 } from './framing.ts';
import type { ProxyRequest, ProxyResponse } from './request.ts';
import { serve } from './serve.ts';
import type { Traffic } from './traffic.ts';

export interface Http2Limits {
  readonly maxHeaderBytes: number;
  readonly idleMs: number;
  /** Requests of one connection at once. */
  readonly streams: number;
}

/** Requests that a client may take back before their answer, of one connection; and what is always too many. */
const RESETS = { free: 100, share: 0.5 } as const;

/**
 * Serves HTTP/2 on connections that are handed to it ({@link http2.Http2Server} `connection`). The library counts
 * CONTINUATION frames, invalid frames, settings and pings; what it does not is bounded here: streams that
 * are opened only to be reset, each of which would cost a request to an upstream.
 */
export function createHttp2(traffic: Traffic, limits: Http2Limits): http2.Http2Server {
  const server = http2.createServer({
    maxHeaderListPairs: 256,
    maxSessionMemory: 10,
    maxSessionInvalidFrames: 100,
    maxSessionRejectedStreams: 100,
    settings: { enablePush: false, maxConcurrentStreams: limits.streams, maxHeaderListSize: limits.maxHeaderBytes },
  });
  server.on('session', (session) => {
    let opened = 0;
    let reset = 0;
    session.setTimeout(limits.idleMs, () => {
      session.close();
    });
    session.on('error', () => {
      session.destroy();
    });
    session.on('stream', (stream: http2.ServerHttp2Stream, headers) => {
      opened++;
      stream.on('error', () => {
        stream.destroy();
      });
      stream.on('aborted', () => {
        // Who leaves an answer, as listeners of events do, has cost no more than he was given.
        if (stream.headersSent) return;
        reset++;
        if (reset > RESETS.free && reset > opened * RESETS.share) session.destroy(undefined, http2.constants.NGHTTP2_ENHANCE_YOUR_CALM);
      });
      take(traffic, stream, headers);
    });
  });
  server.on('sessionError', () => {});
  return server;
}

function take(traffic: Traffic, stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders): void {
  const authority = headers[':authority'];
  if (headers[':method'] === 'CONNECT' || (authority !== undefined && headers.host !== undefined && headers.host !== authority)) {
    stream.respond({ ':status': headers[':method'] === 'CONNECT' ? 405 : 400 }, { endStream: true });
    return;
  }
  const host = authority ?? headers.host;
  if (host !== undefined) headers.host = host;
  const socket = stream.session?.socket as TLSSocket | undefined;
  let trailers: string[] = [];
  stream.on('trailers', (fields) => {
    trailers = asHttp1(fields);
  });
  const request: ProxyRequest = {
    method: headers[':method'],
    url: headers[':path'],
    headers,
    rawHeaders: asHttp1(headers),
    get rawTrailers() {
      return trailers;
    },
    httpVersion: HTTP2,
    socket: { remoteAddress: socket?.remoteAddress, encrypted: socket?.encrypted },
    get complete() {
      return stream.readableEnded;
    },
  };
  const response = new Http2Response(stream, headers[':method'] === 'HEAD');
  const body = stream.endAfterHeaders ? null : uploadOf(stream);
  const wantsContinue = headers.expect?.toLowerCase() === '100-continue';
  serve(traffic, { request, response, body, wantsContinue, startedAt: traffic.clock.monotonic() });
}

/**
 * The body apart from its stream, which is the answer's too and must outlive it. One that is broken off ends with
 * an error: read from the stream itself, it would seem complete.
 */
function uploadOf(stream: http2.ServerHttp2Stream): Readable {
  const body = new PassThrough();
  // Whoever reads it may have gone.
  body.on('error', () => {});
  stream.on('aborted', () => {
    body.destroy(new Error('the client broke its upload off'));
  });
  body.on('close', () => stream.resume());
  return stream.pipe(body);
}

/** Without pseudo-headers, and with `host`; of each user's cookies, which come apart, the library has made one header. */
function asHttp1(headers: http2.IncomingHttpHeaders): string[] {
  const result: string[] = [];
  for (const [name, value] of Object.entries(headers)) {
    if (name.startsWith(':') || value === undefined) continue;
    for (const one of Array.isArray(value) ? value : [value]) result.push(name, one);
  }
  return result;
}

/** Concern one HTTP/1.1 connection; HTTP/2 forbids them. */
const CONNECTION_HEADERS = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade', 'te']);
/** Of these there is one, or none; of several the first counts. */
const SINGLE = new Set(['content-type', 'content-length', 'etag', 'last-modified', 'location', 'expires', 'age', 'retry-after', 'content-encoding', 'content-range', 'content-location', 'date']);

/** An answer as a stream of HTTP/2. */
class Http2Response implements ProxyResponse {
  readonly #stream: http2.ServerHttp2Stream;
  readonly #isHead: boolean;
  #trailers: Record<string, string> = {};
  statusCode = 0;

  constructor(stream: http2.ServerHttp2Stream, isHead: boolean) {
    this.#stream = stream;
    this.#isHead = isHead;
  }

  get headersSent(): boolean {
    return this.#stream.headersSent;
  }

  get writableFinished(): boolean {
    return this.#stream.writableFinished && !this.#stream.aborted;
  }

  get destroyed(): boolean {
    return this.#stream.destroyed || this.#stream.closed;
  }

  get socket(): { readonly destroyed: boolean } | null {
    return this.#stream.session ?? null;
  }

  on(event: 'close' | 'drain', listener: () => void): void {
    this.#stream.on(event, listener);
    // Before the body seems to have ended: a stream that is reset without an error looks complete.
    if (event === 'close') this.#stream.on('aborted', listener);
  }

  writeContinue(): void {
    this.#stream.additionalHeaders({ ':status': 100 });
  }

  writeHead(status: number, _message: string, headers: string[]): void {
    const sent: Record<string, string | string[]> = {};
    for (let i = 0; i + 1 < headers.length; i += 2) {
      const name = (headers[i] ?? '').toLowerCase();
      const value = headers[i + 1] ?? '';
      if (CONNECTION_HEADERS.has(name)) continue;
      const before = sent[name];
      if (before === undefined) sent[name] = value;
      else if (!SINGLE.has(name)) sent[name] = Array.isArray(before) ? [...before, value] : [before, value];
    }
    this.statusCode = status;
    const endStream = this.#isHead || status === 204 || status === 304;
    const waitForTrailers = !endStream && sent['trailer'] !== undefined;
    if (waitForTrailers) {
      this.#stream.on('wantTrailers', () => {
        this.#stream.sendTrailers(this.#trailers);
      });
    }
    this.#stream.respond({ ...sent, ':status': status }, { endStream, waitForTrailers });
  }

  flushHeaders(): void {
    // They were sent at once.
  }

  write(chunk: Buffer | string, encoding: BufferEncoding = 'latin1'): boolean {
    return this.#stream.writable ? this.#stream.write(chunk, encoding) : true;
  }

  addTrailers(trailers: Record<string, string>): void {
    this.#trailers = trailers;
  }

  end(text?: string): void {
    if (!this.#stream.writable) return;
    if (text === undefined) this.#stream.end();
    else this.#stream.end(text);
  }

  setTimeout(ms: number, listener: () => void): void {
    this.#stream.setTimeout(ms, listener);
  }

  destroy(): void {
    this.#stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR);
  }
}
