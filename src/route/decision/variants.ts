import type { RouteVariant } from '../../model/route-decision.ts';
import { BUCKETS } from '../decide.ts';
import { xxh32, xxh32Modulo } from '../xxh32.ts';

/** The seed of an experiment's hash: xxh32 of its name's UTF-8 bytes, with seed 0. */
export const experimentSeed = (experiment: string): number => xxh32(experiment);

/** The bucket of a user in an experiment, 0 to 9,999, independent of the one that decides his side. */
export const experimentBucket = (key: string, seed: number): number => xxh32Modulo(key, seed, BUCKETS);

/**
 * Shares the buckets out by weight. Who has a variant keeps it as far as the new shares allow: exactly
 * as many buckets change hands as some variant has too many. A variant that shrinks gives up its highest
 * buckets; those that grow take the free ones, lowest first, in the order in which they are named.
 */
export function shareOut(variants: readonly { readonly name: string; readonly weight: number }[], before: readonly RouteVariant[] = []): RouteVariant[] {
  const targets = wholeShares(variants.map(({ weight }) => weight));
  const owners = ownersOf(variants.map(({ name }) => name), before);
  const counts = variants.map((_, index) => owners.reduce((sum, owner) => sum + (owner === index ? 1 : 0), 0));
  for (let bucket = BUCKETS - 1; bucket >= 0; bucket--) {
    const owner = owners[bucket] ?? -1;
    if (owner < 0 || (counts[owner] ?? 0) <= (targets[owner] ?? 0)) continue;
    owners[bucket] = -1;
    counts[owner] = (counts[owner] ?? 0) - 1;
  }
  let taker = 0;
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    if (owners[bucket] !== -1) continue;
    while (taker < variants.length && (counts[taker] ?? 0) >= (targets[taker] ?? 0)) taker++;
    owners[bucket] = taker;
    counts[taker] = (counts[taker] ?? 0) + 1;
  }
  return variants.map(({ name, weight }, index) => ({ name, weight, ranges: rangesOf(owners, index) }));
}

/** The variant of each bucket as an index, -1 where there is none. */
export function ownersOf(names: readonly string[], variants: readonly RouteVariant[]): Int16Array {
  const owners = new Int16Array(BUCKETS).fill(-1);
  for (const { name, ranges } of variants) {
    const index = names.indexOf(name);
    for (const [from, to] of ranges) owners.fill(index, from, to);
  }
  return owners;
}

/** Whole numbers of buckets in the proportion of the weights; what is left over goes to the largest remainders. */
function wholeShares(weights: readonly number[]): number[] {
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const exact = weights.map((weight) => (weight / sum) * BUCKETS);
  const whole = exact.map(Math.floor);
  const left = BUCKETS - whole.reduce((total, share) => total + share, 0);
  const byRemainder = exact.map((share, index) => ({ index, remainder: share - Math.floor(share) })).sort((a, b) => b.remainder - a.remainder || a.index - b.index);
  for (const { index } of byRemainder.slice(0, left)) whole[index] = (whole[index] ?? 0) + 1;
  return whole;
}

function rangesOf(owners: Int16Array, index: number): (readonly [number, number])[] {
  const ranges: (readonly [number, number])[] = [];
  for (let from = 0; from < BUCKETS; from++) {
    if (owners[from] !== index) continue;
    let to = from + 1;
    while (to < BUCKETS && owners[to] === index) to++;
    ranges.push([from, to]);
    from = to;
  }
  return ranges;
}
