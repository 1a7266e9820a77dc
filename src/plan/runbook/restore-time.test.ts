import { expect, it } from 'vitest';
import { restoreTime, sumOf } from './restore-time.ts';

const probe = { table: 'users', rounds: [{ rows: 1000, bytes: 100_000, seconds: 0.1 }, { rows: 1000, bytes: 100_000, seconds: 0.2 }] };

it('reaches from what the rows say to what the bytes say, and shows how', () => {
  const same = restoreTime(probe, { rows: 10_000, bytes: 1_000_000, basis: 'measured' });
  expect(same).toMatchObject({ unit: 'seconds', basis: 'measured', low: 0.667 });
  expect(same.likely).toBeCloseTo(2, 5);
  // 2 s × 1.5 × ln 10,000 / ln 1,000 × 2.
  expect(same.high).toBeCloseTo(8, 1);
  expect(same.arithmetic).toContain('users: 1,000 sample rows (97.7 KiB with indexes) were restored 2 times in 0.1 s to 0.2 s; 10,000 rows are 10 times as many');
  const wide = restoreTime(probe, { rows: 10_000, bytes: 9_000_000, basis: 'measured' });
  expect([wide.low, wide.high]).toEqual([same.low, expect.closeTo(72, 0)]);
});

it('is summed over tables, and as sure as the least sure of them', () => {
  const [one, other] = [restoreTime(probe, { rows: 10_000, bytes: 1_000_000, basis: 'measured' }), restoreTime(probe, { rows: 10_000, bytes: 1_000_000, basis: 'stated' })];
  expect(sumOf([one, other])).toMatchObject({ low: 1.33, basis: 'stated', arithmetic: expect.stringMatching(/users: .*\. users: /) as string });
});
