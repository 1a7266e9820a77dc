import { describe, expect, it } from 'vitest';
import { silentLogger } from '../core/logger.ts';
import type { ValidationReport } from './report.ts';
import { Watch, type Alert, type WatchOptions } from './watch.ts';

const report = (score: number, consistent = score === 1) =>
  ({ consistent, level: 'full', rows: 10, seconds: 1, score, tables: [{ table: 'public.t', score, consistent }] }) as unknown as ValidationReport;

/** A watch over given results, which ends itself after the last one. */
async function watch(results: readonly (ValidationReport | Error)[], options: Omit<WatchOptions, 'signal'> = {}) {
  const stop = new AbortController();
  const sleeps: number[] = [];
  const reports: ValidationReport[] = [];
  const alerts: Alert[] = [];
  const errors: unknown[] = [];
  let runs = 0;
  const watched = new Watch({
    validate: (run) => {
      expect(run).not.toHaveProperty('everySeconds');
      expect(run.signal).toBeInstanceOf(AbortSignal);
      const result = results[runs++]!;
      return result instanceof Error ? Promise.reject(result) : Promise.resolve(result);
    },
    clock: {
      now: () => 0,
      monotonic: () => 0,
      sleep: async (ms, signal) => {
        sleeps.push(ms);
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
      onError: (error) => void errors.push(error),
    },
  });
  await watched.finished;
  return { sleeps, reports, alerts, errors, latest: watched.latest };
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
