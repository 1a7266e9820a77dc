import { beforeAll, expect, it } from 'vitest';
import type { Schema } from '../../src/model/schema.ts';
import { compareSchemas } from '../../src/plan/check/database/compare-schemas.ts';
import { PostgresIntrospector } from '../../src/postgres/catalog/introspector.ts';
import { parseSchema } from '../../src/postgres/sql/parse-schema.ts';
import { describePostgres, testDatabase, type TestDatabase } from '../support/postgres.ts';
import { ALL_SORTS } from './pairs/all-sorts.ts';
import { PRIVILEGE_PAIRS } from './pairs/privileges.ts';
import { ROUTINE_PAIRS } from './pairs/routines.ts';

/** What the server prints otherwise than it was written, which nobody can know without it. */
const REPRINTED = new Set(['default-changed', 'check-modified', 'index-modified', 'index-renamed', 'view-modified', 'materialized-view-modified', 'materialized-view-index-modified', 'policy-modified', 'function-body-changed', 'procedure-body-changed']);

/** About so many are looked at. */
const MOST = 100;

describePostgres('SQL is read as the server reads it', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await testDatabase();
  });

  const made = async (sql: string): Promise<Schema> => {
    const schemas = await database.query("SELECT quote_ident(nspname) AS name FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'");
    await database.query(`SET client_min_messages = warning; ${schemas.map(({ name }) => `DROP SCHEMA ${name} CASCADE;`).join(' ')} CREATE SCHEMA public; SET search_path = public; ${sql}; SET search_path = pg_catalog`);
    return await new PostgresIntrospector({ pool: database.pool }).readEverything();
  };
  const T = 'CREATE TABLE r (id integer PRIMARY KEY); CREATE TABLE t (id integer PRIMARY KEY, n integer CHECK (n > 0), "Odd one" text, up integer REFERENCES r, a integer, b integer, twice integer GENERATED ALWAYS AS (a * 2) STORED, UNIQUE (a, b));';
  const ELSEWHERE = `${T} CREATE SCHEMA audit; CREATE TYPE audit.mood AS ENUM ('sad'); CREATE DOMAIN audit.size AS integer; CREATE SEQUENCE audit.numbers; CREATE TABLE audit.log (id integer PRIMARY KEY, t integer REFERENCES t); CREATE FUNCTION audit.note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';`;

  /** Also what the server prints otherwise counts here, where no expression is of the kind. */
  const differing = async (sql: string): Promise<string[]> => {
    const { schema, unread } = await parseSchema(sql);
    expect(unread, sql).toEqual([]);
    const findings = compareSchemas({ before: schema, after: await made(sql) }).findings;
    return findings.map(({ rule, field_path: path, old_value: old, new_value: fresh }) => `${rule} ${path}: ${JSON.stringify(old)} and ${JSON.stringify(fresh)}`);
  };

  it.each([
    ['a column that a key, a check and an index name', `${T} CREATE INDEX i ON t (n) WHERE (n > 5); ALTER TABLE t RENAME n TO number; ALTER TABLE t RENAME a TO "A b"; ALTER TABLE t RENAME "Odd one" TO plain`],
    ['a column with the name of its table and its index', 'CREATE TABLE n (n integer CHECK (n > 0)); CREATE INDEX i ON n (n); ALTER TABLE n RENAME n TO m'],
    ['a column that is a word of SQL elsewhere', 'CREATE TABLE t (key integer PRIMARY KEY, include integer); CREATE UNIQUE INDEX i ON t (key) INCLUDE (include); ALTER TABLE t RENAME key TO id'],
    ['a column that another table refers to', `${T} ALTER TABLE r RENAME id TO rid; ALTER TABLE t RENAME up TO parent`],
    ['a column of a policy, a partition key and a grant', `${T} CREATE POLICY p ON t USING (n > 0) WITH CHECK (n > 1); ALTER TABLE t RENAME n TO m; CREATE TABLE parts (d integer) PARTITION BY RANGE (d); ALTER TABLE parts RENAME d TO e; GRANT SELECT (a) ON t TO PUBLIC; ALTER TABLE t RENAME a TO z`],
    ['a table with indexes, triggers, keys and grants', `${T} CREATE INDEX i ON t (n); CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER g BEFORE UPDATE ON public.t FOR EACH ROW EXECUTE FUNCTION public.f(); GRANT SELECT ON t TO PUBLIC; ALTER TABLE t RENAME TO "New t"; ALTER TABLE r RENAME TO s`],
    ['constraints, indexes, triggers and policies', `${T} CREATE INDEX i ON t (n); CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER g BEFORE UPDATE ON public.t FOR EACH ROW EXECUTE FUNCTION public.f(); CREATE POLICY p ON t USING (true);
      ALTER TABLE t RENAME CONSTRAINT t_n_check TO positive; ALTER TABLE t RENAME CONSTRAINT t_pkey TO pk; ALTER TABLE t RENAME CONSTRAINT t_up_fkey TO to_r; ALTER INDEX i RENAME TO j; ALTER INDEX t_a_b_key RENAME TO ab; ALTER TRIGGER g ON t RENAME TO h; ALTER POLICY p ON t RENAME TO q`],
    ['sequences and types', "CREATE TYPE mood AS ENUM ('sad'); CREATE DOMAIN size AS integer; CREATE TABLE t (id serial PRIMARY KEY, m mood, ms mood[], s size); CREATE SEQUENCE free; ALTER TYPE mood RENAME TO feeling; ALTER DOMAIN size RENAME TO width; ALTER SEQUENCE free RENAME TO freed"],
    ['what moves into another schema', "CREATE SCHEMA app; CREATE TYPE mood AS ENUM ('sad'); CREATE TABLE r (id integer PRIMARY KEY); CREATE TABLE t (id integer PRIMARY KEY, m mood, up integer REFERENCES r); CREATE INDEX i ON r (id); CREATE SEQUENCE s; ALTER TABLE r SET SCHEMA app; ALTER TYPE mood SET SCHEMA app; ALTER SEQUENCE s SET SCHEMA app"],
    ['a schema that goes with all that is in it', `${ELSEWHERE} CREATE TABLE own (id integer PRIMARY KEY, m audit.mood, s audit.size, n integer DEFAULT nextval('audit.numbers'), l integer REFERENCES audit.log); CREATE INDEX im ON own (m); CREATE TRIGGER g BEFORE UPDATE ON own FOR EACH ROW EXECUTE FUNCTION audit.note(); CREATE VIEW v AS SELECT id FROM audit.log; CREATE VIEW w AS SELECT id FROM v; DROP SCHEMA audit CASCADE`],
    ['a table that goes with what stands on it', `${T} CREATE VIEW v AS SELECT id FROM r; CREATE VIEW w AS SELECT id FROM v; CREATE TABLE parts (d integer) PARTITION BY RANGE (d); CREATE TABLE low PARTITION OF parts FOR VALUES FROM (0) TO (9); DROP TABLE r CASCADE; DROP TABLE parts`],
    ['extended statistics', `${T} CREATE SCHEMA app; CREATE STATISTICS one ON a, b FROM t; CREATE STATISTICS app."Two" (mcv, ndistinct) ON b, "Odd one", (a % 7), lower("Odd one" || ', from ') FROM public.t; CREATE STATISTICS IF NOT EXISTS one ON a, n FROM t; CREATE STATISTICS three ON (a + b) FROM t; CREATE STATISTICS four ON up, b FROM t;
      CREATE STATISTICS five ON a, b FROM t; DROP STATISTICS five; CREATE TABLE gone (a int, b int); CREATE STATISTICS six ON a, b FROM gone; DROP TABLE gone; ALTER TABLE t RENAME a TO "A b"; ALTER TABLE t DROP COLUMN up; ALTER STATISTICS one RENAME TO uno; ALTER STATISTICS three SET SCHEMA app; ALTER TABLE t RENAME TO u`],
    ['privileges on routines and types', `CREATE SCHEMA app; CREATE TYPE mood AS ENUM ('sad'); CREATE TYPE app.pair AS (a integer); CREATE FUNCTION f(a int, b varchar(3), m mood) RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE FUNCTION app.f() RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE PROCEDURE p() LANGUAGE sql AS 'SELECT 1';
      REVOKE ALL ON ALL FUNCTIONS IN SCHEMA app FROM PUBLIC; REVOKE EXECUTE ON FUNCTION f(a int, character varying, mood) FROM PUBLIC; GRANT EXECUTE ON FUNCTION f(int, varchar, public.mood) TO pg_monitor, pg_read_all_data WITH GRANT OPTION; REVOKE GRANT OPTION FOR EXECUTE ON FUNCTION f FROM pg_monitor;
      REVOKE USAGE ON TYPE mood, app.pair FROM PUBLIC; GRANT USAGE ON TYPE app.pair TO PUBLIC; GRANT USAGE ON TYPE mood TO pg_monitor; ALTER TYPE app.pair RENAME TO couple; GRANT USAGE ON TYPE app.couple TO pg_monitor; GRANT ALL ON PROCEDURE p() TO pg_monitor; DROP PROCEDURE p(); CREATE PROCEDURE p() LANGUAGE sql AS 'SELECT 2'`],
  ])('after later statements: %s', async (_name, sql) => {
    expect(await differing(sql)).toEqual([]);
  });

  it('in schemas of the round trips', async () => {
    const all = [...new Set([...ALL_SORTS, ...ROUTINE_PAIRS, ...PRIVILEGE_PAIRS].map(({ fresh }) => fresh))];
    const scripts = all.filter((_, i) => i % Math.max(1, Math.round(all.length / MOST)) === 0);
    const differing: string[] = [];
    let reprinted = 0;
    for (const sql of scripts) {
      const live = await made(sql);
      const { schema, unread } = await parseSchema(sql);
      expect(unread, sql).toEqual([]);
      const { findings } = compareSchemas({ before: schema, after: live });
      if (findings.some(({ rule }) => REPRINTED.has(rule))) reprinted += 1;
      differing.push(...findings.filter(({ rule }) => !REPRINTED.has(rule)).map(({ rule, field_path: path, old_value: old, new_value: fresh }) => `${rule} ${path}: ${JSON.stringify(old)} and ${JSON.stringify(fresh)} of ${sql}`));
    }
    expect(differing).toEqual([]);
    expect(scripts.length).toBeGreaterThan(MOST / 2);
    expect(reprinted).toBeLessThan(scripts.length / 6);
  });
});
