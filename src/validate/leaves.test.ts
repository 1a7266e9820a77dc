import { describe, expect, it } from 'vitest';
import type { LeafDigest } from '../ports/checksummer.ts';
import { LeafBalance, leafShift } from './leaves.ts';

async function* leaves(...digests: readonly (readonly [bigint, number, string])[]): AsyncGenerator<LeafDigest> {
  for (const [leaf, rows, digest] of digests) yield { leaf, rows, digest };
}

describe('leafShift', () => {
  const leafCount = (from: bigint, to: bigint, shift: number) => (to >> BigInt(shift)) - (from >> BigInt(shift)) + 1n;

  it('makes about one leaf for 256 rows', () => {
    expect(leafCount(1n, 1_000_000n, leafShift({ from: 1n, to: 1_000_000n }, 1_000_000))).toBeGreaterThan(1900n);
    expect(leafCount(1n, 1_000_000n, leafShift({ from: 1n, to: 1_000_000n }, 1_000_000))).toBeLessThanOrEqual(3907n);
  });

  it('never makes more than 65,536 leaves, however wide the keys lie', () => {
    for (const rows of [0, 1, 1e6, 1e12]) {
      for (const range of [{ from: -(2n ** 63n), to: 2n ** 63n - 1n }, { from: 0n, to: 2n ** 60n - 1n }, { from: -1n, to: 0n }]) {
        const shift = leafShift(range, rows);
        expect(shift).toBeLessThanOrEqual(63);
        expect(leafCount(range.from, range.to, shift)).toBeLessThanOrEqual(65_536n);
      }
    }
  });
});

describe('LeafBalance', () => {
  it('adds up leaves that come in parts, in any order', async () => {
    const balance = new LeafBalance();
    await balance.add('source', leaves([1n, 2, '-5'], [2n, 1, '7'], [1n, 1, '9']));
    await balance.add('target', leaves([2n, 1, '7'], [1n, 3, '4']));
    expect(balance.differing()).toEqual([]);
    expect(balance.rows).toEqual({ source: 4, target: 4 });
    expect(balance.leaves).toBe(2);
  });

  it('sees another number of rows and another sum', async () => {
    const balance = new LeafBalance();
    await balance.add('source', leaves([1n, 2, '0'], [2n, 1, '7'], [3n, 1, '1']));
    await balance.add('target', leaves([1n, 1, '0'], [2n, 1, '8'], [3n, 1, '1'], [4n, 1, '']));
    expect(balance.differing()).toEqual([1n, 2n, 4n]);
  });
});
