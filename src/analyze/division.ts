import type { TableName } from '../model/names.ts';
import type { Usage } from './advice/usage.ts';
import type { Convention } from './convention.ts';
import { findCuts } from './cuts.ts';
import type { Cut, Metrics, Transactions } from './document.ts';
import type { Monolith } from './input.ts';
import type { Partition } from './leiden.ts';
import { at, itemAt } from './lookup.ts';
import { measure } from './metrics.ts';
import { nameServices } from './service-names.ts';
import { extractionOrder } from './service-graph.ts';
import { sharedKind, type SharedKind } from './shared-tables.ts';
import type { Evidence } from './signals.ts';
import { examineTransactions } from './transactions.ts';

/** What every division of the same monolith is looked at with. */
export interface DivisionContext {
  readonly monolith: Monolith;
  readonly evidence: Evidence;
  readonly usage: Usage;
  readonly convention: Convention;
}

/** A division of the tables with all that follows from it. */
export interface Division {
  readonly partition: Partition;
  /** By number of the service. */
  readonly names: readonly string[];
  readonly members: readonly (readonly number[])[];
  readonly serviceOf: (table: number) => string | undefined;
  readonly shared: ReadonlyMap<number, SharedKind>;
  readonly cuts: readonly Cut[];
  readonly transactions: Transactions;
  readonly order: readonly string[];
  readonly metrics: Metrics;
  /** Tables by service, in the order of extraction. */
  readonly services: Readonly<Record<string, readonly TableName[]>>;
}

/** @param partition The service of each table, numbered from 0 without gaps; -1: in none. */
export function divide(context: DivisionContext, partition: Partition, given?: readonly string[]): Division {
  const { monolith, evidence, usage, convention } = context;
  const members = membersOf(partition);
  const shared = findShared(monolith, evidence, partition);
  const names =
    given ??
    nameServices({
      monolith,
      members,
      words: evidence.words,
      references: evidence.references,
      unimportant: new Set(shared.keys()),
      ...(convention.followed ? { labels: convention.labels } : {}),
    });
  const serviceOf = (table: number): string | undefined => names[at(partition, table)];
  const sharedKindOf = (table: number): SharedKind | undefined => shared.get(table);
  const cuts = findCuts({ monolith, usage, references: evidence.references, serviceOf, sharedKindOf });
  const transactions = examineTransactions({ monolith, usage, references: evidence.references, serviceOf, sharedKindOf });
  const order = extractionOrder(names, cuts, transactions.distributed);
  const numbers = new Map(names.map((name, service) => [name, service]));
  const tablesOf = (name: string): TableName[] => itemAt(members, numbers.get(name) ?? -1).map((table) => itemAt(monolith.tables, table).name);
  return {
    partition, names, members, serviceOf, shared, cuts, transactions, order,
    metrics: measure({ monolith, references: evidence.references, pairs: evidence.pairs, partition, services: names.length }),
    services: Object.fromEntries(order.map((name) => [name, tablesOf(name)])),
  };
}

export function membersOf(partition: Partition): number[][] {
  const members: number[][] = [];
  partition.forEach((service, table) => {
    if (service >= 0) (members[service] ??= []).push(table);
  });
  return members;
}

function findShared(monolith: Monolith, evidence: Evidence, partition: Partition): Map<number, SharedKind> {
  const shared = new Map<number, SharedKind>();
  monolith.tables.forEach((_, table) => {
    const users = new Set(evidence.references.filter((item) => item.parent === table).map((item) => partition[item.child]));
    users.delete(partition[table]);
    const kind = sharedKind({ monolith, table, references: evidence.references, foreignServices: users.size });
    if (kind) shared.set(table, kind);
  });
  return shared;
}
