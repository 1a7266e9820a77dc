import { describe, expect, it } from 'vitest';
import { mysqlStatements } from './read-statements.ts';

const read = mysqlStatements((database) => (database === undefined || database === 'shop' ? 'public' : database));
const short = (names: readonly string[]): string => names.map((name) => name.replace(/^public\./, '')).toSorted().join(' ');
const told = (text: string): string =>
  read(text).map((step) => (step.kind === 'control' ? step.control.act : `${short(step.reads)} > ${short(step.writes)}`)).join('; ');

describe('a statement of MySQL', () => {
  it.each([
    ['SELECT o.*, u.name FROM orders o LEFT JOIN `users` u ON u.id = o.user_id, c WHERE o.id IN (1, 2) FOR UPDATE', 'c orders users > '],
    ["SELECT 'FROM x', \"from y\", EXTRACT(YEAR FROM a), TRIM(LEADING 'x' FROM b) FROM t -- FROM z\n# FROM v\n/* FROM w */", 't > '],
    ['SELECT SQL_CALC_FOUND_ROWS a FROM t STRAIGHT_JOIN u', 't u > '],
    ['SELECT STRAIGHT_JOIN a FROM t USE INDEX (i, j) IGNORE INDEX (k), u LOCK IN SHARE MODE', 't u > '],
    ['SELECT * FROM (SELECT * FROM x) y, z WHERE EXISTS (SELECT 1 FROM v) ORDER BY a, b', 'v x z > '],
    ['SELECT * FROM (a JOIN b USING (id)) CROSS JOIN c PARTITION (p0, p1)', 'a b c > '],
    ['WITH RECURSIVE w (n) AS (SELECT 1 FROM q UNION ALL SELECT n FROM w), v AS (SELECT 2 FROM r) SELECT * FROM w JOIN v JOIN z', 'q r z > '],
    ['SELECT /*!40001 SQL_NO_CACHE */ * FROM `shop`.`t`, other.u', 'other.u t > '],
    ['SELECT 1', ''],
    ['SELECT * FROM information_schema.tables, dual', ''],
    ["SELECT * FROM t, JSON_TABLE(t.j, '$[*]' COLUMNS (a INT PATH '$.a')) jt", 't > '],
    ['(SELECT a FROM t) UNION (SELECT b FROM u LIMIT 1)', 't u > '],
    ['SELECT a INTO @x FROM t LIMIT 1, 2', 't > '],
    ['TABLE t ORDER BY a', 't > '],
    ["INSERT INTO t (a) VALUES ('x;\\'y'), (\"z\")", ' > t'],
    ['INSERT IGNORE t SET a = (SELECT max(b) FROM u)', 'u > t'],
    ['INSERT INTO a (x, y) SELECT x, y FROM b JOIN c', 'b c > a'],
    ['REPLACE INTO shop.t VALUES (1)', ' > t'],
    ['UPDATE t SET a = a + 1, b = NOW() WHERE id = 5 ORDER BY id LIMIT 1', 't > t'],
    ['UPDATE a JOIN b AS x ON a.id = x.id SET a.v = x.v, x.w = 1 WHERE 1', 'a b > a b'],
    ['UPDATE a, b SET b.v = 1', 'a b > b'],
    ['UPDATE t SET a = (SELECT x FROM u WHERE u.id = t.id), b = 2', 't u > t'],
    ['DELETE FROM t WHERE id = 1 LIMIT 1', 't > t'],
    ['DELETE a, x FROM a JOIN b x USING (id) JOIN c', 'a b c > a b'],
    ['DELETE FROM a USING a INNER JOIN b USING (id)', 'a b > a'],
    ['DELETE LOW_PRIORITY FROM shop.t WHERE id IN (SELECT id FROM u)', 't u > t'],
    ['WITH w AS (SELECT id FROM q) DELETE FROM t WHERE id IN (SELECT id FROM w)', 'q t > t'],
    ['TRUNCATE TABLE t', 'commit;  > t'],
    ["LOAD DATA LOCAL INFILE 'x' INTO TABLE t (a, b)", ' > t'],
    ['CREATE TEMPORARY TABLE x AS SELECT * FROM t', 't > '],
    ['ALTER TABLE t ADD COLUMN x INT', 'commit'],
    ['SHOW FULL COLUMNS FROM t', ''],
    ['INSERT INTO a VALUES (1); UPDATE b SET c = 1', ' > a; b > b'],
  ])('%s', (text, expected) => {
    expect(told(text)).toBe(expected);
  });

  it('says what is set, and what from its own value', () => {
    const operations = (text: string): unknown => read(text).flatMap((step) => (step.kind === 'access' ? (step.operations ?? []) : []));
    expect(operations('UPDATE t SET a = a + 1, b = NOW(), `c` = IFNULL(c, 0) WHERE d = a')).toEqual([{ table: 'public.t', kind: 'update', columns: ['a', 'b', 'c'], relative: ['a', 'c'] }]);
    expect(operations('INSERT INTO t (a, b) VALUES (1, 2) ON DUPLICATE KEY UPDATE a = a + VALUES(a), b = VALUES(b)')).toEqual([
      { table: 'public.t', kind: 'insert' }, { table: 'public.t', kind: 'update', columns: ['a', 'b'], relative: ['a'] },
    ]);
    expect(operations('DELETE x FROM t x JOIN u')).toEqual([{ table: 'public.t', kind: 'delete' }]);
  });

  it.each(['SELEC 1', "SELECT 'x", 'SELECT * FROM', 'SELECT * FROM (t', 'SELECT 1) FROM t', 'INSERT INTO (1)', 'UPDATE t WHERE 1', 'SELECT * FROM t, WHERE 1'])('refuses %s', (text) => {
    expect(() => read(text)).toThrow();
  });
});
