import type { Readable } from 'node:stream';
import type { Side } from '../model/side.ts';
import { adapterOf, adaptPath, type CompiledAdapter } from './adapt.ts';
import type { Arrival } from './arrival.ts';
import { adaptBody, collect, isPlainJson, withLength, withoutEncodings } from './body-adapter.ts';
import { peerAddress, requestHeaders } from './headers.ts';
import type { CompiledFields } from './json-fields.ts';
import type { Incoming, ProxyRequest } from './request.ts';
import { announcedTrailers, trailersOf } from './trailers.ts';
import type { Traffic } from './traffic.ts';
import type { UpstreamRequest } from './upstream.ts';

/** A request as it is sent to the sides: to the service, by the route's adapters. */
export class Outgoing {
  readonly #traffic: Traffic;
  readonly #request: ProxyRequest;
  readonly #arrival: Arrival;
  readonly #body: Readable | null;
  /** The whole body, if its fields are renamed on the way. */
  #whole: Buffer | null = null;
  #headers: string[] | null = null;
  #expects: boolean;

  constructor(traffic: Traffic, { request, body, wantsContinue }: Incoming, arrival: Arrival) {
    this.#traffic = traffic;
    this.#request = request;
    this.#arrival = arrival;
    this.#body = body;
    this.#expects = wantsContinue;
  }

  /** Its headers but for what an adapter changes: the same for every try. */
  get headers(): string[] {
    return (this.#headers ??= requestHeaders(this.#request, {
      peerAddress: peerAddress(this.#request),
      trustProxy: this.#traffic.trustProxy,
      requestId: this.#arrival.requestId,
      ids: this.#traffic.ids,
      span: this.#arrival.span,
    }));
  }

  path(side: Side): string {
    const { route, target } = this.#arrival;
    return side === 'service' && route ? adaptPath(route.adapters, target) : target;
  }

  /** Fields of the side's answer that the client knows by other names; null: none. */
  renamed(side: Side): CompiledFields | null {
    return this.#adapter(side)?.response ?? null;
  }

  /** Whether {@link readWhole} must come before {@link message}. */
  mustBeWhole(side: Side): boolean {
    if (!this.#body || this.#whole || !this.#adapter(side)?.request) return false;
    const { headers } = this.#request;
    return isPlainJson(headers['content-type'], headers['content-encoding']);
  }

  /** Reads all of the body; false: it is longer than may be held. Rejects if the client breaks it off. */
  async readWhole(): Promise<boolean> {
    if (this.#body) this.#whole = await collect(this.#body);
    return this.#whole !== null;
  }

  message(side: Side): UpstreamRequest {
    const adapter = this.#adapter(side);
    let { headers } = this;
    let body: Readable | Buffer | null = this.#body;
    if (this.#whole) {
      body = adapter?.request ? adaptBody(this.#whole, adapter.request) : this.#whole;
      headers = withLength(headers, body.length);
    }
    if (adapter?.response) headers = withoutEncodings(headers);
    const message = { method: this.#request.method ?? 'GET', path: this.path(side), headers, body };
    if (body === null || this.#whole) return message;
    const announced = announcedTrailers(this.#request);
    if (!announced) return { ...message, expects: this.#expects };
    // Its length would leave no room for them.
    const trailer = [...withLength(headers, undefined), 'trailer', [...announced].join(', ')];
    return { ...message, headers: trailer, expects: this.#expects, trailers: () => trailersOf(this.#request, announced) };
  }

  /** The client was asked for its body: from now on nothing is to be waited for. */
  continued(): void {
    this.#expects = false;
  }

  /** What the other side than `side` would be sent of its body. */
  bodyForOther(side: Side, body: Buffer): Buffer {
    const adapter = side === 'monolith' ? this.#adapter('service') : undefined;
    const { 'content-type': type, 'content-encoding': encoding } = this.#request.headers;
    return adapter?.request && isPlainJson(type, encoding) ? adaptBody(body, adapter.request) : body;
  }

  /** The body as the client sends it; whole, if it had to be. */
  get body(): Readable | Buffer | null {
    return this.#whole ?? this.#body;
  }

  #adapter(side: Side): CompiledAdapter | undefined {
    const { route, target } = this.#arrival;
    return side === 'service' && route ? adapterOf(route.adapters, target) : undefined;
  }
}
