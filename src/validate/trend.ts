/** A run of the past: when it was (milliseconds since 1970), and the share of rows that differed, 0 to 1. */
export interface TrendPoint {
  readonly atMs: number;
  readonly drift: number;
}

export interface Trend {
  /** `unknown`: too few runs. */
  readonly direction: 'rising' | 'falling' | 'steady' | 'unknown';
  /** By how many percentage points the drift changes in a day. */
  readonly percentPerDay: number;
  /** How many runs it rests on. */
  readonly runs: number;
}

const FEWEST = 5;
/** One of twenty trends of pure noise is called one. */
const Z = 1.96;
const DAY_MS = 86_400_000;

/**
 * Where the drift goes. The slope is Theil and Sen's (the median of the slopes between all pairs of runs), which up to
 * 29 % of wild runs do not move; the direction is Mann and Kendall's test at 5 %, with its correction for ties: enough
 * pairs of runs go one way for it not to be chance. Both hold for any distribution, and both look at pairs only.
 * @param points in any order; time O(n²), so give the last ones only.
 */
export function driftTrend(points: readonly TrendPoint[]): Trend {
  const runs = points.length;
  if (runs < FEWEST) return { direction: 'unknown', percentPerDay: 0, runs };
  const ordered = [...points].sort((one, other) => one.atMs - other.atMs);
  const sign = ordered.reduce((sum, later, index) => ordered.slice(0, index).reduce((part, earlier) => part + Math.sign(later.drift - earlier.drift), sum), 0);
  const slopes = pairSlopes(ordered.map(({ atMs, drift }) => ({ x: atMs, y: drift })));
  const percentPerDay = slopes.length === 0 ? 0 : median(slopes) * DAY_MS * 100;
  const deviation = Math.sqrt(varianceOfSign(ordered.map(({ drift }) => drift)));
  // One less for that the sum of signs moves in steps of two.
  const certain = deviation > 0 && (Math.abs(sign) - 1) / deviation > Z;
  return { direction: certain ? (sign > 0 ? 'rising' : 'falling') : 'steady', percentPerDay, runs };
}

/** The variance of Kendall's sum of signs where nothing but chance orders the values; equal values tell less. */
function varianceOfSign(values: readonly number[]): number {
  const times = new Map<number, number>();
  for (const value of values) times.set(value, (times.get(value) ?? 0) + 1);
  const part = (n: number): number => n * (n - 1) * (2 * n + 5);
  return (part(values.length) - [...times.values()].reduce((sum, n) => sum + part(n), 0)) / 18;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Theil and Sen's line through some points: the median of the slopes between all pairs, at the median height. Time O(n²). */
export function theilSenLine(points: readonly Point[]): (x: number) => number {
  const slopes = pairSlopes(points);
  const slope = slopes.length === 0 ? 0 : median(slopes);
  // Distances from the first keep the digits that large times would take.
  const from = points[0]?.x ?? 0;
  const height = median(points.map(({ x, y }) => y - slope * (x - from)));
  return (x) => height + slope * (x - from);
}

/** Between all pairs of points that do not stand above each other. */
function pairSlopes(points: readonly Point[]): readonly number[] {
  return points.flatMap((later, index) => points.slice(0, index).filter(({ x }) => x !== later.x).map((earlier) => (later.y - earlier.y) / (later.x - earlier.x)));
}

/** The middle of some numbers; of an even number of them the mean of the two in the middle. NaN: there are none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  const half = sorted.length >> 1;
  const upper = sorted[half] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? Number.NaN) + upper) / 2;
}
