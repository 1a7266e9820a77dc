import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { adaptPath, compileAdapter } from './adapt.ts';
import { HttpFacts } from './decision/http-facts.ts';
import { clientAddress, originForm, requestHeaders, requestIdOf, responseHeaders } from './headers.ts';
import { Ids } from './ids.ts';
import { cookieValue, keysGiven, readKey, type KeySource } from './key.ts';
import { parseAddress } from './listener.ts';
import { compileRule, findMatch, type MatchRule } from './match.ts';

const nothing = (): undefined => undefined;

const matches = (rule: MatchRule, method: string, path: string, headers: Record<string, string> = {}): boolean => {
  const request = Object.assign(fakeRequest(headers, { url: path }), { method });
  const facts = new HttpFacts({ tenant: nothing, region: nothing, clientAddress: () => '' }, request, path);
  return findMatch([{ rules: [compileRule(rule)] }], facts) !== undefined;
};

function fakeRequest(
  headers: Record<string, string | string[]>,
  options: { url?: string; address?: string; encrypted?: boolean } = {},
): IncomingMessage {
  const raw = Object.entries(headers).flatMap(([name, value]) =>
    Array.isArray(value) ? value.flatMap((one) => [name, one]) : [name, value],
  );
  const { url = '/', address = '::ffff:10.0.0.9', encrypted = false } = options;
  return { headers, rawHeaders: raw, url, socket: { remoteAddress: address, encrypted } } as unknown as IncomingMessage;
}

describe('matching', () => {
  it.each([
    ['/login', '/login', true],
    ['/login', '/login/', false],
    ['/login', '/loginx', false],
    ['/login', '/LOGIN', false],
    ['/api/users/**', '/api/users', true],
    ['/api/users/**', '/api/users/', true],
    ['/api/users/**', '/api/users/1/orders', true],
    ['/api/users/**', '/api/usersx', false],
    ['/api/users/**', '/api', false],
    ['/api/users/{id}', '/api/users/7', true],
    ['/api/users/{id}', '/api/users/', false],
    ['/api/users/{id}', '/api/users/7/x', false],
    ['/api/*/x', '/api/7/x', true],
    ['/api/users/**', '/api/%75sers/1', true],
    ['/a%20b', '/a b', true],
    ['/a', '/%zz', false],
    ['/%zz', '/%zz', true],
    ['/**', '/', true],
    ['/**', '/anything', true],
  ])('%s against %s: %s', (path, actual, expected) => {
    expect(matches({ path }, 'GET', actual)).toBe(expected);
  });

  it('minds methods, and treats HEAD as GET', () => {
    const rule: MatchRule = { path: '/x', methods: ['GET'] };
    expect(matches(rule, 'GET', '/x')).toBe(true);
    expect(matches(rule, 'HEAD', '/x')).toBe(true);
    expect(matches(rule, 'POST', '/x')).toBe(false);
    expect(matches({ path: '/x', methods: [] }, 'POST', '/x')).toBe(true);
    expect(matches({ path: '/x', methods: ['POST'] }, 'HEAD', '/x')).toBe(false);
  });

  it('minds host, headers and parameters where they are named', () => {
    const rule: MatchRule = { path: '/x', hosts: ['*.shop.example'], headers: { 'x-app': 'web*' }, query: { v: '2' } };
    const headers = { host: 'EU.Shop.example:8080', 'x-app': 'web/1' };
    expect(matches(rule, 'GET', '/x?v=2', headers)).toBe(true);
    expect(matches(rule, 'GET', '/x?v=1', headers)).toBe(false);
    expect(matches(rule, 'GET', '/x?v=2', { ...headers, host: 'shop.example' })).toBe(false);
    expect(matches(rule, 'GET', '/x?v=2', { host: headers.host })).toBe(false);
    expect(matches({ path: '/x', hosts: ['[::1]'] }, 'GET', '/x', { host: '[::1]:80' })).toBe(true);
  });
});

describe('adapting paths', () => {
  const adapters = [
    { from: '/api/users/{id}', to: '/v1/users/{id}' },
    { from: '/api/{kind}/of/{id}/**', to: '/v2/{id}/{kind}/**' },
    { from: '/same/*/x', to: '/other/*/y z' },
  ].map(compileAdapter);

  it.each([
    ['/api/users/7', '/v1/users/7'],
    ['/api/users/7?a=1&b=%20', '/v1/users/7?a=1&b=%20'],
    ['/api/users/a%2Fb', '/v1/users/a%2Fb'],
    ['/api/cats/of/9/x/y?q', '/v2/9/cats/x/y?q'],
    ['/api/cats/of/9', '/v2/9/cats'],
    ['/same/q/x', '/other/q/y%20z'],
    ['/else', '/else'],
  ])('%s becomes %s', (from, to) => {
    expect(adaptPath(adapters, from)).toBe(to);
  });

  it('leaves paths alone without adapters', () => {
    expect(adaptPath([], '/a?b')).toBe('/a?b');
  });
});

describe('keys', () => {
  const jwt = (payload: unknown): string => `Bearer e30.${Buffer.from(JSON.stringify(payload)).toString('base64url')}.sig`;
  const chain: KeySource[] = [{ cookie: 'uid' }, { header: 'X-User' }, { jwt: 'sub' }, { query: 'user' }];

  it('takes the first source that has a value', () => {
    const headers = { cookie: 'a=1; uid="42"; b=2', 'x-user': 'h', authorization: jwt({ sub: 'j' }) };
    const request = (without: string[]): IncomingMessage =>
      fakeRequest(Object.fromEntries(Object.entries(headers).filter(([name]) => !without.includes(name))), { url: '/x?user=q' });
    expect(readKey(chain, request([]), 'ip')).toBe('42');
    expect(readKey(chain, request(['cookie']), 'ip')).toBe('h');
    expect(readKey(chain, request(['cookie', 'x-user']), 'ip')).toBe('j');
    expect(readKey(chain, request(['cookie', 'x-user', 'authorization']), 'ip')).toBe('q');
    expect(readKey([...chain, 'ip'], fakeRequest({}), '10.0.0.9')).toBe('10.0.0.9');
    expect(readKey(chain, fakeRequest({}), 'ip')).toBeUndefined();
    expect(readKey(chain, fakeRequest({ cookie: 'banyan-key=anon' }), 'ip')).toBe('anon');
    expect(readKey([{ header: 'set-cookie' }], fakeRequest({ 'set-cookie': ['x', 'y'] }), 'ip')).toBe('x');
  });

  it('has no key in a token that is none', () => {
    const key = (authorization: string): string | undefined => readKey([{ jwt: 'sub' }], fakeRequest({ authorization }), 'ip');
    expect(key('Bearer e30.!!.x')).toBeUndefined();
    expect(key('Bearer e30.bm9qc29u.x')).toBeUndefined();
    expect(key(jwt(null))).toBeUndefined();
    expect(key(jwt({ sub: { a: 1 } }))).toBeUndefined();
    expect(key(jwt({ other: 1 }))).toBeUndefined();
    expect(key(jwt({ sub: 7 }))).toBe('7');
    expect(key('Basic abc')).toBeUndefined();
  });

  it('reads cookies as servers do', () => {
    expect(cookieValue('a=1; b=2', 'b')).toBe('2');
    expect(cookieValue('ab=1; b=2=3', 'b')).toBe('2=3');
    expect(cookieValue('x; b=2', 'b')).toBe('2');
    expect(cookieValue('a=1', 'b')).toBeUndefined();
    expect(cookieValue(undefined, 'b')).toBeUndefined();
  });

  it('learns the keys that a response gives', () => {
    expect(keysGiven(chain, { 'set-cookie': ['uid=9; Path=/', 'z=1'], 'x-user': 'n' })).toEqual(['9', 'n']);
    expect(keysGiven(chain, { 'set-cookie': 'uid=; Max-Age=0' })).toEqual([]);
    expect(keysGiven(['ip', ...chain], {})).toEqual([]);
  });
});

describe('headers', () => {
  const ids = new Ids((size) => new Uint8Array(size).fill(7));
  const forward = (request: IncomingMessage, trustProxy = false): Record<string, string> => {
    const list = requestHeaders(request, { peerAddress: '10.0.0.9', trustProxy, requestId: 'r', ids, span: null });
    return Object.fromEntries(Array.from({ length: list.length / 2 }, (_, i) => [list[2 * i]!, list[2 * i + 1]!]));
  };

  it('drops what is named in Connection', () => {
    const headers = forward(fakeRequest({ connection: 'close, X-Hop', 'x-hop': '1', 'x-end': '2', te: 'trailers', host: 'h' }));
    expect(headers).not.toHaveProperty('x-hop');
    expect(headers).not.toHaveProperty('te');
    expect(headers).not.toHaveProperty('connection');
    expect(headers).toMatchObject({ 'x-end': '2', forwarded: 'for=10.0.0.9;proto=http;host=h' });
  });

  it('believes a trusted proxy only', () => {
    const request = fakeRequest({
      'x-forwarded-proto': 'https', 'x-forwarded-host': 'shop', 'x-forwarded-for': '1.1.1.1, 2.2.2.2', forwarded: 'for=1.1.1.1',
    });
    expect(forward(request)).toMatchObject({ 'x-forwarded-proto': 'http', forwarded: 'for=1.1.1.1, for=10.0.0.9;proto=http' });
    expect(forward(request, true)).toMatchObject({ 'x-forwarded-proto': 'https', 'x-forwarded-host': 'shop' });
    expect(clientAddress(request, true)).toBe('1.1.1.1');
    expect(clientAddress(request, false)).toBe('10.0.0.9');
    expect(clientAddress(fakeRequest({}), true)).toBe('10.0.0.9');
  });

  it('says https on an encrypted connection, and quotes what is no token', () => {
    expect(forward(fakeRequest({ host: '[::1]:80' }, { encrypted: true }))).toMatchObject({
      'x-forwarded-proto': 'https', forwarded: 'for=10.0.0.9;proto=https;host="[::1]:80"',
    });
  });

  it('keeps a trace context and a request id only if they are such', () => {
    const trace = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
    expect(forward(fakeRequest({ traceparent: trace }))['traceparent']).toBe(trace);
    expect(forward(fakeRequest({ traceparent: 'rubbish' }))['traceparent']).toBe(`00-${'07'.repeat(16)}-${'07'.repeat(8)}-00`);
    expect(requestIdOf(fakeRequest({ 'x-request-id': 'a b' }), ids)).toBe('07'.repeat(16));
    expect(requestIdOf(fakeRequest({ 'x-request-id': 'ok-1' }), ids)).toBe('ok-1');
  });

  it('filters responses', () => {
    const raw = ['Content-Type', 'x', Buffer.from('Connection'), Buffer.from('x-y'), 'X-Y', '1', 'x-banyan-side', 'spoof'];
    expect(responseHeaders(raw, 'x-y')).toEqual(['Content-Type', 'x']);
  });

  it('reads request targets', () => {
    expect(originForm('/a?b')).toBe('/a?b');
    expect(originForm('http://x:1/a?b')).toBe('/a?b');
    expect(originForm('http://x?b')).toBe('/?b');
    expect(originForm('*')).toBeUndefined();
    expect(originForm('x:80')).toBeUndefined();
    expect(originForm(undefined)).toBeUndefined();
  });

  it('reads addresses to listen on', () => {
    expect(parseAddress('127.0.0.1:80')).toEqual({ host: '127.0.0.1', port: 80 });
    expect(parseAddress('[::1]:80')).toEqual({ host: '::1', port: 80 });
    expect(parseAddress('8080')).toEqual({ host: '127.0.0.1', port: 8080 });
    expect(parseAddress({ host: 'h', port: 1 })).toEqual({ host: 'h', port: 1 });
    for (const bad of ['x', 'h:99999', ':1:2', '']) expect(() => parseAddress(bad)).toThrow(/no address/);
  });
});
