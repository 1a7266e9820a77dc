import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createApplication } from '../../../src/app/create-application.ts';
import { CompatibilityChecker, type CompatibilityReport } from '../../../src/index.ts';
import { ManualClock, run } from '../../cli/harness.ts';
import { fences } from '../../support/markdown.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'banyan-checker-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const page = async () => fences(await readFile(join(import.meta.dirname, '../../../docs/check.md'), 'utf8'));
const isRunnable = (value: unknown): value is (checker: typeof CompatibilityChecker) => Promise<CompatibilityReport> => typeof value === 'function';

it('does what its example in the page says, with the files of the page', async () => {
  const sql = (await page()).filter(({ language }) => language === 'sql').map(({ text }) => text);
  const example = (await page()).find(({ language, text }) => language === 'ts' && text.includes('CompatibilityChecker'))?.text ?? '';
  const [old, fresh] = [join(folder, 'old.sql'), join(folder, 'new.sql')];
  await writeFile(old, sql[0] ?? '');
  await writeFile(fresh, sql[1] ?? '');
  const body = example.replace("import { CompatibilityChecker } from 'banyan';", '').replace("'old.sql'", JSON.stringify(old)).replace("'new.sql'", JSON.stringify(fresh));
  const module = join(folder, 'example.mjs');
  await writeFile(module, `export default async (CompatibilityChecker) => { ${body}\n return report; };`);
  const { default: main } = (await import(/* @vite-ignore */ module)) as { readonly default: unknown };
  if (!isRunnable(main)) throw new Error('The example is no function.');
  const report = await main(CompatibilityChecker);
  const said = (line: string): string => new RegExp(`${line}.*?// (.*)`).exec(example)?.[1] ?? '';
  expect(said('overall_compatibility')).toBe(report.overall_compatibility);
  expect(said('issues')).toBe(report.issues.map(({ rule }) => rule).join(', '));
  expect(report.migration_scripts[0]?.rollback_hazards).toEqual(expect.any(Array));
});

const TEXTS = {
  database: ['CREATE TABLE t (id integer PRIMARY KEY, a text)', 'CREATE TABLE t (id integer PRIMARY KEY)'],
  api: ['{"openapi":"3.1.0","info":{"title":"a","version":"1"},"paths":{"/a":{"get":{"responses":{"200":{"description":"x"}}}}}}', '{"openapi":"3.1.0","info":{"title":"a","version":"1"},"paths":{}}'],
  graphql: ['type Query { a: Int b: Int }', 'type Query { a: Int }'],
  schema: ['{"type":"string"}', '{"type":"integer"}'],
} as const;

it('says of texts what the command says of files, by whatever name', async () => {
  const clock = new ManualClock();
  const checker = new CompatibilityChecker({ clock });
  for (const [type, [before, after]] of Object.entries(TEXTS)) {
    const files = [join(folder, `old-${type}`), join(folder, `new-${type}`)] as const;
    await writeFile(files[0], before);
    await writeFile(files[1], after);
    const pair = { before: { text: before, name: files[0] }, after: { text: after, name: files[1] } };
    const report = await (type === 'database' ? checker.databases(pair) : type === 'api' ? checker.apis(pair) : type === 'graphql' ? checker.graphql(pair) : checker.messages(pair));
    const { stdout, code } = await run(['check', '--before', files[0], '--after', files[1], '--type', type, '--json'], { application: createApplication });
    expect(JSON.parse(stdout)).toEqual(JSON.parse(JSON.stringify(report)));
    expect([type, code, report.breaking_changes_count > 0]).toEqual([type, 2, true]);
  }
});

it('takes the file of rules that the configuration names, unless the command names another or none', async () => {
  const [old, fresh, config] = [join(folder, 'old.sql'), join(folder, 'new.sql'), join(folder, 'banyan.yaml')];
  await writeFile(old, TEXTS.database[0]);
  await writeFile(fresh, TEXTS.database[1]);
  await writeFile(config, 'version: 1\nmonolith: { url: "postgres://h/d" }\ncheck: { rules: ./rules.yaml }\n');
  await writeFile(join(folder, 'rules.yaml'), 'severity: { column-removed: info }\n');
  await writeFile(join(folder, 'other.yaml'), 'severity: { column-removed: warning }\n');
  const banyan = (...words: string[]) => run(['-c', config, 'check', '--before', old, '--after', fresh, '--type', 'database', ...words], { application: createApplication });
  const code = async (...words: string[]): Promise<unknown> => (await banyan(...words)).code;
  expect([await code(), await code('--rules', join(folder, 'other.yaml')), await code('--no-rules')]).toEqual([0, 1, 2]);
  expect((await new CompatibilityChecker({ rules: join(folder, 'rules.yaml') }).databases({ before: old, after: fresh })).breaking_changes_count).toBe(0);
  // A configuration that is wrong is said: without its rules the answer would be another.
  await writeFile(config, 'monolith: { url: "postgres://h/d" }\nchek: {}\n');
  expect(await banyan()).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('Did you mean "check"?') as string });
  expect(await banyan('--no-rules')).toMatchObject({ code: 2, stdout: expect.stringContaining('column-removed') as string });
});
