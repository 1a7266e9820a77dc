import { describe, expect, it } from 'vitest';
import { compareAnswers, type Answer } from './compare.ts';
import { Endpoints } from './endpoint.ts';
import { maskedText, maskedTree } from './mask.ts';
import { Noise } from './noise.ts';
import { compileRules, type CompareOptions } from './rules.ts';

const answer = (body: string | Buffer | null, more: Partial<Answer> = {}): Answer => ({ status: 200, headers: {}, body: body === null ? null : Buffer.from(body), ...more });
const found = (a: Answer, b: Answer, options: CompareOptions = {}): string[] =>
  compareAnswers(a, b, compileRules(options)).differences.map(({ path, kind, monolith, service }) => `${path} ${kind}: ${monolith} | ${service}`);
const values = (a: unknown, b: unknown, options?: CompareOptions): string[] => found(answer(JSON.stringify(a)), answer(JSON.stringify(b)), options);
const texts = (a: string, b: string, options?: CompareOptions): string[] => found(answer(a), answer(b), options);

describe('two JSON bodies', () => {
  it('differ in the places that are named', () => {
    expect(values({ a: [1, 2] }, { a: [1, 3, 4] })).toEqual(['$.a length: [2 items] | [3 items]', '$.a[*] value: 2 | 3']);
    expect(values({ a: 1 }, { b: 1 })).toEqual(['$.a missing: 1 | (absent)', '$.b extra: (absent) | 1']);
    expect(values({ a: { deep: 1 } }, { a: null })).toEqual(['$.a type: object {deep} | null']);
    expect(values({ a: '7' }, { a: 7 })).toEqual(['$.a type: text "7" | number 7']);
    expect(values({ a: false, b: [] }, { b: [], a: false })).toEqual([]);
    expect(values({ 'a b': 1 }, { 'a b': 2 })).toEqual(['$["a b"] value: 1 | 2']);
    expect(values(Array(50).fill(1), Array(50).fill(2))).toEqual(['$[*] value: 1 | 2']);
    expect(values({ __proto__: 1, 'n': 'n1' }, { n: 1 })).toEqual(['$.n type: text "n1" | number 1']);
  });

  it('have numbers of any length, and numbers that are written otherwise', () => {
    expect(texts('{"id":12345678901234567890}', '{"id":12345678901234567891}')).toEqual(['$.id value: 12345678901234567890 | 12345678901234567891']);
    expect(texts('[0.1000000000000000001]', '[0.1]')).toHaveLength(1);
    expect(texts('[1.50,100,-0,1e2]', '[1.5,1e2,0,100.0]')).toEqual([]);
    expect(texts('[1e99999]', '[1e99998]')).toHaveLength(1);
    expect(texts('[10.004, 5]', '[10.006, 5.5]', { tolerance: [{ path: '$[0]', absolute: '0.002' }] })).toEqual(['$[*] value: 5 | 5.5']);
    expect(texts('{"a":1000,"b":{"c":1000}}', '{"a":1001,"b":{"c":1009}}', { tolerance: [{ path: '$.b', relative: 0.01 }, { relative: 0.001 }] })).toEqual([]);
  });

  it('have lists whose items stay, move, come and go', () => {
    expect(values([1, 2, 3], [3, 1, 2])).toEqual(['$ order: [3 items] | [3 items]']);
    expect(values({ a: [1, 2, 3] }, { a: [3, 1, 2] }, { unordered: ['$.a'] })).toEqual([]);
    expect(values({ a: [1, 2, 3] }, { a: [3, 1, 4] }, { unordered: ['$.a'] })).toEqual(['$.a[*] value: 2 | 4']);
    expect(values(['x', 'a', 'b', 'a'], ['a', 'b', 'a'])).toEqual(['$ length: [4 items] | [3 items]']);
    const people = [{ id: 1, n: 'a' }, { id: 2, n: 'a' }, { id: 3, n: 'c' }];
    expect(values(people, [people[2], { id: 1, n: 'z' }, people[1]])).toEqual(['$ order: [3 items] | [3 items]', '$[*].n value: "a" | "z"']);
    expect(values({ p: people }, { p: [...people].reverse().map((each) => ({ ...each, n: `${each.n}!` })) }, { unordered: [{ path: '$.p', key: 'id' }], ignore: ['$.p[*].n'] })).toEqual([]);
    // Long lists without a key.
    const long = Array.from({ length: 500 }, (_, n) => ({ n: n % 7, text: `t${n % 50}` }));
    expect(values(long, [...long.slice(1), long[0]])).toEqual(['$ order: [500 items] | [500 items]']);
  });

  it('do not count where something is ignored', () => {
    expect(values({ a: { at: 1 } }, { a: { at: 2 } }, { ignore: ['$.*.at'] })).toEqual([]);
    expect(values({ a: { b: { at: 1 } }, at: 1 }, { a: { b: { at: 2 } } }, { ignore: ['$.**.at'] })).toEqual([]);
    expect(values({ a: { b: 1, c: [1] } }, { a: { b: 2, c: [] } }, { ignore: ['$.a'] })).toEqual([]);
    expect(values([1], [1, 2], { ignore: ['$.length'] })).toEqual([]);
    expect(values({ 'a.b': 1 }, { 'a.b': 2 }, { ignore: ['$["a.b"]'] })).toEqual([]);
    expect(() => compileRules({ ignore: ['$..x'] })).toThrow('no path into a JSON body');
  });

  it('are texts if they are nested too deeply', () => {
    const deep = '['.repeat(30_000) + ']'.repeat(30_000);
    expect(texts(deep, `${deep} `)).toHaveLength(1);
  });
});

describe('two answers', () => {
  it('have a status first, then headers', () => {
    expect(found(answer('x'), answer('x', { status: 404 }))).toEqual(['status status: 200 | 404']);
    const json = (type: string): Answer => answer('1', { headers: { 'content-type': type } });
    expect(found(json('application/json'), json('Application/JSON; charset="UTF-8"'))).toEqual([]);
    expect(found(json('text/plain'), json('text/html'))).toEqual(['header content-type value: text/plain | text/html']);
    expect(found(json('text/plain'), json('text/html'), { ignore: ['Content-Type'] })).toEqual([]);
    const tagged = (etag?: string): Answer => answer('1', { headers: { ...(etag === undefined ? {} : { etag }), 'set-cookie': ['sid=1'] } });
    expect(found(tagged('a'), tagged(), { headers: ['ETag', 'set-cookie'] })).toEqual(['header etag missing: a | (absent)']);
  });

  it('have bodies of text and bytes', () => {
    expect(texts('x', 'yz')).toEqual(['body … value: x | yz']);
    expect(found(answer('x'), answer(null))).toEqual([]);
    expect(found(answer(Buffer.from([255, 1])), answer(Buffer.from([255, 2])))).toEqual(['body value: 2 bytes | 2 bytes']);
    const page = (csrf: string, title: string): string => `<html>\n<h1>${title}</h1>\n<input name="csrf" value="${csrf}">\n`;
    expect(texts(page('abc', 'A'), page('axc', 'A'))).toEqual(['body nput name="csrf" value="…"> value: abc | axc']);
    expect(texts(page('a', 'A'), page('b', 'B'))).toHaveLength(2);
    expect(texts('a\nb', 'a')).toEqual(['body length: 2 lines | 1 lines']);
  });
});

describe('what is shown', () => {
  it('has no secret in it', () => {
    expect(maskedText('mail ada@example.org, card 4111 1111 1111 1111, Bearer abc.def')).toBe('mail ***, card ***, ***');
    expect(maskedText('order 4111 1111 1111 1112')).toBe('order 4111 1111 1111 1112');
    expect(maskedText('eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln')).toBe('***');
    expect(maskedText(`sk_live_${'a1'.repeat(20)}`)).toBe('***');
    expect(maskedText('DE89 3704 0044 0532 0130 00')).toBe('***');
    expect(maskedText('5f2b9c1e-0d3a-4b7e-9a6f-1c2d3e4f5a6b')).toBe('5f2b9c1e-0d3a-4b7e-9a6f-1c2d3e4f5a6b');
    expect(maskedTree('$.user.apiKey', 'sx')).toBe('***');
    expect(maskedTree('$.a', { 'sada@example.org': 'sx' })).toBe('{***}');
  });

  it('is grouped by the endpoint', () => {
    const endpoints = new Endpoints();
    expect(endpoints.of('/api/users/17/orders')).toBe('/api/users/{id}/orders');
    expect(endpoints.of('/api/users/5f2b9c1e-0d3a-4b7e-9a6f-1c2d3e4f5a6b')).toBe('/api/users/{id}');
    expect(endpoints.of('/reset/ada@example.org')).toBe('/reset/{id}');
    for (let n = 0; n < 40; n++) endpoints.of(`/people/name-${'abcdefghijklmnopqrstuvwxyz'[n % 26]}${'xy'[n % 2]}${'zq'[n > 25 ? 1 : 0]}/cv`);
    expect(endpoints.of('/people/somebody/cv')).toBe('/people/{id}/cv');
    expect(endpoints.of('/api/users/1')).toBe('/api/users/{id}');
  });
});

describe('noise', () => {
  const [value] = compareAnswers(answer('{"a":1}'), answer('{"a":2}'), compileRules({})).differences;
  const clock = { time: 0, now: () => clock.time, monotonic: () => 0, sleep: async () => {} };

  it('is forgotten when it is not seen any more, sooner if it was seen seldom', () => {
    const noise = new Noise(clock);
    const lasts = (): number => {
      for (let pairs = 0; ; pairs++) {
        if (!noise.has('GET /', '$.a value')) return pairs;
        noise.learn('GET /', []);
      }
    };
    noise.learn('GET /', [value!]);
    expect(lasts()).toBe(21);
    for (let n = 0; n < 30; n++) noise.learn('GET /', [value!]);
    expect(noise.status()).toMatchObject([{ endpoint: 'GET /', path: '$.a', kind: 'value', seen: 30, of: 30 }]);
    expect(noise.has('GET /other', '$.a value')).toBe(false);
    expect(noise.has('GET /', '$.a type number|text')).toBe(false);
    expect(lasts()).toBe(401);
    noise.learn('GET /', [value!]);
    clock.time += 25 * 3_600_000;
    expect(noise.has('GET /', '$.a value')).toBe(false);
  });

  it('hides nothing that differs nearly always between the sides and hardly ever within one', () => {
    const noise = new Noise(clock);
    const round = (within: boolean, between: boolean): void => {
      noise.learn('GET /', within ? [value!] : []);
      noise.compared('GET /', new Set(between ? ['$.a value'] : []));
    };
    round(true, true);
    for (let n = 1; n < 400; n++) round(n % 50 === 0, true);
    // 2 % and 100 %.
    expect(noise.has('GET /', '$.a value')).toBe(false);
    for (let n = 0; n < 600; n++) round(true, true);
    expect(noise.has('GET /', '$.a value')).toBe(true);
  });

  it('has a bound', () => {
    const noise = new Noise(clock);
    for (let n = 0; n < 2000; n++) noise.learn(`GET /${n % 500}`, [{ ...value!, path: `$.p${n}` }]);
    expect(noise.size).toBeLessThanOrEqual(500);
    expect(noise.has('GET /499', '$.p1999 value')).toBe(true);
  });
});
