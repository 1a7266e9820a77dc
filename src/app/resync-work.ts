import type pg from 'pg';
import type { ServiceConfig } from '../config/config.ts';
import { BanyanError, messageOf } from '../core/errors.ts';
import type { Side } from '../model/side.ts';
import type { TableMapping } from '../model/table-mapping.ts';
import type { ResyncJob, ResyncStore } from '../ports/resync-store.ts';
import { isTransient } from '../postgres/transient.ts';
import { PostgresResyncStore } from '../state/resync-store.ts';
import { resync } from '../sync/resync.ts';
import type { ServiceSync } from '../sync/service-sync.ts';
import { openResyncTable } from './resync-table.ts';
import type { Session } from './session.ts';
import { tablesToValidate } from './validate.ts';

export interface WatchResyncsOptions {
  readonly session: Session;
  readonly service: ServiceConfig;
  readonly sync: Pick<ServiceSync, 'offers'>;
  readonly mappings: readonly TableMapping[];
  readonly pools: Readonly<Record<Side, pg.Pool>>;
  /** To the state database, with answers that never take long. */
  readonly state: pg.Pool;
  readonly signal: AbortSignal;
}

const EVERY_MS = 1000;

/** As long as this worker runs the service: makes equal what somebody asks for, one table after the other. */
export async function watchResyncs(options: WatchResyncsOptions): Promise<void> {
  const { session, service, state, signal } = options;
  const { clock } = session.context;
  const store = new PostgresResyncStore({ pool: state });
  let installed = false;
  while (!signal.aborted) {
    try {
      if (!installed) await store.install();
      installed = true;
      const job = await store.next(service.name);
      if (job) await carryOut(job, store, options);
    } catch (error) {
      if (!signal.aborted) session.logger.warn('a table that is to be made equal has to wait', { service: service.name, reason: messageOf(error) });
    }
    await clock.sleep(EVERY_MS, signal).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  }
}

async function carryOut(job: ResyncJob, store: ResyncStore, { session, service, sync, mappings, pools, signal }: WatchResyncsOptions): Promise<void> {
  const { clock } = session.context;
  const { logger } = session;
  let seen = { compared: 0, expected: 0 };
  await store.note(job.id, { state: 'running' });
  logger.info('making a table equal', { service: job.service, table: job.table, from: job.from });
  const ended = new AbortController();
  const telling = tell(async () => store.note(job.id, seen), { session, signal: AbortSignal.any([signal, ended.signal]) });
  try {
    const [spec] = tablesToValidate(service, new Set([job.table]));
    if (!spec) throw new BanyanError('BANYAN_TABLE_UNKNOWN', { message: `${job.service} does not follow ${job.table} any more.` });
    const table = await openResyncTable({
      service: job.service, mode: session.config.sync.mode, table: job.table, from: job.from, pools, mappings, spec, signal,
      onCompared: (compared, expected) => (seen = { compared, expected }),
    });
    const { reason, ...counts } = await resync({
      table, offers: sync.offers, clock, signal,
      // What an earlier worker made equal is counted as well.
      onCounts: ({ found, repaired, held, busy, refused }) =>
        store.note(job.id, { found: job.found + found, repaired: job.repaired + repaired, held, busy, refused }),
    });
    await store.note(job.id, {
      state: 'done', ...seen, ...counts, found: job.found + counts.found, repaired: job.repaired + counts.repaired, ...(reason === undefined ? {} : { reason }),
    });
    logger.info('a table was made equal', { service: job.service, table: job.table, ...counts });
  } catch (error) {
    // It is tried again, by whoever holds the service then.
    if (signal.aborted || isTransient(error)) throw error;
    logger.error('a table could not be made equal', { service: job.service, table: job.table, reason: messageOf(error) });
    await store.note(job.id, { state: 'failed', reason: messageOf(error) });
  } finally {
    ended.abort();
    await telling;
  }
}

/** How far it is, once a second. */
async function tell(note: () => Promise<void>, { session, signal }: { readonly session: Session; readonly signal: AbortSignal }): Promise<void> {
  while (!signal.aborted) {
    await note().catch((error: unknown) => session.logger.warn('the progress could not be noted', { reason: messageOf(error) }));
    await session.context.clock.sleep(EVERY_MS, signal).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  }
}
