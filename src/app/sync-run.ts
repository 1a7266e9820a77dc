import type { ServiceConfig } from '../config/config.ts';
import { messageOf } from '../core/errors.ts';
import { retry } from '../core/retry.ts';
import { formatLsn } from '../model/position.ts';
import type { ConflictResolver } from '../sync/conflict.ts';
import { directionsOf, type ServiceSync } from '../sync/service-sync.ts';
import { ensureBanyanSchema, streamName } from '../postgres/banyan-schema.ts';
import { setUpStreams } from '../postgres/stream-setup.ts';
import { isTransient } from '../postgres/transient.ts';
import type { SyncRunOptions, SyncRunResult } from './application.ts';
import { buildResolver, buildServiceSync, pairsOf, refuseCapture } from './build-sync.ts';
import { createMetrics, serveMetrics, type PrometheusMetrics } from './metrics.ts';
import { provisionAfterCopy, provisionBeforeCopy } from './provision.ts';
import type { Session } from './session.ts';
import { readStreams } from './sync-status.ts';

/** `banyan sync run`: sets up what is missing, then keeps every service in sync until stopped or caught up. */
export async function runSync(session: Session, options: SyncRunOptions): Promise<SyncRunResult> {
  const { context, config } = session;
  const metrics = createMetrics();
  const ready = new Set<string>();
  const services = (options.services ?? [...config.services.keys()]).map((name) => session.service(name));
  // Before anything is created: what can not be loaded must not be found out after a copy.
  const resolver = await buildResolver(config.sync, context.clock);
  const listen = config.metrics.listen;
  const server = listen && (await serveMetrics({ listen, metrics, ready: () => services.every(({ name }) => ready.has(name)) }));
  const stop = new AbortController();
  const signal = AbortSignal.any([context.signal, stop.signal]);
  try {
    const running = services.map((service) =>
      runService({ session, service, options, metrics, resolver, signal, onReady: () => ready.add(service.name) }),
    );
    await allOrFirstFailure(running, stop);
    const streams = await readStreams(session);
    return { stopped: context.signal.aborted ? 'requested' : 'caught-up', streams };
  } finally {
    await server?.close();
  }
}

/** Waits for all; a failure stops the others, and is thrown when they have ended. */
async function allOrFirstFailure(running: readonly Promise<void>[], stop: AbortController): Promise<void> {
  try {
    await Promise.all(running);
  } finally {
    stop.abort();
    await Promise.allSettled(running);
  }
}

interface RunServiceOptions {
  readonly session: Session;
  readonly service: ServiceConfig;
  readonly options: SyncRunOptions;
  readonly metrics: PrometheusMetrics;
  readonly resolver: ConflictResolver;
  readonly signal: AbortSignal;
  readonly onReady: () => void;
}

/** Runs until aborted (then resolves, wherever it is), or caught up if that is enough, or until an error that no waiting can cure. */
async function runService(run: RunServiceOptions): Promise<void> {
  try {
    await setUpAndRun(run);
  } catch (error) {
    if (!run.signal.aborted || (error !== run.signal.reason && !isAbortError(error))) throw error;
  }
}

/** What a cancelled wait rejects with. */
const isAbortError = (error: unknown): boolean => error instanceof Error && error.name === 'AbortError';

async function setUpAndRun({ session, service, options, metrics, resolver, signal, onReady }: RunServiceOptions): Promise<void> {
  const { config, context, logger } = session;
  const { clock } = context;
  const pools = session.pools(service);
  refuseCapture(config.sync);
  const pairs = pairsOf(service);
  if (options.provision) await provisionBeforeCopy(session, service);
  const ends = {
    monolith: { url: config.monolith.url, pool: pools.monolith },
    service: { url: service.url, pool: pools.service },
  };
  const setUp = async () => {
    await ensureBanyanSchema(session.statePool);
    return setUpStreams({
      service: service.name, ends, pairs, directions: directionsOf(config.sync.mode), slotPrefix: config.sync.slotPrefix, signal,
      afterCopy: () => provisionAfterCopy(session, service, { create: options.provision }),
      onTable: (table, rows) => context.progress.note(`copied ${table}: ${rows} rows`),
    });
  };
  // A worker that was killed may have left a session behind that the server has not noticed yet.
  const { names, copied } = await retry(setUp, {
    clock, signal, transient: isTransient,
    onRetry: (error) => logger.warn('setting up again', { service: service.name, reason: messageOf(error) }),
  });
  if (copied > 0) logger.info('copied', { service: service.name, rows: copied });
  const sync = buildServiceSync({
    service: service.name, ends, names, pairs, sync: config.sync, clock, logger, metrics, resolver,
  });
  const stop = new AbortController();
  const both = AbortSignal.any([signal, stop.signal]);
  const running = sync.run(both);
  const reporting = report({ session, service, sync, metrics, signal: both });
  onReady();
  try {
    if (options.untilCaughtUp) {
      await Promise.race([running, sync.caughtUp(both).catch(unlessAborted(both))]);
      stop.abort();
    }
    await running;
  } finally {
    stop.abort();
    await reporting;
  }
}

const unlessAborted = (signal: AbortSignal) => (error: unknown): void => {
  if (!signal.aborted) throw error;
};

/** Every second: the streams' counts into the state database, for `sync status`, and into the metrics. */
async function report(options: {
  readonly session: Session;
  readonly service: ServiceConfig;
  readonly sync: ServiceSync;
  readonly metrics: PrometheusMetrics;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { session, service, sync, metrics, signal } = options;
  for (;;) {
    for (const [direction, counts] of sync.status()) {
      metrics.gauge('banyan_sync_lag_seconds', counts.lagMs / 1000, { service: service.name, direction });
      const document = { ...counts, received: formatLsn(counts.received), applied: formatLsn(counts.applied) };
      try {
        await session.statePool.query(
          'INSERT INTO banyan.stream_status (name, at, state, counts) VALUES ($1, clock_timestamp(), $2, $3) ' +
            'ON CONFLICT (name) DO UPDATE SET at = clock_timestamp(), state = $2, counts = $3',
          [streamName(service.name, direction), signal.aborted ? 'stopped' : 'running', JSON.stringify(document)],
        );
      } catch (error) {
        session.logger.warn('the status could not be written', { reason: messageOf(error) });
      }
    }
    if (signal.aborted) return;
    await session.context.clock.sleep(1000, signal).catch(unlessAborted(signal));
  }
}
