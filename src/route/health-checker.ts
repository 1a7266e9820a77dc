import type { Side } from '../model/side.ts';
import type { ServiceRoute } from './service-route.ts';

/** Tells whether a service's sides can be trusted with requests. */
export class HealthChecker {
  readonly #route: (service: string) => ServiceRoute;

  constructor(route: (service: string) => ServiceRoute) {
    this.#route = route;
  }

  /**
   * Whether the side (default: the service's own) is well: its circuit breaker is closed, and its
   * active check, if one is configured, succeeds now or did when it was last in doubt.
   * @throws BANYAN_ROUTE_UNKNOWN
   */
  async isHealthy(service: string, side: Side = 'service'): Promise<boolean> {
    const route = this.#route(service);
    const probe = route.probes[side];
    // A fresh answer: whoever asks is about to decide something.
    if (probe) await probe.check();
    return route.isHealthy(side) && (probe?.reason ?? '') === '';
  }
}
