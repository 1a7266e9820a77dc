import { expect, it } from 'vitest';
import { addChange, difference, within } from './exact-decimal.ts';

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

it.each([
  ['0.1', '0.11', { absolute: 0.01 }, true],
  ['0.1', '0.1100000000000000000001', { absolute: 0.01 }, false],
  ['12345678901234567890.12', '12345678901234567890.13', { absolute: '0.01' }, true],
  ['12345678901234567890.12', '12345678901234567890.14', { absolute: '0.01' }, false],
  ['100', '101', { relative: 0.01 }, true],
  ['-100', '-101.02', { relative: 0.01 }, false],
  ['1e300', '1.000000001e+300', { relative: 1e-9 }, true],
  ['1e-07', '0.0000001', {}, true],
  ['5e-324', '0', { absolute: 1e-300 }, true],
  ['5e-324', '0', {}, false],
  ['-1', '1', { relative: 1 }, false],
  ['NaN', 'NaN', { absolute: 1 }, false],
  ['Infinity', '1', { relative: 1 }, false],
  ['$1.00', '$1.00', { absolute: 1 }, false],
])('%s and %s are within %j: %s', (a, b, bounds, expected) => {
  expect(within(a, b, bounds)).toBe(expected);
  expect(within(b, a, bounds)).toBe(expected);
});

it.each([['1.10', '1.1', '0.00'], ['99999999999999999999.01', '99999999999999999999', '0.01'], ['1e3', '1', '999'], ['NaN', '1', undefined]])('%s - %s = %s', (a, b, expected) => {
  expect(difference(a, b)).toBe(expected);
});
