import { expect, it } from 'vitest';
import type { Schema } from '../../../src/model/schema.ts';
import { compareSchemas } from '../../../src/plan/check/database/compare-schemas.ts';
import { withHazards } from '../../../src/plan/check/database/hazards/script-hazards.ts';
import { severityBySize } from '../../../src/plan/check/database/hazards/size-severity.ts';
import type { MigrationScript } from '../../../src/plan/check/finding.ts';
import { SCHEMA_PAIRS } from '../pairs/pairs.ts';
import { parseSchema } from '../../../src/postgres/sql/parse-schema.ts';

async function scriptsBetween(old: string, fresh: string, sizes: Partial<Pick<Schema['tables'][number], 'estimatedRows' | 'bytes'>> = {}): Promise<MigrationScript[]> {
  const [before, after] = [(await parseSchema(old)).schema, (await parseSchema(fresh)).schema];
  const known = { ...before, tables: before.tables.map((table) => ({ ...table, ...sizes })) };
  return await withHazards({ scripts: compareSchemas({ before: known, after }).scripts, before: known, after });
}

const T = 'CREATE TABLE t (id integer PRIMARY KEY, n integer, word varchar(10), feeling mood';
const MOOD = "CREATE TYPE mood AS ENUM ('sad', 'glad'); CREATE DOMAIN size AS integer CHECK (VALUE > 0); CREATE TABLE r (id integer PRIMARY KEY);";

it.each<readonly [string, string, string, readonly (readonly string[])[]]>([
  ['a column comes', `${T})`, `${T}, x text DEFAULT 'a')`, [[]]],
  ['a column with another number for each row comes', `${T})`, `${T}, x uuid DEFAULT gen_random_uuid())`, [['table_rewrite']]],
  ['a column goes', `${T}, x text)`, `${T})`, [['deletes_data']]],
  ['a column of a domain comes', `${T})`, `${T}, x size)`, [['table_rewrite', 'refuses_rows']]],
  ['null is refused', `${T})`, `${T.replace('n integer', 'n integer NOT NULL')})`, [[], ['refuses_rows'], []]],
  ['a longer varchar', `${T})`, `${T.replace('(10)', '(20)')})`, [[]]],
  ['a shorter varchar', `${T})`, `${T.replace('(10)', '(5)')})`, [['table_rewrite', 'refuses_rows']]],
  ['an integer becomes a bigint', `${T})`, `${T.replace('n integer', 'n bigint')})`, [['table_rewrite']]],
  ['a check comes', `${T})`, `${T}, CHECK (n > 0))`, [[], ['refuses_rows']]],
  ['a foreign key comes', `${T})`, `${T}, FOREIGN KEY (n) REFERENCES r)`, [[], ['refuses_rows']]],
  ['a unique comes', `${T})`, `${T}, UNIQUE (n))`, [['refuses_rows'], []]],
  ['an index comes', `${T})`, `${T}); CREATE INDEX ON t (n)`, [[]]],
  ['a table comes, with everything', '', `${T}, up integer REFERENCES t, twice integer GENERATED ALWAYS AS (n * 2) STORED, UNIQUE (n), CHECK (n > 0))`, [[], [], []]],
  ['a table goes', `${T}); CREATE TABLE u (id integer)`, `${T})`, [['deletes_data']]],
  ['a label goes', `${T})`, `${T.replace('feeling mood', "feeling mood")}); ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'`, [['table_rewrite', 'refuses_rows']]],
])('tells what may hurt when %s', async (_name, old, fresh, hazards) => {
  const scripts = await scriptsBetween(`${MOOD}${old}`, `${MOOD}${fresh}`.replace(/(.*)AS ENUM \('sad'(.*); ALTER TYPE mood RENAME.*$/s, "$1AS ENUM ('blue'$2"));
  expect(scripts.map((script) => script.hazards)).toEqual(hazards);
});

it.each<readonly [string, string, string, readonly (readonly string[])[]]>([
  ['a column comes', `${T})`, `${T}, x text DEFAULT 'a')`, [['deletes_data']]],
  ['a column goes', `${T}, x text)`, `${T})`, [[]]],
  ['a longer varchar', `${T})`, `${T.replace('(10)', '(20)')})`, [['table_rewrite', 'refuses_rows']]],
  ['an integer becomes a bigint', `${T})`, `${T.replace('n integer', 'n bigint')})`, [['table_rewrite', 'refuses_rows']]],
  ['a check comes', `${T})`, `${T}, CHECK (n > 0))`, [[], []]],
  ['a unique comes', `${T})`, `${T}, UNIQUE (n))`, [[], []]],
  ['a unique goes', `${T}, UNIQUE (n))`, `${T})`, [['blocks_readers', 'refuses_rows']]],
  ['null is allowed', `${T.replace('n integer', 'n integer NOT NULL')})`, `${T})`, [['blocks_readers', 'refuses_rows']]],
  ['an index goes', `${T}); CREATE INDEX ON t (n)`, `${T})`, [[]]],
  ['a table comes', '', `${T})`, [['deletes_data']]],
  ['a table goes', `${T}); CREATE TABLE u (id integer PRIMARY KEY)`, `${T})`, [[]]],
])('tells what the way back may hurt when %s', async (_name, old, fresh, hazards) => {
  const scripts = await scriptsBetween(`${MOOD}${old}`, `${MOOD}${fresh}`);
  expect(scripts.map((script) => script.rollback_hazards)).toEqual(hazards);
});

it('knows on the way back what came before: the size under a new name, and what the server was', async () => {
  const [before, after] = [(await parseSchema(`${MOOD}${T})`)).schema, (await parseSchema(`${MOOD}${T.replace('TABLE t', 'TABLE much').replace('n integer', 'n bigint')}); CREATE TABLE small (id integer)`)).schema];
  const between = { before: { ...before, tables: before.tables.map((table) => ({ ...table, estimatedRows: 20_000_000, bytes: 8192 })) }, after, renames: new Map([['t', 'much']]) };
  const scripts = await withHazards({ scripts: compareSchemas(between).scripts, ...between });
  const details = scripts.flatMap(({ rollback_hazard_details: each = [] }) => each);
  expect(details).toEqual(expect.arrayContaining([
    { hazard: 'table_rewrite', relation: 'much', rows: 20_000_000, bytes: 8192, severity: 'high' }, { hazard: 'deletes_data', relation: 'small', rows: null, bytes: null, severity: 'unknown' },
  ]));
  const grant: MigrationScript = { script_type: 'sql', description: 'g', script_content: 'GRANT SELECT ON t TO PUBLIC', rollback_script: '', dependencies: [], validation_query: '', transactional: true, hazards: [] };
  const locks = async (major?: number): Promise<unknown> => (await withHazards({ scripts: [grant], before, after: before, ...(major === undefined ? {} : { major }) }))[0]?.statements?.map((each) => each.locks);
  expect([await locks(), await locks(18), await locks(17)]).toEqual([[{ t: 'ACCESS SHARE' }], [{ t: 'ACCESS SHARE' }], [{}]]);
});

it('grows with the size of the table, and says where nobody knows it', async () => {
  const change = [`${MOOD}${T})`, `${MOOD}${T.replace('n integer', 'n bigint')})`] as const;
  const detail = async (sizes: Parameters<typeof scriptsBetween>[2]) => (await scriptsBetween(...change, sizes))[0]?.hazard_details;
  expect(await detail({})).toEqual([{ hazard: 'table_rewrite', relation: 't', rows: null, bytes: null, severity: 'unknown' }]);
  expect(await detail({ estimatedRows: 10, bytes: 8192 })).toEqual([{ hazard: 'table_rewrite', relation: 't', rows: 10, bytes: 8192, severity: 'low' }]);
  expect(await detail({ estimatedRows: 200_000, bytes: 8192 })).toMatchObject([{ severity: 'medium' }]);
  expect(await detail({ estimatedRows: -1, bytes: 5 * 1024 ** 3 })).toMatchObject([{ rows: null, severity: 'high' }]);
  expect(severityBySize({ rows: 2_000_000_000, bytes: 1 })).toBe('critical');
});

it('adds a label in its place, while views, checks and indexes stay as they are', async () => {
  const rest = `${MOOD.replace(/^[^;]*;/, '')}${T}, CHECK (feeling <> 'sad')); CREATE INDEX i ON t (feeling) WHERE feeling = 'sad'; CREATE VIEW v AS SELECT feeling FROM t`;
  const scripts = await scriptsBetween(`CREATE TYPE mood AS ENUM ('sad', 'glad'); ${rest}`, `CREATE TYPE mood AS ENUM ('sad', 'so so', 'glad'); ${rest}`);
  const there = scripts.filter(({ script_content: sql }) => !sql.startsWith('-- Nothing to do'));
  expect(there.map(({ script_content: sql }) => sql)).toEqual(["ALTER TYPE \"public\".\"mood\" ADD VALUE IF NOT EXISTS 'so so' AFTER 'sad';"]);
  expect(scripts.flatMap(({ hazards }) => hazards)).toEqual([]);
  expect(scripts.map(({ rollback_script: sql }) => sql).join('\n')).toMatch(/CREATE OR REPLACE VIEW[\s\S]*DROP VIEW/);
});

it('names the locks on every table, and what it does not know', async () => {
  const before = (await parseSchema(`${MOOD}${T})`)).schema;
  const script = (sql: string): MigrationScript => ({ script_type: 'sql', description: sql, script_content: sql, rollback_script: '', dependencies: [], validation_query: 'SELECT true', transactional: true, hazards: [] });
  const [key, dynamic] = await withHazards({ before, after: before, scripts: [script('ALTER TABLE t ADD FOREIGN KEY (n) REFERENCES r NOT VALID'), script("DO $$ BEGIN EXECUTE 'DROP TABLE ' || 't'; END $$")] });
  expect(key?.statements).toMatchObject([{ form: 'add-foreign-key-not-valid', locks: { t: 'SHARE ROW EXCLUSIVE', r: 'SHARE ROW EXCLUSIVE' }, scans: [], rewrites: [], transactional: true }]);
  expect(dynamic).toMatchObject({ hazards: ['not_known'], statements: [{ form: 'unknown' }] });
});

it('knows every statement that scripts are made of', async () => {
  const unknown: string[] = [];
  let statements = 0;
  for (const { name, old, fresh } of SCHEMA_PAIRS) {
    for (const script of await scriptsBetween(old, fresh)) {
      statements += script.statements?.length ?? 0;
      if (script.rollback_hazards?.includes('not_known')) unknown.push(`${name}: back from ${script.description}: ${script.rollback_script}`);
      if (script.statements?.some(({ form }) => form === 'unknown')) unknown.push(`${name}: ${script.description}: ${script.script_content}`);
    }
  }
  expect(unknown).toEqual([]);
  expect(statements).toBeGreaterThan(200);
});
