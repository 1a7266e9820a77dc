import { Argument, Option, type Command } from 'commander';
import type { MigrateReportOptions, MigrationResult } from '../../app/application.ts';
import { examples, fullName, usageError } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import type { Frame, Outcome } from '../frame.ts';
import { mark, printable, table, type Style } from '../style.ts';
import { filled } from '../values.ts';

interface MigrateFlags {
  readonly to?: string;
  readonly dryRun?: boolean;
}

export function addMigrate(program: Command, frame: Frame): void {
  const migrate = program
    .command('migrate')
    .description('Move one service on to its next stage, or to a named one, if the gates on the way let it pass.')
    .addArgument(new Argument('[service]', 'a service of the configuration').argParser(filled))
    .option('--to <stage>', 'the stage to reach (default: the next one)', filled)
    .option('--dry-run', 'ask the gates, and do nothing')
    .option('-y, --yes', 'do not ask before what closes a way back')
    .action((service: string | undefined, _flags: unknown, command: Command) =>
      frame.run(command, async (application) => {
        if (service === undefined) throw usageError('banyan migrate needs a service, or one of status, rollback, report.');
        const { to, dryRun = false } = command.opts<MigrateFlags>();
        return outcome(await application.migrate({ service, dryRun, ...(to === undefined ? {} : { to }) }));
      }),
    );
  addStatus(migrate, frame);
  addRollback(migrate, frame);
  addReport(migrate, frame);
  examples(migrate, 'banyan migrate accounts', 'banyan migrate accounts --to validated --dry-run', 'banyan migrate rollback accounts');
}

function addStatus(migrate: Command, frame: Frame): void {
  const status = migrate
    .command('status')
    .description('The stage of each service, what its gates say, and how it got there.')
    .addArgument(new Argument('[service]', 'only this one').argParser(filled))
    .action((service: string | undefined, _flags: unknown, command: Command) =>
      frame.run(command, async (application) => {
        refuseParentOptions(command, ['to', 'dryRun', 'yes']);
        const result = await application.migrateStatus(service === undefined ? {} : { service });
        const [only, ...others] = result.migrations;
        return {
          // With one service its fields stand at the top too, as `migrate SERVICE` prints them.
          json: only !== undefined && others.length === 0 ? { ...only, ...result } : result,
          text: (style) =>
            only === undefined ? 'No service is configured.\n' : result.migrations.map((migration) => migrationText(migration, style)).join('\n'),
        };
      }),
    );
  examples(status, 'banyan migrate status', 'banyan migrate status accounts --json');
}

function addRollback(migrate: Command, frame: Frame): void {
  const rollback = migrate
    .command('rollback')
    .description('Go back to the monolith, by the same machinery in reverse. Nothing that was written is lost.')
    .addArgument(new Argument('<service>', 'a service of the configuration').argParser(filled))
    .option('--dry-run', 'say what would be done, and do nothing')
    .option('-y, --yes', 'do not ask')
    .action((service: string, _flags: unknown, command: Command) =>
      frame.run(command, async (application) => {
        refuseParentOptions(command, ['to']);
        const { dryRun = false } = command.optsWithGlobals<MigrateFlags>();
        return outcome(await application.migrateRollback({ service, dryRun }));
      }),
    );
  examples(rollback, 'banyan migrate rollback accounts --dry-run');
}

interface ReportFlags {
  readonly audience: MigrateReportOptions['audience'];
  readonly format: MigrateReportOptions['format'];
  readonly output?: string;
}

function addReport(migrate: Command, frame: Frame): void {
  const report = migrate
    .command('report')
    .description('A status report for those who decide, those who work on it, or those it concerns.')
    .addArgument(new Argument('[service]', 'only this one').argParser(filled))
    .addOption(new Option('--audience <audience>', 'whom it is for').choices(['executive', 'technical', 'stakeholders']).default('technical'))
    .addOption(new Option('-f, --format <format>', 'in which form').choices(['text', 'markdown', 'json']).default('text'))
    .option('-o, --output <file>', 'where to write it', filled)
    .action((service: string | undefined, _flags: unknown, command: Command) =>
      frame.run(command, async (application) => {
        refuseParentOptions(command, ['to', 'dryRun', 'yes']);
        const { audience, format, output } = command.opts<ReportFlags>();
        const made = await application.migrateReport({ audience, format, ...(service === undefined ? {} : { service }), ...(output === undefined ? {} : { output }) });
        return { json: made.report, text: () => (made.files.length === 0 ? made.printed : made.files.map((file) => `written: ${file}\n`).join('')) };
      }),
    );
  examples(report, 'banyan migrate report --audience executive', 'banyan migrate report accounts --audience stakeholders -f markdown -o status.md');
}

/** Commander gives the options of `migrate` to `migrate` wherever they stand; not all fit what is below it. */
function refuseParentOptions(command: Command, names: readonly string[]): void {
  const wrong = command.parent?.options.find((option) => names.includes(option.attributeName()) && command.parent?.getOptionValue(option.attributeName()) !== undefined);
  if (wrong !== undefined) throw usageError(`${fullName(command)} has no option ${wrong.long ?? wrong.flags}.`);
}

function outcome(result: MigrationResult): Outcome {
  return {
    json: result,
    text: (style) => migrationText(result, style),
    exitCode: result.gates.every((gate) => gate.passed) ? EXIT.fine : EXIT.no,
  };
}

function migrationText({ service, stage, gates, history }: MigrationResult, style: Style): string {
  const parts = [`${style.bold(service)}: ${stage}\n`];
  if (gates.length > 0) {
    const rows = gates.map(({ name, passed, evidence }) => [mark(passed, style), name, evidenceText(evidence)]);
    parts.push(table({ head: ['', 'gate', 'evidence'], rows, style }));
  }
  if (history.length > 0) {
    parts.push(table({ head: ['at', 'from', 'to'], rows: history.map(({ at, from, to }) => [at, from, to]), style }));
  }
  return parts.join('');
}

function evidenceText(evidence: unknown): string {
  return printable(typeof evidence === 'string' ? evidence : (JSON.stringify(evidence) ?? ''));
}
