import type { SyncConfig } from '../../src/config/config.ts';
import { systemClock } from '../../src/core/clock.ts';
import { silentLogger, type Logger } from '../../src/core/logger.ts';
import { noMetrics } from '../../src/core/metrics.ts';
import { parseTableName } from '../../src/model/names.ts';
import type { Direction, Side } from '../../src/model/side.ts';
import type { TableMapping } from '../../src/model/table-mapping.ts';
import { buildServiceSync, catchUpOf, type BuildSyncOptions } from '../../src/app/build-sync.ts';
import type { StreamNames } from '../../src/postgres/banyan-schema.ts';
import type { CaptureKind } from '../../src/postgres/capture.ts';
import { setUpStreams, type SetupEnd, type SetupOptions, type SetupResult } from '../../src/postgres/stream-setup.ts';
import { ConflictResolver, type PlainStrategy } from '../../src/sync/conflict.ts';
import { directionsOf, type ServiceSync, type SyncMode } from '../../src/sync/service-sync.ts';
import type { TestDatabase } from './postgres.ts';

export interface SyncSettings {
  readonly service?: string;
  /** As a user writes them; the same name on both sides. */
  readonly tables: readonly string[];
  /** Tables that are not the same on both sides; instead of `tables`. */
  readonly mappings?: readonly TableMapping[];
  readonly mode?: SyncMode;
  readonly strategy?: PlainStrategy;
  readonly batchRows?: number;
  readonly memory?: Partial<SyncConfig['memory']>;
  /** Instead of `strategy`. */
  readonly resolver?: ConflictResolver;
  readonly chunkRows?: number;
  readonly heartbeatMs?: number;
  readonly logger?: Logger;
  readonly linkTimeoutMs?: number;
  readonly throttle?: { readonly share: number; readonly pauseMs: (tookMs: number) => number };
  readonly additive?: 'service' | 'everywhere' | 'pause';
  /** Where the streams note what they read. */
  readonly marks?: NonNullable<BuildSyncOptions['marks']>;
  /** As of a lease. */
  readonly token?: string;
  /** How each side's commits are read. Default `wal`. */
  readonly capture?: Partial<Readonly<Record<Side, CaptureKind>>>;
}

const MEMORY = { transactionRows: 10_000, transactionMb: 16, queueRows: 10_000, queueMb: 32 };

export type Ends = Readonly<Record<Side, SetupEnd>>;

/** Brings the streams between two databases to where they can run. */
export function setUp(ends: Ends, settings: SyncSettings, more: Partial<SetupOptions> = {}): Promise<SetupResult> {
  return setUpStreams({
    ...catchUpOf(partsOf(ends, settings)),
    ...(settings.chunkRows === undefined ? {} : { chunkRows: settings.chunkRows }),
    service: settings.service ?? 'shop',
    ends: withCapture(ends, settings),
    pairs: pairsOf(settings),
    directions: directionsOf(settings.mode ?? 'bidirectional'),
    signal: new AbortController().signal,
    afterCopy: async () => {},
    ...more,
  });
}

function withCapture(ends: Ends, { capture }: SyncSettings): Ends {
  return {
    monolith: { ...ends.monolith, capture: capture?.monolith ?? 'wal' }, service: { ...ends.service, capture: capture?.service ?? 'wal' },
  };
}

function pairsOf({ tables, mappings }: SyncSettings): readonly TableMapping[] {
  return mappings ?? tables.map((name) => ({ monolith: parseTableName(name), service: parseTableName(name) }));
}

/** The engine over two databases whose streams were set up. */
export function build(ends: Ends, settings: SyncSettings, names: ReadonlyMap<Direction, StreamNames>): ServiceSync {
  return buildServiceSync({ ...partsOf(ends, settings), names });
}

function partsOf(ends: Ends, settings: SyncSettings) {
  return {
    service: settings.service ?? 'shop',
    ends: withCapture(ends, settings),
    pairs: pairsOf(settings),
    sync: {
      mode: settings.mode ?? 'bidirectional', heartbeatMs: settings.heartbeatMs ?? 200, batch: { maxRows: settings.batchRows ?? 2000 },
      ...(settings.additive === undefined ? {} : { schemaChanges: { additive: settings.additive } }),
      memory: { ...MEMORY, ...settings.memory }, ...(settings.linkTimeoutMs === undefined ? {} : { linkTimeoutMs: settings.linkTimeoutMs }),
    },
    ...(settings.token === undefined ? {} : { token: settings.token }),
    ...(settings.throttle ? { throttle: settings.throttle } : {}),
    ...(settings.marks ? { marks: settings.marks } : {}),
    resolver: settings.resolver ?? new ConflictResolver({ clock: systemClock, default: settings.strategy ?? 'last-write-wins' }),
    clock: systemClock,
    logger: settings.logger ?? silentLogger,
    metrics: noMetrics,
  };
}

/** An engine that runs until it is stopped. */
export class RunningSync {
  readonly sync: ServiceSync;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #failure: unknown;

  constructor(sync: ServiceSync) {
    this.sync = sync;
    this.#running = sync.run(this.#stop.signal).catch((error: unknown) => {
      this.#failure = error;
      this.#stop.abort();
    });
  }

  /** Resolves when both directions have applied what was committed before the call; rejects if the engine has failed. */
  async caughtUp(): Promise<void> {
    try {
      await this.sync.caughtUp(AbortSignal.any([this.#stop.signal, AbortSignal.timeout(30_000)]));
    } catch (error) {
      throw this.#failure ?? error;
    }
  }

  /** Resolves with the error that ended the engine. */
  async failure(): Promise<unknown> {
    await this.#running;
    return this.#failure;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    if (this.#failure !== undefined) throw this.#failure;
  }
}

/** Every row of a table as one text per row, in order. */
export async function rowsOf(database: Pick<TestDatabase, 'query'>, table: string): Promise<string[]> {
  const rows = await database.query(`SELECT t::text AS row FROM ${table} AS t ORDER BY 1`);
  return rows.map((row) => row['row'] ?? '');
}
