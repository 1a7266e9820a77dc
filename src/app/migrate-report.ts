import { messageOf } from '../core/errors.ts';
import type { MigrationProgress } from '../plan/progress/progress.ts';
import { progressReport } from '../plan/progress/progress-report.ts';
import { progressMarkdown, progressText } from '../plan/progress/render-progress.ts';
import type { MigrateReportOptions, MigrateReportResult } from './application.ts';
import { connectError } from './connect-error.ts';
import { writeDocument } from './document-output.ts';
import { isRouted } from './migrate-flag.ts';
import { migrationOf } from './migrate.ts';
import { routeStatus } from './route-status.ts';
import type { Session } from './session.ts';
import { readConflicts, readStreams } from './sync-status.ts';
import { readValidationHistory } from './validate-history.ts';

/** Conflicts are counted up to so many. */
const MOST_CONFLICTS = 10_000;

/** `banyan migrate report`: the state of each migration, as the stores tell it, for one audience. */
export async function migrateReport(session: Session, { service, audience, format, output }: MigrateReportOptions): Promise<MigrateReportResult> {
  const names = service === undefined ? [...session.config.services.keys()] : [service];
  const at = new Date(session.context.clock.now()).toISOString();
  const progress: MigrationProgress[] = [];
  for (const name of names) progress.push(await progressOf(session, name, at));
  const report = progressReport(progress, { audience, at });
  const written = await writeDocument({
    format, ...(output === undefined ? {} : { output }),
    render: { json: () => `${JSON.stringify(report, null, 2)}\n`, text: () => progressText(report), markdown: () => progressMarkdown(report) },
  });
  return { ...written, report };
}

async function progressOf(session: Session, name: string, at: string): Promise<MigrationProgress> {
  const { stage, history } = await migrationOf(session, name).status();
  const gaps: { what: string; why: string }[] = [];
  /** A report is asked for when something is wrong, too: what can not be read is a gap of it. */
  const orGap = async <T>(what: string, read: () => Promise<T>, otherwise: T): Promise<T> => {
    try {
      return await read();
    } catch (error) {
      session.context.signal.throwIfAborted();
      gaps.push({ what, why: messageOf(connectError(error)) });
      return otherwise;
    }
  };
  const streams = await orGap('how far both sides are', () => readStreams(session), []);
  const route = isRouted(session, name) ? (await orGap('who is served by which side', () => routeStatus(session), undefined))?.routes.find((each) => each.service === name) : undefined;
  const compared = await orGap('what comparisons found', () => readValidationHistory(session, { limit: 1 }), { tables: [] });
  const { conflicts } = await orGap('conflicts', () => readConflicts(session, { limit: MOST_CONFLICTS }), { conflicts: [] });
  return {
    at, service: name, stage, gaps, bothWays: session.config.sync.mode === 'bidirectional', toleranceMs: session.config.sync.lagToleranceMs,
    history: history.map(({ at: when, from, to, why, gates }) => ({ at: when, from, to, why, gates })),
    streams: streams.filter((stream) => stream.service === name).map(({ direction, state, lagMs, lagBytes, behind, transactions, rows, conflicts: found, quarantined, pausedTables }) => ({
      direction, state, lagMs, lagBytes, behind, transactions, rows, conflicts: found, quarantined, pausedTables: pausedTables.map(({ table }) => table),
    })),
    ...(route ? { route: { percent: route.percent, health: route.health, breaker: route.breaker, ...(route.decided ? { decided: route.decided } : {}) } } : {}),
    compared: compared.tables.filter((table) => table.service === name).flatMap(({ table, runs: [last] }) => (last ? [{
      table, at: last.at, level: last.level, consistent: last.consistent, rows: Math.max(last.source, last.target), differences: last.missing + last.extra + last.different,
    }] : [])),
    conflicts: conflicts.filter((each) => each.service === name && each.strategy !== 'superseded').map((each) => each.at),
  };
}
