import { isNode, member, type Form, type Node } from './form.ts';

/** At least so many items must hold to a schema, and at most so many. */
export interface Contained {
  readonly schema: Node;
  /** One text for the schema and all that it refers to. */
  readonly text: string;
  readonly min: number;
  readonly max: number;
}

/** What else a value must hold to, by whether it holds to `if`. */
export interface Branches {
  readonly met: Node;
  readonly unmet: Node;
}

/** What a schema says of a value beyond its own form: each says something more, and takes nothing back. */
export interface Conditions {
  /** `dependentRequired`: the names that a property calls for. */
  readonly demands: ReadonlyMap<string, ReadonlySet<string>>;
  /** `dependentSchemas` by the property that they depend on. */
  readonly dependents: ReadonlyMap<string, Node>;
  readonly propertyNames?: Node;
  readonly patternProperties: ReadonlyMap<string, Node>;
  readonly contains: readonly Contained[];
  /** By the text of their `if`. */
  readonly branches: ReadonlyMap<string, Branches>;
  /** The texts of what is excluded. */
  readonly excluded: ReadonlySet<string>;
  /** Whether there is a word on what no other keyword has looked at: then each of them may allow something as well. */
  readonly unevaluated: boolean;
}

export interface ConditionsOptions {
  readonly form: Form;
  readonly path: string;
  readonly node: (schema: unknown, path: string) => Node;
  readonly together: (schemas: readonly Node[], path: string) => Node;
  readonly fingerprint: (value: unknown, path: string) => string;
}

export const NO_CONDITIONS: Conditions = { demands: new Map(), dependents: new Map(), patternProperties: new Map(), contains: [], branches: new Map(), excluded: new Set(), unevaluated: false };

/** The keywords that make conditions. */
export const CONDITION_KEYWORDS = ['dependentRequired', 'dependentSchemas', 'dependencies', 'patternProperties', 'propertyNames', 'contains', 'if', 'not', 'unevaluatedProperties', 'unevaluatedItems'];

/** Gathers the conditions of a schema from its parts. */
export class ConditionGathering {
  readonly #options: ConditionsOptions;
  readonly #demands = new Map<string, Set<string>>();
  readonly #dependents = new Map<string, Node[]>();
  readonly #patterns = new Map<string, Node[]>();
  readonly #names: Node[] = [];
  readonly #contains: Contained[] = [];
  readonly #branches = new Map<string, { met: Node[]; unmet: Node[] }>();
  readonly #excluded = new Set<string>();
  #unevaluated = false;

  constructor(options: ConditionsOptions) {
    this.#options = options;
  }

  take(part: Node): void {
    const { form, path, node } = this.#options;
    for (const key of ['dependentRequired', 'dependentSchemas', 'dependencies']) {
      for (const [name, value] of Object.entries(form.optionalObject(member(part, key), `${path}.${key}`))) {
        const at = `${path}.${key}.${name}`;
        if (Array.isArray(value)) for (const each of value) valueAt(this.#demands, name, () => new Set<string>()).add(form.text(each, at));
        else valueAt(this.#dependents, name, () => []).push(node(value, at));
      }
    }
    for (const [pattern, schema] of Object.entries(form.optionalObject(member(part, 'patternProperties'), `${path}.patternProperties`))) valueAt(this.#patterns, pattern, () => []).push(node(schema, `${path}.patternProperties.${pattern}`));
    const names = member(part, 'propertyNames');
    if (names !== undefined) this.#names.push(node(names, `${path}.propertyNames`));
    this.#takeContains(part);
    this.#takeBranches(part);
    const not = member(part, 'not');
    // What excludes everything is the schema that allows nothing.
    if (not !== undefined && !(isNode(not) && Object.keys(not).length === 0)) this.#excluded.add(this.#options.fingerprint(not, `${path}.not`));
    if (member(part, 'unevaluatedProperties') !== undefined || member(part, 'unevaluatedItems') !== undefined) this.#unevaluated = true;
  }

  #takeContains(part: Node): void {
    const { form, path, node, fingerprint } = this.#options;
    const contains = member(part, 'contains');
    if (contains === undefined) return;
    const min = form.optionalNumber(member(part, 'minContains'), `${path}.minContains`) ?? 1;
    const max = form.optionalNumber(member(part, 'maxContains'), `${path}.maxContains`) ?? Infinity;
    if (min > 0 || max < Infinity) this.#contains.push({ schema: node(contains, `${path}.contains`), text: fingerprint(contains, `${path}.contains`), min, max });
  }

  #takeBranches(part: Node): void {
    const { path, node, fingerprint } = this.#options;
    const [condition, then, otherwise] = [member(part, 'if'), member(part, 'then'), member(part, 'else')];
    if (condition === undefined || (then === undefined && otherwise === undefined)) return;
    const branches = valueAt(this.#branches, fingerprint(condition, `${path}.if`), () => ({ met: [], unmet: [] }));
    branches.met.push(node(then, `${path}.then`));
    branches.unmet.push(node(otherwise, `${path}.else`));
  }

  gathered(): Conditions {
    const { together, path } = this.#options;
    const joined = (all: ReadonlyMap<string, readonly Node[]>): Map<string, Node> => new Map([...all].map(([name, schemas]) => [name, together(schemas, path)]));
    return {
      demands: this.#demands, dependents: joined(this.#dependents), patternProperties: joined(this.#patterns),
      ...(this.#names.length > 0 ? { propertyNames: together(this.#names, path) } : {}), contains: this.#contains,
      branches: new Map([...this.#branches].map(([text, branches]) => [text, { met: together(branches.met, path), unmet: together(branches.unmet, path) }])),
      excluded: this.#excluded, unevaluated: this.#unevaluated,
    };
  }
}

/** The value of a key, made where there is none. */
function valueAt<T>(map: Map<string, T>, key: string, make: () => T): T {
  const known = map.get(key) ?? make();
  map.set(key, known);
  return known;
}
