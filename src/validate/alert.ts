import type { TableName } from '../model/names.ts';
import type { DifferenceCounts, Level } from './report.ts';
import { atLeast, type Severity } from './severity.ts';
import { ruleOf, type Standing } from './standing.ts';

/** Something that somebody should be told of a table, once. No key and no value of a row is in it. */
export interface TableAlert {
  /** `resolved`: what was alerted of is over. */
  readonly event: 'triggered' | 'worsened' | 'resolved';
  /** The same for everything that concerns the table: a receiver joins trigger and resolution by it. */
  readonly dedupKey: string;
  /** RFC 3339. */
  readonly at: string;
  readonly service: string;
  readonly table: TableName;
  /** Now; of a resolution what it was. */
  readonly severity: Severity;
  /** Share of equal rows, 0 to 1. */
  readonly score: number;
  readonly level: Level;
  readonly counts: DifferenceCounts;
  /** One sentence. */
  readonly summary: string;
}

/** What one receiver has to be told, who has been told `told` and wants to hear of `least` and worse. Undefined: nothing. */
export function eventFor(told: Severity | undefined, now: Severity | undefined, least: Severity): TableAlert['event'] | undefined {
  const wanted = now !== undefined && atLeast(now, least) ? now : undefined;
  if (wanted === undefined) return told === undefined ? undefined : 'resolved';
  if (told === undefined) return 'triggered';
  return atLeast(told, wanted) ? undefined : 'worsened';
}

export function tableAlert(options: {
  readonly event: TableAlert['event'];
  readonly service: string;
  readonly standing: Standing;
  readonly severity: Severity;
  readonly atMs: number;
}): TableAlert {
  const { event, service, standing, severity, atMs } = options;
  const { table, score, level, counts } = standing;
  return {
    event, service, table, severity, score, level, counts,
    dedupKey: `banyan/validate/${service}/${table}`.slice(0, 255),
    at: new Date(atMs).toISOString(),
    summary: summaryOf(event, service, standing),
  };
}

function summaryOf(event: TableAlert['event'], service: string, standing: Standing): string {
  const { table, counts, level } = standing;
  const rule = ruleOf(standing);
  if (rule !== undefined) return `${service}: the rule ${rule} ${event === 'resolved' ? 'holds again' : 'does not hold'}`;
  if (event === 'resolved') return `${service}: ${table} is as it should be again (${level})`;
  const found = (['missing', 'extra', 'different'] as const).filter((kind) => counts[kind] > 0).map((kind) => `${counts[kind]} ${kind}`);
  return `${service}: ${table} is not the same on both sides: ${found.length === 0 ? 'its structure differs' : `${found.join(', ')} rows`} (${level})`;
}
