import { renumber, type Partition } from './leiden.ts';
import { at } from './lookup.ts';

/** One step of a hierarchy: two groups, named by their smallest node, join at a likeness. */
export interface Join {
  readonly a: number;
  readonly b: number;
  readonly likeness: number;
}

/**
 * The hierarchy of average linkage (UPGMA) over a matrix of likenesses, by chains of nearest
 * neighbours (J.-P. Benzécri 1982; F. Murtagh 1983): time and memory grow with the square of `size`.
 * The matrix is used up.
 */
export function averageLinkage(likeness: Float32Array, size: number): Join[] {
  const sizes = new Int32Array(size).fill(1);
  const alive = new Uint8Array(size).fill(1);
  const smallest = Int32Array.from({ length: size }, (_, i) => i);
  const joins: Join[] = [];
  const chain: number[] = [];
  let next = 0;
  for (let left = size; left > 1; ) {
    if (chain.length === 0) {
      while (alive[next] === 0) next += 1;
      chain.push(next);
    }
    const top = at(chain, chain.length - 1);
    const before = chain.length > 1 ? at(chain, chain.length - 2) : -1;
    let nearest = before;
    let best = before === -1 ? -1 : at(likeness, top * size + before);
    for (let other = 0; other < size; other += 1) {
      if (other === top || alive[other] === 0) continue;
      const value = at(likeness, top * size + other);
      if (value > best) {
        best = value;
        nearest = other;
      }
    }
    if (nearest !== before) {
      chain.push(nearest);
      continue;
    }
    chain.length -= 2;
    const x = at(smallest, top);
    const y = at(smallest, before);
    joins.push({ a: Math.min(x, y), b: Math.max(x, y), likeness: best });
    const sizeTop = at(sizes, top);
    const sizeBefore = at(sizes, before);
    for (let other = 0; other < size; other += 1) {
      if (alive[other] === 0 || other === top || other === before) continue;
      const mean =
        (at(likeness, top * size + other) * sizeTop + at(likeness, before * size + other) * sizeBefore) /
        (sizeTop + sizeBefore);
      likeness[before * size + other] = mean;
      likeness[other * size + before] = mean;
    }
    sizes[before] = sizeTop + sizeBefore;
    smallest[before] = Math.min(x, y);
    alive[top] = 0;
    left -= 1;
  }
  return joins;
}

/** The groups that joins of at least `likeness` form. */
export function cutHierarchy(joins: readonly Join[], size: number, likeness: number): Partition {
  const parent = Int32Array.from({ length: size }, (_, i) => i);
  const root = (node: number): number => {
    let top = node;
    while (at(parent, top) !== top) top = at(parent, top);
    parent[node] = top;
    return top;
  };
  for (const join of joins) if (join.likeness >= likeness) parent[root(join.b)] = root(join.a);
  const groups = Int32Array.from({ length: size }, (_, i) => root(i));
  renumber(groups);
  return groups;
}
