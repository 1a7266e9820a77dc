import { adjustedRandIndex } from './compare.ts';
import { combine, contract, type WeightedGraph } from './graph.ts';
import { leiden, renumber, type Partition } from './leiden.ts';
import { averageLinkage, cutHierarchy, type Join } from './linkage.ts';
import { seededRandom } from '../core/random.ts';
import type { Signal } from './signals.ts';
import { at, increase } from './lookup.ts';

/** Groups of tables that are moved as one. */
export interface Atoms {
  /** The atom of each table. */
  readonly of: Int32Array;
  readonly count: number;
}

/** One resolution of the scan. */
export interface Resolution {
  readonly resolution: number;
  readonly partition: Partition;
  readonly services: number;
  /** Mean likeness (ARI) of the variants to the plain evidence: 1 if leaving a signal out changes nothing. */
  readonly stability: number;
}

export interface Consensus {
  readonly scan: readonly Resolution[];
  /** Tables grouped as at least `share` of all variants at all resolutions group them, on average. */
  agreedBy(share: number): Partition;
}

/** From two or three large services to many small ones; more than that nobody would run. */
const RESOLUTIONS = [0.35, 0.5, 0.7, 0.85, 1, 1.2, 1.45, 1.75, 2.1] as const;

/**
 * Communities that do not hang on one resolution or one signal. The Leiden method runs at several
 * resolutions on variants of the evidence (as measured, each signal left out, each strengthened),
 * from several starting orders; how often two tables come out together is their likeness, and
 * average linkage makes a hierarchy of it (consensus clustering: A. Strehl and J. Ghosh 2002;
 * A. Lancichinetti and S. Fortunato 2012). Small cohesive services and large ones, which no single
 * resolution finds together, both survive in it.
 */
export function findConsensus(options: {
  readonly size: number;
  readonly signals: readonly Signal[];
  readonly atoms: Atoms;
  readonly seed: number;
  /** Only the evidence as measured, from one start. */
  readonly quick?: boolean;
}): Consensus {
  const { atoms } = options;
  const graphs = variantGraphs(options).slice(0, options.quick === true ? 1 : undefined);
  // Communities of large graphs depend less on the order of visits, and cost more.
  const starts = options.size <= 300 && options.quick !== true ? 3 : 1;
  const likeness = new Float32Array(atoms.count * atoms.count);
  const share = 1 / (RESOLUTIONS.length * graphs.length * starts);
  const scan = RESOLUTIONS.map((resolution): Resolution => {
    let plain: Partition | undefined;
    let alike = 0;
    graphs.forEach((graph, index) => {
      for (let start = 0; start < starts; start += 1) {
        const random = seededRandom(options.seed + 1 + index * starts + start);
        const found = leiden(graph, { resolution, random });
        plain ??= found;
        alike += adjustedRandIndex(plain, found);
        addTogether(likeness, found, share);
      }
    });
    const partition = onTables(plain ?? new Int32Array(atoms.count), atoms);
    const services = new Set(partition).size;
    return { resolution, partition, services, stability: alike / (graphs.length * starts) };
  });
  let joins: readonly Join[] | undefined;
  return {
    scan,
    agreedBy(least) {
      joins ??= averageLinkage(likeness, atoms.count);
      return onTables(cutHierarchy(joins, atoms.count, least), atoms);
    },
  };
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

function addTogether(likeness: Float32Array, partition: Partition, share: number): void {
  const size = partition.length;
  const members = new Map<number, number[]>();
  partition.forEach((community, node) => {
    const list = members.get(community);
    if (list) list.push(node);
    else members.set(community, [node]);
  });
  for (const list of members.values()) {
    for (const a of list) for (const b of list) increase(likeness, a * size + b, share);
  }
}

function onTables(partition: Partition, atoms: Atoms): Partition {
  const tables = Int32Array.from(atoms.of, (atom) => at(partition, atom));
  renumber(tables);
  return tables;
}
