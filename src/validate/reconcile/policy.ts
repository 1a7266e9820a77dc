import type { NamedRow } from '../../model/conflict.ts';
import type { TableName } from '../../model/names.ts';

/**
 * Which row counts where the two sides differ: one side's; the one that was written last; what the conflict strategy
 * of `sync` makes of both; or none, and a person decides.
 */
export type ReconcilePolicy = 'monolith-wins' | 'service-wins' | 'newest-wins' | 'conflict-strategy' | 'review';

export interface TablePolicy {
  readonly policy: ReconcilePolicy;
  /**
   * Of `newest-wins`: the monolith's column that tells which row is newer. Default: when the rows were committed, which
   * both servers have to track (`track_commit_timestamp`).
   */
  readonly column?: string;
}

/** One side's row, as a conflict strategy is asked about it. */
export interface Contender {
  /** By the monolith's columns; null: there is none. */
  readonly row: NamedRow | null;
  /** Microseconds since 1970, by the side's own clock; absent: not known. */
  readonly committedAt?: bigint;
}

/** What a strategy decides. */
export interface StrategyVerdict {
  /** A side, or the row that both shall hold, by the monolith's columns. */
  readonly winner: 'monolith' | 'service' | NamedRow;
}

/** Asks the conflict strategy of a table; a text: why it can't decide. */
export type AskStrategy = (table: TableName, key: NamedRow, rows: { readonly monolith: Contender; readonly service: Contender }) => Promise<StrategyVerdict | string>;
