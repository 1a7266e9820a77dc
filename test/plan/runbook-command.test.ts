import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createApplication } from '../../src/app/create-application.ts';
import { MigrationPlanner } from '../../src/plan/migration-planner.ts';
import { patternsOf } from '../../src/plan/patterns.ts';
import { RollbackGenerator } from '../../src/plan/runbook/rollback-generator.ts';
import type { RollbackRunbook } from '../../src/plan/runbook/runbook-document.ts';
import { MIGRATION_TYPES } from '../../src/plan/specification.ts';
import { ManualClock, run } from '../cli/harness.ts';
import { fences } from '../support/markdown.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'banyan-runbook-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** The command line over the real application. */
const banyan = (...words: string[]) => run(words, { application: (context) => createApplication({ ...context, clock: new ManualClock() }) });

it('makes a runbook of the example in the page, which begins as the page says', async () => {
  const page = fences(await readFile(join(import.meta.dirname, '../../docs/runbook.md'), 'utf8'));
  const [plan, output] = [join(folder, 'plan.json'), join(folder, 'runbook.json')];
  await writeFile(plan, page.find(({ language }) => language === 'json')?.text ?? '');
  expect(await banyan('runbook', '-i', plan, '-o', output)).toMatchObject({ code: 0, stderr: '', stdout: expect.stringMatching(/^Runbook rb_[0-9a-f]{12}: 2 phases back, NOT TESTED\.\nwritten: .*runbook\.json\nwritten: .*runbook\.txt\n$/) as string });
  const runbook = JSON.parse(await readFile(output, 'utf8')) as RollbackRunbook;
  expect(JSON.parse((await banyan('runbook', '-i', plan, '--json')).stdout)).toEqual(runbook);
  expect(runbook.rollback_phases.map(({ phase_name: name, urgency_level: urgency, estimated_duration_minutes: minutes }) => [name, urgency, minutes])).toEqual([['rollback_contract', 'emergency', 30], ['rollback_expand', 'medium', 60]]);
  const begins = page.find(({ language }) => language === 'text')?.text ?? 'no example';
  expect((await banyan('runbook', '-i', plan, '-f', 'text')).stdout.startsWith(begins)).toBe(true);
  expect(await readFile(join(folder, 'runbook.txt'), 'utf8')).toContain('undo: Drop users.old_flag');
  expect((await banyan('runbook', '-i', plan, '-f', 'markdown')).stdout).toContain('## 1. rollback_contract');
});

it('calls whom the configuration names, and says which role nobody has', async () => {
  const [plan, config] = [join(folder, 'plan.json'), join(folder, 'banyan.yaml')];
  await writeFile(plan, JSON.stringify({ migration_id: 'm', phases: [{ name: 'a' }], rollback_plan: { rollback_contacts: ['Migration Lead', 'Database administrator', 'on-call engineer'] } }));
  const written = (contacts: string) => writeFile(config, `monolith: { url: "postgres://h/d" }\nrunbook:\n  contacts:\n${contacts}`);
  await written('    - { role: migration lead, name: Ada, phone: "+1 555 0100", email: ada@example.org, backup: Grace }\n    - { role: database administrator, name: Edgar, channel: "#database" }\n');
  const { code, stdout } = await banyan('-c', config, 'runbook', '-i', plan, '--no-database', '--json');
  const runbook = JSON.parse(stdout) as RollbackRunbook;
  expect([code, runbook.emergency_contacts]).toEqual([0, [
    { role: 'migration lead', name: 'Ada', primary_phone: '+1 555 0100', email: 'ada@example.org', backup_contact: 'Grace' },
    { role: 'database administrator', name: 'Edgar', primary_phone: 'none given', email: 'none given', backup_contact: 'none given', channel: '#database' },
    { role: 'on-call engineer', name: 'TO BE FILLED IN', primary_phone: 'TO BE FILLED IN', email: 'TO BE FILLED IN', backup_contact: 'TO BE FILLED IN' },
  ]]);
  const [ada, edgar] = ['migration lead (Ada, phone +1 555 0100, email ada@example.org)', 'database administrator (Edgar, in #database)'];
  expect(runbook.escalation_matrix.emergency.contacts).toEqual([ada, edgar, 'on-call engineer (nobody is named)']);
  expect(runbook.escalation_matrix.level_2.contacts).toEqual([ada, edgar]);
  expect(runbook.trigger_conditions[0]?.escalation_contacts).toContain(ada);
  for (const { body } of runbook.communication_templates.filter(({ template_type: type, audience }) => type === 'emergency_escalation' && audience !== 'business')) expect(body).toContain(`Reach: ${ada}; ${edgar}.\nAdd: whom to reach as on-call engineer.`);
  expect((await banyan('-c', config, 'runbook', '-i', plan, '-f', 'text')).stdout.split('\n')[1]).toBe('CONTACTS MISSING: nobody to call as on-call engineer. The configuration names them (runbook.contacts).');

  await written('    - { role: migration lead, name: Ada }\n');
  expect(await banyan('-c', config, 'runbook', '-i', plan)).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('banyan.yaml:4:7: runbook.contacts[0]: found a contact that can not be reached; expected `phone`, `email` or `channel` beside its name.') as string });
});

it('refuses what is no plan', async () => {
  const plan = join(folder, 'plan.json');
  await writeFile(plan, '{"migration_id":"x","phases":[]}');
  expect(await banyan('runbook', '-i', plan)).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('phases') as string });
});

it('tells people to run only commands that exist', async () => {
  const lines = new Set<string>();
  for (const type of MIGRATION_TYPES) {
    for (const { name: pattern } of patternsOf(type)) {
      const plan = new MigrationPlanner({ clock: new ManualClock() }).plan({ type, pattern, source: 'a', target: 'b', tables_to_migrate: [{ name: 't' }] });
      for (const { script_type: kind, start, complete, validate } of plan.phases.flatMap((phase) => phase.steps)) if (kind === 'banyan') for (const line of [start, complete, validate].flatMap((script) => script.split(' && '))) if (line.startsWith('banyan ')) lines.add(line);
      for (const { steps } of new RollbackGenerator({ clock: new ManualClock() }).generate(plan).rollback_phases) {
        for (const { script_type: kind, script_content: script, validation_commands: commands } of steps) for (const line of [...(kind === 'bash' ? script.split('\n') : []), ...commands]) if (line.startsWith('banyan ')) lines.add(line);
      }
    }
  }
  expect(lines.size).toBeGreaterThan(4);
  for (const line of lines) expect((await run(line.split(' ').slice(1))).code, line).not.toBe(2);
});
