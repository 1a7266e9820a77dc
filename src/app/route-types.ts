import type { EvidenceStatus } from '../route/evidence-status.ts';
import type { GradualStatus } from '../route/gradual.ts';
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
  /** Of a running router: the gradual shift under way. */
  readonly gradual?: GradualStatus | null;
  /** Of a running router: how far the sequential triggers are. */
  readonly evidence?: readonly EvidenceStatus[];
  readonly lastRollback?: { readonly why: string; readonly at: string } | null;
}

export interface RouteResult {
  readonly routes: readonly RouteState[];
}
