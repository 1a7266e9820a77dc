import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { run, ManualClock } from '../../cli/harness.ts';
import { createApplication } from '../../../src/app/create-application.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'banyan-check-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const banyan = (...words: string[]) => run(words, { application: (context) => createApplication({ ...context, clock: new ManualClock() }) });
async function file(name: string, text: string): Promise<string> {
  await writeFile(join(folder, name), text);
  return join(folder, name);
}

const OLD = 'openapi: 3.0.3\npaths:\n  /users/{id}:\n    get:\n      parameters:\n        - { name: limit, in: query, schema: { type: integer } }\n      responses:\n        200: { description: fine }\n';

it('answers by its exit code, with YAML against JSON', async () => {
  const old = await file('old.yaml', OLD);
  const same = await file('same.json', JSON.stringify({ openapi: '3.1.0', paths: { '/users/{userId}': { get: { parameters: [{ in: 'query', name: 'limit', schema: { type: 'integer' } }], responses: { 200: {} } } } } }));
  const removed = await file('removed.yaml', OLD.replace('name: limit', 'name: offset'));
  const breaking = await file('breaking.yaml', OLD.replace('in: query', 'in: query, required: true'));
  const check = (after: string, ...more: string[]) => banyan('check', '--before', old, '--after', after, '--type', 'api', ...more);
  expect(await check(same)).toMatchObject({ code: 0, stdout: expect.stringContaining('Fully compatible') as string });
  expect(await check(removed)).toMatchObject({ code: 1, stdout: expect.stringContaining('[query-parameter-removed]') as string });
  expect(await check(breaking)).toMatchObject({ code: 2, stdout: expect.stringContaining('paths./users/{id}.get.parameters.limit') as string });
  expect(JSON.parse((await check(breaking, '--json')).stdout)).toMatchObject({ schema_before: old, overall_compatibility: 'breaking_changes', issues: [{ type: 'parameter_made_required', affected_operations: ['GET /users/{id}'] }] });
  const sarif = join(folder, 'check.sarif');
  expect(await check(breaking, '-f', 'sarif', '-o', sarif)).toMatchObject({ code: 2 });
  expect(JSON.parse(await readFile(sarif, 'utf8'))).toMatchObject({ version: '2.1.0' });
  expect(await check(breaking, '-f', 'github')).toMatchObject({ stdout: expect.stringContaining(`file=${breaking},line=6,col=11,title=query-parameter-made-required`) as string });
  expect(await readFile(sarif, 'utf8')).toMatch(/"region": \{\s*"startLine": 6,\s*"startColumn": 11\s*\}/);
  for (const format of ['junit', 'markdown', 'github', 'both']) expect((await check(breaking, '-f', format)).stdout).toContain('limit');
});

it('compares GraphQL schemas', async () => {
  const [old, fresh] = [await file('old.graphql', 'type Query { user: String }'), await file('new.graphql', 'type Query { user: Int }')];
  expect(await banyan('check', '--before', old, '--after', fresh, '--type', 'graphql')).toMatchObject({ code: 2, stdout: expect.stringContaining('[graphql-field-changed-kind]') as string });
});

it('compares schemas of messages, for those who read old ones and those who read new ones', async () => {
  const [old, fresh] = [await file('old.json', '{"type":"object","properties":{"id":{"type":"integer"}}}'), await file('new.yaml', 'type: object\nproperties: { id: { type: integer } }\nrequired: [id]\n')];
  const check = (...more: string[]) => banyan('check', '--before', old, '--after', fresh, '--type', 'schema', ...more);
  expect(await check()).toMatchObject({ code: 2, stdout: expect.stringContaining('[backward-property-made-required]') as string });
  expect(await check('--compatibility', 'forward')).toMatchObject({ code: 0, stdout: expect.stringContaining('[forward-property-made-required]') as string });
  expect(await check('--compatibility', 'full')).toMatchObject({ code: 2 });
});

it('refuses what is no document with its file and line', async () => {
  const old = await file('old.yaml', OLD);
  const check = async (text: string, type = 'api') => banyan('check', '--before', old, '--after', await file('broken.yaml', text), '--type', type);
  expect(await check('openapi: 3.0.0\npaths: {')).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(/broken\.yaml:\d: found/) as string });
  expect(await check('\0binary')).toMatchObject({ code: 2, stderr: expect.stringContaining('found binary content') as string });
  expect(await check('[')).toMatchObject({ code: 2, stderr: expect.stringContaining('BANYAN_DOCUMENT') as string });
  expect(await check('['.repeat(100_000))).toMatchObject({ code: 2, stderr: expect.stringContaining('BANYAN_DOCUMENT') as string });
  expect(await check('a: &a [x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c,*c,*c]')).toMatchObject({ code: 2, stderr: expect.stringContaining('BANYAN_DOCUMENT') as string });
});

it('goes by a file of rules', async () => {
  const old = await file('old.sql', 'CREATE TABLE t (id integer PRIMARY KEY, c text);');
  const fresh = await file('new.sql', 'CREATE TABLE t (id integer PRIMARY KEY);');
  const check = async (rules: string, ...more: string[]) => banyan('check', '--before', old, '--after', fresh, '--type', 'database', '--rules', await file('rules.yaml', rules), ...more);
  expect(await check('')).toMatchObject({ code: 2, stdout: expect.stringContaining('docs/rules/column-removed.md') as string });
  expect(await check('severity: { column-removed: warning }')).toMatchObject({ code: 1 });
  expect(await check('severity: { column-removed: off }')).toMatchObject({ code: 0 });
  const waived = await check('waivers: [{ rule: column-removed, object: tables.t.columns.c, until: 9999-12-31, reason: nobody reads it }]', '--json');
  expect(waived).toMatchObject({ code: 0 });
  expect(JSON.parse(waived.stdout)).toMatchObject({ breaking_changes_count: 0, issues: [{ waived: { until: '9999-12-31' }, page: 'docs/rules/column-removed.md', hurts: expect.arrayContaining(['readers']) as unknown }], waivers: [{ state: 'holds' }] });
  expect(await check('waivers: [{ rule: colum-removed, until: 9999-12-31, reason: x }]')).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(/rules\.yaml:1: waivers\[0\]\.rule: found "colum-removed".*Did you mean column-removed\?/) as string });
});
