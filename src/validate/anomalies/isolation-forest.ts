import type { Random } from '../../core/random.ts';

/*
 * The isolation forest of F. T. Liu, K. M. Ting and Z.-H. Zhou ("Isolation Forest", ICDM 2008; "Isolation-Based
 * Anomaly Detection", TKDD 6(1), 2012): random cuts separate what is unlike the rest after fewer cuts. A tree cuts a
 * random feature at a random place between its least and its greatest value until a point is alone or the tree is as
 * deep as a tree of so many points is on the average. A point's score is 2 to the minus (its mean depth over the depth
 * that chance would give): near 1 it is unlike the others, near 0.5 and below it is one of them.
 */

type Tree = { readonly size: number } | { readonly feature: number; readonly cut: number; readonly below: Tree; readonly above: Tree };

export interface ForestOptions {
  readonly random: Random;
  /** Default 100: beyond it depths hardly change. */
  readonly trees?: number;
  /** Points that each tree is grown from. Default 256: more would hide anomalies behind each other. */
  readonly sample?: number;
}

/** The score of each point, 0 to 1. Points are vectors of one length without NaN. Costs trees × log2(sample) steps a point. */
export function isolationScores(points: readonly (readonly number[])[], { random, trees = 100, sample = 256 }: ForestOptions): readonly number[] {
  const size = Math.min(sample, points.length);
  if (size < 2) return points.map(() => 0);
  const deepest = Math.ceil(Math.log2(size));
  const depths = new Float64Array(points.length);
  for (let round = 0; round < trees; round += 1) {
    const tree = grow(drawn(points, size, random), 0, deepest, random);
    for (const [index, point] of points.entries()) depths[index] = (depths[index] ?? 0) + depthOf(tree, point);
  }
  const usual = averageDepth(size);
  return Array.from(depths, (depth) => 2 ** (-depth / trees / usual));
}

function grow(points: readonly (readonly number[])[], depth: number, deepest: number, random: Random): Tree {
  if (depth >= deepest || points.length <= 1) return { size: points.length };
  const found = drawCut(points, random);
  if (!found) return { size: points.length };
  const { feature, cut } = found;
  const below = points.filter((point) => (point[feature] ?? 0) < cut);
  const above = points.filter((point) => (point[feature] ?? 0) >= cut);
  return { feature, cut, below: grow(below, depth + 1, deepest, random), above: grow(above, depth + 1, deepest, random) };
}

/** A feature that still differs, and a place in it; undefined: all points are the same. */
function drawCut(points: readonly (readonly number[])[], random: Random): { readonly feature: number; readonly cut: number } | undefined {
  const left = Array.from({ length: points[0]?.length ?? 0 }, (_, feature) => feature);
  while (left.length > 0) {
    const [feature = 0] = left.splice(Math.floor(random() * left.length), 1);
    let least = Infinity;
    let greatest = -Infinity;
    for (const point of points) {
      const value = point[feature] ?? 0;
      if (value < least) least = value;
      if (value > greatest) greatest = value;
    }
    // Above the least, so that neither half is empty.
    if (greatest > least) return { feature, cut: Math.min(greatest, least + (greatest - least) * (1 - random())) };
  }
  return undefined;
}

function depthOf(tree: Tree, point: readonly number[]): number {
  let depth = 0;
  let node = tree;
  while ('cut' in node) {
    node = (point[node.feature] ?? 0) < node.cut ? node.below : node.above;
    depth += 1;
  }
  // What was not cut apart any more would have been, at about this depth.
  return depth + averageDepth(node.size);
}

const EULER = 0.577_215_664_901_532_9;

/** The mean depth at which a search tree of `size` points drawn at random ends. */
function averageDepth(size: number): number {
  if (size <= 1) return 0;
  return size === 2 ? 1 : 2 * (Math.log(size - 1) + EULER) - (2 * (size - 1)) / size;
}

/** `count` of them without repetition, each set with the same chance. */
function drawn<T>(items: readonly T[], count: number, random: Random): readonly T[] {
  const chosen = items.slice(0, count);
  for (let index = count; index < items.length; index += 1) {
    const place = Math.floor(random() * (index + 1));
    const item = items[index];
    if (place < count && item !== undefined) chosen[place] = item;
  }
  return chosen;
}
