import type { TableName } from '../model/names.ts';
import type { DifferenceCounts, Level, TableReport } from './report.ts';
import { tableChecks } from './report-checks.ts';
import { atLeast, worst, type Severity } from './severity.ts';

/** What is held of a table since its last run that could tell. */
export interface Standing {
  readonly table: TableName;
  /** Of the run that found it. */
  readonly level: Level;
  /** How bad it is; absent: nothing to alert of. */
  readonly severity?: Severity;
  readonly score: number;
  /** Of the larger side. */
  readonly rows: number;
  readonly counts: DifferenceCounts;
}

/** Below which share of equal rows a table is alerted of: for all, or by the source's name. Default 1: any difference. */
export type AlertBelow = number | { readonly default: number; readonly tables: Readonly<Record<string, number>> };

export function thresholdOf(alertBelow: AlertBelow, table: string): number {
  return typeof alertBelow === 'number' ? alertBelow : (alertBelow.tables[table] ?? alertBelow.default);
}

/** What a run says of a table. What has nothing to do with rows (a column that is gone) is alerted of whatever the threshold is. */
export function standingOf(report: TableReport, levelOfRun: Level, alertBelow: AlertBelow): Standing {
  const { table, score, counts, level = levelOfRun } = report;
  const failed = tableChecks(report, level, 0).filter(({ outcome }) => outcome === 'failed');
  const below = score < thresholdOf(alertBelow, table);
  const severity = worst(failed.filter(({ name }) => below || !OF_ROWS.has(name)).map(({ severity: each }) => each));
  return { table, level, score, rows: Math.max(report.source, report.target), counts, ...(severity === undefined ? {} : { severity }) };
}

const OF_ROWS: ReadonlySet<string> = new Set(['missing', 'extra', 'different']);

const CLOSENESS: Readonly<Record<Level, number>> = { count: 0, sample: 1, checksum: 2, full: 2 };

/**
 * A run can make it worse, but only one that looks as closely as the one before can make it better: equal numbers
 * of rows say nothing of the values that differed last night.
 */
export function nextStanding(before: Standing | undefined, now: Standing): Standing {
  if (before === undefined || CLOSENESS[now.level] >= CLOSENESS[before.level]) return now;
  const clean = before.severity === undefined && before.score === 1;
  const worse = now.score < before.score || (now.severity !== undefined && (before.severity === undefined || !atLeast(before.severity, now.severity)));
  return clean || worse ? now : before;
}
