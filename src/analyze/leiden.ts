import type { WeightedGraph } from './graph.ts';
import type { Random } from '../core/random.ts';
import { shuffled } from './random.ts';
import { at, count, increase, itemAt } from './lookup.ts';

export interface LeidenOptions {
  /** Resolution γ of the modularity: above 1 gives more and smaller communities. */
  readonly resolution: number;
  readonly random: Random;
}

/** A partition: the community of each node, numbered from 0 without gaps. */
export type Partition = Int32Array;

interface Level {
  readonly size: number;
  /** Neighbours of node i are at start[i] … start[i+1]-1. */
  readonly start: Int32Array;
  readonly target: Int32Array;
  readonly weight: Float64Array;
  /** Weighted degree, self-loops counted twice. */
  readonly degree: Float64Array;
}

/**
 * Communities by the Leiden method (V. A. Traag, L. Waltman, N. J. van Eck, "From Louvain to Leiden:
 * guaranteeing well-connected communities", Scientific Reports 9, 5233, 2019) on modularity with a
 * resolution (Reichardt and Bornholdt 2006). Nodes are visited in an order drawn from `random`, and
 * the refinement takes the best merge rather than a random one, so a seed fixes the result.
 */
export function leiden(graph: WeightedGraph, options: LeidenOptions): Partition {
  let level = levelOf(graph);
  const total = sum(level.degree);
  let membership: Partition = Int32Array.from({ length: graph.size }, (_, i) => i);
  if (total === 0) return membership;
  const scale = options.resolution / total;
  let communities: Partition = Int32Array.from(membership);
  for (;;) {
    communities = moveNodes(level, communities, scale, options.random);
    const services = renumber(communities);
    if (services === level.size) break;
    const refined = refine(level, communities, scale, options.random);
    const parts = renumber(refined);
    const finest = parts === level.size ? communities : refined;
    const size = parts === level.size ? services : parts;
    const nextCommunities = new Int32Array(size);
    for (let i = 0; i < level.size; i += 1) nextCommunities[at(finest, i)] = at(communities, i);
    membership = membership.map((node) => at(finest, node));
    level = aggregate(level, finest, size);
    communities = nextCommunities;
  }
  const result = membership.map((node) => at(communities, node));
  renumber(result);
  return result;
}

/** Modularity of a partition at a resolution: the share of weight inside, less what chance would put there. */
export function modularity(graph: WeightedGraph, partition: Partition, resolution = 1): number {
  const level = levelOf(graph);
  const total = sum(level.degree);
  if (total === 0) return 0;
  const degrees = new Map<number, number>();
  for (let i = 0; i < graph.size; i += 1) {
    count(degrees, at(partition, i), at(level.degree, i));
  }
  let inside = graph.loops ? 2 * sum(graph.loops) : 0;
  for (let e = 0; e < graph.weight.length; e += 1) {
    if (at(partition, at(graph.from, e)) === at(partition, at(graph.to, e))) inside += 2 * at(graph.weight, e);
  }
  let expected = 0;
  for (const degree of degrees.values()) expected += (degree / total) ** 2;
  return inside / total - resolution * expected;
}

/** Numbers the communities from 0 in order of first appearance; returns how many there are. */
export function renumber(partition: Partition): number {
  const numbers = new Map<number, number>();
  for (let i = 0; i < partition.length; i += 1) {
    const old = at(partition, i);
    let number = numbers.get(old);
    if (number === undefined) {
      number = numbers.size;
      numbers.set(old, number);
    }
    partition[i] = number;
  }
  return numbers.size;
}

function moveNodes(level: Level, initial: Partition, scale: number, random: Random): Partition {
  const community = Int32Array.from(initial);
  const mass = new Float64Array(level.size);
  for (let i = 0; i < level.size; i += 1) increase(mass, at(community, i), at(level.degree, i));
  const empty: number[] = [];
  for (let c = level.size - 1; c >= 0; c -= 1) if (at(mass, c) === 0) empty.push(c);
  const queue = shuffled(level.size, random);
  const queued = new Uint8Array(level.size).fill(1);
  const linked = new Float64Array(level.size);
  for (let head = 0; head < queue.length; head += 1) {
    const node = at(queue, head);
    queued[node] = 0;
    const own = at(community, node);
    const degree = at(level.degree, node);
    mass[own] = at(mass, own) - degree;
    const seen: number[] = [];
    for (let e = at(level.start, node); e < at(level.start, node + 1); e += 1) {
      const other = at(level.target, e);
      if (other === node) continue;
      const c = at(community, other);
      if (at(linked, c) === 0) seen.push(c);
      increase(linked, c, at(level.weight, e));
    }
    let best = own;
    let bestGain = at(linked, own) - scale * degree * at(mass, own);
    for (const c of seen) {
      const gain = at(linked, c) - scale * degree * at(mass, c);
      if (gain > bestGain + 1e-12) {
        best = c;
        bestGain = gain;
      }
    }
    if (bestGain < -1e-12) best = empty.pop() ?? own;
    for (const c of seen) linked[c] = 0;
    increase(mass, best, degree);
    if (best === own) continue;
    if (at(mass, own) <= 1e-15) empty.push(own);
    community[node] = best;
    for (let e = at(level.start, node); e < at(level.start, node + 1); e += 1) {
      const other = at(level.target, e);
      if (at(community, other) !== best && at(queued, other) === 0) {
        queued[other] = 1;
        queue.push(other);
      }
    }
  }
  return community;
}

function refine(level: Level, communities: Partition, scale: number, random: Random): Partition {
  const part = Int32Array.from({ length: level.size }, (_, i) => i);
  const communityMass = new Float64Array(level.size);
  const partMass = Float64Array.from(level.degree);
  const alone = new Uint8Array(level.size).fill(1);
  const outward = new Float64Array(level.size);
  for (let i = 0; i < level.size; i += 1) {
    const c = at(communities, i);
    increase(communityMass, c, at(level.degree, i));
    for (let e = at(level.start, i); e < at(level.start, i + 1); e += 1) {
      const other = at(level.target, e);
      if (other !== i && at(communities, other) === c) increase(outward, i, at(level.weight, e));
    }
  }
  for (const node of shuffled(level.size, random)) {
    if (at(alone, node) === 0) continue;
    const rest = at(communityMass, at(communities, node)) - at(level.degree, node);
    if (at(outward, node) < scale * at(level.degree, node) * rest) continue;
    const linked = new Map<number, number>();
    for (let e = at(level.start, node); e < at(level.start, node + 1); e += 1) {
      const other = at(level.target, e);
      if (other === node || at(communities, other) !== at(communities, node)) continue;
      count(linked, at(part, other), at(level.weight, e));
    }
    let best = -1;
    let bestGain = 1e-12;
    for (const [candidate, weight] of linked) {
      const gain = weight - scale * at(level.degree, node) * at(partMass, candidate);
      if (gain > bestGain) {
        best = candidate;
        bestGain = gain;
      }
    }
    if (best === -1) continue;
    increase(partMass, best, at(level.degree, node));
    partMass[node] = 0;
    part[node] = best;
    alone[node] = 0;
    alone[best] = 0;
  }
  return part;
}

function aggregate(level: Level, parts: Partition, size: number): Level {
  const rows = Array.from({ length: size }, () => new Map<number, number>());
  const degree = new Float64Array(size);
  for (let i = 0; i < level.size; i += 1) {
    const p = at(parts, i);
    increase(degree, p, at(level.degree, i));
    for (let e = at(level.start, i); e < at(level.start, i + 1); e += 1) {
      const q = at(parts, at(level.target, e));
      if (q !== p) count(itemAt(rows, p), q, at(level.weight, e));
    }
  }
  return fromRows(rows, degree);
}

function levelOf(graph: WeightedGraph): Level {
  const rows = Array.from({ length: graph.size }, () => new Map<number, number>());
  const degree = new Float64Array(graph.size);
  for (let e = 0; e < graph.weight.length; e += 1) {
    const a = at(graph.from, e);
    const b = at(graph.to, e);
    const w = at(graph.weight, e);
    itemAt(rows, a).set(b, w);
    itemAt(rows, b).set(a, w);
    increase(degree, a, w);
    increase(degree, b, w);
  }
  if (graph.loops) for (let i = 0; i < graph.size; i += 1) increase(degree, i, 2 * at(graph.loops, i));
  return fromRows(rows, degree);
}

function fromRows(rows: readonly Map<number, number>[], degree: Float64Array): Level {
  const start = new Int32Array(rows.length + 1);
  let entries = 0;
  rows.forEach((row, i) => {
    entries += row.size;
    start[i + 1] = entries;
  });
  const target = new Int32Array(entries);
  const weight = new Float64Array(entries);
  let e = 0;
  for (const row of rows) {
    for (const [other, w] of row) {
      target[e] = other;
      weight[e] = w;
      e += 1;
    }
  }
  return { size: rows.length, start, target, weight, degree };
}

function sum(values: Float64Array): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

