import { describe, expect, it } from 'vitest';
import { Throttle } from './throttle.ts';

const throttle = (): Throttle => new Throttle({ limit: 50, leastShare: 0.1 });

/** The share after each commit. */
const shares = (each: Throttle, commits: readonly number[]): number[] => commits.map((took) => (each.add(took), Math.round(each.share * 1000) / 1000));

describe('the throttle', () => {
  it('leaves a stream alone while commits are fast, whatever a single one takes', () => {
    const each = throttle();
    expect(shares(each, [5, 5, 900, 5, 5, 5, 900, 900, 5, 50])).toEqual(Array.from({ length: 10 }, () => 1));
    expect(each.pauseMs(100)).toBe(0);
  });

  it('halves the share while they are slow, never below the least, and gives it back in steps', () => {
    const each = throttle();
    expect(shares(each, [60, 60, 60, 60, 60, 60, 60, 60, 60])).toEqual([1, 1, 1, 1, 0.5, 0.25, 0.125, 0.1, 0.1]);
    expect(shares(each, [5, 5, 5, 5, 5])).toEqual([0.1, 0.1, 0.2, 0.3, 0.4]);
  });

  it('tells when it begins and when it is over', () => {
    const each = throttle();
    const told = [...Array.from({ length: 8 }, () => 60), ...Array.from({ length: 14 }, () => 5)].map((took) => each.add(took));
    expect(told.filter((word) => word !== undefined)).toEqual(['begun', 'over']);
    expect(each.share).toBe(1);
  });

  it('pauses in proportion to the work, and not for long', () => {
    const each = throttle();
    for (let i = 0; i < 5; i++) each.add(60);
    expect([each.pauseMs(0), each.pauseMs(100), each.pauseMs(60_000)]).toEqual([0, 100, 2000]);
  });
});
