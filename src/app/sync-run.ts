import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type pg from 'pg';
import type { ServiceConfig } from '../config/config.ts';
import { atMost } from '../core/at-most.ts';
import { BanyanError, isBanyanError, messageOf } from '../core/errors.ts';
import { retry } from '../core/retry.ts';
import { formatLsn } from '../model/position.ts';
import { otherSide, sourceSide, type Direction } from '../model/side.ts';
import type { TableMapping } from '../model/table-mapping.ts';
import type { ConflictResolver } from '../sync/conflict.ts';
import type { LeaseWorker } from '../ports/lease-store.ts';
import { LeasedWork } from '../sync/leased-work.ts';
import { LagWatch } from '../sync/lag-watch.ts';
import { Throttle } from '../core/throttle.ts';
import { directionsOf, type ServiceSync } from '../sync/service-sync.ts';
import { PostgresLeaseStore } from '../state/lease-store.ts';
import { PostgresMarkStore } from '../state/mark-store.ts';
import type { Side } from '../model/side.ts';
import { ensureBanyanSchema, streamName, type StreamNames } from '../postgres/banyan-schema.ts';
import { createPool } from '../postgres/connect.ts';
import { dropCopyOrigins } from '../postgres/copy/copy-origins.ts';
import { readToken } from '../postgres/sessions.ts';
import { setUpStreams, type SetupEnd } from '../postgres/stream-setup.ts';
import { isTransient } from '../postgres/transient.ts';
import type { SyncRunOptions, SyncRunResult } from './application.ts';
import { buildResolver, buildServiceSync, catchUpOf, refuseCapture } from './build-sync.ts';
import { copyProgress } from './copy-progress.ts';
import { watchMonolith } from './monolith-load.ts';
import { createMetrics, serveMetrics, type PrometheusMetrics } from './metrics.ts';
import { provisionAfterCopy, provisionBeforeCopy } from './provision.ts';
import { first } from './read-rows.ts';
import type { Session } from './session.ts';
import { strategyQuestion } from './doctor.ts';
import { demandStrategies } from './strategies.ts';
import { watchResyncs } from './resync-work.ts';
import { passFences, readResyncs, readStreams, refusePaused } from './sync-status.ts';
import { watchSlots } from './sync-watch.ts';
import { loadMappings } from './table-mappings.ts';

/**
 * `banyan sync run`: takes its share of the services by leases, sets up what is missing, and keeps them in
 * sync until stopped or caught up.
 */
export async function runSync(session: Session, options: SyncRunOptions): Promise<SyncRunResult> {
  const { context, config, logger } = session;
  const { clock } = context;
  const metrics = createMetrics();
  const services = (options.services ?? [...config.services.keys()]).map((name) => session.service(name));
  // Before anything is created: what can not be loaded must not be found out after a copy.
  const resolver = await buildResolver(config.sync, clock);
  const readiness = new Readiness();
  const listen = config.metrics.listen;
  const server = listen && (await serveMetrics({ listen, metrics, ready: () => readiness.ready }));
  // The leases' own connections: they must not wait behind anything else.
  const leasePool = createPool({ url: config.state.url, max: 2, connectTimeoutMs: LEASE_ANSWER_MS, answerTimeoutMs: LEASE_ANSWER_MS, logger });
  const store = new PostgresLeaseStore({ pool: leasePool });
  const stop = new AbortController();
  const signal = AbortSignal.any([context.signal, stop.signal]);
  const worker = { id: randomUUID(), host: hostname(), pid: process.pid, services: services.map(({ name }) => name), greedy: options.untilCaughtUp };
  try {
    await unlessStopped(signal, async () => {
      await retry(() => store.install(), {
        clock, signal, transient: isTransient, onRetry: (error) => logger.warn('the leases can not be had', { reason: messageOf(error) }),
      });
      readiness.begun = true;
      const work = new LeasedWork({
        store, worker, clock, logger, isTransient,
        floor: (name) => highestToken(session, session.service(name)),
        run: async ({ service: name, token }, held) => {
          const holding = { session, service: session.service(name), options, metrics, resolver, token, worker, leasePool, signal: held };
          readiness.began(name);
          try {
            await unlessStopped(held, () => setUpAndRun({ ...holding, onReady: () => readiness.runs(name) }));
          } finally {
            readiness.ended(name);
          }
        },
      });
      const working = work.run(signal);
      const watching = watchSlots({ session, services, metrics, worker: worker.id, signal });
      const goal = options.untilCaughtUp ? [caughtUp(session, services, signal)] : [];
      try {
        await Promise.race([working, ...goal]);
      } finally {
        stop.abort(new BanyanError('BANYAN_ABORTED', { message: 'The run has ended.' }));
        await Promise.allSettled(goal);
        await watching;
        await working;
      }
    });
    // A dead link must not keep a worker that is done.
    const streams = (await atMost(clock, config.sync.linkTimeoutMs, readStreams(session))) ?? [];
    return { stopped: context.signal.aborted ? 'requested' : 'caught-up', streams };
  } finally {
    await leasePool.end();
    await server?.close();
  }
}

/** A word to the state database that takes longer counts as not said; well below the leases' time to live. */
const LEASE_ANSWER_MS = 1500;

/** Whether a worker does what it has taken on. One that stands by is ready. */
class Readiness {
  begun = false;
  readonly #running = new Map<string, boolean>();

  get ready(): boolean {
    return this.begun && [...this.#running.values()].every(Boolean);
  }

  began(service: string): void {
    this.#running.set(service, false);
  }

  runs(service: string): void {
    this.#running.set(service, true);
  }

  ended(service: string): void {
    this.#running.delete(service);
  }
}

/** The highest token that a service's databases know of. */
async function highestToken(session: Session, service: ServiceConfig): Promise<string> {
  let highest = 0n;
  for (const pool of Object.values(session.pools(service))) {
    const token = BigInt(await readToken(pool, service.name));
    if (token > highest) highest = token;
  }
  return String(highest);
}

/** Resolves when every stream has applied what was committed before it was first seen to run, whichever worker runs it. */
async function caughtUp(session: Session, services: readonly ServiceConfig[], signal: AbortSignal): Promise<void> {
  const { clock } = session.context;
  const names = new Set(services.map(({ name }) => name));
  const running = async (): Promise<boolean> =>
    (await readStreams(session)).every((stream) => !names.has(stream.service) || stream.state === 'running');
  while (!(await running())) {
    await refusePaused(session, [...names]);
    await clock.sleep(50, signal);
  }
  await passFences(session, services, { signal });
  // What somebody has asked for is a part of it.
  while ((await readResyncs(session.statePool)).some((job) => names.has(job.service))) {
    await refusePaused(session, [...names]);
    await clock.sleep(50, signal);
  }
}

interface RunServiceOptions {
  readonly session: Session;
  readonly service: ServiceConfig;
  readonly options: SyncRunOptions;
  readonly metrics: PrometheusMetrics;
  readonly resolver: ConflictResolver;
  readonly token: string;
  readonly worker: LeaseWorker;
  readonly leasePool: pg.Pool;
  readonly signal: AbortSignal;
  readonly onReady: () => void;
}

/** Resolves when aborted, wherever `work` is then; rejects with an error of its own. */
async function unlessStopped(signal: AbortSignal, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!signal.aborted || (error !== signal.reason && !isAbortError(error))) throw error;
  }
}

/** What a cancelled wait rejects with. */
const isAbortError = (error: unknown): boolean => error instanceof Error && error.name === 'AbortError';

async function setUpAndRun({ session, service, options, metrics, resolver, token, worker, leasePool, signal, onReady }: RunServiceOptions): Promise<void> {
  const { config, context, logger } = session;
  const { clock } = context;
  const pools = session.pools(service);
  refuseCapture(config.sync);
  const { mappings: pairs, checkService } = await loadMappings({ config, service, monolith: pools.monolith });
  if (options.provision) await provisionUnlessCopied(session, service, pairs);
  await checkService(pools.service);
  await demandStrategies(strategyQuestion(session, service), (table) => `${config.file}: sync.conflicts for ${table}`);
  const capture = config.sync.capture === 'trigger' ? { capture: 'trigger' as const } : {};
  const ends = {
    monolith: { url: config.monolith.url, pool: pools.monolith, ...capture },
    service: { url: service.url, pool: pools.service, ...capture },
  };
  const parts = { service: service.name, ends, pairs, sync: config.sync, clock, logger, metrics, resolver, token };
  const marks = config.validate.incremental ? { store: new PostgresMarkStore({ pool: session.statePool }) } : undefined;
  const setUp = async () => {
    await ensureBanyanSchema(session.statePool);
    await marks?.store.install();
    const copying = copyProgress(context.progress, service.name);
    return setUpStreams({
      service: service.name, ends, pairs, directions: directionsOf(config.sync.mode), slotPrefix: config.sync.slotPrefix, signal, token,
      copyWorkers: config.sync.copy.workers, chunkRows: config.sync.copy.chunkRows, ...catchUpOf(parts), ...copying.told,
      afterCopy: () => copying.after(() => provisionAfterCopy(session, service, { mappings: pairs, create: options.provision })),
    }).finally(copying.end);
  };
  // A worker that was killed may have left a session behind that the server has not noticed yet.
  const { names, copied } = await retry(setUp, {
    clock, signal, transient: isTransient, patienceMs: () => PATIENCE_MS,
    onRetry: (error) => logger.warn('setting up again', { service: service.name, reason: messageOf(error) }),
  });
  if (copied > 0) logger.info('copied', { service: service.name, rows: copied });
  const quick = quickPools(session, ends);
  const throttle = config.sync.throttle && directionsOf(config.sync.mode).includes('service-to-monolith') ? new Throttle({ limit: config.sync.throttle.commitMs, leastShare: config.sync.throttle.leastShare }) : undefined;
  const sync = buildServiceSync({ ...parts, ends: quick, names, patienceMs: PATIENCE_MS, ...(marks ? { marks } : {}), ...(throttle ? { throttle } : {}) });
  const stop = new AbortController();
  const both = AbortSignal.any([signal, stop.signal]);
  const reporting = Promise.all([
    report({ session, service, ends: quick, sync, metrics, worker, leasePool, signal: both }),
    forgetCopy({ session, ends: quick, names, signal: both }),
    watchResyncs({ session, service, sync, mappings: pairs, pools, state: leasePool, signal: both }),
    ...(throttle
      ? [watchMonolith({ pool: quick.monolith.pool, service: service.name, throttle, everyMs: config.sync.heartbeatMs, clock, metrics, logger, signal: both })]
      : []),
  ]);
  onReady();
  try {
    await sync.run(signal);
  } finally {
    stop.abort();
    await reporting;
    await Promise.all([quick.monolith.pool.end(), quick.service.pool.end()]);
  }
}

/** Who can not work with a side of a service for so long gives its lease back: another worker may be able to. */
const PATIENCE_MS = 5000;

/** Once the streams run, tables that differ are theirs to judge: one of them must not keep all the others from going on. */
async function provisionUnlessCopied(session: Session, service: ServiceConfig, pairs: readonly TableMapping[]): Promise<void> {
  try {
    await provisionBeforeCopy(session, service, pairs);
  } catch (error) {
    if (!isBanyanError(error, 'BANYAN_PROVISION_MISMATCH')) throw error;
    const stream = await first<{ state: string }>(session.pools(service).service, 'SELECT state FROM banyan.stream WHERE name = $1', [streamName(service.name, 'monolith-to-service')]);
    if (stream?.state !== 'streaming') throw error;
    session.logger.warn('tables differ since the service was set up', { service: service.name, reason: error.message });
  }
}

/** For marks, looks and reports while the streams run, whose answers never take long: a link that is frozen must not hold them, and with them the worker's end, for ever. */
function quickPools(session: Session, ends: Readonly<Record<Side, SetupEnd>>): Readonly<Record<Side, SetupEnd>> {
  const { linkTimeoutMs } = session.config.sync;
  const end = (same: SetupEnd): SetupEnd => ({
    ...same, pool: createPool({ url: same.url, max: 4, answerTimeoutMs: linkTimeoutMs, connectTimeoutMs: Math.min(10_000, linkTimeoutMs), logger: session.logger }),
  });
  return { monolith: end(ends.monolith), service: end(ends.service) };
}

/** Drops what a finished copy's sessions needed, when the streams have left the copy behind. */
async function forgetCopy({ session, ends, names, signal }: {
  readonly session: Session;
  readonly ends: Parameters<typeof dropCopyOrigins>[0]['ends'];
  readonly names: ReadonlyMap<Direction, StreamNames>;
  readonly signal: AbortSignal;
}): Promise<void> {
  const forward = names.get('monolith-to-service');
  const backward = names.get('service-to-monolith');
  if (!forward || !backward) return;
  while (!signal.aborted) {
    try {
      if (await dropCopyOrigins({ ends, names: { forward, backward } })) return;
    } catch (error) {
      session.logger.warn("the copy's origins could not be dropped yet", { reason: messageOf(error) });
    }
    await session.context.clock.sleep(10_000, signal).catch(unlessAborted(signal));
  }
}

const unlessAborted = (signal: AbortSignal) => (error: unknown): void => {
  if (!signal.aborted) throw error;
};

/** Every second: the streams' counts into the state database, for `sync status`, and into the metrics. */
async function report(options: {
  readonly session: Session;
  readonly service: ServiceConfig;
  readonly ends: Readonly<Record<Side, SetupEnd>>;
  readonly sync: ServiceSync;
  readonly metrics: PrometheusMetrics;
  readonly worker: LeaseWorker;
  readonly leasePool: pg.Pool;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { session, service, sync, metrics, worker, leasePool, signal } = options;
  const { lagToleranceMs: toleranceMs, heartbeatMs } = session.config.sync;
  const watches = new Map([...sync.status().keys()].map((direction) => [direction, new LagWatch({ toleranceMs, heartbeatMs })]));
  for (;;) {
    for (const [direction, counts] of sync.status()) {
      const labels = { service: service.name, direction };
      const { lagMs, applied } = counts;
      const lag = watches.get(direction)?.look({ lagMs, applied, at: session.context.clock.monotonic() }) ?? { lagMs, behind: false, change: undefined };
      metrics.gauge('banyan_sync_lag_seconds', lag.lagMs / 1000, labels);
      metrics.gauge('banyan_sync_behind', lag.behind ? 1 : 0, labels);
      metrics.gauge('banyan_sync_paused_tables', counts.pausedTables.length, labels);
      if (lag.change === 'raised') session.logger.warn('a stream is behind', { ...labels, lagMs: Math.round(lag.lagMs), toleranceMs });
      if (lag.change === 'over') session.logger.info('a stream has caught up again', { ...labels, lagMs: Math.round(lag.lagMs), toleranceMs });
      const document = { ...counts, lagMs: lag.lagMs, behind: lag.behind, clockSkew: sync.clockSkew, worker: worker.id, received: formatLsn(counts.received), applied: formatLsn(counts.applied) };
      try {
        await leasePool.query(
          // A worker that was frozen must not put its word in the place of its successor's.
          'INSERT INTO banyan.stream_status (name, at, state, counts) SELECT $1, clock_timestamp(), $2, $3 ' +
            'WHERE EXISTS (SELECT FROM banyan.lease WHERE service = $4 AND holder = $5) ' +
            'ON CONFLICT (name) DO UPDATE SET at = excluded.at, state = excluded.state, counts = excluded.counts',
          [streamName(service.name, direction), signal.aborted ? 'stopped' : 'running', JSON.stringify(document), service.name, worker.id],
        );
      } catch (error) {
        session.logger.warn('the status could not be written', { reason: messageOf(error) });
      }
    }
    if (signal.aborted) {
      // Whoever runs it next tells of it; the last word of this worker would stand for ever.
      for (const name of OWN_GAUGES) metrics.forget(name, { service: service.name });
      return;
    }
    await watchQuarantine(options);
    await session.context.clock.sleep(1000, signal).catch(unlessAborted(signal));
  }
}

/** What only the worker that runs a service tells of it. */
const OWN_GAUGES = [
  'banyan_sync_lag_seconds', 'banyan_sync_behind', 'banyan_sync_paused_tables', 'banyan_sync_quarantine_changes', 'banyan_sync_quarantine_oldest_seconds',
  'banyan_sync_throttle_share', 'banyan_sync_monolith_commit_seconds', 'banyan_sync_clock_skew_seconds', 'banyan_sync_clock_skew_uncertainty_seconds',
] as const;

/** How much is in quarantine, for the alarm: it waits for people, not for time. */
async function watchQuarantine({ session, service, ends, sync, metrics }: {
  readonly session: Session;
  readonly service: ServiceConfig;
  readonly ends: Readonly<Record<Side, SetupEnd>>;
  readonly sync: ServiceSync;
  readonly metrics: PrometheusMetrics;
}): Promise<void> {
  for (const direction of sync.status().keys()) {
    const labels = { service: service.name, direction };
    try {
      const found = await ends[otherSide(sourceSide(direction))].pool.query<{ n: string; seconds: string }>(
        "SELECT count(*) AS n, coalesce(extract(epoch FROM clock_timestamp() - min(at)), 0) AS seconds FROM banyan.quarantine WHERE stream = $1 AND state = 'held'",
        [streamName(service.name, direction)],
      );
      metrics.gauge('banyan_sync_quarantine_changes', Number(found.rows[0]?.n ?? 0), labels);
      metrics.gauge('banyan_sync_quarantine_oldest_seconds', Number(found.rows[0]?.seconds ?? 0), labels);
    } catch (error) {
      session.logger.warn('the quarantine could not be read', { ...labels, reason: messageOf(error) });
    }
  }
}
