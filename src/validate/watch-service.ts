import type { Clock } from '../core/clock.ts';
import { messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { Metrics } from '../core/metrics.ts';
import type { TableName } from '../model/names.ts';
import type { ValidationStore } from '../ports/validation-store.ts';
import { AlertDesk, type Webhook } from './alert-desk.ts';
import { LEVELS, scoreOf, type ValidationReport } from './report.ts';
import { runSchedules, scheduleKey, type Schedule } from './schedule.ts';
import { SEVERITIES, type Severity } from './severity.ts';
import { nextStanding, ruleOf, ruleStandings, standingOf, type AlertBelow, type Standing } from './standing.ts';

export interface WatchServiceOptions {
  readonly service: string;
  readonly schedules: readonly Schedule[];
  readonly alertBelow: AlertBelow;
  readonly webhooks: readonly Webhook[];
  readonly store: ValidationStore;
  /** Compares the schedule's tables of the service. Rejects with the signal's reason when aborted. */
  readonly validate: (schedule: Schedule, signal: AbortSignal) => Promise<ValidationReport>;
  /** How long runs are kept, in milliseconds. */
  readonly keepMs: number;
  /** A name that no other run has. */
  readonly newRun: () => string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** How long alerts that are under way are waited for at the end. */
const DRAIN_MS = 10_000;

/**
 * Validates one service by its schedules until aborted: each run is recorded, told in metrics, and alerted of where a
 * table crosses its threshold. A run that fails is counted and does not end the watch; one that is stopped is not
 * recorded, and is made by whoever comes next.
 */
export async function watchService(options: WatchServiceOptions, signal: AbortSignal): Promise<void> {
  const { service, schedules, webhooks, store, clock, random, logger, metrics } = options;
  const desks = webhooks.map((webhook) => new AlertDesk({
    service, webhook, clock, random, logger, metrics, remember: (table, severity) => store.tell(service, webhook.name, table, severity),
  }));
  const tell = async (standings: ReadonlyMap<string, Standing>): Promise<void> => {
    tellMetrics(options, standings);
    const told = await store.told(service);
    for (const [index, desk] of desks.entries()) desk.consider(standings.values(), toldTo(told, webhooks[index]?.name));
  };
  await tell(await readStandings(options));
  try {
    await runSchedules({
      schedules, signal, now: () => clock.now(), sleep: (ms, until) => clock.sleep(ms, until),
      memory: {
        last: (schedule) => store.last(service, scheduleKey(schedule)),
        note: (schedule, atMs) => store.note(service, scheduleKey(schedule), atMs),
        alone: (work) => store.alone(service, work),
      },
      run: async (schedule, dueMs) => {
        // Another worker may have had the last run.
        const standings = await readStandings(options);
        const report = await oneRun(options, schedule, dueMs, signal);
        if (!report) return;
        const now = [...report.tables.map((table) => standingOf(table, report.level, options.alertBelow)), ...ruleStandings(report.rules ?? [])];
        const found = now.map((standing) => nextStanding(standings.get(standing.table), standing));
        for (const standing of found) standings.set(standing.table, standing);
        await keep(options, report, found);
        await tell(standings);
      },
      onError: (error) => logger.warn("validation's memory could not be read or kept", { service, reason: messageOf(error) }),
    });
  } finally {
    await Promise.all(desks.map((desk) => desk.close(DRAIN_MS)));
  }
}

async function readStandings({ service, store }: WatchServiceOptions): Promise<Map<string, Standing>> {
  return new Map((await store.standings(service)).map(({ severity, level, ...standing }) => [
    standing.table, { ...standing, level: LEVELS.find((each) => each === level) ?? 'count', ...severityOf(severity) },
  ]));
}

function toldTo(told: Awaited<ReturnType<ValidationStore['told']>>, webhook: string | undefined): ReadonlyMap<TableName, Severity> {
  return new Map(told.filter((each) => each.webhook === webhook).flatMap(({ table, severity }) => {
    const known = severityOf(severity).severity;
    return known === undefined ? [] : [[table, known] as const];
  }));
}

/** The report; undefined: the run failed, which is counted and logged. */
async function oneRun(options: WatchServiceOptions, schedule: Schedule, dueMs: number, signal: AbortSignal): Promise<ValidationReport | undefined> {
  const { service, validate, clock, logger, metrics } = options;
  const lateMs = Math.max(0, Math.round(clock.now() - dueMs));
  try {
    const report = await validate(schedule, signal);
    const { level, consistent, score, seconds, tables, unchecked = [] } = report;
    for (const { check, name, code, message } of unchecked) logger.error('a part of a validation failed', { service, check, ...(name === undefined ? {} : { name }), code, reason: message });
    // What was found is alerted of; that the rest is not known counts as a run that failed, for which there are alerts, too.
    metrics.count('banyan_validate_runs_total', { service, result: unchecked.length > 0 ? 'failed' : consistent ? 'equal' : 'different' });
    if (unchecked.length === 0) metrics.gauge('banyan_validate_last_run_timestamp_seconds', clock.now() / 1000, { service, level });
    logger.info('validated', { service, level, consistent, score, tables: tables.length, seconds, lateMs });
    return report;
  } catch (error) {
    if (signal.aborted) throw error;
    metrics.count('banyan_validate_runs_total', { service, result: 'failed' });
    logger.error('a validation failed', { service, reason: messageOf(error) });
    return undefined;
  }
}

/** Where it can not be kept, the run counts as not made: whoever comes next must not take the past for the present. */
async function keep({ service, store, clock, keepMs, newRun }: WatchServiceOptions, report: ValidationReport, found: readonly Standing[]): Promise<void> {
  const [run, at] = [newRun(), new Date(clock.now()).toISOString()];
  for (const standing of found) await store.stand(service, standing);
  await store.record(
    report.tables.map(({ table, level = report.level, consistent, source, target, counts: { missing, extra, different, unsettled }, score, seconds }) => (
      { run, at, service, table, level, consistent, source, target, missing, extra, different, unsettled, score, seconds }
    )),
    clock.now() - keepMs,
  );
}

function tellMetrics({ service, metrics }: WatchServiceOptions, standings: ReadonlyMap<string, Standing>): void {
  let rows = 0;
  let differing = 0;
  for (const standing of standings.values()) {
    if (ruleOf(standing) === undefined) metrics.gauge('data_drift_percentage', (1 - standing.score) * 100, { table: standing.table });
    rows += standing.rows;
    differing += standing.rows * (1 - standing.score);
  }
  if (standings.size > 0) metrics.gauge('banyan_validate_score', scoreOf(rows, differing), { service });
}

function severityOf(text: string | undefined): Pick<Standing, 'severity'> {
  const severity = SEVERITIES.find((each) => each === text);
  return severity === undefined ? {} : { severity };
}
