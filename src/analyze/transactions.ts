import type { CrossingRead, DistributedTransaction, Transactions } from './document.ts';
import type { Access, Monolith } from './input.ts';
import { compareText } from './input.ts';
import { append, itemAt } from './lookup.ts';

type ServiceOf = (table: number) => string | undefined;

/** Which transactions and joins a division tears apart. */
export function examineTransactions(
  monolith: Monolith,
  serviceOf: ServiceOf,
  isReplicated: (table: number) => boolean,
): Transactions {
  const writing = monolith.transactions.filter((transaction) => transaction.writes.length > 0);
  return {
    total: monolith.transactions.length,
    calls: sum(monolith.transactions),
    writing: writing.length,
    distributed: distributedTransactions(monolith, writing, serviceOf),
    crossingReads: crossingReads(monolith, serviceOf, isReplicated),
  };
}

/** The headline: the share of writing transactions, by calls, that write in one service only. */
export function writesKeptWhole(monolith: Monolith, serviceOf: (table: number) => unknown): number {
  let all = 0;
  let whole = 0;
  for (const { calls, writes } of monolith.transactions) {
    if (writes.length === 0) continue;
    all += calls;
    if (new Set(writes.map(serviceOf)).size === 1) whole += calls;
  }
  return all === 0 ? 1 : whole / all;
}

function distributedTransactions(
  monolith: Monolith,
  writing: readonly Access[],
  serviceOf: ServiceOf,
): DistributedTransaction[] {
  const merged = new Map<string, { calls: number; labels: string[]; writes: readonly number[] }>();
  for (const { calls, writes, label } of writing) {
    if (new Set(writes.map(serviceOf)).size < 2) continue;
    const key = writes.join(',');
    const known = merged.get(key) ?? { calls: 0, labels: [], writes };
    known.calls += calls;
    known.labels.push(label);
    merged.set(key, known);
  }
  return [...merged.values()]
    .map(({ calls, labels, writes }) => distributed(monolith, serviceOf, { calls, labels, writes }))
    .sort((a, b) => b.calls - a.calls || compareText(a.writes.join(), b.writes.join()));
}

function distributed(
  monolith: Monolith,
  serviceOf: ServiceOf,
  group: { readonly calls: number; readonly labels: readonly string[]; readonly writes: readonly number[] },
): DistributedTransaction {
  const byService = new Map<string, string[]>();
  for (const table of group.writes) {
    const service = serviceOf(table) ?? 'monolith';
    append(byService, service, itemAt(monolith.tables, table).name);
  }
  const ordered = [...byService].sort((a, b) => b[1].length - a[1].length || compareText(a[0], b[0]));
  const [first, second] = ordered.map(([service]) => service);
  return {
    transaction: group.labels.length > 3 ? `${group.labels.slice(0, 3).join(', ')} …` : group.labels.join(', '),
    calls: group.calls,
    services: ordered.map(([service]) => service),
    writes: group.writes.map((table) => itemAt(monolith.tables, table).name),
    steps: ordered.map(([service, tables], index) => ({
      service,
      action: `${index === 0 ? 'writes' : 'receives the event and writes'} ${tables.join(', ')}`,
      compensation: index === 0 ? 'marks its rows as withdrawn' : `undoes its rows in ${tables.join(', ')}`,
    })),
    remedy:
      ordered.length === 2
        ? `outbox: ${first} commits its rows and an event in one transaction; ${second} applies it once`
        : `saga: ${first} starts it and tells the others one by one; each step has a compensation`,
  };
}

function crossingReads(
  monolith: Monolith,
  serviceOf: ServiceOf,
  isReplicated: (table: number) => boolean,
): CrossingRead[] {
  const merged = new Map<string, { calls: number; tables: readonly number[] }>();
  for (const { calls, joins } of monolith.transactions) {
    for (const tables of joins) {
      if (new Set(tables.map(serviceOf)).size < 2) continue;
      const known = merged.get(tables.join(',')) ?? { calls: 0, tables };
      known.calls += calls;
      merged.set(tables.join(','), known);
    }
  }
  return [...merged.values()]
    .map(({ calls, tables }): CrossingRead => {
      const services = [...new Set(tables.map((table) => serviceOf(table) ?? 'monolith'))].sort();
      const owned = new Set(tables.filter((table) => !isReplicated(table)).map(serviceOf));
      const remedy =
        owned.size < 2
          ? 'replicate the reference data it reads'
          : `compose: ask each service by id, or keep a read model of the columns it needs`;
      return { tables: tables.map((table) => itemAt(monolith.tables, table).name), services, calls, remedy };
    })
    .sort((a, b) => b.calls - a.calls || compareText(a.tables.join(), b.tables.join()));
}

function sum(transactions: readonly Access[]): number {
  let calls = 0;
  for (const transaction of transactions) calls += transaction.calls;
  return calls;
}
