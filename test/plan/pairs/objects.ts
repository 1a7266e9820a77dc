import { bothWays, goods, pair, type SchemaPair } from './pair.ts';

const F = "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TABLE t (id integer PRIMARY KEY, a integer, b text)";
const trigger = (name: string, old: string, fresh: string): readonly SchemaPair[] => bothWays(pair(name, `${F}${old}`, `${F}${fresh}`, { rows: "INSERT INTO t VALUES (1, 2, 'x')", kept: 'SELECT * FROM t' }));
const P = 'CREATE TABLE p (id integer NOT NULL, k text NOT NULL, at date NOT NULL, note text)';
const parts = (name: string, old: string, fresh: string, rows = ''): readonly SchemaPair[] => bothWays(pair(name, `${P}${old}`, `${P}${fresh}`, rows === '' ? {} : { rows, kept: 'SELECT id, k, at FROM p ORDER BY id' }));
const RANGE = " PARTITION BY RANGE (at); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')";
const MORE = "; CREATE TABLE p2 PARTITION OF p FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')";
const ROW = "INSERT INTO p VALUES (1, 'a', '2025-05-05', 'n')";

/** What becomes of the labels `low` and `high`. */
const MOODS = [['with another label', "'low', 'middle', 'high'"], ['in another order', "'high', 'low'"]] as const;
const MOOD = (labels: string): string => `CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TYPE mood AS ENUM (${labels}); CREATE TABLE t (id integer PRIMARY KEY, m mood)`;

/** Views, triggers, sequences, partitions, defined types, settings of tables. */
export const OBJECT_PAIRS: readonly SchemaPair[] = [
  ...bothWays(goods('a view', ')', '); CREATE VIEW v AS SELECT id, name FROM goods')),
  ...bothWays(goods('a view with a condition', '); CREATE VIEW v AS SELECT id, name FROM goods', '); CREATE VIEW v AS SELECT id, name FROM goods WHERE price > 1')),
  ...bothWays(goods('a view with one column more', '); CREATE VIEW v AS SELECT id FROM goods', '); CREATE VIEW v AS SELECT id, name FROM goods')),
  ...bothWays(goods('a view with other names', '); CREATE VIEW v AS SELECT id, name FROM goods', '); CREATE VIEW v AS SELECT id, name AS called FROM goods')),
  ...bothWays(goods('a view on a view', '); CREATE VIEW v AS SELECT id, name FROM goods', '); CREATE VIEW v AS SELECT id, name FROM goods; CREATE VIEW w AS SELECT name FROM v')),
  ...bothWays(goods('three views, the lowest of which changes', '); CREATE VIEW v AS SELECT id, name FROM goods; CREATE VIEW w AS SELECT id FROM v; CREATE VIEW x AS SELECT v.id FROM v JOIN w USING (id)', '); CREATE VIEW v AS SELECT id, name, price FROM goods; CREATE VIEW w AS SELECT id FROM v; CREATE VIEW x AS SELECT v.id FROM v JOIN w USING (id)')),
  ...bothWays(goods('a materialized view', ')', '); CREATE MATERIALIZED VIEW m AS SELECT count(*) AS many FROM goods')),
  ...bothWays(goods('a view that becomes a materialized one', '); CREATE VIEW v AS SELECT id FROM goods', '); CREATE MATERIALIZED VIEW v AS SELECT id FROM goods')),
  ...bothWays(goods('a materialized view on a view', '); CREATE VIEW v AS SELECT id, price FROM goods', '); CREATE VIEW v AS SELECT id, price FROM goods WHERE id > 0; CREATE MATERIALIZED VIEW m AS SELECT sum(price) AS total FROM v')),
  ...bothWays(goods('a column that a view does not read', '); CREATE VIEW v AS SELECT id FROM goods', ', extra text); CREATE VIEW v AS SELECT id FROM goods')),
  ...bothWays(goods('a view with a column list and quotes', ')', `); CREATE VIEW "It's" ("a b", "select") AS SELECT id, name FROM goods`)),
  ...bothWays(goods('a recursive view', ')', '); CREATE VIEW v AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT g.id FROM goods g JOIN n ON n.i = g.id')),
  ...MOODS.flatMap(([what, labels]) => bothWays(pair(`a trigger on a column of an enum ${what}`, `${MOOD("'low', 'high'")}; CREATE TRIGGER g BEFORE UPDATE OF m ON t FOR EACH ROW EXECUTE FUNCTION f()`, `${MOOD(labels)}; CREATE TRIGGER g BEFORE UPDATE OF m ON t FOR EACH ROW EXECUTE FUNCTION f()`, { rows: "INSERT INTO t VALUES (1, 'low')", kept: 'SELECT id, m::text FROM t' }))),
  ...MOODS.flatMap(([what, labels]) => bothWays(pair(`a policy on a column of an enum ${what}`, `${MOOD("'low', 'high'")}; CREATE POLICY p ON t USING (m <> 'low')`, `${MOOD(labels)}; CREATE POLICY p ON t USING (m <> 'low')`, { rows: "INSERT INTO t VALUES (1, 'low')", kept: 'SELECT id, m::text FROM t' }))),
  ...bothWays(pair('a composite type with a collation', 'CREATE TYPE c AS (x integer, y text)', 'CREATE TYPE c AS (x integer, y text COLLATE "C", "b c" numeric(9,2)[])')),
  ...trigger('a trigger', '', '; CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()'),
  ...trigger('a trigger of another time', '; CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()', '; CREATE TRIGGER g AFTER INSERT OR DELETE ON t FOR EACH ROW EXECUTE FUNCTION f()'),
  ...trigger('a trigger on columns', '; CREATE TRIGGER g BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f()', '; CREATE TRIGGER g BEFORE UPDATE OF a, b ON t FOR EACH ROW EXECUTE FUNCTION f()'),
  ...trigger('a trigger with a condition', '; CREATE TRIGGER g BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f()', "; CREATE TRIGGER g BEFORE UPDATE ON t FOR EACH ROW WHEN (old.b IS DISTINCT FROM new.b AND new.b <> 'it''s') EXECUTE FUNCTION f()"),
  ...trigger('a trigger that is off', '; CREATE TRIGGER g BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f()', '; CREATE TRIGGER g BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f(); ALTER TABLE t DISABLE TRIGGER g'),
  ...trigger('a trigger for replication', '; CREATE TRIGGER g BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f(); ALTER TABLE t ENABLE REPLICA TRIGGER g', '; CREATE TRIGGER g BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f(); ALTER TABLE t ENABLE ALWAYS TRIGGER g'),
  ...trigger('a trigger per statement, with its rows', '', '; CREATE TRIGGER g AFTER UPDATE ON t REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION f()'),
  ...trigger('a constraint trigger', '', '; CREATE CONSTRAINT TRIGGER g AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION f()'),
  ...trigger('a trigger of another name', '; CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()', '; CREATE TRIGGER "G g" BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()'),
  ...bothWays(pair('a sequence', 'CREATE TABLE t (id integer)', 'CREATE TABLE t (id integer); CREATE SEQUENCE s')),
  ...bothWays(pair('a sequence with other steps', 'CREATE SEQUENCE s', 'CREATE SEQUENCE s INCREMENT 10 MINVALUE -5 CACHE 3')),
  ...bothWays(pair('a sequence downwards', 'CREATE SEQUENCE s', 'CREATE SEQUENCE s INCREMENT -1')),
  ...bothWays(pair('a sequence of another type', 'CREATE SEQUENCE s AS smallint', 'CREATE SEQUENCE s AS bigint')),
  ...bothWays(pair('a sequence that a column owns', 'CREATE SEQUENCE s; CREATE TABLE t (id integer)', 'CREATE SEQUENCE s; CREATE TABLE t (id integer); ALTER SEQUENCE s OWNED BY t.id')),
  ...bothWays(pair('a sequence that a default draws from', 'CREATE SEQUENCE s; CREATE TABLE t (id integer)', "CREATE SEQUENCE s; CREATE TABLE t (id integer DEFAULT nextval('s'))")),
  ...parts('a partition', RANGE, `${RANGE}${MORE}`),
  ...parts('a default partition', RANGE, `${RANGE}; CREATE TABLE pd PARTITION OF p DEFAULT`),
  ...parts('a partitioned table with a key', RANGE, `${RANGE}; ALTER TABLE p ADD PRIMARY KEY (id, at)`, ROW),
  ...parts('a partitioned table with an index', RANGE, `${RANGE}; CREATE INDEX ON p (k)`, ROW),
  ...parts('a partitioned table with a check', RANGE, `${RANGE}; ALTER TABLE p ADD CONSTRAINT c CHECK (id > 0)`, ROW),
  ...parts('a partitioned table with a default', RANGE, `${RANGE}; ALTER TABLE p ALTER note SET DEFAULT 'x'`, ROW),
  ...parts('a partitioned table with a longer text', RANGE, `${RANGE}; ALTER TABLE p ALTER note TYPE varchar(50)`, ROW),
  ...parts('a table of one\'s own among the partitions', `${RANGE}; CREATE TABLE p2 (id integer NOT NULL, k text NOT NULL, at date NOT NULL, note text)`, `${RANGE}${MORE}`, ROW),
  ...parts('partitions by list', " PARTITION BY LIST (k); CREATE TABLE pa PARTITION OF p FOR VALUES IN ('a')", " PARTITION BY LIST (k); CREATE TABLE pa PARTITION OF p FOR VALUES IN ('a'); CREATE TABLE pb PARTITION OF p FOR VALUES IN ('b', 'it''s')"),
  ...parts('partitions by hash', ' PARTITION BY HASH (id); CREATE TABLE p0 PARTITION OF p FOR VALUES WITH (modulus 2, remainder 0)', ' PARTITION BY HASH (id); CREATE TABLE p0 PARTITION OF p FOR VALUES WITH (modulus 2, remainder 0); CREATE TABLE p1 PARTITION OF p FOR VALUES WITH (modulus 2, remainder 1)'),
  ...bothWays(pair('an enum', 'CREATE TABLE t (id integer)', "CREATE TYPE mood AS ENUM ('a', 'it''s'); CREATE TABLE t (id integer, m mood NOT NULL DEFAULT 'a')")),
  pair('an enum with a label at the beginning', "CREATE TYPE mood AS ENUM ('b'); CREATE TABLE t (m mood)", "CREATE TYPE mood AS ENUM ('a', 'b'); CREATE TABLE t (m mood)", { rows: "INSERT INTO t VALUES ('b')", kept: 'SELECT * FROM t' }),
  pair('an enum with labels everywhere', "CREATE TYPE mood AS ENUM ('b', 'd'); CREATE TABLE t (m mood)", "CREATE TYPE mood AS ENUM ('a', 'b', 'b2', 'c', 'd', 'e')  ; CREATE TABLE t (m mood)", { rows: "INSERT INTO t VALUES ('d')", kept: 'SELECT * FROM t' }),
  ...bothWays(pair('an enum in another order', "CREATE TYPE mood AS ENUM ('a', 'b'); CREATE TABLE t (m mood)", "CREATE TYPE mood AS ENUM ('b', 'a'); CREATE TABLE t (m mood)", { rows: "INSERT INTO t VALUES ('b')", kept: 'SELECT * FROM t' })),
  ...bothWays(pair('a domain with a check', "CREATE DOMAIN d AS text; CREATE TABLE t (c d)", "CREATE DOMAIN d AS text CHECK (VALUE <> ''); CREATE TABLE t (c d)", { rows: "INSERT INTO t VALUES ('x')", kept: 'SELECT * FROM t' })),
  ...bothWays(pair('a domain with a default', 'CREATE DOMAIN d AS integer; CREATE TABLE t (c d)', 'CREATE DOMAIN d AS integer DEFAULT 5; CREATE TABLE t (c d)')),
  ...bothWays(pair('a domain that may not be null', 'CREATE DOMAIN d AS integer; CREATE TABLE t (c d)', 'CREATE DOMAIN d AS integer NOT NULL; CREATE TABLE t (c d)', { rows: 'INSERT INTO t VALUES (1)', kept: 'SELECT * FROM t' })),
  ...bothWays(pair('a composite type with one part more', 'CREATE TYPE c AS (x integer)', 'CREATE TYPE c AS (x integer, y text)')),
  ...bothWays(pair('a range type', 'CREATE TABLE t (id integer)', 'CREATE TYPE span AS RANGE (subtype = time); CREATE TABLE t (id integer, s span)')),
  ...bothWays(pair('an unlogged table', 'CREATE TABLE t (id integer PRIMARY KEY)', 'CREATE UNLOGGED TABLE t (id integer PRIMARY KEY)', { rows: 'INSERT INTO t VALUES (1)', kept: 'SELECT * FROM t' })),
  ...bothWays(pair('row security', 'CREATE TABLE t (id integer)', 'CREATE TABLE t (id integer); ALTER TABLE t ENABLE ROW LEVEL SECURITY')),
  ...bothWays(pair('replica identity full', 'CREATE TABLE t (id integer)', 'CREATE TABLE t (id integer); ALTER TABLE t REPLICA IDENTITY FULL')),
  ...bothWays(pair('a comment on a table', "CREATE TABLE t (id integer); COMMENT ON TABLE t IS 'a'", "CREATE TABLE t (id integer); COMMENT ON TABLE t IS 'it''s $banyan$'")),
  ...bothWays(pair('an extension', 'CREATE TABLE t (id integer)', 'CREATE EXTENSION citext SCHEMA public; CREATE TABLE t (id integer, c citext)')),
];
