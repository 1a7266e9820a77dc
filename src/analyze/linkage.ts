import { renumber, type Partition } from './leiden.ts';

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
  const count = new Int32Array(size).fill(1);
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
    const top = chain.at(-1) ?? 0;
    const before = chain.at(-2) ?? -1;
    let nearest = before;
    let best = before === -1 ? -1 : (likeness[top * size + before] ?? 0);
    for (let other = 0; other < size; other += 1) {
      if (other === top || alive[other] === 0) continue;
      const value = likeness[top * size + other] ?? 0;
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
    const x = smallest[top] ?? 0;
    const y = smallest[before] ?? 0;
    joins.push({ a: Math.min(x, y), b: Math.max(x, y), likeness: best });
    const sizeTop = count[top] ?? 1;
    const sizeBefore = count[before] ?? 1;
    for (let other = 0; other < size; other += 1) {
      if (alive[other] === 0 || other === top || other === before) continue;
      const mean =
        ((likeness[top * size + other] ?? 0) * sizeTop + (likeness[before * size + other] ?? 0) * sizeBefore) /
        (sizeTop + sizeBefore);
      likeness[before * size + other] = mean;
      likeness[other * size + before] = mean;
    }
    count[before] = sizeTop + sizeBefore;
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
    while ((parent[top] ?? top) !== top) top = parent[top] ?? top;
    parent[node] = top;
    return top;
  };
  for (const join of joins) if (join.likeness >= likeness) parent[root(join.b)] = root(join.a);
  const groups = Int32Array.from({ length: size }, (_, i) => root(i));
  renumber(groups);
  return groups;
}
