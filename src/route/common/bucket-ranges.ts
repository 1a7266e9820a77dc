import { BUCKETS } from '../decide.ts';

/** Every bucket. */
export const ALL_BUCKETS = `0-${BUCKETS - 1}`;

/** Buckets in ascending order as text: `0-4999,5003`; none: empty. */
export function rangesOf(buckets: Iterable<number>): string {
  const ranges: string[] = [];
  let from = -1;
  let to = -1;
  const close = (): void => {
    if (from >= 0) ranges.push(from === to ? String(from) : `${from}-${to}`);
  };
  for (const bucket of buckets) {
    if (from >= 0 && bucket === to + 1) {
      to = bucket;
      continue;
    }
    close();
    from = to = bucket;
  }
  close();
  return ranges.join(',');
}

/** The first and last bucket of each range of what {@link rangesOf} wrote. */
export function boundsOf(ranges: string): (readonly [number, number])[] {
  if (ranges === '') return [];
  return ranges.split(',').map((range) => {
    const [from = '', to = from] = range.split('-');
    return [Number(from), Number(to)];
  });
}

/** What {@link rangesOf} wrote. */
export function bucketsIn(ranges: string): number[] {
  const buckets: number[] = [];
  for (const [from, to] of boundsOf(ranges)) for (let bucket = from; bucket <= to; bucket++) buckets.push(bucket);
  return buckets;
}
