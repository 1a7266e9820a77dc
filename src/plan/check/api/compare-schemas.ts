import type { Finding } from '../finding.ts';
import { compareConditions } from './compare-conditions.ts';
import { compareMessageObjects } from './compare-message-objects.ts';
import { finding, MOST_OPERATIONS, type Change } from './api-finding.ts';
import { referenceOf } from './open-api.ts';
import { member, type Form, type Node } from './form.ts';
import { isMessageSide, sideOf, type MessageSide, type Place } from './schema-rules.ts';
import { NO_CONDITIONS } from './schema-conditions.ts';
import type { Choice, SchemaView, Schemas } from './schema-view.ts';
import { valueChanges, type SchemaChange } from './value-changes.ts';

/** So many pairs of schemas no honest document has. */
const MOST_PAIRS = 1_000_000;

/** A schema before and after. */
interface Pair {
  readonly old: Node;
  readonly fresh: Node;
  readonly place: Place | MessageSide;
  /** The first place where it was met. */
  readonly path: string;
  readonly root: boolean;
  readonly changes: Change[];
  readonly parents: Pair[];
}

interface PairOptions extends Pick<Pair, 'old' | 'fresh' | 'place' | 'path' | 'root'> {}

/** Two schemas of an operation. */
export interface SchemaUse {
  readonly before: unknown;
  readonly after: unknown;
  readonly place: Place | MessageSide;
  readonly path: string;
  readonly operation: string;
}

export interface SchemaComparisonOptions {
  readonly before: Schemas;
  readonly after: Schemas;
  readonly form: Form;
}

/**
 * Compares schemas wherever operations use them. Each pair is compared once for each place, however often it is used and
 * whatever circles its references make; a finding stands at the first place and names every operation that comes to it.
 */
export class SchemaComparison {
  readonly #before: Schemas;
  readonly #after: Schemas;
  readonly #form: Form;
  /** By the numbers of both schemas. */
  readonly #pairs = new Map<Place | MessageSide, Map<number, Pair>>();
  readonly #numbers = new Map<Node, number>();
  readonly #all: Pair[] = [];
  readonly #uses = new Map<Pair, Set<string>>();

  constructor({ before, after, form }: SchemaComparisonOptions) {
    this.#before = before;
    this.#after = after;
    this.#form = form;
  }

  /** @throws BANYAN_DOCUMENT */
  add({ before, after, place, path, operation }: SchemaUse): void {
    const pair = this.#pair({ old: this.#before.node(before, path), fresh: this.#after.node(after, path), place, path, root: true });
    this.#uses.set(pair, (this.#uses.get(pair) ?? new Set()).add(operation));
  }

  /** The types that either of two schemas allows. @throws BANYAN_DOCUMENT */
  typesOf({ before, after, path }: Pick<SchemaUse, 'before' | 'after' | 'path'>): ReadonlySet<string> {
    return new Set([...this.#before.view(this.#before.node(before, path), path).types, ...this.#after.view(this.#after.node(after, path), path).types]);
  }

  /** @throws BANYAN_DOCUMENT */
  findings(): readonly Finding[] {
    // Level by level below all operations, so that each pair is met on one of its shortest ways; the list grows meanwhile.
    for (const pair of this.#all) this.#compare(pair);
    return this.#all.filter(({ changes }) => changes.length > 0).flatMap((pair) => {
      const operations = this.#operationsOf(pair);
      return pair.changes.map((change) => finding(change, operations));
    });
  }

  /** The operations that come to a pair; of very many, one more than are named. */
  #operationsOf(changed: Pair): string[] {
    const operations = new Set<string>();
    const seen = new Set([changed]);
    for (const pair of seen) {
      for (const operation of this.#uses.get(pair) ?? []) {
        operations.add(operation);
        if (operations.size > MOST_OPERATIONS) return [...operations];
      }
      for (const parent of pair.parents) seen.add(parent);
    }
    return [...operations];
  }

  #pair(options: PairOptions): Pair {
    const { old, fresh, place, path } = options;
    const key = this.#number(this.#before.identity(old, path)) * 2 ** 26 + this.#number(this.#after.identity(fresh, path));
    const ofPlace = this.#pairs.get(place) ?? new Map<number, Pair>();
    this.#pairs.set(place, ofPlace);
    const known = ofPlace.get(key);
    if (known) return known;
    if (this.#all.length >= MOST_PAIRS) this.#form.refuse(path, `more than ${MOST_PAIRS} pairs of schemas to compare`, 'schemas that do not multiply each other');
    const pair: Pair = { ...options, changes: [], parents: [] };
    ofPlace.set(key, pair);
    this.#all.push(pair);
    return pair;
  }

  #number(node: Node): number {
    const number = this.#numbers.get(node) ?? this.#numbers.size;
    this.#numbers.set(node, number);
    return number;
  }

  #compare(pair: Pair): void {
    const { path, root } = pair;
    const [old, fresh] = [this.#before.view(pair.old, path), this.#after.view(pair.fresh, path)];
    const alone = this.#oneBecameSeveral(pair, old, fresh);
    if (alone) {
      this.#compareChoice(pair, ...alone);
      return;
    }
    const { changes, comparable } = valueChanges({ old, fresh, root, place: pair.place });
    for (const change of changes) this.#note(pair, change);
    if (!comparable) return;
    if (old.types.has('object') && fresh.types.has('object')) this.#compareObjects(pair, old, fresh);
    if (old.types.has('array') && fresh.types.has('array')) {
      this.#child(pair, old.items, fresh.items, 'items');
      for (let index = 0; index < Math.max(old.tuple.length, fresh.tuple.length); index += 1) this.#child(pair, old.tuple[index] ?? old.items, fresh.tuple[index] ?? fresh.items, `prefixItems.${index}`);
    }
    this.#compareConditions(pair, old, fresh);
    for (let index = 0; index < Math.max(old.choices.length, fresh.choices.length); index += 1) {
      const [from, to] = [old.choices[index], fresh.choices[index]];
      if (from && to) this.#compareChoice(pair, from, to);
      else this.#note(pair, from ? { id: 'choice-removed', description: `the choice of ${from.kind} was removed`, old: from.variants.length } : { id: 'choice-added', description: `a choice by ${to?.kind ?? 'oneOf'} was added`, fresh: to?.variants.length });
    }
  }

  #compareConditions(pair: Pair, old: SchemaView, fresh: SchemaView): void {
    if (old.conditions === NO_CONDITIONS && fresh.conditions === NO_CONDITIONS) return;
    const { changes, parts } = compareConditions({ old, fresh, typed: (side, schema, type) => (side === 'old' ? this.#before : this.#after).typed(schema, type, pair.path) });
    for (const change of changes) this.#note(pair, change);
    for (const part of parts) this.#child(pair, part.old, part.fresh, part.at);
  }

  /** A schema that has become one variant of several, or the other way round. */
  #oneBecameSeveral({ old: oldNode, fresh: freshNode, path }: Pair, old: SchemaView, fresh: SchemaView): [Choice, Choice] | undefined {
    const single = (node: Node, schemas: Schemas, several: { readonly node: Node; readonly view: SchemaView; readonly schemas: Schemas }): Choice | undefined => {
      const [choice, ...more] = several.view.choices;
      if (!choice || more.length > 0 || !isChoiceAlone(several.schemas.identity(several.node, path))) return undefined;
      const [reference, text] = [referenceOf(node), schemas.fingerprint(node, path)];
      const known = choice.variants.some((variant) => (reference !== undefined && referenceOf(variant) === reference) || several.schemas.fingerprint(variant, path) === text);
      return known ? { kind: choice.kind, variants: [node] } : undefined;
    };
    if (old.choices.length === 0 && fresh.choices[0]) {
      const before = single(old.only ?? oldNode, this.#before, { node: freshNode, view: fresh, schemas: this.#after });
      return before && [before, fresh.choices[0]];
    }
    if (fresh.choices.length === 0 && old.choices[0]) {
      const after = single(fresh.only ?? freshNode, this.#after, { node: oldNode, view: old, schemas: this.#before });
      return after && [old.choices[0], after];
    }
    return undefined;
  }

  #compareObjects(pair: Pair, old: SchemaView, fresh: SchemaView): void {
    const { place, path } = pair;
    if (isMessageSide(place)) {
      const { changes, parts } = compareMessageObjects(old, fresh);
      for (const change of changes) this.#note(pair, change);
      for (const part of parts) this.#child(pair, part.old, part.fresh, part.at);
      this.#compareAdditional(pair, old.additional, fresh.additional);
      return;
    }
    const side = sideOf(place);
    const hidden = ({ readOnly, writeOnly }: SchemaView): boolean => (side === 'request' ? readOnly : writeOnly);
    const [before, after] = [namesOf(old), namesOf(fresh)];
    for (const name of new Set([...before, ...after])) {
      const at = `properties.${name}`;
      const where = `${path}.${at}`;
      const [from, to] = [this.#before.node(old.properties.get(name), where), this.#after.node(fresh.properties.get(name), where)];
      const same = before.has(name) && after.has(name) && isSameLeaf(from, to);
      if (same && old.required.has(name) === fresh.required.has(name)) continue;
      const [was, is] = [before.has(name) && !hidden(this.#before.view(from, where)), after.has(name) && !hidden(this.#after.view(to, where))];
      const quoted = `property ${name}`;
      if (was && is) {
        const [needed, needs] = [old.required.has(name), fresh.required.has(name)];
        if (needed !== needs) this.#note(pair, { id: needs ? 'property-made-required' : 'property-made-optional', at, description: `${quoted} is ${needs ? 'required' : 'optional'} now`, old: needed, fresh: needs });
        this.#child(pair, from, to, at);
      } else if (was && after.has(name)) {
        this.#note(pair, side === 'request' ? { id: 'property-made-read-only', at, description: `${quoted} is read-only now`, old: false, fresh: true } : { id: 'property-made-write-only', at, description: `${quoted} is write-only now`, old: false, fresh: true });
      } else if (is && before.has(name)) {
        const needs = side === 'request' && fresh.required.has(name);
        this.#note(pair, needs ? { id: 'property-made-required', at, description: `${quoted} is writable and required now`, old: false, fresh: true } : { id: side === 'request' ? 'property-made-writable' : 'property-made-readable', at, description: `${quoted} is ${side === 'request' ? 'writable' : 'readable'} now`, old: true, fresh: false });
      } else if (was) {
        const closed = side === 'request' && fresh.additional === false;
        this.#note(pair, { id: closed ? 'closed-property-removed' : 'property-removed', at, description: `${quoted} was removed`, old: name });
      } else if (is) {
        this.#note(pair, { id: fresh.required.has(name) ? 'required-property-added' : 'property-added', at, description: `${fresh.required.has(name) ? 'required' : 'optional'} ${quoted} was added`, fresh: name });
      }
    }
    this.#compareAdditional(pair, old.additional, fresh.additional);
  }

  #compareAdditional(pair: Pair, open: boolean | Node, opens: boolean | Node): void {
    if (open === false || opens === false) {
      if (open !== opens) this.#note(pair, { id: opens === false ? 'additional-properties-forbidden' : 'additional-properties-allowed', at: 'additionalProperties', description: `other properties are ${opens === false ? 'no longer allowed' : 'allowed now'}`, old: open !== false, fresh: opens !== false });
    } else if (open !== opens || open !== true) this.#child(pair, open, opens, 'additionalProperties');
  }

  #compareChoice(pair: Pair, from: Choice, to: Choice): void {
    if (isMessageSide(pair.place) && to.kind === 'oneOf' && this.#before.fingerprint(from.variants, pair.path) !== this.#after.fingerprint(to.variants, pair.path)) {
      this.#note(pair, { id: 'one-of-changed', description: 'a value may fit more than one variant of oneOf now, or fewer' });
    }
    if (from.kind !== to.kind && from.variants.length > 1 && to.variants.length > 1) this.#note(pair, { id: 'choice-kind-changed', description: `${from.kind} has become ${to.kind}`, old: from.kind, fresh: to.kind });
    const left = new Set(to.variants);
    const unmatched: Node[] = [];
    const match = (variant: Node, other: Node): void => {
      left.delete(other);
      this.#child(pair, variant, other, `${to.kind}.${nameOf(other) ?? to.variants.indexOf(other)}`);
    };
    const rounds: ((variant: Node, schemas: Schemas) => string | undefined)[] = [nameOf, (variant, schemas) => shapeOf(schemas.view(variant, pair.path))];
    let open: readonly Node[] = from.variants;
    for (const key of rounds) {
      unmatched.length = 0;
      const byKey = new Map<string, Node[]>();
      for (const variant of left) {
        const name = key(variant, this.#after);
        if (name !== undefined) byKey.set(name, [...(byKey.get(name) ?? []), variant]);
      }
      for (const variant of open) {
        const name = key(variant, this.#before);
        const other = name === undefined ? undefined : byKey.get(name)?.shift();
        if (other) match(variant, other);
        else unmatched.push(variant);
      }
      open = [...unmatched];
    }
    if (open.length === left.size && from.variants.length === to.variants.length && open.every((variant) => nameOf(variant) === undefined)) {
      const rest = [...left];
      open.forEach((variant, index) => match(variant, rest[index] ?? variant));
      return;
    }
    const label = (variant: Node, among: Choice): string => nameOf(variant) ?? `number ${among.variants.indexOf(variant) + 1}`;
    for (const variant of open) this.#note(pair, { id: 'variant-removed', at: `${from.kind}.${nameOf(variant) ?? from.variants.indexOf(variant)}`, description: `the variant ${label(variant, from)} was removed`, old: label(variant, from) });
    for (const variant of left) this.#note(pair, { id: 'variant-added', at: `${to.kind}.${nameOf(variant) ?? to.variants.indexOf(variant)}`, description: `the variant ${label(variant, to)} was added`, fresh: label(variant, to) });
  }

  #child(parent: Pair, old: unknown, fresh: unknown, at: string): void {
    if (old === undefined && fresh === undefined) return;
    const path = `${parent.path}.${at}`;
    const pair = this.#pair({ old: this.#before.node(old, path), fresh: this.#after.node(fresh, path), place: parent.place, path, root: false });
    pair.parents.push(parent);
  }

  #note({ place, path, changes }: Pair, { id, at, ...change }: SchemaChange): void {
    changes.push({ ...change, rule: `${place}-${id}`, path: at === undefined ? path : `${path}.${at}` });
  }
}

/** Whether two schemas say the same word for word, without parts or references: most are, and need no closer look. */
function isSameLeaf(old: Node, fresh: Node): boolean {
  const keys = Object.keys(old);
  return keys.length === Object.keys(fresh).length && keys.every((key) => key !== '$ref' && typeof old[key] !== 'object' && Object.hasOwn(fresh, key) && old[key] === fresh[key]);
}

/** Those that are required are there, also where nobody describes them. */
function namesOf({ properties, required }: SchemaView): Set<string> {
  return new Set([...properties.keys(), ...required]);
}

/** What a variant is called: by its reference, or its title. */
function nameOf(variant: Node): string | undefined {
  const title = member(variant, 'title');
  return referenceOf(variant)?.split('/').at(-1) ?? (typeof title === 'string' ? title : undefined);
}

/** Enough to know a variant without a name again. */
function shapeOf({ types, formats, properties, values }: SchemaView): string {
  return JSON.stringify([[...types].toSorted(), [...formats], [...properties.keys()].toSorted(), [...(values?.keys() ?? [])].length]);
}

/** Whether a schema says nothing but a choice, for machines. */
function isChoiceAlone(schema: Node): boolean {
  return Object.keys(schema).every((key) => CHOICE_KEYWORDS.has(key));
}

const CHOICE_KEYWORDS = new Set(['oneOf', 'anyOf', 'discriminator', 'title', 'description', 'example', 'examples', 'deprecated', 'externalDocs', 'xml', '$schema', '$id', '$defs', 'definitions', '$comment']);
