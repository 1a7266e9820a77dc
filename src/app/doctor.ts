import { diagnose } from '../postgres/doctor/diagnose.ts';
import type { DoctorCheck, DoctorResult } from './application.ts';
import type { ServiceConfig } from '../config/config.ts';
import type { Session } from './session.ts';
import { checkStrategies, type StrategyQuestion } from './strategies.ts';
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
      ...(config.sync.capture === 'trigger' ? { capture: 'trigger' as const } : {}),
    }))];
    found.push(...(await checkStrategies(strategyQuestion(session, service))));
    // The monolith's own checks are the same for each service; its tables' are not.
    for (const check of found) {
      const id = check.id.startsWith('service.') && names.length > 1 ? `${name}.${check.id.slice('service.'.length)}` : check.id;
      if (!checks.some((known) => known.id === id)) checks.push({ ...check, id });
    }
  }
  checks.push(await quarantineCheck(session));
  return { ok: checks.every((check) => check.ok), checks };
}

/** What the configuration's conflict strategies ask of a service's databases. */
export function strategyQuestion(session: Session, service: ServiceConfig): StrategyQuestion {
  const { mode, conflicts } = session.config.sync;
  return {
    pools: session.pools(service), mode, tables: service.tables.map((table) => ({ monolith: table.table, service: table.as })),
    choiceOf: (table) => conflicts.tables.get(table) ?? conflicts.default,
  };
}

async function quarantineCheck(session: Session): Promise<DoctorCheck> {
  const { quarantined } = await readQuarantine(session);
  const ok = quarantined.length === 0;
  return {
    id: 'sync.quarantine', ok, found: ok ? 'empty' : `${quarantined.length} changes, the oldest since ${quarantined.map(({ at }) => at).toSorted()[0]}`,
    expected: 'empty', remedy: ok ? '' : 'banyan sync quarantine shows what and why; mend the cause, then retry or discard.',
  };
}
