import { Option, type Command } from 'commander';
import type { SyncResyncResult } from '../../app/application.ts';
import { examples } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import type { Frame } from '../frame.ts';
import { count, printable, type Style } from '../style.ts';
import { filled } from '../values.ts';

interface Flags {
  readonly from?: 'monolith' | 'service';
  readonly dryRun?: boolean;
  readonly wait: boolean;
}

export function addSyncResync(sync: Command, frame: Frame): void {
  const resync = sync
    .command('resync')
    .description('Make one table equal on both sides again while both are written. Every row that is overwritten or deleted is recorded.')
    .argument('<service>', 'its name', filled)
    .argument('<table>', "the monolith's table", filled)
    .addOption(new Option('--from <side>', "the side that counts; default: the monolith, or the one that sync.mode reads").choices(['monolith', 'service']))
    .option('--dry-run', 'show what differs, and change nothing')
    .option('--no-wait', 'ask the worker for it, and return at once')
    .option('-y, --yes', 'do not ask')
    .action((service: string, table: string, _flags: unknown, command: Command) =>
      frame.run(command, async (application) => {
        const { from, dryRun = false, wait } = command.opts<Flags>();
        const result = await application.syncResync({ service, table, dryRun, wait, ...(from === undefined ? {} : { from }) });
        return { json: result, text: (style) => resyncText(result, style), exitCode: isFine(result) ? EXIT.fine : EXIT.no };
      }),
    );
  examples(resync, 'banyan sync resync accounts public.users --dry-run', 'banyan sync resync accounts public.users --from monolith --yes');
}

function isFine({ dryRun, state, held, busy, refused }: SyncResyncResult): boolean {
  return dryRun || (state !== 'kept' && held + busy + refused === 0);
}

function resyncText(result: SyncResyncResult, style: Style): string {
  const { service, table, from, dryRun, state, differences = [] } = result;
  const other = from === 'monolith' ? 'service' : 'monolith';
  if (dryRun) {
    const lines = differences.map(({ counts }) => {
      const [onlyMonolith, onlyService, both] = [counts.missing, counts.extra, counts.different];
      const [brought, removed] = from === 'monolith' ? [onlyMonolith, onlyService] : [onlyService, onlyMonolith];
      return `Would bring ${count(brought)}, overwrite ${count(both)} and delete ${count(removed)} rows of ${table} in the ${other}.\n`;
    });
    return lines.join('');
  }
  if (state === 'kept') return 'Nothing was done.\n';
  if (state !== 'done') return `${table} of ${service} will be made equal to the ${from}'s by the worker; \`banyan sync status\` shows how far it is.\n`;
  const left: readonly (readonly [number, string])[] = [
    [result.held, 'have a change in quarantine; `banyan sync quarantine` shows them'],
    [result.busy, 'were written or locked whenever they were looked at; run it again'],
    [result.refused, `were refused: ${printable(result.reason ?? 'no reason given')}`],
  ];
  return (
    `${count(result.repaired)} rows of ${table} were made equal to the ${from}'s; each is in \`banyan sync conflicts\` with the strategy resync.\n` +
    left.filter(([rows]) => rows > 0).map(([rows, why]) => style.red(`${count(rows)} rows are left as they are: they ${why}.\n`)).join('')
  );
}
