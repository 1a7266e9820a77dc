import type { NamedRow } from '../../model/conflict.ts';
import { otherSide, type Side } from '../../model/side.ts';
import type { RepairOutcome, StoredRepair } from '../../ports/reconcile-store.ts';
import type { RepairTransaction, RowRepairer, WriteOutcome } from '../../ports/row-repairer.ts';
import { selectionOf, type ReconciledTable } from './reconciled-table.ts';
import type { RepairWay } from './way.ts';

const CHANGED = 'the row has changed since';
const LOCKED = 'somebody else had it locked';

/**
 * Writes repairs straight into the database: for pairs that no stream connects. The rows on which a repair was decided
 * are locked on both sides and compared whole before it is written, and stay locked until it is committed.
 */
export class DirectWay implements RepairWay {
  readonly #repairers: Readonly<Record<Side, RowRepairer>>;

  constructor(repairers: Readonly<Record<Side, RowRepairer>>) {
    this.#repairers = repairers;
  }

  apply(table: ReconciledTable, side: Side, repairs: readonly StoredRepair[]): Promise<readonly RepairOutcome[]> {
    return this.#carryOut(table, { side, repairs, write: (transaction, changes) => transaction.write(selectionOf(table, side), changes) });
  }

  applyTogether(table: ReconciledTable, side: Side, repairs: readonly StoredRepair[]): Promise<readonly RepairOutcome[]> {
    return this.#carryOut(table, { side, repairs, write: (transaction, changes) => transaction.writeTogether(selectionOf(table, side), changes) });
  }

  async #carryOut(
    table: ReconciledTable,
    { side, repairs, write }: {
      readonly side: Side;
      readonly repairs: readonly StoredRepair[];
      readonly write: (transaction: RepairTransaction, changes: readonly StoredRepair[]) => Promise<readonly WriteOutcome[]>;
    },
  ): Promise<readonly RepairOutcome[]> {
    const outcomes = new Map<StoredRepair, RepairOutcome>();
    const there = await this.#repairers[otherSide(side)].begin();
    try {
      const here = await this.#repairers[side].begin();
      try {
        const checked = repairs.filter(({ other, alone }) => other !== undefined && alone !== true);
        const others = await there.lock(selectionOf(table, otherSide(side)), checked.map(({ identity }) => identity), 'share');
        const seen = new Map(checked.map((repair, i) => [repair, others[i] ?? []]));
        const locked = await here.lock(selectionOf(table, side), repairs.map(({ identity }) => identity), 'update');
        const free = repairs.filter((repair, i) => {
          const other = seen.get(repair);
          return isAsDecided(repair.before, locked[i] ?? []) && (other === undefined || isAsDecided(repair.other ?? [], other));
        });
        const written = free.length === 0 ? [] : await write(here, free);
        await here.commit();
        for (const [i, repair] of free.entries()) outcomes.set(repair, outcomeOf(repair, written[i] ?? { state: 'changed' }));
      } finally {
        await here.rollback();
      }
    } catch (error) {
      if (!this.#repairers[side].isBusy(error)) throw error;
      return repairs.map(({ id }) => ({ id, state: 'left', reason: LOCKED }));
    } finally {
      await there.rollback();
    }
    return repairs.map((repair) => outcomes.get(repair) ?? { id: repair.id, state: 'left', reason: CHANGED });
  }
}

function outcomeOf({ id }: StoredRepair, outcome: WriteOutcome): RepairOutcome {
  if (outcome.state === 'done') return { id, state: 'applied', after: outcome.rows };
  if (outcome.state === 'changed') return { id, state: 'left', reason: CHANGED };
  // What another row stands in the way of may pass once that is repaired.
  return { id, state: outcome.why === 'value' ? 'refused' : 'blocked', reason: outcome.reason };
}

/** Whether the same rows stand there, in whatever order. A row that was decided on names at least the columns that mattered. */
export function isAsDecided(decided: readonly NamedRow[], now: readonly NamedRow[]): boolean {
  if (decided.length !== now.length) return false;
  const left = [...now];
  return decided.every((row) => {
    const at = left.findIndex((each) => Object.entries(row).every(([name, value]) => each[name] === value));
    if (at >= 0) left.splice(at, 1);
    return at >= 0;
  });
}
