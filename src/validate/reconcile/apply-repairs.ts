import type { Metrics } from '../../core/metrics.ts';
import type { TableName } from '../../model/names.ts';
import type { RepairKind, RepairOutcome, ReconcileStore, StoredRepair } from '../../ports/reconcile-store.ts';
import type { Side } from '../../model/side.ts';
import { parentsFirst } from './order.ts';
import type { ReconciledTable } from './reconciled-table.ts';
import type { RepairWay } from './way.ts';

/** Rows that are locked and written in one transaction. */
const AT_ONCE = 200;

export interface ApplyOptions {
  readonly run: string;
  readonly store: ReconcileStore;
  readonly way: RepairWay;
  readonly tables: readonly ReconciledTable[];
  readonly metrics: Metrics;
  /** What becomes of a repair that the database refuses. */
  readonly onRefused: (table: ReconciledTable, refused: readonly (StoredRepair & { readonly reason: string })[]) => Promise<'queued' | 'refused'>;
  /** Told of repairs as they are done. */
  readonly onApplied?: (table: TableName, repairs: number) => void;
  readonly signal?: AbortSignal;
}

/**
 * Carries out what a run has planned: inserts, then updates, then deletes; whoever is referred to comes before those
 * that refer to it, and goes after them. What another row stands in the way of is tried again as long as anything
 * else could be done; what is left then is refused.
 */
export async function applyRepairs(options: ApplyOptions): Promise<void> {
  const { run, store, tables, way } = options;
  const ordered = parentsFirst(tables);
  const phases: readonly (readonly [RepairKind, readonly ReconciledTable[]])[] = [['insert', ordered], ['update', ordered], ['delete', ordered.toReversed()]];
  const there = new Set((await store.count(run)).map(({ table, kind, side }) => `${kind} ${side} ${table}`));
  const each = async (state: 'planned' | 'blocked', kinds: readonly RepairKind[], work: (table: ReconciledTable, side: Side, repairs: readonly StoredRepair[]) => Promise<readonly RepairOutcome[]>): Promise<number> => {
    let applied = 0;
    for (const [kind, of] of phases) {
      if (!kinds.includes(kind)) continue;
      for (const table of of) {
        for (const side of ['service', 'monolith'] as const) {
          if (there.has(`${kind} ${side} ${table.table}`)) applied += await inBatches(options, { table, kind, side, state, work });
        }
      }
    }
    return applied;
  };
  const all: readonly RepairKind[] = ['insert', 'update', 'delete'];
  for (;;) {
    const applied = await each('planned', all, (table, side, repairs) => way.apply(table, side, repairs));
    // Rows that exchange unique values can't be written one by one, in whatever order.
    const together = way.applyTogether?.bind(way);
    const exchanged = applied === 0 && together ? await each('blocked', ['update'], together) : 0;
    if (applied + exchanged === 0 || (await store.unblock(run)) === 0) break;
  }
  await each('blocked', all, (_table, _side, repairs) => Promise.resolve(repairs.map(({ id, reason }) => ({ id, state: 'refused', ...(reason === undefined ? {} : { reason }) }))));
}

/** Gives how many were applied. */
async function inBatches(
  { run, store, metrics, onRefused, onApplied, signal }: ApplyOptions,
  { table, kind, side, state, work }: {
    readonly table: ReconciledTable;
    readonly kind: RepairKind;
    readonly side: Side;
    readonly state: 'planned' | 'blocked';
    readonly work: (table: ReconciledTable, side: Side, repairs: readonly StoredRepair[]) => Promise<readonly RepairOutcome[]>;
  },
): Promise<number> {
  let applied = 0;
  let after = '0';
  for (;;) {
    signal?.throwIfAborted();
    const repairs = await store.planned(run, { table: table.table, kind, side, after, limit: AT_ONCE, state });
    const last = repairs.at(-1);
    if (!last) return applied;
    after = last.id;
    const outcomes = await work(table, side, repairs);
    const byId = new Map(repairs.map((repair) => [repair.id, repair]));
    const refused = outcomes.flatMap((outcome) => {
      const repair = byId.get(outcome.id);
      return outcome.state === 'refused' && repair ? [{ ...repair, reason: outcome.reason ?? 'the database refused it' }] : [];
    });
    const becomes = refused.length > 0 ? await onRefused(table, refused) : 'refused';
    await store.settle(outcomes.map((outcome) => (outcome.state === 'refused' ? { ...outcome, state: becomes } : outcome)));
    const done = outcomes.filter((outcome) => outcome.state === 'applied').length;
    if (done > 0) metrics.count('reconciliation_auto_corrections_total', { table: table.table, correction_type: kind }, done);
    onApplied?.(table.table, done);
    applied += done;
  }
}
