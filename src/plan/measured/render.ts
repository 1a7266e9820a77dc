import type { MeasuredEstimate } from './document.ts';
import { bytesText, estimateText, plain, secondsText, type Estimate } from './range.ts';

/*
 * Measured estimates for people, each with its arithmetic.
 */

const FROM = { counted: 'counted', statistics: 'by statistics', sampled: 'by a sample of pages' } as const;

interface Figure {
  readonly about: string;
  readonly what: string;
  readonly estimate: Estimate;
}

function figures({ tables, totals }: MeasuredEstimate): Figure[] {
  const one = (about: string, what: string, estimate: Estimate | undefined): Figure[] => (estimate ? [{ about, what, estimate }] : []);
  return [
    ...tables.flatMap(({ table, write_rate: writes, read, copy, indexes }) => [
      ...one(table, 'written', writes), ...one(table, 'reading', read), ...one(table, 'copy', copy), ...indexes.flatMap(({ index, build }) => one(table, `building ${index}`, build)),
    ]),
    ...one('all', 'copy', totals.copy), ...one('all', 'index build', totals.index_build), ...one('all', 'written', totals.write_rate), ...one('all', 'applied', totals.apply_rate),
    ...one('all', 'catching up', totals.catch_up), ...one('server', 'log growth', totals.wal_growth), ...one('server', 'log held back by a slot', totals.slot_wal),
  ];
}

const CONVERGENCE = {
  converges: 'Catching up ends: changes are applied faster than they are made.',
  'may not converge': 'Catching up ends only if changes are applied faster than they are made, which is not sure.',
  'does not converge': 'Catching up does not end: changes are made faster than they are applied.',
  unknown: 'Whether catching up ends is not known: how much is written could not be told.',
} as const;

function heading({ database, server_version: version, measured_at: at, watched_seconds: seconds }: MeasuredEstimate): string {
  return `${database}, PostgreSQL ${version}, ${at}; writes were watched for ${secondsText(seconds)}`;
}

export function measuredText(measured: MeasuredEstimate): string[] {
  return [
    `MEASURED (${heading(measured)})`,
    ...measured.tables.map(({ table, rows, rows_from: from, table_bytes: bytes, index_bytes: indexBytes }) => `  ${table}: ${plain(rows)} rows (${FROM[from]}), ${bytesText(bytes)} and ${bytesText(indexBytes)} of indexes`),
    ...figures(measured).flatMap(({ about, what, estimate }) => [`  ${about}, ${what}: ${estimateText(estimate)} (${estimate.basis})`, `    ${estimate.arithmetic}`]),
    `  ${CONVERGENCE[measured.totals.convergence]}`,
    ...measured.not_measured.map(({ what, why }) => `  not measured: ${what}: ${why}`),
    '',
  ];
}

export function measuredMarkdown(measured: MeasuredEstimate): string[] {
  const row = (...cells: readonly string[]): string => `| ${cells.map((each) => each.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
  return [
    '## Measured', '', `${heading(measured)}.`, '',
    row('table', 'rows', 'known', 'bytes', 'indexes'), row('---', '---', '---', '---', '---'),
    ...measured.tables.map(({ table, rows, rows_from: from, table_bytes: bytes, index_bytes: indexBytes }) => row(table, plain(rows), FROM[from], bytesText(bytes), bytesText(indexBytes))), '',
    row('of', 'what', 'range', 'basis', 'arithmetic'), row('---', '---', '---', '---', '---'),
    ...figures(measured).map(({ about, what, estimate }) => row(about, what, estimateText(estimate), estimate.basis, estimate.arithmetic)), '',
    CONVERGENCE[measured.totals.convergence], '',
    ...(measured.not_measured.length === 0 ? [] : ['Not measured:', '', ...measured.not_measured.map(({ what, why }) => `- ${what}: ${why}`), '']),
  ];
}
