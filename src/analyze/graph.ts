import { at, count, counted, increase } from './lookup.ts';
/** An undirected weighted graph over nodes 0 … size-1; each pair appears once. */
export interface WeightedGraph {
  readonly size: number;
  /** Weight inside a node, where nodes stand for several tables; absent: none. */
  readonly loops?: Float64Array;
  readonly from: Int32Array;
  readonly to: Int32Array;
  readonly weight: Float64Array;
}

/** Collects weights of unordered pairs. */
export class PairWeights {
  readonly #size: number;
  readonly #weights = new Map<number, number>();

  constructor(size: number) {
    this.#size = size;
  }

  add(a: number, b: number, weight: number): void {
    if (a === b || weight <= 0) return;
    const key = a < b ? a * this.#size + b : b * this.#size + a;
    count(this.#weights, key, weight);
  }

  get(a: number, b: number): number {
    return counted(this.#weights, a < b ? a * this.#size + b : b * this.#size + a);
  }

  get total(): number {
    let sum = 0;
    for (const weight of this.#weights.values()) sum += weight;
    return sum;
  }

  get size(): number {
    return this.#weights.size;
  }

  /** Every pair in ascending order, so that what is built from them does not depend on insertion. */
  *entries(): Generator<readonly [a: number, b: number, weight: number]> {
    for (const key of [...this.#weights.keys()].sort((x, y) => x - y)) {
      const a = Math.floor(key / this.#size);
      yield [a, key - a * this.#size, counted(this.#weights, key)];
    }
  }

  toGraph(): WeightedGraph {
    const count = this.#weights.size;
    const from = new Int32Array(count);
    const to = new Int32Array(count);
    const weight = new Float64Array(count);
    let i = 0;
    for (const [a, b, w] of this.entries()) {
      from[i] = a;
      to[i] = b;
      weight[i] = w;
      i += 1;
    }
    return { size: this.#size, from, to, weight };
  }
}

/** The graph between groups of nodes; what lies inside a group becomes its loop. */
export function contract(pairs: PairWeights, groups: Int32Array, count: number): WeightedGraph {
  const between = new PairWeights(count);
  const loops = new Float64Array(count);
  for (const [a, b, weight] of pairs.entries()) {
    const x = at(groups, a);
    const y = at(groups, b);
    if (x === y) increase(loops, x, weight);
    else between.add(x, y, weight);
  }
  return { ...between.toGraph(), loops };
}

/** The sum of several signals' pairs, each times its factor. */
export function combine(
  size: number,
  parts: readonly { readonly pairs: PairWeights; readonly factor: number }[],
): PairWeights {
  const result = new PairWeights(size);
  for (const { pairs, factor } of parts) {
    if (factor > 0) for (const [a, b, weight] of pairs.entries()) result.add(a, b, weight * factor);
  }
  return result;
}
