import { describe, expect, test } from 'vitest';
import { databaseUrl, decimalNumber, filled, nameList, wholeNumber } from './values.ts';

test.each([
  ['a', ['a']],
  ['a, b ,c', ['a', 'b', 'c']],
  ['public.a,"O,dd"."Ta""b,le"', ['public.a', '"O,dd"."Ta""b,le"']],
])('nameList(%j)', (text, names) => {
  expect(nameList(text)).toEqual(names);
});

test.each(['', ' ', ',', 'a,', ',a', 'a,,b', 'a, ,b', '"a', 'a"b,c'])('nameList refuses %j', (text) => {
  expect(() => nameList(text)).toThrow('Expected names separated by commas.');
});

describe('numbers', () => {
  test.each([['0', 0], ['7', 7], ['10', 10]])('wholeNumber(%j)', (text, value) => {
    expect(wholeNumber(0, 10)(text)).toBe(value);
  });
  test.each(['', '-1', '11', '1.5', '1e1', '0x1', ' 1', 'NaN', 'Infinity'])('wholeNumber refuses %j', (text) => {
    expect(() => wholeNumber(0, 10)(text)).toThrow('Expected a whole number from 0 to 10.');
  });
  test('decimalNumber', () => {
    expect(decimalNumber(0)('2.50')).toBe(2.5);
    expect(() => decimalNumber(1)('0.9')).toThrow('Expected a number, at least 1.');
    expect(() => decimalNumber(0)('9'.repeat(400))).toThrow('Expected a number, at least 0.');
  });
});

test('filled', () => {
  expect(filled('x')).toBe('x');
  expect(() => filled(' ')).toThrow('Expected something that is not empty.');
});

test('a database\'s URL is refused without being repeated', () => {
  expect(databaseUrl('postgresql://host/db')).toBe('postgresql://host/db');
  for (const text of ['shop', 'http://host/db', 'postgres://user:pass#word@host:port/db']) {
    expect(() => databaseUrl(text)).toThrow(expect.objectContaining({ code: 'BANYAN_USAGE', message: expect.not.stringContaining(text) as string }) as Error);
  }
});
