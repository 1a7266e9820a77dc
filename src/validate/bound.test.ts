import { expect, it } from 'vitest';
import { upperBound } from './bound.ts';

it('is the rule of three when nothing differs', () => {
  expect(upperBound({ rows: 1000, differing: 0, confidence: 0.95 })).toBeCloseTo(1 - 0.05 ** (1 / 1000), 8);
});

it('agrees with published Clopper-Pearson bounds', () => {
  // One-sided 97.5 % is the upper end of the usual two-sided 95 % interval.
  expect(upperBound({ rows: 20, differing: 5, confidence: 0.975 })).toBeCloseTo(0.491, 3);
  expect(upperBound({ rows: 100, differing: 1, confidence: 0.975 })).toBeCloseTo(0.0545, 4);
});

it('excludes nothing without rows, or when all differ', () => {
  expect(upperBound({ rows: 0, differing: 0, confidence: 0.95 })).toBe(1);
  expect(upperBound({ rows: 7, differing: 7, confidence: 0.95 })).toBe(1);
});

it('grows with differences and confidence, and shrinks with rows', () => {
  const bound = (rows: number, differing: number, confidence: number) => upperBound({ rows, differing, confidence });
  expect(bound(500, 3, 0.95)).toBeGreaterThan(bound(500, 2, 0.95));
  expect(bound(500, 3, 0.99)).toBeGreaterThan(bound(500, 3, 0.95));
  expect(bound(5000, 3, 0.95)).toBeLessThan(bound(500, 3, 0.95));
});
