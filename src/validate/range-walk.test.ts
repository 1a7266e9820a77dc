import { describe, expect, it } from 'vitest';
import type { PlaceRange } from '../ports/checksummer.ts';
import { RangeWalk } from './range-walk.ts';

/** Walks over the places and gives the ranges with their rows. */
function walk(places: readonly bigint[], options: { readonly within: PlaceRange; readonly rows: number; readonly estimatedRows?: number }) {
  const walked = new RangeWalk({ estimatedRows: places.length, ...options });
  const ranges: { readonly range: PlaceRange; readonly rows: number }[] = [];
  for (let range = walked.take(); range !== undefined; range = walked.take()) {
    const { from, to } = range;
    const rows = places.filter((place) => place >= from && place <= to).length;
    walked.learn(range, rows);
    ranges.push({ range, rows });
  }
  return ranges;
}

const WHOLE = { from: -(2n ** 63n), to: 2n ** 63n - 1n };

describe('RangeWalk', () => {
  it('covers every place once, whatever the density', () => {
    const clustered = Array.from({ length: 500 }, (_, i) => BigInt(i) ** 7n);
    for (const within of [{ from: 0n, to: 500n ** 7n }, WHOLE]) {
      const ranges = walk(clustered, { within, rows: 50 });
      expect(ranges[0]?.range.from).toBe(within.from);
      expect(ranges.at(-1)?.range.to).toBe(within.to);
      for (const [i, { range }] of ranges.entries()) if (i > 0) expect(range.from).toBe((ranges[i - 1]?.range.to ?? 0n) + 1n);
      expect(ranges.reduce((sum, { rows }) => sum + rows, 0)).toBe(500);
    }
  });

  it('makes ranges of about the wished rows where the places are even', () => {
    const ranges = walk(Array.from({ length: 2000 }, (_, i) => BigInt(3 * i)), { within: { from: 0n, to: 5999n }, rows: 100 });
    expect(ranges.length).toBeGreaterThanOrEqual(20);
    expect(ranges.length).toBeLessThanOrEqual(22);
  });

  it('does not need a right estimate', () => {
    for (const estimatedRows of [0, 1, 1e9]) {
      const ranges = walk(Array.from({ length: 2000 }, (_, i) => BigInt(i)), { within: { from: 0n, to: 1999n }, rows: 100, estimatedRows });
      expect(ranges.reduce((sum, { rows }) => sum + rows, 0)).toBe(2000);
      expect(ranges.length).toBeLessThan(60);
    }
  });

  it('begins with a small range where the number of rows is not known', () => {
    expect(walk(Array.from({ length: 2000 }, (_, i) => BigInt(i)), { within: { from: 0n, to: 1999n }, rows: 100, estimatedRows: 0 })[0]?.rows).toBe(100);
  });

  it('goes on from where another one stopped', () => {
    expect(new RangeWalk({ within: { from: 0n, to: 999n }, estimatedRows: 1000, rows: 100, next: 300n }).take()).toEqual({ from: 300n, to: 399n });
  });

  it('crosses an empty stretch in steps that grow', () => {
    expect(walk([0n, 2n ** 62n], { within: { from: 0n, to: 2n ** 62n }, rows: 10, estimatedRows: 1e9 }).length).toBeLessThan(40);
  });

  it('narrows the next range when somebody says so', () => {
    const walked = new RangeWalk({ within: { from: 0n, to: 999_999n }, estimatedRows: 1_000_000, rows: 1000 });
    const first = walked.take();
    expect(first).toEqual({ from: 0n, to: 999n });
    walked.learn({ from: 0n, to: 999n }, 1000, 10);
    expect(walked.take()).toEqual({ from: 1000n, to: 1009n });
  });
});
