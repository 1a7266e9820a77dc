import type { SurveyedTable } from '../../model/survey.ts';
import type { Estimate } from './range.ts';

export interface MeasuredTable {
  readonly table: string;
  readonly rows: number;
  readonly rows_from: SurveyedTable['rowsFrom'];
  readonly table_bytes: number;
  readonly index_bytes: number;
  readonly total_bytes: number;
  /** Rows inserted, updated and deleted; absent: it could not be told. */
  readonly write_rate?: Estimate;
  /** To read all rows, and throw them away. */
  readonly read: Estimate;
  /** To have them in another database. */
  readonly copy: Estimate;
  readonly indexes: readonly { readonly index: string; readonly bytes: number; readonly build: Estimate }[];
}

/** Whether changes are carried over faster than they are made. */
export type Convergence = 'converges' | 'may not converge' | 'does not converge' | 'unknown';

/** What was found on a running server, and what it comes to. */
export interface MeasuredEstimate {
  readonly measured_at: string;
  readonly database: string;
  readonly server_version: string;
  readonly watched_seconds: number;
  readonly tables: readonly MeasuredTable[];
  readonly totals: {
    readonly rows: number;
    readonly bytes: number;
    readonly copy: Estimate;
    readonly index_build: Estimate;
    readonly write_rate?: Estimate;
    readonly apply_rate: Estimate;
    readonly catch_up?: Estimate;
    readonly convergence: Convergence;
    /** Of the whole server. */
    readonly wal_growth?: Estimate;
    /** What a slot holds back until it has caught up. */
    readonly slot_wal?: Estimate;
  };
  readonly not_measured: readonly { readonly what: string; readonly why: string }[];
}
