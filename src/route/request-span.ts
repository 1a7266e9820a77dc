import type { Side } from '../model/side.ts';

/** What identifies a span on the wire (W3C trace context). */
interface SpanContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceFlags: number;
  readonly isRemote?: boolean;
}

interface Context {
  getValue(key: symbol): unknown;
  setValue(key: symbol, value: unknown): Context;
  deleteValue(key: symbol): Context;
}

type Attributes = Readonly<Record<string, string | number>>;

interface Span {
  spanContext(): SpanContext;
  setAttributes(attributes: Attributes): unknown;
  setStatus(status: { readonly code: number }): unknown;
  end(): void;
}

export interface Tracer {
  startSpan(name: string, options: { readonly kind: 1; readonly attributes: Attributes }, context: Context): Span;
}

/**
 * What the router uses of `@opentelemetry/api`: hand it that module itself. Where its spans go is up to whatever
 * SDK is registered with it.
 */
export interface TracingApi {
  readonly ROOT_CONTEXT: Context;
  readonly trace: {
    getTracer(name: string): Tracer;
    setSpanContext(context: Context, spanContext: SpanContext): Context;
  };
}

/** Begins the spans of requests. */
export interface Tracing {
  begin(request: { readonly method: string; readonly path: string; readonly route: string | undefined; readonly requestId: string; readonly traceparent: string | undefined }): RequestSpan;
}

/** What became of a request. */
export interface RequestEnd {
  /** 499: the client went away before the answer's end. */
  readonly status: number;
  readonly side: Side;
  /** Of the route's decision; undefined: no route's request. */
  readonly version: number | undefined;
  /** The user's, 0 to 9,999; undefined: he has no key, or no route asked. */
  readonly bucket: number | undefined;
}

/** `SpanKind.SERVER` and `SpanStatusCode.ERROR`. */
const SERVER = 1;
const ERROR = 2;

/** Any other method is the client's own invention: in a name it would make as many names as he likes. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT']);

export function tracingBy({ ROOT_CONTEXT, trace }: TracingApi): Tracing {
  const tracer = trace.getTracer('banyan');
  return {
    begin({ method, path, route = 'other', requestId, traceparent }) {
      const context = traceparent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parentOf(traceparent));
      const attributes = { 'http.request.method': METHODS.has(method) ? method : '_OTHER', 'url.path': path, 'banyan.route': route, 'banyan.request_id': requestId };
      return new RequestSpan(tracer.startSpan(`${METHODS.has(method) ? method : 'HTTP'} ${route}`, { kind: SERVER, attributes }, context));
    },
  };
}

/** Of a well-formed header. */
function parentOf(traceparent: string): SpanContext {
  const [, traceId = '', spanId = '', flags = ''] = traceparent.split('-');
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
}

/** The span of one request, from its head to its answer's end. */
export class RequestSpan {
  readonly #span: Span;

  constructor(span: Span) {
    this.#span = span;
  }

  /** What goes on to the sides, so that their spans are children of this one; undefined: nobody takes spans. */
  get traceparent(): string | undefined {
    const { traceId, spanId, traceFlags } = this.#span.spanContext();
    if (/^0*$/.test(traceId) || /^0*$/.test(spanId)) return undefined;
    return `00-${traceId}-${spanId}-${(traceFlags & 0xff).toString(16).padStart(2, '0')}`;
  }

  end({ status, side, version, bucket }: RequestEnd): void {
    this.#span.setAttributes({
      'http.response.status_code': status,
      'banyan.side': side,
      ...(version === undefined ? {} : { 'banyan.version': version }),
      ...(bucket === undefined ? {} : { 'banyan.bucket': bucket }),
    });
    if (status >= 500) this.#span.setStatus({ code: ERROR });
    this.#span.end();
  }
}
