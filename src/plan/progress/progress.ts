import type { Stage } from '../../model/stage.ts';

/** Who a report is for. */
export const AUDIENCES = ['executive', 'technical', 'stakeholders'] as const;
export type Audience = (typeof AUDIENCES)[number];

/** What is known of a running migration at one moment, as its stores tell. */
export interface MigrationProgress {
  /** RFC 3339. */
  readonly at: string;
  readonly service: string;
  readonly stage: Stage;
  /** Oldest first. */
  readonly history: readonly PassedStage[];
  /** Whether what is written on the new side reaches the old one. */
  readonly bothWays: boolean;
  readonly toleranceMs: number;
  readonly streams: readonly StreamProgress[];
  /** Absent: no router is configured for it, or it could not be asked. */
  readonly route?: { readonly percent: number; readonly health: string; readonly breaker: string; readonly decided?: { readonly by: string; readonly why: string; readonly at: string } };
  /** The last comparison of each table that was recorded. */
  readonly compared: readonly TableProgress[];
  /** Times of conflicts, of both sides' writes to one row; newest first. */
  readonly conflicts: readonly string[];
  /** What could not be asked, and why. */
  readonly gaps: readonly { readonly what: string; readonly why: string }[];
}

export interface PassedStage {
  readonly at: string;
  readonly from: Stage;
  readonly to: Stage;
  /** `migrate` or `rollback`. */
  readonly why: string;
  readonly gates: readonly { readonly name: string; readonly passed: boolean; readonly evidence: string }[];
}

export interface StreamProgress {
  readonly direction: string;
  readonly state: string;
  readonly lagMs: number | null;
  readonly lagBytes: number | null;
  readonly behind: boolean;
  readonly transactions: number;
  readonly rows: number;
  readonly conflicts: number;
  readonly quarantined: number;
  readonly pausedTables: readonly string[];
}

export interface TableProgress {
  readonly table: string;
  readonly at: string;
  readonly level: string;
  readonly consistent: boolean;
  readonly rows: number;
  readonly differences: number;
}
