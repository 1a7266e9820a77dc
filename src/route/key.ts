import { networkOf } from '../core/network.ts';
import type { ProxyRequest } from './request.ts';

/** Where a user's key may be found; the first that yields a value wins. */
export type KeySource =
  | { readonly cookie: string }
  | { readonly header: string }
  /** A claim of the bearer token in `Authorization`. It is *not* verified: it only picks a bucket. */
  | { readonly jwt: string }
  | { readonly query: string }
  /** The client's network: so many leading bits of its address, for users whose address changes within it. */
  | { readonly network: { readonly v4: number; readonly v6: number } }
  | 'ip';

/** A source that says something about a user without being his key. */
export type TextSource = Extract<KeySource, { readonly cookie: string } | { readonly header: string } | { readonly jwt: string } | { readonly query: string }>;

/** The cookie that the router sets for a user without any other key. */
export const ANONYMOUS_COOKIE = 'banyan-key';

/** The user's key by the configured chain, then by the router's own cookie; undefined: none yet. */
export function readKey(chain: readonly KeySource[], request: ProxyRequest, clientAddress: string): string | undefined {
  for (const source of chain) {
    const value = fromSource(source, request, clientAddress);
    if (value !== undefined && value !== '') return value;
  }
  return cookieValue(request.headers.cookie, ANONYMOUS_COOKIE);
}

function fromSource(source: KeySource, request: ProxyRequest, clientAddress: string): string | undefined {
  if (source === 'ip') return clientAddress;
  if ('network' in source) return networkOf(clientAddress, source.network);
  return readSource(source, request);
}

/** What one source says of a request. */
export function readSource(source: TextSource, request: ProxyRequest): string | undefined {
  if ('cookie' in source) return cookieValue(request.headers.cookie, source.cookie);
  if ('header' in source) return headerValue(request, source.header);
  if ('jwt' in source) return jwtClaim(request.headers.authorization, source.jwt);
  return queryValue(request.url ?? '', source.query);
}

export function headerValue(request: ProxyRequest, name: string): string | undefined {
  const value = request.headers[name.toLowerCase()];
  return Array.isArray(value) ? value[0] : value;
}

/** The value of one cookie in a `Cookie` header; quotes around it are left out. */
export function cookieValue(header: string | undefined, name: string): string | undefined {
  if (header === undefined) return undefined;
  for (let from = 0; from < header.length; ) {
    let end = header.indexOf(';', from);
    if (end < 0) end = header.length;
    const equals = header.indexOf('=', from);
    if (equals >= 0 && equals < end && header.slice(from, equals).trim() === name) {
      return unquote(header.slice(equals + 1, end).trim());
    }
    from = end + 1;
  }
  return undefined;
}

const unquote = (value: string): string =>
  value.length >= 2 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;

function jwtClaim(authorization: string | undefined, claim: string): string | undefined {
  const token = /^bearer\s+[\w-]+\.([\w-]+)\.[\w-]*$/i.exec(authorization ?? '')?.[1];
  if (token === undefined) return undefined;
  let payload: unknown;
  try {
    payload = JSON.parse(Buffer.from(token, 'base64url').toString('utf8'));
  } catch {
    // Whoever sends a token that is not one has no key here; the upstream judges the token.
    return undefined;
  }
  if (typeof payload !== 'object' || payload === null || !Object.hasOwn(payload, claim)) return undefined;
  const value: unknown = Object.getOwnPropertyDescriptor(payload, claim)?.value;
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
}

export function queryValue(url: string, name: string): string | undefined {
  const mark = url.indexOf('?');
  return mark < 0 ? undefined : (new URLSearchParams(url.slice(mark + 1)).get(name) ?? undefined);
}

/**
 * The keys that a response gives to its user: a log-in sets the very cookie (or names the user in
 * the very header) by which the next request is known. Without this, the write of the log-in would
 * belong to nobody.
 */
export function keysGiven(
  chain: readonly KeySource[],
  headers: Readonly<Record<string, string | string[] | undefined>>,
): string[] {
  const keys: string[] = [];
  const cookies = headers['set-cookie'];
  for (const source of chain) {
    if (source === 'ip' || 'network' in source) continue;
    if ('cookie' in source && cookies !== undefined) {
      for (const cookie of Array.isArray(cookies) ? cookies : [cookies]) {
        const value = cookieValue(cookie.split(';', 1)[0], source.cookie);
        if (value) keys.push(value);
      }
    } else if ('header' in source) {
      const value = headers[source.header.toLowerCase()];
      if (typeof value === 'string' && value !== '') keys.push(value);
    }
  }
  return keys;
}

/** Whether the method promises to change nothing (RFC 9110, 9.2.1), so that it may be sent twice. */
export function isSafe(method: string): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS';
}
