import { adjustedRandIndex } from './compare.ts';
import { combine, contract, PairWeights, type WeightedGraph } from './graph.ts';
import { leiden, renumber, type Partition } from './leiden.ts';
import { seededRandom } from './random.ts';
import type { Signal } from './signals.ts';

/** One resolution of the scan: what the variants agree on there. */
export interface Resolution {
  readonly resolution: number;
  readonly partition: Partition;
  readonly services: number;
  /** Mean likeness (ARI) of the variants to what they agree on: 1 if leaving signals out changes nothing. */
  readonly stability: number;
}

export interface Atoms {
  /** The atom of each table: tables that must stay together share one. */
  readonly of: Int32Array;
  readonly count: number;
}

const RESOLUTIONS = [0.35, 0.5, 0.7, 0.85, 1, 1.2, 1.45, 1.75, 2.1, 2.6, 3.2] as const;

/**
 * Communities at several resolutions, each agreed on by variants of the evidence: as measured, with
 * each signal left out and with each strengthened, from several starting orders (consensus
 * clustering, A. Lancichinetti and S. Fortunato, Scientific Reports 2, 336, 2012).
 */
export function scanResolutions(options: {
  readonly size: number;
  readonly signals: readonly Signal[];
  readonly atoms: Atoms;
  readonly seed: number;
  readonly resolutions?: readonly number[];
}): Resolution[] {
  const graphs = variantGraphs(options);
  // Large schemas get fewer starts; their communities depend less on the order of visits.
  const starts = options.size <= 300 ? 3 : 1;
  return (options.resolutions ?? RESOLUTIONS).map((resolution) => {
    const partitions = graphs.flatMap((graph, index) =>
      Array.from({ length: starts }, (_, start) =>
        leiden(graph, { resolution, random: seededRandom(options.seed + 1 + index * starts + start) }),
      ),
    );
    const agreed = agreeOn(partitions, options.atoms.count, options.seed);
    let likeness = 0;
    for (const partition of partitions) likeness += adjustedRandIndex(partition, agreed);
    const partition = Int32Array.from(options.atoms.of, (atom) => agreed[atom] ?? 0);
    const services = renumber(partition);
    return { resolution, partition, services, stability: likeness / partitions.length };
  });
}

function variantGraphs(options: {
  readonly size: number;
  readonly signals: readonly Signal[];
  readonly atoms: Atoms;
}): WeightedGraph[] {
  const active = options.signals.filter((signal) => signal.factor > 0);
  const variants: ((signal: Signal) => number)[] = [(signal) => signal.factor];
  if (active.length > 1) {
    for (const special of active) {
      variants.push(
        (signal) => (signal === special ? 0 : signal.factor),
        (signal) => (signal === special ? signal.factor * 1.7 : signal.factor),
      );
    }
  }
  return variants.map((factorOf) => {
    const parts = active.map((signal) => ({ pairs: signal.pairs, factor: factorOf(signal) }));
    return contract(combine(options.size, parts), options.atoms.of, options.atoms.count);
  });
}

/** The communities of the graph in which a pair weighs as often as the partitions put it together. */
function agreeOn(partitions: readonly Partition[], size: number, seed: number): Partition {
  const together = new PairWeights(size);
  const share = 1 / partitions.length;
  for (const partition of partitions) {
    const members = new Map<number, number[]>();
    partition.forEach((community, node) => members.set(community, [...(members.get(community) ?? []), node]));
    for (const list of members.values()) {
      list.forEach((a, i) => {
        for (const b of list.slice(i + 1)) together.add(a, b, share);
      });
    }
  }
  const agreed = new PairWeights(size);
  for (const [a, b, weight] of together.entries()) if (weight >= 0.5) agreed.add(a, b, weight);
  return leiden(agreed.toGraph(), { resolution: 1, random: seededRandom(seed) });
}
