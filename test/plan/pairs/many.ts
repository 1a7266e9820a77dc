import { bothWays, pair, type SchemaPair } from './pair.ts';

const times = (count: number, each: (n: number) => string): string => Array.from({ length: count }, (_, n) => each(n)).join(', ');
const statements = (count: number, each: (n: number) => string): string => Array.from({ length: count }, (_, n) => each(n)).join('; ');
const T = 'CREATE TABLE t (id integer PRIMARY KEY';
const rows = (columns: number): string => `INSERT INTO t VALUES (1${', 1'.repeat(columns)}), (2${', 2'.repeat(columns)})`;

/** Up to forty changes at once, with rows. */
export const MANY_PAIRS: readonly SchemaPair[] = [
  ...bothWays(pair('forty columns come', `${T})`, `${T}, ${times(40, (n) => `c${n} text DEFAULT '${n}'`)})`, { rows: rows(0) })),
  ...bothWays(pair('forty columns get wider', `${T}, ${times(40, (n) => `c${n} integer`)})`, `${T}, ${times(40, (n) => `c${n} bigint`)})`, { rows: rows(40) })),
  ...bothWays(pair('forty columns may not be null', `${T}, ${times(40, (n) => `c${n} integer`)})`, `${T}, ${times(40, (n) => `c${n} integer NOT NULL`)})`, { rows: rows(40) })),
  ...bothWays(pair('forty defaults', `${T}, ${times(40, (n) => `c${n} integer`)})`, `${T}, ${times(40, (n) => `c${n} integer DEFAULT ${n}`)})`, { rows: rows(40) })),
  ...bothWays(pair('forty indexes', `${T}, ${times(5, (n) => `c${n} integer`)})`, `${T}, ${times(5, (n) => `c${n} integer`)}); ${statements(40, (n) => `CREATE INDEX i${n} ON t (c${n % 5}, (c${(n + 1) % 5} + ${n}))`)}`, { rows: rows(5) })),
  ...bothWays(pair('forty checks', `${T}, c integer)`, `${T}, c integer, ${times(40, (n) => `CONSTRAINT k${n} CHECK (c <> ${n + 100})`)})`, { rows: rows(1) })),
  ...bothWays(pair('forty tables', `${T})`, `${T}); ${statements(40, (n) => `CREATE TABLE t${n} (id integer PRIMARY KEY, up integer REFERENCES t)`)}`, { rows: rows(0) })),
  ...bothWays(pair('forty views, each on the one before', `${T}); CREATE VIEW v0 AS SELECT id FROM t`, `${T}); CREATE VIEW v0 AS SELECT id FROM t WHERE id > 0; ${statements(40, (n) => `CREATE VIEW v${n + 1} AS SELECT id FROM v${n}`)}`, { rows: rows(0) })),
  ...bothWays(pair('forty comments', `${T}, ${times(40, (n) => `c${n} integer`)})`, `${T}, ${times(40, (n) => `c${n} integer`)}); ${statements(40, (n) => `COMMENT ON COLUMN t.c${n} IS 'it''s ${n}'`)}`, { rows: rows(40) })),
  ...bothWays(pair('ten of each at once', `${T}, ${times(40, (n) => `c${n} integer`)})`, `${T}, ${times(10, (n) => `c${n} bigint NOT NULL`)}, ${times(10, (n) => `c${n + 10} integer DEFAULT ${n} CHECK (c${n + 10} < 1000)`)}, ${times(10, (n) => `c${n + 20} text UNIQUE`)}, ${times(10, (n) => `d${n} text DEFAULT 'x'`)}); ${statements(10, (n) => `CREATE INDEX i${n} ON t (c${n}, d${n})`)}; CREATE VIEW v AS SELECT id, c0, c10, c20, d0 FROM t`, { rows: rows(40) })),
];
