import { describe, expect, it } from 'vitest';
import { isBanyanError } from '../../core/errors.ts';
import { parseRow } from './composite.ts';

describe('a row as text', () => {
  it.each([
    ['(1,a,)', ['1', 'a', null]],
    ['()', [null]],
    ['(,)', [null, null]],
    ['("",x)', ['', 'x']],
    ['("a ""b"" \\\\ c",")(,")', ['a "b" \\ c', ')(,']],
    ['("""")', ['"']],
    ['("""","""""")', ['"', '""']],
    ['("\\\\")', ['\\']],
    ['("a\nb","é漢🐘")', ['a\nb', 'é漢🐘']],
    ['("(1,""x ""y"""")",{1})'.replace('""x ""y""""', '""x y""'), ['(1,"x y")', '{1}']],
  ])('%s', (text, cells) => {
    expect(parseRow(text)).toEqual(cells);
  });

  it.each(['', '(', ')', '1,2', '(1', '("a)', '("a\\b")', '("\\")'])('refuses %j', (text) => {
    expect(() => parseRow(text)).toThrow(expect.toSatisfy((error: unknown) => isBanyanError(error, 'BANYAN_WAL_FORMAT')));
  });
});
