import { expect, it } from 'vitest';
import { tableName } from '../../model/names.ts';
import { CopyTrust } from './copy-trust.ts';

const TABLE = tableName('public', 'item');

/** How many writes go the sure way before the next copy is tried. */
function pause(trust: CopyTrust): number {
  let n = 0;
  while (!trust.allows(TABLE)) n += 1;
  return n;
}

it('tries again after twice as many writes for each failure, up to a bound, and trusts again slowly', () => {
  const trust = new CopyTrust();
  expect(trust.allows(TABLE)).toBe(true);
  const pauses = Array.from({ length: 11 }, () => {
    trust.failed(TABLE);
    expect(trust.allows(tableName('public', 'other'))).toBe(true);
    return pause(trust);
  });
  expect(pauses).toEqual([16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 4096, 4096]);
  for (let i = 0; i < 2; i++) trust.worked(TABLE);
  trust.failed(TABLE);
  expect(pause(trust)).toBe(2048);
  for (let i = 0; i < 20; i++) trust.worked(TABLE);
  trust.failed(TABLE);
  expect(pause(trust)).toBe(16);
});
