import { EmbeddedPostgres } from '../embedded/embedded-postgres.ts';
import { minimalTables } from '../plan/runbook/minimal-tables.ts';
import { documentError } from '../plan/document.ts';
import { readPlan, type PlanToUndo } from '../plan/runbook/plan-to-undo.ts';
import { readRunbook } from '../plan/runbook/read-runbook.ts';
import { restoredTables } from '../plan/runbook/recovery.ts';
import { rehearsalScope } from '../plan/runbook/rehearsal-scope.ts';
import { runbookMarkdown, runbookText } from '../plan/runbook/render-runbook.ts';
import { RollbackGenerator, withOutcome } from '../plan/runbook/rollback-generator.ts';
import { planAsWritten, type PlanAsWritten } from '../plan/runbook/runbook-as-written.ts';
import type { RollbackRunbook } from '../plan/runbook/runbook-document.ts';
import { PostgresIntrospector } from '../postgres/catalog/introspector.ts';
import { connect, createPool } from '../postgres/connect.ts';
import { splitStatements } from '../postgres/sql/split-statements.ts';
import type { ApplicationContext } from './application.ts';
import { writeDocument } from './document-output.ts';
import type { RunbookTestOptions, RunbookTestResult, TestedStep } from './plan-types.ts';
import { Rehearsal, wayBackOf, type RehearsalResult, type RehearsedWork } from './rehearsal.ts';
import { configuredContacts } from './runbook-contacts.ts';
import { runbookHazards } from './runbook-hazards.ts';
import { lookAtTables } from './runbook-look.ts';
import { readDocumentText } from './text-file.ts';

/** `banyan runbook test`: each statement of a plan forward and back, on a server that is thrown away. */
export async function testRunbook(context: ApplicationContext, { input, runbook: file, schema, output, format, ...reach }: RunbookTestOptions): Promise<RunbookTestResult> {
  const { value: plan } = readPlan({ file: input, text: await readDocumentText(input) });
  const tables = schema === undefined ? minimalTables(plan) : [...splitStatements(await readDocumentText(schema))].map(({ text }) => text);
  const contacts = await configuredContacts(context);
  const look = await lookAtTables(context, plan, reach);
  const generator = new RollbackGenerator({ clock: context.clock });
  const made = generator.generate(plan);
  const { written, asWritten } = await writtenRunbook({ plan, made, ...(file === undefined ? {} : { file }) });
  const scope = rehearsalScope(asWritten.plan);
  const notRehearsed = [...scope.notRehearsed, ...asWritten.notRehearsed];
  const tested = scope.sql.length === 0 ? { steps: [], restores: [], notes: [] } : await onThrowAwayServer(context, { tables, restored: restoredTables(plan), sql: scope.sql, wayBack: wayBackOf(written ?? made) });
  const steps = tested.steps.map((step) => namedAsWritten(step, asWritten));
  const failed = steps.find(({ result }) => result !== 'came back');
  const rehearsal = {
    at: new Date(context.clock.now()), cameBack: steps.filter(({ step_id: id, result }) => id !== 'all' && result === 'came back').length, notRehearsed,
    ...(failed === undefined ? {} : { failed: `${failed.step_id} (${failed.name}): ${failed.result}; ${failed.detail}` }),
  };
  const now = generator.generate(plan, { contacts, hazards: await runbookHazards(plan, look), restores: tested.restores, ...(look ? { look } : {}), rehearsal });
  const runbook = written ? withOutcome(written, rehearsal) : now;
  const { files } = output === undefined ? { files: [] } : await writeDocument({
    format, output, render: { json: () => `${JSON.stringify(runbook, null, 2)}\n`, text: () => runbookText(runbook), markdown: () => runbookMarkdown(runbook) },
  });
  return {
    ok: failed === undefined, runbook_id: runbook.runbook_id, tested: runbook.tested, ...(runbook.tested_at === undefined ? {} : { tested_at: runbook.tested_at }), steps,
    edited: asWritten.edited.map(({ step_id: id, name, how }) => `${id}: ${name}: ${how}`),
    restore: now.data_recovery_plan.estimated_from, not_run: notRehearsed.map(({ step_id: id, name, why }) => `${id}: ${name}: ${why}`), notes: [...(runbook.runbook_id === made.runbook_id ? [] : [`the runbook was made of another form of this plan (${runbook.runbook_id}, now ${made.runbook_id})`]), ...tested.notes], files,
  };
}

/** The runbook of the file, if there is one, and the plan that goes back as it says. */
async function writtenRunbook({ plan, made, file }: { readonly plan: PlanToUndo; readonly made: RollbackRunbook; readonly file?: string }): Promise<{ readonly written?: RollbackRunbook; readonly asWritten: PlanAsWritten }> {
  if (file === undefined) return { asWritten: planAsWritten({ plan, made, written: made }) };
  const written = readRunbook({ file, text: await readDocumentText(file) });
  if (written.migration_id !== plan.migration_id) throw documentError(file, [{ path: 'migration_id', found: JSON.stringify(written.migration_id), expected: `${JSON.stringify(plan.migration_id)}, as in the plan` }]);
  return { written, asWritten: planAsWritten({ plan, made, written }) };
}

/** Who has edited a step looks for it by its name in the runbook. */
function namedAsWritten(step: TestedStep, { replaced }: PlanAsWritten): TestedStep {
  const written = replaced.get(step.step_id);
  return written ? { ...step, detail: `${written.step_id} (${written.name}), as it is written: ${step.detail}` } : step;
}

async function onThrowAwayServer(context: ApplicationContext, work: RehearsedWork): Promise<RehearsalResult> {
  await using server = await EmbeddedPostgres.start({ durable: false });
  const client = await connect({ url: server.url(), clock: context.clock });
  const pool = createPool({ url: server.url(), max: 1, clock: context.clock });
  try {
    return await new Rehearsal(client, new PostgresIntrospector({ pool }), context).run(work);
  } finally {
    await client.end();
    await pool.end();
  }
}
