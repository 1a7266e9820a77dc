import { expect, test } from 'vitest';
import { nearest } from './nearest.ts';

test.each([
  ['tabels', ['url', 'tables', 'match'], 'tables'],
  ['urls', ['url', 'upstream'], 'url'],
  ['Listen', ['admin', 'listen'], 'listen'],
  ['b', ['a'], 'a'],
  ['zebra', ['tables', 'url'], undefined],
  ['', ['ab'], undefined],
  ['x', [], undefined],
])('%j among %j is %j', (word, names, expected) => {
  expect(nearest(word, names)).toBe(expected);
});
