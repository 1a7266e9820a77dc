import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { run, ManualClock } from '../cli/harness.ts';
import { createApplication } from '../../src/app/create-application.ts';
import { fences } from '../support/markdown.ts';
import type { MigrationPlan } from '../../src/plan/plan-document.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'banyan-plan-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const example = async (): Promise<string> => {
  const page = await readFile(join(import.meta.dirname, '../../docs/plan.md'), 'utf8');
  return fences(page).find(({ language }) => language === 'json')?.text ?? '';
};

/** The command line over the real application. */
const banyan = (...words: string[]) => run(words, { application: (context) => createApplication({ ...context, clock: new ManualClock() }) });

it('makes a plan of the example in the page, and writes it in both forms', async () => {
  const [spec, output] = [join(folder, 'spec.json'), join(folder, 'plan.json')];
  await writeFile(spec, await example());
  expect(await banyan('plan', '-i', spec, '-o', output)).toMatchObject({ code: 0, stderr: '', stdout: expect.stringMatching(/^Plan [0-9a-f]{12}: 5 phases, 300 hours, complexity high\.\nwritten: .*plan\.json\nwritten: .*plan\.txt\n$/) as string });
  const plan = JSON.parse(await readFile(output, 'utf8')) as MigrationPlan;
  expect(plan.phases.map(({ name }) => name)).toEqual(['intercept', 'implement', 'redirect', 'validate', 'retire']);
  expect(await readFile(join(folder, 'plan.txt'), 'utf8')).toContain('banyan route set accounts 5');
  const { stdout } = await banyan('plan', '-i', spec, '--json');
  expect(JSON.parse(stdout)).toEqual(plan);
  expect((await banyan('plan', '-i', spec, '-f', 'markdown')).stdout).toMatch(/^# Migration plan[^]*```mermaid\ngantt[^]*```mermaid\nflowchart LR/);
  expect((await banyan('plan', '-i', spec, '-f', 'mermaid')).stdout).toContain('implement --> redirect');
  expect((await banyan('plan', '-i', spec)).stdout).toMatch(/^\{[^]*\n\}\n\nMigration plan/);
});

it('tells of a slip of the pen, and refuses what is no specification', async () => {
  const spec = join(folder, 'spec.json');
  await writeFile(spec, JSON.stringify({ type: 'api', source: 'a', target: 'b', feature_flag: [] }));
  expect(await banyan('plan', '-i', spec, '--validate', '--json')).toMatchObject({ code: 0, stdout: expect.stringContaining('"feature_flag"') as string });
  expect((await banyan('plan', '-i', spec, '-f', 'text')).stderr).toContain('feature_flag is not read. Did you mean "feature_flags"?');
  await writeFile(spec, '{"type":"api"}');
  expect(await banyan('plan', '-i', spec, '--validate')).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('source: found nothing; expected a text') as string });
  expect(await banyan('plan', '-i', join(folder, 'none.json'))).toMatchObject({ code: 3, stderr: expect.stringContaining('BANYAN_FILE') as string });
  await writeFile(spec, JSON.stringify({ type: 'api', source: 'a', target: 'b' }));
  expect(await banyan('plan', '-i', spec, '-o', join(folder, 'no/such/folder.json'))).toMatchObject({ code: 3, stderr: expect.stringContaining('could not be written') as string });
});
