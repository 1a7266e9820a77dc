import { assert, property, string, stringMatching, uniqueArray } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fingerprint } from './fingerprint.ts';

const same = (a: string, b: string, dialect: 'postgres' | 'mysql' = 'postgres'): boolean => fingerprint(a, dialect) === fingerprint(b, dialect);

describe('the form of a statement', () => {
  it.each([
    ['numbers and strings', "SELECT * FROM t WHERE a = 1 AND b = 'x'", "select *  from T\n where a=-- c\n 2.5e-3 AND b = 'it''s; --'"],
    ['parameters and literals', 'UPDATE t SET a = $1 WHERE id = $2', "UPDATE t SET a = 'x' WHERE id = 7"],
    ['escape strings', String.raw`SELECT E'a\'b' FROM t`, "SELECT E'c' FROM t"],
    ['backslashes that escape nothing', String.raw`SELECT 'a\' FROM t`, "SELECT 'b' FROM t"],
    ['dollar quotes', 'SELECT $a$ FROM u; $a$ FROM t', 'SELECT $$x$$ FROM t'],
    ['comments, nested too', 'SELECT /* a /* b */ FROM u */ 1 FROM t', 'SELECT 1 FROM t /*traceparent=12*/;'],
    ['lists of any length', 'SELECT 1 FROM t WHERE id IN (1, 2, 3)', 'SELECT 1 FROM t WHERE id IN ($1)'],
    ['rows of any number', "INSERT INTO t (a, b) VALUES (1, 'x'), (2, NULL),(3, 'z') RETURNING id", 'INSERT INTO t (a, b) VALUES ($1, $2) RETURNING id'],
    ['words that are values', 'UPDATE t SET a = NULL, b = true', 'UPDATE t SET a = 1, b = FALSE'],
  ])('is the same for %s', (_, a, b) => {
    expect(same(a, b)).toBe(true);
  });

  it.each([
    ['tables', 'SELECT 1 FROM t', 'SELECT 1 FROM u'],
    ['names cut in two', 'SELECT 1 FROM ab c', 'SELECT 1 FROM a bc'],
    ['quoted names', 'SELECT 1 FROM "t a"', 'SELECT 1 FROM "t b"'],
    ['what stands behind a list', 'SELECT 1 FROM t WHERE id IN (1, 2) AND a IN (SELECT b FROM u)', 'SELECT 1 FROM t WHERE id IN (1, 2) AND a IN (SELECT b FROM w)'],
    ['a row that asks another table', 'INSERT INTO t VALUES (1), ((SELECT a FROM u))', 'INSERT INTO t VALUES (1), ((SELECT a FROM w))'],
    ['what stands behind a string that ends in a backslash', String.raw`SELECT 'a\' FROM t`, String.raw`SELECT 'a\' FROM u`],
    ['several statements', 'DELETE FROM t; DELETE FROM u', 'DELETE FROM t; DELETE FROM w'],
  ])('differs for %s', (_, a, b) => {
    expect(same(a, b)).toBe(false);
  });

  it('follows MySQL where that is told', () => {
    expect(same(String.raw`SELECT 'a\'b' FROM t # x`, "SELECT 'c' FROM t", 'mysql')).toBe(true);
    expect(same('SELECT "a b" FROM t', 'SELECT "c; d" FROM t', 'mysql')).toBe(true);
    expect(same('SELECT 1 FROM "t"', 'SELECT 1 FROM "u"', 'mysql')).toBe(false);
    expect(same('SELECT 1 FROM `t`', 'SELECT 1 FROM `u`', 'mysql')).toBe(false);
  });

  it('tells a thousand random forms apart and never runs away', () => {
    const name = stringMatching(/^[a-z_]{1,12}$/);
    assert(
      property(uniqueArray(name, { minLength: 50, maxLength: 50 }), (names) => {
        const forms = new Set(names.flatMap((a, i) => [`SELECT 1 FROM x${a}`, `INSERT INTO x${a} SELECT * FROM x${names[i - 1] ?? 'none'}`]).map((text) => fingerprint(text, 'postgres')));
        expect(forms.size).toBe(100);
      }),
      { seed: 7, numRuns: 20 },
    );
    assert(property(string({ unit: 'binary-ascii', maxLength: 60 }), (text) => Number.isSafeInteger(fingerprint(text, 'mysql')) && Number.isSafeInteger(fingerprint(text, 'postgres'))), { seed: 7 });
  });
});
