import type pg from 'pg';
import { BanyanError } from '../core/errors.ts';
import { parseLsn, type Position } from '../model/position.ts';
import type { TableName } from '../model/names.ts';
import type { StreamNames } from './banyan-schema.ts';
import { checkHistory, identify } from './history.ts';
import { createSlot, dropSlot, ensurePublication, publishedTables, type PublishedTable } from './slot.ts';
import { capturedTables, checkLog, dropCapture, ensureTriggers, startLog } from './trigger/install.ts';
import { connectReplication } from './wal/walsender.ts';

/** How a database's commits are read: from its write-ahead log, or from a log that triggers write. */
export type CaptureKind = 'wal' | 'trigger';

export interface StartedCapture {
  readonly position: Position;
  /** Exported: sees exactly what was committed before `position`. Lives until released. */
  readonly snapshot: string;
  /** Whose history it is. */
  readonly system: string;
  readonly timeline?: number;
  /** Ends the session, and with it the snapshot; the capture stays. */
  release(): Promise<void>;
}

/** What setting up asks of the capture of one stream's source. */
export interface Capture {
  /** What is captured already; empty if nothing was set up. */
  tables(): Promise<ReadonlySet<TableName>>;
  /** Whether the stream can go on from its checkpoint; throws BANYAN_SOURCE_CHANGED or BANYAN_SLOT_LOST if not. */
  check(target: pg.Pool): Promise<void>;
  /** Has these tables captured from here on. */
  ensure(tables: readonly PublishedTable[], options: { readonly running: boolean }): Promise<void>;
  /** Begins anew. */
  start(): Promise<StartedCapture>;
  drop(): Promise<void>;
}

export interface CaptureOptions {
  readonly service: string;
  readonly names: StreamNames;
  readonly source: { readonly url: string; readonly pool: pg.Pool; readonly capture?: CaptureKind };
  readonly tables: readonly TableName[];
}

export function captureOf(options: CaptureOptions): Capture {
  return options.source.capture === 'trigger' ? triggerCapture(options) : walCapture(options);
}

function walCapture({ names, source: { url, pool } }: CaptureOptions): Capture {
  return {
    tables: () => publishedTables(pool, [names.publication]),
    async check(target) {
      const replication = await connectReplication({ url });
      try {
        await checkHistory({ replication, names, source: pool, target });
      } finally {
        await replication.end();
      }
    },
    ensure: (tables, options) => ensurePublication(pool, names.publication, tables, options),
    async start() {
      await dropSlot(pool, names.slot);
      const client = await connectReplication({ url });
      try {
        const { system, timeline } = await identify(client);
        const created = await createSlot(client, names.slot);
        let released: Promise<void> | undefined;
        return { ...created, system, timeline, release: () => (released ??= client.end()) };
      } catch (error) {
        await client.end();
        throw error;
      }
    },
    drop: () => dropSlot(pool, names.slot),
  };
}

function triggerCapture({ service, names, source, tables }: CaptureOptions): Capture {
  return {
    tables: () => capturedTables(source.pool, service),
    async check(target) {
      const found = await target.query<{ position: string; identity: string }>(
        'SELECT position, source_system AS identity FROM banyan.stream WHERE name = $1', [names.stream],
      );
      const row = found.rows[0];
      await checkLog(source.pool, { service, identity: row?.identity ?? '', position: parseLsn(row?.position ?? '0/0'), tables });
    },
    async ensure(wanted) {
      const filtered = wanted.find(({ where }) => where !== undefined);
      if (filtered) {
        throw new BanyanError('BANYAN_NOT_AVAILABLE', { message: `Filters (\`where\` of ${filtered.table}) are not available where triggers capture; only with capture by wal.` });
      }
      await ensureTriggers(source.pool, service, wanted.map(({ table }) => table));
    },
    async start() {
      const { identity, ...log } = await startLog(source, service);
      return { ...log, system: identity };
    },
    drop: () => dropCapture(source.pool, service),
  };
}
