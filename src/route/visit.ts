import { STATUS_CODES, type IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { messageOf } from '../core/errors.ts';
import type { ErrorCode } from '../core/error-codes.ts';
import type { Side } from '../model/side.ts';
import { adapterOf, adaptPath, type CompiledAdapter } from './adapt.ts';
import { adaptBody, collect, isPlainJson, MOST_ADAPTED, withLength, withoutEncodings } from './body-adapter.ts';
import type { Passage } from './breaker.ts';
import { Ticket } from './bucket-flow.ts';
import { HttpFacts } from './decision/http-facts.ts';
import { suspect } from './framing.ts';
import { originForm, peerAddress, requestHeaders, requestIdOf, responseHeaders } from './headers.ts';
import { ANONYMOUS_COOKIE, isSafe, keysGiven } from './key.ts';
import type { ProxyRequest, ProxyResponse } from './request.ts';
import type { ServiceRoute } from './service-route.ts';
import type { Timing } from './side-stats.ts';
import { answeredBy, changeOfSide, keyOf, overrideByPath, overrideOf, rememberWrite, routeFor, subjectOf, type Traffic } from './traffic.ts';
import type { Receiver, ResponseHead, Try } from './upstream.ts';

/** Errors for which the client's request is to blame. */
const CLIENTS_FAULT = new Set(['UND_ERR_INVALID_ARG', 'UND_ERR_NOT_SUPPORTED', 'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH']);
const TIMEOUTS = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'UND_ERR_CONNECT_TIMEOUT']);

/**
 * One request on its way through the router: admitted by its bucket, held back by the barrier if it
 * must be, sent to its side, answered.
 *
 * Invariant: a request is sent a second time only if its method is safe, it has no body and no byte
 * of an answer went to the client, or if it was certainly not sent the first time.
 */
export class Visit implements Receiver {
  readonly #traffic: Traffic;
  readonly #request: ProxyRequest;
  readonly #response: ProxyResponse;
  readonly #body: Readable | null;
  readonly #method: string;
  readonly #startedAt: number;
  readonly #safe: boolean;
  readonly #hasBody: boolean;
  readonly #wantsContinue: boolean;
  #target = '';
  #requestId = '';
  #headers: string[] = [];
  #route: ServiceRoute | undefined;
  #key: string | undefined;
  #anonymous = false;
  #override: Side | undefined;
  #ticket: Ticket | null = null;
  #side: Side = 'monolith';
  #passage: Passage = 'pass';
  #timing: Timing | null = null;
  #attempt: Try | null = null;
  #continued = false;
  #triedAgain = false;
  #secondTry = false;
  #closed = false;
  #drainAwaited = false;
  #blocked = false;
  #bodyBegun = false;
  #watched = false;
  #refused = false;
  /** The request's body, if its fields are renamed on the way. */
  #whole: Buffer | null = null;
  #adapter: CompiledAdapter | undefined;
  /** An answer whose fields are renamed: it goes out when it is complete. */
  #held: { readonly head: ResponseHead; readonly headers: string[]; readonly chunks: Buffer[]; length: number } | null = null;

  constructor(
    traffic: Traffic,
    { request, response, body, wantsContinue }: { readonly request: ProxyRequest; readonly response: ProxyResponse; readonly body: Readable | null; readonly wantsContinue: boolean },
  ) {
    this.#traffic = traffic;
    this.#body = body;
    this.#request = request;
    this.#response = response;
    this.#wantsContinue = wantsContinue;
    this.#method = request.method ?? 'GET';
    this.#startedAt = traffic.clock.monotonic();
    this.#safe = isSafe(this.#method);
    this.#hasBody = body !== null;
  }

  begin(): void {
    const traffic = this.#traffic;
    const request = this.#request;
    this.#response.on('close', () => {
      this.#over();
    });
    if (this.#hasBody) this.#watch();
    const target = originForm(request.url);
    const suspicion = suspect(request);
    if (target === undefined || suspicion) {
      this.#refuse(suspicion?.status ?? 400, 'BANYAN_REQUEST_REFUSED', suspicion?.reason ?? 'the request target must be a path or an http URL');
      return;
    }
    const byPath = overrideByPath(traffic, target);
    this.#target = byPath?.target ?? target;
    this.#key = keyOf(traffic, request);
    const facts = new HttpFacts(traffic.facts, request, this.#target);
    this.#route = routeFor(traffic, facts);
    this.#requestId = requestIdOf(request, traffic.ids);
    if (!this.#route) {
      this.#toward('monolith');
      return;
    }
    if (this.#key === undefined) {
      this.#key = traffic.ids.hex(16);
      this.#anonymous = true;
    }
    this.#override = byPath?.side ?? overrideOf(traffic, request);
    const admitted = this.#route.flow.admit(subjectOf(this.#key, facts), !this.#safe);
    if (admitted instanceof Ticket) {
      this.#admitted(this.#route, admitted);
      return;
    }
    const route = this.#route;
    traffic.metrics.count('banyan_route_held_requests_total', { service: route.service });
    void admitted.then((ticket) => {
      this.#admitted(route, ticket);
    });
  }

  #admitted(route: ServiceRoute, ticket: Ticket): void {
    this.#ticket = ticket;
    if (this.#closed) {
      ticket.leave();
      return;
    }
    let side = this.#override ?? ticket.home;
    if (side === 'service' && !this.#override) {
      this.#passage = route.enterService(this.#repeatable);
      if (this.#passage === 'refused') {
        side = 'monolith';
        this.#secondTry = true;
        route.stats.service.refuse();
        this.#countFallback('refused');
      }
    }
    if (this.#key !== undefined) changeOfSide(this.#traffic, { route, key: this.#key, side });
    this.#toward(side);
  }

  /** Whether it may be sent again after it may have been taken. */
  get #repeatable(): boolean {
    return this.#safe && !this.#hasBody;
  }

  /** Goes to a side, after the side has applied what this user wrote on the other. */
  #toward(side: Side): void {
    this.#side = side;
    const { barrier } = this.#traffic;
    const service = side === 'service' ? this.#route?.service : undefined;
    const batches =
      barrier && this.#key !== undefined
        ? barrier.before({ side, key: this.#key, ...(service === undefined ? {} : { service }) })
        : undefined;
    if (!barrier || !batches) {
      this.#send();
      return;
    }
    void barrier.wait(batches, side).then(() => {
      this.#send();
    });
  }

  #send(): void {
    if (this.#closed) {
      this.#breakerCancelled();
      return;
    }
    const request = this.#request;
    const side = this.#side;
    if (this.#headers.length === 0) {
      this.#headers = requestHeaders(request, {
        peerAddress: peerAddress(request),
        trustProxy: this.#traffic.trustProxy,
        requestId: this.#requestId,
        ids: this.#traffic.ids,
      });
    }
    const upstream = this.#route?.upstream(side, this.#key) ?? this.#traffic.monolith;
    if (upstream.isFull) {
      this.#full();
      return;
    }
    if (this.#wantsContinue && !this.#continued) {
      this.#continued = true;
      this.#response.writeContinue();
    }
    const adapter = side === 'service' && this.#route ? adapterOf(this.#route.adapters, this.#target) : undefined;
    this.#adapter = adapter;
    if (adapter?.request && this.#body && !this.#whole && isPlainJson(request.headers['content-type'], request.headers['content-encoding'])) {
      this.#readWhole(this.#body);
      return;
    }
    let headers = this.#headers;
    let body: Readable | Buffer | null = this.#body;
    if (this.#whole) {
      body = adapter?.request ? adaptBody(this.#whole, adapter.request) : this.#whole;
      headers = withLength(headers, body.length);
    }
    if (adapter?.response) headers = withoutEncodings(headers);
    this.#timing = this.#route?.stats[side].start(!this.#secondTry && !this.#override) ?? null;
    this.#attempt = upstream.send(
      {
        method: this.#method,
        path: this.#path(side),
        headers,
        body,
      },
      this,
    );
  }

  /** Sends it on when all of its body is here. */
  #readWhole(body: Readable): void {
    collect(body).then(
      (whole) => {
        this.#whole = whole;
        if (whole !== null) {
          this.#send();
          return;
        }
        this.#breakerCancelled();
        if (!this.#closed) this.#refuse(413, 'BANYAN_REQUEST_REFUSED', `a body whose fields are renamed must not be longer than ${MOST_ADAPTED} bytes`);
      },
      () => {
        // The client has gone in its middle: nothing was sent.
        this.#breakerCancelled();
      },
    );
  }

  /** The side has as many requests under way as it may: a read is the monolith's, a write the client's to try again. */
  #full(): void {
    this.#breakerCancelled();
    if (this.#side === 'service' && this.#repeatable && !this.#override) {
      this.#fallBack('full');
      return;
    }
    this.#traffic.metrics.count('banyan_route_full_total', { side: this.#side, service: this.#route?.service ?? 'other' });
    this.#refuse(503, 'BANYAN_UPSTREAM_FULL', 'too many requests are under way', ['retry-after', '1']);
  }

  #path(side: Side): string {
    return side === 'service' && this.#route ? adaptPath(this.#route.adapters, this.#target) : this.#target;
  }

  head(head: ResponseHead): boolean {
    const failed = head.status >= 500;
    this.#judge(failed);
    if (failed && this.#side === 'service' && this.#repeatable && !this.#override) {
      this.#fallBack('status');
      return false;
    }
    this.#ticket?.answered();
    if (this.#route && this.#key !== undefined) answeredBy(this.#traffic, { route: this.#route, key: this.#key, side: this.#side });
    if (!this.#safe) this.#wrote(head.headers);
    const headers = responseHeaders(head.rawHeaders, first(head.headers.connection));
    if (this.#traffic.sideHeader) {
      headers.push('x-banyan-side', this.#side);
      const variant = this.#side === 'service' ? this.#route?.variantOf(this.#key) : undefined;
      if (variant !== undefined) headers.push('x-banyan-variant', variant);
    }
    if (this.#anonymous && this.#key !== undefined) {
      const secure = this.#traffic.secureCookie ? '; Secure' : '';
      headers.push(
        'set-cookie',
        `${ANONYMOUS_COOKIE}=${this.#key}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax${secure}`,
      );
    }
    // An answer before the end of the upload: the rest of that would be taken for the next request.
    if (this.#hasBody && !this.#request.complete) headers.push('connection', 'close');
    this.#held = null;
    if (this.#side === 'service' && this.#adapter?.response && isPlainJson(first(head.headers['content-type']), first(head.headers['content-encoding']))) {
      if (this.#method !== 'HEAD' && head.status !== 204 && head.status !== 304) {
        this.#held = { head, headers, chunks: [], length: 0 };
        return true;
      }
      this.#response.writeHead(head.status, head.statusMessage, withLength(headers, undefined));
      return true;
    }
    this.#response.writeHead(head.status, head.statusMessage, headers);
    // The head waits in memory for the first piece of the body. What came with the head from the
    // upstream is written before this runs; if nothing did, the head must not wait for it.
    queueMicrotask(() => {
      if (!this.#bodyBegun && !this.#closed) this.#response.flushHeaders();
    });
    return true;
  }

  chunk(chunk: Buffer): boolean {
    const held = this.#held;
    if (held) {
      held.chunks.push(chunk);
      held.length += chunk.length;
      if (held.length > MOST_ADAPTED && !this.#refused && !this.#closed) {
        this.#refused = true;
        this.#attempt?.abort(new Error('the answer is too long to rename its fields'));
        this.#refuse(502, 'BANYAN_UPSTREAM_UNREACHABLE', `an answer whose fields are renamed must not be longer than ${MOST_ADAPTED} bytes`);
      }
      return true;
    }
    this.#bodyBegun = true;
    if (this.#closed || this.#response.write(chunk)) return true;
    if (!this.#blocked) {
      this.#blocked = true;
      if (!this.#drainAwaited) {
        this.#drainAwaited = true;
        this.#watch();
        this.#response.on('drain', () => {
          this.#blocked = false;
          this.#attempt?.resume();
        });
      }
    }
    return false;
  }

  /** From now on a client that stands still when it is its turn is given up. */
  #watch(): void {
    if (this.#watched) return;
    this.#watched = true;
    this.#response.setTimeout(this.#traffic.clientStallMs, () => {
      const sends = this.#hasBody && !this.#request.complete && !this.#response.headersSent;
      if (this.#closed || this.#refused || !(sends || this.#blocked)) return;
      this.#refused = true;
      this.#judgeNothing();
      if (!this.#safe && this.#attempt) this.#wrote({});
      this.#attempt?.abort(new Error('the client stood still'));
      if (this.#response.headersSent) this.#response.destroy();
      else this.#refuse(408, 'BANYAN_REQUEST_REFUSED', 'the body did not come in time');
    });
  }

  ended(trailers: IncomingHttpHeaders): void {
    this.#bodyBegun = true;
    const held = this.#held;
    if (held && this.#adapter?.response && !this.#closed) {
      const body = adaptBody(Buffer.concat(held.chunks), this.#adapter.response);
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

  failed(error: Error, sent: boolean): void {
    if (this.#refused) return;
    const code = 'code' in error ? String(error.code) : '';
    const gone = this.#closed || this.#response.destroyed || this.#response.socket?.destroyed !== false;
    if (gone || CLIENTS_FAULT.has(code)) {
      this.#judgeNothing();
      if (!this.#safe && sent) this.#wrote({});
      if (gone || this.#response.headersSent) this.#response.destroy();
      else this.#refuse(400, 'BANYAN_REQUEST_REFUSED', messageOf(error));
      return;
    }
    this.#judge(true);
    // It may have been committed although nobody was told.
    if (!this.#safe && sent) this.#wrote({});
    if (this.#response.headersSent) {
      this.#traffic.logger.warn('an upstream broke off its answer', this.#facts(error));
      this.#response.destroy();
      return;
    }
    if (this.#repeatable || !sent) {
      if (this.#side === 'service' && !this.#override) {
        this.#fallBack('failed');
        return;
      }
      if (sent && !this.#triedAgain && !TIMEOUTS.has(code)) {
        // Most likely a kept connection that the server closed at the same moment.
        this.#triedAgain = true;
        this.#secondTry = true;
        this.#send();
        return;
      }
    }
    this.#traffic.logger.warn('an upstream gave no answer', this.#facts(error));
    if (TIMEOUTS.has(code)) this.#refuse(504, 'BANYAN_UPSTREAM_TIMEOUT', 'the upstream did not answer in time');
    else this.#refuse(502, 'BANYAN_UPSTREAM_UNREACHABLE', 'the upstream gave no answer');
  }

  #facts(error: Error): Record<string, unknown> {
    const path = this.#target.split('?', 1)[0];
    return { method: this.#method, path, side: this.#side, requestId: this.#requestId, reason: error.message };
  }

  /** Answers from the monolith what the service could not. */
  #fallBack(reason: 'status' | 'failed' | 'full'): void {
    this.#countFallback(reason);
    this.#secondTry = true;
    this.#passage = 'pass';
    this.#toward('monolith');
  }

  #countFallback(reason: string): void {
    this.#traffic.metrics.count('banyan_route_fallbacks_total', { service: this.#route?.service ?? '', reason });
  }

  #wrote(headers: IncomingHttpHeaders): void {
    const given = keysGiven(this.#traffic.key, headers);
    const keys = this.#key === undefined ? given : [this.#key, ...given];
    rememberWrite(this.#traffic, {
      side: this.#side,
      route: this.#route,
      keys,
      everywhere: this.#override !== undefined,
    });
  }

  /** The try has told something about its side. */
  #judge(failed: boolean): void {
    const route = this.#route;
    if (!route || !this.#timing) return;
    route.stats[this.#side].finish(this.#timing, failed);
    this.#timing = null;
    const breaker = route.breakers[this.#side];
    if (failed) breaker.failed(this.#passage);
    else breaker.succeeded(this.#passage);
    this.#passage = 'pass';
  }

  /** The try ended without telling anything about its side. */
  #judgeNothing(): void {
    if (this.#timing) this.#route?.stats[this.#side].cancel(this.#timing);
    this.#timing = null;
    this.#breakerCancelled();
  }

  #breakerCancelled(): void {
    this.#route?.breakers.service.cancelled(this.#passage);
    this.#passage = 'pass';
  }

  #refuse(status: number, code: ErrorCode, message: string, more: readonly string[] = []): void {
    const body = JSON.stringify({ error: { code, message, requestId: this.#requestId } });
    const headers = ['content-type', 'application/json', 'content-length', String(Buffer.byteLength(body)), ...more];
    if (this.#traffic.sideHeader) headers.push('x-banyan-side', this.#side);
    // What follows a request that was refused is not to be trusted either.
    if (status < 500 || (this.#hasBody && !this.#request.complete)) headers.push('connection', 'close');
    this.#response.writeHead(status, STATUS_CODES[status] ?? '', headers);
    this.#response.end(this.#method === 'HEAD' ? undefined : body);
  }

  /** The answer has been sent, or the client has gone. */
  #over(): void {
    if (this.#closed) return;
    this.#closed = true;
    const response = this.#response;
    const finished = response.writableFinished;
    if (!finished) {
      this.#judgeNothing();
      if (!this.#safe && this.#attempt && !response.headersSent) this.#wrote({});
      this.#attempt?.abort(new Error('the client went away'));
    }
    this.#ticket?.leave();
    const { metrics, clock, logger, accessLog } = this.#traffic;
    const seconds = (clock.monotonic() - this.#startedAt) / 1000;
    const status = finished ? response.statusCode : 499;
    const route = this.#route?.service ?? 'other';
    metrics.observe('http_request_duration_seconds', seconds, { route, side: this.#side, status: String(status) });
    if (accessLog) {
      const path = this.#target.split('?', 1)[0];
      const requestId = this.#requestId;
      logger.info('request', { method: this.#method, path, status, side: this.#side, route, requestId, seconds });
    }
    if (finished && status < 500) this.#offerShadow();
  }

  #offerShadow(): void {
    const shadow = this.#route?.shadow;
    if (!shadow || !this.#repeatable || this.#method === 'OPTIONS' || !shadow.samples(this.#requestId)) return;
    shadow.offer({
      method: this.#method,
      paths: { monolith: this.#path('monolith'), service: this.#path('service') },
      headers: this.#headers,
      primarySide: this.#side,
    });
  }
}

const first = (value: string | string[] | undefined): string | undefined => (Array.isArray(value) ? value[0] : value);
