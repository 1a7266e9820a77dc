import { isAbsolute } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { ConflictChoice, SyncConfig } from '../config/config.ts';
import type { Clock } from '../core/clock.ts';
import { BanyanError, messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { Metrics } from '../core/metrics.ts';
import { ORIGIN_OF_TIME } from '../model/position.ts';
import { directionFrom, otherSide, type Direction, type Side } from '../model/side.ts';
import type { TableMapping } from '../model/table-mapping.ts';
import type { ChangeSource } from '../ports/change-source.ts';
import { PostgresApplier } from '../postgres/apply/applier.ts';
import type { StreamNames } from '../postgres/banyan-schema.ts';
import { captureOf } from '../postgres/capture.ts';
import { PostgresTableCatalog } from '../postgres/catalog/table-catalog.ts';
import type { CatchUp } from '../postgres/copy/copy-tables.ts';
import { placeMark } from '../postgres/fence.ts';
import { beginningOf, readHorizon } from '../postgres/horizon.ts';
import { readClock } from '../postgres/read-clock.ts';
import { markingOf } from '../postgres/replay-marking.ts';
import { sessionName } from '../postgres/sessions.ts';
import { checkSource } from '../postgres/source-check.ts';
import type { SetupEnd, SetupOptions } from '../postgres/stream-setup.ts';
import { TriggerChangeSource } from '../postgres/trigger/change-source.ts';
import { WalChangeSource, type CaptureMemory } from '../postgres/wal/change-source.ts';
import { ConflictResolver, type ResolveConflict } from '../sync/conflict.ts';
import { directionsOf, ServiceSync, type ServiceSyncOptions, type SyncEnd } from '../sync/service-sync.ts';
import type { Throttle } from '../core/throttle.ts';

export interface BuildSyncOptions {
  readonly service: string;
  readonly ends: Readonly<Record<Side, SetupEnd>>;
  /** Of both directions, whichever run. */
  readonly names: ReadonlyMap<Direction, StreamNames>;
  readonly pairs: readonly TableMapping[];
  readonly sync: Pick<SyncConfig, 'mode' | 'heartbeatMs'> & {
    readonly batch: { readonly maxRows: number };
    readonly conflicts?: Pick<SyncConfig['conflicts'], 'clockSkewToleranceMs'>;
    readonly apply?: { readonly workers: number };
  } & Partial<Pick<SyncConfig, 'memory' | 'linkTimeoutMs' | 'schemaChanges'>>;
  readonly resolver: ConflictResolver;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Slows the stream that writes to the monolith. Default: never. */
  readonly throttle?: Pick<Throttle, 'share' | 'pauseMs'>;
  /** Of the service's lease. Default: whoever starts last may write. */
  readonly token?: string;
  /** Where the streams keep which rows they read changes of. Default: nowhere. */
  readonly marks?: NonNullable<ServiceSyncOptions['marks']>;
  /** End when a side can not be worked with for this long, in milliseconds. Default: never. */
  readonly patienceMs?: number;
}

/** Puts PostgreSQL's capture and apply behind a service's sync. */
export function buildServiceSync(options: BuildSyncOptions): ServiceSync {
  const { service, ends, names, clock, token } = options;
  const { memory, batch, linkTimeoutMs } = options.sync;
  const running = directionsOf(options.sync.mode);
  const end = (side: Side): SyncEnd => {
    const leaving = directionFrom(side);
    const arriving = directionFrom(otherSide(side));
    const outgoing = running.includes(leaving) ? names.get(leaving) : undefined;
    const incoming = running.includes(arriving) ? names.get(arriving) : undefined;
    // Where nothing arrives any more, rows that once did (the first copy) are still no writes of this side's own.
    const replayed = names.get(arriving)?.origin;
    const { url, pool } = ends[side];
    const sessions = options.sync.apply?.workers;
    return {
      mark: () => placeMark(pool, service),
      clock: () => readClock(pool, clock),
      horizon: () => readHorizon(pool, service),
      catalog: new PostgresTableCatalog({ pool }),
      ...(outgoing
        ? {
            source: sourceOf(options, { side, names: outgoing, arriving: names.get(arriving), ...(replayed === undefined ? {} : { replayOrigin: replayed }) }),
          }
        : {}),
      ...(incoming
        ? {
            beginning: beginningOf(pool, incoming.stream),
            applier: new PostgresApplier({
              url, service, names: incoming, clock, marking: markingOf(ends[side]), keyless: options.sync.mode !== 'bidirectional',
              ...(sessions === undefined ? {} : { sessions }),
              ...(token === undefined ? {} : { token }),
              ...(linkTimeoutMs === undefined ? {} : { linkTimeoutMs }),
            }),
          }
        : {}),
      ...(replayed === undefined ? {} : { replayOrigin: replayed }),
    };
  };
  return new ServiceSync({
    service, mode: options.sync.mode, ends: { monolith: end('monolith'), service: end('service') },
    pairs: options.pairs, resolver: options.resolver, clock, logger: options.logger, metrics: options.metrics,
    batchRows: batch.maxRows, heartbeatMs: options.sync.heartbeatMs,
    ...(options.throttle ? { throttle: options.throttle } : {}),
    ...(options.patienceMs === undefined ? {} : { patienceMs: options.patienceMs }),
    ...(options.marks ? { marks: options.marks } : {}),
    ...(options.sync.schemaChanges ? { additive: options.sync.schemaChanges.additive } : {}),
    ...(memory ? { queueRows: memory.queueRows, queueBytes: memory.queueMb * MB } : {}),
    ...(options.sync.conflicts ? { clockSkewToleranceMs: options.sync.conflicts.clockSkewToleranceMs } : {}),
  });
}

/** Reads one side's commits as its capture was set up. */
function sourceOf(options: Omit<BuildSyncOptions, 'names'>, { side, names, arriving, replayOrigin }: {
  readonly side: Side;
  readonly names: StreamNames;
  /** The stream that comes in there. */
  readonly arriving?: StreamNames | undefined;
  readonly replayOrigin?: string;
}): ChangeSource {
  const { service, ends, clock, token, sync: { memory, batch, linkTimeoutMs } } = options;
  const { url, pool, capture } = ends[side];
  if (capture === 'trigger') {
    const log = captureOf({ service, names, source: ends[side], tables: options.pairs.map((pair) => pair[side]) });
    return new TriggerChangeSource({
      url, service, clock, applicationName: sessionName(names.stream, token), check: () => log.check(ends[otherSide(side)].pool),
      ...(arriving ? { replay: arriving } : {}),
      ...(memory ? { memory: captureMemory(memory, batch.maxRows) } : {}),
    });
  }
  return new WalChangeSource({
    url, slot: names.slot, publication: names.publication, clock,
    applicationName: sessionName(names.stream, token),
    check: (replication) => checkSource({ replication, names, source: pool, target: ends[otherSide(side)].pool, token }),
    ...(replayOrigin === undefined ? {} : { replayOrigin }),
    ...(memory ? { memory: captureMemory(memory, batch.maxRows) } : {}),
    ...(linkTimeoutMs === undefined ? {} : { silenceMs: linkTimeoutMs }),
  });
}

const MB = 1_000_000;
/** A part of a spooled transaction is one batch of the applier. */
const PART_BYTES = 4 * MB;

function captureMemory(memory: SyncConfig['memory'], partRows: number): CaptureMemory {
  return {
    transaction: { rows: memory.transactionRows, bytes: memory.transactionMb * MB },
    part: { rows: partRows, bytes: PART_BYTES },
    ...(memory.spoolDirectory === undefined ? {} : { spoolDirectory: memory.spoolDirectory }),
  };
}

/**
 * Brings what an unfinished copy has to the position where it goes on: the forward stream alone, over the
 * part of the source that concerns it. The opposite stream does not run yet, so there are no conflicts to settle.
 */
export function catchUpOf(options: Omit<BuildSyncOptions, 'names'>): Pick<SetupOptions, 'changes' | 'catchUp'> {
  const { service, ends, pairs, sync, resolver, clock, logger, metrics, token } = options;
  const catchUp: CatchUp = async ({ source, names, until, reached, signal }) => {
    const end = (side: Side) => ({ mark: () => placeMark(ends[side].pool, service), horizon: () => readHorizon(ends[side].pool, service) });
    const applier = new PostgresApplier({
      url: ends.service.url, service, names, clock, marking: markingOf(ends.service), keyless: sync.mode !== 'bidirectional',
      ...(token === undefined ? {} : { token }),
      ...(sync.linkTimeoutMs === undefined ? {} : { linkTimeoutMs: sync.linkTimeoutMs }),
    });
    const catching = new ServiceSync({
      service, mode: 'monolith-to-service', pairs, resolver, clock, logger, metrics, batchRows: sync.batch.maxRows, heartbeatMs: CATCH_UP_HEARTBEAT_MS,
      ...(sync.memory ? { queueRows: sync.memory.queueRows, queueBytes: sync.memory.queueMb * MB } : {}),
      ends: { monolith: { ...end('monolith'), source }, service: { ...end('service'), applier } },
    });
    const stop = new AbortController();
    const either = AbortSignal.any([signal, stop.signal]);
    const running = catching.run(either);
    const arrived = async (): Promise<void> => {
      const applied = () => catching.status().get('monolith-to-service')?.applied ?? ORIGIN_OF_TIME;
      while (!reached() || applied() < until) await clock.sleep(10, either);
    };
    try {
      await Promise.race([running, arrived()]);
      signal.throwIfAborted();
    } finally {
      stop.abort();
      await running;
    }
  };
  return { catchUp, changes: (names) => sourceOf(options, { side: 'monolith', names }) };
}

/** Short: the checkpoint at the end of the way waits for one. */
const CATCH_UP_HEARTBEAT_MS = 100;

/** Refuses what the configuration may ask for and nothing here can do yet. */
export function refuseCapture(sync: Pick<SyncConfig, 'capture'>): void {
  if (sync.capture !== 'binlog') return;
  throw new BanyanError('BANYAN_NOT_AVAILABLE', { message: `Capture by ${sync.capture} is not available yet; only by wal or trigger.` });
}

/** The conflict strategies of the configuration; loads custom resolvers. */
export async function buildResolver(sync: SyncConfig, clock: Clock): Promise<ConflictResolver> {
  const fallback = sync.conflicts.default;
  const resolver = new ConflictResolver({
    clock, ...(fallback.strategy === 'custom' ? { custom: await loadResolver(fallback) } : { default: fallback.strategy }),
  });
  for (const [table, choice] of sync.conflicts.tables) {
    if (choice.strategy === 'custom') resolver.register(table, await loadResolver(choice));
    else resolver.use(table, choice);
  }
  return resolver;
}

async function loadResolver(choice: Extract<ConflictChoice, { strategy: 'custom' }>): Promise<ResolveConflict> {
  const specifier = isAbsolute(choice.module) ? pathToFileURL(choice.module).href : choice.module;
  let loaded: unknown;
  try {
    loaded = await import(specifier);
  } catch (error) {
    throw new BanyanError('BANYAN_RESOLVER', { message: `The resolver module ${choice.module} could not be loaded: ${messageOf(error)}`, cause: error });
  }
  const resolve = typeof loaded === 'object' && loaded !== null && 'default' in loaded ? loaded.default : undefined;
  if (typeof resolve !== 'function') {
    throw new BanyanError('BANYAN_RESOLVER', { message: `The module ${choice.module} has no function as its default export.` });
  }
  return resolve as ResolveConflict;
}
