import { expect, it } from 'vitest';
import { territories } from './number-territory.ts';

const standing = (next: bigint, start = 1n, increment = 1n) => ({ next, start, increment });

it.each([
  { what: 'both on their own where neither has a block', source: standing(9n), target: standing(5n), is: { source: {}, target: {}, overlap: false } },
  { what: 'a block above the source', source: standing(9n), target: standing(1007n, 1000n), is: { source: { below: 1000n }, target: { from: 1000n }, block: 1000n, overlap: false } },
  { what: 'a source that has come to the block', source: standing(1003n), target: standing(1007n, 1000n), is: { source: { from: 1000n }, target: { from: 1000n }, block: 1000n, overlap: true } },
  { what: 'a source that has leapt over it', source: standing(5000n), target: standing(1007n, 1000n), is: { source: { from: 1007n }, target: { from: 1000n, below: 1007n }, block: 1000n, overlap: false } },
  { what: 'a block below the source is none', source: standing(5000n, 4000n), target: standing(1n), is: { source: {}, target: {}, overlap: false } },
  {
    what: 'odd and even numbers', source: standing(9n, 1n, 2n), target: standing(4n, 2n, 2n),
    is: { source: { every: { step: 2n, remainder: 1n } }, target: { every: { step: 2n, remainder: 0n } }, overlap: false },
  },
  { what: 'numbers that count down have no block', source: standing(-9n, -1n, -1n), target: standing(-5n, -1n, -1n), is: { source: {}, target: {}, overlap: false } },
])('tells apart $what', ({ source, target, is }) => {
  expect(territories(source, target)).toEqual(is);
});
