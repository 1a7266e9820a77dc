import { bothWays, pair, type SchemaPair } from './pair.ts';

const table = (columns: string): string => `CREATE TABLE t (id integer PRIMARY KEY, a integer, b text, ${columns})`;
const T = table('c date');
const ROWS = { rows: "INSERT INTO t (id, a, b) VALUES (1, 2, 'x'), (2, 3, NULL)", kept: 'SELECT id, b FROM t ORDER BY id' };
const ALL = 'CREATE STATISTICS "Odd one" ON a, b, lower(b) FROM t; CREATE SCHEMA shop; CREATE STATISTICS shop.few (ndistinct, mcv) ON c, a FROM t; CREATE STATISTICS one ON (a * 2 + length(b)) FROM t';

/** Extended statistics. */
export const STATISTICS_PAIRS: readonly SchemaPair[] = [
  ...bothWays(pair('extended statistics', `${T}; CREATE SCHEMA shop`, `${T}; ${ALL}`, ROWS)),
  ...bothWays(pair('extended statistics of other kinds and columns', `${T}; CREATE STATISTICS s ON a, b FROM t; CREATE STATISTICS e ON lower(b), upper(b) FROM t`, `${T}; CREATE STATISTICS s (dependencies) ON a, c FROM t; CREATE STATISTICS e ON lower(b), a FROM t`, ROWS)),
  ...bothWays(pair('a table with extended statistics', 'CREATE TABLE r (id integer)', `CREATE TABLE r (id integer); ${T}; CREATE STATISTICS s ON a, b FROM t`)),
  ...bothWays(pair('a column with extended statistics', `${table('c integer')}; CREATE STATISTICS s ON a, c FROM t; CREATE STATISTICS u ON a, b FROM t`, 'CREATE TABLE t (id integer PRIMARY KEY, a integer, b text); CREATE STATISTICS u ON a, b FROM t', ROWS)),
  ...bothWays(pair('extended statistics of a column that gets another type', `${T}; CREATE STATISTICS s ON a, b FROM t; CREATE STATISTICS e ON (a + 1), b FROM t`, `${T.replace('a integer', 'a bigint')}; CREATE STATISTICS s ON a, b FROM t; CREATE STATISTICS e ON (a + 1), b FROM t`, ROWS)),
  ...bothWays(pair('extended statistics of a computed column', `${table('c integer GENERATED ALWAYS AS (a * 2) STORED')}; CREATE STATISTICS s ON a, c FROM t`, `${table('c integer GENERATED ALWAYS AS (a * 3) STORED')}; CREATE STATISTICS s ON a, c FROM t`, ROWS)),
  pair('extended statistics of a column and a table with other names', `${T}; CREATE STATISTICS s ON a, b FROM t; CREATE STATISTICS e ON lower(b) FROM t`, 'CREATE TABLE u (id integer PRIMARY KEY, a integer, "B b" text, c date); CREATE STATISTICS s ON a, "B b" FROM u; CREATE STATISTICS e ON lower("B b") FROM u', { renames: { t: 'u', 't.b': 'B b' } }),
];
