import type { NamedRow } from '../../model/conflict.ts';
import { otherSide, type Side } from '../../model/side.ts';
import type { RepairOutcome, StoredRepair } from '../../ports/reconcile-store.ts';
import type { RepairTransaction, RowRepairer, StoredRows, WriteOutcome } from '../../ports/row-repairer.ts';
import { selectionOf, type ReconciledTable } from './reconciled-table.ts';
import type { RepairWay } from './way.ts';

/** What was known of rows before anything was locked. */
export interface Witness {
  /** By the repair's id: the versions of both sides' rows. */
  readonly versions: ReadonlyMap<string, Readonly<Record<Side, string | undefined>>>;
  /** Each side's next transaction once the rows of both had been read. */
  readonly began: Readonly<Record<Side, bigint>>;
}

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

  apply(table: ReconciledTable, side: Side, repairs: readonly StoredRepair[], witness?: Witness): Promise<readonly RepairOutcome[]> {
    return this.#carryOut(table, { side, repairs, witness, write: (transaction, changes) => transaction.write(selectionOf(table, side), changes) });
  }

  applyTogether(table: ReconciledTable, side: Side, repairs: readonly StoredRepair[], witness?: Witness): Promise<readonly RepairOutcome[]> {
    return this.#carryOut(table, { side, repairs, witness, write: (transaction, changes) => transaction.writeTogether(selectionOf(table, side), changes) });
  }

  async #carryOut(
    table: ReconciledTable,
    { side, repairs, witness, write }: {
      readonly side: Side;
      readonly repairs: readonly StoredRepair[];
      readonly witness: Witness | undefined;
      readonly write: (transaction: RepairTransaction, changes: readonly StoredRepair[]) => Promise<readonly WriteOutcome[]>;
    },
  ): Promise<readonly RepairOutcome[]> {
    const outcomes = new Map<StoredRepair, RepairOutcome>();
    const other = otherSide(side);
    const there = await this.#repairers[other].begin({ writes: false });
    try {
      const here = await this.#repairers[side].begin({ writes: true });
      try {
        // Before anything is looked for: what has ended by now is seen.
        const ended = { [side]: await here.oldestRunning(), [other]: await there.oldestRunning() } as Readonly<Record<Side, bigint>>;
        const identities = repairs.map(({ identity }) => identity);
        const needed = witness !== undefined || repairs.some(({ other: decided, alone }) => decided !== undefined && alone !== true);
        const seen = needed ? await there.lock(selectionOf(table, other), identities, 'share') : [];
        const locked = await here.lock(selectionOf(table, side), identities, 'update');
        const free = repairs.filter((repair, i) => {
          const [mine, theirs] = [locked[i] ?? { rows: [] }, seen[i] ?? { rows: [] }];
          if (!isAsDecided(repair.before, mine.rows)) return false;
          if (repair.other !== undefined && repair.alone !== true && !isAsDecided(repair.other, theirs.rows)) return false;
          return !witness || (isSettled(side, mine, { repair, witness, ended }) && isSettled(other, theirs, { repair, witness, ended }));
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

/** Whether a row is the one that was seen, and whoever may have been about to bring one that was not there has ended. */
function isSettled(side: Side, { rows, version }: StoredRows, { repair, witness, ended }: { readonly repair: StoredRepair; readonly witness: Witness; readonly ended: Readonly<Record<Side, bigint>> }): boolean {
  if (version !== witness.versions.get(repair.id)?.[side]) return false;
  return rows.length > 0 || ended[side] >= witness.began[side];
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
