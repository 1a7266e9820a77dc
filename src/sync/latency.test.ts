import { expect, it } from 'vitest';
import { LatencyRecord } from './latency.ts';

it('gives percentiles to within five per cent', () => {
  const record = new LatencyRecord();
  for (let ms = 1; ms <= 1000; ms++) record.record(ms);
  for (const share of [0.5, 0.95, 0.99]) {
    const right = share * 1000;
    expect(record.percentile(share)).toBeGreaterThanOrEqual(right);
    expect(record.percentile(share)).toBeLessThan(right * 1.06);
  }
  expect(record.count).toBe(1000);
});

it('counts one time for many rows, and none as zero', () => {
  const record = new LatencyRecord();
  expect(record.percentile(0.5)).toBe(0);
  record.record(0, 99);
  record.record(500, 1);
  expect(record.percentile(0.5)).toBe(0.1);
  expect(record.percentile(1)).toBeGreaterThanOrEqual(500);
});
