import { invariant } from '../core/errors.ts';

// Every index in this room comes from numbering the same list, so it is in range by construction;
// these say so in one place.

/** The number at an index that exists. */
export function at(values: ArrayLike<number>, index: number): number {
  return values[index] ?? 0;
}

/** Adds to the number at an index that exists. */
export function increase(values: Float64Array | Float32Array | Int32Array, index: number, by: number): void {
  values[index] = at(values, index) + by;
}

/** The item at an index that exists. */
export function itemAt<T>(list: readonly T[], index: number): T {
  const item = list[index];
  invariant(item !== undefined, `Index ${index} of ${list.length}.`);
  return item;
}

/** Adds to what a map counts under a key. */
export function count<K>(counts: Map<K, number>, key: K, by = 1): void {
  counts.set(key, (counts.get(key) ?? 0) + by);
}

/** What a map counts under a key; nothing is 0. */
export function counted<K>(counts: ReadonlyMap<K, number>, key: K): number {
  return counts.get(key) ?? 0;
}

/** Appends to the list that a map keeps under a key. */
export function append<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
}
