import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isBanyanError } from '../../../src/core/errors.ts';
import { MESSAGE_RULES } from '../../../src/plan/check/api/message-rules.ts';
import { MESSAGE_SIDES } from '../../../src/plan/check/api/schema-rules.ts';
import { compareMessages } from '../../../src/plan/check/message/compare-messages.ts';
import { messageRulesPage } from '../../support/check-rules-page.ts';
import { COMPONENTS, SCHEMAS } from './api-examples.ts';

const text = { type: 'string' };
const object = (properties: object, more: object = {}): object => ({ type: 'object', properties, ...more });
const closed = { additionalProperties: false };

/** What is otherwise than in APIs: the schema before, after, and what the change the other way round is called. */
const OWN: Readonly<Record<string, readonly [unknown, unknown, string]>> = {
  'property-added': [object({ a: text }), object({ a: text, b: text }), 'property-removed'],
  'property-removed': [object({ a: text, b: text }), object({ a: text }), 'property-added'],
  'closed-property-added': [object({ a: text }, closed), object({ a: text, b: text }, closed), 'closed-property-removed'],
  'closed-property-removed': [object({ a: text, b: text }, closed), object({ a: text }, closed), 'closed-property-added'],
  'required-property-added': [object({}), object({}, { required: ['b'] }), 'required-property-removed'],
  'required-property-removed': [object({}, { required: ['b'] }), object({}), 'required-property-added'],
  'one-of-changed': [{ oneOf: [{ ...text, not: { const: 'a' } }, { type: 'integer' }] }, { oneOf: [{ ...text, not: { const: 'b' } }, { type: 'integer' }] }, 'one-of-changed'],
  'variant-added': [{ anyOf: [text, { type: 'integer' }] }, { anyOf: [text, { type: 'integer' }, { type: 'boolean' }] }, 'variant-removed'],
  'choice-kind-changed': [{ oneOf: [text, { type: 'integer' }] }, { anyOf: [text, { type: 'integer' }] }, 'choice-kind-changed'],
};
const names = [...new Set(MESSAGE_RULES.map(({ id }) => id.replace(/^(?:backward|forward)-/, '')))];
const EXAMPLES = names.flatMap((name) => {
  const example = OWN[name] ?? SCHEMAS[name];
  return example ? [{ name, before: example[0], after: example[1], mirror: example[2] }] : [];
});
// A property's type has no rule of its own at the root.
const rooted = (name: string, schema: unknown): unknown => (name === 'schema-changed' ? schema : { type: 'object', properties: { it: schema }, components: { schemas: COMPONENTS } });
const rulesOf = (before: unknown, after: unknown): string[] => [...new Set(compareMessages({ before, after, compatibility: 'full' }).findings.map(({ rule }) => rule))].toSorted();

describe('the catalogue of rules for messages', () => {
  it('has stable names, an example for each, and says of each what breaks and what to do', () => {
    expect(new Set(MESSAGE_RULES.map(({ id }) => id)).size).toBe(MESSAGE_RULES.length);
    expect(MESSAGE_RULES.filter(({ id, type, impact, remedy }) => !/^[a-z]+(-[a-z]+)*$/.test(id) || !/^[a-z]+(_[a-z]+)*$/.test(type) || !impact.endsWith('.') || !remedy.endsWith('.'))).toEqual([]);
    expect(EXAMPLES.map(({ name }) => name)).toEqual(names);
  });

  it.each(EXAMPLES)('$name', ({ name, before, after, mirror }) => {
    const sided = (what: string): string[] => MESSAGE_SIDES.map((side) => `${side}-${what}`);
    // What changes inside of oneOf is told at both places.
    const extra = name === 'choice-kind-changed' ? ['one-of-changed'] : name === 'one-of-changed' ? ['keyword-changed'] : [];
    expect(rulesOf(rooted(name, before), rooted(name, after)).filter((rule) => !extra.some((id) => rule.endsWith(id)))).toEqual(sided(name));
    expect(rulesOf(rooted(name, after), rooted(name, before)).filter((rule) => !extra.some((id) => rule.endsWith(id)))).toEqual(sided(mirror));
    expect(rulesOf(rooted(name, after), rooted(name, structuredClone(after)))).toEqual([]);
  });

  it('stands in docs/check-messages.md as it is', () => {
    const page = readFileSync(join(import.meta.dirname, '../../../docs/check-messages.md'), 'utf8');
    expect(page, 'run: node --import tsx scripts/check-rules-page.mjs').toBe(messageRulesPage(page));
    expect(messageRulesPage(page, MESSAGE_RULES.slice(1))).not.toBe(page);
  });
});

describe('sides', () => {
  const [before, after] = [object({ a: text }), object({ a: text }, { required: ['a'] })];
  it('are told apart: what new consumers refuse, old ones do not mind', () => {
    const severities = (compatibility: 'backward' | 'forward' | 'full'): string[] => compareMessages({ before, after, compatibility }).findings.map(({ rule, severity }) => `${rule} ${severity}`);
    expect(severities('backward')).toEqual(['backward-property-made-required breaking']);
    expect(severities('forward')).toEqual(['forward-property-made-required non_breaking']);
    expect(severities('full')).toHaveLength(2);
    expect(compareMessages({ before, after }).findings).toEqual(compareMessages({ before, after, compatibility: 'backward' }).findings);
  });
});

describe('what says the same in another draft is no change', () => {
  const tuple7 = { $schema: 'http://json-schema.org/draft-07/schema#', type: 'array', items: [text, { $ref: '#/definitions/N' }], additionalItems: false, definitions: { N: { $id: '#n', type: 'integer' } } };
  const tuple2020 = { $schema: 'https://json-schema.org/draft/2020-12/schema', type: 'array', prefixItems: [text, { $ref: '#n' }], items: false, $defs: { N: { $anchor: 'n', type: 'integer' } } };
  const tree = (more: object, child: object): object => ({ ...more, type: 'object', properties: { children: { type: 'array', items: child } } });
  it.each([
    ['tuples, definitions and anchors', tuple7, tuple2020],
    ['recursion', tree({ $schema: 'https://json-schema.org/draft/2019-09/schema', $recursiveAnchor: true }, { $recursiveRef: '#' }), tree({ $dynamicAnchor: 'node' }, { $dynamicRef: '#node' })],
    ['ids', { $id: 'https://example.org/a.json', $ref: 'b.json#/$defs/T', $defs: { B: { $id: 'b.json', $defs: { T: text } } } }, text],
    ['words for people', { ...text, description: 'a', examples: ['b'], $comment: 'c' }, text],
    ['true and nothing', true, {}],
  ])('%s', (_, one, other) => {
    expect(rulesOf(one, other)).toEqual([]);
    expect(rulesOf(other, one)).toEqual([]);
  });

  it('and a property may be called like a keyword', () => {
    expect(rulesOf(object({ description: text, items: text }), object({ description: { type: 'integer' }, items: text }))).toEqual(['backward-type-changed', 'forward-type-changed']);
  });
});

it.each([
  [[], 'old.json: found a list; expected an object.'], [{ $schema: 'http://json-schema.org/draft-04/schema#' }, '$schema: found "http://json-schema.org/draft-04/schema#"; expected draft 6, 7, 2019-09 or 2020-12.'],
  [{ openapi: '3.1.0' }, 'an API is compared by --type api'], [{ $ref: 'other.json' }, 'bundle the schemas first'], [{ $ref: '#/nowhere' }, 'which leads nowhere'],
])('%j is refused in words', (document, message) => {
  try {
    compareMessages({ before: document, after: {}, names: { before: 'old.json', after: 'new.json' } });
    expect.unreachable();
  } catch (error) {
    expect(isBanyanError(error, 'BANYAN_DOCUMENT') ? error.message : error).toContain(message);
  }
});
