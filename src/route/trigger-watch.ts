import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { Metrics } from '../core/metrics.ts';
import type { ServiceRoute } from './service-route.ts';
import type { Firing, TriggerRule } from './triggers.ts';

/**
 * Judges every route that serves users from its service, again and again until the signal is aborted.
 * A rule that only alerts is told once, until it has stopped to hold.
 */
export async function watchTriggers(options: {
  /** Read anew each time: routes may be added. */
  readonly routes: readonly ServiceRoute[];
  readonly everyMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly rollBack: (route: ServiceRoute, firing: Firing) => void;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { routes, everyMs, clock, logger, metrics, rollBack, signal } = options;
  const told = new Set<TriggerRule>();
  while (!signal.aborted) {
    for (const route of routes) {
      if (!route.target.servesAnyone) continue;
      const firings = route.triggers.evaluate({
        stats: route.stats,
        breaker: route.breakers.service,
        healthy: route.probes.service?.healthy ?? true,
      });
      for (const rule of route.triggers.rules) {
        if (!firings.some((firing) => firing.rule === rule)) told.delete(rule);
      }
      const alarm = firings.find(({ rule }) => rule.action !== 'alert_team');
      if (alarm) rollBack(route, alarm);
      for (const { rule, why } of firings) {
        if (rule === alarm?.rule || told.has(rule)) continue;
        told.add(rule);
        logger.warn('a trigger fired', { service: route.service, metric: rule.metric, why });
        metrics.count('banyan_route_alerts_total', { service: route.service, metric: rule.metric });
      }
    }
    await clock.sleep(everyMs, signal).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  }
}
