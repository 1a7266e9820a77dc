import { EmbeddedPostgres } from '../embedded/embedded-postgres.ts';
import { minimalTables } from '../plan/runbook/minimal-tables.ts';
import { readPlan } from '../plan/runbook/plan-to-undo.ts';
import { restoredTables } from '../plan/runbook/recovery.ts';
import { rehearsalScope } from '../plan/runbook/rehearsal-scope.ts';
import { runbookMarkdown, runbookText } from '../plan/runbook/render-runbook.ts';
import { RollbackGenerator } from '../plan/runbook/rollback-generator.ts';
import { PostgresIntrospector } from '../postgres/catalog/introspector.ts';
import { connect, createPool } from '../postgres/connect.ts';
import { splitStatements } from '../postgres/sql/split-statements.ts';
import type { ApplicationContext } from './application.ts';
import { writeDocument } from './document-output.ts';
import type { RunbookTestOptions, RunbookTestResult } from './plan-types.ts';
import { Rehearsal, wayBackOf, type RehearsalResult, type RehearsedWork } from './rehearsal.ts';
import { configuredContacts } from './runbook-contacts.ts';
import { runbookHazards } from './runbook-hazards.ts';
import { lookAtTables } from './runbook-look.ts';
import { readDocumentText } from './text-file.ts';

/** `banyan runbook test`: each statement of a plan forward and back, on a server that is thrown away. */
export async function testRunbook(context: ApplicationContext, { input, schema, output, format, ...reach }: RunbookTestOptions): Promise<RunbookTestResult> {
  const { value: plan } = readPlan({ file: input, text: await readDocumentText(input) });
  const tables = schema === undefined ? minimalTables(plan) : [...splitStatements(await readDocumentText(schema))].map(({ text }) => text);
  const contacts = await configuredContacts(context);
  const look = await lookAtTables(context, plan, reach);
  const generator = new RollbackGenerator({ clock: context.clock });
  const { sql, notRehearsed } = rehearsalScope(plan);
  const tested = sql.length === 0 ? { steps: [], restores: [], notes: [] } : await onThrowAwayServer(context, { tables, restored: restoredTables(plan), sql, wayBack: wayBackOf(generator.generate(plan)) });
  const failed = tested.steps.find(({ result }) => result !== 'came back');
  const runbook = generator.generate(plan, {
    contacts, hazards: await runbookHazards(plan, look), restores: tested.restores, ...(look ? { look } : {}),
    rehearsal: {
      at: new Date(context.clock.now()), cameBack: tested.steps.filter(({ step_id: id, result }) => id !== 'all' && result === 'came back').length, notRehearsed,
      ...(failed === undefined ? {} : { failed: `${failed.step_id} (${failed.name}): ${failed.result}; ${failed.detail}` }),
    },
  });
  const written = output === undefined ? { files: [] } : await writeDocument({
    format, output, render: { json: () => `${JSON.stringify(runbook, null, 2)}\n`, text: () => runbookText(runbook), markdown: () => runbookMarkdown(runbook) },
  });
  return {
    ok: failed === undefined, runbook_id: runbook.runbook_id, tested: runbook.tested, ...(runbook.tested_at === undefined ? {} : { tested_at: runbook.tested_at }), steps: tested.steps,
    restore: runbook.data_recovery_plan.estimated_from, not_run: notRehearsed.map(({ step_id: id, name, why }) => `${id}: ${name}: ${why}`), notes: tested.notes, files: written.files,
  };
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
