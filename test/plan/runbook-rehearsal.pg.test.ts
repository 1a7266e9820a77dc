import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { Rehearsal, wayBackOf } from '../../src/app/rehearsal.ts';
import { createApplication } from '../../src/app/create-application.ts';
import type { RunbookTestResult } from '../../src/app/plan-types.ts';
import { MigrationPlanner } from '../../src/plan/migration-planner.ts';
import type { MigrationPlan } from '../../src/plan/plan-document.ts';
import { minimalTables } from '../../src/plan/runbook/minimal-tables.ts';
import { rehearsalScope } from '../../src/plan/runbook/rehearsal-scope.ts';
import { RollbackGenerator } from '../../src/plan/runbook/rollback-generator.ts';
import { PostgresIntrospector } from '../../src/postgres/catalog/introspector.ts';
import { connect } from '../../src/postgres/connect.ts';
import type { RollbackRunbook, RollbackStep } from '../../src/plan/runbook/runbook-document.ts';
import { ManualClock, run } from '../cli/harness.ts';
import { describePostgres, testDatabase } from '../support/postgres.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'banyan-runbook-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const banyan = (...words: string[]) => run(words, { application: (context) => createApplication({ ...context, clock: { ...systemClock, now: () => 0 } }) });

const planned = (): MigrationPlan => new MigrationPlanner({ clock: new ManualClock() }).plan({
  type: 'database', pattern: 'schema_change', source: 'shop', target: 'shop 2',
  schema_changes: [
    { table: '"Odd users"', changes: [
      { type: 'add_column', column: 'verified', data_type: 'boolean', default: false, nullable: false }, { type: 'modify_column', column: 'age', old_type: 'integer', new_type: 'bigint' },
      { type: 'drop_column', column: 'no"te' }, { type: 'rename_column', old_name: 'mail', new_name: 'email' }, { type: 'add_index', column: 'age', constraint_name: 'by age' },
    ] },
    { table: 'app.orders', changes: [{ type: 'drop_constraint', constraint_name: 'positive', definition: 'CHECK (id > 0)' }, { type: 'add_constraint', constraint_type: 'check', constraint_name: 'small', definition: '(id < 1000)' }] },
  ],
});

async function tested(plan: MigrationPlan, ...words: string[]): Promise<{ readonly code: unknown; readonly result: RunbookTestResult }> {
  const file = join(folder, 'plan.json');
  await writeFile(file, JSON.stringify(plan));
  const { code, stdout, stderr } = await banyan('runbook', 'test', '-i', file, '--json', ...words);
  if (!words.includes('--database')) expect(stderr).toBe('');
  return { code, result: JSON.parse(stdout) as RunbookTestResult };
}

/** The plan with another rollback of the step that does this. */
const planted = (plan: MigrationPlan, start: string, rollback: string): MigrationPlan => ({
  ...plan, phases: plan.phases.map((phase) => ({ ...phase, steps: phase.steps.map((step) => (step.start.includes(start) ? { ...step, rollback } : step)) })),
});

describePostgres('banyan runbook test', () => {
  it('takes every statement forward and back, rows and all, and writes that it did', async () => {
    const output = join(folder, 'runbook.json');
    const { code, result } = await tested(planned(), '-o', output, '-f', 'json');
    expect(result.steps.filter((step) => step.result !== 'came back')).toEqual([]);
    expect([code, result.ok, result.tested, result.steps.at(-1)?.step_id]).toEqual([0, true, true, 'all']);
    expect(result.steps.find(({ name }) => name.includes('drop column no"te, second half'))?.detail).toMatch(/column no"te \(taken away\).*rows of/);
    const runbook = JSON.parse(await readFile(output, 'utf8')) as RollbackRunbook;
    expect([runbook.tested, runbook.tested_at, runbook.runbook_id]).toEqual([true, result.tested_at, result.runbook_id]);
  });

  it('finds a rollback that leaves something behind, one that is wrong, and one that loses rows', async () => {
    const failing = async (start: string, rollback: string) => {
      const { code, result } = await tested(planted(planned(), start, rollback));
      return [code, result.ok, result.tested, result.steps.at(-1)?.result, result.steps.at(-1)?.detail];
    };
    expect(await failing('"verified"', 'SELECT 1;')).toEqual([1, false, false, 'failed', expect.stringContaining('column verified was left behind')]);
    expect(await failing('"verified"', 'ALTER TABLE nowhere DROP COLUMN x;')).toEqual([1, false, false, 'failed', expect.stringContaining('nowhere')]);
    expect(await failing('DROP COLUMN IF EXISTS "mail"', 'ALTER TABLE "Odd users" ADD COLUMN mail text;')).toEqual([1, false, false, 'failed', 'rows of public."Odd users" is not as it was']);
  });

  it('runs the runbook as somebody has edited it: wrong ones fail by the name of their step, right ones pass', async () => {
    const [planFile, file, output] = [join(folder, 'plan.json'), join(folder, 'edited.json'), join(folder, 'tested.json')];
    const small = new MigrationPlanner({ clock: new ManualClock() }).plan({
      type: 'database', pattern: 'schema_change', source: 'a', target: 'b', schema_changes: [{ table: 't', changes: [{ type: 'add_column', column: 'verified', data_type: 'boolean', default: false, nullable: false }] }],
    });
    await writeFile(planFile, JSON.stringify(small));
    await banyan('runbook', '-i', planFile, '-o', file, '-f', 'json', '--no-database');
    const made = JSON.parse(await readFile(file, 'utf8')) as RollbackRunbook;
    const verified = made.rollback_phases.flatMap(({ steps }) => steps).find(({ name, script_content: script }) => name.startsWith('undo: ') && script.includes('DROP COLUMN IF EXISTS "verified"'));
    const edited = async (change: (steps: readonly RollbackStep[]) => readonly RollbackStep[]) => {
      await writeFile(file, JSON.stringify({ ...made, post_rollback_procedures: ['Feed the cat'], rollback_phases: made.rollback_phases.map((phase) => ({ ...phase, steps: change(phase.steps) })) }));
      const { code, stdout } = await banyan('runbook', 'test', file, '-i', planFile, '-o', output, '-f', 'json', '--no-database', '--json');
      const result = JSON.parse(stdout) as RunbookTestResult;
      const written = JSON.parse(await readFile(output, 'utf8')) as RollbackRunbook;
      return { code, ok: result.ok, tested: written.tested, edited: result.edited, last: result.steps.at(-1), written };
    };
    const other = (script: Partial<RollbackStep>) => edited((steps) => steps.map((step) => (step.step_id === verified?.step_id ? { ...step, ...script } : step)));
    const named = `${verified?.step_id} (${verified?.name}), as it is written: `;
    const [wrong, right] = ['ALTER TABLE t ALTER COLUMN verified DROP NOT NULL;', 'DO $$ BEGIN ALTER TABLE public.t DROP COLUMN verified CASCADE; END $$;'];
    expect(await other({ script_content: wrong })).toMatchObject({
      code: 1, ok: false, tested: false, edited: [`${verified?.step_id}: ${verified?.name}: script_content differs from what the plan makes`],
      last: { result: 'failed', detail: `${named}rows of public.t is not as it was; public.t column verified was left behind` },
      written: { post_rollback_procedures: ['Feed the cat'], rehearsal: { failed: expect.stringContaining(named) as string } },
    });
    const passed = await other({ script_content: right });
    expect(passed).toMatchObject({ code: 0, ok: true, tested: true, edited: [expect.stringContaining('script_content differs')], last: { step_id: 'all', result: 'came back' }, written: { post_rollback_procedures: ['Feed the cat'] } });
    expect(passed.written.rollback_phases.flatMap(({ steps }) => steps).find(({ step_id: id }) => id === verified?.step_id)?.script_content).toBe(right);
    expect(passed.written.rehearsal).not.toHaveProperty('failed');
    expect(await other({ validation_commands: ['SELECT false;'] })).toMatchObject({ ok: false, edited: [expect.stringContaining('validation_commands differs')], last: { detail: `${named}it is as before, but its check does not say so: SELECT false` } });
    expect(await other({ script_type: 'manual', script_content: 'Ask Ada.' })).toMatchObject({ ok: false, written: { rehearsal: { failed: expect.stringContaining(`by hand; ${named}Ask Ada.`) as string } } });
    expect(await edited((steps) => steps.filter(({ step_id: id }) => id !== verified?.step_id))).toMatchObject({ ok: false, edited: [expect.stringContaining('it was taken out')], last: { result: 'failed', detail: expect.stringContaining('column verified was left behind') as string } });
    const added = { ...verified, step_id: 'mine', name: 'mine', script_content: 'CREATE TABLE public.left_over (id int);', validation_commands: [] } as RollbackStep;
    expect(await edited((steps) => (steps.some(({ step_id: id }) => id === verified?.step_id) ? [...steps, added] : steps))).toMatchObject({ ok: false, edited: ['mine: mine: it is not of the plan'], last: { step_id: 'all', result: 'failed', detail: expect.stringMatching(/^public\.left_over was left behind/) as string } });
    const unasked = await edited((steps) => [...steps, { ...added, step_id: `ask ${steps[0]?.step_id}`, name: 'ask', script_type: 'api', script_content: 'POST /back' }]);
    expect(unasked).toMatchObject({ code: 0, ok: true, tested: false, written: { rehearsal: { not_rehearsed: expect.arrayContaining([expect.stringMatching(/^ask rb_\S+ \(ask\): a request to a running service/)]) as string[] } } });
    expect((await edited((steps) => steps)).edited).toEqual([]);
    await writeFile(file, JSON.stringify({ ...made, migration_id: 'another' }));
    expect(await banyan('runbook', 'test', file, '-i', planFile)).toMatchObject({ code: 2, stderr: expect.stringContaining('migration_id: found "another"') as string });
    await writeFile(file, JSON.stringify({ ...made, rollback_phases: [{ steps: [{ step_id: 1 }] }] }));
    expect(await banyan('runbook', 'test', file, '-i', planFile)).toMatchObject({ code: 2, stderr: expect.stringContaining('rollback_phases[0].steps[0].step_id') as string });
  });

  it('takes the tables of a file, and says what only a person can undo', async () => {
    const file = join(folder, 'schema.sql');
    await writeFile(file, 'CREATE TYPE mood AS ENUM (\'good\'); CREATE TABLE t (id int PRIMARY KEY, m mood NOT NULL, at timestamptz NOT NULL, CHECK (id < 0));');
    const plan = new MigrationPlanner({ clock: new ManualClock() }).plan({ type: 'database', pattern: 'schema_change', source: 'a', target: 'b', schema_changes: [{ table: 't', changes: [{ type: 'drop_column', column: 'm' }] }] });
    const { code, result } = await tested(plan, '--schema', file);
    expect(result.notes).toEqual([expect.stringContaining('restore of t not measured: new row'), expect.stringContaining('no rows in public.t')]);
    expect([code, result.steps.find(({ result: each }) => each === 'by hand')?.detail]).toEqual([1, 'The column is still there: new rows have null in it.']);
  });

  it('finds a way back that forgets one row', async () => {
    const plan = planned();
    const forgetful = { ...plan, phases: plan.phases.map((phase) => ({ ...phase, steps: phase.steps.map((step) => ({ ...step, rollback: step.rollback.replace(/(UPDATE .* SET "mail" = "email" WHERE) /, '$1 id <> 3 AND ') })) })) };
    expect(JSON.stringify(forgetful)).not.toBe(JSON.stringify(plan));
    const output = join(folder, 'runbook.txt');
    const { code, result } = await tested(forgetful, '-o', output, '-f', 'text');
    expect([code, result.ok, result.tested, result.steps.at(-1)?.detail]).toEqual([1, false, false, 'rows of public."Odd users" is not as it was']);
    expect((await readFile(output, 'utf8')).split('\n')[0]).toMatch(/^NOT TESTED: it was tried 1970-01-01T00:00:00\.000Z, and does not come back: .*rename column mail to email, second half\): failed; rows of/);
  });

  it('runs the way back as the runbook says it, and finds a wrong order', async () => {
    const plan = new MigrationPlanner({ clock: new ManualClock() }).plan({
      type: 'database', pattern: 'schema_change', source: 'a', target: 'b', schema_changes: [{ table: 't', changes: [{ type: 'modify_column', column: 'age', old_type: 'integer', new_type: 'bigint' }, { type: 'add_index', column: 'age', constraint_name: 'by_age' }] }],
    });
    const { sql } = rehearsalScope(plan);
    const wayBack = wayBackOf(new RollbackGenerator({ clock: new ManualClock() }).generate(plan));
    const all = async (steps: typeof wayBack) => {
      const database = await testDatabase();
      const client = await connect({ url: database.url, clock: systemClock });
      try {
        const { steps: tried } = await new Rehearsal(client, new PostgresIntrospector({ pool: database.pool }), { signal: AbortSignal.timeout(60_000), clock: systemClock }).run({ tables: minimalTables(plan), restored: [], sql, wayBack: steps });
        return tried.at(-1);
      } finally {
        await client.end();
      }
    };
    expect(await all(wayBack)).toMatchObject({ step_id: 'all', result: 'came back' });
    // Each statement passes its own check, whatever the order: what is left in the end tells.
    const undone = wayBack.filter(({ name }) => name.startsWith('undo: '));
    expect(undone.length).toBe(3);
    expect(await all(undone)).toMatchObject({ result: 'came back' });
    expect(await all(undone.toReversed())).toMatchObject({ step_id: 'all', result: 'failed', detail: expect.stringContaining('age_new') as string });
    // Nothing but its check tells that a statement was forgotten where the rest goes on without it.
    expect(await all(wayBack.filter(({ name }) => !name.includes('add index')))).toMatchObject({ step_id: 'all', result: 'failed', detail: expect.stringContaining('by_age') as string });
  });

  it('counts the rows that are lost, in the database it is given', async () => {
    const database = await testDatabase({ schema: `CREATE TABLE public."Odd users" (id bigint PRIMARY KEY, age int, "no""te" text, mail text, verified boolean); INSERT INTO public."Odd users" SELECT n, n, 'x', 'y', CASE WHEN n % 4 = 0 THEN true END FROM generate_series(1, 1000) n` });
    const file = join(folder, 'plan.json');
    await writeFile(file, JSON.stringify(planned()));
    const { code, stdout } = await banyan('runbook', '-i', file, '--database', database.url, '--json');
    const lost = (JSON.parse(stdout) as RollbackRunbook).rollback_phases.flatMap(({ steps }) => steps).filter(({ loses }) => loses !== undefined);
    const rowsOf = (script: string) => lost.find(({ script_content: content }) => content.includes(script))?.loses_rows;
    expect(code).toBe(0);
    expect(rowsOf('DROP COLUMN IF EXISTS "verified"')).toEqual([{ table: '"Odd users"', rows: 250, exact: true, from: 'those with a value in it, counted, 1970-01-01T00:00:00.000Z', query: 'SELECT count("verified") FROM "public"."Odd users";' }]);
    expect(rowsOf('no"te')).toEqual([expect.objectContaining({ rows: 1000, exact: true })]);
    expect(lost.every(({ loses }) => /\(at most \d+ rows of "Odd users": /.test(loses ?? ''))).toBe(true);
    expect((await banyan('runbook', '-i', file, '--database', 'postgres://nobody@127.0.0.1:1/none')).code).toBe(3);
  });

  it('says what each way back may hurt, with the sizes of the database it is given', async () => {
    const database = await testDatabase({ schema: 'CREATE TABLE public."Odd users" (id bigint PRIMARY KEY, age int, "no""te" text, mail text); INSERT INTO public."Odd users" SELECT n, n, \'x\', \'y\' FROM generate_series(1, 1000) n; CREATE SCHEMA app; CREATE TABLE app.orders (id bigint PRIMARY KEY, CONSTRAINT positive CHECK (id > 0)); INSERT INTO app.orders VALUES (1); ANALYZE' });
    const file = join(folder, 'plan.json');
    await writeFile(file, JSON.stringify(planned()));
    const made = async (...words: string[]): Promise<readonly (readonly [string, unknown])[]> => {
      const { rollback_phases: phases } = JSON.parse((await banyan('runbook', '-i', file, '--json', ...words)).stdout) as RollbackRunbook;
      return phases.flatMap(({ steps }) => steps.flatMap(({ name, hazard_details: details = [] }) => details.map(({ hazard, relation, rows }) => [name, [hazard, relation, rows]] as const)));
    };
    const sized = (users: number | null, orders: number | null) => expect.arrayContaining([
      [expect.stringContaining('age'), ['renames', 'Odd users', users]], [expect.stringContaining('verified'), ['deletes_data', 'Odd users', users]],
      [expect.stringContaining('positive'), ['blocks_readers', 'app.orders', orders]], [expect.stringContaining('positive'), ['refuses_rows', 'app.orders', orders]],
    ]) as unknown;
    expect(await made('--database', database.url)).toEqual(sized(1000, 1));
    expect(await made('--no-database')).toEqual(sized(null, null));
    const text = (await banyan('runbook', '-i', file, '--no-database', '-f', 'text')).stdout;
    expect(text).toMatch(/HAZARDS blocks_readers of app\.orders \(size unknown\), refuses_rows of app\.orders \(size unknown\)/);
    expect((await banyan('runbook', '-i', file, '--no-database', '-f', 'markdown')).stdout).toContain('Hazards: blocks_readers of app.orders (size unknown), refuses_rows of app.orders (size unknown).');
  });

  it('measures how long a restore takes, by the sizes of the database it is given', async () => {
    const database = await testDatabase({ schema: 'CREATE TABLE public.t (id bigint PRIMARY KEY, b text); INSERT INTO public.t SELECT n, n FROM generate_series(1, 100) n' });
    const plan = new MigrationPlanner({ clock: new ManualClock() }).plan({ type: 'database', pattern: 'schema_change', source: 'a', target: 'b', schema_changes: [{ table: 't', changes: [{ type: 'drop_column', column: 'b', nullable: false }] }] });
    const output = join(folder, 'runbook.json');
    const recovery = async () => (JSON.parse(await readFile(output, 'utf8')) as RollbackRunbook).data_recovery_plan;
    await tested(plan, '-o', output, '-f', 'json', '--database', database.url);
    const measured = await recovery();
    expect(measured.restore_time).toMatchObject({ unit: 'seconds', basis: 'measured', arithmetic: expect.stringMatching(/^t: 20,000 sample rows .* were restored 3 times in .*; 100 rows are 0\.005 times as many/) as string });
    expect(measured.recovery_scripts.join('\n')).toMatch(/# This takes .* to .*, likely .*\.\npg_restore/);
    expect(measured.recovery_scripts.join('\n')).toMatch(/pg_create_restore_point[^\n]*\npg_dump [^\n]*"public"\."t"/);
    // The rate alone says nothing of a table whose size nobody knows.
    await tested(plan, '-o', output, '-f', 'json');
    const unmeasured = await recovery();
    expect([unmeasured.restore_time, unmeasured.estimated_from]).toEqual([undefined, expect.stringMatching(/^NOT MEASURED \(of t it was not restored, or the size is not known\)/)]);
    expect(unmeasured.recovery_scripts.join('\n')).toContain('# How long this takes is not measured.');
  });

  it('never passes over a request to a service: it is partly tested, and says so first', async () => {
    const output = join(folder, 'runbook.txt');
    const step = { step_id: 's1', name: 'add', script_type: 'sql', start: 'ALTER TABLE t ADD COLUMN b int', rollback: 'ALTER TABLE t DROP COLUMN b' };
    const request = { step_id: 's2', name: 'announce', script_type: 'api', start: 'POST /announcements', rollback: '' };
    const file = join(folder, 'plan.json');
    const run = async (...steps: object[]) => {
      await writeFile(file, JSON.stringify({ migration_id: 'm', phases: [{ name: 'a', steps }], tables: [{ name: 't' }] }));
      const { code, stdout } = await banyan('runbook', 'test', '-i', file, '-o', output, '-f', 'text');
      return { code, said: stdout.trim().split('\n'), first: (await readFile(output, 'utf8')).split('\n')[0] };
    };
    expect(await run(step, request)).toMatchObject({
      code: 0, said: expect.arrayContaining(['  not rehearsed: s2: announce: a request to a running service, and none runs here; the plan has no way back for it', expect.stringMatching(/^PARTLY TESTED: .* 1 step not\.$/)]) as string[],
      first: 'PARTLY TESTED 1970-01-01T00:00:00.000Z: 1 of 2 steps were run forward and back on a throw-away copy. Not rehearsed: s2 (announce): a request to a running service, and none runs here; the plan has no way back for it.',
    });
    expect((await run(request)).first).toMatch(/^NOT TESTED: nothing in it can be run on a throw-away copy\. Not rehearsed: s2/);
    expect((await run(step)).first).toMatch(/^Tested 1970/);
  });

  it('says so where there is nothing that it could run', async () => {
    const { code, result } = await tested(new MigrationPlanner({ clock: new ManualClock() }).plan({ type: 'service', pattern: 'strangler_fig', source: 'a', target: 'b' }));
    expect([code, result.tested, result.steps.length, result.not_run.length > 3]).toEqual([0, false, 0, true]);
  });
});
