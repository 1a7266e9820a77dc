import type { Table } from '../../model/schema.ts';
import type { TableName } from '../../model/names.ts';
import type { ExtractionTime } from '../document.ts';
import { bytesText, secondsText } from '../text.ts';

const MEBIBYTE = 1024 ** 2;
/** What `banyan plan` states where it could not measure: rates of reading, and how much longer writing takes. */
const READ = { low: 20 * MEBIBYTE, likely: 60 * MEBIBYTE, high: 400 * MEBIBYTE };
const WRITING = { low: 1, likely: 3, high: 13 };

/** How long each table takes to copy, in seconds, where that was measured. */
export type CopyTimes = ReadonlyMap<TableName, { readonly low: number; readonly likely: number; readonly high: number; readonly measured: boolean }>;

/** How long the first copy of some tables takes; undefined where their sizes are not known. */
export function extractionTime(tables: readonly Table[], measured: CopyTimes | undefined): ExtractionTime | undefined {
  const bytes = tables.reduce((sum, table) => sum + table.bytes, 0);
  const times = tables.flatMap(({ name }) => measured?.get(name) ?? []);
  if (times.length === tables.length && times.length > 0) {
    const of = (which: 'low' | 'likely' | 'high'): number => round(times.reduce((sum, time) => sum + time[which], 0));
    const read = times.filter((time) => time.measured).length;
    return {
      low: of('low'), likely: of('likely'), high: of('high'), basis: read > 0 ? 'measured' : 'stated',
      arithmetic: `the sum of ${times.length} tables, ${read} of them by rows read just now through COPY; writing is reckoned at ${WRITING.low} to ${WRITING.high} times reading; \`banyan plan\` says more`,
    };
  }
  if (bytes === 0) return undefined;
  const of = (read: number, writing: number): number => round((bytes / read) * writing);
  const likely = of(READ.likely, WRITING.likely);
  return {
    low: of(READ.high, WRITING.low), likely, high: of(READ.low, WRITING.high), basis: 'stated',
    arithmetic: `${bytesText(bytes)} ÷ ${bytesText(READ.likely)}/s of reading × ${WRITING.likely} for writing = ${secondsText(likely)}; stated rates (${bytesText(READ.low)} to ${bytesText(READ.high)}/s, × ${WRITING.low} to ${WRITING.high}), not measured here`,
  };
}

function round(seconds: number): number {
  return Number(seconds.toPrecision(3));
}
