import type { Clock } from '../core/clock.ts';
import type { RouteAcknowledgement, RouteStore } from '../ports/route-store.ts';

export interface RoutersAnswer {
  /** Whether every live router has finished the move or put it off. */
  readonly answered: boolean;
  /** Live routers' latest reports. */
  readonly reports: readonly RouteAcknowledgement[];
  /** Live routers that have not answered for this version. */
  readonly missing: readonly string[];
}

/**
 * For a command that changed a route: waits, at most `timeoutMs`, until every live router has acted on
 * `version` of `service` or a later one, its fence included, or reported that it put the move off.
 * With no live router it is answered at once: whoever starts later starts with the decision.
 */
export async function awaitRouters(options: {
  readonly store: RouteStore;
  readonly service: string;
  readonly version: number;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}): Promise<RoutersAnswer> {
  const { store, service, version, clock, timeoutMs, signal } = options;
  const deadline = clock.monotonic() + timeoutMs;
  for (;;) {
    const [routers, reports] = [await store.liveRouters(), await store.acknowledgements(service)];
    const missing = routers.filter(
      (router) =>
        !reports.some((report) => report.router === router && report.version >= version && report.state !== 'moving'),
    );
    if (missing.length === 0 || clock.monotonic() >= deadline) {
      return { answered: missing.length === 0, reports, missing };
    }
    await clock.sleep(20, signal);
  }
}
