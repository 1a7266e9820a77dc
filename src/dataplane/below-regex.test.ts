import { expect, it } from 'vitest';
import { belowRegex } from './below-regex.ts';

const fits = (limit: number): string => {
  const regex = belowRegex(limit);
  const compiled = regex === undefined ? undefined : new RegExp(regex);
  return Array.from({ length: 10_000 }, (_, n) => (compiled?.test(String(n).padStart(4, '0')) ? '1' : '0')).join('');
};
const below = (limit: number): string => '1'.repeat(limit) + '0'.repeat(10_000 - limit);

it.each([0, 1, 2, 9, 10, 11, 99, 100, 101, 109, 110, 999, 1000, 1001, 1010, 1100, 1234, 3741, 5000, 9001, 9010, 9100, 9990, 9998, 9999, 10_000])(
  'fits the numbers below %i and no other', (limit) => {
    expect(fits(limit) === below(limit)).toBe(true);
  });

it('fits them for every 37th limit', () => {
  for (let limit = 0; limit <= 10_000; limit += 37) expect(fits(limit) === below(limit), String(limit)).toBe(true);
});

it('fits no number of other than four digits, and nothing else', () => {
  for (const text of ['', '0', '000', '00001', '0001\n', 'x0001', '-001', '٠٠٠١']) expect(new RegExp(belowRegex(9000) ?? '').test(text)).toBe(false);
});
