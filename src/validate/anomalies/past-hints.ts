import type { RecordedProfile } from '../../ports/profile-store.ts';
import type { ColumnProfile, TableProfile } from '../../ports/profiler.ts';
import { median, theilSenLine } from '../trend.ts';

/** Something of a table that is not as its past lets expect. */
export interface UnlikePast {
  readonly measure: 'rows' | 'null_share' | 'distinct_share' | 'min' | 'max' | 'mean';
  readonly column?: string;
  readonly found: number;
  readonly expected: number;
  /** By how many usual distances it is off. */
  readonly deviation: number;
}

/** A past of fewer profiles says nothing. */
export const FEWEST_PROFILES = 10;
/** Of clean pasts, one measure in some thousands is further out; test/validate/anomalies measures it. */
const LEAST_DEVIATION = 8;

/** What never varied has no usual distance; JSON has no infinity. */
const MOST_DEVIATION = 1e6;

type Range = NonNullable<ColumnProfile['range']>;

interface Series {
  readonly measure: UnlikePast['measure'];
  readonly column?: string;
  readonly of: (profile: TableProfile) => number | undefined;
  /** What the measure may always be off by, however steady its past. */
  readonly floor: (past: readonly TableProfile[]) => number;
}

/**
 * What is unlike the past: each measure is foretold by the line through its past (Theil and Sen's, so that a table that
 * grows is expected to have grown), and compared with how far the past itself lies from that line (the median absolute
 * deviation). A single strange profile in the past moves neither.
 */
export function unlikePast(past: readonly RecordedProfile[], now: RecordedProfile): readonly UnlikePast[] {
  if (past.length < FEWEST_PROFILES) return [];
  const found: UnlikePast[] = [];
  for (const { measure, column, of, floor } of seriesOf(now)) {
    const points = past.flatMap((profile) => {
      const y = of(profile);
      return y === undefined ? [] : [{ x: profile.atMs, y }];
    });
    const current = of(now);
    if (points.length < FEWEST_PROFILES || current === undefined) continue;
    const line = theilSenLine(points);
    const expected = line(now.atMs);
    const usual = 1.4826 * median(points.map(({ x, y }) => Math.abs(y - line(x))));
    const deviation = (current - expected) / Math.max(usual, floor(past));
    if (Math.abs(deviation) < LEAST_DEVIATION) continue;
    found.push({ measure, ...(column === undefined ? {} : { column }), found: current, expected, deviation: Math.sign(deviation) * Math.min(MOST_DEVIATION, Math.abs(deviation)) });
  }
  return found.sort((one, other) => Math.abs(other.deviation) - Math.abs(one.deviation));
}

function seriesOf(now: TableProfile): readonly Series[] {
  const columns = now.columns.flatMap(({ column, range }): Series[] => {
    const own = (profile: TableProfile): ColumnProfile | undefined => profile.columns.find((each) => each.column === column);
    const numbers = (['min', 'max', 'mean'] as const).map((measure): Series => ({ measure, column, of: (profile) => own(profile)?.range?.[measure], floor: (past) => rangeFloor(past.flatMap((profile) => own(profile)?.range ?? []), range, measure) }));
    return [
      { measure: 'null_share', column, of: (profile) => own(profile)?.nullShare, floor: () => 0.005 },
      { measure: 'distinct_share', column, of: (profile) => own(profile)?.distinctShare, floor: () => 0.01 },
      ...(range === undefined ? [] : numbers),
    ];
  });
  // A table's size varies by the root of it if nothing else.
  return [{ measure: 'rows', of: ({ rows }) => rows, floor: (past) => rowsFloor(median(past.map(({ rows }) => rows))) }, ...columns];
}

const rowsFloor = (usual: number): number => Math.max(1, 0.005 * usual, Math.sqrt(usual) / 4);

/**
 * Of what a column spans: its outermost values jump by more than its mean does. Numbers that were never below 0 have
 * a bound there, which says more than their span.
 */
function rangeFloor(past: readonly Range[], now: Range | undefined, measure: keyof Range): number {
  const broken = measure === 'min' && (now?.min ?? 0) < 0 && past.every(({ min }) => min >= 0);
  const share = measure === 'mean' ? 0.002 : broken ? 0.01 : 0.2;
  return Math.max(share * median(past.map(({ min, max }) => max - min)), Number.MIN_VALUE);
}
