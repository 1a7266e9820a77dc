import { BanyanError, isBanyanError } from '../core/errors.ts';
import { parseTableName } from '../model/names.ts';
import { STRUCTURE_CHECKS } from '../model/structure-finding.ts';
import type { ResyncJob, ResyncStore } from '../ports/resync-store.ts';
import { PostgresResyncStore } from '../state/resync-store.ts';
import type { SyncResyncOptions, SyncResyncResult } from './application.ts';
import { resyncMapping, truthOf } from './resync-table.ts';
import type { Session } from './session.ts';
import { runSync } from './sync-run.ts';
import { readStatus, refusePaused } from './sync-status.ts';
import { loadMappings } from './table-mappings.ts';
import { validate } from './validate.ts';

/** `banyan sync resync SERVICE TABLE`: asks for it, and tells how it goes until it is over. */
export async function resyncTable(session: Session, options: SyncResyncOptions): Promise<SyncResyncResult> {
  const { config, context } = session;
  const service = session.service(options.service);
  const table = parseTableName(options.table);
  const from = truthOf(config.sync.mode, options.from);
  const { mappings } = await loadMappings({ config, service, monolith: session.pools(service).monolith });
  resyncMapping({ table, mappings, service: service.name });
  const other = from === 'monolith' ? 'service' : 'monolith';
  const asked = { service: service.name, table, from, dryRun: options.dryRun };
  if (options.dryRun) {
    const { tables } = await validate(session, { services: [service.name], tables: [options.table], level: 'full', without: STRUCTURE_CHECKS });
    return { ...asked, state: 'kept', ...NOTHING, differences: tables };
  }
  await refusePaused(session, [service.name]);
  const question = `Make ${table} on both sides equal to the ${from}'s? Rows of the ${other} that differ are overwritten or deleted, each with a record.`;
  if (!(await context.confirm(question))) return { ...asked, state: 'kept', ...NOTHING };
  const store = new PostgresResyncStore({ pool: session.statePool });
  await store.install();
  const job = await store.ask({ service: service.name, table, from, askedBy: context.env['USER'] ?? 'command line' });
  if (job.from !== from) {
    throw new BanyanError('BANYAN_RESYNC_RUNNING', { message: `${table} of ${service.name} is being made equal to the ${job.from}'s, which ${job.askedBy} asked for at ${job.askedAt}.` });
  }
  return options.wait ? follow(session, { store, job }) : resultOf(job);
}

const NOTHING = { found: 0, repaired: 0, held: 0, busy: 0, refused: 0, seconds: 0 } as const;

const LOOK_MS = 200;

/** Waits for the worker; where none runs the service, this process is it until the table is done. */
async function follow(session: Session, { store, job }: { readonly store: ResyncStore; readonly job: ResyncJob }): Promise<SyncResyncResult> {
  const { clock, signal, progress } = session.context;
  const comparing = progress.begin({ name: `comparing ${job.table}`, total: job.expected, unit: 'rows' });
  let compared = 0;
  let now = job;
  try {
    for (;;) {
      if (now.expected > 0) comparing.expect(now.expected);
      comparing.advance(Math.max(0, now.compared - compared));
      compared = now.compared;
      if (now.state === 'done') break;
      if (now.state === 'failed') throw new BanyanError('BANYAN_RESYNC_FAILED', { message: `${job.table} of ${job.service} could not be made equal: ${now.reason ?? 'no reason given'}` });
      await refusePaused(session, [job.service]);
      if (!(await isHeld(session, job.service))) {
        progress.note('No worker runs this service: this command does its work until the table is done.');
        await runAlone(session, job.service);
      }
      await clock.sleep(LOOK_MS, signal);
      now = (await store.read(job.id)) ?? now;
    }
    comparing.done(`${now.found} rows looked into, ${now.repaired} made equal`);
    return resultOf(now);
  } catch (error) {
    comparing.failed();
    throw error;
  }
}

/** Whether somebody works on the service, or would within seconds. */
async function isHeld(session: Session, service: string): Promise<boolean> {
  const { streams, workers } = await readStatus(session);
  return workers.length > 0 || streams.some((stream) => stream.service === service && stream.worker !== undefined);
}

async function runAlone(session: Session, service: string): Promise<void> {
  try {
    await runSync(session, { services: [service], provision: false, untilCaughtUp: true });
  } catch (error) {
    // A worker has come after all.
    if (!isBanyanError(error, 'BANYAN_STREAM_FENCED')) throw error;
  }
}

function resultOf({ service, table, from, state, found, repaired, held, busy, refused, seconds, reason }: ResyncJob): SyncResyncResult {
  return { service, table, from, dryRun: false, state: state === 'failed' ? 'kept' : state, found, repaired, held, busy, refused, seconds, ...(reason === undefined ? {} : { reason }) };
}
