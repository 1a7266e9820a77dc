import { at, count } from './lookup.ts';
/**
 * How alike two partitions of the same things are: the adjusted Rand index (L. Hubert and P. Arabie,
 * 1985). 1: the same; about 0: no more alike than chance.
 */
export function adjustedRandIndex(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const size = a.length;
  const left = new Map<number, number>();
  const right = new Map<number, number>();
  const both = new Map<number, Map<number, number>>();
  for (let i = 0; i < size; i += 1) {
    const x = at(a, i);
    const y = at(b, i);
    count(left, x);
    count(right, y);
    const row = both.get(x) ?? new Map<number, number>();
    count(row, y);
    both.set(x, row);
  }
  const choose2 = (n: number): number => (n * (n - 1)) / 2;
  const sumPairs = (counts: Iterable<number>): number => {
    let sum = 0;
    for (const count of counts) sum += choose2(count);
    return sum;
  };
  let together = 0;
  for (const row of both.values()) together += sumPairs(row.values());
  const pairsA = sumPairs(left.values());
  const pairsB = sumPairs(right.values());
  if (together === pairsA && together === pairsB) return 1;
  const expected = size < 2 ? 0 : (pairsA * pairsB) / choose2(size);
  const most = (pairsA + pairsB) / 2;
  return most === expected ? 0 : (together - expected) / (most - expected);
}
