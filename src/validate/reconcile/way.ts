import type { Side } from '../../model/side.ts';
import type { RepairOutcome, StoredRepair } from '../../ports/reconcile-store.ts';
import type { ReconciledTable } from './reconciled-table.ts';

/** How repairs get into a database. */
export interface RepairWay {
  /** Carries out repairs of one table, side and kind, each on its own, as far as their rows are what they were. */
  apply(table: ReconciledTable, side: Side, repairs: readonly StoredRepair[]): Promise<readonly RepairOutcome[]>;
  /** Carries out updates that keep each other from being written, all or none; absent: this way can't. */
  applyTogether?(table: ReconciledTable, side: Side, repairs: readonly StoredRepair[]): Promise<readonly RepairOutcome[]>;
}
