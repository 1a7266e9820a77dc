import { assert, integer, json as anyJson, property } from 'fast-check';
import { expect, it } from 'vitest';
import { compileFields, renameFields } from './json-fields.ts';

const rename = (text: string, names: Record<string, string>): string | undefined => renameFields(text, compileFields(names));

it.each([
  ['{"a":1,"b":2}', { a: 'x' }, '{"x":1,"b":2}'],
  ['{ "a" : {"b": [ {"c":1}, {"c":2} ]}, "c": 3 }', { 'a.b.c': 'z' }, '{ "a" : {"b": [ {"z":1}, {"z":2} ]}, "c": 3 }'],
  ['[{"id":12345678901234567890.10},{"id":1e400}]', { id: 'number' }, '[{"number":12345678901234567890.10},{"number":1e400}]'],
  ['{"a":"a","b":["a",{"a":1}]}', { a: 'x' }, '{"x":"a","b":["a",{"a":1}]}'],
  [String.raw`{"a\"}":"\\","a":"{\"a\":1}"}`, { a: 'x' }, String.raw`{"a\"}":"\\","x":"{\"a\":1}"}`],
  [String.raw`{"\u0061":1}`, { a: 'x"' }, String.raw`{"x\"":1}`],
  ['{"a":{"a":1},"b":{"a":{"a":2}}}', { a: 'x', 'b.a': 'y' }, '{"x":{"a":1},"b":{"y":{"a":2}}}'],
  ['{"a":{"b":1},"b":2}', { a: 'x', 'a.b': 'y' }, '{"x":{"y":1},"b":2}'],
  ['"a"', { a: 'x' }, '"a"'],
  ['{"a":1', { a: 'x' }, undefined],
])('%s with %j is %s', (text, names, expected) => {
  expect(rename(text, names)).toBe(expected);
});

it('there and back is the same text, to the byte', () => {
  assert(
    property(anyJson(), integer({ min: 0, max: 3 }), (json, indent) => {
      const text = JSON.stringify({ a: { b: JSON.parse(json) as unknown }, list: [{ b: JSON.parse(json) as unknown }] }, null, indent);
      const there = rename(text, { a: 'é', 'a.b': 'x y', 'list.b': 'b2' });
      expect(JSON.parse(there ?? '')).toEqual({ é: { 'x y': JSON.parse(json) as unknown }, list: [{ b2: JSON.parse(json) as unknown }] });
      expect(rename(there ?? '', { é: 'a', 'é.x y': 'b', 'list.b2': 'b' })).toBe(text);
    }),
  );
});
