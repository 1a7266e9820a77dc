import { assert, double, integer, property } from 'fast-check';
import { expect, it } from 'vitest';
import { upperShare } from './upper-share.ts';

it('is the bound of Clopper and Pearson', () => {
  // Of none among n it is 1 - δ^(1/n); the others are from tables.
  expect(upperShare({ n: 100, k: 0 }, 0.05)).toBeCloseTo(1 - 0.05 ** 0.01, 9);
  expect(upperShare({ n: 100, k: 5 }, 0.025)).toBeCloseTo(0.112835, 5);
  expect(upperShare({ n: 10, k: 3 }, 0.025)).toBeCloseTo(0.652453, 5);
});

it('says nothing of nothing, and nears the share with more requests', () => {
  expect(upperShare({ n: 0, k: 0 }, 0.01)).toBe(1);
  expect(upperShare({ n: 5, k: 5 }, 0.01)).toBe(1);
  assert(
    property(integer({ min: 1, max: 50_000 }), double({ min: 0, max: 0.9, noNaN: true }), (n, share) => {
      const k = Math.floor(n * share);
      const bound = upperShare({ n, k }, 0.01);
      expect(bound).toBeGreaterThan(k / n);
      expect(upperShare({ n: n * 10, k: k * 10 }, 0.01)).toBeLessThan(bound);
      expect(upperShare({ n, k }, 0.001)).toBeGreaterThan(bound);
    }),
  );
});
