import type { Metrics } from './document.ts';
import type { PairWeights } from './graph.ts';
import type { Monolith, Reference } from './input.ts';
import { modularity, type Partition } from './leiden.ts';
import { writesKeptWhole } from './transactions.ts';
import { at, count, increase } from './lookup.ts';

/**
 * The measures of the field. Structural modularity, interface number and inter-partition calls
 * after W. Jin et al., IEEE Transactions on Software Engineering 47 (5), 2021; non-extreme
 * distribution and business-context purity after A. K. Kalia et al., "Mono2Micro", ESEC/FSE 2021;
 * modularity after M. Newman and M. Girvan, 2004.
 */
export function measure(options: {
  readonly monolith: Monolith;
  readonly references: readonly Reference[];
  readonly pairs: PairWeights;
  readonly partition: Partition;
  readonly services: number;
}): Metrics {
  const { monolith, partition, services } = options;
  const serviceOf = (table: number): number => at(partition, table);
  const sizes = new Int32Array(services);
  for (const service of partition) if (service >= 0) increase(sizes, service, 1);
  const kept = options.references.filter((item) => serviceOf(item.child) === serviceOf(item.parent)).length;
  const placed = sizes.reduce((sum, size) => sum + size, 0);
  const usual = sizes.filter((size) => size >= 5 && size <= 20).reduce((sum, size) => sum + size, 0);
  return {
    writesKeptWhole: round(writesKeptWhole(monolith, serviceOf)),
    keysKept: round(options.references.length === 0 ? 1 : kept / options.references.length),
    modularity: round(modularity(options.pairs.toGraph(), partition)),
    structuralModularity: round(structuralModularity(options.references, serviceOf, sizes)),
    interPartitionCalls: round(interPartitionCalls(monolith, serviceOf)),
    interfaceNumber: round(interfaceNumber(options.references, serviceOf, services)),
    nonExtremeDistribution: round(placed === 0 ? 0 : usual / placed),
    businessContextPurity: round(businessContextPurity(monolith, serviceOf, services)),
    services,
    tables: monolith.tables.length,
  };
}

/** Mean over services of keys inside per possible pair, less the mean over pairs of services of keys between. */
function structuralModularity(
  references: readonly Reference[],
  serviceOf: (table: number) => number,
  sizes: Int32Array,
): number {
  const count = sizes.length;
  if (count === 0) return 0;
  let cohesion = 0;
  let coupling = 0;
  for (const { child, parent } of references) {
    const a = serviceOf(child);
    const b = serviceOf(parent);
    if (a < 0 || b < 0) continue;
    if (a === b) cohesion += 1 / at(sizes, a) ** 2;
    else coupling += 1 / (2 * at(sizes, a) * at(sizes, b));
  }
  const pairs = (count * (count - 1)) / 2;
  return cohesion / count - (pairs === 0 ? 0 : coupling / pairs);
}

function interPartitionCalls(monolith: Monolith, serviceOf: (table: number) => number): number {
  let all = 0;
  let crossing = 0;
  for (const { calls, joins } of monolith.transactions) {
    for (const tables of joins) {
      tables.forEach((a, i) => {
        for (const b of tables.slice(i + 1)) {
          all += calls;
          if (serviceOf(a) !== serviceOf(b)) crossing += calls;
        }
      });
    }
  }
  return all === 0 ? 0 : crossing / all;
}

function interfaceNumber(
  references: readonly Reference[],
  serviceOf: (table: number) => number,
  services: number,
): number {
  const needed = new Set<number>();
  for (const { child, parent } of references) if (serviceOf(child) !== serviceOf(parent)) needed.add(parent);
  return services === 0 ? 0 : needed.size / services;
}

function businessContextPurity(monolith: Monolith, serviceOf: (table: number) => number, services: number): number {
  if (services === 0) return 0;
  const uses = Array.from({ length: services }, (): number[] => []);
  for (const { reads, writes } of monolith.transactions) {
    const touched = new Map<number, number>();
    for (const table of new Set([...reads, ...writes])) {
      count(touched, serviceOf(table));
    }
    for (const [service, tables] of touched) uses[service]?.push(tables);
  }
  let sum = 0;
  for (const counts of uses) {
    const all = counts.reduce((total, count) => total + count, 0);
    for (const count of counts) sum -= (count / all) * Math.log2(count / all);
  }
  return sum / services;
}

export function round(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}
