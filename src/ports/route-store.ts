import type { RouteDecision } from '../model/route-decision.ts';

/** What an operator (or a trigger) decided for one service: one row per version, never changed. */
export interface RouteState {
  readonly service: string;
  /** Counts up by one with every decision for this service, from 1. */
  readonly version: number;
  /** 0 to 100, in steps of a hundredth. */
  readonly percent: number;
  /** What was decided besides the percentage. */
  readonly decision: RouteDecision;
  /** Who decided: a person, or `banyan` for an automatic rollback. */
  readonly by: string;
  readonly why: string;
  /** When, as the store's database writes it (ISO, with zone). */
  readonly at: string;
}

export interface RouteChange {
  readonly service: string;
  readonly percent: number;
  /** Default: the latest one's, without its pin and the steps still to come. */
  readonly decision?: RouteDecision;
  readonly by: string;
  readonly why: string;
  /** The version the decision was based on. Default: whatever is the latest. */
  readonly expectedVersion?: number;
}

/** How far one router is with one service. */
export interface RouteAcknowledgement {
  /** The router's instance id. */
  readonly router: string;
  readonly service: string;
  /** The version it is working on or has finished. */
  readonly version: number;
  /** `postponed`: it tries again by itself. */
  readonly state: 'moving' | 'done' | 'postponed';
  /** The percentage of buckets that this router serves from the service right now. */
  readonly percent: number;
  /** Why it was put off; empty otherwise. */
  readonly reason: string;
  readonly at: string;
}

/** What a router reports; the store adds the time. */
export type RouteReport = Omit<RouteAcknowledgement, 'at'>;

export interface RouteWatcher {
  /** Every service's latest state: once at the start, then whenever something may have changed. */
  readonly onStates: (states: readonly RouteState[]) => void;
  /** Whether the store can be reached; told on every change of that, first with the first answer. */
  readonly onReachable: (reachable: boolean, reason: string) => void;
}

/**
 * Where several routers and the command line share what was decided. A router that can't reach it
 * keeps its last decision and says so.
 */
export interface RouteStore {
  /** Creates what the store needs; does nothing where it exists. */
  install(): Promise<void>;
  /** The latest state of every service that ever had one. */
  load(): Promise<readonly RouteState[]>;
  /**
   * Adds a version.
   * @throws BANYAN_ROUTE_CONFLICT if `expectedVersion` is not the latest.
   */
  save(change: RouteChange): Promise<RouteState>;
  /** The latest `limit` versions of a service, newest first: the audit of who changed what, and why. */
  history(service: string, limit: number): Promise<readonly RouteState[]>;
  /** Watches until the signal is aborted, then resolves. Survives lost connections. */
  watch(watcher: RouteWatcher, signal: AbortSignal): Promise<void>;
  /** Says how far a router is, and that it lives. */
  acknowledge(report: RouteReport): Promise<void>;
  /** Says that a router lives. It counts as alive for some seconds after. */
  heartbeat(router: string): Promise<void>;
  /** Says that a router has stopped on purpose. */
  forget(router: string): Promise<void>;
  /** Instance ids of the routers alive now. */
  liveRouters(): Promise<readonly string[]>;
  /** The latest report of each live router for a service. */
  acknowledgements(service: string): Promise<readonly RouteAcknowledgement[]>;
}
