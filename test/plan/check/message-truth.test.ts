import { Ajv2020 } from 'ajv/dist/2020.js';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { compareMessages } from '../../../src/plan/check/message/compare-messages.ts';

/*
 * The truth is the validator: of two schemas, what is said to break nobody must refuse no message that the other side
 * may write, and for what is said to break there must be a message that shows it.
 */

type Tree = { [key: string]: unknown };

const texts = fc.record({ type: fc.constant('string'), maxLength: fc.constantFrom(3, 4) });
const numbers = fc.record({ type: fc.constantFrom('integer', 'number'), minimum: fc.constantFrom(0, 1) });
const values = fc.constantFrom<Tree>({ enum: ['a', 'b'] }, { const: 7 }, { type: 'boolean' }, { type: ['string', 'null'] }, {});
const { schema } = fc.letrec<{ schema: Tree }>((tie) => ({
  schema: fc.oneof(
    { maxDepth: 2, withCrossShrink: true }, texts, numbers, values,
    fc.record({ type: fc.constant('array'), items: tie('schema'), maxItems: fc.constant(3) }),
    fc.tuple(fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('schema'), { minKeys: 1, maxKeys: 2 }), fc.boolean(), fc.boolean()).map(([properties, first, closed]): Tree => ({ type: 'object', properties, ...(first ? { required: Object.keys(properties).slice(0, 1) } : {}), ...(closed ? { additionalProperties: false } : {}) })),
    fc.record({ anyOf: fc.tuple(texts, numbers) }), fc.record({ oneOf: fc.tuple(texts, fc.constant({ type: 'boolean' })) }),
    fc.constant<Tree>({ $ref: '#/$defs/Node' }), fc.record({ allOf: fc.tuple(texts, fc.constant<Tree>({ minLength: 1 })) }),
  ),
}));
const message = fc.record({ body: schema, leaf: fc.oneof(texts, numbers) }).map(({ body, leaf }): Tree => ({
  type: 'object', properties: { body }, required: ['body'], $defs: { Node: { type: 'object', properties: { leaf, next: { $ref: '#/$defs/Node' } }, required: ['leaf'] } },
}));

/** Every schema in a schema. */
function parts(node: Tree): Tree[] {
  const children = [...Object.values((node['properties'] ?? {}) as Record<string, Tree>), ...Object.values((node['$defs'] ?? {}) as Record<string, Tree>), ...((node['anyOf'] ?? node['oneOf'] ?? node['allOf'] ?? []) as Tree[]), ...(node['items'] ? [node['items'] as Tree] : [])];
  return [node, ...children.flatMap(parts)];
}

const CHANGES: readonly { readonly fits: (node: Tree) => boolean; readonly make: (node: Tree) => void }[] = [
  { fits: (node) => 'maxLength' in node, make: (node) => (node['maxLength'] = 2) }, { fits: (node) => 'maxLength' in node, make: (node) => delete node['maxLength'] },
  { fits: (node) => 'minimum' in node, make: (node) => (node['minimum'] = 2) }, { fits: ({ type }) => type === 'integer', make: (node) => (node['type'] = 'number') },
  { fits: ({ type }) => type === 'number', make: (node) => (node['type'] = 'integer') }, { fits: ({ type }) => type === 'string' || type === 'integer', make: (node) => (node['type'] = [node['type'], 'null']) },
  { fits: (node) => 'enum' in node, make: (node) => (node['enum'] = ['a']) }, { fits: (node) => 'enum' in node, make: (node) => (node['enum'] = ['a', 'b', 'c']) },
  { fits: ({ type }) => type === 'boolean', make: (node) => (node['type'] = 'string') }, { fits: ({ type }) => type === 'string', make: (node) => (node['pattern'] = '^a') },
  { fits: ({ type }) => type === 'object', make: (node) => ((node['properties'] as Tree)['d'] = { type: 'string' }) }, { fits: ({ type }) => type === 'object', make: (node) => (node['additionalProperties'] = false) },
  { fits: (node) => node['additionalProperties'] === false, make: (node) => delete node['additionalProperties'] }, { fits: ({ type }) => type === 'object', make: (node) => (node['required'] = Object.keys(node['properties'] as Tree)) },
  { fits: ({ required }) => required !== undefined, make: (node) => delete node['required'] },
  { fits: ({ properties }) => properties !== undefined && Object.keys(properties as Tree).length > 1, make: (node) => delete (node['properties'] as Tree)[Object.keys(node['properties'] as Tree)[0] ?? ''] },
  { fits: (node) => 'maxItems' in node, make: (node) => (node['maxItems'] = 1) }, { fits: ({ anyOf }) => anyOf !== undefined, make: (node) => (node['anyOf'] = [...(node['anyOf'] as Tree[]), { type: 'boolean' }]) },
  { fits: ({ oneOf }) => oneOf !== undefined, make: (node) => (node['oneOf'] = [...(node['oneOf'] as Tree[]), { type: 'string' }]) }, { fits: ({ type }) => type === 'array', make: (node) => delete node['items'] },
];

/** Messages near the edges of what either schema allows: a few of each part, and some that fit nothing. */
class Messages {
  readonly #sides: readonly Tree[];
  #state: number;

  constructor(sides: readonly Tree[], seed: number) {
    this.#sides = sides;
    this.#state = seed;
  }

  one(): unknown {
    return this.#of(this.#sides.map((root) => ({ root, node: root })), 0);
  }

  #pick<T>(from: readonly T[]): T | undefined {
    this.#state = (Math.imul(this.#state, 1_103_515_245) + 12_345) & 0x7f_ff_ff_ff;
    return from[(this.#state >>> 8) % Math.max(1, from.length)];
  }

  #of(nodes: readonly { readonly root: Tree; readonly node: Tree }[], depth: number): unknown {
    const chosen = this.#pick(nodes);
    if (!chosen || this.#pick([1, 2, 3, 4, 5, 6, 7, 8, 9, 0]) === 0) return this.#pick(['', 'a', 'bb', 'aaaa', 'zzzzz', 0, 1, 1.5, 7, -1, true, null, [], {}, { d: 1 }, ['a', 'b']]);
    const { root, node } = chosen;
    if (typeof node['$ref'] === 'string') return depth > 6 ? null : this.#of(nodes.map((each) => ({ root: each.root, node: typeof each.node['$ref'] === 'string' ? ((each.root['$defs'] as Tree)['Node'] as Tree) : each.node })), depth + 1);
    const variants = (node['anyOf'] ?? node['oneOf'] ?? node['allOf']) as Tree[] | undefined;
    if (variants) return this.#of(variants.map((variant) => ({ root, node: variant })), depth + 1);
    if (Array.isArray(node['enum'])) return this.#pick([...(node['enum'] as unknown[]), 'c']);
    if ('const' in node) return node['const'];
    const type = this.#pick(Array.isArray(node['type']) ? (node['type'] as string[]) : [node['type'] ?? 'string']);
    if (type === 'string') return this.#pick(['', 'a', 'ab', 'zz', 'aaa', 'zzz', 'aaaa', 'zzzz', 'aaaaaa']);
    if (type === 'integer' || type === 'number') return this.#pick([-1, 0, 1, 2, 3, 0.5, 1.5, 2.5]);
    if (type === 'boolean') return this.#pick([true, false]);
    if (type === 'null') return null;
    if (type === 'array') return Array.from({ length: this.#pick([0, 1, 1, 2, 3, 4]) ?? 0 }, () => this.#of(this.#below(nodes, 'items'), depth + 1));
    return Object.fromEntries(['body', 'leaf', 'next', 'a', 'b', 'c', 'd', 'e'].flatMap((name) => {
      const known = nodes.flatMap((each) => { const property = ((each.node['properties'] ?? {}) as Record<string, Tree>)[name]; return property ? [{ root: each.root, node: property }] : []; });
      if (known.length === 0) return this.#pick([1, 2, 3, 4, 5, 6]) === 1 ? [[name, this.#pick(['x', 1])]] : [];
      return name === 'next' && depth > 3 ? [] : this.#pick([1, 2, 3, 4]) === 1 ? [] : [[name, this.#of(known, depth + 1)]];
    }));
  }

  #below(nodes: readonly { readonly root: Tree; readonly node: Tree }[], key: string) {
    return nodes.flatMap(({ root, node }) => (node[key] ? [{ root, node: node[key] as Tree }] : []));
  }
}

const count = { silent: 0, told: 0, unsure: 0, same: 0 };

it('what is said to break nobody breaks nobody, and what is said to break is shown by a message', () => {
  fc.assert(
    fc.property(message, fc.nat(), fc.nat(), fc.constantFrom('backward' as const, 'forward' as const), fc.boolean(), (before, pick, seed, side, turned) => {
      const after = structuredClone(before);
      const places = parts(after).slice(1).flatMap((node) => CHANGES.filter(({ fits }) => fits(node)).map((change) => ({ node, change })));
      const place = places[pick % Math.max(1, places.length)];
      place?.change.make(place.node);
      const [old, fresh] = turned ? [after, before] : [before, after];
      const severities = new Set(compareMessages({ before: old, after: fresh, compatibility: side }).findings.map(({ severity }) => severity));
      const ajv = new Ajv2020({ strict: false });
      const [isOld, isFresh] = [ajv.compile(old), ajv.compile(fresh)];
      const [writes, reads] = side === 'backward' ? [isOld, isFresh] : [isFresh, isOld];
      const messages = new Messages([old, fresh], seed);
      const breaking = severities.has('breaking');
      let witness: unknown;
      for (let n = 0; n < (breaking ? 30_000 : 600) && witness === undefined; n += 1) {
        const one = messages.one();
        if (writes(one) && !reads(one)) witness = one;
      }
      const said = `${side}: ${JSON.stringify(old)} to ${JSON.stringify(fresh)}: ${[...severities].join()}`;
      if (witness !== undefined && !breaking && !severities.has('potentially_breaking')) throw new Error(`${said}; refused all the same: ${JSON.stringify(witness)}`);
      if (breaking && witness === undefined) throw new Error(`${said}; no message shows it`);
      count[breaking ? 'told' : severities.has('potentially_breaking') ? 'unsure' : severities.size > 0 ? 'silent' : 'same'] += 1;
    }),
    { numRuns: Number(process.env['RUNS'] ?? 150), seed: Number(process.env['SEED'] ?? 20_261_122) },
  );
  // Each kind of verdict was put to the proof.
  expect(Math.min(count.silent, count.told)).toBeGreaterThan(20);
});
