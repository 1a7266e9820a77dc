import { canonical, isObject, type Tree } from './json-tree.ts';

/** Which item of one list belongs to which of another. */
export interface Alignment {
  /** Indices, by the first list's. */
  readonly pairs: readonly (readonly [number, number])[];
  /** Items that belong together stand in another order. */
  readonly moved: boolean;
}

export interface AlignOptions {
  /** The field that tells items apart; absent: it is guessed. */
  readonly key?: string;
  /** In how many places two items differ, counted up to `most`. */
  readonly cost: (i: number, j: number, most: number) => number;
}

/** Beyond so many items of both lists multiplied the longest common sequence costs too much. */
const MOST_LCS = 40_000;
/** Beyond so many items they are not weighed each against each. */
const MOST_WEIGHED = 32;
const NAMES_FIRST = ['sid', 'skey', 'suuid', 'scode', 'sname'];

/**
 * Pairs the items of two lists: equal ones in their order, then equal ones wherever they stand, then those with the
 * same key, then those that differ least, then the rest in their order. So what changed *in* an item is told apart
 * from items that changed their *places*.
 */
export function align(a: readonly Tree[], b: readonly Tree[], options: AlignOptions): Alignment {
  const pairs: [number, number][] = [];
  const free = { a: new Set(a.keys()), b: new Set(b.keys()) };
  const take = (i: number, j: number): void => {
    pairs.push([i, j]);
    free.a.delete(i);
    free.b.delete(j);
  };
  if (options.key === undefined) {
    for (const [i, j] of inOrder(a.map(canonical), b.map(canonical))) take(i, j);
  }
  const names = options.key === undefined ? undefined : `s${options.key}`;
  const name = names ?? guessedKey([...free.a].map((i) => a[i]), [...free.b].map((j) => b[j]));
  if (name !== undefined) {
    const byKey = new Map<string, number>();
    for (const j of free.b) byKey.set(keyIn(b[j], name) ?? `none ${j}`, j);
    for (const i of free.a) {
      const j = byKey.get(keyIn(a[i], name) ?? 'none');
      if (j !== undefined && free.b.has(j)) take(i, j);
    }
  }
  const rest = { a: [...free.a], b: [...free.b] };
  // What is paired by nothing but its place says nothing of an order.
  const known = pairs.length;
  const least = weighed(rest.a, rest.b, options);
  for (const [i, j] of least ?? []) take(i, j);
  const told = least === undefined ? known : pairs.length;
  const moved = !increasing(pairs.slice(0, told));
  const others = [...free.b];
  for (const [n, i] of [...free.a].entries()) {
    const j = others[n];
    if (j !== undefined) take(i, j);
  }
  return { pairs: pairs.sort(([i], [j]) => i - j), moved };
}

/** Equal items: the longest sequence in which both agree, then the others wherever they stand. */
function inOrder(a: readonly string[], b: readonly string[]): [number, number][] {
  const pairs: [number, number][] = [];
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) pairs.push([start, start++]);
  let end = 0;
  while (end < Math.min(a.length, b.length) - start && a[a.length - 1 - end] === b[b.length - 1 - end]) {
    end++;
    pairs.push([a.length - end, b.length - end]);
  }
  const [n, m] = [a.length - end - start, b.length - end - start];
  if (n * m <= MOST_LCS) {
    for (const [i, j] of longestCommon(a.slice(start, start + n), b.slice(start, start + m))) pairs.push([i + start, j + start]);
  }
  const taken = { a: new Set(pairs.map(([i]) => i)), b: new Set(pairs.map(([, j]) => j)) };
  const places = new Map<string, number[]>();
  for (let j = b.length - 1; j >= 0; j--) {
    const text = b[j];
    if (text === undefined || taken.b.has(j)) continue;
    const same = places.get(text);
    if (same) same.push(j);
    else places.set(text, [j]);
  }
  for (const [i, text] of a.entries()) {
    if (taken.a.has(i)) continue;
    const j = places.get(text)?.pop();
    if (j !== undefined) pairs.push([i, j]);
  }
  return pairs;
}

function longestCommon(a: readonly string[], b: readonly string[]): [number, number][] {
  const width = b.length + 1;
  const lengths = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      const at = (x: number, y: number): number => lengths[x * width + y] ?? 0;
      lengths[i * width + j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const pairs: [number, number][] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    if (a[i] === b[j]) pairs.push([i++, j++]);
    else if ((lengths[(i + 1) * width + j] ?? 0) >= (lengths[i * width + j + 1] ?? 0)) i++;
    else j++;
  }
  return pairs;
}

const keyIn = (item: Tree | undefined, name: string): string | undefined => {
  if (item === undefined || !isObject(item) || !Object.hasOwn(item, name)) return undefined;
  const value = item[name];
  return typeof value === 'string' ? value : undefined;
};

/** A field that all items have, each with a value of its own, and mostly the same values on both sides. */
function guessedKey(a: readonly (Tree | undefined)[], b: readonly (Tree | undefined)[]): string | undefined {
  const [first] = a;
  if (a.length < 2 || b.length < 2 || first === undefined || !isObject(first)) return undefined;
  const names = Object.keys(first);
  const ordered = [...NAMES_FIRST.filter((name) => names.includes(name)), ...names.filter((name) => !NAMES_FIRST.includes(name))];
  return ordered.find((name) => {
    const [ours, theirs] = [a, b].map((items) => new Set(items.flatMap((item) => keyIn(item, name) ?? [])));
    if (!ours || !theirs || ours.size < a.length || theirs.size < b.length) return false;
    const common = [...ours].filter((value) => theirs.has(value)).length;
    return common * 2 > Math.min(a.length, b.length);
  });
}

/** The pairs that differ least, if they differ less than in the order they stand in; undefined: that order is as good. */
function weighed(a: readonly number[], b: readonly number[], { cost }: AlignOptions): [number, number][] | undefined {
  if (a.length < 2 || b.length < 2 || a.length > MOST_WEIGHED || b.length > MOST_WEIGHED) return undefined;
  const MOST = 20;
  let inPlace = 0;
  for (let n = 0; n < Math.min(a.length, b.length); n++) inPlace += cost(a[n] ?? 0, b[n] ?? 0, MOST);
  if (inPlace === 0) return undefined;
  const all = a.flatMap((i, n) => b.map((j, m) => ({ i, j, cost: cost(i, j, MOST), far: Math.abs(n - m) })));
  all.sort((x, y) => x.cost - y.cost || x.far - y.far);
  const taken = { a: new Set<number>(), b: new Set<number>() };
  const pairs: [number, number][] = [];
  let total = 0;
  for (const { i, j, cost } of all) {
    if (taken.a.has(i) || taken.b.has(j)) continue;
    taken.a.add(i);
    taken.b.add(j);
    pairs.push([i, j]);
    total += cost;
  }
  return total < inPlace ? pairs : undefined;
}

function increasing(pairs: readonly (readonly [number, number])[]): boolean {
  const sorted = [...pairs].sort(([i], [j]) => i - j);
  return sorted.every(([, j], n) => n === 0 || j > (sorted[n - 1]?.[1] ?? -1));
}
