import { describeReads } from './advice/reads.ts';
import { proposeSaga, type SagaContext } from './advice/saga.ts';
import type { Usage } from './advice/usage.ts';
import type { DistributedTransaction, Transactions } from './document.ts';
import { compareText, type Access, type Monolith, type Operation } from './input.ts';
import { itemAt } from './lookup.ts';

/** Which transactions and joins a division tears apart. */
export function examineTransactions(context: SagaContext & { readonly usage: Usage }): Transactions {
  const known = context.monolith.transactions.filter((transaction) => transaction.tellsWrites);
  const writing = known.filter((transaction) => transaction.writes.length > 0);
  return {
    total: known.length,
    calls: sum(known),
    writing: writing.length,
    distributed: distributedTransactions(context, writing),
    crossingReads: describeReads(context),
  };
}

/** The headline: the share of writing transactions, by calls, that write in one service only. */
export function writesKeptWhole(monolith: Monolith, serviceOf: (table: number) => unknown): number {
  let all = 0;
  let whole = 0;
  for (const { calls, writes, tellsWrites } of monolith.transactions) {
    if (writes.length === 0 || !tellsWrites) continue;
    all += calls;
    if (new Set(writes.map(serviceOf)).size === 1) whole += calls;
  }
  return all === 0 ? 1 : whole / all;
}

interface Torn {
  calls: number;
  readonly labels: string[];
  readonly writes: readonly number[];
  readonly operations: Map<string, Operation>;
}

/** Transactions that write the same tables in the same ways are one kind. */
function distributedTransactions(context: SagaContext & { readonly usage: Usage }, writing: readonly Access[]): DistributedTransaction[] {
  const merged = new Map<string, Torn>();
  for (const { calls, writes, label, operations } of writing) {
    if (new Set(writes.map(context.serviceOf)).size < 2) continue;
    const key = writes.join(',');
    const known = merged.get(key) ?? { calls: 0, labels: [], writes, operations: new Map<string, Operation>() };
    known.calls += calls;
    known.labels.push(label);
    for (const operation of operations) join(known.operations, operation);
    merged.set(key, known);
  }
  return [...merged.values()]
    .map((torn) => distributed(context, torn))
    .sort((a, b) => b.calls - a.calls || compareText(a.writes.join(), b.writes.join()));
}

function join(into: Map<string, Operation>, operation: Operation): void {
  const key = `${operation.kind} ${operation.table}`;
  const known = into.get(key);
  const union = (part: 'columns' | 'relative' | 'falling'): string[] => [...new Set([...(known?.[part] ?? []), ...operation[part]])];
  into.set(key, { ...operation, columns: union('columns'), relative: union('relative'), falling: union('falling') });
}

function distributed(context: SagaContext & { readonly usage: Usage }, torn: Torn): DistributedTransaction {
  const { pattern, remedy, steps } = proposeSaga(context, torn.writes, [...torn.operations.values()]);
  const callsPerDay = context.usage.perDay(torn.calls);
  return {
    transaction: torn.labels.length > 3 ? `${torn.labels.slice(0, 3).join(', ')} …` : torn.labels.join(', '),
    calls: torn.calls,
    ...(callsPerDay === undefined ? {} : { callsPerDay }),
    services: steps.map(({ service }) => service),
    writes: torn.writes.map((table) => itemAt(context.monolith.tables, table).name),
    pattern,
    steps,
    remedy,
  };
}

function sum(transactions: readonly Access[]): number {
  let calls = 0;
  for (const transaction of transactions) calls += transaction.calls;
  return calls;
}
