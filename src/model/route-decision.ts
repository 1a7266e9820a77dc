import type { GradualPlan } from './gradual-plan.ts';
import type { Side } from './side.ts';

/**
 * How a route is steered. `percentage`: any share. `canary`: rising through steps. `blue-green`: nobody
 * or everybody. `variants`: several deployments of the service beside each other. `flag`: as an outside
 * feature flag says.
 */
export const STRATEGIES = ['percentage', 'canary', 'blue-green', 'variants', 'flag'] as const;
export type Strategy = (typeof STRATEGIES)[number];

/** How far application code may go with the new store; see route/decision/flag-stage.ts. */
export const FLAG_STAGES = ['off', 'dual-write', 'shadow', 'live', 'ramp-down', 'complete'] as const;
export type FlagStage = (typeof FLAG_STAGES)[number];

/**
 * What a request must be like; everything that is named must hold, and one entry of a list is enough.
 * Texts are compared whole; `*` in them stands for any text, also none.
 */
export interface Audience {
  /** Whoever `route.tenant` finds. */
  readonly tenant?: readonly string[];
  /** Wherever `route.region` finds. */
  readonly region?: readonly string[];
  /** `shop.example`, or `*.shop.example` for every name below it; without a port. */
  readonly hosts?: readonly string[];
  /** A path template as in a route's `match`. */
  readonly path?: string;
  readonly methods?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
}

/** Of those who fit, this share is the service's, by the same buckets as everybody else's. */
export interface AudienceRule {
  readonly when: Audience;
  /** 0: all stay with the monolith; 100: all are the service's. */
  readonly percent: number;
}

/** One of several deployments of a service. All work on the service's database. */
export interface RouteVariant {
  readonly name: string;
  /** Its share relative to the other variants'. */
  readonly weight: number;
  /** The buckets of the experiment's hash that are its: from the first up to, without, the second. */
  readonly ranges: readonly (readonly [number, number])[];
}

/** One step of a rollout that is still to be taken. */
export interface ScheduledStep {
  readonly percent: number;
  /** RFC 3339, in UTC: not before this moment. */
  readonly at?: string;
  /** Seconds since the step before was decided. */
  readonly afterSeconds?: number;
}

/** What was decided about a route besides its percentage. One value per version, never changed. */
export interface RouteDecision {
  readonly strategy: Strategy;
  /** Everybody is on this side, whatever else is said: a rollback. */
  readonly pinned: Side | null;
  /** Keys that are always the monolith's; they win over `allow`. */
  readonly deny: readonly string[];
  /** Keys that are always the service's. */
  readonly allow: readonly string[];
  /** The first that fits decides; who fits none goes by the percentage. */
  readonly rules: readonly AudienceRule[];
  /** Names the hash that shares users out between the variants. */
  readonly experiment: string;
  readonly variants: readonly RouteVariant[];
  readonly stage: FlagStage;
  /** Steps still to come, in their order. */
  readonly schedule: readonly ScheduledStep[];
  /** The gradual shift of which the percentage is one step; null: it is the last word. */
  readonly gradual: GradualPlan | null;
}

/** Nothing but the percentage. */
export const PLAIN_DECISION: RouteDecision = {
  strategy: 'percentage', pinned: null, deny: [], allow: [], rules: [], experiment: '', variants: [], stage: 'off', schedule: [], gradual: null,
};
