import type { Side } from '../model/side.ts';
import type { Passage } from './breaker.ts';
import type { ServiceRoute } from './service-route.ts';
import type { Timing } from './side-stats.ts';

/** What one request tells of the side that it is sent to: to its breaker, and to its statistics. */
export class Verdict {
  readonly #route: ServiceRoute;
  #side: Side = 'monolith';
  #passage: Passage = 'pass';
  #timing: Timing | null = null;

  constructor(route: ServiceRoute) {
    this.#route = route;
  }

  /** Whether the service takes the request. */
  enterService(repeatable: boolean): boolean {
    this.#passage = this.#route.enterService(repeatable);
    if (this.#passage !== 'refused') return true;
    this.#route.stats.service.refuse();
    return false;
  }

  /** It is sent. @param compared see {@link SideStats.start}. */
  sent(side: Side, compared: boolean): void {
    this.#side = side;
    this.#timing = this.#route.stats[side].start(compared);
  }

  /** The try has told something about its side; what is told of it later counts no more. */
  judge(failed: boolean): void {
    if (!this.#timing) return;
    this.#route.stats[this.#side].finish(this.#timing, failed);
    this.#timing = null;
    const breaker = this.#route.breakers[this.#side];
    if (failed) breaker.failed(this.#passage);
    else breaker.succeeded(this.#passage);
    this.#passage = 'pass';
  }

  /** The try ended, or was never begun, without telling anything about its side. */
  nothing(): void {
    if (this.#timing) this.#route.stats[this.#side].cancel(this.#timing);
    this.#timing = null;
    this.#route.breakers.service.cancelled(this.#passage);
    this.#passage = 'pass';
  }
}
