import type { NamedRow } from '../../model/conflict.ts';
import type { Side } from '../../model/side.ts';
import type { ReconcileStore, Repair, ReviewCase } from '../../ports/reconcile-store.ts';
import type { RowRepairer, StoredRows } from '../../ports/row-repairer.ts';
import type { FoundDifferences } from '../compare-table.ts';
import type { Confirmed } from '../settle.ts';
import { SEVERITY_OF } from '../severity.ts';
import type { Observation } from '../suspects.ts';
import { decideAll, keyRow, type Decision, type Difference } from './decide.ts';
import type { AskStrategy } from './policy.ts';
import { selectionOf, type ReconciledTable } from './reconciled-table.ts';
import { WRITTEN, type PlannedCase, type PlannedRepair, type Tally } from './report.ts';

/** Rows of both sides that are in memory whole at once. */
const AT_ONCE = 200;

export interface PlanOptions {
  readonly table: ReconciledTable;
  readonly repairers: Readonly<Record<Side, RowRepairer>>;
  readonly strategy: AskStrategy | undefined;
  readonly tally: Tally;
  /** Where the plan is kept; absent: a dry run, of which the first of each are listed. */
  readonly kept: { readonly run: string; readonly scope: string; readonly store: ReconcileStore } | undefined;
  readonly listed: { readonly repairs: PlannedRepair[]; readonly cases: PlannedCase[]; readonly limit: number };
}

/** Decides a batch of differences and keeps what was decided. A row that is not any more what it was when the difference was confirmed is left. */
export async function planDifferences({ confirmed }: FoundDifferences, options: PlanOptions): Promise<void> {
  for (let from = 0; from < confirmed.length; from += AT_ONCE) await planPart(confirmed.slice(from, from + AT_ONCE), options);
}

async function planPart(confirmed: readonly Confirmed[], options: PlanOptions): Promise<void> {
  const { table, repairers, tally, kept, listed } = options;
  const identities = confirmed.map(({ identity }) => identity);
  const [monolith, service] = await Promise.all([
    repairers.monolith.read(selectionOf(table, 'monolith'), identities), repairers.service.read(selectionOf(table, 'service'), identities),
  ]);
  const differences = confirmed.flatMap((found, i): { readonly difference: Difference; readonly columns: readonly string[] }[] => {
    const [ours, theirs] = [monolith[i] ?? { rows: [] }, service[i] ?? { rows: [] }];
    if (!isAsSeen(ours, found.source) || !isAsSeen(theirs, found.target)) return [];
    return [{ difference: { type: found.kind, identity: found.identity, monolith: ours, service: theirs }, columns: Object.keys(found.columns ?? {}) }];
  });
  tally.left += confirmed.length - differences.length;
  const decisions = await decideAll(differences.map(({ difference }) => difference), { table, repairer: repairers.monolith, strategy: options.strategy });
  const repairs: Repair[] = [];
  const cases: ReviewCase[] = [];
  for (const [i, { difference, columns }] of differences.entries()) {
    const decision: Decision = decisions[i] ?? { review: 'nothing was decided' };
    if ('repairs' in decision && decision.repairs.length > 0) repairs.push(...decision.repairs);
    else cases.push(caseOf(table, { difference, columns, why: 'review' in decision ? decision.review : 'it differs in nothing that is written' }));
  }
  if (kept) {
    await kept.store.plan(kept.run, repairs);
    const { rejected } = await kept.store.queue(kept.run, kept.scope, cases);
    tally.rejected += rejected;
    tally.queued += cases.length - rejected;
    return;
  }
  tally.queued += cases.length;
  for (const { kind } of repairs) tally[WRITTEN[kind]] += 1;
  for (const { side, kind, identity, before, after } of repairs.slice(0, Math.max(0, listed.limit - listed.repairs.length))) {
    listed.repairs.push({ table: table.table, side, kind, key: keyRow(table, identity, before[0] ?? after[0]), before, after });
  }
  for (const { type, key, why } of cases.slice(0, Math.max(0, listed.limit - listed.cases.length))) listed.cases.push({ table: table.table, type, key, why });
}

/** Without versions, as of a table without a key, only the number tells. */
function isAsSeen({ rows, version }: StoredRows, seen: Observation): boolean {
  return rows.length === seen.times && (seen.version === undefined || seen.version === version);
}

/** A difference as it is queued. */
export function caseOf(table: ReconciledTable, { difference, columns, why }: { readonly difference: Difference; readonly columns: readonly string[]; readonly why: string }): ReviewCase {
  const { type, identity, monolith, service } = difference;
  const row: NamedRow | undefined = monolith.rows[0] ?? service.rows[0];
  return {
    table: table.table, type, severity: SEVERITY_OF[type], identity, key: keyRow(table, identity, row),
    monolith: monolith.rows, service: service.rows, columns, why,
  };
}
