import { canonical, isNode, member, type Node } from './form.ts';
import { fingerprints } from './fingerprint.ts';
import { normalBounds, normalValues } from './normal-form.ts';
import { CONDITION_KEYWORDS, ConditionGathering, NO_CONDITIONS, type Conditions } from './schema-conditions.ts';
import { referenceOf, type OpenApi } from './open-api.ts';

export const BOUNDS = ['minLength', 'maxLength', 'minimum', 'maximum', 'minItems', 'maxItems', 'minProperties', 'maxProperties'] as const;
export type BoundName = (typeof BOUNDS)[number];

/** How far a value may go. */
export interface Bound {
  readonly value: number;
  /** Whether the value itself is outside. */
  readonly exclusive: boolean;
}

/** What a list of `oneOf` or `anyOf` offers. */
export interface Choice {
  readonly kind: 'oneOf' | 'anyOf';
  readonly variants: readonly Node[];
}

/** What a schema says, with references followed and `allOf` merged. */
export interface SchemaView {
  /** Without `null`; `number` has `integer` beside it. */
  readonly types: ReadonlySet<string>;
  readonly nullable: boolean;
  /** The values of `enum` and `const` by one text each; absent where any value may be. */
  readonly values?: ReadonlyMap<string, unknown>;
  readonly bounds: ReadonlyMap<BoundName, Bound>;
  readonly formats: ReadonlySet<string>;
  readonly patterns: ReadonlySet<string>;
  readonly multiples: ReadonlySet<number>;
  readonly uniqueItems: boolean;
  readonly properties: ReadonlyMap<string, Node>;
  readonly required: ReadonlySet<string>;
  /** A schema, or whether other properties may be there. */
  readonly additional: boolean | Node;
  readonly items?: Node;
  readonly tuple: readonly Node[];
  readonly choices: readonly Choice[];
  /** The variant of a choice that leaves none. */
  readonly only?: Node;
  readonly discriminator?: { readonly property: string; readonly mapping: ReadonlyMap<string, string> };
  /** Absent: none; the value may be null. */
  readonly default?: { readonly value: unknown };
  readonly deprecated: boolean;
  readonly readOnly: boolean;
  readonly writeOnly: boolean;
  readonly conditions: Conditions;
  /** One text for all that may look at a property or item where `unevaluated` has a word; else empty. */
  readonly looked: string;
  /** Keywords that are compared as a whole, by their content. */
  readonly others: ReadonlyMap<string, string>;
}

/** Schemas of one document. */
export interface Schemas {
  /** A schema as an object: `true` and what is missing allow all, `false` nothing. @throws BANYAN_DOCUMENT */
  readonly node: (schema: unknown, path: string) => Node;
  /** Once for each schema. @throws BANYAN_DOCUMENT where it has another form, under this path. */
  readonly view: (node: Node, path: string) => SchemaView;
  /** The object that stands for a schema wherever it is used: what a bare reference leads to, else the schema itself. @throws BANYAN_DOCUMENT */
  readonly identity: (node: Node, path: string) => Node;
  /** A schema that is of this type besides. @throws BANYAN_DOCUMENT */
  readonly typed: (schema: unknown, type: string, path: string) => Node;
  /** One text for a value and all that it refers to. @throws BANYAN_DOCUMENT */
  readonly fingerprint: (value: unknown, path: string) => string;
}

const ALL_TYPES = ['string', 'number', 'integer', 'boolean', 'object', 'array'] as const;
const KNOWN_TYPES: ReadonlySet<unknown> = new Set([...ALL_TYPES, 'null']);
const ANY: Node = {};
const NEVER: Node = { not: {} };
const ADDITIONAL = ['additionalProperties', 'unevaluatedProperties'];
const NO_NODES: readonly Node[] = [];

/** Compared as a whole: what they allow can't be set against each other piece by piece. */
const WHOLE = ['unevaluatedItems', 'contentEncoding', 'contentMediaType', 'contentSchema'];
/** What looks at properties or items without naming them on its own level. */
const LOOKING = ['if', 'then', 'else', 'dependentSchemas', 'contains', 'oneOf', 'anyOf'];

export function schemasOf(api: OpenApi): Schemas {
  const views = new WeakMap<Node, SchemaView>();
  const { node, together } = nodes(api);
  const fingerprint = fingerprints(api);
  return {
    node, fingerprint,
    typed: (schema, type, path) => together([typeNode(type), ...(schema === undefined ? [] : [node(schema, path)])], path),
    view(schema, path) {
      const known = views.get(schema);
      if (known) return known;
      const view = new Merging({ api, path, node, together, fingerprint }).viewOf(schema);
      views.set(schema, view);
      return view;
    },
    identity: (schema, path) => (isBareReference(api, schema) ? api.resolve(schema, path) : schema),
  };
}

interface Making {
  readonly api: OpenApi;
  readonly path: string;
  readonly node: (schema: unknown, path: string) => Node;
  readonly together: (schemas: readonly Node[], path: string) => Node;
  readonly fingerprint: (value: unknown, path: string) => string;
}

/** Schemas as objects, each with one identity: what several say together is made once. */
function nodes(api: OpenApi): Pick<Making, 'node' | 'together'> {
  const ids = new WeakMap<Node, number>();
  const made = new Map<string, Node>();
  let last = 0;
  const idOf = (schema: Node): number => {
    const id = ids.get(schema) ?? (last += 1);
    ids.set(schema, id);
    return id;
  };
  return {
    node: (schema, path) => (schema === undefined || schema === true ? ANY : schema === false ? NEVER : isNode(schema) ? schema : api.form.refuse(path, Array.isArray(schema) ? 'a list' : JSON.stringify(schema), 'a schema')),
    together(schemas, path) {
      const [first = ANY, ...more] = schemas;
      if (more.length === 0) return first;
      // By what the references lead to, so that a recursion comes back to the same.
      const parts = [...new Set(schemas.map((schema) => (isBareReference(api, schema) ? api.resolve(schema, path) : schema)))];
      const key = parts.map(idOf).toSorted((a, b) => a - b).join();
      const known = made.get(key);
      if (known) return known;
      const both: Node = { allOf: parts };
      made.set(key, both);
      return both;
    },
  };
}

const TYPE_NODES = new Map<string, Node>();

/** One object for each type, so that what is made of it is made once. */
function typeNode(type: string): Node {
  const known = TYPE_NODES.get(type) ?? { type };
  TYPE_NODES.set(type, known);
  return known;
}

function isBareReference(api: OpenApi, schema: Node): boolean {
  return referenceOf(schema) !== undefined && (!api.siblings || Object.keys(schema).length === 1);
}

interface MutableView {
  types: Set<string> | undefined;
  nullable: boolean | undefined;
  nullAllowed: boolean;
  /** Null is one of several variants, so that the values of the others say nothing of it. */
  nullByChoice: boolean;
  nullAmongValues: boolean;
  values: Map<string, unknown> | undefined;
  default: { readonly value: unknown } | undefined;
  discriminator: NonNullable<SchemaView['discriminator']> | undefined;
  additional: boolean | Node[];
  only: Node | undefined;
}

/** One schema's view: its parts, those of its `allOf`, and so on, each narrowing what the others leave. */
class Merging {
  readonly #make: Making;
  readonly #seen = new Set<Node>();
  readonly #stack: Node[] = [];
  readonly #v: MutableView = { types: undefined, nullable: undefined, nullAllowed: false, nullByChoice: false, nullAmongValues: true, values: undefined, default: undefined, discriminator: undefined, additional: true, only: undefined };
  readonly #bounds = new Map<BoundName, Bound>();
  readonly #sets = { formats: new Set<string>(), patterns: new Set<string>(), multiples: new Set<number>(), required: new Set<string>() };
  readonly #properties = new Map<string, Node[]>();
  readonly #items: Node[] = [];
  readonly #tuple: Node[][] = [];
  readonly #choices: Choice[] = [];
  readonly #flags = { uniqueItems: false, deprecated: false, readOnly: false, writeOnly: false };
  readonly #others = new Map<string, string>();
  #conditions: ConditionGathering | undefined;
  readonly #parts: Node[] = [];

  constructor(making: Making) {
    this.#make = making;
  }

  viewOf(schema: Node): SchemaView {
    const { api, path, together } = this.#make;
    this.#stack.push(schema);
    for (let next = this.#stack.pop(); next !== undefined; next = this.#stack.pop()) {
      const part = next;
      if (this.#seen.has(part)) continue;
      this.#seen.add(part);
      if (referenceOf(part) !== undefined) {
        this.#stack.push(api.resolve(part, path));
        if (!api.siblings) continue;
      }
      this.#take(part);
    }
    const conditions = this.#conditions?.gathered() ?? NO_CONDITIONS;
    const { types = api.untyped === 'any' ? undefined : this.#typesByContent(), values, default: byDefault, discriminator, additional, only, nullAllowed, nullAmongValues, nullByChoice, nullable } = this.#v;
    const says = types !== undefined || values !== undefined || this.#choices.length > 0;
    const full = new Set<string>(types ?? (values ? typesOfValues(values) : ALL_TYPES));
    if (full.has('number')) full.add('integer');
    const possible = normalValues(values, full);
    return {
      types: full, nullable: nullByChoice || (nullAmongValues && (nullAllowed || (nullable ?? !says))),
      ...(possible ? { values: possible } : {}), bounds: normalBounds(this.#bounds, full), conditions, looked: conditions.unevaluated ? this.#looked() : '', ...this.#sets, ...this.#flags,
      properties: new Map([...this.#properties].map(([name, schemas]) => [name, together(schemas, path)])),
      additional: typeof additional === 'boolean' ? additional : together(additional, path),
      ...(this.#items.length > 0 ? { items: together(this.#items, path) } : {}), tuple: this.#tuple.map((schemas) => together(schemas, path)),
      choices: this.#choices, ...(only ? { only } : {}), ...(discriminator ? { discriminator } : {}), ...(byDefault ? { default: byDefault } : {}), others: this.#others,
    };
  }

  #looked(): string {
    const { fingerprint, path } = this.#make;
    return this.#parts.flatMap((part) => LOOKING.filter((key) => member(part, key) !== undefined).map((key) => `${key} ${fingerprint(part[key], `${path}.${key}`)}`)).toSorted().join('\n');
  }

  #take(part: Node): void {
    const { form } = this.#make.api;
    const { path, node } = this.#make;
    const at = (key: string): string => `${path}.${key}`;
    const list = (key: string): readonly Node[] => {
      const value = member(part, key);
      return value === undefined ? NO_NODES : form.list(value, at(key)).map((each, index) => node(each, `${at(key)}.${index}`));
    };
    const text = (key: string): string | undefined => {
      const value = member(part, key);
      return value === undefined ? undefined : form.optionalText(value, at(key));
    };
    this.#stack.push(...list('allOf').toReversed());
    this.#takeTypes(part);
    this.#takeValues(part);
    this.#takeBounds(part);
    const format = text('format');
    if (format !== undefined) this.#sets.formats.add(format);
    const pattern = text('pattern');
    if (pattern !== undefined) this.#sets.patterns.add(pattern);
    const multiple = form.optionalNumber(member(part, 'multipleOf'), at('multipleOf'));
    if (multiple !== undefined) this.#sets.multiples.add(multiple);
    for (const [name, schema] of Object.entries(form.optionalObject(member(part, 'properties'), at('properties')))) {
      const found = node(schema, `${at('properties')}.${name}`);
      const known = this.#properties.get(name);
      if (known) known.push(found);
      else this.#properties.set(name, [found]);
    }
    for (const name of form.list(member(part, 'required'), at('required'))) this.#sets.required.add(form.text(name, at('required')));
    for (const key of ADDITIONAL) this.#takeAdditional(member(part, key), key);
    const items = member(part, 'items');
    if (items !== undefined) this.#items.push(node(items, at('items')));
    list('prefixItems').forEach((schema, index) => (this.#tuple[index] ??= []).push(schema));
    for (const kind of ['oneOf', 'anyOf'] as const) this.#takeChoice(kind, list(kind));
    this.#takeDiscriminator(member(part, 'discriminator'), at('discriminator'));
    this.#parts.push(part);
    if (CONDITION_KEYWORDS.some((key) => member(part, key) !== undefined)) (this.#conditions ??= new ConditionGathering({ ...this.#make, form })).take(part);
    if (Object.hasOwn(part, 'default')) this.#v.default ??= { value: part['default'] };
    for (const flag of ['uniqueItems', 'deprecated', 'readOnly', 'writeOnly'] as const) if (member(part, flag) === true) this.#flags[flag] = true;
    for (const key of WHOLE) {
      const value = member(part, key);
      if (value === undefined) continue;
      this.#others.set(key, `${this.#others.get(key) ?? ''}${this.#make.fingerprint(value, at(key))}`);
    }
  }

  #takeTypes(part: Node): void {
    const { form } = this.#make.api;
    const path = `${this.#make.path}.type`;
    const type = member(part, 'type');
    if (member(part, 'nullable') === true || type === 'null') this.#v.nullAllowed = true;
    if (isNever(part)) this.#v.types = new Set();
    if (type === undefined) return;
    const named = (Array.isArray(type) ? type : [type]).map((each: unknown) => (KNOWN_TYPES.has(each) ? form.text(each, path) : form.refuse(path, JSON.stringify(each) ?? 'nothing', `one of ${[...KNOWN_TYPES].join(', ')}`)));
    this.#v.nullable = (this.#v.nullable ?? true) && named.includes('null');
    const types = new Set(named.filter((name) => name !== 'null'));
    this.#v.types = this.#v.types ? shared(this.#v.types, types) : types;
  }

  #takeValues(part: Node): void {
    const listed = member(part, 'enum');
    const among = listed === undefined ? undefined : this.#make.api.form.list(listed, `${this.#make.path}.enum`);
    const only = Object.hasOwn(part, 'const') ? canonical(part['const']) : undefined;
    const values = only === undefined ? among : [part['const']].filter(() => among?.some((value) => canonical(value) === only) ?? true);
    if (!values) return;
    const known = this.#v.values;
    this.#v.values = new Map(values.filter((value) => value !== null).map((value): [string, unknown] => [canonical(value), value]).filter(([text]) => known?.has(text) ?? true));
    if (!values.includes(null)) this.#v.nullAmongValues = false;
    if (member(part, 'type') === undefined) this.#v.nullable = (this.#v.nullable ?? true) && values.includes(null);
  }

  #takeBounds(part: Node): void {
    const { form } = this.#make.api;
    for (const name of BOUNDS) {
      const given = member(part, name);
      const value = given === undefined ? undefined : form.optionalNumber(given, `${this.#make.path}.${name}`);
      const exclusiveKey = name === 'minimum' ? 'exclusiveMinimum' : name === 'maximum' ? 'exclusiveMaximum' : undefined;
      const exclusive = exclusiveKey === undefined ? undefined : member(part, exclusiveKey);
      if (value !== undefined) this.#bound(name, { value, exclusive: exclusive === true });
      if (typeof exclusive === 'number') this.#bound(name, { value: exclusive, exclusive: true });
    }
  }

  #bound(name: BoundName, bound: Bound): void {
    const known = this.#bounds.get(name);
    if (known === undefined || isTighter(name, bound, known)) this.#bounds.set(name, bound);
  }

  #takeAdditional(value: unknown, key: string): void {
    if (value === undefined || value === true) return;
    const path = `${this.#make.path}.${key}`;
    const before = this.#v.additional;
    if (value === false || before === false) this.#v.additional = false;
    else this.#v.additional = [...(before === true ? [] : before), this.#make.node(value, path)];
  }

  /** `null` among the variants makes nullable; a single variant is no choice. */
  #takeChoice(kind: Choice['kind'], variants: readonly Node[]): void {
    const others = variants.filter((variant) => member(variant, 'type') !== 'null');
    if (others.length < variants.length) this.#v.nullByChoice = true;
    const [only] = others;
    if (others.length > 1) this.#choices.push({ kind, variants: others });
    else if (only) {
      this.#v.only = only;
      this.#stack.push(only);
    }
  }

  #takeDiscriminator(value: unknown, path: string): void {
    if (value === undefined) return;
    const { form } = this.#make.api;
    const discriminator = form.object(value, path);
    const mapping = Object.entries(form.optionalObject(member(discriminator, 'mapping'), `${path}.mapping`)).map(([name, target]): [string, string] => [name, form.text(target, `${path}.mapping.${name}`)]);
    this.#v.discriminator ??= { property: form.text(member(discriminator, 'propertyName'), `${path}.propertyName`), mapping: new Map(mapping) };
  }

  /** What has properties is an object, and what has items is a list, also where the author left the type out. */
  #typesByContent(): Set<string> | undefined {
    if (this.#properties.size > 0 || this.#sets.required.size > 0 || this.#v.additional !== true) return new Set(['object']);
    return this.#items.length > 0 || this.#tuple.length > 0 ? new Set(['array']) : undefined;
  }
}

/** Whether `a` leaves fewer values than `b`. */
export function isTighter(name: BoundName, a: Bound, b: Bound): boolean {
  if (a.value === b.value) return a.exclusive && !b.exclusive;
  return name.startsWith('min') ? a.value > b.value : a.value < b.value;
}

function isNever(part: Node): boolean {
  const not = member(part, 'not');
  return isNode(not) && Object.keys(not).length === 0;
}

function shared(a: ReadonlySet<string>, b: ReadonlySet<string>): Set<string> {
  const both = new Set([...a].filter((type) => b.has(type)));
  if ((a.has('integer') && b.has('number')) || (a.has('number') && b.has('integer'))) both.add('integer');
  return both;
}

function typesOfValues(values: ReadonlyMap<string, unknown>): string[] {
  return [...values.values()].map((value) => (Array.isArray(value) ? 'array' : typeof value));
}
