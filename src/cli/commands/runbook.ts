import { Option, type Command } from 'commander';
import type { RunbookFormat, RunbookTestResult } from '../../app/plan-types.ts';
import { examples } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import type { Frame } from '../frame.ts';
import { mark, plural, type Style } from '../style.ts';
import { databaseUrl, filled } from '../values.ts';

interface RunbookFlags {
  readonly input: string;
  readonly output?: string;
  readonly format: RunbookFormat;
  /** False: `--no-database`. */
  readonly database?: string | false;
}

function reachOf({ database }: RunbookFlags): { readonly database?: string; readonly measure?: boolean } {
  return database === false ? { measure: false } : typeof database === 'string' ? { database } : {};
}

export function addRunbook(program: Command, frame: Frame): void {
  const runbook = program
    .command('runbook')
    .description('Make the rollback runbook of a plan.')
    .requiredOption('-i, --input <file>', 'the plan, JSON or YAML', filled)
    .option('-o, --output <file>', 'where to write the runbook', filled)
    .addOption(new Option('-f, --format <format>', 'in which form; both: JSON, and text beside it').choices(['json', 'text', 'both', 'markdown']).default('both'))
    .option('--database <url>', 'ask this database how many rows are concerned, and how large tables are (default: the configured monolith, if it can be reached)', databaseUrl)
    .option('--no-database', 'ask no database')
    .action((_flags: unknown, command: Command) =>
      frame.run(command, async (application) => {
        const flags = command.opts<RunbookFlags>();
        const { input, output, format } = flags;
        const made = await application.runbook({ input, format, ...reachOf(flags), ...(output === undefined ? {} : { output }) });
        const { runbook_id: id, rollback_phases: phases, tested } = made.runbook;
        const summary = `Runbook ${id}: ${plural(phases.length, 'phase')} back, ${tested ? 'tested' : 'NOT TESTED'}.\n`;
        return { json: made.runbook, text: () => (made.files.length === 0 ? made.printed : `${summary}${made.files.map((file) => `written: ${file}\n`).join('')}`) };
      }),
    );
  const test = runbook
    .command('test')
    .description('Run each SQL step of a plan forward and back on a throw-away server. Exit code 1: some step did not come back.')
    .argument('[file]', 'a runbook of the plan, JSON or YAML, as it was written or edited (default: the one that the plan makes)', filled)
    .option('--schema <file>', 'SQL that makes the tables (default: made of the plan\'s schema changes)', filled)
    .action((file: string | undefined, _flags: unknown, command: Command) =>
      frame.run(command, async (application) => {
        // -i, -o, -f and the database are the runbook's, wherever they stand.
        const flags = command.optsWithGlobals<RunbookFlags & { readonly schema?: string }>();
        const { input, output, format, schema } = flags;
        const tested = await application.runbookTest({ input, format, ...reachOf(flags), ...(output === undefined ? {} : { output }), ...(schema === undefined ? {} : { schema }), ...(file === undefined ? {} : { runbook: file }) });
        return { json: tested, exitCode: tested.ok ? EXIT.fine : EXIT.no, text: (style) => testText(tested, style) };
      }),
    );
  examples(test, 'banyan runbook test -i plan.json', 'banyan runbook test runbook.json -i plan.json', 'banyan runbook test -i plan.json --schema schema.sql -o runbook.json');
  examples(runbook, 'banyan runbook -i plan.json -o runbook.json', 'banyan runbook -i plan.json -f markdown -o runbook.md', 'banyan runbook -i plan.json --database postgres://localhost/shop -f text');
}

/** The last line. */
function verdictText({ ok, runbook_id: id, tested, steps, not_run: notRun }: RunbookTestResult, style: Style): string {
  if (!ok) return style.red(`NOT TESTED: not every step of runbook ${id} comes back.`);
  if (tested) return style.green(`Tested: every statement of runbook ${id} was run forward and back.`);
  return steps.length === 0 ? `NOT TESTED: runbook ${id} has no statement that could be run.` : `PARTLY TESTED: every statement of runbook ${id} was run forward and back; ${plural(notRun.length, 'step')} not.`;
}

function testText(tested: RunbookTestResult, style: Style): string {
  const { steps, edited, restore, not_run: notRun, notes, files } = tested;
  return [
    ...steps.map(({ step_id: step, name, result, detail }) => `${mark(result === 'came back', style)} ${step}: ${name}: ${result}; ${detail}`),
    ...edited.map((each) => `  edited: ${each}`), ...notRun.map((each) => `  not rehearsed: ${each}`), `  restore: ${restore}`, ...notes.map((each) => `  ${each}`), ...files.map((file) => `written: ${file}`), verdictText(tested, style),
  ].map((line) => `${line}\n`).join('');
}
