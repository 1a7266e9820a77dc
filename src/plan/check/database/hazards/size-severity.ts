import type { HazardSeverity } from '../../finding.ts';

/** From how much on a table is of a severity; the larger of the two counts. Below the first: low. */
export const SIZE_THRESHOLDS = [
  { severity: 'critical', bytes: 100 * 1024 ** 3, rows: 1_000_000_000 },
  { severity: 'high', bytes: 1024 ** 3, rows: 10_000_000 },
  { severity: 'medium', bytes: 10 * 1024 ** 2, rows: 100_000 },
] as const;

export interface TableSize {
  /** Null: nobody knows. */
  readonly rows: number | null;
  readonly bytes: number | null;
}

/** How much it hurts to read, write or lose a whole table of this size. Pure. */
export function severityBySize({ rows, bytes }: TableSize): HazardSeverity {
  if (rows === null && bytes === null) return 'unknown';
  return SIZE_THRESHOLDS.find((threshold) => (bytes ?? 0) >= threshold.bytes || (rows ?? 0) >= threshold.rows)?.severity ?? 'low';
}
