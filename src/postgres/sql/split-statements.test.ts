import { describe, expect, test } from 'vitest';
import { splitStatements } from './split-statements.ts';

const texts = (script: string): string[] => [...splitStatements(script)].map((statement) => statement.text);

describe('splitStatements', () => {
  test('cuts at semicolons outside strings, names, comments and dollar quotes', () => {
    expect(
      texts(`select ';'; select "a;b" from t /* ; /* ; */ ; */; select $x$ ; $$ ; $x$; select e'\\';' -- ;\n; select 'it''s;'`),
    ).toEqual([
      `select ';'`,
      `select "a;b" from t /* ; /* ; */ ; */`,
      'select $x$ ; $$ ; $x$',
      `select e'\\';' -- ;`,
      `select 'it''s;'`,
    ]);
  });

  test('keeps a SQL-standard body together', () => {
    expect(
      texts(`create function f() returns int language sql begin atomic; select case when true then 1 end; select 2; end; select 3`),
    ).toHaveLength(2);
  });

  test('reports lines and the comments before a statement', () => {
    const found = [...splitStatements('-- first\n\n-- calls: 3\nselect 1;\n/* b */ select\n2;')];
    expect(found.map(({ line, comments }) => ({ line, comments }))).toEqual([
      { line: 4, comments: ['first', 'calls: 3'] },
      { line: 5, comments: ['b'] },
    ]);
  });

  test('skips psql commands and the data of COPY', () => {
    const dump = '\\restrict abc\ncopy t (a) from stdin;\n1;2\n\\N\n\\.\nselect 1;\n\\unrestrict abc\n';
    expect(texts(dump)).toEqual(['copy t (a) from stdin', 'select 1']);
    expect(texts('copy t from stdin;\nnever ended;')).toEqual(['copy t from stdin']);
  });

  test.each([`select 'open`, 'select "open', 'select $$ open', '/* open', 'select 1 /* open'])('ends with the script: %s', (script) => {
    expect(texts(script).join('')).toBe(script.startsWith('/*') ? '' : script);
  });

  test('yields nothing for empty statements', () => {
    expect(texts(';;  ; -- only a comment')).toEqual([]);
  });

  test('takes a positional parameter for what it is', () => {
    expect(texts('select $1; select $2')).toEqual(['select $1', 'select $2']);
  });
});
