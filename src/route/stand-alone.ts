import type { Clock } from '../core/clock.ts';
import { messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { RouteBaseline, RouteStore } from '../ports/route-store.ts';
import type { ServiceRoute } from './service-route.ts';

/** Seven days. */
export const BASELINE_LASTS_MS = 604_800_000;
/** Fewer requests say too little to be remembered in place of others. */
const WORTH_KEEPING = 1000;

/** What the monolith did before nobody was left on it. */
export interface BaselineStatus {
  readonly requests: number;
  /** Of these, the failed: 0 to 1. */
  readonly share: number;
  readonly at: string;
}

/**
 * Everybody is on the service: from now on rules about failures go by what the monolith did while it was compared, as
 * it is remembered by all routers, or else by this one.
 */
export async function standAlone(route: ServiceRoute, options: { readonly store: RouteStore | undefined; readonly clock: Clock; readonly logger: Logger }): Promise<void> {
  const { service, triggers } = route;
  const { store, clock, logger } = options;
  if (route.baselineMs === 0) return;
  const { n, k, worst } = triggers.compared;
  let baseline: RouteBaseline | undefined = n === 0 ? undefined : { requests: n, failed: k, worst, ageMs: 0 };
  try {
    if (baseline && n >= WORTH_KEEPING) await store?.baselines?.remember(service, baseline);
    const stored = await store?.baselines?.read(service);
    if (stored && stored.ageMs <= route.baselineMs && stored.requests > n) baseline = stored;
  } catch (error) {
    logger.warn('what the monolith did could not be remembered for other routers', { service, reason: messageOf(error) });
  }
  // Somebody may have decided otherwise meanwhile.
  if (!baseline || route.targetPercent !== 100) return;
  triggers.standAlone({ n: baseline.requests, k: baseline.failed, worst: baseline.worst });
  const { requests, failed, ageMs } = baseline;
  route.baseline = { requests, share: Number((failed / requests).toPrecision(4)), at: new Date(clock.now() - ageMs).toISOString() };
}
