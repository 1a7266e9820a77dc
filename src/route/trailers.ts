import { HTTP2 } from './framing.ts';
import { isForUpstream } from './headers.ts';
import type { ProxyRequest } from './request.ts';

/** Fields that say how a message is framed, whose it is, or how it is to be taken: never behind a body (RFC 9110, 6.5.1). */
const NEVER = new Set([
  'host', 'content-length', 'content-type', 'content-encoding', 'content-range', 'content-disposition', 'authorization', 'cookie',
  'set-cookie', 'cache-control', 'max-forwards', 'pragma', 'range', 'accept', 'if-match', 'if-none-match', 'if-modified-since',
  'if-unmodified-since', 'if-range', 'x-real-ip', 'origin', 'referer', 'user-agent', 'vary', 'location', 'retry-after',
]);

const NAME = /^[\w!#$%&'*+.^`|~-]+$/;
/** What may be written into a field. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/**
 * The fields, in lower case, that a request announces behind its body and that may be there; null: none. What is not
 * announced is not passed on, as a recipient may decide (RFC 9110, 6.5.1).
 */
export function announcedTrailers({ headers, httpVersion }: ProxyRequest): ReadonlySet<string> | null {
  const { trailer } = headers;
  // HTTP/1.1 has room for them only behind chunks.
  if (trailer === undefined || (httpVersion !== HTTP2 && headers['transfer-encoding'] === undefined)) return null;
  const names = trailer.toLowerCase().split(',').map((name) => name.trim()).filter((name) => NAME.test(name) && !NEVER.has(name) && isForUpstream(name));
  return names.length > 0 ? new Set(names) : null;
}

/** Of the fields that came behind the body, those that were announced. */
export function trailersOf({ rawTrailers }: ProxyRequest, announced: ReadonlySet<string>): [string, string][] {
  const result: [string, string][] = [];
  for (let i = 0; i + 1 < rawTrailers.length; i += 2) {
    const [name = '', value = ''] = [rawTrailers[i], rawTrailers[i + 1]];
    if (announced.has(name.toLowerCase()) && VALUE.test(value)) result.push([name, value]);
  }
  return result;
}
