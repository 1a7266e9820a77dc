import { readPlan } from '../plan/runbook/plan-to-undo.ts';
import { runbookMarkdown, runbookText } from '../plan/runbook/render-runbook.ts';
import { RollbackGenerator } from '../plan/runbook/rollback-generator.ts';
import type { ApplicationContext } from './application.ts';
import { writeDocument } from './document-output.ts';
import type { RunbookOptions, RunbookResult } from './plan-types.ts';
import { configuredContacts } from './runbook-contacts.ts';
import { runbookHazards } from './runbook-hazards.ts';
import { lookAtTables } from './runbook-look.ts';
import { readDocumentText } from './text-file.ts';

/** `banyan runbook`: the way back of a plan's file, with whom the configuration names. */
export async function runbook(context: ApplicationContext, { input, output, format, ...reach }: RunbookOptions): Promise<RunbookResult> {
  const { value, unknown } = readPlan({ file: input, text: await readDocumentText(input) });
  for (const { path, near } of unknown) if (near !== undefined) context.progress.note(`${input}: ${path} is not read. Did you mean "${near}"?`);
  const contacts = await configuredContacts(context);
  const look = await lookAtTables(context, value, reach);
  const hazards = await runbookHazards(value, look);
  const made = new RollbackGenerator({ clock: context.clock }).generate(value, { contacts, hazards, ...(look ? { look } : {}) });
  const written = await writeDocument({
    format, ...(output === undefined ? {} : { output }),
    render: { json: () => `${JSON.stringify(made, null, 2)}\n`, text: () => runbookText(made), markdown: () => runbookMarkdown(made) },
  });
  return { ...written, runbook: made };
}
