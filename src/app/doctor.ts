import { diagnose } from '../postgres/doctor/diagnose.ts';
import type { DoctorCheck, DoctorResult } from './application.ts';
import type { Config, ServiceConfig } from '../config/config.ts';
import type { Session } from './session.ts';
import { checkStrategies, type StrategyQuestion } from './strategies.ts';
import { readSlotReport } from './sync-slots.ts';
import { readQuarantine } from './sync-quarantine.ts';

/** `banyan doctor`: every prerequisite of every service (or of those named), with its remedy. */
export async function doctor(session: Session, options: { readonly services?: readonly string[] } = {}): Promise<DoctorResult> {
  const { config, context } = session;
  const checks: DoctorCheck[] = [];
  const names = options.services ?? [...config.services.keys()];
  for (const name of names) {
    const service = session.service(name);
    const found = [...(await diagnose({
      ...session.pools(service), tables: [...new Set(service.tables.map((table) => table.table))], mode: config.sync.mode, clock: context.clock,
      sessions: { monolith: writersOf(config, config.monolith.url), service: writersOf(config, service.url) },
      ...(config.sync.capture === 'trigger' ? { capture: 'trigger' as const } : {}),
    }))];
    found.push(...(await checkStrategies(strategyQuestion(session, service))));
    // The monolith's own checks are the same for each service; its tables' are not.
    for (const check of found) {
      const id = check.id.startsWith('service.') && names.length > 1 ? `${name}.${check.id.slice('service.'.length)}` : check.id;
      if (!checks.some((known) => known.id === id)) checks.push({ ...check, id });
    }
  }
  checks.push(await quarantineCheck(session), ...(await slotChecks(session)));
  return { ok: checks.every((check) => check.ok), checks };
}

/** Sessions of all services that write to the server of a database, as far as the URLs tell: each has a replication origin there. */
function writersOf({ monolith, services, sync }: Config, url: string): number {
  const { apply, copy, mode } = sync;
  let writers = 0;
  for (const service of services.values()) {
    if (mode !== 'monolith-to-service' && serverOf(monolith.url) === serverOf(url)) writers += apply.workers;
    // Also where only the way back is followed, the first copy is written there.
    if (serverOf(service.url) === serverOf(url)) writers += mode === 'service-to-monolith' ? copy.workers : Math.max(apply.workers, copy.workers);
  }
  return Math.max(1, writers);
}

function serverOf(url: string): string {
  const { host, searchParams } = new URL(url);
  return `${searchParams.get('host') ?? host} ${searchParams.get('port') ?? ''}`;
}

/** What the configuration's conflict strategies ask of a service's databases. */
export function strategyQuestion(session: Session, service: ServiceConfig): StrategyQuestion {
  const { mode, conflicts, capture } = session.config.sync;
  return {
    pools: session.pools(service), mode, tables: service.tables.map((table) => ({ monolith: table.table, service: table.as })),
    oldRows: capture === 'trigger',
    choiceOf: (table) => conflicts.tables.get(table) ?? conflicts.default,
  };
}

/** Slots that nobody will ever read again fill a disk; dropping one may close a way back, so that is left to people. */
async function slotChecks(session: Session): Promise<readonly DoctorCheck[]> {
  const { streams, unused } = await readSlotReport(session.config, (url) => session.pool(url));
  const forgotten = unused.filter(({ active }) => !active);
  const above = session.config.sync.walAlarmMb * 1_000_000;
  const full = [...streams].filter(([, { retainedBytes }]) => (retainedBytes ?? 0) > above);
  return [
    {
      id: 'sync.unused_slots', ok: forgotten.length === 0,
      found: forgotten.length === 0 ? 'none' : forgotten.map(({ name, database, reason }) => `${name} on ${database}: ${reason}`).join('; '),
      expected: 'every slot of Banyan is used by a configured stream; others keep WAL until the disk is full',
      remedy: forgotten.map(({ statements, consequence }) => `If it is not wanted any more: ${statements.map(({ on, sql }) => `on ${on}: ${sql}`).join(' ')} ${consequence}`).join(' '),
    },
    {
      id: 'sync.retained_wal', ok: full.length === 0,
      found: streams.size === 0 ? 'no slots yet' : [...streams].map(([stream, { retainedBytes }]) => `${stream}: ${retainedBytes ?? 'lost'} bytes`).join(', '),
      expected: `at most ${session.config.sync.walAlarmMb} MB for each stream (sync.walAlarmMb)`,
      remedy: full.length === 0 ? '' : 'Start a worker, or resume what is paused; `banyan sync status` says which. Look at the disk of the server that keeps it.',
    },
  ];
}

async function quarantineCheck(session: Session): Promise<DoctorCheck> {
  const { quarantined } = await readQuarantine(session);
  const ok = quarantined.length === 0;
  return {
    id: 'sync.quarantine', ok, found: ok ? 'empty' : `${quarantined.length} changes, the oldest since ${quarantined.map(({ at }) => at).toSorted()[0]}`,
    expected: 'empty', remedy: ok ? '' : 'banyan sync quarantine shows what and why; mend the cause, then retry or discard.',
  };
}
