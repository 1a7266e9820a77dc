import { describe, expect, it } from 'vitest';
import { seededRandom } from '../core/random.ts';
import { driftTrend, median } from './trend.ts';

const DAY = 86_400_000;
const daily = (drifts: readonly number[]) => drifts.map((drift, day) => ({ atMs: day * DAY, drift }));

describe('the trend', () => {
  it('rises, falls, is steady, or is not known', () => {
    expect(driftTrend(daily([0, 0.001, 0.002, 0.003, 0.004, 0.005]))).toEqual({ direction: 'rising', percentPerDay: expect.closeTo(0.1, 9) as number, runs: 6 });
    expect(driftTrend(daily([0.05, 0.04, 0.03, 0.02, 0.01, 0]))).toMatchObject({ direction: 'falling', percentPerDay: expect.closeTo(-1, 9) as number });
    expect(driftTrend(daily(Array.from({ length: 20 }, () => 0.01)))).toEqual({ direction: 'steady', percentPerDay: 0, runs: 20 });
    expect(driftTrend(daily([0, 1, 2, 3]))).toEqual({ direction: 'unknown', percentPerDay: 0, runs: 4 });
  });

  it('does not care for the order, nor for a few wild runs', () => {
    const rising = daily([0, 0.001, 0.9, 0.003, 0.004, 0.005, 0, 0.007, 0.008, 0.009, 0.01, 0.011]);
    expect(driftTrend([...rising].reverse())).toEqual(driftTrend(rising));
    expect(driftTrend(rising).direction).toBe('rising');
    expect(driftTrend(rising).percentPerDay).toBeCloseTo(0.1, 1);
    expect(driftTrend(daily([0, 0, 0, 0, 0.5, 0, 0, 0, 0, 0])).direction).toBe('steady');
  });

  it('of noise is steady in 19 of 20 cases', () => {
    const random = seededRandom(7);
    const shares = [8, 20].map((runs) => {
      let called = 0;
      for (let round = 0; round < 2000; round += 1) if (driftTrend(daily(Array.from({ length: runs }, random))).direction !== 'steady') called += 1;
      return called / 2000;
    });
    expect(Math.max(...shares)).toBeLessThan(0.065);
    expect(Math.min(...shares)).toBeGreaterThan(0.02);
  });

  it('is seen under noise that is as large as it', () => {
    const random = seededRandom(3);
    let seen = 0;
    for (let round = 0; round < 200; round += 1) if (driftTrend(daily(Array.from({ length: 20 }, (_, day) => 0.001 * day + 0.02 * random()))).direction === 'rising') seen += 1;
    expect(seen).toBeGreaterThan(180);
  });
});

it('the median is the middle', () => {
  expect([median([3, 1, 2]), median([4, 1, 3, 2]), median([])]).toEqual([2, 2.5, Number.NaN]);
});
