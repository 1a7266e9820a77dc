import type pg from 'pg';
import { BanyanError } from '../../core/errors.ts';
import { quoteIdentifier, type TableName } from '../../model/names.ts';
import type { Position } from '../../model/position.ts';
import { sqlState } from '../transient.ts';
import { inRange, type SourceTable } from './chunks.ts';
import { markChunk, type RecordedChunk } from './copy-record.ts';
import { asReplay, carryRows, openTarget, type CopySession } from './copy-session.ts';

export interface CopyChunksOptions {
  readonly targetUrl: string;
  readonly quiet?: string | undefined;
  readonly stream: string;
  readonly origin: string;
  readonly position: Position;
  /** Of the service's lease. Default: not asked. */
  readonly token?: string;
  readonly tables: readonly SourceTable[];
  /** All of the copy's; those that are there are left alone. */
  readonly chunks: readonly RecordedChunk[];
  /** Sessions on the source within the snapshot at `position`; there are as many workers. */
  readonly snapshots: readonly pg.Client[];
  readonly signal: AbortSignal;
  /** Told after a chunk's commit. */
  readonly onChunk?: (table: TableName, rows: number) => void;
  /** Told when a table is whole, with all its rows. */
  readonly onTable?: (table: TableName, rows: number) => void;
}

/**
 * Copies the chunks that are not there yet, several at once. Each commits with its mark: after a sudden
 * end, what is marked is there and what is not, is not. Returns the number of rows copied.
 */
export async function copyChunks(options: CopyChunksOptions): Promise<number> {
  const { tables, chunks, snapshots, signal } = options;
  const byName = new Map(tables.map((table) => [table.source, table]));
  const left = new Map(tables.map((table) => [table.source, { chunks: 0, rows: 0 }]));
  for (const chunk of chunks) {
    const table = left.get(chunk.table);
    if (!table) continue;
    if (chunk.rows === undefined) table.chunks += 1;
    else table.rows += chunk.rows;
  }
  const order = new Map(tables.map((table, i) => [table.source, i]));
  // Table after table: the fewer are half done, the less has to be asked about when a copy goes on.
  const missing = chunks
    .filter((chunk) => chunk.rows === undefined)
    .toSorted((a, b) => (order.get(a.table) ?? 0) - (order.get(b.table) ?? 0) || a.number - b.number);
  // What is added to rows that another table brings comes after those, and one at a time.
  const joins = (chunk: RecordedChunk): boolean => byName.get(chunk.table)?.parts.some((part) => part.into) === true;
  const [waiting, joining] = [missing.filter((chunk) => !joins(chunk)), missing.filter(joins)];
  let copied = 0;
  const work = async (session: CopySession, waiting: RecordedChunk[]): Promise<void> => {
    for (;;) {
      signal.throwIfAborted();
      const chunk = waiting.shift();
      const table = chunk && byName.get(chunk.table);
      if (!chunk || !table) return;
      const rows = await copyChunk(session, table, chunk, options);
      copied += rows;
      options.onChunk?.(chunk.table, rows);
      const whole = left.get(chunk.table);
      if (!whole) continue;
      whole.rows += rows;
      whole.chunks -= 1;
      if (whole.chunks === 0) options.onTable?.(chunk.table, whole.rows);
    }
  };
  const targets = await openTargets(options, Math.min(snapshots.length, missing.length));
  // A COPY that waits for a lock hears nothing else; only the end of its connection stops it at once.
  const stop = (): void => {
    for (const client of [...snapshots, ...targets]) client.connection.stream.destroy();
  };
  signal.addEventListener('abort', stop, { once: true });
  try {
    const workers = targets.map(async (target, i) => {
      const source = snapshots[i];
      if (!source) return;
      try {
        await work({ source, target }, waiting);
      } catch (error) {
        // The others need not finish what will be tried again together.
        waiting.length = 0;
        throw error;
      }
    });
    const results = await Promise.allSettled(workers);
    signal.throwIfAborted();
    for (const result of results) if (result.status === 'rejected') throw result.reason;
    if (snapshots[0] && targets[0]) await work({ source: snapshots[0], target: targets[0] }, joining);
    return copied;
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
    await Promise.all(targets.map((target) => target.end()));
  }
}

/** As many as there may be: a server that has no more origins to give gets by with fewer, but not with none. */
async function openTargets(options: CopyChunksOptions, count: number): Promise<pg.Client[]> {
  const targets: pg.Client[] = [];
  try {
    for (let session = 0; session < count; session++) {
      targets.push(await openTarget({ url: options.targetUrl, origin: options.origin, session, quiet: options.quiet }));
    }
  } catch (error) {
    if (sqlState(error) === CONFIGURATION_LIMIT && targets.length > 0) return targets;
    await Promise.all(targets.map((target) => target.end()));
    throw error;
  }
  return targets;
}

const CONFIGURATION_LIMIT = '53400';

async function copyChunk(session: CopySession, table: SourceTable, chunk: RecordedChunk, options: CopyChunksOptions): Promise<number> {
  const { stream, position, signal, token } = options;
  return asReplay(session.target, position, async () => {
    if (token !== undefined) await refuseLost(session.target, stream, token);
    const which = inRange(table.key, table.key.map((column) => quoteIdentifier(column.name)), chunk);
    let rows = 0;
    for (const part of table.parts) rows += await carryRows({ session, part, which, signal });
    await markChunk(session.target, { stream, chunk, rows, position });
    return rows;
  });
}

/** A worker whose lease was taken over must not go on beside its successor. */
async function refuseLost(target: pg.ClientBase, stream: string, token: string): Promise<void> {
  const found = await target.query('SELECT 1 FROM banyan.stream WHERE name = $1 AND token <= $2::text::numeric FOR SHARE', [stream, token]);
  if (found.rowCount === 0) throw new BanyanError('BANYAN_STREAM_FENCED', { message: `Stream ${stream} was claimed by another worker.` });
}
