import { Argument, type Command } from 'commander';
import type { QuarantinedChange, QuarantineDiscardResult, SyncQuarantineResult } from '../../app/application.ts';
import { examples } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import type { Frame } from '../frame.ts';
import { printable, rowText, type Style } from '../style.ts';
import { filled } from '../values.ts';

export function addSyncQuarantine(sync: Command, frame: Frame): void {
  const quarantine = sync
    .command('quarantine')
    .description('Changes that could not be applied, with their whole content.')
    .action((_flags: unknown, command: Command) =>
      frame.run(command, async (application) => {
        const result = await application.syncQuarantine();
        return { json: result, text: (style) => quarantineText(result, style) };
      }),
    );
  addRetry(quarantine, frame);
  addDiscard(quarantine, frame);
  examples(quarantine, 'banyan sync quarantine', 'banyan sync quarantine retry m42', 'banyan sync quarantine discard s7 --dry-run');
}

const idArgument = () => new Argument('<id>', 'as listed').argParser(filled);

function addRetry(quarantine: Command, frame: Frame): void {
  const retry = quarantine
    .command('retry')
    .description('Apply a change again, and those that wait behind it.')
    .addArgument(idArgument())
    .action((id: string, _flags: unknown, command: Command) =>
      frame.run(command, async (application) => {
        const result = await application.syncQuarantineRetry({ id });
        return {
          json: result,
          text: (style) =>
            result.applied ? `${style.green(`${id} applied${behindText(result.also)}.`)}\n` : `${style.red(`${id} failed again:`)} ${printable(result.reason ?? 'no reason given')}\n`,
          exitCode: result.applied ? EXIT.fine : EXIT.no,
        };
      }),
    );
  examples(retry, 'banyan sync quarantine retry m42');
}

function addDiscard(quarantine: Command, frame: Frame): void {
  const discard = quarantine
    .command('discard')
    .description('Give a change up for good. It stays in the audit record.')
    .addArgument(idArgument())
    .option('--dry-run', 'show the change, and do nothing')
    .option('-y, --yes', 'do not ask')
    .action((id: string, _flags: unknown, command: Command) =>
      frame.run(command, async (application) => {
        const { dryRun = false } = command.opts<{ dryRun?: boolean }>();
        const result = await application.syncQuarantineDiscard({ id, dryRun });
        return {
          json: result,
          text: (style) => `${changeText(result.change, style)}${waitingText(result.behind)}${fate(result)}\n`,
          exitCode: result.discarded || dryRun ? EXIT.fine : EXIT.no,
        };
      }),
    );
  examples(discard, 'banyan sync quarantine discard s7 --dry-run', 'banyan sync quarantine discard s7 --yes');
}

function behindText(also: number): string {
  return also === 0 ? '' : `, and ${also} change${also === 1 ? '' : 's'} that waited behind it`;
}

function waitingText(behind: number): string {
  if (behind === 0) return '';
  return `${behind === 1 ? '1 change waits behind it, and is' : `${behind} changes wait behind it, and are`} applied when it is gone.\n`;
}

function fate({ discarded, dryRun }: QuarantineDiscardResult): string {
  if (discarded) return 'Discarded. The two sides differ in this row; `banyan validate` shows it.';
  return dryRun ? 'Would be discarded.' : 'Kept.';
}

function quarantineText({ quarantined }: SyncQuarantineResult, style: Style): string {
  return quarantined.length === 0 ? 'The quarantine is empty.\n' : quarantined.map((change) => changeText(change, style)).join('\n');
}

function changeText(change: QuarantinedChange, style: Style): string {
  const lines = [
    `${style.bold(change.id)}  ${change.at}  ${change.service}  ${change.direction}`,
    `  ${change.operation} ${change.table} ${rowText(change.key)}`,
    `  ${style.red('reason:')} ${printable(change.reason)}`,
    ...(change.before === null ? [] : [`  before: ${rowText(change.before)}`]),
    ...(change.after === null ? [] : [`  after: ${rowText(change.after)}`]),
    ...(change.behind === undefined ? [] : [`  waits behind ${change.behind}`]),
  ];
  return lines.map((line) => `${line}\n`).join('');
}
