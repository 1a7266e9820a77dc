import type { Ids } from './ids.ts';
import { remembered } from './remembered.ts';
import type { ProxyRequest } from './request.ts';

/** Headers that concern one connection only (RFC 9110, 7.6.1), and what replaces them is made anew. */
const HOP_BY_HOP = new Set([
  'connection', 'keep-alive', 'proxy-connection', 'te', 'transfer-encoding', 'upgrade', 'http2-settings',
]);

/** Request headers that the router answers for itself. */
const OWN_REQUEST = new Set([
  'expect', 'trailer', 'proxy-authorization', 'x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'forwarded',
  'x-request-id', 'traceparent', 'x-banyan-side', 'x-banyan-variant', 'x-banyan-route', 'x-banyan-shadow',
]);

/**
 * Whether a name with `_` would be one of the router's own with `-`: servers that hand headers over as
 * variables (CGI and its heirs) make the same of both.
 */
const disguised = (lower: string): boolean => {
  if (!lower.includes('_')) return false;
  const plain = lower.replaceAll('_', '-');
  return HOP_BY_HOP.has(plain) || OWN_REQUEST.has(plain) || plain === 'content-length' || plain === 'host';
};

/** Whether a field of the client's, by its name as it is written, is passed on to the sides. */
export const isForUpstream = remembered((name) => {
  const lower = name.toLowerCase();
  return !(HOP_BY_HOP.has(lower) || OWN_REQUEST.has(lower) || disguised(lower));
});

const OWN_RESPONSE = new Set(['proxy-authenticate', 'x-banyan-side', 'x-banyan-variant']);

/** Whether a field of a side's is passed on to the client. */
const isForClient = remembered((name) => {
  const lower = name.toLowerCase();
  return !(HOP_BY_HOP.has(lower) || OWN_RESPONSE.has(lower));
});

const REQUEST_ID = /^[\w.:/+=-]{1,128}$/;
const TRACEPARENT = /^[\da-f]{2}-[\da-f]{32}-[\da-f]{16}-[\da-f]{2}(-.*)?$/;

export interface Forwarding {
  /** The address of whoever connected to the router. */
  readonly peerAddress: string;
  /** Whether that is a proxy whose own X-Forwarded-Proto and -Host are believed. */
  readonly trustProxy: boolean;
  readonly requestId: string;
  readonly ids: Ids;
  /** The request's span, whose children the sides' spans are. */
  readonly span: { readonly traceparent: string | undefined } | null;
}

/** The names listed in `Connection`, which concern this connection only as well. */
function connectionNames(connection: string | undefined): ReadonlySet<string> | null {
  if (connection === undefined) return null;
  const lower = connection.toLowerCase();
  if (lower === 'keep-alive' || lower === 'close') return null;
  return new Set(lower.split(',').map((name) => name.trim()));
}

/** The headers for the upstream, as name, value, name, value, …; `Host` is the client's. */
export function requestHeaders(request: ProxyRequest, forwarding: Forwarding): string[] {
  const { rawHeaders, headers } = request;
  const dropped = connectionNames(headers.connection);
  const result: string[] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? '';
    if (!isForUpstream(name) || dropped?.has(name.toLowerCase())) continue;
    result.push(name, rawHeaders[i + 1] ?? '');
  }
  const { peerAddress, trustProxy, requestId, ids, span } = forwarding;
  const encrypted = request.socket.encrypted === true;
  const proto = (trustProxy && first(headers['x-forwarded-proto'])) || (encrypted ? 'https' : 'http');
  const host = (trustProxy && first(headers['x-forwarded-host'])) || headers.host || '';
  const before = joined(headers['x-forwarded-for']);
  result.push('x-forwarded-for', before === '' ? peerAddress : `${before}, ${peerAddress}`);
  result.push('x-forwarded-proto', proto);
  if (host !== '') result.push('x-forwarded-host', host);
  const hop = `for=${quoted(peerAddress)};proto=${proto}${host === '' ? '' : `;host=${quoted(host)}`}`;
  result.push('forwarded', headers.forwarded === undefined ? hop : `${headers.forwarded}, ${hop}`);
  result.push('x-request-id', requestId);
  result.push('traceparent', span?.traceparent ?? traceparentOf(request) ?? ids.traceparent());
  return result;
}

/** The client's trace context if it is one. */
export function traceparentOf(request: ProxyRequest): string | undefined {
  const given = first(request.headers['traceparent']);
  return given !== '' && TRACEPARENT.test(given) ? given : undefined;
}

/** The client's request id if it is one, else a new one. */
export function requestIdOf(request: ProxyRequest, ids: Ids): string {
  const given = first(request.headers['x-request-id']);
  return REQUEST_ID.test(given) ? given : ids.hex(16);
}

const joined = (value: string | string[] | undefined): string =>
  value === undefined ? '' : typeof value === 'string' ? value : value.join(', ');

const first = (value: string | string[] | undefined): string => (value === undefined ? '' : (joined(value).split(',', 1)[0]?.trim() ?? ''));

/** RFC 7239: an IPv6 address goes in brackets, and what is not a token in quotes. */
const quoted = remembered((value) => {
  const node = value.includes(':') && !value.includes('[') && !/^[^:]*:\d+$/.test(value) ? `[${value}]` : value;
  return /^[\w!#$%&'*+.^`|~-]+$/.test(node) ? node : `"${node.replaceAll(/["\\]/g, '')}"`;
});

/** The upstream's headers for the client, as name, value, …, from the raw list of either. */
export function responseHeaders(raw: readonly (string | Buffer)[], connection: string | undefined): string[] {
  const dropped = connectionNames(connection);
  const result: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = text(raw[i]);
    if (!isForClient(name) || dropped?.has(name.toLowerCase())) continue;
    result.push(name, text(raw[i + 1]));
  }
  return result;
}

const text = (value: string | Buffer | undefined): string =>
  typeof value === 'string' ? value : (value?.toString('latin1') ?? '');

/** The address a request came from: the connection's, or the first of X-Forwarded-For behind a trusted proxy. */
export function clientAddress(request: ProxyRequest, trustProxy: boolean): string {
  const forwarded = trustProxy ? first(request.headers['x-forwarded-for']) : '';
  return forwarded === '' ? peerAddress(request) : forwarded;
}

/** The address of the connection's other end; IPv4 in its own form. */
export function peerAddress(request: ProxyRequest): string {
  const address = request.socket.remoteAddress ?? 'unknown';
  return address.startsWith('::ffff:') ? address.slice(7) : address;
}

/**
 * The path and query of a request target in origin or absolute form (RFC 9112, 3.2); undefined if it
 * is neither. `OPTIONS *` is not forwarded.
 */
export function originForm(target: string | undefined): string | undefined {
  if (target === undefined) return undefined;
  if (target.startsWith('/')) return target;
  const absolute = /^https?:\/\/[^/?#]+(.*)$/i.exec(target);
  if (!absolute) return undefined;
  const rest = absolute[1] ?? '';
  return rest.startsWith('/') ? rest : `/${rest}`;
}
