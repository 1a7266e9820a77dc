import type { FlagStage } from '../model/route-decision.ts';
import type { Stage } from '../model/stage.ts';

/** What a gate found. */
export interface GateResult {
  readonly name: string;
  readonly passed: boolean;
  /** What was looked at, for people and for the record. */
  readonly evidence: string;
}

export interface StageChange {
  readonly service: string;
  readonly from: Stage;
  readonly to: Stage;
  readonly gates: readonly GateResult[];
  /** `migrate` or `rollback`. */
  readonly why: string;
}

export interface RecordedChange extends StageChange {
  /** RFC 3339. */
  readonly at: string;
}

/** Keeps where each service is, and how it got there. Nothing is ever changed, only added. */
export interface MigrationStore {
  install(): Promise<void>;
  /** Oldest first. */
  history(service: string): Promise<readonly RecordedChange[]>;
  /**
   * Adds a change.
   * @throws BANYAN_MIGRATE_CONFLICT if the service is no longer at `from`.
   */
  record(change: StageChange): Promise<void>;
}

/** What the journey asks of the rest of Banyan. Questions change nothing; deeds can be repeated. */
export interface MigrationSteps {
  prerequisites(): Promise<GateResult>;
  provision(): Promise<void>;
  /** Both streams run and are not behind. */
  following(): Promise<GateResult>;
  equal(): Promise<GateResult>;
  /** A router serves the route and finds the service healthy. */
  served(): Promise<GateResult>;
  /** Application code may go at least as far as this stage of the migration's flag. */
  flag(stage: FlagStage): Promise<void>;
  /** This share of the users is served by the service; application code may go at least as far as `flag`. */
  shift(percent: number, flag: FlagStage): Promise<void>;
  /** Everybody is served by the monolith, lists and rules notwithstanding; application code goes no further than `flag`. */
  bringHome(flag: FlagStage): Promise<void>;
}
