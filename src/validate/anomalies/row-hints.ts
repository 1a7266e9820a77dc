import type { Random } from '../../core/random.ts';
import type { NumericSample } from '../../ports/profiler.ts';
import { median } from '../trend.ts';
import { isolationScores } from './isolation-forest.ts';

/** A row that is unlike the others of its table. */
export interface UnlikeRow {
  readonly key: readonly string[];
  /** How easily it is told from the others, 0 to 1. */
  readonly score: number;
  /** The column in which it is furthest from the middle, and by how many usual distances. */
  readonly column: string;
  readonly deviation: number;
}

/** Below so many rows everything is unusual. */
const FEWEST_ROWS = 100;
/** Of clean samples, one row in some tens of thousands reaches both; test/validate/anomalies measures it. */
const LEAST_SCORE = 0.6;
const LEAST_DEVIATION = 8;

/**
 * Rows of a sample that are unlike the rest: an isolation forest over the numbers, each first brought to its column's
 * scale (median and median absolute deviation). A row is a hint only if one of its numbers is far out by itself as
 * well: without that, in columns that are all noise, somebody is always the most isolated. So a row whose numbers are
 * each usual, and strange only together, is not told.
 */
export function unlikeRows(sample: NumericSample, options: { readonly random: Random; readonly most: number }): readonly UnlikeRow[] {
  if (sample.rows.length < FEWEST_ROWS) return [];
  const scaled = sample.columns.map((_, index) => scaledColumn(sample.rows.map(({ numbers }) => numbers[index] ?? null)));
  const points = sample.rows.map((_, row) => scaled.flatMap(({ deviations, missing, some }) => {
    const value = deviations[row] ?? 0;
    return some ? [value, missing[row] === true ? 1 : 0] : [value];
  }));
  // Trees of all rows: one strange row among thousands would be in few of the usual small samples, and its number lost among others.
  const scores = isolationScores(points, { random: options.random, sample: points.length });
  const found: UnlikeRow[] = [];
  for (const [row, score] of scores.entries()) {
    if (score < LEAST_SCORE) continue;
    const furthest = scaled.reduce((best, { deviations }, index) => (Math.abs(deviations[row] ?? 0) > Math.abs(scaled[best]?.deviations[row] ?? 0) ? index : best), 0);
    const deviation = scaled[furthest]?.deviations[row] ?? 0;
    const limit = scaled[furthest]?.limit ?? Infinity;
    if (Math.abs(deviation) < limit) continue;
    found.push({ key: sample.rows[row]?.key ?? [], score, column: sample.columns[furthest] ?? '', deviation });
  }
  return found.sort((one, other) => other.score - one.score).slice(0, options.most);
}

/** The column's numbers as distances from its middle, in usual distances. */
function scaledColumn(numbers: readonly (number | null)[]): { readonly deviations: readonly number[]; readonly missing: readonly boolean[]; readonly some: boolean; readonly limit: number } {
  const present = numbers.filter((value) => value !== null);
  const middle = present.length === 0 ? 0 : median(present);
  const distances = present.map((value) => Math.abs(value - middle));
  const usual = present.length === 0 ? 0 : 1.4826 * median(distances);
  // Where more than half are the same there is no usual distance; the mean one is what is left.
  const scale = usual > 0 ? usual : distances.reduce((sum, value) => sum + value, 0) / Math.max(1, distances.length) || 1;
  const deviations = numbers.map((value) => (value === null ? 0 : (value - middle) / scale));
  const missing = numbers.map((value) => value === null);
  return { deviations, missing, some: missing.includes(true), limit: tailLimit(deviations) };
}

/**
 * How far out is too far: eight usual distances, and five times as far as 99 of 100 rows go. A column with a long tail
 * has many large numbers; what is strange in it lies far beyond its tail.
 */
function tailLimit(deviations: readonly number[]): number {
  const sorted = deviations.map(Math.abs).sort((one, other) => one - other);
  const tail = sorted[Math.floor(sorted.length * 0.99)] ?? 0;
  return Math.max(LEAST_DEVIATION, 5 * tail);
}
