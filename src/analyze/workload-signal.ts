import type { Access, Monolith } from './input.ts';
import { PairWeights } from './graph.ts';
import { at, increase } from './lookup.ts';

/** Groups of tables that something touches together, and how often. */
export interface Together {
  readonly members: readonly number[];
  readonly calls: number;
}

/**
 * How often two tables occur together, compared with how often each occurs at all (a cosine): 1 if
 * neither ever occurs without the other, little for a table that occurs everywhere. A group of k
 * tables spreads its calls over k - 1 partners of each member. Calls count by their root, so one
 * busy request does not drown the rest.
 */
export function togetherPairs(size: number, groups: readonly Together[]): PairWeights {
  const totals = new Float64Array(size);
  const counts = new PairWeights(size);
  for (const { members, calls } of groups) {
    const weight = Math.sqrt(calls);
    for (const member of members) increase(totals, member, weight);
    // A report that reads fifty tables says nothing about any two of them.
    if (members.length < 2 || members.length > 40) continue;
    members.forEach((a, i) => {
      for (const b of members.slice(i + 1)) counts.add(a, b, weight / (members.length - 1));
    });
  }
  const pairs = new PairWeights(size);
  for (const [a, b, weight] of counts.entries()) {
    pairs.add(a, b, weight / Math.sqrt(at(totals, a) * at(totals, b)));
  }
  return pairs;
}

export function writtenTogether(monolith: Monolith): PairWeights {
  return togetherPairs(monolith.tables.length, monolith.transactions.filter((transaction) => transaction.tellsWrites).map(writes));
}

export function joinedTogether(monolith: Monolith): PairWeights {
  const groups = monolith.transactions.flatMap(({ calls, joins, reads }) => [
    ...joins.map((members) => ({ members, calls })),
    ...reads.map((table) => ({ members: [table], calls: calls * 0.25 })),
  ]);
  return togetherPairs(monolith.tables.length, groups);
}

export function usedTogether(monolith: Monolith): PairWeights {
  const groups = monolith.transactions.map(({ calls, reads, writes: written }) => ({
    members: [...new Set([...reads, ...written])],
    calls,
  }));
  return togetherPairs(monolith.tables.length, groups);
}

function writes(transaction: Access): Together {
  return { members: transaction.writes, calls: transaction.calls };
}
