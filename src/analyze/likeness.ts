import { adjustedRandIndex } from './compare.ts';
import { at, count, counted } from './lookup.ts';

/** How alike two divisions of the same things are; each 1 if they are the same. */
export interface Likeness {
  /** Adjusted Rand index: 0 is no more than chance. */
  readonly ari: number;
  /** Normalised mutual information, by the arithmetic mean of the entropies. */
  readonly nmi: number;
  /** Of the pairs that the second has together, those that the first has together too. */
  readonly precision: number;
  /** Of the pairs that the first has together, those that the second has together too. */
  readonly recall: number;
  readonly f1: number;
}

/** @param truth The group of each thing. @param found The same things in the same order. */
export function likeness(truth: ArrayLike<number>, found: ArrayLike<number>): Likeness {
  const size = truth.length;
  const left = new Map<number, number>();
  const right = new Map<number, number>();
  const both = new Map<string, number>();
  for (let i = 0; i < size; i += 1) {
    count(left, at(truth, i));
    count(right, at(found, i));
    count(both, `${at(truth, i)} ${at(found, i)}`);
  }
  const pairs = (counts: ReadonlyMap<unknown, number>): number => sum([...counts.values()].map((n) => (n * (n - 1)) / 2));
  const [together, inTruth, inFound] = [pairs(both), pairs(left), pairs(right)];
  const precision = inFound === 0 ? 1 : together / inFound;
  const recall = inTruth === 0 ? 1 : together / inTruth;
  return {
    ari: adjustedRandIndex(truth, found),
    nmi: mutualInformation(size, { left, right, both }),
    precision,
    recall,
    f1: precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall),
  };
}

function mutualInformation(
  size: number,
  { left, right, both }: { readonly left: ReadonlyMap<number, number>; readonly right: ReadonlyMap<number, number>; readonly both: ReadonlyMap<string, number> },
): number {
  const entropy = (counts: ReadonlyMap<number, number>): number => -sum([...counts.values()].map((n) => (n / size) * Math.log(n / size)));
  const entropies = entropy(left) + entropy(right);
  const same = both.size === left.size && both.size === right.size;
  if (same || entropies === 0) return 1;
  const shared = sum([...both].map(([key, n]) => {
    const [a = 0, b = 0] = key.split(' ').map(Number);
    return (n / size) * Math.log((n * size) / (counted(left, a) * counted(right, b)));
  }));
  return Math.max(0, (2 * shared) / entropies);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
