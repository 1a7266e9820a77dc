import { adjustedRandIndex } from '../src/analyze/compare.ts';
import type { PairWeights } from '../src/analyze/graph.ts';
import { modularity, renumber, type Partition } from '../src/analyze/leiden.ts';
import { averageLinkage, cutHierarchy } from '../src/analyze/linkage.ts';
import { shuffled } from '../src/analyze/random.ts';
import { seededRandom } from '../src/core/random.ts';

/** Methods of the field beside which the analysis is measured, each in its plainest form. */

type Neighbours = readonly ReadonlyMap<number, number>[];

function neighboursOf(pairs: PairWeights, size: number): Neighbours {
  const rows = Array.from({ length: size }, () => new Map<number, number>());
  for (const [a, b, weight] of pairs.entries()) {
    rows[a]!.set(b, weight);
    rows[b]!.set(a, weight);
  }
  return rows;
}

/** Moves nodes, then groups of nodes, for as long as `gain` says that it helps: the frame of Louvain. */
function louvain<State>(graph: Neighbours, seed: number, quality: Quality<State>): Partition {
  const walk = (rows: Neighbours, members: readonly number[][]): Partition => {
    const labels = Int32Array.from(rows, (_, i) => i);
    const state = quality.start(rows, members);
    for (let round = 0, moved = 1; round < 30 && moved > 0; round += 1) {
      moved = 0;
      for (const node of shuffled(rows.length, seededRandom(seed + round))) {
        const links = new Map<number, number>();
        for (const [other, weight] of rows[node]!) links.set(labels[other]!, (links.get(labels[other]!) ?? 0) + weight);
        const best = quality.best(state, { node, own: labels[node]!, links });
        if (best === labels[node]) continue;
        quality.move(state, { node, own: labels[node]!, links }, best);
        labels[node] = best;
        moved += 1;
      }
    }
    const count = renumber(labels);
    if (count === rows.length) return labels;
    const upper = Array.from({ length: count }, () => new Map<number, number>());
    const groups: number[][] = Array.from({ length: count }, () => []);
    rows.forEach((row, node) => {
      groups[labels[node]!]!.push(...members[node]!);
      for (const [other, weight] of row) {
        const [x, y] = [labels[node]!, labels[other]!];
        if (x !== y) upper[x]!.set(y, (upper[x]!.get(y) ?? 0) + weight);
      }
    });
    const found = walk(upper, groups);
    return labels.map((label) => found[label]!);
  };
  return walk(graph, graph.map((_, i) => [i]));
}

interface Move {
  readonly node: number;
  readonly own: number;
  /** Weight of the node's links to each group. */
  readonly links: ReadonlyMap<number, number>;
}

interface Quality<State> {
  start(rows: Neighbours, members: readonly number[][]): State;
  best(state: State, move: Move): number;
  move(state: State, move: Move, to: number): void;
}

/** The constant Potts model: a group is worth its links less γ for each pair in it (Traag et al. 2011). */
function potts(gamma: number): Quality<{ readonly sizes: number[]; readonly groups: number[] }> {
  return {
    start: (_, members) => ({ sizes: members.map((list) => list.length), groups: members.map((list) => list.length) }),
    best({ sizes, groups }, { node, own, links }) {
      const gain = (group: number): number => (links.get(group) ?? 0) - gamma * sizes[node]! * (groups[group]! - (group === own ? sizes[node]! : 0));
      let best = own;
      for (const group of links.keys()) if (gain(group) > gain(best) + 1e-12) best = group;
      return best;
    },
    move({ sizes, groups }, { node, own }, to) {
      groups[own]! -= sizes[node]!;
      groups[to]! += sizes[node]!;
    },
  };
}

/** CPM at twelve resolutions; the one whose results from four starts are most alike. */
export function pottsByStability(pairs: PairWeights, size: number): Partition {
  const graph = neighboursOf(pairs, size);
  let best: { readonly partition: Partition; readonly stability: number } | undefined;
  for (let step = 0; step < 12; step += 1) {
    const found = [1, 2, 3, 4].map((seed) => louvain(graph, seed, potts(0.01 * 1.5 ** step)));
    const services = new Set(found[0]).size;
    if (services < 3 || services > size / 3) continue;
    const alike = [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]].map(([a, b]) => adjustedRandIndex(found[a!]!, found[b!]!));
    const stability = alike.reduce((sum, value) => sum + value, 0) / alike.length;
    if (!best || stability > best.stability) best = { partition: found[0]!, stability };
  }
  return best?.partition ?? new Int32Array(size);
}

const entropy = (share: number): number => (share > 0 ? share * Math.log2(share) : 0);

/** The map equation on two levels (Rosvall and Bergstrom 2008). */
export function infomap(pairs: PairWeights, size: number): Partition {
  const graph = neighboursOf(pairs, size);
  const total = 2 * pairs.total || 1;
  const visits = graph.map((row) => [...row.values()].reduce((sum, weight) => sum + weight, 0) / total);
  interface State { readonly node: number[]; readonly out: number[]; readonly visit: number[]; readonly exit: number[] }
  const change = (state: State, { node, own, links }: Move, to: number): { readonly length: number; readonly own: number; readonly to: number } => {
    const exits = state.exit.reduce((sum, value) => sum + value, 0);
    const left = state.exit[own]! - state.out[node]! + (2 * (links.get(own) ?? 0)) / total;
    const joined = state.exit[to]! + state.out[node]! - (2 * (links.get(to) ?? 0)) / total;
    const before = entropy(exits) - 2 * (entropy(state.exit[own]!) + entropy(state.exit[to]!)) + entropy(state.exit[own]! + state.visit[own]!) + entropy(state.exit[to]! + state.visit[to]!);
    const visit = state.node[node]!;
    const after = entropy(exits - state.exit[own]! - state.exit[to]! + left + joined) - 2 * (entropy(left) + entropy(joined)) + entropy(left + state.visit[own]! - visit) + entropy(joined + state.visit[to]! + visit);
    return { length: after - before, own: left, to: joined };
  };
  return louvain<State>(graph, 1, {
    start(rows, members) {
      const node = members.map((list) => list.reduce((sum, table) => sum + visits[table]!, 0));
      const out = rows.map((row) => [...row.values()].reduce((sum, weight) => sum + weight, 0) / total);
      return { node, out, visit: [...node], exit: [...out] };
    },
    best(state, move) {
      let best = move.own;
      let shortest = -1e-12;
      for (const group of move.links.keys()) {
        if (group === move.own) continue;
        const { length } = change(state, move, group);
        if (length < shortest) [best, shortest] = [group, length];
      }
      return best;
    },
    move(state, move, to) {
      const next = change(state, move, to);
      state.exit[move.own] = next.own;
      state.exit[to] = next.to;
      state.visit[move.own]! -= state.node[move.node]!;
      state.visit[to]! += state.node[move.node]!;
    },
  });
}

/** Every node takes the label that most of its links have (Raghavan et al. 2007). */
export function labelPropagation(pairs: PairWeights, size: number): Partition {
  const graph = neighboursOf(pairs, size);
  const labels = Int32Array.from(graph, (_, i) => i);
  for (let round = 0, moved = 1; round < 40 && moved > 0; round += 1) {
    moved = 0;
    for (const node of shuffled(size, seededRandom(round + 1))) {
      const votes = new Map<number, number>();
      for (const [other, weight] of graph[node]!) votes.set(labels[other]!, (votes.get(labels[other]!) ?? 0) + weight);
      let best = labels[node]!;
      for (const [label, weight] of votes) if (weight > (votes.get(best) ?? 0) + 1e-12) best = label;
      if (best === labels[node]) continue;
      labels[node] = best;
      moved += 1;
    }
  }
  renumber(labels);
  return labels;
}

/** Average linkage over the weights, cut where modularity is highest. */
export function linkage(pairs: PairWeights, size: number): Partition {
  const likeness = new Float32Array(size * size);
  for (const [a, b, weight] of pairs.entries()) likeness[a * size + b] = likeness[b * size + a] = weight;
  const joins = averageLinkage(likeness, size);
  const graph = pairs.toGraph();
  const cuts = [...new Set(joins.map((join) => join.likeness))].filter((_, i) => i % Math.ceil(size / 60) === 0);
  let best: { readonly partition: Partition; readonly value: number } | undefined;
  for (const cut of cuts) {
    const partition = cutHierarchy(joins, size, cut);
    const value = modularity(graph, partition);
    if (!best || value > best.value) best = { partition, value };
  }
  return best?.partition ?? new Int32Array(size);
}
