import type { TableName } from '../model/names.ts';
import type { PlaceRange, RowIdentity } from './checksummer.ts';

/** How far the comparison of one table is. What is done stays counted; what differed is looked at again. */
export interface TableProgress {
  /** Rows of each side in what is done. */
  readonly rows: { readonly source: number; readonly target: number };
  /** Of a table that is scanned range by range and is not done: its places, and the lowest that is not done. */
  readonly left?: { readonly within: PlaceRange; readonly next: bigint };
  /** Rows that differed, or could not be told from rows in flight. */
  readonly differing: readonly RowIdentity[];
  /** Differences beyond those: too many to be kept one by one. */
  readonly beyond: { readonly missing: number; readonly extra: number; readonly different: number; readonly unsettled: number };
}

/** Keeps how far a validation is, so that one that was cut off can go on. */
export interface ProgressStore {
  install(): Promise<void>;
  /** What a run left that did not come to its end. */
  load(run: string): Promise<ReadonlyMap<TableName, TableProgress>>;
  save(run: string, table: TableName, progress: TableProgress): Promise<void>;
  /** The run has ended, or begins anew. */
  forget(run: string): Promise<void>;
}
