import type { CaseCount, DifferenceType, ReconcileRun, RepairKind, ReviewState, Severity, StoredCase, StoredRepair } from '../ports/reconcile-store.ts';
import type { ReconcilePolicy } from '../validate/reconcile/policy.ts';
import type { ReconciledTableReport, UndoReport } from '../validate/reconcile/report.ts';

/*
 * What the commands `reconcile` and `review` ask and print; part of `Application`. Rows are lists: none, one, or, in
 * a table without a key, as many as are equal.
 */

type RowValues = Readonly<Record<string, string | null>>;

/** Two databases by URL instead of a configured service: both or none. */
export interface PairOptions {
  readonly source?: string;
  readonly target?: string;
  /** Where the record of such a pair is kept. Absent: in the source. */
  readonly state?: string;
}

export interface ReconcileOptions extends PairOptions {
  /** Names as the user wrote them. Absent: all. */
  readonly tables?: readonly string[];
  /** For every table, whatever is configured. Absent: as configured, else `review`. */
  readonly policy?: ReconcilePolicy;
  /** Tables of which rows may be deleted, beside those that are configured. */
  readonly allowDeletes?: readonly string[];
  readonly dryRun: boolean;
}

export interface ReconcileResult {
  /** Whether both sides are equal now; in a dry run: whether they were. */
  readonly consistent: boolean;
  readonly dryRun: boolean;
  readonly seconds: number;
  /** One for each service; empty in a dry run, and where nobody agreed. */
  readonly runs: readonly { readonly scope: string; readonly run: string }[];
  readonly tables: readonly (ReconciledTableReport & { readonly scope: string })[];
  /** Of a dry run: the first of what would be done, and of what would be queued. */
  readonly repairs?: readonly { readonly table: string; readonly side: 'monolith' | 'service'; readonly kind: RepairKind; readonly key: RowValues; readonly before: readonly RowValues[]; readonly after: readonly RowValues[] }[];
  readonly cases?: readonly { readonly table: string; readonly type: DifferenceType; readonly key: RowValues; readonly why: string }[];
}

export type ReconcileRunResult = ReconcileRun;

export interface ReconcileListResult {
  readonly runs: readonly ReconcileRunResult[];
}

export interface ReconcileShowOptions extends PairOptions {
  readonly run: string;
  /** Repairs shown at most. */
  readonly limit: number;
  /** Only behind the repair of this number. */
  readonly after?: string;
}

/** Rows whole, as the written side had them. */
export type RepairRecord = Pick<StoredRepair, 'id' | 'at' | 'table' | 'side' | 'kind' | 'state' | 'reason' | 'before' | 'after'>;

export interface ReconcileShowResult {
  readonly run: ReconcileRunResult;
  readonly repairs: readonly RepairRecord[];
  /** There are more: what `after` has to be for the next ones. */
  readonly next?: string;
}

export interface ReconcileUndoOptions extends PairOptions {
  readonly run: string;
  readonly by?: string;
  readonly reason?: string;
  readonly dryRun: boolean;
}

/** Its `run` is absent also where nobody agreed. */
export type ReconcileUndoResult = UndoReport;

export interface ReviewListOptions extends PairOptions {
  readonly table?: string;
  readonly type?: DifferenceType;
  readonly severity?: Severity;
  /** Absent: open. */
  readonly caseState?: ReviewState | 'all';
  readonly olderThanSeconds?: number;
  readonly limit: number;
}

/** Without what only the machine needs to find the row again. */
export type ReviewCaseResult = Omit<StoredCase, 'identity'>;

export interface ReviewListResult {
  readonly cases: readonly ReviewCaseResult[];
  /** All that the filter lets through. */
  readonly counts: readonly CaseCount[];
}

export interface ReviewIdOptions extends PairOptions {
  readonly id: string;
}

export interface ReviewDecideOptions extends ReviewIdOptions {
  /** Absent: who runs the command. */
  readonly by?: string;
  readonly reason?: string;
}

export interface ReviewApproveOptions extends ReviewDecideOptions {
  /** Exactly one of both. */
  readonly side?: 'monolith' | 'service';
  readonly row?: RowValues;
}

export interface ReviewApproveResult {
  readonly id: string;
  readonly applied: boolean;
  readonly run?: string;
  readonly reason?: string;
}

export interface ReconcileApplication {
  reconcile(options: ReconcileOptions): Promise<ReconcileResult>;
  reconcileList(options: PairOptions & { readonly limit: number }): Promise<ReconcileListResult>;
  reconcileShow(options: ReconcileShowOptions): Promise<ReconcileShowResult>;
  reconcileUndo(options: ReconcileUndoOptions): Promise<ReconcileUndoResult>;
  reviewList(options: ReviewListOptions): Promise<ReviewListResult>;
  reviewShow(options: ReviewIdOptions): Promise<ReviewCaseResult>;
  reviewApprove(options: ReviewApproveOptions): Promise<ReviewApproveResult>;
  reviewReject(options: ReviewDecideOptions): Promise<ReviewCaseResult>;
}
