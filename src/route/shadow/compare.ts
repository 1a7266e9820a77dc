import type { IncomingHttpHeaders } from 'node:http';
import { within } from '../../core/exact-decimal.ts';
import { align } from './align.ts';
import { keyOf, signatureOf, type Difference, type DifferenceKind } from './difference.ts';
import { coveredBy, fitsPath, foldPath, showPath } from './json-path.ts';
import { isList, isObject, parseTree, typeOf, type Tree, type TreeObject } from './json-tree.ts';
import { isSecret, maskedText, maskedTree } from './mask.ts';
import type { CompareRules } from './rules.ts';
import { compareTexts } from './text.ts';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Null: too long to compare. */
  readonly body: Buffer | null;
}

export interface Comparison {
  /** One for each path and kind. */
  readonly differences: readonly Difference[];
  /** The names of differences that are there and known to be noise. */
  readonly noise: ReadonlySet<string>;
}

/** Whether a difference, by its name, is known as noise. */
export type IsNoise = (key: string) => boolean;

const NOTHING_KNOWN: IsNoise = () => false;
const MOST_DIFFERENCES = 100;
/** Places looked at, to find out which items of lists belong together. */
const MOST_WEIGHED = 100_000;
/** Beyond it numbers are equal only if they are written so: arithmetic on them would cost too much. */
const LONGEST_NUMBER = 400;
const FAR_EXPONENT = /e[+-]?\d{4}/i;

/**
 * Compares two answers: the status, and if that is the same the headers, and the bodies: as JSON if both are, else as
 * texts line by line, else byte by byte.
 */
export function compareAnswers(monolith: Answer, service: Answer, rules: CompareRules, isNoise: IsNoise = NOTHING_KNOWN): Comparison {
  const found = new Found(isNoise);
  if (monolith.status !== service.status) {
    found.add({ path: 'status', at: 'status', kind: 'status', monolith: String(monolith.status), service: String(service.status) });
    return found;
  }
  for (const name of rules.headers) compareHeader(name, monolith.headers, service.headers, found);
  const [a, b] = [monolith.body, service.body];
  if (a === null || b === null || a.equals(b)) return found;
  const [left, right] = [parseTree(a), parseTree(b)];
  if (left !== undefined && right !== undefined) new Walk(rules, found).compare(left, right);
  else compareTexts(a, b, (difference) => found.add(difference));
  return found;
}

/** Differences by name, noise apart. */
class Found implements Comparison {
  readonly #byKey = new Map<string, Difference>();
  readonly noise = new Set<string>();
  readonly isNoise: IsNoise;

  constructor(isNoise: IsNoise) {
    this.isNoise = isNoise;
  }

  get differences(): readonly Difference[] {
    return [...this.#byKey.values()];
  }

  add(difference: Omit<Difference, 'signature'> & { readonly signature?: string }): void {
    const { kind, monolith, service, signature = signatureOf(kind, monolith, service) } = difference;
    const whole = { ...difference, signature };
    const key = keyOf(whole);
    if (this.isNoise(key)) this.noise.add(key);
    else if (this.#byKey.size < MOST_DIFFERENCES && !this.#byKey.has(key)) this.#byKey.set(key, whole);
  }
}

function compareHeader(name: string, monolith: IncomingHttpHeaders, service: IncomingHttpHeaders, found: Found): void {
  const [a, b] = [headerOf(name, monolith), headerOf(name, service)];
  if (a === b) return;
  const shown = (value: string | undefined): string => (value === undefined ? '(absent)' : isSecret(name) ? '***' : maskedText(value));
  const kind = a === undefined ? 'extra' : b === undefined ? 'missing' : 'value';
  found.add({ path: `header ${name}`, at: `header ${name}`, kind, monolith: shown(a), service: shown(b) });
}

/** `application/json; charset=utf-8` says no more than `application/json`, and spaces and case say nothing. */
function headerOf(name: string, headers: IncomingHttpHeaders): string | undefined {
  const given = headers[name];
  const value = Array.isArray(given) ? given.join(', ') : given;
  if (value === undefined || name !== 'content-type') return value?.trim();
  const [type = '', ...parameters] = value.toLowerCase().split(';').map((part) => part.trim().replaceAll('"', ''));
  const json = /^application\/([\w.+-]+\+)?json$/.test(type);
  return [type, ...parameters.filter((part) => part !== '' && !(json && part === 'charset=utf-8'))].join(';');
}

/** What is done with a difference at the walk's present path. */
type Note = (kind: DifferenceKind, a: Tree | undefined, b: Tree | undefined) => void;

/** Goes through two JSON values at once. */
class Walk {
  readonly #rules: CompareRules;
  readonly #found: Found;
  /** Where it is. */
  readonly #path: (string | number)[] = [];
  #weighed = 0;

  constructor(rules: CompareRules, found: Found) {
    this.#rules = rules;
    this.#found = found;
  }

  compare(a: Tree, b: Tree): void {
    this.#walk(a, b, (kind, left, right) => {
      this.#note(kind, left, right);
    });
  }

  #walk(a: Tree, b: Tree, note: Note): void {
    if (a === b) return;
    if (isList(a) && isList(b)) this.#lists(a, b, note);
    else if (isObject(a) && isObject(b)) this.#objects(a, b, note);
    else {
      const type = typeOf(a);
      if (type !== typeOf(b)) note('type', a, b);
      else if (type !== 'number' || typeof a !== 'string' || typeof b !== 'string' || !this.#near(a.slice(1), b.slice(1))) note('value', a, b);
    }
  }

  #objects(a: TreeObject, b: TreeObject, note: Note): void {
    for (const name of new Set([...Object.keys(a), ...Object.keys(b)])) {
      const left = Object.hasOwn(a, name) ? a[name] : undefined;
      const right = Object.hasOwn(b, name) ? b[name] : undefined;
      if (left === right) continue;
      this.#path.push(name.slice(1));
      if (right === undefined) note('missing', left, right);
      else if (left === undefined) note('extra', left, right);
      else this.#walk(left, right, note);
      this.#path.pop();
    }
  }

  #lists(a: readonly Tree[], b: readonly Tree[], note: Note): void {
    if (a.length !== b.length) note('length', a, b);
    const unordered = this.#rules.unordered.find(({ path: pattern }) => fitsPath(pattern, this.#path));
    const { pairs, moved } = align(a, b, {
      ...(unordered?.key === undefined ? {} : { key: unordered.key }),
      cost: (i, j, most) => this.#cost(i, a[i] ?? null, b[j] ?? null, most),
    });
    if (moved && !unordered) note('order', a, b);
    for (const [i, j] of pairs) {
      this.#path.push(i);
      this.#walk(a[i] ?? null, b[j] ?? null, note);
      this.#path.pop();
    }
  }

  /** In how many places two items differ, up to `most`: what is ignored or known as noise counts nothing. */
  #cost(i: number, a: Tree, b: Tree, most: number): number {
    let places = 0;
    if (this.#weighed >= MOST_WEIGHED) return most;
    const { isNoise } = this.#found;
    this.#weighed++;
    this.#path.push(i);
    this.#walk(a, b, (kind, left, right) => {
      this.#weighed++;
      if (places < most && !this.#ignored(kind) && (isNoise === NOTHING_KNOWN || !isNoise(keyOf(this.#named(kind, left, right))))) places++;
    });
    this.#path.pop();
    return places;
  }

  #near(a: string, b: string): boolean {
    if (Math.max(a.length, b.length) > LONGEST_NUMBER || FAR_EXPONENT.test(a) || FAR_EXPONENT.test(b)) return false;
    const bounds = this.#rules.tolerance.find(({ path: pattern }) => pattern === null || coveredBy(pattern, this.#path))?.bounds;
    return within(a, b, bounds ?? {});
  }

  #ignored(kind: DifferenceKind): boolean {
    const { ignore } = this.#rules;
    if (ignore.length === 0) return false;
    const path = kind === 'length' ? [...this.#path, 'length'] : this.#path;
    return ignore.some((pattern) => coveredBy(pattern, path));
  }

  #note(kind: DifferenceKind, a: Tree | undefined, b: Tree | undefined): void {
    if (this.#ignored(kind)) return;
    const at = showPath(this.#path);
    const shown = (tree: Tree | undefined): string => (kind === 'type' && tree !== undefined && tree !== null ? `${typeOf(tree)} ` : '') + maskedTree(at, tree);
    this.#found.add({ ...this.#named(kind, a, b), at, monolith: shown(a), service: shown(b) });
  }

  #named(kind: DifferenceKind, a: Tree | undefined, b: Tree | undefined): Pick<Difference, 'path' | 'kind' | 'signature'> {
    const typed = kind === 'type' && a !== undefined && b !== undefined;
    return { path: foldPath(this.#path), kind, signature: typed ? signatureOf(kind, typeOf(a), typeOf(b)) : signatureOf(kind, '', '') };
  }
}
