import type pg from 'pg';
import { BanyanError } from '../core/errors.ts';
import { formatLsn, parseLsn, type Position } from '../model/position.ts';
import type { StreamNames } from './banyan-schema.ts';
import { slotState } from './slot.ts';

/** Which server, and which of its histories: a promoted standby has its primary's number and a new timeline. */
export interface ServerIdentity {
  readonly system: string;
  readonly timeline: number;
  /** Where its log ends. */
  readonly end: Position;
}

export async function identify(replication: pg.Client): Promise<ServerIdentity> {
  const found = await replication.query<{ systemid: string; timeline: string; xlogpos: string }>('IDENTIFY_SYSTEM');
  const row = found.rows[0];
  return { system: row?.systemid ?? '', timeline: Number(row?.timeline), end: parseLsn(row?.xlogpos ?? '0/0') };
}

export interface HistoryCheckOptions {
  /** To the source. */
  readonly replication: pg.Client;
  readonly names: StreamNames;
  readonly source: pg.Pool;
  readonly target: pg.Pool;
}

/**
 * Whether the source still tells the history that the stream's checkpoint is a part of, and its slot still
 * has everything after it. Asked at each start and each time the connection is made anew: a failover, a
 * restored backup or a slot made again would otherwise skip commits in silence.
 *
 * A promoted standby is fine when it holds all that the stream has read, and the slot came over with it.
 *
 * @throws BANYAN_SOURCE_CHANGED, BANYAN_SLOT_LOST; BANYAN_WAL_STREAM while the server is a standby;
 * BANYAN_STREAM_UNKNOWN without a checkpoint
 */
export async function checkHistory({ replication, names, source, target }: HistoryCheckOptions): Promise<void> {
  const recovering = await source.query<{ standby: string }>('SELECT pg_is_in_recovery() AS standby');
  if (recovering.rows[0]?.standby === 't') {
    throw new BanyanError('BANYAN_WAL_STREAM', { message: `The source of stream ${names.stream} is a standby now; waiting for its promotion.` });
  }
  const row = await readCheckpoint(target, names.stream);
  const now = await identify(replication);
  if (now.system !== row.system) {
    throw changed(names, `was taken from server ${row.system}; its URL now leads to ${now.system}`);
  }
  if (now.end < row.position) {
    throw changed(names, `has read up to ${formatLsn(row.position)}; the server's log now ends at ${formatLsn(now.end)}, as after a restored backup`);
  }
  if (row.timeline !== undefined && now.timeline !== row.timeline) await checkTimeline({ replication, names, row: { ...row, timeline: row.timeline }, now });
  const slot = await slotState(source, names.slot);
  if (!slot || slot.lost || slot.confirmed > row.position) throw lostSlot(names, slot, row.position);
  // Before anything of the new timeline is read, or the next look would measure that against the old one's end.
  if (now.timeline !== row.timeline) await target.query('UPDATE banyan.stream SET source_timeline = $2 WHERE name = $1', [names.stream, now.timeline]);
}

interface StoredCheckpoint {
  readonly position: Position;
  readonly system: string;
  readonly timeline: number | undefined;
}

async function readCheckpoint(target: pg.Pool, stream: string): Promise<StoredCheckpoint> {
  const found = await target.query<{ position: string; source_system: string; source_timeline: string | null }>(
    'SELECT position, source_system, source_timeline FROM banyan.stream WHERE name = $1',
    [stream],
  );
  const row = found.rows[0];
  if (!row) throw new BanyanError('BANYAN_STREAM_UNKNOWN', { message: `Stream ${stream} has no checkpoint in its target.` });
  return {
    position: parseLsn(row.position), system: row.source_system,
    timeline: row.source_timeline === null ? undefined : Number(row.source_timeline),
  };
}

/** The new timeline must have left the old one at or after the checkpoint. */
async function checkTimeline({ replication, names, row, now }: {
  readonly replication: pg.Client;
  readonly names: StreamNames;
  readonly row: StoredCheckpoint & { readonly timeline: number };
  readonly now: ServerIdentity;
}): Promise<void> {
  // A descendant's number is greater, and the first timeline has no history to ask for.
  const found = now.timeline > row.timeline ? await replication.query<{ content: string }>(`TIMELINE_HISTORY ${now.timeline}`) : undefined;
  const left = leftAt(found?.rows[0]?.content ?? '', row.timeline);
  if (left === undefined) {
    throw changed(names, `was taken on timeline ${row.timeline}, which the server's timeline ${now.timeline} does not descend from`);
  }
  if (left < row.position) {
    throw changed(
      names,
      `has read up to ${formatLsn(row.position)}; the standby that was promoted has its primary's history only up to ${formatLsn(left)}, ` +
        'so commits that were read and applied are gone from the source',
    );
  }
}

/** Where a timeline's history says that it, or an ancestor of it, left `timeline`; undefined if none did. */
export function leftAt(history: string, timeline: number): Position | undefined {
  for (const line of history.split('\n')) {
    const entry = /^\s*(\d+)\s+([0-9A-F]+\/[0-9A-F]+)/i.exec(line);
    if (entry && Number(entry[1]) === timeline) return parseLsn(entry[2] ?? '0/0');
  }
  return undefined;
}

function changed(names: StreamNames, what: string): BanyanError {
  return new BanyanError('BANYAN_SOURCE_CHANGED', { message: `Stream ${names.stream} ${what}.` });
}

function lostSlot(names: StreamNames, slot: Awaited<ReturnType<typeof slotState>>, position: Position): BanyanError {
  const state = !slot ? 'does not exist' : slot.lost ? 'has lost its WAL' : `is at ${formatLsn(slot.confirmed)}`;
  return new BanyanError('BANYAN_SLOT_LOST', { message: `Slot ${names.slot} ${state}; stream ${names.stream} needs it at ${formatLsn(position)}.` });
}
