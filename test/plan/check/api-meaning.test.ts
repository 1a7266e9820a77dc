import { describe, expect, it } from 'vitest';
import { compareApis } from '../../../src/plan/check/api/compare-apis.ts';
import { api, OPERATION_EXAMPLES, SCHEMA_EXAMPLES } from './api-examples.ts';

type Json = { readonly [key: string]: unknown };

/** A document of 3.0 in the words of 3.1; undefined where 3.0 has no words for it. */
function in31(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(in31);
  if (typeof value !== 'object' || value === null) return value;
  const { nullable, exclusiveMinimum, exclusiveMaximum, ...rest } = Object.fromEntries(Object.entries(value).map(([key, each]) => [key, in31(each)])) as Record<string, unknown>;
  const exclusive = (on: unknown, plain: string, name: string): Json => (on === undefined ? {} : on === true ? { [name]: rest[plain], [plain]: undefined } : typeof on === 'boolean' ? {} : { [name]: on });
  const type = rest['type'];
  return {
    ...rest, ...(nullable === true && typeof type === 'string' ? { type: [type, 'null'] } : nullable === undefined ? {} : { nullable }),
    ...exclusive(exclusiveMinimum, 'minimum', 'exclusiveMinimum'), ...exclusive(exclusiveMaximum, 'maximum', 'exclusiveMaximum'),
  };
}

/** What 3.0 has no words for. */
const NEWER = /"type":\[|"const":|"type":"null"|"webhooks"|"prefixItems"|"exclusiveMinimum":\d/;

describe('3.0 and 3.1', () => {
  const nullable = (type: string, more: Json = {}): Json => ({ type, nullable: true, ...more });
  const body = (schema: Json): Json => api({ '/a': { post: { requestBody: { content: { 'application/json': { schema } } }, responses: { 200: { description: 'fine', content: { 'application/json': { schema } } } } } } });
  const pairs = [
    ...[...SCHEMA_EXAMPLES, ...OPERATION_EXAMPLES].filter(({ before, after }) => !NEWER.test(JSON.stringify([before, after]))),
    { rule: 'made nullable', before: body({ type: 'string' }), after: body(nullable('string')) },
    { rule: 'nullable in parts', before: body({ type: 'object', properties: { a: nullable('integer', { minimum: 1, exclusiveMinimum: true }) } }), after: body({ type: 'object', properties: { a: { type: 'integer', minimum: 1 } } }) },
    { rule: 'a limit that is out', before: body({ type: 'number', maximum: 9 }), after: body({ type: 'number', maximum: 9, exclusiveMaximum: true }) },
  ];
  const told = (before: unknown, after: unknown): unknown => compareApis({ before, after, at: new Date('2026-01-01') }).findings.map(({ rule, severity, field_path: path }) => [rule, severity, path]);
  it.each(pairs)('say the same: $rule', ({ before, after }) => {
    const [old30, new30] = [{ ...before, openapi: '3.0.3' }, { ...after, openapi: '3.0.3' }];
    const [old31, new31] = [in31({ ...before, openapi: '3.1.0' }), in31({ ...after, openapi: '3.1.0' })];
    const expected = told(old30, new30);
    expect(told(old31, new31)).toEqual(expected);
    expect(told(old30, new31)).toEqual(expected);
    expect(told(old30, old31)).toEqual([]);
    expect(told(new31, new30)).toEqual([]);
  });

  it('are told apart in more than a hundred cases', () => {
    expect(pairs.length).toBeGreaterThan(100);
  });
});

describe('a status that moves into what is said of all others', () => {
  const text = { 'application/json': { schema: { type: 'string' } } };
  const answering = (responses: Json): Json => api({ '/a': { get: { responses } } });
  const told = (before: unknown, after: unknown): string[] => compareApis({ before, after }).findings.map(({ rule }) => rule);
  it('is held against it, body and all', () => {
    expect(told(answering({ 200: { content: text }, default: {} }), answering({ default: {} }))).toEqual(['response-status-generalised', 'response-body-removed']);
    expect(told(answering({ 200: { content: text } }), answering({ '2XX': { content: text } }))).toEqual(['response-status-generalised', 'response-success-added']);
    expect(told(answering({ default: { content: text } }), answering({ 404: {}, default: { content: text } }))).toEqual(['response-status-specified', 'response-body-removed']);
  });

  it('and one that has none is gone', () => {
    expect(told(answering({ 200: {}, 201: {} }), answering({ 200: {}, '4XX': {} }))).toContain('response-success-removed');
  });
});

it('what announced its last day may go after it, and not before; without a clock no day has passed', () => {
  const before = api({ '/a': { get: { deprecated: true, 'x-sunset': '2026-03-01', responses: {} } } });
  const told = (at?: string): string[] => compareApis({ before, after: api({}), ...(at === undefined ? {} : { at: new Date(at) }) }).findings.map(({ rule, severity }) => `${rule} ${severity}`);
  expect(told('2026-03-01T23:59:59Z')).toEqual(['endpoint-removed-before-sunset breaking']);
  expect(told('2026-03-02T00:00:00Z')).toEqual(['endpoint-removed-after-sunset non_breaking']);
  expect(told()).toEqual(['deprecated-endpoint-removed potentially_breaking']);
});
