import type pg from 'pg';
import { BanyanError } from '../core/errors.ts';
import { quoteTable, type TableName } from '../model/names.ts';
import { formatLsn, ORIGIN_OF_TIME, parseLsn, type Position } from '../model/position.ts';
import { otherSide, sourceSide, type Direction, type Side } from '../model/side.ts';
import type { TableMapping } from '../model/table-mapping.ts';
import type { ChangeSource } from '../ports/change-source.ts';
import { ensureBanyanSchema, streamNames, type StreamNames } from './banyan-schema.ts';
import { captureOf, type Capture, type CaptureKind } from './capture.ts';
import { inTransaction } from './connect.ts';
import type { SourceTable } from './copy/chunks.ts';
import { dropCopyOrigins } from './copy/copy-origins.ts';
import { endCopyRecord, forgetCopyRecord } from './copy/copy-record.ts';
import { beginCopy, emptyTables, endCopySessions, resumable, resumeCopy, type CatchUp, type CopyPlan, type CopyTablesOptions } from './copy/copy-tables.ts';
import { readSourceTables } from './copy/source-tables.ts';
import { identify, type ServerIdentity } from './history.ts';
import { forgetBeginning } from './horizon.ts';
import { markingOf } from './replay-marking.ts';
import { databaseOid, slotState, type PublishedTable } from './slot.ts';
import { connectReplication } from './wal/walsender.ts';
import { readShapes } from './apply/table-shape.ts';

export interface SetupEnd {
  readonly url: string;
  readonly pool: pg.Pool;
  /** How its commits are read. Default `wal`. */
  readonly capture?: CaptureKind;
}

export interface SetupOptions {
  readonly service: string;
  readonly ends: Readonly<Record<Side, SetupEnd>>;
  readonly pairs: readonly TableMapping[];
  /** The directions that shall run afterwards. */
  readonly directions: readonly Direction[];
  readonly slotPrefix?: string;
  readonly signal: AbortSignal;
  /** Of the service's lease: a set-up whose lease was taken over writes no checkpoint any more. Default: not asked. */
  readonly token?: string;
  /** Indexes, foreign keys and sequences that are cheaper or only right after the rows are there. */
  readonly afterCopy: () => Promise<void>;
  /** Reads the monolith's stream, for a copy that goes on. */
  readonly changes: (names: StreamNames) => ChangeSource;
  /** Applies the stream to what an earlier attempt has copied, before the rest is read. */
  readonly catchUp: CatchUp;
  /** Chunks copied at the same time. Default 2. */
  readonly copyWorkers?: number;
  /** Rows of a chunk, about. Default 200,000. */
  readonly chunkRows?: number;
  readonly onPlan?: (plan: CopyPlan) => void;
  readonly onChunk?: (table: TableName, rows: number) => void;
  readonly onTable?: (table: TableName, rows: number) => void;
}

export interface SetupResult {
  /** Of both directions: where only one runs, the other's origin still marks the rows that were copied. */
  readonly names: ReadonlyMap<Direction, StreamNames>;
  /** Rows copied by this call; 0 when the streams were there already. */
  readonly copied: number;
}

/**
 * Brings a service's streams to the point where they can run: Banyan's tables, publications, slots,
 * a consistent copy, and checkpoints where the copy ends. Run again, it finds what is done; a copy
 * that was cut short goes on from the chunks that are there.
 *
 * @throws BANYAN_TARGET_NOT_EMPTY, BANYAN_TABLES_ADDED, BANYAN_SLOT_LOST, BANYAN_SOURCE_CHANGED
 */
export async function setUpStreams(options: SetupOptions): Promise<SetupResult> {
  const { ends, service, directions } = options;
  // Before anything is published: a published table without a usable key refuses the application's updates.
  await refuseWithoutKey(options);
  for (const side of SIDES) await ensureBanyanSchema(ends[side].pool);
  const oids = { monolith: await databaseOid(ends.monolith.pool), service: await databaseOid(ends.service.pool) };
  const namesOf = (direction: Direction): StreamNames => {
    const from = sourceSide(direction);
    return streamNames({
      service, direction, sourceDatabase: oids[from], targetDatabase: oids[otherSide(from)],
      ...(options.slotPrefix === undefined ? {} : { prefix: options.slotPrefix }),
    });
  };
  const names = new Map(DIRECTIONS.map((direction) => [direction, namesOf(direction)]));
  const captures = new Map(directions.map((direction) => [direction, captureFrom(options, direction, namesOf)]));
  const copiedBefore = (await streamState(ends.service.pool, namesOf('monolith-to-service').stream)) === 'streaming';
  if (copiedBefore) await refuseNewTables(options, captures);
  // Before anything is put right: what was missing meanwhile has not been captured.
  const running = await Promise.all([...captures].map(([direction, capture]) => checkStream(options, direction, { capture, names: namesOf(direction) })));
  for (const [direction, capture] of captures) await capture.ensure(publishedOf(options.pairs, sourceSide(direction)), { running: copiedBefore });
  if (running.every(Boolean)) return { names, copied: 0 };
  if (copiedBefore) {
    await addBackward(options, namesOf);
    return { names, copied: 0 };
  }
  const copied = await copyAndStart(options, namesOf);
  return { names, copied };
}

const DIRECTIONS: readonly Direction[] = ['monolith-to-service', 'service-to-monolith'];
const SIDES: readonly Side[] = ['monolith', 'service'];

/** What a side publishes: the monolith's tables with their filters. */
const publishedOf = (pairs: readonly TableMapping[], side: Side): PublishedTable[] =>
  tablesOf(pairs, side).map((table) => {
    const where = side === 'monolith' ? pairs.find((pair) => pair.monolith === table)?.where : undefined;
    return where === undefined ? { table } : { table, where };
  });

/** One side's tables, each once. */
const tablesOf = (pairs: readonly TableMapping[], side: Side): TableName[] => [...new Set(pairs.map((pair) => pair[side]))];

async function streamState(target: pg.Pool, stream: string): Promise<string | undefined> {
  const found = await target.query<{ state: string }>('SELECT state FROM banyan.stream WHERE name = $1', [stream]);
  return found.rows[0]?.state;
}

function captureFrom(options: SetupOptions, direction: Direction, namesOf: (direction: Direction) => StreamNames): Capture {
  const from = sourceSide(direction);
  return captureOf({ service: options.service, names: namesOf(direction), source: options.ends[from], tables: tablesOf(options.pairs, from) });
}

/** A table that joins a running stream would be followed from now on, but what it holds already would never be copied. */
async function refuseNewTables(options: SetupOptions, captures: ReadonlyMap<Direction, Capture>): Promise<void> {
  for (const [direction, capture] of captures) {
    const captured = await capture.tables();
    if (captured.size === 0) continue;
    const added = tablesOf(options.pairs, sourceSide(direction)).filter((table) => !captured.has(table));
    if (added.length > 0) {
      throw new BanyanError('BANYAN_TABLES_ADDED', { message: `${added.join(', ')} would join the running streams of ${options.service}.` });
    }
  }
}

/**
 * A service that was followed one way gets the way back as well. Nothing is copied: both sides are
 * equal up to what the forward stream still carries. What the service's own users wrote before now
 * is known to nobody on the monolith, so it counts as seen there: the monolith's rows prevail over it.
 */
async function addBackward(options: SetupOptions, namesOf: (direction: Direction) => StreamNames): Promise<void> {
  const { ends, service } = options;
  const forward = namesOf('monolith-to-service');
  const backward = namesOf('service-to-monolith');
  const found = await ends.service.pool.query<{ position: string }>('SELECT position FROM banyan.stream WHERE name = $1', [forward.stream]);
  const start = await captureFrom(options, 'service-to-monolith', namesOf).start();
  await start.release();
  await ends.service.pool.query('UPDATE banyan.stream SET seen = greatest(seen, $2::pg_lsn) WHERE name = $1', [forward.stream, formatLsn(start.position)]);
  await saveStream(options, {
    client: ends.monolith.pool, names: backward, service, direction: 'service-to-monolith', state: 'streaming',
    position: start.position, seen: parseLsn(found.rows[0]?.position ?? '0/0'), system: start.system, timeline: start.timeline,
  });
}

/** Whether a stream can go on from its checkpoint. False: it was never set up, or its copy was cut short. */
async function checkStream(
  options: SetupOptions,
  direction: Direction,
  { capture, names }: { readonly capture: Capture; readonly names: StreamNames },
): Promise<boolean> {
  const target = options.ends[otherSide(sourceSide(direction))].pool;
  if ((await streamState(target, names.stream)) !== 'streaming') return false;
  await capture.check(target);
  return true;
}

async function copyAndStart(options: SetupOptions, namesOf: (direction: Direction) => StreamNames): Promise<number> {
  const { ends, pairs, directions } = options;
  const forward = namesOf('monolith-to-service');
  const backward = namesOf('service-to-monolith');
  for (const side of SIDES) await endCopySessions(ends[side].pool, forward);
  const tables = await readSourceTables({ monolith: ends.monolith.pool, service: ends.service.pool, pairs });
  const hasKeys = [...(await readShapes(ends.service.pool, tablesOf(pairs, 'service'), { keyless: true })).values()].every((shape) => shape.key.length > 0);
  const copying: CopyTablesOptions = {
    source: ends.monolith, target: ends.service, names: forward, tables,
    quiet: quietOf(options),
    workers: options.copyWorkers ?? 2, chunkRows: options.chunkRows ?? 200_000, signal: options.signal,
    ...(options.token === undefined ? {} : { token: options.token }),
    ...(options.onPlan ? { onPlan: options.onPlan } : {}),
    ...(options.onChunk ? { onChunk: options.onChunk } : {}),
    ...(options.onTable ? { onTable: options.onTable } : {}),
  };
  // Changes find their rows by keys; one that is a unique index comes only after the copy.
  const record = hasKeys && (await canResume(options, namesOf)) ? await resumable(copying) : undefined;
  const copied = record
    ? await resumeCopy({ ...copying, record, catchUp: options.catchUp, changes: options.changes(forward) })
    : await copyAnew(options, namesOf, copying);
  await options.afterCopy();
  if (directions.includes('service-to-monolith')) await startStreaming(options, ends.monolith.pool, backward);
  if (!directions.includes('monolith-to-service')) await captureFrom(options, 'monolith-to-service', namesOf).drop();
  await inTransaction(ends.service.pool, async (client) => {
    await endCopyRecord(client, forward.stream);
    // This row last: it is what says that the copy is whole.
    await startStreaming(options, client, forward);
  });
  await dropCopyOrigins({ ends, names: { forward, ...(directions.includes('service-to-monolith') ? { backward } : {}) } });
  return copied;
}

/** Makes the slots, and copies everything as of the forward one's beginning. */
async function copyAnew(options: SetupOptions, namesOf: (direction: Direction) => StreamNames, copying: CopyTablesOptions): Promise<number> {
  const { ends, service, directions } = options;
  const forward = namesOf('monolith-to-service');
  const backward = namesOf('service-to-monolith');
  await prepareTarget(options, forward, copying.tables);
  const backwardStart = directions.includes('service-to-monolith') ? await captureFrom(options, 'service-to-monolith', namesOf).start() : undefined;
  await backwardStart?.release();
  // Last, because its snapshot is what is copied: a write on the service's side can't be missed meanwhile.
  const forwardStart = await captureFrom(options, 'monolith-to-service', namesOf).start();
  try {
    if (backwardStart) {
      await saveStream(options, {
        client: ends.monolith.pool, names: backward, service, direction: 'service-to-monolith', state: 'copying',
        position: backwardStart.position, seen: forwardStart.position, system: backwardStart.system, timeline: backwardStart.timeline,
      });
    }
    return await beginCopy({
      ...copying, snapshot: forwardStart.snapshot, position: forwardStart.position, onTaken: () => forwardStart.release(),
      noted: (client) =>
        saveStream(options, {
          client, names: forward, service, direction: 'monolith-to-service', state: 'copying',
          position: forwardStart.position, seen: backwardStart?.position ?? ORIGIN_OF_TIME, system: forwardStart.system, timeline: forwardStart.timeline,
        }),
    });
  } finally {
    await forwardStart.release();
  }
}

/** Whether the servers of a copy that was cut short are the same still, and its slots have kept what it needs to go on. */
async function canResume(options: SetupOptions, namesOf: (direction: Direction) => StreamNames): Promise<boolean> {
  const { ends, directions } = options;
  // Without its publication the monolith tells nothing of what changed meanwhile.
  if (!directions.includes('monolith-to-service')) return false;
  // How far a log of triggers goes, no temporary slot tells.
  if (SIDES.some((side) => ends[side].capture === 'trigger')) return false;
  for (const direction of directions) {
    const from = sourceSide(direction);
    const { stream, slot: name } = namesOf(direction);
    const found = await ends[otherSide(from)].pool.query<{ state: string; position: string; system: string; timeline: string | null }>(
      'SELECT state, coalesce((SELECT position FROM banyan.copy WHERE stream = $1), position) AS position, ' +
        'source_system AS system, source_timeline AS timeline FROM banyan.stream WHERE name = $1',
      [stream],
    );
    const row = found.rows[0];
    if (row?.state === undefined) return false;
    const now = await identifyServer(ends[from].url);
    if (now.system !== row.system || String(now.timeline) !== row.timeline) return false;
    const slot = await slotState(ends[from].pool, name);
    if (!slot || slot.lost || slot.confirmed > parseLsn(row.position)) return false;
  }
  return true;
}

async function identifyServer(url: string): Promise<ServerIdentity> {
  const client = await connectReplication({ url });
  try {
    return await identify(client);
  } finally {
    await client.end();
  }
}

/** The service's tables may still lack the unique index that is their key; it comes after the copy. */
async function refuseWithoutKey({ ends, pairs, directions }: SetupOptions): Promise<void> {
  await readShapes(ends.monolith.pool, tablesOf(pairs, 'monolith'), { keyless: directions.length === 1 });
  await readShapes(ends.service.pool, tablesOf(pairs, 'service'), { keyless: true });
  for (const from of directions.map(sourceSide)) {
    // A trigger sees the whole row.
    if (ends[from].capture === 'trigger') continue;
    const found = await ends[from].pool.query<{ name: string }>(WITHOUT_IDENTITY, [tablesOf(pairs, from).map(quoteTable)]);
    if (found.rows.length > 0) {
      throw new BanyanError('BANYAN_NO_KEY', {
        message: `The log of the ${from} would not say which row of ${found.rows.map(({ name }) => name).join(', ')} an UPDATE or DELETE was about.`,
        remedy: 'ALTER TABLE … REPLICA IDENTITY FULL, or USING INDEX with a unique index of columns that are not null. `banyan doctor` names the statement.',
      });
    }
  }
}

/** $1: quoted names. Partitions have identities of their own, which doctor looks at. */
const WITHOUT_IDENTITY = `
SELECT c.oid::regclass::text AS name FROM unnest($1::text[]) AS n(name) JOIN pg_class c ON c.oid = to_regclass(n.name)
 WHERE c.relkind = 'r' AND (c.relreplident = 'n' OR c.relreplident = 'd' AND NOT EXISTS (
   SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary))`;

/** Empties what an earlier, unfinished copy of ours left; refuses rows that are not ours. */
async function prepareTarget(options: SetupOptions, names: StreamNames, tables: readonly SourceTable[]): Promise<void> {
  const { ends, pairs, service } = options;
  const { pool } = ends.service;
  const found = await pool.query('SELECT 1 FROM banyan.stream WHERE name = $1', [names.stream]);
  if (found.rowCount === 0) {
    for (const table of tablesOf(pairs, 'service')) {
      const rows = await pool.query(`SELECT 1 FROM ${quoteTable(table)} LIMIT 1`);
      if (rows.rowCount !== 0) {
        throw new BanyanError('BANYAN_TARGET_NOT_EMPTY', { message: `${table} in the service's database has rows already.` });
      }
    }
  }
  await forgetCopyRecord(pool, names.stream);
  await saveStream(options, {
    client: pool, names, service, direction: 'monolith-to-service', state: 'copying',
    position: ORIGIN_OF_TIME, seen: ORIGIN_OF_TIME, system: '',
  });
  if (found.rowCount !== 0) await emptyTables({ target: ends.service, names, tables, quiet: quietOf(options) });
}

/** Where triggers capture the service's changes, they are told whose writes to leave out. */
const quietOf = ({ ends, service }: SetupOptions): string | undefined => (markingOf(ends.service) === 'setting' ? service : undefined);

async function startStreaming({ token }: Pick<SetupOptions, 'token'>, client: pg.Pool | pg.ClientBase, names: StreamNames): Promise<void> {
  const saved = await client.query(
    "UPDATE banyan.stream SET state = 'streaming', updated_at = clock_timestamp() WHERE name = $1 AND ($2::text IS NULL OR token <= $2::text::numeric)",
    [names.stream, token ?? null],
  );
  if (saved.rowCount === 0) throw new BanyanError('BANYAN_STREAM_FENCED', { message: `Stream ${names.stream} was claimed by another worker.` });
}

async function saveStream({ token }: Pick<SetupOptions, 'token'>, options: {
  readonly client: pg.Pool | pg.ClientBase;
  readonly names: StreamNames;
  readonly service: string;
  readonly direction: Direction;
  readonly state: 'copying' | 'streaming';
  readonly position: Position;
  readonly seen: Position;
  readonly system: string;
  readonly timeline?: number | undefined;
}): Promise<void> {
  const saved = await options.client.query(
    'INSERT INTO banyan.stream AS s (name, service, direction, state, position, seen, source_system, token, source_timeline) VALUES ($1, $2, $3, $4, $5, $6, $7, coalesce($8, 0), $9) ' +
      'ON CONFLICT (name) DO UPDATE SET state = $4, position = $5, seen = $6, source_system = $7, source_timeline = $9, token = coalesce($8, s.token), updated_at = clock_timestamp() ' +
      'WHERE $8 IS NULL OR s.token <= $8',
    [
      options.names.stream, options.service, options.direction, options.state, formatLsn(options.position), formatLsn(options.seen), options.system,
      token ?? null, options.timeline ?? null,
    ],
  );
  if (saved.rowCount === 0) {
    throw new BanyanError('BANYAN_STREAM_FENCED', { message: `Stream ${options.names.stream} was claimed by another worker.` });
  }
  await forgetBeginning(options.client, options.names.stream);
}
