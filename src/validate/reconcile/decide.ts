import type { NamedRow } from '../../model/conflict.ts';
import { otherSide, type Side } from '../../model/side.ts';
import type { RowIdentity } from '../../ports/checksummer.ts';
import type { DifferenceType, Repair, RepairKind } from '../../ports/reconcile-store.ts';
import type { RowRepairer, StoredRows } from '../../ports/row-repairer.ts';
import type { AskStrategy, Contender } from './policy.ts';
import type { ReconciledTable } from './reconciled-table.ts';

/** A difference with everything that stands under its identity. */
export interface Difference {
  readonly type: DifferenceType;
  readonly identity: RowIdentity;
  readonly monolith: StoredRows;
  readonly service: StoredRows;
}

/** What is to be done about a difference: repairs, none at all if nothing that is written differs; or why a person must see it. */
export type Decision = { readonly repairs: readonly Repair[] } | { readonly review: string };

/** Equal rows under one identity that are handled one by one. More than that, and a person should know. */
const MOST_COPIES = 1000;

/** What a table's policy says to differences, one decision for each. */
export async function decideAll(
  differences: readonly Difference[],
  { table, repairer, strategy }: { readonly table: ReconciledTable; readonly repairer: RowRepairer; readonly strategy: AskStrategy | undefined },
): Promise<readonly Decision[]> {
  const newest = table.policy.policy === 'newest-wins' ? await newestOf(differences, table, repairer) : undefined;
  const decisions: Decision[] = [];
  for (const [i, difference] of differences.entries()) {
    const verdict = newest?.[i] ?? (await verdictOf(difference, table, strategy));
    if (verdict === 'monolith' || verdict === 'service') decisions.push(towards(verdict, { difference, table, deletes: table.deletes }));
    else decisions.push('why' in verdict ? { review: verdict.why } : holding(verdict.row, { difference, table }));
  }
  return decisions;
}

/** Who wins, the row that both shall hold, or why that can not be said. */
type Verdict = Side | { readonly row: NamedRow } | { readonly why: string };

async function verdictOf({ identity, monolith, service }: Difference, table: ReconciledTable, strategy: AskStrategy | undefined): Promise<Verdict> {
  const { policy } = table.policy;
  if (policy === 'monolith-wins') return 'monolith';
  if (policy === 'service-wins') return 'service';
  if (policy === 'review') return { why: 'its policy is review' };
  if (!strategy) return { why: 'there is no conflict strategy to ask' };
  if (table.pair.keyLength === 0) return { why: 'a table without a key has no conflicts' };
  const [theirs] = service.rows;
  const translated = theirs ? table.translate('monolith', theirs) : null;
  if (typeof translated === 'string') return { why: translated };
  const contender = (rows: StoredRows, row: NamedRow | null): Contender => ({ row, ...(rows.committedAt === undefined ? {} : { committedAt: rows.committedAt }) });
  const answer = await strategy(table.table, keyRow(table, identity), {
    monolith: contender(monolith, monolith.rows[0] ?? null),
    service: contender(service, translated && { ...monolith.rows[0], ...translated }),
  });
  if (typeof answer === 'string') return { why: answer };
  return typeof answer.winner === 'string' ? answer.winner : { row: answer.winner };
}

/** For each difference the side whose row is newer, or why that is not known. */
async function newestOf(differences: readonly Difference[], table: ReconciledTable, repairer: RowRepairer): Promise<readonly Verdict[]> {
  const { column } = table.policy;
  if (table.pair.keyLength === 0) return differences.map(() => ({ why: 'a table without a key has no newer row' }));
  const absent = { why: 'nothing tells when a row was deleted' };
  if (column === undefined) {
    return differences.map(({ type, monolith, service }): Verdict => {
      if (type !== 'different') return absent;
      if (monolith.committedAt === undefined || service.committedAt === undefined) return { why: 'a server does not tell when the row was committed' };
      if (monolith.committedAt === service.committedAt) return { why: 'both rows were committed at the same time' };
      return monolith.committedAt > service.committedAt ? 'monolith' : 'service';
    });
  }
  const there = table.pair.columns.find(({ source }) => source === column)?.target ?? column;
  const values = differences.map(({ type, monolith, service }) => {
    const [ours, theirs] = [monolith.rows[0]?.[column], service.rows[0]?.[there]];
    return type === 'different' && typeof ours === 'string' && typeof theirs === 'string' ? ([ours, theirs] as const) : undefined;
  });
  const order = await repairer.compare(table.table, column, values.filter((pair) => pair !== undefined));
  let at = 0;
  return differences.map(({ type }, i): Verdict => {
    if (type !== 'different') return absent;
    if (!values[i]) return { why: `a row has no ${column}` };
    const ours = order[at++] ?? 0;
    if (ours === 0) return { why: `both rows have the same ${column}` };
    return ours > 0 ? 'monolith' : 'service';
  });
}

/** Makes the other side hold what `winner` holds. */
export function towards(winner: Side, { difference, table, deletes }: { readonly difference: Difference; readonly table: ReconciledTable; readonly deletes: boolean }): Decision {
  const side = otherSide(winner);
  const from = difference[winner].rows;
  const before = difference[side].rows;
  if (table.closed === side) return { review: `streams carry nothing to the ${side}, and nothing else is written there` };
  if (from.length < before.length && !deletes) return { review: `it would be deleted in the ${side}, and deletes are not allowed for this table` };
  if (Math.max(from.length, before.length) > (table.pair.keyLength > 0 ? 1 : MOST_COPIES)) return { review: 'many rows are equal there, or share its key' };
  const translated: NamedRow[] = [];
  for (const row of from) {
    const there = table.translate(side, row);
    if (typeof there === 'string') return { review: there };
    translated.push(there);
  }
  return repairOf(side, { difference, table, rows: translated });
}

/** Makes both sides hold one row, which may be none of theirs. */
export function holding(row: NamedRow, { difference, table }: { readonly difference: Difference; readonly table: ReconciledTable }): Decision {
  if (table.closed !== undefined) return { review: `streams carry nothing to the ${table.closed}, and nothing else is written there` };
  const whole = { ...difference.monolith.rows[0], ...row };
  const there = table.translate('service', whole);
  if (typeof there === 'string') return { review: there };
  const here = repairOf('monolith', { difference, table, rows: [whole] });
  const other = repairOf('service', { difference, table, rows: [there] });
  const both = [here, other].flatMap((decision) => ('repairs' in decision ? decision.repairs : []));
  // Each looks at its own side only: the other one is written as well.
  return { repairs: both.map((repair) => ({ ...repair, alone: true })) };
}

function repairOf(side: Side, { difference, table, rows }: { readonly difference: Difference; readonly table: ReconciledTable; readonly rows: readonly NamedRow[] }): Decision {
  const { identity } = difference;
  const before = difference[side].rows;
  const shared = { table: table.table, side, identity, before, other: difference[otherSide(side)].rows };
  const make = (kind: RepairKind, after: readonly NamedRow[]): Decision => ({ repairs: [{ ...shared, kind, after }] });
  if (rows.length < before.length) return make('delete', before.slice(0, rows.length));
  if (rows.length > before.length) return make('insert', [...before, ...rows.slice(before.length)]);
  const [old] = before;
  const [row] = rows;
  if (table.pair.keyLength === 0 || !old || !row) return { review: 'it differs in nothing that is written' };
  // The key finds the row: another spelling of it stays as it is.
  const keys = new Set(table.pair.columns.slice(0, table.pair.keyLength).map((column) => column[side === 'monolith' ? 'source' : 'target']));
  const set = Object.fromEntries(Object.entries(row).filter(([name, value]) => !keys.has(name) && table.compared?.[side].has(name) !== false && old[name] !== value));
  return Object.keys(set).length === 0 ? { review: 'it differs in nothing that is written' } : make('update', [{ ...old, ...set }]);
}

/** A difference's key by the monolith's columns; without a key, the row. */
export function keyRow({ pair }: ReconciledTable, { key }: RowIdentity, row: NamedRow = {}): NamedRow {
  return pair.keyLength === 0 ? row : Object.fromEntries(pair.columns.slice(0, pair.keyLength).map(({ source }, i) => [source, key[i] ?? '']));
}
