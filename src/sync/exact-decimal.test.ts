import { expect, it } from 'vitest';
import { addChange } from './exact-decimal.ts';

it.each([
  ['10', '7', '10', '7'],
  ['8', '7', '10', '5'],
  ['9007199254740993', '9007199254740994', '9007199254740993', '9007199254740994'],
  ['0.10', '0.3', '0.2', '0.20'],
  ['-1', '1', '3', '-3'],
  ['99999999999999999999999999999999999999.00000000000000000001', '2', '1', '100000000000000000000000000000000000000.00000000000000000001'],
  ['0.5', '0', '1', '-0.5'],
  ['1', '1.00', '1', '1.00'],
])('%s, changed from %s on the other side where it was %s, becomes %s', (ours, theirs, before, sum) => {
  expect(addChange(ours, theirs, before)).toBe(sum);
});

it.each([['NaN', '1', '1'], ['1', 'Infinity', '1'], ['1', '1', '$1.00'], ['1e3', '1', '1'], ['', '1', '1']])(
  'gives nothing for what is no plain decimal number: %s, %s, %s',
  (ours, theirs, before) => {
    expect(addChange(ours, theirs, before)).toBeUndefined();
  },
);
