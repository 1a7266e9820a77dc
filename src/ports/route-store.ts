import type { CommonMove } from '../model/common-move.ts';
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
  /** Where routers that move users together are, for every service: told as `onStates` is, and after it. */
  readonly onMoves?: (views: readonly MoveView[]) => void;
}

/** What a monolith did while a service was compared with it. */
export interface RouteBaseline {
  readonly requests: number;
  readonly failed: number;
  /** The share of failed requests in its worst half minute, 0 to 1. */
  readonly worst: number;
  /** How long ago it was remembered, by the store's clock. */
  readonly ageMs: number;
}

/** Where routers keep what they compared a service with, for the time when nobody is left to compare with. */
export interface RouteBaselines {
  /** Remembers it in place of an older one; one of the last hour with more requests stays. */
  remember(service: string, seen: Omit<RouteBaseline, 'ageMs'>): Promise<void>;
  read(service: string): Promise<RouteBaseline | undefined>;
}

/** How far one member is with an attempt: it holds all of its users. */
export interface MoveReport {
  /** The router's instance id. */
  readonly router: string;
  /** The same for this life of the router only. */
  readonly member: string;
  readonly service: string;
  readonly attempt: number;
  /** Ranges of the buckets that still have requests under way. */
  readonly busy: string;
}

/** What the store knows of one service's common move. */
export interface MoveView {
  readonly service: string;
  /** Counts up with every change of `move`; 0: there is none yet. */
  readonly sequence: number;
  readonly move: CommonMove;
  readonly reports: readonly MoveReport[];
  /** The decisions that `move` names. */
  readonly decisions: readonly Pick<RouteState, 'version' | 'percent' | 'decision'>[];
  /** Instance ids of the routers alive. */
  readonly live: readonly string[];
}

export interface MoveChange {
  readonly service: string;
  readonly expected: number;
  readonly move: CommonMove;
  /** Instance ids of routers that are taken to be gone. */
  readonly without?: readonly string[];
}

/** Where routers agree on the moment at which users change sides. */
export interface RouteMoves {
  /** Every service's common move. */
  read(): Promise<readonly MoveView[]>;
  /**
   * Replaces a service's document if its sequence still is `expected` (0: if there is none) and none of the routers
   * `without` which it is made is alive, and tells the watchers. False: it is otherwise, and nothing was changed.
   */
  write(change: MoveChange): Promise<boolean>;
  /** Replaces what a router said before about the service, and tells the watchers. */
  report(report: MoveReport): Promise<void>;
}

/**
 * Where several routers and the command line share what was decided. A router that can't reach it
 * keeps its last decision and says so.
 */
export interface RouteStore {
  /** Lets routers move users together. Absent: each moves those whose requests it sees. */
  readonly moves?: RouteMoves;
  /** Absent: a router remembers what it saw itself, until it ends. */
  readonly baselines?: RouteBaselines;
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
