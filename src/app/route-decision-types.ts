import type { RouteDecision } from '../model/route-decision.ts';
import type { DecisionChange } from '../route/decision/change.ts';
import type { ServiceOptions } from './application.ts';

/** What `banyan route set` changes beside, or instead of, the percentage; what is not named stays. */
export interface RouteChangeOptions extends ServiceOptions, Omit<DecisionChange, 'rules' | 'schedule'> {
  /** Lists, rules and variants as the configuration has them. */
  readonly configured?: boolean;
  /** Begins the schedule of the configuration. */
  readonly scheduled?: boolean;
  readonly why?: string;
}

/** The latest decision about one service's route, whole. */
export interface RouteShowResult {
  readonly service: string;
  readonly percent: number;
  /** 0: nothing was decided yet, the route begins with its configuration. */
  readonly version: number;
  readonly by: string;
  readonly why: string;
  /** RFC 3339; empty at version 0. */
  readonly at: string;
  readonly decision: RouteDecision;
}
