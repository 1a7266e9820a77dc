import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';
import { bytes, count, duration, plural, printable, rowText, styleFor, table } from './style.ts';

test.each([[0, '0.0 s'], [9.96, '10.0 s'], [59.4, '59 s'], [59.6, '1 min 00 s'], [185, '3 min 05 s'], [7805, '2 h 10 min']])('duration(%d)', (seconds, text) => {
  expect(duration(seconds)).toBe(text);
});

test.each([[0, '0 B'], [1023, '1023 B'], [1536, '1.5 KiB'], [5 * 1024 ** 4, '5.0 TiB'], [1024 ** 5, '1024.0 TiB']])('bytes(%d)', (value, text) => {
  expect(bytes(value)).toBe(text);
});

test('count and plural', () => {
  expect(count(1_234_567)).toBe('1,234,567');
  expect(plural(1, 'row')).toBe('1 row');
  expect(plural(2, 'entry', 'entries')).toBe('2 entries');
});

test('what comes from a database cannot steer the terminal', () => {
  expect(printable('a\u001B]0;x\u0007\n\u009B')).toBe('a\\x1b]0;x\\x07\\x0a\\x9b');
  expect(rowText({ 'i\u001Bd': '\r', n: null })).toBe('i\\x1bd=\\x0d, n=null');
  expect(rowText(null)).toBe('deleted');
});

test('a table is aligned by what is seen, colours or not', () => {
  const style = styleFor({ write: () => true, isTTY: true }, {});
  const text = table({ head: ['a', 'b'], rows: [[style.red('long'), '1'], ['x', '10'], ['y']], right: [1], style });
  expect(stripVTControlCharacters(text)).toBe('a      b\nlong   1\nx     10\ny\n');
  expect(text).toContain('\u001B[31mlong');
});
