import { loadModule } from 'libpg-query';
import { beforeAll, describe, expect, it } from 'vitest';
import type { TableName } from '../../../src/model/names.ts';
import { SchemaSoFar } from '../../../src/plan/check/database/hazards/schema-so-far.ts';
import { readStatements } from '../../../src/plan/check/database/hazards/statement-forms.ts';
import { parseSchema } from '../../../src/postgres/sql/parse-schema.ts';

beforeAll(loadModule);

const BEFORE = `
  CREATE TYPE mood AS ENUM ('sad', 'glad');
  CREATE DOMAIN size AS integer CHECK (VALUE > 0);
  CREATE DOMAIN label AS varchar(10);
  CREATE SCHEMA shop;
  CREATE DOMAIN shop.price AS numeric(10, 2) NOT NULL;
  CREATE TABLE other (id integer PRIMARY KEY, twin integer UNIQUE);
  CREATE TABLE t (id integer PRIMARY KEY, n integer, m integer, word varchar(10), twice integer GENERATED ALWAYS AS (id * 2) STORED, big size, price shop.price, name label,
    up integer, CONSTRAINT t_up FOREIGN KEY (up) REFERENCES other, CONSTRAINT t_self FOREIGN KEY (n) REFERENCES t, CONSTRAINT t_n CHECK (n IS NOT NULL AND (m IS NOT NULL) AND id > 0));
  CREATE UNIQUE INDEX t_word ON t (word);
  CREATE UNIQUE INDEX t_id_n ON t (id, n);
  CREATE VIEW seen AS SELECT id FROM t;
  CREATE TABLE part (id integer, at date) PARTITION BY RANGE (at);
  CREATE TABLE part_a PARTITION OF part FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
  CREATE TABLE part_rest PARTITION OF part DEFAULT;
`;

async function sofar(sql = BEFORE): Promise<SchemaSoFar> {
  return new SchemaSoFar((await parseSchema(sql)).schema);
}

/** `form table=t referenced=other`, a line for each use. */
async function forms(sql: string): Promise<string[]> {
  const known = await sofar();
  return readStatements(sql, known).flatMap(({ uses }) => uses.map(({ form, relations }) => [form, ...Object.entries(relations).flatMap(([role, names]) => (names.length > 0 ? [`${role}=${names.map((name) => name.replace(/^public\./, '')).join('+')}`] : []))].join(' ')));
}

describe('the form of a statement', () => {
  it.each<readonly [string, readonly string[]]>([
    [';;', []],
    ['ALTER SEQUENCE s OWNED BY t.id', ['alter-sequence sequence=s']],
    ['ALTER SEQUENCE s OWNER TO someone', ['alter-sequence sequence=s']],
    ['ALTER VIEW seen SET (security_barrier)', ['unknown table=seen']],
    ['CREATE INDEX ON t (n)', ['create-index table=t']],
    ['CREATE UNIQUE INDEX CONCURRENTLY i ON t ((n + 1), word)', ['create-unique-index-concurrently table=t']],
    ['REINDEX TABLE t', ['reindex table=t']],
    ['REINDEX INDEX t_word', ['reindex table=t']],
    ['REINDEX INDEX CONCURRENTLY t_word', ['reindex-concurrently table=t']],
    ['VACUUM t', ['vacuum table=t']],
    ['VACUUM (FULL) t, other', ['vacuum-full table=t+other']],
    ['VACUUM', ['vacuum']],
    ['ANALYZE t', ['analyze table=t']],
    ['CLUSTER t USING t_word', ['cluster table=t']],
    ['TRUNCATE t, other', ['truncate table=t+other']],
    ['CREATE TABLE fresh AS SELECT * FROM t', ['create-materialized-view read=t']],
    ['CREATE MATERIALIZED VIEW m AS SELECT * FROM t; REFRESH MATERIALIZED VIEW CONCURRENTLY m', ['create-materialized-view read=t', 'refresh-view-concurrently view=m read=t']],
    ['REFRESH MATERIALIZED VIEW nobody', ['refresh-view view=nobody']],
    ['ALTER TABLE t SET SCHEMA shop', ['set-schema table=t']],
    ['ALTER TYPE mood SET SCHEMA shop', ['alter-type']],
    ['ALTER DOMAIN size SET SCHEMA shop', ['alter-type']],
    ['ALTER VIEW seen SET SCHEMA shop', ['unknown']],
    ['GRANT boss TO clerk', ['no-table']],
    ['GRANT SELECT ON t, other TO clerk', ['grant table=t+other']],
    ['GRANT SELECT ON shop.t TO clerk', ['grant table=shop.t']],
    ['INSERT INTO t DEFAULT VALUES; UPDATE t SET n = 1; DELETE FROM t', ['insert table=t', 'update table=t', 'delete table=t']],
    ['LOCK t', ['unknown']],
    ['DROP FUNCTION f(integer)', ['no-table']],
    ['DROP PROCEDURE p', ['no-table']],
    ['DROP SCHEMA shop', ['no-table']],
    ['DROP EXTENSION hstore', ['no-table']],
    ['DROP STATISTICS st', ['no-table']],
    ['DROP COLLATION c', ['unknown']],
    ['DROP TYPE mood; DROP DOMAIN size', ['drop-type', 'drop-type']],
    ['DROP SEQUENCE s, shop.s', ['drop-sequence sequence=s+shop.s']],
    ['DROP TRIGGER tr ON shop.t', ['drop-trigger table=shop.t']],
    ['DROP POLICY p ON t; DROP RULE r ON t', ['create-policy table=t', 'create-rule table=t']],
    ['DROP INDEX t_word', ['drop-index index=t_word table=t']],
    ['DROP INDEX CONCURRENTLY nobody', ['drop-index-concurrently index=nobody']],
    ['DROP TABLE t', ['drop-table table=t referenced=other']],
    ['DROP TABLE nobody', ['drop-table table=nobody']],
    ['DROP TABLE part', ['drop-table table=part+part_a+part_rest']],
    ['DROP TABLE part_rest; CREATE TABLE part_b PARTITION OF part FOR VALUES FROM (\'2026-02-01\') TO (\'2026-03-01\')', ['drop-table table=part_rest parent=part', 'create-partition parent=part']],
    ["CREATE TABLE part_b PARTITION OF part FOR VALUES FROM ('2026-02-01') TO ('2026-03-01')", ['create-partition-beside-default parent=part partition=part_rest']],
    ['CREATE TABLE fresh (id integer REFERENCES shop.t, own integer REFERENCES fresh)', ['create-table-referencing referenced=shop.t']],
    ['ALTER TABLE t RENAME COLUMN n TO k', ['rename-column table=t']],
    ['ALTER VIEW seen RENAME COLUMN id TO k', ['unknown view=seen']],
    ['ALTER DOMAIN size RENAME CONSTRAINT a TO b', ['alter-type']],
    ['ALTER POLICY p ON t RENAME TO q', ['create-policy table=t']],
    ['ALTER POLICY p ON t USING (true)', ['create-policy table=t']],
    ['ALTER FUNCTION f RENAME TO g', ['unknown']],
    ['ALTER TABLE t RENAME CONSTRAINT t_n TO k; ALTER INDEX t_word RENAME TO k; ALTER TRIGGER a ON t RENAME TO b; ALTER SEQUENCE s RENAME TO r', ['rename-constraint table=t', 'rename-index index=t_word', 'rename-trigger table=t', 'rename-sequence sequence=s']],
    ["COMMENT ON TABLE shop.t IS 'x'; COMMENT ON COLUMN t.n IS 'x'; COMMENT ON CONSTRAINT t_n ON t IS 'x'", ['comment table=shop.t', 'comment table=t', 'comment-on-rule table=t']],
    ["COMMENT ON TRIGGER a ON shop.t IS 'x'; COMMENT ON TYPE mood IS 'x'", ['comment-on-rule table=shop.t', 'comment-elsewhere']],
    ['CREATE STATISTICS st ON n, m FROM t; CREATE RULE r AS ON INSERT TO t DO NOTHING', ['create-statistics table=t', 'create-rule table=t']],
    ["ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'; ALTER TYPE mood ADD VALUE 'so'", ['alter-type', 'add-enum-value']],
    ['ALTER DOMAIN size ADD CHECK (VALUE < 9); ALTER DOMAIN size ADD CONSTRAINT c CHECK (VALUE < 9) NOT VALID; ALTER DOMAIN size VALIDATE CONSTRAINT c; ALTER DOMAIN size SET NOT NULL', ['restrict-domain table=t', 'alter-domain', 'validate-domain table=t', 'restrict-domain table=t']],
    ['nonsense', ['unknown']],
  ])('%s', async (sql, expected) => {
    expect(await forms(sql)).toEqual(expected);
  });

  it('is not known where every table may be meant', async () => {
    for (const sql of ['REINDEX SCHEMA public', 'REINDEX DATABASE shop', 'REINDEX INDEX nobody', 'VACUUM FULL', 'CLUSTER']) expect(await forms(sql), sql).toEqual(['unknown']);
  });
});

describe('a block', () => {
  it('runs what stands in it, under every condition', async () => {
    expect(await forms("DO $$ BEGIN IF true THEN DELETE FROM t; ELSE EXECUTE 'DROP TABLE other'; END IF; END $$")).toEqual(['delete table=t', 'drop-table table=other']);
    expect(await forms("DO $$ BEGIN EXECUTE 'COMMENT ON TABLE t IS ''x'''; END $$")).toEqual(['comment table=t']);
  });

  it('is not known where it puts a statement together, or can not be read', async () => {
    expect(await forms("DO $$ BEGIN EXECUTE 'DROP TABLE ' || 't'; END $$")).toEqual(['unknown']);
    expect(await forms("DO $$ BEGIN EXECUTE 'ALTER SEQUENCE s RESTART ' || 7; END $$")).toEqual(['alter-sequence sequence=s']);
    expect(await forms('DO $$ nonsense $$')).toEqual(['unknown']);
  });

  it('runs what a loop goes through', async () => {
    expect(await forms('DO $$ DECLARE r record; BEGIN FOR r IN DELETE FROM t RETURNING id LOOP UPDATE other SET twin = 1; END LOOP; END $$')).toEqual(['delete table=t', 'update table=other']);
    expect(await forms("DO $$ DECLARE r record; BEGIN FOR r IN EXECUTE 'DELETE FROM ' || 't RETURNING id' LOOP END LOOP; END $$")).toEqual(['unknown']);
  });
});

describe('ALTER TABLE', () => {
  it.each<readonly [string, readonly string[]]>([
    ['DROP COLUMN twice, DROP COLUMN n', ['drop-column-stored table=t', 'drop-column table=t']],
    ['ALTER n SET DEFAULT 1, ALTER n DROP DEFAULT', ['set-default table=t', 'drop-default table=t']],
    ['VALIDATE CONSTRAINT t_n', ['no-table']],
    ['VALIDATE CONSTRAINT nobody', ['validate-check table=t']],
    ['ADD CONSTRAINT f FOREIGN KEY (n) REFERENCES shop.other NOT VALID, VALIDATE CONSTRAINT f, VALIDATE CONSTRAINT f', ['add-foreign-key-not-valid table=t referenced=shop.other', 'validate-foreign-key table=t referenced=shop.other', 'no-table']],
    ['DROP CONSTRAINT t_up, DROP CONSTRAINT t_n', ['drop-foreign-key table=t referenced=other', 'drop-constraint table=t']],
    ['INHERIT other', ['inherit table=t parent=other']],
    ['NO INHERIT other', ['inherit table=t parent=other']],
    ['ADD UNIQUE (n), ADD PRIMARY KEY (n)', ['add-unique table=t', 'add-primary-key-strict table=t']],
    ['ADD CONSTRAINT u UNIQUE USING INDEX t_word', ['add-key-using-index table=t']],
    ['ADD CONSTRAINT u PRIMARY KEY USING INDEX t_word', ['add-primary-key-using-index-nullable table=t']],
    ['ADD CONSTRAINT u PRIMARY KEY USING INDEX t_id_n', ['add-key-using-index table=t']],
    ['ADD CONSTRAINT u PRIMARY KEY USING INDEX nobody', ['add-primary-key-using-index-nullable table=t']],
    ['ADD EXCLUDE USING gist (n WITH =)', ['add-exclusion table=t']],
    ['ADD CONSTRAINT x NOT NULL n, ADD CONSTRAINT y NOT NULL word', ['set-not-null-proven table=t', 'set-not-null table=t']],
    ['ADD CONSTRAINT y NOT NULL word NOT VALID', ['add-not-null-not-valid table=t']],
    ['ALTER n SET NOT NULL, ALTER m SET NOT NULL, ALTER word SET NOT NULL', ['set-not-null-proven table=t', 'set-not-null-proven table=t', 'set-not-null table=t']],
    ['ADD serial bigserial', ['add-column-volatile table=t']],
    ['ADD x size', ['add-column-domain table=t']],
    ['ADD x label', ['add-column table=t']],
    ['ADD x integer NOT NULL', ['add-column-required table=t']],
    ['ADD x integer GENERATED ALWAYS AS IDENTITY', ['add-column-identity table=t']],
    ['ADD x integer GENERATED ALWAYS AS (id + 1) STORED', ['add-column-stored table=t']],
    ['ADD x integer REFERENCES other', ['add-column table=t', 'add-foreign-key-not-valid table=t referenced=other']],
    ['ADD x integer DEFAULT 1 REFERENCES other CHECK (x > 0) UNIQUE', ['add-column table=t', 'add-foreign-key table=t referenced=other', 'add-check table=t', 'add-unique table=t']],
    ['ALTER n TYPE bigint, ALTER n TYPE bigint', ['alter-type-rewritten table=t', 'alter-type-kept table=t']],
    ['ALTER n TYPE bigint USING n, ALTER n TYPE integer USING n::integer', ['alter-type-rewritten table=t', 'alter-type-refusing table=t']],
    ['ALTER n TYPE bigint USING n::bigint', ['alter-type-rewritten table=t']],
    ['ALTER n TYPE bigint USING n + 1', ['alter-type-refusing table=t']],
    ['ALTER n TYPE bigint USING m', ['alter-type-refusing table=t']],
    ['ALTER word TYPE text COLLATE "C"', ['alter-type-collation table=t']],
    ['ALTER name TYPE varchar(20)', ['alter-type-kept table=t']],
    ['ALTER n TYPE size', ['alter-type-refusing table=t']],
    ['ALTER big TYPE bigint', ['alter-type-rewritten table=t']],
    ['ALTER nobody TYPE bigint', ['alter-type-refusing table=t']],
    ['OF sometype', ['unknown table=t']],
  ])('t %s', async (command, expected) => {
    expect(await forms(`ALTER TABLE t ${command}`)).toEqual(expected);
  });

  it('takes partitions in and out, the default one with them', async () => {
    expect(await forms("ALTER TABLE part ATTACH PARTITION t FOR VALUES FROM ('2026-02-01') TO ('2026-03-01')")).toEqual(['attach-partition parent=part partition=t+part_rest']);
    expect(await forms('ALTER TABLE part DETACH PARTITION part_a')).toEqual(['detach-partition parent=part partition=part_a+part_rest']);
    expect(await forms('ALTER TABLE part DETACH PARTITION part_rest CONCURRENTLY')).toEqual(['detach-partition-concurrently parent=part partition=part_rest']);
    expect(await forms('ALTER TABLE t DETACH PARTITION other')).toEqual(['detach-partition parent=t partition=other']);
  });

  it('proves nothing by a check that is not valid yet, by one that has gone, or by a column that may be null again', async () => {
    const proof = 'ALTER TABLE t ADD CONSTRAINT w CHECK (word IS NOT NULL) NOT VALID';
    const last = async (sql: string): Promise<string | undefined> => (await forms(`${sql}; ALTER TABLE t ALTER word SET NOT NULL`)).at(-1);
    expect(await last(proof)).toBe('set-not-null table=t');
    expect(await last(`${proof}; ALTER TABLE t VALIDATE CONSTRAINT w`)).toBe('set-not-null-proven table=t');
    expect(await last(`${proof}; ALTER TABLE t VALIDATE CONSTRAINT w; ALTER TABLE t DROP CONSTRAINT w`)).toBe('set-not-null table=t');
    expect(await last('ALTER TABLE t ADD CHECK (word IS NOT NULL)')).toBe('set-not-null table=t');
    expect(await last('ALTER TABLE t ADD CONSTRAINT w CHECK (word IS NULL)')).toBe('set-not-null table=t');
    expect(await last("ALTER TABLE t ADD CONSTRAINT w CHECK (word IS NOT NULL OR id > 0)")).toBe('set-not-null table=t');
    expect(await last('ALTER TABLE t ADD CONSTRAINT w CHECK ((word || name) IS NOT NULL)')).toBe('set-not-null table=t');
    expect(await last('ALTER TABLE t ALTER word SET NOT NULL; ALTER TABLE t ALTER word DROP NOT NULL')).toBe('set-not-null table=t');
    expect(await forms('ALTER TABLE nobody ALTER word SET NOT NULL')).toEqual(['set-not-null table=nobody']);
  });
});

describe('what statements change', () => {
  it('follows a table to its new name, its partitions with it', async () => {
    expect(await forms('ALTER TABLE part RENAME TO pieces; DROP TABLE pieces')).toEqual(['rename-table table=part', 'drop-table table=pieces+part_a+part_rest']);
    expect(await forms('ALTER TABLE part_a RENAME TO piece; DROP TABLE part; DROP TABLE piece')).toEqual(['rename-table table=part_a', 'drop-table table=part+piece+part_rest', 'drop-table table=piece parent=part']);
    expect(await forms('ALTER TABLE t SET SCHEMA shop; ALTER TABLE shop.t ALTER n SET NOT NULL')).toEqual(['set-schema table=t', 'set-not-null-proven table=shop.t']);
    expect(await forms('ALTER TABLE t RENAME TO u; DROP INDEX t_word')).toEqual(['rename-table table=t', 'drop-index index=t_word table=u']);
    expect(await forms('ALTER TABLE nobody RENAME TO somebody')).toEqual(['rename-table table=nobody']);
  });

  it('knows partitions that were attached or detached', async () => {
    expect(await forms("ALTER TABLE part ATTACH PARTITION t FOR VALUES FROM ('2026-02-01') TO ('2026-03-01'); DROP TABLE part")).toContain('drop-table table=part+part_a+part_rest+t');
    expect(await forms('ALTER TABLE part DETACH PARTITION part_rest; DROP TABLE part')).toContain('drop-table table=part+part_a');
    const made = "CREATE TABLE part_b PARTITION OF part FOR VALUES FROM ('2026-02-01') TO ('2026-03-01')";
    expect(await forms(`ALTER TABLE part DETACH PARTITION part_rest; ${made}`)).toContain('create-partition parent=part');
    expect(await forms(`ALTER TABLE part DETACH PARTITION part_rest; ALTER TABLE part ATTACH PARTITION t DEFAULT; ${made}`)).toContain('create-partition-beside-default parent=part partition=t');
  });

  it('follows columns and types to their new names', async () => {
    expect(await forms('ALTER TABLE t RENAME COLUMN n TO k; ALTER TABLE t ALTER k TYPE bigint')).toEqual(['rename-column table=t', 'alter-type-rewritten table=t']);
    expect(await forms('ALTER TABLE t RENAME COLUMN nobody TO k; ALTER TABLE t ALTER k TYPE bigint')).toEqual(['rename-column table=t', 'alter-type-refusing table=t']);
    expect(await forms('ALTER DOMAIN size RENAME TO width; ALTER DOMAIN width SET NOT NULL')).toEqual(['alter-type', 'restrict-domain table=t']);
    expect(await forms('ALTER DOMAIN shop.price RENAME TO fee; ALTER DOMAIN shop.fee SET NOT NULL')).toEqual(['alter-type', 'restrict-domain table=t']);
    expect(await forms('ALTER TYPE mood RENAME TO feeling; ALTER DOMAIN feeling SET NOT NULL')).toEqual(['alter-type', 'restrict-domain']);
    expect(await forms('ALTER DOMAIN size SET SCHEMA shop; ALTER DOMAIN shop.size SET NOT NULL')).toEqual(['alter-type', 'restrict-domain table=t']);
  });

  it('knows domains that were made meanwhile by what they ask for', async () => {
    const added = async (domain: string): Promise<string | undefined> => (await forms(`CREATE DOMAIN d AS ${domain}; ALTER TABLE t ADD x d`)).at(-1);
    expect(await added('integer')).toBe('add-column table=t');
    expect(await added('integer NULL DEFAULT 7')).toBe('add-column table=t');
    expect(await added('integer CHECK (VALUE > 0)')).toBe('add-column-domain table=t');
    expect(await added('integer NOT NULL')).toBe('add-column-domain table=t');
    expect((await forms('CREATE DOMAIN d AS bigint; ALTER TABLE t ALTER n TYPE d')).at(-1)).toBe('alter-type-rewritten table=t');
  });

  it('knows which tables have no rows of before', async () => {
    const known = await sofar();
    const name = (text: string): TableName => text as TableName;
    readStatements('CREATE TABLE fresh (id integer); ALTER TABLE fresh RENAME TO newer; CREATE TABLE copied AS SELECT 1', known);
    expect(['fresh', 'newer', 'copied', 't'].map((each) => known.isNew(name(`public.${each}`)))).toEqual([false, true, true, false]);
    readStatements('DROP TABLE newer; ALTER TABLE t RENAME TO newer', known);
    expect(known.isNew(name('public.newer'))).toBe(false);
  });

  it('has a size only where the server told one', async () => {
    const { schema } = await parseSchema('CREATE TABLE a (id integer); CREATE TABLE b (id integer); CREATE TABLE c (id integer)');
    const known = new SchemaSoFar({ ...schema, tables: schema.tables.map((table, at) => ({ ...table, estimatedRows: [-1, -1, 5][at] ?? 0, bytes: [0, 8192, 0][at] ?? 0 })) });
    expect(schema.tables.map(({ name }) => known.size(name))).toEqual([{ rows: null, bytes: null }, { rows: null, bytes: 8192 }, { rows: 5, bytes: 0 }]);
  });
});
