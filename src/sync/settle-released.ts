import type { TargetTable } from '../ports/applier.ts';
import { sendAgain } from './decisions.ts';
import type { SettleContext } from './settle-context.ts';

/** A row of which a change has come out of quarantine and was applied. */
export interface ReleasedRow {
  readonly table: TargetTable;
  readonly key: readonly string[];
  readonly keyText: string;
}

/**
 * While a change was held, whatever the target's users wrote to its row counted as having seen it, and
 * prevailed at the source unasked; what stood at the source and what stood here may have parted since.
 * No position tells how, so the row is settled anew, from what the monolith has of it now: the monolith
 * says so by a decision, and the service asks for one.
 */
export async function settleReleased(rows: Iterable<ReleasedRow>, context: SettleContext): Promise<void> {
  const { authority, transaction } = context;
  if (authority === 'follows') return;
  for (const row of rows) {
    if (authority === 'defers') await transaction.request(row.table, row.key, { evenIfGone: true });
    // Each write to a row that was decided about ends in another decision, which says where the row is.
    else if (!context.decided.has(row.keyText)) await sendAgain(row, 'a change of it has come out of quarantine', context);
  }
}
