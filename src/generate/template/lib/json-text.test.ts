import { assert, boolean, jsonValue, property } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { elements, members, mergePatch } from './json-text.ts';

/** RFC 7396 as it is written there. */
function reference(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const merged: Record<string, unknown> = typeof target === 'object' && target !== null && !Array.isArray(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete merged[name];
    else merged[name] = reference(merged[name], value);
  }
  return merged;
}

const json = jsonValue({ maxDepth: 4 }).map((value) => JSON.stringify(value).replaceAll('__proto__', 'x'));

describe('JSON as text', () => {
  it('splits objects and arrays, each value as it was written', () => {
    expect([...(members(' { "a" : 1.50 , "b\\"":{"c":[1,"}"]},"d":[ ],"e":null } ') ?? [])]).toEqual([
      ['a', '1.50'],
      ['b"', '{"c":[1,"}"]}'],
      ['d', '[ ]'],
      ['e', 'null'],
    ]);
    expect(elements('[1.0, "a,]\\\\" ,{"b":2}\n,[3]]')).toEqual(['1.0', '"a,]\\\\"', '{"b":2}', '[3]']);
    expect(elements('[]')).toEqual([]);
    expect(members('{}')?.size).toBe(0);
    expect(members('[]')).toBeUndefined();
    expect(elements('{}')).toBeUndefined();
  });

  it('splits whatever is valid', () => {
    assert(
      property(json, boolean(), (compact, wide) => {
        const text = wide ? JSON.stringify(JSON.parse(compact), null, 2) : compact;
        const value: unknown = JSON.parse(text);
        const parts = members(text);
        if (parts) expect(Object.fromEntries([...parts].map(([name, part]) => [name, JSON.parse(part)]))).toEqual(value);
        const list = elements(text);
        if (list) expect(list.map((part) => JSON.parse(part))).toEqual(value);
      }),
    );
  });

  it('merges as RFC 7396 says', () => {
    assert(
      property(json, json, (target, patch) => {
        expect(JSON.parse(mergePatch(target, patch))).toEqual(reference(JSON.parse(target), JSON.parse(patch)));
      }),
    );
    expect(mergePatch(undefined, '{"a":{"b":1.0,"c":null}}')).toBe('{"a":{"b":1.0}}');
  });

  it('does not overflow on what is nested deeply', () => {
    const deep = '{"a":'.repeat(20_000) + '1' + '}'.repeat(20_000);
    expect(mergePatch(undefined, deep)).toBe(deep);
  });
});
