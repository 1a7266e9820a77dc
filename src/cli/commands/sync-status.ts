import type { Command } from 'commander';
import type { StreamStatus, SyncStatusResult } from '../../app/application.ts';
import { examples } from '../command.ts';
import type { Frame } from '../frame.ts';
import { bytes, count, printable, table, type Style } from '../style.ts';

export function addSyncStatus(sync: Command, frame: Frame): void {
  const status = sync
    .command('status')
    .description('Where each stream is, and how far behind.')
    .action((_flags: unknown, command: Command) =>
      frame.run(command, async (application) => {
        const result = await application.syncStatus();
        return { json: result, text: (style) => streamsText(result, style) + standbyText(result) + slotsText(result, style) };
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
      stream.lagMs === null ? '–' : lagText(stream, stream.lagMs, style),
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

const lagText = ({ behind }: StreamStatus, lagMs: number, style: Style): string => {
  const text = `${count(Math.round(lagMs))} ms`;
  return behind ? style.red(text) : text;
};

/** What the servers keep for the streams, where somebody should know. */
function slotsText({ streams, unusedSlots }: SyncStatusResult, style: Style): string {
  const lines: string[] = [];
  for (const { service, direction, pausedAt, pausedBy, slot } of streams) {
    const name = `${service} ${direction}`;
    if (pausedAt !== undefined) lines.push(`${name} was paused by ${printable(pausedBy ?? '')} at ${pausedAt}.`);
    if (!slot) continue;
    if (slot.walStatus === 'lost') lines.push(style.red(`${name}: slot ${slot.name} has lost WAL that the stream needs (BANYAN_SLOT_LOST).`));
    else if (slot.walStatus === 'unreserved') lines.push(style.red(`${name}: slot ${slot.name} is about to lose WAL that the stream needs; raise max_slot_wal_keep_size now.`));
    else if (!slot.active || pausedAt !== undefined) lines.push(`${name}: nobody reads slot ${slot.name}; the server keeps ${bytes(slot.retainedBytes ?? 0)} of WAL for it.`);
  }
  for (const { name, database, reason, active, retainedBytes, statements, consequence } of unusedSlots) {
    lines.push(
      style.yellow(`Slot ${name} on ${database} keeps ${bytes(retainedBytes ?? 0)} of WAL, and ${active ? 'something reads it that this configuration does not know' : `no stream uses it: ${reason}`}.`),
    );
    if (active) continue;
    lines.push(`  Drop it if it is not wanted any more. ${consequence}`, ...statements.map(({ on, sql }) => `  on ${on}: ${sql}`));
  }
  return lines.map((line) => `${line}\n`).join('');
}

/** Workers that would take over. */
function standbyText({ workers }: SyncStatusResult): string {
  const idle = workers.filter((worker) => worker.services.length === 0).map(({ worker }) => worker);
  return idle.length === 0 ? '' : `Standing by: ${idle.join(', ')}.\n`;
}
