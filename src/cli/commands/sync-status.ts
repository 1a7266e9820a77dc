import type { Command } from 'commander';
import type { SyncStatusResult } from '../../app/application.ts';
import { examples } from '../command.ts';
import type { Frame } from '../frame.ts';
import { bytes, count, table, type Style } from '../style.ts';

export function addSyncStatus(sync: Command, frame: Frame): void {
  const status = sync
    .command('status')
    .description('Where each stream is, and how far behind.')
    .action((_flags: unknown, command: Command) =>
      frame.run(command, async (application) => {
        const result = await application.syncStatus();
        return { json: result, text: (style) => streamsText(result, style) + standbyText(result) };
      }),
    );
  examples(status, 'banyan sync status', 'banyan sync status --json');
}

/** One line per stream. */
export function streamsText({ streams }: Pick<SyncStatusResult, 'streams'>, style: Style): string {
  if (streams.length === 0) return 'No streams.\n';
  return table({
    head: ['service', 'direction', 'state', 'lag', 'behind', 'received', 'applied', 'transactions', 'rows', 'conflicts', 'quarantined', 'worker'],
    rows: streams.map((stream) => [
      stream.service,
      stream.direction,
      stream.state,
      stream.lagMs === null ? '–' : `${count(Math.round(stream.lagMs))} ms`,
      stream.lagBytes === null ? '–' : bytes(stream.lagBytes),
      stream.received ?? '–',
      stream.applied ?? '–',
      count(stream.transactions),
      count(stream.rows),
      count(stream.conflicts),
      stream.quarantined > 0 ? style.red(count(stream.quarantined)) : '0',
      stream.worker ?? '–',
    ]),
    right: [3, 4, 7, 8, 9, 10],
    style,
  });
}

/** Workers that would take over. */
function standbyText({ workers }: SyncStatusResult): string {
  const idle = workers.filter((worker) => worker.services.length === 0).map(({ worker }) => worker);
  return idle.length === 0 ? '' : `Standing by: ${idle.join(', ')}.\n`;
}
