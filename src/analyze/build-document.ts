import type { TableName } from '../model/names.ts';
import { findDuplicates } from './advice/duplicates.ts';
import { tiesOf } from './advice/leaving.ts';
import { orderReasons } from './advice/order-reasons.ts';
import { Usage } from './advice/usage.ts';
import { bondsOf } from './bonds.ts';
import { adjustedRandIndex } from './compare.ts';
import { describeService, describeShared, describeTable } from './describe.ts';
import { divide, membersOf } from './division.ts';
import type { BoundaryDocument, ServiceDetails, TableDetails } from './document.ts';
import { combine } from './graph.ts';
import { readInput, type AnalyzerInput, type Monolith } from './input.ts';
import { leiden, type Partition } from './leiden.ts';
import { round } from './metrics.ts';
import type { AnalyzeOptions } from './options.ts';
import { decompose } from './partition.ts';
import { seededRandom } from '../core/random.ts';
import { findCycles } from './service-graph.ts';
import type { SharedKind } from './shared-tables.ts';
import { gatherEvidence, type Evidence } from './signals.ts';
import { writesKeptWhole } from './transactions.ts';
import { itemAt } from './lookup.ts';
import { summariseWorkload } from './workload/merge.ts';

/** The whole analysis: evidence, division, and what follows from it. */
export function buildDocument(input: AnalyzerInput, options: AnalyzeOptions): BoundaryDocument {
  const monolith = readInput(input);
  const evidence = gatherEvidence(monolith);
  const decomposition = decompose(monolith, evidence, options);
  const { convention } = decomposition;
  const usage = new Usage(monolith);
  const division = divide({ monolith, evidence, usage, convention }, decomposition.partition);
  const { serviceOf, shared, cuts, transactions, order, names, members } = division;
  const sharedKindOf = (table: number): SharedKind | undefined => shared.get(table);
  const describing = { monolith, evidence, usage, bonds: bondsOf(evidence, monolith.tables.length), serviceOf, sharedKindOf };
  const ties = tiesOf({ monolith, usage, cuts, serviceOf });
  const cycles = findCycles(order, cuts);
  const copyTimes = input.copyTimes === undefined ? {} : { copyTimes: input.copyTimes };
  const services: Readonly<Record<string, ServiceDetails>> = Object.fromEntries(
    order.map((name) => [name, describeService(name, itemAt(members, names.indexOf(name)), { ...describing, cuts, transactions, ties, ...copyTimes })]),
  );
  return {
    services: division.services,
    shared: [...shared.keys()].map((table) => itemAt(monolith.tables, table).name),
    cuts,
    transactions,
    cycles: cycles.map((cycle) => cycle.services),
    order,
    metrics: division.metrics,
    details: {
      method:
        decomposition.method === 'names'
          ? `the owners' ${convention.source}, confirmed by the structure`
          : 'communities of the weighted evidence, agreed on by its variants',
      convention: {
        source: convention.source,
        followed: convention.followed,
        coverage: round(convention.coverage),
        agreement: round(convention.agreement),
      },
      tenancy: monolith.tenancy,
      signals: describeSignals(monolith, evidence),
      services,
      tables: Object.fromEntries(
        monolith.tables.flatMap((table, index): [string, TableDetails][] => {
          const service = serviceOf(index);
          return service === undefined ? [] : [[table.name, describeTable(index, service, describing)]];
        }),
      ),
      shared: [...shared].map(([table, kind]) => describeShared(table, kind, { monolith, evidence, serviceOf })),
      unplaced: monolith.tables.filter((_, index) => serviceOf(index) === undefined).map((table) => table.name),
      keysInside: keysInside(monolith, evidence, serviceOf),
      partitions: Object.fromEntries(monolith.partitions),
      cycles,
      order: orderReasons({ order, cuts, transactions }, { services, usage }),
      duplicates: findDuplicates({ monolith, usage, cuts, reads: transactions.crossingReads, serviceOf, sharedKindOf }),
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
