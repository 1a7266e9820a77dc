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
        return { json: result, text: (style) => streamsText(result, style) + tablesText(result, style) + standbyText(result) + resyncsText(result) + slotsText(result, style) };
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

/** Tables that wait for somebody, with what to run. */
export function tablesText({ streams }: Pick<SyncStatusResult, 'streams'>, style: Style): string {
  const lines = streams.flatMap(({ service, direction, pausedTables, leftColumns }) => [
    ...pausedTables.flatMap(({ table: name, code, reason, statements }) => [
      style.red(`${service} ${direction}: ${printable(name)} is paused (${code}): ${printable(reason)}.`),
      ...statements.map(({ on, sql }) => `  on the ${on}: ${printable(sql)};`),
    ]),
    ...leftColumns.map(({ table: name, column, on }) => `${service} ${direction}: column "${printable(column)}" of ${printable(name)} is left as it is on the ${on}; the other side has dropped it.`),
  ]);
  return lines.map((line) => `${line}\n`).join('');
}

/** What the servers keep for the streams, where somebody should know. */
function slotsText({ streams, unusedSlots }: SyncStatusResult, style: Style): string {
  const lines: string[] = [];
  for (const { service, direction, pausedAt, pausedBy, slot } of streams) {
    const name = `${service} ${direction}`;
    if (pausedAt !== undefined) lines.push(`${name} was paused ${pausedBy ? `by ${printable(pausedBy)} ` : ''}at ${pausedAt}.`);
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

/** Tables that are being made equal. */
function resyncsText({ resyncs }: SyncStatusResult): string {
  return resyncs
    .map(({ service, table: name, from, state, askedBy, compared, expected, rowsPerSecond, secondsLeft, found, repaired }) => {
      const begin = `${service}: ${name} ${state === 'running' ? 'is being' : 'waits to be'} made equal to the ${from}'s (${printable(askedBy)})`;
      if (state === 'asked') return `${begin}.\n`;
      const left = secondsLeft === null ? '' : `, ${count(secondsLeft)} s left`;
      return `${begin}: ${count(compared)} of ${count(expected)} rows compared, ${count(rowsPerSecond)} a second${left}; ${count(found)} looked into, ${count(repaired)} made equal.\n`;
    })
    .join('');
}

/** Workers that would take over. */
function standbyText({ workers }: SyncStatusResult): string {
  const idle = workers.filter((worker) => worker.services.length === 0).map(({ worker }) => worker);
  return idle.length === 0 ? '' : `Standing by: ${idle.join(', ')}.\n`;
}
