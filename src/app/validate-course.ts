import type pg from 'pg';
import type { Config, ServiceConfig } from '../config/config.ts';
import { redactUrl } from '../core/redact.ts';
import { PostgresLoadProbe } from '../postgres/load-probe.ts';
import { PostgresProgressStore } from '../state/progress-store.ts';
import type { PaceOptions } from '../validate/pace.ts';
import type { JournalOptions } from '../validate/run-journal.ts';
import type { Session } from './session.ts';

/** How far a run is, kept in the state database. A run is of these two databases, whatever password opens them. */
export function journalOf(session: Session, service: ServiceConfig, ended: (forget: () => Promise<void>) => void): JournalOptions {
  const of = [service.name, session.config.monolith.url, service.url].map(redactUrl).join(' ');
  return { store: new PostgresProgressStore({ pool: session.statePool }), of, ended };
}

/** How much of a burden a run may be to the servers behind `pools`. */
export function paceOf(throttle: Config['validate']['throttle'], pools: readonly pg.Pool[]): { readonly pace?: PaceOptions } {
  if (!throttle) return {};
  const { statementMs, share, activeSessions, replicationLagMs } = throttle;
  const limits = { ...(activeSessions === undefined ? {} : { activeSessions }), ...(replicationLagMs === undefined ? {} : { replicationLagMs }) };
  const load = Object.keys(limits).length === 0 ? {} : { load: { probes: pools.map((pool) => new PostgresLoadProbe({ pool })), ...limits } };
  return { pace: { share, ...(statementMs === undefined ? {} : { statementMs }), ...load } };
}
