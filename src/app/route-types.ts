import type { DecisionSummary } from '../route/decision/summary.ts';
import type { ScheduleStatus } from '../route/decision/schedule.ts';
import type { EvidenceStatus } from '../route/evidence-status.ts';
import type { BaselineStatus } from '../route/stand-alone.ts';
import type { GradualStatus } from '../route/gradual.ts';
import type { SideStatus } from '../route/service-route.ts';
import type { PlaneShare } from '../ports/data-plane.ts';
import type { Side } from '../model/side.ts';
import type { ServiceOptions } from './application.ts';

export interface RouteSetOptions extends ServiceOptions {
  /** From 0 to 100. */
  readonly percent: number;
  /** Absent: at once. */
  readonly gradual?: { readonly stepPercent: number; readonly everySeconds: number };
  /** The routers go there by themselves, each step after its evidence; the command returns with the first. */
  readonly plan?: GradualPlanOptions;
}

export interface GradualPlanOptions {
  /** Default 5. */
  readonly stepPercent?: number;
  /** The least time of a step. Default 300. */
  readonly everySeconds?: number;
  /** A step without its evidence is overdue then. Default: ten times `everySeconds`, at least a minute. */
  readonly maxSeconds?: number;
  /** What an overdue step does. Default `wait`. */
  readonly overdue?: 'wait' | 'continue';
}

export interface RouteRollbackOptions extends ServiceOptions {
  /** Whose decision is made again. Absent: everybody back to the monolith. */
  readonly toVersion?: number;
  /** For the record. Default: that it was this command. */
  readonly why?: string;
}

export interface RouteHistoryOptions extends ServiceOptions {
  readonly limit: number;
}

export interface RouteHistoryResult {
  readonly service: string;
  /** Newest first. */
  readonly versions: readonly {
    readonly version: number;
    readonly percent: number;
    readonly by: string;
    readonly why: string;
    /** RFC 3339. */
    readonly at: string;
  }[];
}

export interface RouteState {
  readonly service: string;
  readonly percent: number;
  /** Counts every change of the route. */
  readonly version: number;
  readonly health: string;
  readonly breaker: string;
  readonly shadow: Readonly<Record<string, unknown>>;
  /** Of a running router: what was asked for last; `percent` is what is so by now. */
  readonly targetPercent?: number;
  /** What was decided besides the percentage, in short. */
  readonly decision?: DecisionSummary;
  /** Of `route status`: the audit of the latest version; absent: nothing was decided yet. */
  readonly decided?: { readonly by: string; readonly why: string; readonly at: string };
  /** Of a running router: the next step of the schedule, and what it waits for. */
  readonly schedule?: ScheduleStatus | null;
  /** Of a running router: how far it is with the users of the version. */
  readonly move?: { readonly version: number; readonly state: 'moving' | 'done' | 'postponed'; readonly reason: string; readonly heldRequests: number };
  /** Of a running router: what both sides did of late. */
  readonly sides?: Readonly<Record<Side, SideStatus>>;
  /** Of a running router: until then it raises nothing by itself. */
  readonly coolingUntil?: string | null;
  /** Of a running router: the gradual shift under way. */
  readonly gradual?: GradualStatus | null;
  /** Of a running router: how far the sequential triggers are. */
  readonly evidence?: readonly EvidenceStatus[];
  /** Of a running router: what the monolith did, if rules about failures go by it at 100 %. */
  readonly baseline?: BaselineStatus | null;
  readonly lastRollback?: { readonly why: string; readonly at: string } | null;
}

export interface RouteResult {
  readonly routes: readonly RouteState[];
}

/** A router that the shared state has heard of. */
export interface RouterState {
  /** Its instance id. */
  readonly router: string;
  /** False: it has been silent for so long that nobody waits for it: stopped by force, or cut off. */
  readonly alive: boolean;
  /** RFC 3339: when it was heard of last. */
  readonly seenAt: string;
  readonly routes: readonly {
    readonly service: string;
    readonly version: number;
    readonly state: 'moving' | 'done' | 'postponed';
    readonly percent: number;
    /** Why it was put off; else empty. */
    readonly reason: string;
  }[];
}

/** A proxy of `route.planes`, asked for its shares. */
export interface PlaneState {
  readonly name: string;
  readonly shares: readonly PlaneShare[];
  /** Why it can not be asked; else empty. */
  readonly problem: string;
}

/** `banyan route status` */
export interface RouteStatusResult extends RouteResult {
  /** Those of the last hour. */
  readonly routers: readonly RouterState[];
  readonly planes: readonly PlaneState[];
  /** The router of this configuration that was asked; null: none runs here. */
  readonly asked: { readonly router: string; readonly cutOffSince: string | null; readonly reason: string } | null;
  /** Whether this command reached the shared state. */
  readonly store: { readonly reachable: boolean; readonly reason: string };
}
