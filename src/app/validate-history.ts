import { parseTableName } from '../model/names.ts';
import type { RecordedTable } from '../ports/validation-store.ts';
import { PostgresValidationStore } from '../state/validation-store.ts';
import { driftTrend } from '../validate/trend.ts';
import type { TableHistory, ValidateHistoryOptions, ValidateHistoryResult } from './application.ts';
import type { Session } from './session.ts';

/** Runs that a trend looks back on. */
const TREND_RUNS = 20;

/** `banyan validate history`: what the watch has recorded, and where each table's drift goes. */
export async function readValidationHistory(session: Session, options: ValidateHistoryOptions): Promise<ValidateHistoryResult> {
  const store = new PostgresValidationStore({ pool: session.statePool });
  await store.install();
  const runs = await store.history({
    // Counts every five minutes must not push last night's full run out of sight.
    limit: Math.max(options.limit, TREND_RUNS),
    ...(options.table === undefined ? {} : { table: parseTableName(options.table) }),
    ...(options.sinceSeconds === undefined ? {} : { sinceMs: session.context.clock.now() - options.sinceSeconds * 1000 }),
  });
  const tables = new Map<string, RecordedTable[]>();
  for (const run of runs) {
    const key = `${run.service} ${run.table}`;
    tables.set(key, [...(tables.get(key) ?? []), run]);
  }
  return { tables: [...tables].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, each]) => historyOf(each, options.limit)) };
}

const CLOSEST_FIRST = [['checksum', 'full'], ['sample'], ['count']] as const;

/** Only runs that looked equally closely are compared: the closest kind that the table has had. */
function historyOf(runs: readonly RecordedTable[], limit: number): TableHistory {
  const alike = CLOSEST_FIRST.map((levels) => runs.filter(({ level }) => levels.some((each) => each === level))).find((found) => found.length > 0) ?? [];
  const trend = driftTrend(alike.slice(0, TREND_RUNS).map(({ at, score }) => ({ atMs: Date.parse(at), drift: 1 - score })));
  const [first] = alike;
  return {
    service: first?.service ?? '', table: first?.table ?? '', level: first?.level ?? '',
    // Of columns and constraints the score says nothing, and a quick run may have found what came after the close one.
    consistent: runs.slice(0, first === undefined ? 0 : runs.indexOf(first) + 1).every(({ consistent }) => consistent),
    score: first?.score ?? 1, trend,
    runs: runs.slice(0, limit).map(({ service: _service, table: _table, ...run }) => run),
  };
}
