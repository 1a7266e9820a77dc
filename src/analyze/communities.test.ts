import { array, assert, integer, nat, property, tuple } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { adjustedRandIndex } from './compare.ts';
import { combine, contract, PairWeights } from './graph.ts';
import { leiden, modularity } from './leiden.ts';
import { averageLinkage, cutHierarchy } from './linkage.ts';
import { seededRandom } from '../core/random.ts';
import { shuffled } from './random.ts';

function cliques(count: number, size: number, bridge: number): PairWeights {
  const pairs = new PairWeights(count * size);
  for (let c = 0; c < count; c += 1) {
    for (let i = 0; i < size; i += 1) for (let j = i + 1; j < size; j += 1) pairs.add(c * size + i, c * size + j, 1);
    if (c > 0) pairs.add((c - 1) * size, c * size, bridge);
  }
  return pairs;
}

describe('leiden', () => {
  test('finds cliques joined by weak bridges, at any start', () => {
    const graph = cliques(5, 6, 0.2).toGraph();
    const expected = Int32Array.from({ length: 30 }, (_, i) => Math.floor(i / 6));
    for (let seed = 0; seed < 20; seed += 1) {
      expect(leiden(graph, { resolution: 1, random: seededRandom(seed) })).toEqual(expected);
    }
  });

  test('a lower resolution joins, a higher one divides', () => {
    const graph = cliques(6, 4, 0.5).toGraph();
    const count = (resolution: number): number => new Set(leiden(graph, { resolution, random: seededRandom(1) })).size;
    expect(count(0.1)).toBeLessThan(count(1));
    expect(count(1)).toBe(6);
    expect(count(30)).toBe(24);
  });

  test('every community is connected, and no single move improves modularity', () => {
    const pair = tuple(nat(24), nat(24), integer({ min: 1, max: 5 }));
    assert(
      property(array(pair, { maxLength: 80 }), nat(1000), (edges, seed) => {
        const pairs = new PairWeights(25);
        for (const [a, b, weight] of edges) pairs.add(a, b, weight);
        const graph = pairs.toGraph();
        const partition = leiden(graph, { resolution: 1, random: seededRandom(seed) });
        for (const community of new Set(partition)) {
          const members = [...partition.keys()].filter((node) => partition[node] === community);
          const reached = new Set([members[0]!]);
          for (const node of reached) for (const other of members) if (pairs.get(node, other) > 0) reached.add(other);
          expect(reached.size).toBe(members.length);
        }
        const before = modularity(graph, partition);
        for (const [a, b] of pairs.entries()) {
          const moved = Int32Array.from(partition);
          moved[a] = partition[b]!;
          expect(modularity(graph, moved)).toBeLessThanOrEqual(before + 1e-9);
        }
      }),
      { numRuns: 60, seed: 7 },
    );
  });

  test('a contracted graph has the modularity of its whole', () => {
    const pairs = cliques(4, 3, 0.5);
    const groups = Int32Array.from({ length: 12 }, (_, i) => Math.floor(i / 3));
    const small = contract(pairs, groups, 4);
    expect(modularity(small, Int32Array.from([0, 1, 2, 3]))).toBeCloseTo(modularity(pairs.toGraph(), groups), 12);
    expect(new Set(leiden(small, { resolution: 1, random: seededRandom(1) })).size).toBe(4);
  });

  test('a graph without edges has a community for every node', () => {
    const graph = new PairWeights(3).toGraph();
    expect([...leiden(graph, { resolution: 1, random: seededRandom(1) })]).toEqual([0, 1, 2]);
    expect(modularity(graph, Int32Array.from([0, 0, 0]))).toBe(0);
  });
});

describe('PairWeights', () => {
  test('knows a pair both ways and ignores loops and nothing', () => {
    const pairs = new PairWeights(3);
    pairs.add(2, 1, 1);
    pairs.add(1, 2, 0.5);
    pairs.add(1, 1, 9);
    pairs.add(0, 1, 0);
    expect([...pairs.entries()]).toEqual([[1, 2, 1.5]]);
    expect([pairs.get(2, 1), pairs.total, pairs.size]).toEqual([1.5, 1.5, 1]);
    expect([...combine(3, [{ pairs, factor: 2 }, { pairs, factor: 0 }]).entries()]).toEqual([[1, 2, 3]]);
  });
});

describe('adjustedRandIndex', () => {
  test.each([
    [[0, 0, 1, 1], [5, 5, 3, 3], 1],
    [[0, 0, 1, 1], [0, 1, 1, 1], 0],
    [[0, 0, 0, 1, 1, 1], [0, 0, 0, 1, 1, 2], 2.4 / 3.4],
    [[0, 0, 0], [0, 1, 2], 0],
    [[0], [0], 1],
  ])('%j against %j', (a, b, expected) => {
    expect(adjustedRandIndex(a, b)).toBeCloseTo(expected, 12);
  });
});

describe('averageLinkage', () => {
  test('joins what is most alike first, groups by their mean', () => {
    const likeness = Float32Array.from([1, 0.9, 0.4, 0, 0.9, 1, 0.2, 0, 0.4, 0.2, 1, 0.1, 0, 0, 0.1, 1]);
    const joins = averageLinkage(likeness, 4);
    expect(joins.map(({ a, b }) => [a, b])).toEqual([[0, 1], [0, 2], [0, 3]]);
    expect(joins.map((join) => join.likeness)).toEqual([expect.closeTo(0.9), expect.closeTo(0.3), expect.closeTo(0.0333, 3)]);
    expect([...cutHierarchy(joins, 4, 0.5)]).toEqual([0, 0, 1, 2]);
    expect([...cutHierarchy(joins, 4, 0.25)]).toEqual([0, 0, 0, 1]);
  });
});

test('shuffled is a permutation that a seed fixes', () => {
  expect(shuffled(9, seededRandom(3)).sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  expect(shuffled(9, seededRandom(3))).toEqual(shuffled(9, seededRandom(3)));
});
