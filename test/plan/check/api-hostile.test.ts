import { describe, expect, it } from 'vitest';
import { isBanyanError } from '../../../src/core/errors.ts';
import { compareApis } from '../../../src/plan/check/api/compare-apis.ts';
import { api, withSchema } from './api-examples.ts';

const fine = api({});
const refusal = (before: unknown, after: unknown = fine): string => {
  try {
    compareApis({ before, after, names: { before: 'old.yaml', after: 'new.yaml' } });
    return 'accepted';
  } catch (error) {
    if (!isBanyanError(error, 'BANYAN_DOCUMENT')) throw error;
    return error.message;
  }
};
const self = (document: unknown): unknown => compareApis({ before: document, after: structuredClone(document) }).findings;
const rules = (before: unknown, after: unknown): string[] => compareApis({ before, after }).findings.map(({ rule }) => rule);

describe('what is no OpenAPI document is refused with its file, place, what was found and what was expected', () => {
  const broken: readonly (readonly [unknown, string])[] = [
    ['text', 'old.yaml: found "text"; expected an object.'],
    [null, 'old.yaml: found nothing; expected an object.'],
    [{}, 'old.yaml: openapi: found nothing; expected a text.'],
    [{ swagger: '2.0' }, 'old.yaml: swagger: found "2.0"; expected openapi 3.0 or 3.1; convert the document first.'],
    [{ openapi: '4.0.0' }, 'old.yaml: openapi: found "4.0.0"; expected version 3.0 or 3.1.'],
    [api({ '/a': [] }), 'old.yaml: paths./a: found a list; expected an object.'],
    [api({ '/a': { get: 7 } }), 'old.yaml: paths./a.get: found 7; expected an object.'],
  ];
  it.each(broken)('%j', (document, message) => {
    expect(refusal(document)).toBe(message);
  });

  it.each([
    ['other.yaml#/User', 'bundle the documents first'],
    ['#/components/schemas/None', 'which leads nowhere'],
    ['#anchor', 'into the same document'],
    ['#/__proto__', 'which leads nowhere'],
    ['#/constructor/name', 'which leads nowhere'],
  ])('the reference %s', (reference, reason) => {
    const document = withSchema('response', { type: 'object', properties: { a: { $ref: reference } } });
    expect(refusal(document, document)).toMatch(`old.yaml: paths./things.post.responses.200.properties.a: found the reference ${JSON.stringify(reference)}`);
    expect(refusal(document, document)).toContain(reason);
  });

  it.each([[{ type: 'strin' }, 'type: found "strin"; expected one of string'], [{ required: true }, 'required: found true; expected a list'], [{ properties: 3 }, 'properties: found 3; expected an object'], ['text', 'found "text"; expected a schema']])('the schema %j', (schema, message) => {
    const document = withSchema('request', schema);
    expect(refusal(document, document)).toContain(message);
  });
});

describe('no document keeps it busy for ever', () => {
  it('with references in circles', () => {
    const circles = {
      A: { $ref: '#/components/schemas/B' }, B: { $ref: '#/components/schemas/A' }, C: { allOf: [{ $ref: '#/components/schemas/C' }, { type: 'object' }] },
      D: { type: 'object', properties: { again: { $ref: '#/components/schemas/D' }, list: { type: 'array', items: { oneOf: [{ $ref: '#/components/schemas/C' }, { $ref: '#/components/schemas/D' }] } } } },
      E: { allOf: [{ type: 'object', properties: { x: { $ref: '#/components/schemas/E' } } }, { type: 'object', properties: { x: { $ref: '#/components/schemas/D' } } }] },
      F: { not: { $ref: '#/components/schemas/F' } },
    };
    for (const name of Object.keys(circles)) expect(self(withSchema('response', { $ref: `#/components/schemas/${name}` }, circles))).toEqual([]);
  });

  it('with nesting beyond all measure', () => {
    let schema: unknown = { type: 'string' };
    for (let depth = 0; depth < 100_000; depth += 1) schema = { type: 'array', items: schema };
    expect(refusal(withSchema('request', schema))).toBe('old.yaml: found more than 500 levels of nesting; expected an OpenAPI document.');
  });

  it('with properties that are called like what every object has', () => {
    const odd = (more: object): unknown => withSchema('response', JSON.parse(`{"type":"object","properties":{"__proto__":{"type":"string"},"constructor":{"type":"string"}${JSON.stringify(more).slice(1, -1)}}}`));
    expect(self(odd({}))).toEqual([]);
    expect(rules(odd({}), withSchema('response', { type: 'object' })).toSorted()).toEqual(['response-property-removed', 'response-property-removed']);
  });

  it('with thousands of operations over schemas that use each other, and tells a change of a shared one once, with who comes to it', () => {
    const document = (leaf: string): Record<string, unknown> => {
      const schemas = Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`S${i}`, { type: 'object', properties: { next: { $ref: `#/components/schemas/S${(i + 1) % 2000}` }, ...(i === 1999 ? { leaf: { type: leaf } } : {}) }, description: 'x'.repeat(500) }]));
      const paths = Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`/p${i}`, { get: { description: 'x'.repeat(500), responses: { 200: { content: { 'application/json': { schema: { $ref: `#/components/schemas/S${i % 2000}` } } } } } } }]));
      return api(paths, { components: { schemas } });
    };
    expect(self(document('string'))).toEqual([]);
    const { findings } = compareApis({ before: document('string'), after: document('integer') });
    expect(findings).toHaveLength(1);
    expect(findings[0]).toMatchObject({ rule: 'response-type-changed', field_path: 'paths./p1999.get.responses.200.properties.leaf', description: expect.stringContaining('more operations are concerned than the 200') as string });
    expect(findings[0]?.affected_operations).toHaveLength(200);
  });
});

describe('what says the same in other words is no change', () => {
  it.each([
    ['the two ways to allow null', { anyOf: [{ type: 'string' }, { type: 'null' }] }, { type: ['null', 'string'] }],
    ['a single part', { allOf: [{ type: 'string', maxLength: 3 }] }, { type: 'string', maxLength: 3 }],
    ['parts that narrow each other', { allOf: [{ type: 'number', minimum: 1 }, { type: 'integer', minimum: 3 }] }, { type: 'integer', minimum: 3 }],
    ['const and enum', { const: 'a' }, { enum: ['a'] }],
    ['a reference and what it refers to', { $ref: '#/components/schemas/Cat' }, { type: 'object', properties: { purrs: { type: 'boolean' }, kind: { type: 'string' } } }],
    ['the order of variants', { oneOf: [{ type: 'string' }, { type: 'integer' }] }, { oneOf: [{ type: 'integer' }, { type: 'string' }] }],
    ['words', { type: 'string', description: 'a', example: 'b' }, { type: 'string', title: 'c' }],
    ['exclusive limits', { type: 'number', exclusiveMinimum: 1 }, { type: 'number', minimum: 1, exclusiveMinimum: true }],
  ])('%s', (_, before, after) => {
    expect(rules(withSchema('request', before), withSchema('request', after))).toEqual([]);
    expect(rules(withSchema('response', before), withSchema('response', after))).toEqual([]);
  });

  it('3.0 and 3.1 for null', () => {
    expect(rules({ ...withSchema('response', { type: 'string', nullable: true }), openapi: '3.0.3' }, withSchema('response', { type: ['string', 'null'] }))).toEqual([]);
  });
});

it('names places as in the interface, and both sides of a shared schema', () => {
  const users = (properties: object): unknown =>
    api(
      { '/users': { post: { requestBody: { content: { 'application/json': { schema: { $ref: '#/components/schemas/User' } } } }, responses: { 200: { content: { 'application/json': { schema: { type: 'array', items: { $ref: '#/components/schemas/User' } } } } } } } } },
      { components: { schemas: { User: { type: 'object', properties } } } },
    );
  const { findings } = compareApis({ before: users({ id: { type: 'string' }, name: { type: 'string' } }), after: users({ id: { type: 'string' } }) });
  expect(findings.map(({ rule, field_path: path, severity, affected_operations: operations }) => [rule, path, severity, operations])).toEqual([
    ['request-property-removed', 'paths./users.post.request.properties.name', 'potentially_breaking', ['POST /users']],
    ['response-property-removed', 'paths./users.post.responses.200.items.properties.name', 'breaking', ['POST /users']],
  ]);
});
