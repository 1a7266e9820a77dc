import type pg from 'pg';
import { invariant } from '../../core/errors.ts';
import { quoteIdentifier, quoteLiteral, quoteTable, type TableName } from '../../model/names.ts';
import type { Position } from '../../model/position.ts';
import type { ChangeSource } from '../../ports/change-source.ts';
import type { StreamNames } from '../banyan-schema.ts';
import { createSlot, dropSlot } from '../slot.ts';
import { connectReplication } from '../wal/walsender.ts';
import { CatchUpSource, type LackingRow } from './catch-up-source.ts';
import { planChunks, readSize, type CopiedPart, type SourceTable } from './chunks.ts';
import { copyChunks, type CopyChunksOptions } from './copy-chunks.ts';
import { beginCopyRecord, moveCopyRecord, readCopyRecord, type CopyRecord } from './copy-record.ts';
import { asReplay, carryRows, copyApplicationName, openSnapshot, openTarget } from './copy-session.ts';
import { FinishedKeys } from './finished-keys.ts';
import { targetsOf } from './source-tables.ts';

/** Applies a stream until its checkpoint stands at a position that {@link source} does not go beyond, and it has said that it was reached. */
export type CatchUp = (options: {
  readonly source: ChangeSource;
  readonly names: StreamNames;
  readonly until: Position;
  readonly reached: () => boolean;
  readonly signal: AbortSignal;
}) => Promise<void>;

export interface CopyTablesOptions {
  readonly source: { readonly url: string; readonly pool: pg.Pool };
  readonly target: { readonly url: string; readonly pool: pg.Pool };
  /** The service, where triggers capture the target's changes. */
  readonly quiet?: string | undefined;
  readonly names: StreamNames;
  readonly tables: readonly SourceTable[];
  /** Chunks copied at the same time. */
  readonly workers: number;
  /** Of the service's lease. Default: not asked. */
  readonly token?: string;
  /** Rows of a chunk, about. */
  readonly chunkRows: number;
  readonly signal: AbortSignal;
  readonly onPlan?: (plan: CopyPlan) => void;
  readonly onChunk?: CopyChunksOptions['onChunk'];
  readonly onTable?: CopyChunksOptions['onTable'];
}

/** What a copy is about to do. */
export interface CopyPlan {
  readonly chunks: number;
  /** Of all tables, by the source's statistics. */
  readonly expectedRows: number;
  /** Chunks, and the rows in them, that an earlier attempt has copied. */
  readonly finishedChunks: number;
  readonly finishedRows: number;
}

/** Begins a copy: everything as of the snapshot that the stream's new slot exported. Returns the number of rows. */
export async function beginCopy(options: CopyTablesOptions & {
  readonly snapshot: string;
  readonly position: Position;
  /** Run in the transaction that notes the plan: from its commit on, the copy can be resumed. */
  readonly noted: (client: pg.ClientBase) => Promise<void>;
  /** The snapshot is taken, and its exporter need not live any longer. */
  readonly onTaken: () => Promise<void>;
}): Promise<number> {
  const { names, tables, position, chunkRows } = options;
  return withSnapshots(options, options.snapshot, async (snapshots) => {
    await options.onTaken();
    const [planner] = snapshots;
    invariant(planner, 'a copy has at least one worker');
    const chunks = [];
    for (const table of tables) chunks.push(...(await planChunks(planner, table, chunkRows)));
    const target = await openTarget({ url: options.target.url, origin: names.origin, session: 0, quiet: options.quiet });
    try {
      await target.query('BEGIN');
      await beginCopyRecord(target, { stream: names.stream, tables, position, chunks });
      await options.noted(target);
      await target.query('COMMIT');
    } finally {
      await target.end();
    }
    return run(options, { snapshots, position, record: { position, chunks: chunks.map((chunk) => ({ ...chunk, rows: undefined })) } });
  });
}

/** The record of a copy of these tables that was cut short and can go on. */
export const resumable = (options: Pick<CopyTablesOptions, 'target' | 'names' | 'tables'>): Promise<CopyRecord | undefined> =>
  readCopyRecord(options.target.pool, options.names.stream, options.tables);

/**
 * Goes on with a copy that was cut short, from a new snapshot. First what is copied is brought to the
 * position of that snapshot, by the stream; then the chunks that are left are read within it. So the
 * target never holds rows of two times, and whatever is unique or refers to another row on the source
 * is and does there.
 */
export async function resumeCopy(options: CopyTablesOptions & {
  readonly record: CopyRecord;
  readonly changes: ChangeSource;
  readonly catchUp: CatchUp;
}): Promise<number> {
  const { source, target, names, tables, record, signal } = options;
  const exporter = await exportSnapshot(source, names);
  try {
    return await withSnapshots(options, exporter.snapshot, goOn);
  } finally {
    await exporter.release();
  }

  async function goOn(snapshots: readonly pg.Client[]): Promise<number> {
    await exporter.release();
    const until = exporter.position;
    options.changes.acknowledge(record.position);
    const changes = new CatchUpSource({
      source: options.changes, from: record.position, until,
      finished: new FinishedKeys({ pool: source.pool, tables, chunks: record.chunks }),
    });
    await options.catchUp({ source: changes, names, until, reached: () => changes.reached, signal });
    const [snapshot] = snapshots;
    invariant(snapshot, 'a copy has at least one worker');
    const writer = await openTarget({ url: target.url, origin: names.origin, session: 0, quiet: options.quiet });
    try {
      await asReplay(writer, until, async () => {
        for (const { part, which } of selections(changes.lacking)) await carryRows({ session: { source: snapshot, target: writer }, part, which, signal });
        await moveCopyRecord(writer, names.stream, until);
      });
    } finally {
      await writer.end();
    }
    return run(options, { snapshots, position: until, record });
  }
}

async function run(
  options: CopyTablesOptions,
  { snapshots, position, record }: { readonly snapshots: readonly pg.Client[]; readonly position: Position; readonly record: CopyRecord },
): Promise<number> {
  const finished = record.chunks.filter((chunk) => chunk.rows !== undefined);
  let expectedRows = 0;
  const [reader] = snapshots;
  if (options.onPlan && reader) for (const table of options.tables) expectedRows += (await readSize(reader, table)).rows;
  options.onPlan?.({
    chunks: record.chunks.length, expectedRows, finishedChunks: finished.length,
    finishedRows: finished.reduce((sum, chunk) => sum + (chunk.rows ?? 0), 0),
  });
  return copyChunks({
    targetUrl: options.target.url, quiet: options.quiet, stream: options.names.stream, origin: options.names.origin, position,
    tables: options.tables, chunks: record.chunks, snapshots, signal: options.signal,
    ...(options.token === undefined ? {} : { token: options.token }),
    ...(options.onChunk ? { onChunk: options.onChunk } : {}),
    ...(options.onTable ? { onTable: options.onTable } : {}),
  });
}

/** Runs `work` with a session for each worker, all of which see one snapshot. */
async function withSnapshots<T>(options: CopyTablesOptions, snapshot: string, work: (snapshots: readonly pg.Client[]) => Promise<T>): Promise<T> {
  const clients: pg.Client[] = [];
  try {
    for (let i = 0; i < Math.max(1, options.workers); i++) {
      clients.push(await openSnapshot({ url: options.source.url, origin: options.names.origin, snapshot }));
    }
    return await work(clients);
  } finally {
    await Promise.all(clients.map((client) => client.end()));
  }
}

interface Exporter {
  readonly position: Position;
  readonly snapshot: string;
  release(): Promise<void>;
}

/** Only the making of a slot gives a snapshot whose place in the log is known. The slot itself is not needed. */
async function exportSnapshot(source: CopyTablesOptions['source'], names: StreamNames): Promise<Exporter> {
  const slot = `${names.slot}_copy`;
  await dropSlot(source.pool, slot);
  const client = await connectReplication({ url: source.url, applicationName: copyApplicationName(names.origin) });
  try {
    const created = await createSlot(client, slot, { temporary: true });
    let released: Promise<void> | undefined;
    return { ...created, release: () => (released ??= client.end()) };
  } catch (error) {
    await client.end();
    throw error;
  }
}

/** Rows by their keys, a few hundred to a statement. */
function* selections(rows: readonly LackingRow[]): Generator<{ readonly part: CopiedPart; readonly which: string }> {
  const byTable = new Map<TableName, LackingRow[]>();
  for (const row of rows) byTable.set(row.table.source, [...(byTable.get(row.table.source) ?? []), row]);
  for (const own of byTable.values()) {
    for (let from = 0; from < own.length; from += KEYS_PER_STATEMENT) {
      const some = own.slice(from, from + KEYS_PER_STATEMENT);
      const table = some[0]?.table;
      if (!table) continue;
      const columns = table.key.map((column) => quoteIdentifier(column.name)).join(', ');
      const values = some.map(({ key }) => `(${table.key.map((column, i) => `${quoteLiteral(key[i] ?? '')}::${column.sqlType}`).join(', ')})`);
      for (const part of table.parts) yield { part, which: `(${columns}) IN (${values.join(', ')})` };
    }
  }
}

const KEYS_PER_STATEMENT = 500;

/** Removes what an unfinished copy left. Not TRUNCATE: it would have to CASCADE into tables that refer to these and are not ours to empty. */
export async function emptyTables(options: Pick<CopyTablesOptions, 'target' | 'names' | 'tables' | 'quiet'>): Promise<void> {
  const { target, names, tables } = options;
  const client = await openTarget({ url: target.url, origin: names.origin, session: 0, quiet: options.quiet });
  try {
    for (const table of targetsOf(tables)) await client.query(`DELETE FROM ${quoteTable(table)}`);
  } finally {
    await client.end();
  }
}

/** Ends the sessions of a copy whose worker is gone, on servers that have not noticed yet; when it returns, they can commit nothing more. */
export async function endCopySessions(pool: pg.Pool, names: StreamNames): Promise<void> {
  for (let attempt = 1; attempt <= END_ATTEMPTS; attempt++) {
    const ended = await pool.query(
      'SELECT pg_terminate_backend(pid), pg_sleep(0.02) FROM pg_stat_activity ' +
        'WHERE application_name = $1 AND datname = current_database() AND pid <> pg_backend_pid()',
      [copyApplicationName(names.origin)],
    );
    if (ended.rowCount === 0) return;
  }
}

const END_ATTEMPTS = 250;
