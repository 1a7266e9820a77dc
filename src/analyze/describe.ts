import { explainPair, type ReasonContext } from './advice/reasons.ts';
import { extractionTime, type CopyTimes } from './advice/extraction-time.ts';
import type { Bond } from './bonds.ts';
import type { Cut, Leaving, ServiceDetails, SharedTable, TableDetails, Transactions } from './document.ts';
import type { Monolith } from './input.ts';
import { count, counted, itemAt } from './lookup.ts';
import { round } from './metrics.ts';
import { personalColumns } from './personal-data.ts';
import { sharedRemedy, type SharedKind } from './shared-tables.ts';
import type { Evidence } from './signals.ts';
import { shortName } from './text.ts';

/** What the description of each service and table is made of. */
export interface DescribeContext extends ReasonContext {
  readonly bonds: readonly (readonly Bond[])[];
  readonly serviceOf: (table: number) => string | undefined;
  readonly sharedKindOf: (table: number) => SharedKind | undefined;
}

const MOST_REASONS = 3;

/** One service: what holds it together, what it owns, what ties it to others. */
export function describeService(
  name: string,
  members: readonly number[],
  context: DescribeContext & {
    readonly cuts: readonly Cut[];
    readonly transactions: Transactions;
    readonly ties: (service: string) => readonly Leaving[];
    readonly copyTimes?: CopyTimes;
  },
): ServiceDetails {
  const inside = new Set(members);
  let kept = 0;
  let all = 0;
  const strongest: { readonly a: number; readonly b: number; readonly weight: number }[] = [];
  for (const a of members) {
    for (const { other, weight } of itemAt(context.bonds, a)) {
      all += weight;
      if (!inside.has(other)) continue;
      kept += weight;
      if (a < other) strongest.push({ a, b: other, weight });
    }
  }
  strongest.sort((x, y) => y.weight - x.weight || x.a - y.a || x.b - y.b);
  const tables = members.map((member) => itemAt(context.monolith.tables, member));
  const rows = tables.map((table) => table.estimatedRows);
  const distributed = context.transactions.distributed.filter((item) => item.services.includes(name));
  const extraction = extractionTime(tables, context.copyTimes);
  return {
    tables: members.length,
    cohesion: round(all === 0 ? 1 : kept / all),
    incomingCuts: context.cuts.filter((cut) => cut.toService === name).length,
    outgoingCuts: context.cuts.filter((cut) => cut.fromService === name).length,
    centre: itemAt(context.monolith.tables, centreOf(members, context)).name,
    writes: writesOf(context.monolith, inside),
    leaves: context.ties(name),
    distributedCalls: distributed.reduce((sum, item) => sum + item.calls, 0),
    rows: rows.some((estimate) => estimate >= 0) ? rows.reduce((sum, estimate) => sum + Math.max(0, estimate), 0) : -1,
    bytes: tables.reduce((sum, table) => sum + table.bytes, 0),
    ...(extraction === undefined ? {} : { extraction }),
    reasons: strongest.slice(0, MOST_REASONS).map(({ a, b }) => reason(context, a, b)),
    personalData: tables.flatMap(personalColumns),
  };
}

/** The member that most other members refer to, reference data and logs aside. */
function centreOf(members: readonly number[], { evidence, sharedKindOf }: DescribeContext): number {
  const inside = new Set(members);
  const referrers = new Map<number, Set<number>>();
  for (const { child, parent } of evidence.references) {
    if (inside.has(child) && inside.has(parent)) referrers.set(parent, (referrers.get(parent) ?? new Set()).add(child));
  }
  const of = (table: number): number => (sharedKindOf(table) === undefined ? (referrers.get(table)?.size ?? 0) : -1);
  return [...members].sort((a, b) => of(b) - of(a) || a - b)[0] ?? 0;
}

function writesOf(monolith: Monolith, inside: ReadonlySet<number>): ServiceDetails['writes'] {
  let calls = 0;
  let whole = 0;
  for (const transaction of monolith.transactions) {
    const own = transaction.writes.filter((table) => inside.has(table)).length;
    if (own === 0) continue;
    calls += transaction.calls;
    if (own === transaction.writes.length) whole += transaction.calls;
  }
  return { calls, whole };
}

/** One table: how sure its place is, what would be second best, and why. */
export function describeTable(table: number, service: string, context: DescribeContext): TableDetails {
  const weights = new Map<string, number>();
  for (const { other, weight } of itemAt(context.bonds, table)) {
    const to = context.serviceOf(other);
    if (to !== undefined) count(weights, to, weight);
  }
  const own = counted(weights, service);
  const [next] = [...weights].filter(([name]) => name !== service).sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  const rival = next ? next[1] : 0;
  const towards = (to: string): readonly Bond[] => itemAt(context.bonds, table).filter(({ other }) => context.serviceOf(other) === to);
  return {
    service,
    confidence: round(own + rival === 0 ? 0 : own / (own + rival)),
    ...(next ? { runnerUp: next[0] } : {}),
    reasons: towards(service).slice(0, MOST_REASONS).map(({ other }) => reason(context, table, other)),
    ...(next ? { against: towards(next[0]).slice(0, 1).map(({ other }) => reason(context, table, other)) } : {}),
  };
}

/** A key's clause names both tables; anything else is said of a pair that has to be named. */
function reason(context: ReasonContext, a: number, b: number): string {
  const [x = '', y = ''] = [a, b].map((table) => shortName(itemAt(context.monolith.tables, table).name));
  const words = explainPair(context, a, b);
  const named = words.startsWith(`${x} `) || words.startsWith(`${y} `) || words.startsWith(`${x}.`) || words.startsWith(`${y}.`);
  return named ? words : `${x} and ${y}: ${words}`;
}

export function describeShared(
  table: number,
  kind: SharedKind,
  context: { readonly monolith: Monolith; readonly evidence: Evidence; readonly serviceOf: (table: number) => string | undefined },
): SharedTable {
  const { name } = itemAt(context.monolith.tables, table);
  const owner = context.serviceOf(table);
  const users = context.evidence.references.filter((item) => item.parent === table).flatMap((item) => context.serviceOf(item.child) ?? []);
  const usedBy = [...new Set(users)].filter((service) => service !== owner).sort();
  return { table: name, kind, ...(owner === undefined ? {} : { owner }), usedBy, remedy: sharedRemedy(kind) };
}
