/* oxlint-disable unicorn/no-thenable -- `then` is a keyword of JSON Schema. */
import { Ajv2020 } from 'ajv/dist/2020.js';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareApis } from '../../../src/plan/check/api/compare-apis.ts';
import type { Finding } from '../../../src/plan/check/finding.ts';
import { compareMessages } from '../../../src/plan/check/message/compare-messages.ts';
import { withSchema } from './api-examples.ts';

/*
 * The truth is the validator, for every keyword of 2020-12 that says something of a value: of two schemas that differ in
 * a keyword or two, values are drawn; what is said to break nobody must refuse none of those that the sender may send.
 */

type Tree = { readonly [key: string]: unknown };
type Words = Readonly<Record<string, fc.Arbitrary<unknown>>>;

const small = fc.integer({ min: 0, max: 3 });
const text: fc.Arbitrary<Tree> = fc.record({ type: fc.constant('string'), minLength: small, maxLength: small, pattern: fc.constantFrom('^a', 'b') }, { requiredKeys: ['type'] });
const number: fc.Arbitrary<Tree> = fc.record({ type: fc.constantFrom('integer', 'number'), minimum: small, exclusiveMinimum: small, maximum: fc.integer({ min: 2, max: 6 }), multipleOf: fc.constantFrom(1, 2, 3, 4, 0.5) }, { requiredKeys: ['type'] });
const leaf: fc.Arbitrary<unknown> = fc.oneof(text, number, fc.constantFrom<unknown>(true, false, {}, { type: 'boolean' }, { type: 'null' }, { const: null }, { enum: ['a', 'ab', 2] }, { type: ['string', 'null'], enum: ['a', null] }, { type: ['string', 'null'], enum: ['a'] }, { const: 'b' }, { enum: [true, false], type: 'boolean' }));
/** ajv passes over `contains: true` beside `prefixItems`. */
const content = fc.oneof(text, number);
const names = fc.subarray(['a', 'b', 'c'], { minLength: 1 });
const part = fc.record({ properties: fc.dictionary(fc.constantFrom('a', 'b', 'c'), leaf, { minKeys: 1, maxKeys: 2 }), required: names, maxProperties: small, additionalProperties: fc.constantFrom(false) }, { requiredKeys: [] });
const branch = fc.record({ if: fc.constantFrom({ required: ['a'] }, { properties: { a: { type: 'string' } } }), then: part, else: part }, { requiredKeys: ['if'] });

const OBJECT: Words = {
  properties: fc.dictionary(fc.constantFrom('a', 'b', 'c', 'x1'), leaf, { minKeys: 1, maxKeys: 3 }), required: names, additionalProperties: fc.oneof(fc.boolean(), leaf), minProperties: small, maxProperties: small,
  dependentRequired: fc.dictionary(fc.constantFrom('a', 'b'), names, { minKeys: 1 }), dependentSchemas: fc.dictionary(fc.constantFrom('a', 'b'), part, { minKeys: 1 }), dependencies: fc.dictionary(fc.constantFrom('a', 'b'), names, { minKeys: 1 }),
  patternProperties: fc.dictionary(fc.constantFrom('^x', '[ab]'), leaf, { minKeys: 1 }), propertyNames: fc.oneof(text, fc.constant({ enum: ['a', 'b'] })),
  not: fc.oneof(part, fc.constant({ required: ['c'] })), allOf: fc.array(fc.oneof(part, branch), { minLength: 1, maxLength: 2 }), anyOf: fc.array(part, { minLength: 2, maxLength: 3 }), oneOf: fc.array(part, { minLength: 2, maxLength: 2 }),
  if: fc.constantFrom({ required: ['a'] }, { properties: { a: { type: 'string' } }, required: ['a'] }), then: part, else: part, unevaluatedProperties: fc.oneof(fc.boolean(), leaf),
};
const LIST: Words = {
  items: leaf, prefixItems: fc.array(leaf, { minLength: 1, maxLength: 2 }), contains: content, minContains: small, maxContains: small, minItems: small, maxItems: small, uniqueItems: fc.boolean(), unevaluatedItems: fc.oneof(fc.boolean(), leaf),
  allOf: fc.array(fc.record({ items: leaf, contains: content }, { requiredKeys: [] }), { minLength: 1, maxLength: 2 }), not: fc.record({ contains: content }),
};
const SCALAR: Words = {
  type: fc.constantFrom('string', 'integer', 'number', 'boolean', ['string', 'null'], ['integer', 'string']), enum: fc.subarray(['a', 'ab', 1, 2, null, true, false], { minLength: 1 }), const: fc.constantFrom('a', 1, null), minLength: small, maxLength: small,
  minimum: small, exclusiveMinimum: small, maximum: fc.integer({ min: 2, max: 6 }), exclusiveMaximum: fc.integer({ min: 2, max: 6 }), multipleOf: fc.constantFrom(1, 2, 3, 4, 0.5), pattern: fc.constantFrom('^a', 'b'), not: leaf, anyOf: fc.array(leaf, { minLength: 2, maxLength: 3 }), oneOf: fc.array(leaf, { minLength: 2, maxLength: 2 }),
};

/** Two schemas that differ in a keyword or two. */
function pairOf(type: string | undefined, words: Words): fc.Arbitrary<readonly [Tree, Tree]> {
  const some = fc.record(words, { requiredKeys: [] });
  const few = fc.subarray(Object.keys(words), { minLength: 1, maxLength: 4 });
  return fc.tuple(some, some, few, fc.subarray(Object.keys(words), { minLength: 1, maxLength: 2 })).map(([one, other, kept, changed]) => {
    const base = Object.fromEntries(Object.entries(one).filter(([key]) => kept.includes(key)));
    const after = Object.fromEntries(Object.entries({ ...base, ...other }).filter(([key]) => (changed.includes(key) ? key in other : key in base)));
    for (const key of changed) if (key in other) after[key] = other[key];
    const typed = type === undefined ? {} : { type };
    return [{ ...typed, ...base }, { ...typed, ...after }] as const;
  });
}

const scalarValue = fc.constantFrom<unknown>('', 'a', 'b', 'ab', 'abc', 'zzzz', -1, 0, 1, 2, 3, 4, 6, 0.5, 1.5, 2.5, true, false, null);
const objectValue = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'x1', 'dd'), scalarValue, { maxKeys: 4 });
const listValue = fc.array(scalarValue, { maxLength: 4 });
/** Drawn once: every pair of schemas meets the same values. */
const VALUES: readonly unknown[] = [
  ...fc.sample(scalarValue, { numRuns: 1, seed: 1 }), '', 'a', 'b', 'ab', 'abc', 'zzzz', -1, 0, 1, 2, 3, 4, 6, 0.5, 1.5, 2.5, true, false, null,
  ...fc.sample(objectValue, { numRuns: 400, seed: 2 }), ...fc.sample(listValue, { numRuns: 300, seed: 3 }),
];

const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: false });

const counted = { silent: 0, told: 0, shown: 0, failed: 0 };

/** ajv fails on some schemas with `unevaluatedProperties` beside `patternProperties`; such a value shows nothing. */
function accepts(validate: (value: unknown) => boolean, value: unknown, otherwise = false): boolean {
  try {
    return validate(value);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    counted.failed += 1;
    return otherwise;
  }
}

/** The value that the sender may send and the receiver refuses, if one of those drawn is. */
function witness(sends: Tree, reads: Tree): { readonly value: unknown } | undefined {
  const [isSent, isRead] = [ajv.compile(structuredClone(sends)), ajv.compile(structuredClone(reads))];
  const value = VALUES.find((each) => accepts(isSent, each) && !accepts(isRead, each, true));
  ajv.removeSchema();
  return value === undefined ? undefined : { value };
}

const pairs = fc.oneof({ weight: 5, arbitrary: pairOf('object', OBJECT) }, { weight: 3, arbitrary: pairOf('array', LIST) }, { weight: 3, arbitrary: pairOf(undefined, SCALAR) });

interface Verdicts {
  readonly tell: (before: Tree, after: Tree) => readonly Finding[];
  /** Who sends by which schema, and who reads by which. */
  readonly sides: (before: Tree, after: Tree) => readonly [sends: Tree, reads: Tree];
  /** Rules, and keywords, of which an API promises less than a validator. */
  readonly passedOver?: { readonly rules: RegExp; readonly keywords: RegExp };
}

function proveSound({ tell, sides, passedOver }: Verdicts): void {
  fc.assert(
    fc.property(pairs, ([before, after]) => {
      const findings = tell(before, after);
      const seen = witness(...sides(before, after));
      const breaks = findings.some(({ severity }) => severity === 'breaking');
      const safe = findings.every(({ severity }) => severity === 'non_breaking' || severity === 'additive');
      counted[safe ? 'silent' : 'told'] += 1;
      if (breaks && seen) counted.shown += 1;
      if (!safe || !seen || findings.some(({ rule }) => passedOver?.rules.test(rule)) || passedOver?.keywords.test(JSON.stringify([before, after]))) return;
      throw new Error(`${JSON.stringify(before)} to ${JSON.stringify(after)}: ${findings.map(({ rule }) => rule).join(', ') || 'nothing is told'}; refused all the same: ${JSON.stringify(seen.value)}`);
    }),
    { numRuns: Number(process.env['RUNS'] ?? 200), seed: Number(process.env['SEED'] ?? 20_261_122), includeErrorInReport: true },
  );
}

describe('what is said to break nobody refuses no value that was drawn', () => {
  const backward = (before: Tree, after: Tree): readonly [Tree, Tree] => [before, after];
  const forward = (before: Tree, after: Tree): readonly [Tree, Tree] => [after, before];
  it.each([['old messages, new consumers', 'backward', backward], ['new messages, old consumers', 'forward', forward]] as const)('%s', (_, compatibility, sides) => {
    proveSound({ tell: (before, after) => compareMessages({ before, after, compatibility }).findings, sides });
  });

  // Readers ignore what they do not know, clients send nothing under names that nobody has described, and the variants of
  // oneOf exclude each other: that is the contract of APIs.
  it.each([['requests', 'request', backward], ['answers', 'response', forward]] as const)('%s', (_, place, sides) => {
    proveSound({ tell: (before, after) => compareApis({ before: withSchema(place, before), after: withSchema(place, after) }).findings, sides, passedOver: { rules: /property-added$|property-removed$/, keywords: /"oneOf"/ } });
  });

  it('and most of what is said to break is shown by a value', () => {
    expect(counted.silent).toBeGreaterThan(100);
    expect(counted.shown / counted.told).toBeGreaterThan(0.4);
  });
});
