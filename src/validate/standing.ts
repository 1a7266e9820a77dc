import { splitTableName, tableName, type TableName } from '../model/names.ts';
import type { DifferenceCounts, Level, TableReport } from './report.ts';
import { tableChecks } from './report-checks.ts';
import type { RuleReport } from './rules/rule-report.ts';
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
  /** Of a sample: the largest share of rows that may differ beside what it found. */
  readonly differingAtMost?: number;
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
  return { table, level, score, rows: Math.max(report.source, report.target), counts, ...(report.sample ? { differingAtMost: report.sample.differingShareAtMost } : {}), ...(severity === undefined ? {} : { severity }) };
}

/** Where rules stand among tables: no schema of a user is called so. */
const RULES_SCHEMA = 'business rule';

/** What a run says of each rule that it checked, in the place of a table without rows. */
export function ruleStandings(rules: readonly RuleReport[]): readonly Standing[] {
  // What changed at every look is neither right nor wrong: what was held of it stands.
  return rules.filter(({ ok, counts: { unsettled } }) => !ok || unsettled === 0).map(({ name, ok, severity }) => ({
    table: tableName(RULES_SCHEMA, name), level: 'full', score: ok ? 1 : 0, rows: 0, counts: { missing: 0, extra: 0, different: 0, unsettled: 0 }, ...(ok ? {} : { severity }),
  }));
}

/** The name of the rule that stands there; undefined: a table does. */
export function ruleOf({ table }: Pick<Standing, 'table'>): string | undefined {
  const { schema, table: name } = splitTableName(table);
  return schema === RULES_SCHEMA ? name : undefined;
}

const OF_ROWS: ReadonlySet<string> = new Set(['missing', 'extra', 'different']);

const CLOSENESS: Readonly<Record<Level, number>> = { count: 0, sample: 1, checksum: 2, full: 2 };

/**
 * A run can make it worse, but only one that looks as closely as the one before can make it better: equal numbers
 * of rows say nothing of the values that differed last night, and a sample that drew other rows little of those
 * that differed in the last one.
 */
export function nextStanding(before: Standing | undefined, now: Standing): Standing {
  if (before === undefined) return now;
  const closer = CLOSENESS[now.level] - CLOSENESS[before.level];
  if (closer > 0 || (closer === 0 && (now.level !== 'sample' || (now.differingAtMost ?? 1) < 1 - before.score))) return now;
  const clean = before.severity === undefined && before.score === 1;
  const worse = now.score < before.score || (now.severity !== undefined && (before.severity === undefined || !atLeast(before.severity, now.severity)));
  if (clean || !worse) return clean ? now : before;
  // What the closer run found is still there: one that looks as it did has to say that it is over.
  return { ...now, level: before.level };
}
