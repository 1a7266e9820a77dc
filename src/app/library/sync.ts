import { streamSettings, type SomeStreamSettings } from '../../config/sync-settings.ts';
import { systemClock, type Clock } from '../../core/clock.ts';
import { BanyanError } from '../../core/errors.ts';
import { silentLogger, type Logger } from '../../core/logger.ts';
import { noMetrics, type Metrics } from '../../core/metrics.ts';
import { retry } from '../../core/retry.ts';
import { parseTableName, type TableName } from '../../model/names.ts';
import { sourceSide, type Direction } from '../../model/side.ts';
import type { ColumnMapping, ComputedColumn, RowFunction } from '../../model/table-mapping.ts';
import type { FenceOptions } from '../../ports/fence.ts';
import type { MarkStore } from '../../ports/mark-store.ts';
import { PostgresFence } from '../../postgres/fence.ts';
import { PostgresProvisioner } from '../../postgres/provision/provisioner.ts';
import { setUpStreams } from '../../postgres/stream-setup.ts';
import { isTransient } from '../../postgres/transient.ts';
import { ConflictResolver, type PlainStrategy, type ResolveConflict } from '../../sync/conflict.ts';
import type { StreamCounts } from '../../sync/stream-options.ts';
import type { TableStrategy } from '../../sync/strategies.ts';
import { directionsOf, type ServiceSync, type SyncMode } from '../../sync/service-sync.ts';
import { Throttle } from '../../core/throttle.ts';
import { buildServiceSync, catchUpOf, refuseCapture } from '../build-sync.ts';
import { watchMonolith } from '../monolith-load.ts';
import { provisionScope } from '../provision.ts';
import { demandStrategies } from '../strategies.ts';
import { checkedMappings, type DeclaredMapping } from '../table-mappings.ts';
import { databaseOf, type Database, type DatabaseLike } from './database.ts';

export type { ConflictingChange, PlainStrategy, ResolveConflict, StrategyName, Verdict } from '../../sync/conflict.ts';
export type { TableStrategy } from '../../sync/strategies.ts';
export type { ColumnMapping, ComputedColumn, RowFunction } from '../../model/table-mapping.ts';
export type { SomeStreamSettings } from '../../config/sync-settings.ts';
export { PostgresMarkStore } from '../../state/mark-store.ts';
export type { MarkStore } from '../../ports/mark-store.ts';
export type { FenceOptions } from '../../ports/fence.ts';
export type { StreamCounts } from '../../sync/stream-options.ts';
export type { SyncMode } from '../../sync/service-sync.ts';
export { postgres, type Database, type DatabaseLike } from './database.ts';

/** A table that is not the same on both sides; see docs/transforms.md. */
export interface SyncTable {
  /** In the monolith, as an SQL identifier. */
  readonly table: string;
  /** In the service. Default: the same. */
  readonly as?: string;
  /** The columns that move; a text is a column under its own name. Default: all. */
  readonly columns?: readonly (string | ColumnMapping)[];
  /** Columns that the service's database computes. */
  readonly computed?: readonly ComputedColumn[];
  /** An SQL condition on the monolith's row: only such rows belong to the service. PostgreSQL 15 and newer. */
  readonly where?: string;
  /** Make a row of one side from the other's, whole, as text. What they throw puts that change in quarantine. */
  readonly toService?: RowFunction;
  readonly toMonolith?: RowFunction;
}

export interface SyncEngineOptions {
  readonly monolith: DatabaseLike;
  readonly service: DatabaseLike;
  /**
   * The tables that both sides shall hold, as SQL identifiers or mappings. Default: those that both have; all of the
   * monolith's if the service's database has none yet.
   */
  readonly tables?: readonly (string | SyncTable)[];
  /** Names the streams; two engines of one name on one pair of databases are the same streams. Default `service`. */
  readonly name?: string;
  /** Default `bidirectional`. */
  readonly mode?: SyncMode;
  /** For tables without a resolver of their own. Default `last-write-wins`. */
  readonly conflicts?: PlainStrategy;
  /** Create what the service's database lacks. Default true. */
  readonly provision?: boolean;
  /**
   * How the streams work, in the words and with the defaults of banyan.yaml's `sync`: `capture`, `batch`, `apply`, `copy`,
   * `memory`, `throttle` and so on (docs/configuration.md). What an alarm is raised by (`lagToleranceMs`, `walAlarmMb`)
   * is the workers' alone.
   */
  readonly settings?: Omit<SomeStreamSettings, 'lagToleranceMs' | 'walAlarmMb'>;
  /** Most row changes joined into one target transaction: `settings.batch.maxRows`. Default 2000; more is faster, and later. */
  readonly batchRows?: number;
  /** `settings.heartbeatMs`. Default 1000. */
  readonly heartbeatMs?: number;
  /**
   * Where the streams keep which rows they read changes of, such as a `PostgresMarkStore`: for a `ConsistencyValidator` with the
   * same `marks`, which can compare only those. Costs a small transaction a second there for each stream. Default: nowhere.
   */
  readonly marks?: MarkStore;
  readonly clock?: Clock;
  readonly logger?: Logger;
  readonly metrics?: Metrics;
}

/**
 * Keeps tables equal in two databases while both are written: copies what is there, then follows both
 * sides' commits.
 *
 * @example
 * const engine = new SyncEngine({ monolith, service, tables: ['users', 'sessions'] });
 * engine.conflictResolver.register('public.users', async (ours, theirs) => ({ winner: 'service', reason: 'theirs' }));
 * await engine.start();
 * await engine.caughtUp();
 * await engine.stop();
 */
export class SyncEngine {
  readonly conflictResolver: {
    /** A built-in strategy for one table (its name on the monolith), with the columns it goes by. */
    use(table: string, choice: TableStrategy): void;
    /** A function for one table. What it throws, takes too long for or gets wrong puts that change in quarantine. */
    register(table: string, resolve: ResolveConflict): void;
  };
  readonly #options: SyncEngineOptions;
  readonly #resolver: ConflictResolver;
  readonly #stop = new AbortController();
  #pause = new AbortController();
  #build: (() => ServiceSync) | undefined;
  /** Measures how busy the monolith is, where that slows the streams. */
  #watch: ((signal: AbortSignal) => Promise<void>) | undefined;
  #sync: ServiceSync | undefined;
  #fence: FenceOptions | undefined;
  /** Of the streams that run now; resolved while they are paused. */
  #running: Promise<void> | undefined;
  /** Settled when the engine has ended for good. */
  #ended: Promise<void> | undefined;
  #end: { readonly resolve: () => void; readonly reject: (error: unknown) => void } | undefined;

  constructor(options: SyncEngineOptions) {
    this.#options = options;
    this.#resolver = new ConflictResolver({
      clock: options.clock ?? systemClock, ...(options.conflicts ? { default: options.conflicts } : {}),
    });
    this.conflictResolver = {
      use: (table, choice) => {
        this.#resolver.use(parseTableName(table), choice);
      },
      register: (table, resolve) => {
        this.#resolver.register(parseTableName(table), resolve);
      },
    };
  }

  /** Tells a `ConsistencyValidator` what is on its way between the two sides while this engine runs: its `fence`. */
  get fence(): FenceOptions {
    const { name = 'service', mode = 'bidirectional', clock = systemClock } = this.#options;
    if (this.#fence) return this.#fence;
    const pools = { monolith: databaseOf(this.#options.monolith).pool, service: databaseOf(this.#options.service).pool };
    this.#fence = { fence: new PostgresFence({ clock, pools: () => pools }), service: name, sides: directionsOf(mode).map(sourceSide) };
    return this.#fence;
  }

  /**
   * Sets the streams up where they are missing (with a consistent copy) and starts them. Resolves when
   * they run; they go on until {@link stop}.
   * @throws BANYAN_TARGET_NOT_EMPTY, BANYAN_NO_KEY, BANYAN_SLOT_LOST, BANYAN_SOURCE_CHANGED, BANYAN_PROVISION_MISMATCH, BANYAN_STRATEGY,
   * BANYAN_MAPPING, BANYAN_CONFIG
   */
  async start(): Promise<void> {
    if (this.#running) throw new BanyanError('BANYAN_USAGE', { message: 'The sync engine was started already.', remedy: 'Make a new one after stop().' });
    const { name = 'service', mode = 'bidirectional', clock = systemClock, logger = silentLogger, metrics = noMetrics } = this.#options;
    const settings = streamSettings(givenSettings(this.#options), 'SyncEngine');
    refuseCapture(settings);
    const monolith = databaseOf(this.#options.monolith);
    const service = databaseOf(this.#options.service);
    const tables = this.#options.tables?.map(declared) ?? (await sharedTables(monolith, service)).map((table) => ({ monolith: table, service: table }));
    const { mappings: pairs, checkService } = await checkedMappings({ tables, sync: { ...settings, mode }, monolith: monolith.pool, where: 'SyncEngine: tables' });
    const capture = settings.capture === 'trigger' ? { capture: 'trigger' as const } : {};
    const ends = { monolith: { url: monolith.url, pool: monolith.pool, ...capture }, service: { url: service.url, pool: service.pool, ...capture } };
    const provisioner = new PostgresProvisioner({ monolith: monolith.pool, service: service.pool, logger });
    const provision = this.#options.provision ?? true;
    if (provision) await provisioner.beforeCopy(provisionScope(pairs));
    await checkService(service.pool);
    const question = {
      pools: { monolith: monolith.pool, service: service.pool }, mode, tables: pairs, oldRows: settings.capture === 'trigger',
      choiceOf: (table: TableName) => this.#resolver.choiceOf(table),
    };
    await demandStrategies(question, (table) => `The conflict strategy of ${table}`);
    const { signal } = this.#stop;
    const throttle = settings.throttle && directionsOf(mode).includes('service-to-monolith') ? new Throttle({ limit: settings.throttle.commitMs, leastShare: settings.throttle.leastShare }) : undefined;
    const parts = {
      service: name, ends, pairs, resolver: this.#resolver, clock, logger, metrics, sync: { ...settings, mode }, ...(throttle ? { throttle } : {}),
      ...(this.#options.marks ? { marks: { store: this.#options.marks } } : {}),
    };
    await this.#options.marks?.install();
    const setUp = () =>
      setUpStreams({
        service: name, ends, pairs, directions: directionsOf(mode), slotPrefix: settings.slotPrefix, signal, ...catchUpOf(parts),
        copyWorkers: settings.copy.workers, chunkRows: settings.copy.chunkRows,
        afterCopy: async () => {
          if (provision) await provisioner.afterCopy(provisionScope(pairs));
        },
      });
    const { names } = await retry(setUp, { clock, signal, transient: isTransient });
    this.#build = () => buildServiceSync({ ...parts, names });
    this.#watch = throttle && ((signal) => watchMonolith({ pool: monolith.pool, service: name, throttle, everyMs: settings.heartbeatMs, clock, metrics, logger, signal }));
    this.#ended = new Promise((resolve, reject) => {
      this.#end = { resolve, reject };
    });
    // Whoever awaits `stopped` or `stop` sees the failure; unheard it must not end the process.
    this.#ended.catch(() => {});
    this.#run(this.#build());
  }

  #run(sync: ServiceSync): void {
    this.#sync = sync;
    const signal = AbortSignal.any([this.#stop.signal, this.#pause.signal]);
    this.#running = watched(sync, this.#watch, signal).then(
      () => (this.#stop.signal.aborted ? this.#end?.resolve() : undefined),
      (error: unknown) => this.#end?.reject(error),
    );
  }

  /**
   * Stops following both sides, until {@link resume} or the end of the process. Resolves when what was under way is
   * durable and nothing is written any more. Nothing is lost: both servers keep their log meanwhile, on their disks.
   */
  async pause(): Promise<void> {
    this.#started();
    this.#pause.abort(new BanyanError('BANYAN_SYNC_PAUSED', { message: 'The sync engine is paused.', remedy: 'Call resume() first.' }));
    await this.#running;
  }

  /** Follows both sides again, from where {@link pause} left them; no effect if it is not paused. Counts of {@link status} begin anew. */
  resume(): void {
    this.#started();
    if (!this.#build || !this.#pause.signal.aborted || this.#stop.signal.aborted) return;
    this.#pause = new AbortController();
    this.#run(this.#build());
  }

  /** Resolves when the engine was stopped; rejects when it failed in a way that no waiting cures. */
  async stopped(): Promise<void> {
    await this.#ended;
  }

  /**
   * Resolves when each direction has applied what its source had committed before the call.
   * @throws BANYAN_SYNC_PAUSED if it is paused, or is before then
   */
  async caughtUp(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    const sync = this.#started();
    const ends = [this.#stop.signal, this.#pause.signal, ...(options.signal ? [options.signal] : [])];
    const signal = AbortSignal.any(ends);
    signal.throwIfAborted();
    try {
      await Promise.race([sync.caughtUp(signal), this.#failed()]);
    } catch (error) {
      // Whoever slept when it was called off knows only that it was.
      signal.throwIfAborted();
      throw error;
    }
  }

  status(): ReadonlyMap<Direction, StreamCounts> {
    return this.#started().status();
  }

  /** Stops both directions. What was applied is durable; the rest is read again at the next start. */
  async stop(): Promise<void> {
    this.#stop.abort(new BanyanError('BANYAN_ABORTED', { message: 'The sync engine was stopped.' }));
    await this.#running;
    // While paused nothing runs that could say so.
    this.#end?.resolve();
    await this.#ended;
  }

  /** Rejects when the streams fail; never resolves before they end. */
  async #failed(): Promise<void> {
    await this.#ended;
    this.#stop.signal.throwIfAborted();
  }

  #started(): ServiceSync {
    if (!this.#sync) throw new BanyanError('BANYAN_USAGE', { message: 'The sync engine was not started.', remedy: 'Await start() first.' });
    return this.#sync;
  }
}

/** Runs the streams, and what watches the monolith for as long as they do. */
async function watched(sync: ServiceSync, watch: ((signal: AbortSignal) => Promise<void>) | undefined, signal: AbortSignal): Promise<void> {
  const over = new AbortController();
  const watching = watch?.(AbortSignal.any([signal, over.signal]));
  try {
    await sync.run(signal);
  } finally {
    over.abort();
    await watching;
  }
}

function givenSettings({ settings = {}, batchRows, heartbeatMs }: SyncEngineOptions): SomeStreamSettings {
  return {
    ...settings,
    ...(batchRows === undefined ? {} : { batch: { maxRows: batchRows } }),
    ...(heartbeatMs === undefined ? {} : { heartbeatMs }),
  };
}

function declared(given: string | SyncTable): DeclaredMapping {
  const { table, as = table, columns, computed, where, toService, toMonolith } = typeof given === 'string' ? { table: given } : given;
  return {
    monolith: parseTableName(table), service: parseTableName(as),
    ...(columns ? { columns: columns.map((column) => (typeof column === 'string' ? { monolith: column, service: column } : column)) } : {}),
    ...(computed ? { computed } : {}),
    ...(where === undefined ? {} : { where }),
    ...(toService || toMonolith ? { functions: { ...(toService ? { toService } : {}), ...(toMonolith ? { toMonolith } : {}) } } : {}),
  };
}

async function sharedTables(monolith: Database, service: Database): Promise<readonly TableName[]> {
  const [ours, theirs] = await Promise.all([tableNames(monolith), tableNames(service)]);
  return theirs.length === 0 ? ours : ours.filter((table) => theirs.includes(table));
}

/** Partitions come with the table they are of. */
async function tableNames(database: Database): Promise<readonly TableName[]> {
  const { tables } = await database.introspector.readSchema();
  return tables.filter((table) => table.kind !== 'partition').map((table) => table.name);
}
