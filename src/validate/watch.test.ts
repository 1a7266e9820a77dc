import { describe, expect, it } from 'vitest';
import { silentLogger } from '../core/logger.ts';
import { parseTableName } from '../model/names.ts';
import type { Level, ValidationReport } from './report.ts';
import { Watch, type Alert, type WatchOptions } from './watch.ts';

const report = (score: number, consistent = score === 1, level: Level = 'full'): ValidationReport => {
  const counts = { missing: 0, extra: 0, different: Math.round((1 - score) * 1e6), unsettled: 0 };
  const table = { table: parseTableName('t'), source: 1e6, target: 1e6, missing: [], extra: [], different: [], counts, seconds: 1, score, consistent, ...(consistent || score < 1 ? {} : { drift: [{ column: 'a', absentOn: 'target' as const }] }) };
  return { consistent, level, rows: 10, seconds: 1, score, tables: [table] };
};

/** A watch over given results, which ends itself after the last one. */
async function watch(results: readonly (ValidationReport | Error)[], options: Omit<WatchOptions, 'signal'> = {}) {
  const stop = new AbortController();
  const sleeps: number[] = [];
  const reports: ValidationReport[] = [];
  const alerts: Alert[] = [];
  const resolved: Alert[] = [];
  const errors: unknown[] = [];
  let runs = 0;
  let ms = Date.parse('2026-01-01T00:00:00Z');
  const asked: unknown[] = [];
  const watched = new Watch({
    validate: (run) => {
      expect(run).not.toHaveProperty('everySeconds');
      expect(run.signal).toBeInstanceOf(AbortSignal);
      asked.push([run.level, run.tables]);
      const result = results[runs++]!;
      return result instanceof Error ? Promise.reject(result) : Promise.resolve(result);
    },
    clock: {
      now: () => ms,
      monotonic: () => ms,
      sleep: async (pause, signal) => {
        sleeps.push(pause);
        ms += pause;
        if (runs === results.length) stop.abort();
        signal?.throwIfAborted();
      },
    },
    logger: silentLogger,
    options: {
      ...options,
      signal: stop.signal,
      onReport: (found) => void reports.push(found),
      onAlert: (alert) => void alerts.push(alert),
      onResolved: (alert) => void resolved.push(alert),
      onError: (error) => void errors.push(error),
    },
  });
  await watched.finished;
  return { sleeps, reports, alerts, resolved, errors, asked, latest: watched.latest };
}

describe('watch', () => {
  it('runs again and again, and alerts below the threshold only', async () => {
    const { sleeps, reports, alerts, latest } = await watch([report(1), report(0.995), report(0.98)], { everySeconds: 5, alertBelow: 0.99 });
    expect(sleeps).toEqual([5000, 5000, 5000]);
    expect(reports.map(({ score }) => score)).toEqual([1, 0.995, 0.98]);
    expect(alerts.map(({ score, alertBelow, tables }) => [score, alertBelow, tables.length])).toEqual([[0.98, 0.99, 1]]);
    expect(latest?.score).toBe(0.98);
  });

  it('alerts of any difference by default, once a minute', async () => {
    const { sleeps, alerts } = await watch([report(0.999999)]);
    expect(sleeps).toEqual([60_000]);
    expect(alerts).toHaveLength(1);
  });

  it('alerts of tables that can not be equal although their rows are', async () => {
    expect((await watch([report(1, false)], { alertBelow: 0.5 })).alerts).toHaveLength(1);
  });

  it('alerts once, again when it is worse, and says when it is over', async () => {
    const { alerts, resolved } = await watch([report(0.9), report(0.8), report(1, false), report(1, true, 'count'), report(1), report(0.9)]);
    expect(alerts.map(({ score }) => score)).toEqual([0.9, 0.9]);
    expect(resolved.map(({ score, tables }) => [score, tables.length])).toEqual([[1, 1]]);
  });

  it('runs by schedules, at their levels and of their tables', async () => {
    const { asked, sleeps, reports } = await watch([report(1), report(1), report(1)], {
      tables: ['public.t', 'public.u'], schedules: [{ cron: '*/2 * * * *', level: 'count' }, { cron: '3 * * * *', tables: ['public.t'] }],
    });
    expect(asked).toEqual([['count', ['public.t', 'public.u']], [undefined, ['public.t']], ['count', ['public.t', 'public.u']]]);
    expect(reports).toHaveLength(3);
    expect(Math.max(...sleeps)).toBeLessThanOrEqual(60_000);
  });

  it('goes on after a run that failed', async () => {
    const { errors, reports } = await watch([new Error('connection lost'), report(1)]);
    expect(errors).toEqual([new Error('connection lost')]);
    expect(reports).toHaveLength(1);
  });

  it('stops within a run', async () => {
    const watched = new Watch({
      validate: ({ signal }) => new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason as Error))),
      clock: { now: () => 0, monotonic: () => 0, sleep: () => Promise.resolve() },
      logger: silentLogger,
      options: {},
    });
    await watched.stop();
    expect(watched.latest).toBeUndefined();
  });

  it('ends when a callback or the clock fails', async () => {
    const parts = { validate: () => Promise.resolve(report(1)), logger: silentLogger, clock: { now: () => 0, monotonic: () => 0, sleep: () => Promise.reject(new Error('no clock')) } };
    await expect(new Watch({ ...parts, options: {} }).finished).rejects.toThrow('no clock');
  });
});
