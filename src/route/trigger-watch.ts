import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { Metrics } from '../core/metrics.ts';
import type { GradualPlan } from '../model/gradual-plan.ts';
import type { RouteNotifier } from '../ports/route-notifier.ts';
import { isDue, nextScheduled, planOf } from './decision/schedule.ts';
import type { GradualStatus } from './gradual.ts';
import type { ServiceRoute } from './service-route.ts';
import type { Firing, TriggerRule } from './triggers.ts';

export interface TriggerWatchOptions {
  /** Read anew each time: routes may be added. */
  readonly routes: readonly ServiceRoute[];
  readonly everyMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly notifier?: RouteNotifier;
  /** A rule that has stopped and fires again is not told again sooner, in milliseconds. */
  readonly coolDownMs: number;
  readonly rollBack: (route: ServiceRoute, firing: Firing) => void;
  /** Takes the next step of a gradual shift. */
  readonly step: (route: ServiceRoute) => void;
  /** Takes the next step of a schedule. */
  readonly scheduled: (route: ServiceRoute) => void;
  readonly signal: AbortSignal;
}

/**
 * Judges every route that serves users from its service, again and again until the signal is aborted. A rule that
 * only tells does so once, until it has stopped to hold, and not again before it has cooled down.
 */
export async function watchTriggers(options: TriggerWatchOptions): Promise<void> {
  const { routes, everyMs, clock, signal } = options;
  const told = new Told(options);
  while (!signal.aborted) {
    for (const route of routes) {
      if (!route.target.servesAnyone) {
        told.ended(route);
        measure(route, options.metrics);
        keepTime(route, [], options);
        continue;
      }
      const firings = route.triggers.evaluate({
        stats: route.stats,
        breaker: route.breakers.service,
        healthy: route.probes.service?.healthy ?? true,
        signals: route.signals,
        ...(route.shadow ? { shadow: route.shadow.counts } : {}),
      });
      told.look(route, firings);
      measure(route, options.metrics);
      const alarm = firings.find(({ rule }) => (rule.action ?? 'automatic_rollback') === 'automatic_rollback');
      if (alarm) {
        told.tell(route, alarm, route.targetPercent);
        options.rollBack(route, alarm);
      } else {
        walk(route, firings, options.step);
        keepTime(route, firings, options);
      }
    }
    await clock.sleep(everyMs, signal).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  }
}

function measure({ service, triggers, plan, gradual }: ServiceRoute, metrics: Metrics): void {
  for (const { metric, action, value, needed } of triggers.evidence) {
    metrics.gauge('banyan_route_evidence_ratio', Math.max(0, Math.log(value) / Math.log(needed)), { service, metric, action });
  }
  metrics.gauge('banyan_route_gradual_overdue', plan && gradual?.overdue === true && gradual.waitsFor.length > 0 ? 1 : 0, { service });
}

/** A gradual shift goes on when nothing keeps it. */
function walk(route: ServiceRoute, firings: readonly Firing[], step: (route: ServiceRoute) => void): void {
  if (!route.plan) return;
  route.gradual = look(route, route.plan, firings);
  if (route.gradual.waitsFor.length === 0) step(route);
}

/** A scheduled step is taken when its time has come, and nothing keeps it. */
function keepTime(route: ServiceRoute, firings: readonly Firing[], { clock, scheduled }: TriggerWatchOptions): void {
  const next = nextScheduled(route.target.decision);
  route.schedule = null;
  if (!next) return;
  const { waitsFor } = look(route, planOf(next), firings);
  const rises = next.percent > route.targetPercent;
  const all = [...(isDue(next, clock.now()) ? [] : [`its time, ${next.at ?? ''}`]), ...(rises && route.coolingMs > 0 ? ['the end of the cool-down'] : []), ...waitsFor];
  route.schedule = { next, more: route.target.decision.schedule.length - 1, waitsFor: all };
  if (all.length === 0) scheduled(route);
}

/** What stands between the present step and the next. */
function look(route: ServiceRoute, plan: GradualPlan, firings: readonly Firing[]): GradualStatus {
  const { shifter, version, signals } = route;
  const { progress } = shifter;
  const known: Partial<Record<TriggerRule['metric'], unknown>> = {
    sync_lag: signals.syncLagMs, validator_drift: signals.validatorDrift, cpu: signals.cpu?.service, memory: signals.memory?.service,
  };
  return route.walk.look(
    { version, percent: route.targetPercent, plan },
    {
      moved: progress.version === version && progress.state === 'done',
      healthy: route.isHealthy('service'),
      holding: firings.map(({ why }) => why),
      unknown: [...new Set(route.triggers.rules.map(({ metric }) => metric))].filter((metric) => metric in known && known[metric] === undefined),
    },
  );
}

/** Who has been told what. */
class Told {
  readonly #options: TriggerWatchOptions;
  readonly #holding = new Set<TriggerRule>();
  readonly #toldAt = new Map<TriggerRule, number>();

  constructor(options: TriggerWatchOptions) {
    this.#options = options;
  }

  look(route: ServiceRoute, firings: readonly Firing[]): void {
    const { logger, metrics, clock, coolDownMs } = this.#options;
    for (const rule of route.triggers.rules) {
      if (!firings.some((firing) => firing.rule === rule)) this.#over(route, rule);
    }
    for (const firing of firings) {
      const { rule, why } = firing;
      if ((rule.action ?? 'automatic_rollback') === 'automatic_rollback' || this.#holding.has(rule)) continue;
      const last = this.#toldAt.get(rule);
      if (last !== undefined && clock.monotonic() - last < coolDownMs) continue;
      logger.warn('a trigger fired', { service: route.service, metric: rule.metric, action: rule.action, why });
      metrics.count('banyan_route_alerts_total', { service: route.service, metric: rule.metric });
      this.#holding.add(rule);
      this.#toldAt.set(rule, clock.monotonic());
      this.tell(route, firing, route.targetPercent);
    }
  }

  /** The route serves nobody any more: nothing holds. */
  ended(route: ServiceRoute): void {
    if (this.#holding.size > 0) for (const rule of route.triggers.rules) this.#over(route, rule);
  }

  tell(route: ServiceRoute, { rule, why }: Firing, percent: number, event: 'triggered' | 'resolved' = 'triggered'): void {
    const { notifier, clock } = this.#options;
    const { metric, action = 'automatic_rollback' } = rule;
    notifier?.tell({
      event, service: route.service, metric, action, why, percent,
      dedupKey: `banyan/route/${route.service}/${action}/${metric}`.slice(0, 255),
      at: new Date(clock.now()).toISOString(),
    });
  }

  #over(route: ServiceRoute, rule: TriggerRule): void {
    if (!this.#holding.delete(rule)) return;
    this.tell(route, { rule, why: `${rule.metric} is as it should be again` }, route.targetPercent, 'resolved');
  }
}
