import type { Clock } from '../core/clock.ts';
import { messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { Metrics } from '../core/metrics.ts';
import type { Fence } from '../ports/fence.ts';
import type { BucketFlow, Goal } from './bucket-flow.ts';
import { BUCKETS } from './decide.ts';
import { meet, type Assignment } from './decision/assignment.ts';
import { moveBuckets } from './move.ts';

export interface ApproachOptions {
  readonly flow: BucketFlow;
  readonly service: string;
  readonly fence: Fence | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Longest time, in milliseconds, that a request of a moving user is held. */
  readonly boundMs: number;
  /** Most requests held at once. */
  readonly maxHeld: number;
  /** Serves from the service only whom both serve there. Default {@link meet}. */
  readonly meet?: (now: Assignment, goal: Assignment) => Assignment;
}

/** Brings the users whose requests this router sees to where a goal has them. */
export class Approach {
  readonly #options: ApproachOptions;
  /** Most buckets at once. */
  #chunk = BUCKETS;

  constructor(options: ApproachOptions) {
    this.#options = options;
  }

  /** For another goal: with everybody at once. */
  begin(): void {
    this.#chunk = BUCKETS;
  }

  /**
   * One attempt; empty when everybody is where the goal has him, else why not. `permission` is awaited before
   * anybody is held.
   */
  async run(goal: Goal, { signal, permission }: { readonly signal: AbortSignal; readonly permission?: Promise<string> }): Promise<string> {
    const { flow, logger, service, metrics, fence, clock, boundMs, maxHeld } = this.#options;
    try {
      // Homecoming first: a service that is left in distress should be left at once.
      for (const to of ['monolith', 'service'] as const) {
        for (;;) {
          const buckets = flow.misplaced(goal, to);
          if (buckets.length === 0) break;
          const started = clock.monotonic();
          const chunk = buckets.slice(0, this.#chunk);
          const next = to === 'service' ? goalOf(goal) : this.#between(goal);
          const result = await moveBuckets({ flow, service, buckets: chunk, next, to, fence, clock, boundMs, maxHeld, permission, signal });
          metrics.observe('banyan_route_move_seconds', (clock.monotonic() - started) / 1000, { service });
          metrics.gauge('traffic_split_percentage', flow.percent, { service, version: 'service' });
          metrics.gauge('traffic_split_percentage', 100 - flow.percent, { service, version: 'monolith' });
          if (result.left === 0) continue;
          // Fewer users at once, so fewer who wait at once.
          if (result.overflowed && this.#chunk > 1) {
            this.#chunk = Math.max(1, Math.floor(Math.min(this.#chunk, chunk.length) / 2));
            continue;
          }
          return result.reason;
        }
      }
      flow.adopt(goal);
      return '';
    } catch (error) {
      logger.error('a move of users failed', { service, reason: messageOf(error) });
      return messageOf(error);
    }
  }

  /** What the buckets go by after the way home: nobody leaves for the service yet. */
  #between(goal: Goal): (bucket: number) => Assignment {
    const { flow, meet: met = meet } = this.#options;
    const known = new Map<Assignment, Map<Assignment, Assignment>>();
    return (bucket) => {
      const [now, aim] = [flow.assignment(bucket), goalOf(goal)(bucket)];
      let ofNow = known.get(now);
      if (!ofNow) known.set(now, (ofNow = new Map<Assignment, Assignment>()));
      let next = ofNow.get(aim);
      if (!next) ofNow.set(aim, (next = met(now, aim)));
      return next;
    };
  }
}

const goalOf = (goal: Goal): ((bucket: number) => Assignment) => (typeof goal === 'function' ? goal : () => goal);
