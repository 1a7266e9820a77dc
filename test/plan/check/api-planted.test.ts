import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareApis } from '../../../src/plan/check/api/compare-apis.ts';

/** A value of JSON that can be changed in place. */
type Tree = { [key: string]: unknown };

const base = fc.constantFrom('string', 'integer', 'boolean');
const leaf: fc.Arbitrary<Tree> = base.chain((type): fc.Arbitrary<Tree> => (type === 'string' ? fc.record({ type: fc.constant(type), maxLength: fc.integer({ min: 5, max: 9 }) }) : fc.constant({ type })));
const { schema } = fc.letrec<{ schema: Tree }>((tie) => ({
  schema: fc.oneof(
    { depthSize: 'small', withCrossShrink: true }, leaf,
    fc.record({ type: fc.constant('array'), items: tie('schema') }),
    fc.record({ type: fc.constant('object'), properties: fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), tie('schema'), { minKeys: 1, maxKeys: 3 }) }),
    fc.record({ allOf: fc.tuple(tie('schema')) }),
    fc.constantFrom({ $ref: '#/components/schemas/One' }, { $ref: '#/components/schemas/Two' }),
  ),
}));

const document = fc.record({ request: schema, response: schema, parameter: leaf, One: fc.record({ type: fc.constant('object'), properties: fc.record({ x: leaf, again: schema }) }), Two: fc.record({ type: fc.constant('object'), properties: fc.record({ y: leaf, again: schema }) }) }).map(
  ({ request, response, parameter, One, Two }) => ({
    openapi: '3.1.0',
    paths: { '/a/{id}': { post: { parameters: [{ name: 'p', in: 'query', schema: parameter }], requestBody: { content: { 'application/json': { schema: request } } }, responses: { 200: { content: { 'application/json': { schema: response } } } } } } },
    components: { schemas: { One, Two } },
  }),
);

/** The schemas that an operation comes to, with the sides from which it does. */
function reached(api: Tree): Map<Tree, Set<string>> {
  const schemas = at(api, 'components', 'schemas');
  const operation = at(api, 'paths', '/a/{id}', 'post');
  const found = new Map<Tree, Set<string>>();
  const visit = (node: Tree, side: string): void => {
    if (typeof node['$ref'] === 'string') return visit(at(schemas, node['$ref'].split('/').at(-1) ?? ''), side);
    const sides = found.get(node) ?? new Set<string>();
    if (sides.has(side)) return;
    found.set(node, sides.add(side));
    for (const child of [...Object.values((node['properties'] ?? {}) as Record<string, Tree>), ...((node['allOf'] ?? []) as Tree[]), ...(node['items'] ? [node['items'] as Tree] : [])]) visit(child, side);
  };
  visit(at(operation, 'requestBody', 'content', 'application/json', 'schema'), 'request');
  visit(at(operation, 'responses', '200', 'content', 'application/json', 'schema'), 'response');
  visit(((operation['parameters'] as Tree[])[0] ?? {})['schema'] as Tree, 'parameter');
  return found;
}

function at(tree: Tree, ...path: string[]): Tree {
  return path.reduce((node, key) => node[key] as Tree, tree);
}

/** One thing that can be changed in a schema, by what it is called, and what it is called the other way round. */
const CHANGES: readonly { readonly rule: string; readonly mirror: string; readonly fits: (node: Tree) => boolean; readonly make: (node: Tree) => void }[] = [
  { rule: 'max-length-lowered', mirror: 'max-length-raised', fits: (node) => 'maxLength' in node, make: (node) => (node['maxLength'] = 3) },
  { rule: 'pattern-added', mirror: 'pattern-removed', fits: ({ type }) => type === 'string', make: (node) => (node['pattern'] = '^a') },
  { rule: 'made-nullable', mirror: 'made-not-nullable', fits: ({ type }) => type === 'string' || type === 'integer', make: (node) => (node['type'] = [node['type'], 'null']) },
  { rule: 'type-widened', mirror: 'type-narrowed', fits: ({ type }) => type === 'integer', make: (node) => (node['type'] = 'number') },
  { rule: 'property-added', mirror: 'property-removed', fits: ({ type }) => type === 'object', make: (node) => ((node['properties'] as Tree)['fresh'] = { type: 'string' }) },
  { rule: 'property-made-required', mirror: 'property-made-optional', fits: ({ type }) => type === 'object', make: (node) => (node['required'] = Object.keys(node['properties'] as Tree).slice(0, 1)) },
  { rule: 'additional-properties-forbidden', mirror: 'additional-properties-allowed', fits: ({ type }) => type === 'object', make: (node) => (node['additionalProperties'] = false) },
  { rule: 'unique-items-added', mirror: 'unique-items-removed', fits: ({ type }) => type === 'array', make: (node) => (node['uniqueItems'] = true) },
  { rule: 'enum-added', mirror: 'enum-removed', fits: ({ type }) => type === 'boolean', make: (node) => (node['enum'] = [true]) },
  { rule: 'property-deprecated', mirror: 'property-undeprecated', fits: () => true, make: (node) => (node['deprecated'] = true) },
];

const rules = (before: unknown, after: unknown): string[] => compareApis({ before, after }).findings.map(({ rule }) => rule).toSorted();

describe('of one thing changed in a random document', () => {
  it('nothing is missed or invented, on the sides that come to it; the way back is the mirror', () => {
    let planted = 0;
    const seen = new Set<string>();
    fc.assert(
      fc.property(document, fc.nat(), fc.nat(), (before, pick, which) => {
        expect(rules(before, structuredClone(before))).toEqual([]);
        const after = structuredClone(before);
        const places = [...reached(after)].flatMap(([node, sides]) => (Array.isArray(node['allOf']) || sides.size === 0 ? [] : CHANGES.filter(({ fits }) => fits(node)).map((change) => ({ node, sides, change }))));
        const place = places[(pick * 31 + which) % Math.max(1, places.length)];
        if (!place) return;
        place.change.make(place.node);
        const expected = (id: string): string[] => [...place.sides].map((side) => `${side}-${id}`).toSorted();
        const told = (from: unknown, to: unknown): string[] => [...new Set(rules(from, to))].toSorted();
        expect(told(before, after)).toEqual(expected(place.change.rule));
        expect(told(after, before)).toEqual(expected(place.change.rule === 'property-added' ? 'property-removed' : place.change.mirror));
        planted += 1;
        seen.add(place.change.rule);
      }),
      { numRuns: 120, seed: 20_261_122 },
    );
    expect(planted).toBeGreaterThan(90);
    expect(seen.size).toBeGreaterThan(CHANGES.length / 2);
  });
});
