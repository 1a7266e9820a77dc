import { bothWays, pair, type SchemaPair } from './pair.ts';

const T = "CREATE TABLE t (id integer PRIMARY KEY, owner text, n integer DEFAULT 0)";
const ROWS = "INSERT INTO t VALUES (1, 'a', 2), (2, 'b', 3)";
const KEPT = 'SELECT id, owner FROM t ORDER BY id';
/** Beside a table with rows. */
const beside = (name: string, old: string, fresh: string, more: Partial<SchemaPair> = {}): SchemaPair => ({ name, old: `${T}; ${old}`, fresh: `${T}; ${fresh}`, rows: ROWS, kept: KEPT, ...more });

const F = "CREATE FUNCTION f(a integer, b text DEFAULT 'x') RETURNS integer LANGUAGE sql AS 'SELECT a + length(b)'";
const ON = 'ALTER TABLE t ENABLE ROW LEVEL SECURITY';
const MATVIEW = 'CREATE MATERIALIZED VIEW m AS SELECT id, owner FROM t';

/** Routines, policies, privileges, and what else stands beside tables. */
export const ROUTINE_PAIRS: readonly SchemaPair[] = [
  beside('functions and procedures come', 'SELECT 1', `${F}; CREATE FUNCTION f(a bigint) RETURNS bigint IMMUTABLE STRICT PARALLEL SAFE COST 7 LANGUAGE sql RETURN a + 1; CREATE PROCEDURE "P p"(INOUT x integer, "odd name" numeric) LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET work_mem = '5MB' AS $x$ BEGIN x := x + 1; END $x$`),
  beside('functions and procedures go', `${F}; CREATE FUNCTION g() RETURNS TABLE (id integer, o text) ROWS 5 LANGUAGE sql STABLE AS $$ SELECT id, owner FROM public.t $$; CREATE PROCEDURE p() LANGUAGE sql AS 'SELECT 1'`, 'SELECT 1'),
  beside('a function does something else', F, F.replace('a + length', 'a * length')),
  beside('a function is declared otherwise', F, `${F} STABLE SECURITY DEFINER SET search_path = public`),
  beside('a function gives another type', F, F.replace('RETURNS integer', 'RETURNS bigint')),
  beside('a function that a view calls gives another type', `${F}; CREATE VIEW v AS SELECT f(id) AS y FROM t; CREATE VIEW w AS SELECT y FROM v`, `${F.replace('RETURNS integer', 'RETURNS bigint')}; CREATE VIEW v AS SELECT f(id) AS y FROM t; CREATE VIEW w AS SELECT y FROM v`),
  beside('arguments get other names and defaults', F, F.replace('a integer, b text', 'c integer, d text').replace('a + length(b)', 'c + length(d)').replace("DEFAULT 'x'", '')),
  beside('a function takes other types', F, F.replace('a integer', 'a bigint').replace('RETURNS integer', 'RETURNS bigint')),
  beside('a function becomes a procedure', "CREATE FUNCTION k() RETURNS void LANGUAGE sql AS 'SELECT'", "CREATE PROCEDURE k() LANGUAGE sql AS 'SELECT'"),
  beside('a trigger comes with its function', 'SELECT 1', "CREATE FUNCTION h() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER a BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION h()"),
  beside('a trigger goes with its function', "CREATE FUNCTION h() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER a BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION h()", 'SELECT 1'),
  beside('the function of a trigger changes', "CREATE FUNCTION h() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER a BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION h()", "CREATE FUNCTION h() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.n := 1; RETURN NEW; END'; CREATE TRIGGER a BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION h()"),
  beside('a table comes with defaults and checks by functions', 'SELECT 1', "CREATE FUNCTION one() RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 1'; CREATE TABLE u (a integer DEFAULT one() CHECK (a >= one()), b integer GENERATED ALWAYS AS (one()) STORED); CREATE INDEX ON u ((a + one()))"),
  beside('a table goes with defaults and checks by functions', "CREATE FUNCTION one() RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 1'; CREATE TABLE u (a integer DEFAULT one() CHECK (a >= one()), b integer GENERATED ALWAYS AS (one()) STORED); CREATE INDEX ON u ((a + one()))", 'SELECT 1'),
  beside('functions of rows come with their table', 'SELECT 1', "CREATE TABLE u (a integer); CREATE FUNCTION all_u() RETURNS SETOF u LANGUAGE sql AS 'SELECT * FROM u'; CREATE FUNCTION a_of(u) RETURNS integer LANGUAGE sql BEGIN ATOMIC SELECT $1.a; END; CREATE VIEW v AS SELECT a FROM u; CREATE FUNCTION all_v() RETURNS SETOF v LANGUAGE sql AS 'SELECT * FROM v'"),
  beside('functions of rows go with their table', "CREATE TABLE u (a integer); CREATE FUNCTION all_u() RETURNS SETOF u LANGUAGE sql AS 'SELECT * FROM u'; CREATE VIEW v AS SELECT a FROM u; CREATE FUNCTION all_v() RETURNS SETOF v LANGUAGE sql AS 'SELECT * FROM v'", 'SELECT 1'),
  beside('a function of an enum', 'SELECT 1', "CREATE TYPE mood AS ENUM ('a'); CREATE FUNCTION m(mood, mood[] DEFAULT '{a}') RETURNS mood LANGUAGE sql AS 'SELECT $1'"),
  beside('policies come', 'SELECT 1', `${ON}; CREATE POLICY own ON t USING (owner = CURRENT_USER) WITH CHECK (owner = CURRENT_USER AND n > 0); CREATE POLICY "No y" ON t AS RESTRICTIVE FOR SELECT TO pg_monitor, pg_read_all_data USING (n <> 7)`),
  beside('policies go', `${ON}; ALTER TABLE t FORCE ROW LEVEL SECURITY; CREATE POLICY own ON t USING (owner = CURRENT_USER); CREATE POLICY k ON t FOR INSERT WITH CHECK (n > 0)`, 'SELECT 1', { rows: '' , kept: 'SELECT 1' }),
  beside('a policy changes', `${ON}; CREATE POLICY own ON t USING (owner = CURRENT_USER)`, `${ON}; CREATE POLICY own ON t FOR UPDATE TO pg_monitor USING (owner = CURRENT_USER) WITH CHECK (n > 1)`),
  beside('a column that a policy reads gets another type', `${ON}; CREATE POLICY own ON t USING (n > 0)`, `ALTER TABLE t ALTER n TYPE bigint; ${ON}; CREATE POLICY own ON t USING (n > 0)`),
  beside('a table comes with its policies', 'SELECT 1', 'CREATE TABLE u (a integer); ALTER TABLE u ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON u USING (a > 0)'),
  beside('a table goes with its policies', 'CREATE TABLE u (a integer); ALTER TABLE u ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON u USING (a > 0)', 'SELECT 1'),
  beside('privileges are granted', 'SELECT 1', 'GRANT SELECT, INSERT ON t TO pg_monitor WITH GRANT OPTION; GRANT UPDATE (owner, n) ON t TO PUBLIC; CREATE SEQUENCE s; GRANT USAGE ON SEQUENCE s TO pg_monitor; CREATE SCHEMA shop; CREATE TABLE shop.a (id integer); GRANT USAGE ON SCHEMA shop TO pg_monitor; GRANT ALL ON shop.a TO pg_monitor'),
  beside('privileges are revoked', 'GRANT SELECT, INSERT ON t TO pg_monitor; GRANT UPDATE (owner) ON t TO PUBLIC', 'GRANT SELECT ON t TO pg_monitor'),
  beside('privileges may be handed on no longer', 'GRANT SELECT ON t TO pg_monitor WITH GRANT OPTION', 'GRANT SELECT ON t TO pg_monitor'),
  ...bothWays(pair('privileges of a table that gets another type', 'CREATE TABLE u (a integer, b text)', 'CREATE TABLE u (a bigint, b text); GRANT SELECT ON u TO PUBLIC')),
  ...bothWays(pair('a column with privileges', 'CREATE TABLE u (a integer, b text); GRANT SELECT (b) ON u TO PUBLIC', 'CREATE TABLE u (a integer)')),
  ...bothWays(pair('a privilege on a table and on a column of it', 'CREATE TABLE u (a integer, b text); GRANT SELECT (b), UPDATE (a) ON u TO PUBLIC', 'CREATE TABLE u (a integer, b text); GRANT SELECT (b), UPDATE (a) ON u TO PUBLIC; GRANT SELECT ON u TO PUBLIC')),
  ...bothWays(pair('privileges of a computed column', 'CREATE TABLE u (a integer, b bigint GENERATED ALWAYS AS (a * 2) STORED); GRANT SELECT (b) ON u TO PUBLIC', 'CREATE TABLE u (a bigint, b bigint GENERATED ALWAYS AS (a * 2) STORED); GRANT SELECT (b) ON u TO PUBLIC')),
  beside('a table goes with its privileges', 'CREATE TABLE u (a integer); GRANT SELECT ON u TO pg_monitor', 'SELECT 1'),
  beside('a view that is made again keeps its privileges', 'CREATE VIEW v AS SELECT n FROM t; GRANT SELECT ON v TO pg_monitor', 'ALTER TABLE t ALTER n TYPE bigint; CREATE VIEW v AS SELECT n FROM t; GRANT SELECT ON v TO pg_monitor'),
  beside('indexes of a materialized view come', MATVIEW, `${MATVIEW}; CREATE UNIQUE INDEX m_id ON m (id); CREATE INDEX m_owner ON m (lower(owner)) WHERE id > 1`),
  beside('indexes of a materialized view go and change', `${MATVIEW}; CREATE UNIQUE INDEX m_id ON m (id); CREATE INDEX m_owner ON m (owner)`, `${MATVIEW}; CREATE INDEX m_id ON m (id)`),
  beside('a materialized view comes with its index', 'SELECT 1', `${MATVIEW}; CREATE UNIQUE INDEX m_id ON m (id)`),
  beside('a materialized view that is made again keeps its indexes', `${MATVIEW}; CREATE UNIQUE INDEX m_id ON m (id)`, `ALTER TABLE t ALTER id TYPE bigint; ${MATVIEW}; CREATE UNIQUE INDEX m_id ON m (id)`),
];
