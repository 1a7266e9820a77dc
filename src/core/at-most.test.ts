import { expect, it } from 'vitest';
import { atMost } from './at-most.ts';
import { systemClock } from './clock.ts';

it('gives the result, the failure, or up', async () => {
  expect(await atMost(systemClock, 60_000, Promise.resolve(1))).toBe(1);
  await expect(atMost(systemClock, 60_000, Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await atMost(systemClock, 1, new Promise(() => {}))).toBeUndefined();
});
