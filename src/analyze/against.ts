import type { TableName } from '../model/names.ts';
import { explainPair } from './advice/reasons.ts';
import type { DescribeContext } from './describe.ts';
import { divide, type Division, type DivisionContext } from './division.ts';
import type { Comparison, Moved } from './document.ts';
import type { GivenDivision } from './given-division.ts';
import { likeness } from './likeness.ts';
import { append, at, count, counted, itemAt } from './lookup.ts';
import type { Partition } from './leiden.ts';
import { round } from './metrics.ts';
import { percent, shortName } from './text.ts';

/**
 * How another division compares with the one found: how alike they are, which tables would move and
 * why, and the measures of both. A table that the other names and the monolith lacks, or that is in
 * none of the services found, counts as a service of its own, so that leaving tables out never helps.
 */
export function compareWith(context: DivisionContext & DescribeContext, found: Division, given: GivenDivision): Comparison {
  const { monolith } = context;
  const theirs = given.servicesOf(monolith.tables.map(({ name }) => name));
  const unscored = new Set<TableName>(given.unscored);
  const unknown = [...given.named.keys()].filter((name) => !monolith.indexOf.has(name) && !unscored.has(name)).sort();
  const scored = [...theirs.keys()].filter((name) => !unscored.has(name));
  const numbers = numbering([...new Set([...theirs.values(), ...given.named.values()])]);
  const index = (name: TableName): number => monolith.indexOf.get(name) ?? -1;
  const truth = [...scored.map((name) => counted(numbers, theirs.get(name) ?? '')), ...unknown.map((name) => counted(numbers, given.named.get(name) ?? ''))];
  const single = monolith.tables.length;
  const ours = [
    ...scored.map((name) => (at(found.partition, index(name)) < 0 ? single + index(name) : at(found.partition, index(name)))),
    ...unknown.map((_, i) => 2 * single + i),
  ];
  const { ari, nmi, precision, recall, f1 } = likeness(truth, ours);
  const match = matchServices(scored.map((name) => [theirs.get(name) ?? '', found.serviceOf(index(name))]));
  const moved = scored.flatMap((name): Moved[] => {
    const [from = '', to] = [theirs.get(name), found.serviceOf(index(name))];
    if (to !== undefined && match.get(from) === to) return [];
    return [{ table: name, theirs: from, ours: to ?? '', why: whyMoved(context, { table: index(name), from, to, found, theirs }) }];
  });
  const other = divideAs(context, theirs);
  return {
    file: given.source,
    ari: round(ari), nmi: round(nmi), precision: round(precision), recall: round(recall), f1: round(f1),
    tables: truth.length,
    match: Object.fromEntries(match),
    moved: moved.sort((a, b) => (a.table < b.table ? -1 : 1)),
    unknown,
    unassigned: monolith.tables.map(({ name }) => name).filter((name) => !theirs.has(name) && !unscored.has(name)),
    twice: [...given.twice],
    metrics: { ours: found.metrics, theirs: { ...other.metrics, services: new Set(theirs.values()).size } },
    cuts: { ours: found.cuts.length, theirs: other.cuts.length },
    distributedCalls: { ours: tornCalls(found), theirs: tornCalls(other) },
  };
}

function numbering(names: readonly string[]): Map<string, number> {
  return new Map(names.map((name, number) => [name, number]));
}

/** Which service found is which of theirs: the two that share most tables first, each once. */
function matchServices(pairs: readonly (readonly [string, string | undefined])[]): Map<string, string> {
  const shared = new Map<string, number>();
  const sizes = new Map<string, number>();
  for (const [theirs, ours] of pairs) {
    if (ours === undefined) continue;
    count(shared, `${theirs}\n${ours}`);
    count(sizes, `theirs ${theirs}`);
    count(sizes, `ours ${ours}`);
  }
  const ranked = [...shared].map(([key, tables]) => {
    const [theirs = '', ours = ''] = key.split('\n');
    return { theirs, ours, tables, all: counted(sizes, `theirs ${theirs}`) + counted(sizes, `ours ${ours}`) - tables };
  });
  ranked.sort((a, b) => b.tables - a.tables || b.tables / b.all - a.tables / a.all || (`${a.theirs} ${a.ours}` < `${b.theirs} ${b.ours}` ? -1 : 1));
  const match = new Map<string, string>();
  const taken = new Set<string>();
  for (const { theirs, ours } of ranked) {
    if (match.has(theirs) || taken.has(ours)) continue;
    match.set(theirs, ours);
    taken.add(ours);
  }
  return match;
}

function whyMoved(
  context: DescribeContext,
  { table, from, to, found, theirs }: { readonly table: number; readonly from: string; readonly to: string | undefined; readonly found: Division; readonly theirs: ReadonlyMap<TableName, string> },
): string {
  if (to === undefined) return 'nothing binds it to any other table';
  const name = (other: number): TableName => itemAt(context.monolith.tables, other).name;
  const bonds = itemAt(context.bonds, table);
  const all = bonds.reduce((sum, { weight }) => sum + weight, 0);
  if (all === 0) return 'nothing but its name says where it belongs';
  const here = bonds.filter(({ other }) => found.serviceOf(other) === to);
  // Its present companions that the cut found puts elsewhere.
  const there = bonds.filter(({ other }) => theirs.get(name(other)) === from && found.serviceOf(other) !== to);
  const share = (some: typeof bonds): string => percent(some.reduce((sum, { weight }) => sum + weight, 0) / all);
  const [strongest] = here;
  const because = strongest ? `: ${shortName(name(table))} and ${shortName(name(strongest.other))}: ${explainPair(context, table, strongest.other)}` : '';
  return `${share(here)} of its bonds are inside ${to}, ${share(there)} lead to what it would leave in ${from}${because}`;
}

/** The other division with all that follows from it; tables it does not name are services of their own. */
function divideAs(context: DivisionContext, theirs: ReadonlyMap<TableName, string>): Division {
  const members = new Map<string, number[]>();
  context.monolith.tables.forEach(({ name }, table) => append(members, theirs.get(name) ?? `\n${name}`, table));
  const partition: Partition = new Int32Array(context.monolith.tables.length);
  const names = [...members.keys()];
  names.forEach((service, number) => {
    for (const table of members.get(service) ?? []) partition[table] = number;
  });
  return divide(context, partition, names);
}

function tornCalls(division: Division): number {
  return division.transactions.distributed.reduce((sum, { calls }) => sum + calls, 0);
}
