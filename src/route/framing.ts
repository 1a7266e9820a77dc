import type { ProxyRequest } from './request.ts';

/** What must reach the upstream: named in `Connection`, it would be taken away on its way. */
const END_TO_END = new Set([
  'host', 'content-length', 'content-type', 'content-encoding', 'cookie', 'authorization', 'forwarded', 'x-forwarded-for',
  'x-forwarded-host', 'x-forwarded-proto', 'x-real-ip', 'x-request-id', 'traceparent',
]);

/** Of RFC 3986: a name or an address, with a port. */
const HOST = /^[\w.~!$&'()*+,;=:%[\]-]*$/;

/** What {@link ProxyRequest.httpVersion} is for HTTP/2; HTTP/1.1's parser never says so. */
export const HTTP2 = '2';

/** More headers than this are no request's. */
const MOST_HEADERS = 256;

/** Why a request is refused, and with which status. */
export interface Suspicion {
  readonly status: 400 | 431;
  readonly reason: string;
}

/**
 * Why a request is refused although the parser took it: servers do not agree on where it ends, whose it
 * is, or what it says; undefined: they do. The parser has refused two lengths, a length beside an
 * encoding, folded lines and line ends without CR by then.
 */
export function suspect(request: ProxyRequest): Suspicion | undefined {
  if (request.rawHeaders.length > 2 * MOST_HEADERS) return { status: 431, reason: `more than ${MOST_HEADERS} headers` };
  const reason = ambiguity(request);
  return reason === undefined ? undefined : { status: 400, reason };
}

function ambiguity(request: ProxyRequest): string | undefined {
  const { headers, httpVersion } = request;
  // HTTP/2 has frames, and its library looks at them; a client of HTTP/1.1 can not call itself that.
  if (httpVersion !== HTTP2 && httpVersion !== '1.1' && httpVersion !== '1.0') return 'the protocol must be HTTP/1.1 or HTTP/1.0';
  const encoding = headers['transfer-encoding'];
  if (encoding !== undefined) {
    if (httpVersion === '1.0') return 'HTTP/1.0 has no Transfer-Encoding';
    // Anything before `chunked` would be taken off by nobody.
    if (encoding.toLowerCase() !== 'chunked') return 'Transfer-Encoding must be chunked';
  }
  const { connection, host } = headers;
  if (connection !== undefined && connection.length > 10) {
    for (const name of connection.toLowerCase().split(',')) {
      if (END_TO_END.has(name.trim())) return `Connection must not name ${name.trim()}`;
    }
  }
  return host === undefined || HOST.test(host) ? undefined : 'Host must be a name or an address, with a port if need be';
}
