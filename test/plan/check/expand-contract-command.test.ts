import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createApplication } from '../../../src/app/create-application.ts';
import type { CompatibilityReport } from '../../../src/plan/check/report.ts';
import { run, ManualClock } from '../../cli/harness.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'banyan-expand-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function file(name: string, text: string): Promise<string> {
  await writeFile(join(folder, name), text);
  return join(folder, name);
}

async function check({ before, after, type = 'database' }: { readonly before: string; readonly after: string; readonly type?: string }, ...words: string[]) {
  const files = [await file('old.sql', before), await file('new.sql', after)];
  return await run(['check', '--before', files[0] ?? '', '--after', files[1] ?? '', '--type', type, ...words], { application: (context) => createApplication({ ...context, clock: new ManualClock() }) });
}

const reportOf = (stdout: string): CompatibilityReport => JSON.parse(stdout) as CompatibilityReport;
const scriptsOf = (stdout: string): readonly string[] => reportOf(stdout).migration_scripts.map(({ description }) => description);

const USERS = { before: 'CREATE TABLE users (id integer PRIMARY KEY, mail text);', after: 'CREATE TABLE users (id bigint PRIMARY KEY, email text);' };

it('has scripts in the order in which they run, each with its way back, its query and what it waits for', async () => {
  const { code, stdout, stderr } = await check(USERS, '--rename', 'users.mail=users.email', '--expand-contract', '--json');
  const report = reportOf(stdout);
  expect([code, stderr]).toEqual([2, '']);
  expect(scriptsOf(stdout)).toEqual([
    'Add column banyan_new_id beside users.id', 'Keep banyan_new_id and users.id in step', 'Fill banyan_new_id of users.id in batches',
    'Build the index of users_pkey anew on banyan_new_id', 'Refuse new nulls in banyan_new_id of users.id', 'Look for nulls in banyan_new_id of users.id',
    'Build an index of users_pkey on the old columns for the way back', 'Let id of the new kind take over from users.id',
    'Add column email beside users.mail', 'Keep email and users.mail in step', 'Fill email of users.mail in batches', 'Let email of the new kind take over from users.mail',
    'On the way back only: make banyan_old_id of users.id NOT NULL', 'On the way back only: look for nulls in banyan_old_id of users.id', 'On the way back only: refuse new nulls in banyan_old_id of users.id',
    'Drop index banyan_old_users_pkey of users.id', 'Compare both columns of users.id once more', 'Drop banyan_old_id, the old column of users.id',
    'Compare both columns of users.mail once more', 'Drop mail, the old column of users.mail',
  ]);
  for (const script of report.migration_scripts) expect(script.rollback_script + script.validation_query, script.description).not.toContain('undefined');
  expect(report.migration_scripts[2]).toMatchObject({ transactional: false, dependencies: ['Keep banyan_new_id and users.id in step'], script_content: expect.stringContaining('COMMIT') as string });
  expect(report.issues.map(({ rule }) => rule)).toEqual(expect.arrayContaining(['column-renamed', 'type-rewritten']));
});

it('without the flag, the same change is made in place', async () => {
  const { stdout } = await check(USERS, '--rename', 'users.mail=users.email', '--json');
  expect(scriptsOf(stdout)).toEqual(expect.arrayContaining(['Rename column users.mail to email', 'Change users.id to bigint']));
  expect(stdout).not.toContain('banyan_new_');
});

it('says the same to people', async () => {
  const { code, stdout } = await check(USERS, '--rename', 'users.mail=users.email', '--expand-contract');
  expect(code).toBe(2);
  expect(stdout).toContain('Column users.mail is called email. [column-renamed]');
});

it.each([
  ['a view', 'CREATE VIEW v AS SELECT n FROM t;', 'the view v reads it'],
  ['a computed column', 'ALTER TABLE t ADD COLUMN twice integer GENERATED ALWAYS AS (n * 2) STORED;', 'the column twice is computed of it'],
  ['a trigger', "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER changed BEFORE UPDATE OF n ON t FOR EACH ROW EXECUTE FUNCTION f();", 'the trigger changed names it'],
  ['an exclusion', 'ALTER TABLE t ADD CONSTRAINT apart EXCLUDE USING btree (n WITH =);', 'the exclusion apart stands on it'],
  ['a foreign key that would join what can not be joined', 'CREATE TABLE other (n text UNIQUE); ALTER TABLE other ADD FOREIGN KEY (n) REFERENCES t (n);', 'would join'],
  ['a foreign key that sets a default', 'ALTER TABLE t ADD UNIQUE (n); CREATE TABLE other (n integer REFERENCES t (n) ON DELETE SET DEFAULT);', 'sets a default'],
])('names what keeps a column in its place: %s', async (_, sql, reason) => {
  const table = (type: string): string => `CREATE TABLE t (id bigint PRIMARY KEY, n ${type}); ${sql}`;
  const { stdout, stderr } = await check({ before: table('integer'), after: table('bigint') }, '--expand-contract', '--json');
  expect(stderr).toMatch(/t\.n is changed in its place, without a second column: /);
  expect(stderr).toContain(reason);
  expect(stdout).not.toContain('banyan_new_n');
});

it('tells partitions apart by what nobody changes', async () => {
  const table = (type: string): string => `CREATE TABLE t (at ${type}, n ${type}, PRIMARY KEY (at)) PARTITION BY RANGE (at);`;
  const { stderr } = await check({ before: table('integer'), after: table('bigint') }, '--expand-contract', '--json');
  expect(stderr).toMatch(/t\.at is changed in its place, without a second column: rows are told apart into partitions by it/);
  expect(stderr).toMatch(/t\.n is changed in its place, without a second column: the table is partitioned/);
});

it.each([[], ['--expand-contract']])('has no script from one table to a partitioned one, and says what to do (%j)', async (...flags) => {
  const before = 'CREATE TABLE t (at date PRIMARY KEY, n integer);';
  const { code, stdout } = await check({ before, after: 'CREATE TABLE t (at date PRIMARY KEY, n bigint) PARTITION BY RANGE (at);' }, '--json', ...flags);
  const report = reportOf(stdout);
  expect([code, report.migration_scripts]).toEqual([1, []]);
  expect(report.issues).toMatchObject([{ rule: 'partitioning-changed', old_value: 'one table', new_value: 'PARTITION BY RANGE (at)', suggested_migration: expect.stringMatching(/beside the old one, copy in batches with a trigger that follows, then swap the names/) as string }]);
});

it('is refused where it has no meaning', async () => {
  const api = 'openapi: 3.0.3\npaths: {}\n';
  expect(await check({ before: api, after: api, type: 'api' }, '--expand-contract')).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(/BANYAN_USAGE[\s\S]*--expand-contract is of --type database/) as string });
  expect(await check(USERS, '--expand-contract', '--rename', 'users.letter=users.email')).toMatchObject({ code: 2, stderr: expect.stringMatching(/BANYAN_DOCUMENT[\s\S]*users\.letter/) as string });
  expect(await check(USERS, '--expand-contract', '--rename', 'users.mail')).toMatchObject({ code: 2, stderr: expect.stringContaining('Expected old=new') as string });
  expect(await check(USERS, '--expand-contracts')).toMatchObject({ code: 2, stderr: expect.stringContaining('--expand-contract') as string });
});
