import type { TableName } from '../model/names.ts';
import { compareWith } from './against.ts';
import { findDuplicates } from './advice/duplicates.ts';
import { tiesOf } from './advice/leaving.ts';
import { orderReasons } from './advice/order-reasons.ts';
import { Usage } from './advice/usage.ts';
import { describeLevels, findAlternatives } from './alternatives.ts';
import { bondsOf } from './bonds.ts';
import { describeService, describeShared, describeTable } from './describe.ts';
import { divide } from './division.ts';
import type { BoundaryDocument, ServiceDetails, TableDetails } from './document.ts';
import { readInput, type AnalyzerInput, type Monolith } from './input.ts';
import { round } from './metrics.ts';
import type { AnalyzeOptions } from './options.ts';
import { describeHierarchy } from './describe-hierarchy.ts';
import { decompose } from './partition.ts';
import { describeSignals } from './sensitivity.ts';
import { findCycles } from './service-graph.ts';
import type { SharedKind } from './shared-tables.ts';
import { gatherEvidence, type Evidence } from './signals.ts';
import { append, itemAt } from './lookup.ts';
import { summariseWorkload } from './workload/merge.ts';

/** The whole analysis: evidence, division, and what follows from it. */
export function buildDocument(input: AnalyzerInput, options: AnalyzeOptions): BoundaryDocument {
  const monolith = readInput(input);
  const evidence = gatherEvidence(monolith);
  const decomposition = decompose(monolith, evidence, options);
  const { convention } = decomposition;
  const hierarchy = decomposition.hierarchy();
  const usage = new Usage(monolith);
  const context = { monolith, evidence, usage, convention };
  const division = divide(context, decomposition.partition);
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
      owners: ownedTables(monolith),
      signals: describeSignals(monolith, evidence, { options, convention, partition: decomposition.partition, names }),
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
      alternatives: findAlternatives(context, { chosen: division, hierarchy, apart: decomposition.apart }),
      levels: describeLevels(context, hierarchy, order.length),
      hierarchy: describeHierarchy(monolith, hierarchy, division),
      resolutions: decomposition.scan.map(({ resolution, services: number, stability }) => ({ resolution, services: number, stability: round(stability) })),
      ...(options.against === undefined ? {} : { against: compareWith({ ...context, ...describing }, division, options.against) }),
      unknownTables: monolith.unknownTables,
      ...(input.workload?.sources ? { workload: summariseWorkload(input.workload) } : {}),
    },
  };
}

function ownedTables(monolith: Monolith): Record<string, TableName[]> {
  const owned = new Map<string, TableName[]>();
  monolith.tables.forEach(({ name }, index) => {
    const owner = monolith.owners[index];
    if (owner !== undefined) append(owned, owner, name);
  });
  return Object.fromEntries([...owned].sort((a, b) => (a[0] < b[0] ? -1 : 1)));
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
