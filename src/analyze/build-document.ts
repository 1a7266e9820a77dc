import type { TableName } from '../model/names.ts';
import { bondsOf, explainPair, type Bond } from './bonds.ts';
import { adjustedRandIndex } from './compare.ts';
import { findCuts } from './cuts.ts';
import type { BoundaryDocument, Cut, ServiceDetails, SharedTable, TableDetails, Transactions } from './document.ts';
import { combine } from './graph.ts';
import { readInput, type AnalyzerInput, type Monolith } from './input.ts';
import { leiden, type Partition } from './leiden.ts';
import { measure, round } from './metrics.ts';
import type { AnalyzeOptions } from './options.ts';
import { decompose } from './partition.ts';
import { personalColumns } from './personal-data.ts';
import { seededRandom } from '../core/random.ts';
import { extractionOrder, findCycles } from './service-graph.ts';
import { nameServices } from './service-names.ts';
import { sharedKind, sharedRemedy, type SharedKind } from './shared-tables.ts';
import { gatherEvidence, type Evidence } from './signals.ts';
import { examineTransactions, writesKeptWhole } from './transactions.ts';
import { at, count, counted, itemAt } from './lookup.ts';
import { summariseWorkload } from './workload/merge.ts';

/** The whole analysis: evidence, division, and what follows from it. */
export function buildDocument(input: AnalyzerInput, options: AnalyzeOptions): BoundaryDocument {
  const monolith = readInput(input);
  const evidence = gatherEvidence(monolith);
  const decomposition = decompose(monolith, evidence, options);
  const { partition } = decomposition;
  const members = membersOf(partition);
  const shared = findShared(monolith, evidence, partition);
  const names = nameServices({
    monolith,
    members,
    words: evidence.words,
    references: evidence.references,
    unimportant: new Set(shared.keys()),
    ...(decomposition.convention.followed ? { labels: decomposition.convention.labels } : {}),
  });
  const serviceOf = (table: number): string | undefined => names[at(partition, table)];
  const sharedKindOf = (table: number): SharedKind | undefined => shared.get(table);
  const cuts = findCuts({ monolith, references: evidence.references, serviceOf, sharedKindOf });
  const transactions = examineTransactions(monolith, serviceOf, (table) => shared.get(table) === 'reference');
  const order = extractionOrder(
    names.map((name, service) => ({ name, tables: itemAt(members, service).length })),
    cuts,
    transactions.distributed,
  );
  const cycles = findCycles(order, cuts);
  const bonds = bondsOf(evidence, monolith.tables.length);
  const tableName = (table: number): TableName => itemAt(monolith.tables, table).name;
  const tablesOf = (service: number): TableName[] => itemAt(members, service).map(tableName);
  return {
    services: Object.fromEntries(order.map((name) => [name, tablesOf(names.indexOf(name))])),
    shared: [...shared.keys()].map(tableName),
    cuts,
    transactions,
    cycles: cycles.map((cycle) => cycle.services),
    order,
    metrics: measure({
      monolith,
      references: evidence.references,
      pairs: evidence.pairs,
      partition,
      services: names.length,
    }),
    details: {
      method:
        decomposition.method === 'names'
          ? `the owners' ${decomposition.convention.source}, confirmed by the structure`
          : 'communities of the weighted evidence, agreed on by its variants',
      convention: {
        source: decomposition.convention.source,
        followed: decomposition.convention.followed,
        coverage: round(decomposition.convention.coverage),
        agreement: round(decomposition.convention.agreement),
      },
      signals: describeSignals(monolith, evidence),
      services: Object.fromEntries(
        order.map((name) => [
          name,
          describeService(name, itemAt(members, names.indexOf(name)), { monolith, evidence, bonds, cuts, transactions }),
        ]),
      ),
      tables: Object.fromEntries(
        monolith.tables.flatMap((table, index): [string, TableDetails][] => {
          const service = serviceOf(index);
          if (service === undefined) return [];
          return [[table.name, describeTable(index, service, { monolith, evidence, bonds, serviceOf })]];
        }),
      ),
      shared: [...shared].map(([table, kind]) => describeShared(table, kind, { monolith, evidence, serviceOf })),
      unplaced: monolith.tables.filter((_, index) => serviceOf(index) === undefined).map((table) => table.name),
      keysInside: keysInside(monolith, evidence, serviceOf),
      partitions: Object.fromEntries(monolith.partitions),
      cycles,
      alternatives: decomposition.scan.map((item) => ({
        services: item.services,
        stability: round(item.stability),
        writesKeptWhole: round(writesKeptWhole(monolith, (table) => item.partition[table])),
        largest: Math.max(0, ...membersOf(item.partition).map((list) => list.length)),
      })),
      unknownTables: monolith.unknownTables,
      ...(input.workload?.sources ? { workload: summariseWorkload(input.workload) } : {}),
    },
  };
}

export function membersOf(partition: Partition): number[][] {
  const members: number[][] = [];
  partition.forEach((service, table) => {
    if (service >= 0) (members[service] ??= []).push(table);
  });
  return members;
}

function keysInside(
  monolith: Monolith,
  evidence: Evidence,
  serviceOf: (table: number) => string | undefined,
): { from: TableName; to: TableName }[] {
  return evidence.references.flatMap(({ child, parent }) => {
    const inside = serviceOf(child) !== undefined && serviceOf(child) === serviceOf(parent);
    return inside ? [{ from: itemAt(monolith.tables, child).name, to: itemAt(monolith.tables, parent).name }] : [];
  });
}

function findShared(monolith: Monolith, evidence: Evidence, partition: Partition): Map<number, SharedKind> {
  const shared = new Map<number, SharedKind>();
  monolith.tables.forEach((_, table) => {
    const users = new Set(
      evidence.references.filter((item) => item.parent === table).map((item) => partition[item.child]),
    );
    users.delete(partition[table]);
    const kind = sharedKind({ monolith, table, references: evidence.references, foreignServices: users.size });
    if (kind) shared.set(table, kind);
  });
  return shared;
}

function describeShared(
  table: number,
  kind: SharedKind,
  context: {
    readonly monolith: Monolith;
    readonly evidence: Evidence;
    readonly serviceOf: (table: number) => string | undefined;
  },
): SharedTable {
  const { name } = itemAt(context.monolith.tables, table);
  const owner = context.serviceOf(table);
  const users = context.evidence.references
    .filter((item) => item.parent === table)
    .flatMap((item) => context.serviceOf(item.child) ?? []);
  const usedBy = [...new Set(users)].filter((service) => service !== owner).sort();
  return { table: name, kind, ...(owner === undefined ? {} : { owner }), usedBy, remedy: sharedRemedy(kind) };
}

function describeSignals(
  monolith: Monolith,
  evidence: Evidence,
): BoundaryDocument['details']['signals'] {
  const size = monolith.tables.length;
  const active = evidence.signals.filter((signal) => signal.factor > 0);
  const communities = (without?: string): Partition =>
    leiden(combine(size, active.filter((signal) => signal.id !== without)).toGraph(), {
      resolution: 1,
      random: seededRandom(1),
    });
  const whole = communities();
  return evidence.signals.map((signal) => ({
    signal: signal.id,
    title: signal.title,
    pairs: signal.pairs.size,
    agreement: round(signal.agreement),
    weight: round(signal.factor),
    sensitivity:
      active.length > 1 && signal.factor > 0 ? round(1 - Math.max(0, adjustedRandIndex(whole, communities(signal.id)))) : 0,
  }));
}

interface Context {
  readonly monolith: Monolith;
  readonly evidence: Evidence;
  readonly bonds: readonly (readonly Bond[])[];
}

function describeService(
  name: string,
  members: readonly number[],
  context: Context & { readonly cuts: readonly Cut[]; readonly transactions: Transactions },
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
  return {
    tables: members.length,
    cohesion: round(all === 0 ? 1 : kept / all),
    incomingCuts: context.cuts.filter((cut) => cut.toService === name).length,
    outgoingCuts: context.cuts.filter((cut) => cut.fromService === name).length,
    distributedCalls: distributed.reduce((sum, item) => sum + item.calls, 0),
    rows: rows.some((count) => count >= 0) ? rows.reduce((sum, count) => sum + Math.max(0, count), 0) : -1,
    bytes: tables.reduce((sum, table) => sum + table.bytes, 0),
    reasons: strongest.slice(0, 3).map(({ a, b }) => reason(context, a, b)),
    personalData: tables.flatMap(personalColumns),
  };
}

function describeTable(
  table: number,
  service: string,
  context: Context & { readonly serviceOf: (table: number) => string | undefined },
): TableDetails {
  const weights = new Map<string, number>();
  for (const { other, weight } of itemAt(context.bonds, table)) {
    const to = context.serviceOf(other);
    if (to !== undefined) count(weights, to, weight);
  }
  const own = counted(weights, service);
  const [next] = [...weights].filter(([name]) => name !== service).sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  const rival = next ? next[1] : 0;
  const confidence = own + rival === 0 ? 0 : own / (own + rival);
  const inside = itemAt(context.bonds, table).filter(({ other }) => context.serviceOf(other) === service);
  return {
    service,
    confidence: round(confidence),
    ...(next ? { runnerUp: next[0] } : {}),
    reasons: inside.slice(0, 3).map(({ other }) => reason(context, table, other)),
  };
}

function reason(context: Context, a: number, b: number): string {
  const names = [a, b].map((table) => itemAt(context.monolith.tables, table).name);
  return `${names.join(' and ')}: ${explainPair(context.evidence, a, b)}`;
}
