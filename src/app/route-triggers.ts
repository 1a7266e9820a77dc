import type { RouteConfig } from '../config/config.ts';
import type { Metrics } from '../core/metrics.ts';
import type { RouteNotifier } from '../ports/route-notifier.ts';
import type { RouteSignalReader } from '../ports/route-signals.ts';
import { PostgresValidationStore } from '../state/validation-store.ts';
import { webhookOf } from './post-json.ts';
import { WebhookNotifier } from './route-notifier.ts';
import { loadSource, signalReader, type LoadSource, type SignalSources } from './route-signals.ts';
import type { Session } from './session.ts';
import { readLagMs } from './sync-status.ts';

/** Reads what the configured triggers look at beside requests, and nothing else; undefined: they look at nothing. */
export function signalsOf(session: Session, route: RouteConfig): RouteSignalReader | undefined {
  const watched = new Set((route.rollback.triggers ?? []).map(({ metric }) => metric));
  const wantsLoad = watched.has('cpu') || watched.has('memory');
  if (!wantsLoad && !watched.has('sync_lag') && !watched.has('validator_drift')) return undefined;
  const { clock } = session.context;
  const { load } = route;
  const monolith = load.monolith && loadSource(load.monolith, { clock });
  const services = new Map<string, LoadSource>(Object.entries(load.services).map(([name, config]) => [name, loadSource(config, { clock })]));
  const validations = new PostgresValidationStore({ pool: session.statePool });
  const sources = (name: string): SignalSources => {
    const service = services.get(name);
    return {
      ...(watched.has('sync_lag') ? { syncLagMs: () => readLagMs(session, session.service(name)) } : {}),
      ...(watched.has('validator_drift') ? { validatorDrift: () => driftOf(validations, name) } : {}),
      ...(wantsLoad ? { load: { ...(monolith ? { monolith } : {}), ...(service ? { service } : {}) } } : {}),
    };
  };
  return signalReader({ sources, logger: session.logger });
}

/** By what `validate watch` holds of the tables; undefined: it has compared none. */
async function driftOf(store: PostgresValidationStore, service: string): Promise<number | undefined> {
  const standings = await store.standings(service);
  return standings.length === 0 ? undefined : 1 - Math.min(...standings.map(({ score }) => score));
}

/** Whoever banyan.yaml wants to be told; undefined: nobody. */
export function notifierOf(session: Session, route: RouteConfig, metrics: Metrics): RouteNotifier | undefined {
  const webhooks = Object.entries(route.rollback.webhooks).map(([name, webhook]) => ({ name, actions: webhook.actions, ...webhookOf(webhook) }));
  if (webhooks.length === 0) return undefined;
  return new WebhookNotifier(webhooks, { clock: session.context.clock, random: Math.random, logger: session.logger, metrics });
}
