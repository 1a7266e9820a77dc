import type { NamedRow } from '../../model/conflict.ts';
import type { TableName } from '../../model/names.ts';
import type { Side } from '../../model/side.ts';
import type { DifferenceType, RepairKind } from '../../ports/reconcile-store.ts';
import type { ColumnDrift } from '../report.ts';
import type { ReconcilePolicy } from './policy.ts';

/** What was found and done in one table; in a dry run, what would be done. */
export interface ReconciledTableReport {
  readonly table: TableName;
  readonly policy: ReconcilePolicy;
  /** Differences, by kind. */
  readonly missing: number;
  readonly extra: number;
  readonly different: number;
  /** Rows of either side that were written. */
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
  /** Left for the next round: a row has changed since, or was locked. */
  readonly left: number;
  /** Waiting for a person, and those that a person has rejected. */
  readonly queued: number;
  readonly rejected: number;
  /** Written whenever they were looked at. */
  readonly unsettled: number;
  readonly drift?: readonly ColumnDrift[];
  readonly absentOn?: 'source' | 'target';
}

/** A repair that would be done. */
export interface PlannedRepair {
  readonly table: TableName;
  readonly side: Side;
  readonly kind: RepairKind;
  readonly key: NamedRow;
  readonly before: readonly NamedRow[];
  readonly after: readonly NamedRow[];
}

/** A difference that would wait for a person. */
export interface PlannedCase {
  readonly table: TableName;
  readonly type: DifferenceType;
  readonly key: NamedRow;
  readonly why: string;
}

export interface ReconcileReport {
  /** Whether both sides are equal now: nothing was found, or all of it was repaired. In a dry run: nothing was found. */
  readonly consistent: boolean;
  readonly dryRun: boolean;
  /** What `undo` takes; absent where nothing was written. */
  readonly run?: string;
  readonly seconds: number;
  readonly tables: readonly ReconciledTableReport[];
  /** Of a dry run: the first of what would be done, and of what would be queued. `tables` counts all. */
  readonly repairs?: readonly PlannedRepair[];
  readonly cases?: readonly PlannedCase[];
}

export interface UndoReport {
  /** The undoing run; absent in a dry run. */
  readonly run?: string;
  readonly of: string;
  readonly dryRun: boolean;
  /** Rows that hold again what they held before; in a dry run, those that would if nobody has written them since. */
  readonly undone: number;
  /** Rows that somebody has written since: they stay. */
  readonly left: number;
  /** Rows that the database does not take back. */
  readonly refused: number;
}

/** Counts as they grow. */
export type Tally = { -readonly [K in keyof ReconciledTableReport]: ReconciledTableReport[K] };

export const emptyTally = (table: TableName, policy: ReconcilePolicy): Tally => ({
  table, policy, missing: 0, extra: 0, different: 0, inserted: 0, updated: 0, deleted: 0, left: 0, queued: 0, rejected: 0, unsettled: 0,
});

export const WRITTEN = { insert: 'inserted', update: 'updated', delete: 'deleted' } as const;
