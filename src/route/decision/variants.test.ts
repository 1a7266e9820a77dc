import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BUCKETS } from '../decide.ts';
import { CompiledVariants } from './compiled-variants.ts';
import { experimentBucket, experimentSeed, ownersOf, shareOut } from './variants.ts';

const weights = fc.array(fc.oneof(fc.integer({ min: 1, max: 100 }), fc.double({ min: 0.01, max: 3, noNaN: true })), { minLength: 1, maxLength: 5 });
const named = (list: readonly number[], names = ['a', 'b', 'c', 'd', 'e']) => list.map((weight, index) => ({ name: names[index] ?? '', weight }));
const sizes = (variants: ReturnType<typeof shareOut>): number[] => variants.map(({ ranges }) => ranges.reduce((sum, [from, to]) => sum + to - from, 0));

describe('variants', () => {
  it('have their shares to a hundredth of a percent, and every bucket is one’s', () => {
    fc.assert(
      fc.property(weights, (list) => {
        const variants = shareOut(named(list));
        const total = list.reduce((sum, weight) => sum + weight, 0);
        for (const [index, size] of sizes(variants).entries()) expect(Math.abs(size - ((list[index] ?? 0) / total) * BUCKETS)).toBeLessThan(1);
        expect(ownersOf(variants.map(({ name }) => name), variants).includes(-1)).toBe(false);
      }),
      { numRuns: 60 },
    );
    expect(shareOut(named([30, 70]))).toEqual([{ name: 'a', weight: 30, ranges: [[0, 3000]] }, { name: 'b', weight: 70, ranges: [[3000, 10_000]] }]);
  });

  it('change hands only as far as the new shares make it necessary, through any sequence of weights', () => {
    fc.assert(
      fc.property(fc.array(weights, { minLength: 2, maxLength: 5 }), fc.boolean(), (steps, renamed) => {
        let before = shareOut(named(steps[0] ?? []));
        for (const list of steps.slice(1)) {
          const names = renamed ? ['a', 'new', 'c', 'b'] : undefined;
          const after = shareOut(named(list.slice(0, 4), names), before);
          const all = [...new Set([...before, ...after].map(({ name }) => name))];
          const [was, is] = [ownersOf(all, before), ownersOf(all, after)];
          const moved = was.reduce((sum, owner, bucket) => sum + (owner === is[bucket] ? 0 : 1), 0);
          const count = (owners: Int16Array, owner: number): number => owners.reduce((sum, each) => sum + (each === owner ? 1 : 0), 0);
          const least = all.reduce((sum, _, owner) => sum + Math.max(0, count(was, owner) - count(is, owner)), 0);
          expect(moved).toBe(least);
          before = after;
        }
      }),
      { numRuns: 40 },
    );
  });

  it('that only grow lose nobody', () => {
    const before = shareOut(named([10, 45, 45]));
    const after = shareOut(named([30, 45, 45]), before);
    const names = ['a', 'b', 'c'];
    const [was, is] = [ownersOf(names, before), ownersOf(names, after)];
    for (let bucket = 0; bucket < BUCKETS; bucket++) if (was[bucket] === 0) expect(is[bucket]).toBe(0);
  });

  it('are stable for a user, and independent of what decides his side', () => {
    const compiled = new CompiledVariants({ experiment: 'prices', variants: shareOut(named([50, 50])) });
    const other = new CompiledVariants({ experiment: 'colours', variants: shareOut(named([50, 50])) });
    const keys = Array.from({ length: 4000 }, (_, n) => `user-${n}`);
    const share = (some: readonly string[], of: CompiledVariants): number => some.filter((key) => of.of(key) === 'a').length / some.length;
    expect(Math.abs(share(keys, compiled) - 0.5)).toBeLessThan(0.03);
    expect(Math.abs(share(keys.filter((key) => other.of(key) === 'a'), compiled) - 0.5)).toBeLessThan(0.05);
    expect(new CompiledVariants({ experiment: '', variants: [] }).of('x')).toBeUndefined();
  });

  it('agree with the published vectors', () => {
    // docs/routing-decision.md has the same.
    expect(experimentSeed('prices')).toBe(VECTORS.seed);
    for (const [key, bucket] of VECTORS.buckets) expect(experimentBucket(key, VECTORS.seed)).toBe(bucket);
  });
});

const VECTORS: { readonly seed: number; readonly buckets: readonly (readonly [string, number])[] } = {
  seed: 2_001_704_743,
  // From another implementation (the xxhash package of Python).
  buckets: [['42', 4596], ['anna', 4368], ['user-1', 9876], ['f3a1b2c4d5e60718293a4b5c6d7e8f90', 7041], ['Zoë', 6864], ['198.51.100.0/24', 6800]],
};
