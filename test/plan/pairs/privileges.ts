import { bothWays, pair, type SchemaPair } from './pair.ts';

const F = "CREATE FUNCTION f(a integer, b text DEFAULT 'x') RETURNS integer LANGUAGE sql AS 'SELECT a + length(b)'; CREATE FUNCTION f() RETURNS integer LANGUAGE sql AS 'SELECT 1'";
const LONG = F.replace('RETURNS integer', 'RETURNS bigint');
const TYPES = "CREATE TYPE mood AS ENUM ('sad', 'glad'); CREATE DOMAIN size AS integer CHECK (VALUE > 0); CREATE TYPE pair AS (a integer, b text)";
const T = `${TYPES}; CREATE TABLE t (id integer PRIMARY KEY, m mood)`;
const ROWS = { rows: "INSERT INTO t VALUES (1, 'sad')", kept: 'SELECT id, m::text FROM t' };

/** Privileges on routines and types. */
export const PRIVILEGE_PAIRS: readonly SchemaPair[] = [
  ...bothWays(pair('privileges on routines', `${F}; CREATE PROCEDURE "P p"(x integer) LANGUAGE sql AS 'SELECT 1'; GRANT EXECUTE ON FUNCTION f() TO pg_monitor`, `${F}; CREATE PROCEDURE "P p"(x integer) LANGUAGE sql AS 'SELECT 1'; REVOKE EXECUTE ON ALL ROUTINES IN SCHEMA public FROM PUBLIC; GRANT EXECUTE ON FUNCTION f(integer, text), f() TO pg_monitor WITH GRANT OPTION; GRANT ALL ON PROCEDURE "P p" TO pg_read_all_data`)),
  ...bothWays(pair('a routine with privileges', 'SELECT 1', `${F}; REVOKE ALL ON FUNCTION f FROM PUBLIC; GRANT EXECUTE ON FUNCTION f TO pg_monitor`.replace('; CREATE FUNCTION f() RETURNS integer LANGUAGE sql AS \'SELECT 1\'', ''))),
  ...bothWays(pair('a function with privileges that is made anew', `${F}; REVOKE ALL ON FUNCTION f(integer, text) FROM PUBLIC; GRANT EXECUTE ON FUNCTION f() TO pg_monitor; GRANT EXECUTE ON FUNCTION f(integer, text) TO pg_read_all_data`, `${LONG}; GRANT EXECUTE ON FUNCTION f(integer, text) TO pg_read_all_data, pg_monitor; REVOKE ALL ON FUNCTION f() FROM PUBLIC`)),
  pair('a function that does something else keeps its privileges', `${F}; GRANT EXECUTE ON FUNCTION f() TO pg_monitor`, `${F.replace('SELECT 1', 'SELECT 2')}; GRANT EXECUTE ON FUNCTION f() TO pg_monitor`),
  ...bothWays(pair('privileges on types', `${T}; GRANT USAGE ON TYPE mood TO pg_monitor`, `${T}; REVOKE USAGE ON TYPE mood, pair FROM PUBLIC; REVOKE ALL ON DOMAIN size FROM PUBLIC; GRANT USAGE ON TYPE mood TO pg_monitor WITH GRANT OPTION; GRANT USAGE ON TYPE pair TO pg_read_all_data`, ROWS)),
  ...bothWays(pair('types with privileges', 'CREATE TABLE t (id integer)', `CREATE TABLE t (id integer); ${TYPES}; REVOKE USAGE ON TYPE mood FROM PUBLIC; GRANT USAGE ON TYPE mood, pair, size TO pg_monitor`)),
  ...bothWays(pair('an enum with privileges that gets a label', `${T}; REVOKE USAGE ON TYPE mood FROM PUBLIC; GRANT USAGE ON TYPE mood TO pg_monitor`, `${T.replace("'sad', 'glad'", "'sad', 'so so', 'glad'")}; GRANT USAGE ON TYPE mood TO pg_monitor, pg_read_all_data`, ROWS)),
];
