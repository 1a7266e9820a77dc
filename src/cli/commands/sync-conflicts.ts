import type { Command } from 'commander';
import type { SyncConflictsResult } from '../../app/application.ts';
import { examples } from '../command.ts';
import type { Frame } from '../frame.ts';
import { rowText, table, type Style } from '../style.ts';
import { wholeNumber } from '../values.ts';

export function addSyncConflicts(sync: Command, frame: Frame): void {
  const conflicts = sync
    .command('conflicts')
    .description('Rows that both sides wrote without having seen the other: what each wrote, and who won.')
    .option('--limit <number>', 'the newest so many', wholeNumber(1, 1_000_000), 100)
    .option('--answers', 'also the rows that the service asked for and got sent again, which are no conflicts')
    .action((_flags: unknown, command: Command) =>
      frame.run(command, async (application) => {
        const { limit, answers = false } = command.opts<{ limit: number; answers?: boolean }>();
        const result = await application.syncConflicts({ limit, answers });
        return { json: result, text: (style) => conflictsText(result, style) };
      }),
    );
  examples(conflicts, 'banyan sync conflicts --limit 20');
}

function conflictsText({ conflicts }: SyncConflictsResult, style: Style): string {
  if (conflicts.length === 0) return 'No conflicts.\n';
  const rows = conflicts.map(({ id, at, table: name, key, type, winner, strategy }) => [id, at, name, rowText(key), type, winner, strategy]);
  return table({ head: ['id', 'at', 'table', 'key', 'type', 'winner', 'strategy'], rows, style });
}
