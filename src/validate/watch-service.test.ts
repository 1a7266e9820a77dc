import { describe, expect, it } from 'vitest';
import { ValidationMemory } from '../../test/support/validation-memory.ts';
import type { Clock } from '../core/clock.ts';
import type { Labels, Metrics } from '../core/metrics.ts';
import type { Logger } from '../core/logger.ts';
import { parseTableName } from '../model/names.ts';
import type { TableAlert } from './alert.ts';
import type { Webhook } from './alert-desk.ts';
import type { Level, ValidationReport } from './report.ts';
import type { Schedule } from './schedule.ts';
import { watchService, type WatchServiceOptions } from './watch-service.ts';

const MINUTE = 60_000;
const SECRET = 'https://hooks.example.org/T0/very-secret';
const table = parseTableName('users');

/** Time that passes when everything that can be done at a moment has been done; all who sleep share it. */
class SharedClock implements Clock {
  ms = Date.parse('2026-01-01T02:59:00Z');
  readonly #sleepers = new Set<{ readonly until: number; readonly wake: () => void }>();

  now(): number {
    return this.ms;
  }
  monotonic(): number {
    return this.ms;
  }
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const refuse = (): void => (this.#sleepers.delete(sleeper), reject(signal?.reason as Error));
      const sleeper = { until: this.ms + ms, wake: () => (signal?.removeEventListener('abort', refuse), resolve()) };
      this.#sleepers.add(sleeper);
      signal?.addEventListener('abort', refuse);
    });
  }
  /** Lets `minutes` pass. */
  async pass(minutes: number): Promise<void> {
    const end = this.ms + minutes * MINUTE;
    for (;;) {
      await settled();
      const next = [...this.#sleepers].sort((one, other) => one.until - other.until)[0];
      if (next === undefined || next.until > end) break;
      this.#sleepers.delete(next);
      this.ms = Math.max(this.ms, next.until);
      next.wake();
    }
    this.ms = end;
  }
}

const untilStopped = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error));
  });

/** Everything that waits for nothing but promises has happened. */
const settled = (): Promise<void> => new Promise((resolve) => void setImmediate(() => void setImmediate(resolve)));

const report = (level: Level, found: Partial<ValidationReport['tables'][number]['counts']>): ValidationReport => {
  const counts = { missing: 0, extra: 0, different: 0, unsettled: 0, ...found };
  const differing = counts.missing + counts.extra + counts.different;
  const score = 1 - differing / 1000;
  const each = { table, consistent: differing === 0, source: 1000, target: 1000, missing: [], extra: [], different: [], counts, score, seconds: 1 };
  return { consistent: differing === 0, level, rows: 1000, seconds: 1, score, tables: [each] };
};

interface World {
  readonly clock: SharedClock;
  readonly store: ValidationMemory;
  readonly sent: { readonly webhook: string; readonly at: string; readonly body: TableAlert }[];
  readonly lines: string[];
  readonly series: Map<string, number>;
  /** What the next runs find; the last one again and again. An error: the run fails. */
  finds: (ValidationReport | Error)[];
  /** What the webhooks answer, one after the other; then 200. An error: no answer. */
  answers: (number | Error)[];
  webhook(name: string, options?: Partial<Webhook>): Webhook;
  /** Starts a worker; `end` stops it. */
  start(options?: Partial<WatchServiceOptions>): { readonly runs: string[]; end(): Promise<void> };
}

function world(): World {
  const clock = new SharedClock();
  const lines: string[] = [];
  const series = new Map<string, number>();
  const line = (level: string) => (message: string, fields?: object) => void lines.push(`${level} ${message} ${JSON.stringify(fields ?? {})}`);
  const logger: Logger = { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error'), child: () => logger };
  const key = (name: string, labels: Labels = {}) => `${name}{${Object.values(labels).join()}}`;
  const metrics: Metrics = {
    count: (name, labels, value = 1) => void series.set(key(name, labels), (series.get(key(name, labels)) ?? 0) + value),
    gauge: (name, value, labels) => void series.set(key(name, labels), value),
    observe: () => {},
  };
  const time = () => new Date(clock.ms).toISOString().slice(11, 16);
  const made: World = {
    clock, store: new ValidationMemory(), sent: [], lines, series, finds: [report('full', {})], answers: [],
    webhook: (name, options = {}) => ({
      name, format: 'generic', severity: 'low',
      post: (body) => {
        const answer = made.answers.length > 0 ? made.answers.shift()! : 200;
        if (answer instanceof Error) return Promise.reject(answer);
        if (answer < 300) made.sent.push({ webhook: name, at: time(), body: JSON.parse(body) as TableAlert });
        return Promise.resolve(answer);
      },
      ...options,
    }),
    start: (options = {}) => {
      const stop = new AbortController();
      const runs: string[] = [];
      let number = 0;
      const done = watchService(
        {
          service: 'accounts', schedules: [{ cron: '*/5 * * * *' }], alertBelow: 1, webhooks: [made.webhook('chat')], store: made.store, keepMs: 86_400_000,
          newRun: () => `run ${(number += 1)} ${time()}`, clock, random: () => 0.5, logger, metrics,
          validate: async (schedule: Schedule) => {
            runs.push(`${time()}${schedule.level === undefined ? '' : ` ${schedule.level}`}`);
            const found = (made.finds.length > 1 ? made.finds.shift() : made.finds[0])!;
            await Promise.resolve();
            if (found instanceof Error) throw found;
            return found;
          },
          ...options,
        },
        stop.signal,
      );
      return { runs, end: () => (stop.abort(new Error('stopped')), done) };
    },
  };
  return made;
}

const events = (sent: World['sent']) => sent.map(({ at, body }) => `${at} ${body.event} ${body.severity}`);

describe('a watched service', () => {
  it('alerts when a table crosses its threshold, when it worsens and when it is over, and not at every run', async () => {
    const w = world();
    w.finds = [report('full', {}), report('full', { extra: 1 }), report('full', { extra: 2 }), report('full', { missing: 1 }), report('full', { extra: 1 }), report('full', {}), report('full', {})];
    const worker = w.start();
    await w.clock.pass(40);
    await worker.end();
    expect(worker.runs).toEqual(['03:00', '03:05', '03:10', '03:15', '03:20', '03:25', '03:30', '03:35']);
    expect(events(w.sent)).toEqual(['03:05 triggered medium', '03:15 worsened critical', '03:25 resolved critical']);
    expect(new Set(w.sent.map(({ body }) => body.dedupKey))).toEqual(new Set(['banyan/validate/accounts/public.users']));
    expect(w.store.runs.map(({ score }) => score)).toEqual([1, 0.999, 0.998, 0.999, 0.999, 1, 1, 1]);
    expect(w.series.get('data_drift_percentage{public.users}')).toBe(0);
    expect(w.series.get('banyan_validate_runs_total{accounts,different}')).toBe(4);
    expect(w.series.get('banyan_validate_alerts_total{chat,sent}')).toBe(3);
  });

  it('tells each webhook what it wants to hear of', async () => {
    const w = world();
    w.finds = [report('full', { extra: 1 }), report('full', { missing: 1 }), report('full', { extra: 1 }), report('full', {})];
    const worker = w.start({ webhooks: [w.webhook('chat'), w.webhook('call', { severity: 'critical' })] });
    await w.clock.pass(20);
    await worker.end();
    const of = (name: string) => events(w.sent.filter(({ webhook }) => webhook === name));
    expect(of('chat')).toEqual(['03:00 triggered medium', '03:05 worsened critical', '03:15 resolved critical']);
    expect(of('call')).toEqual(['03:05 triggered critical', '03:10 resolved critical']);
  });

  it('does not take equal counts for equal rows', async () => {
    const w = world();
    w.finds = [report('full', { different: 5 }), report('count', {}), report('count', {}), report('full', {})];
    const worker = w.start();
    await w.clock.pass(11);
    expect(w.series.get('data_drift_percentage{public.users}')).toBeCloseTo(0.5);
    await w.clock.pass(10);
    await worker.end();
    expect(events(w.sent)).toEqual(['03:00 triggered high', '03:15 resolved high']);
  });

  it('goes on whatever a webhook does, tries again, and says nothing of its address', async () => {
    const w = world();
    const secret = new Error(`connect to ${SECRET} failed`);
    w.finds = [report('full', { missing: 1 })];
    w.answers = [secret, 500, 429, 200];
    const worker = w.start();
    await w.clock.pass(10);
    expect(events(w.sent)).toEqual(['03:00 triggered critical']);
    // Nobody answers for an hour: the validation goes on, and the alert is told when somebody does.
    w.finds = [report('full', {})];
    w.answers = Array.from({ length: 500 }, () => secret);
    await w.clock.pass(60);
    expect(worker.runs).toHaveLength(14);
    expect(w.sent).toHaveLength(1);
    w.answers = [404];
    await w.clock.pass(10);
    await worker.end();
    expect(events(w.sent).slice(1)).toEqual([expect.stringContaining('resolved critical') as string]);
    expect(w.lines.join('\n')).toContain('an alert could not be delivered {"webhook":"chat","reason":"status 404"}');
    expect(w.lines.join('\n')).not.toContain('secret');
  });

  it('goes on after a run that failed, and changes nothing by it', async () => {
    const w = world();
    w.finds = [report('full', { missing: 1 }), new Error('connection lost'), report('full', {})];
    const worker = w.start();
    await w.clock.pass(15);
    await worker.end();
    expect(events(w.sent)).toEqual(['03:00 triggered critical', '03:10 resolved critical']);
    expect(w.series.get('banyan_validate_runs_total{accounts,failed}')).toBe(1);
    expect(w.store.runs).toHaveLength(2);
  });

  it('alerts of rules beside tables, which have no drift', async () => {
    const w = world();
    const rule = (ok: boolean): ValidationReport => ({
      ...report('count', {}), consistent: ok, rules: [{ name: 'Revenue "x"', kind: 'agreement', ok, severity: 'high', differences: [], counts: { failing: ok ? 0 : 1, unsettled: 0 }, seconds: 1 }],
    });
    w.finds = [rule(false), report('count', {}), rule(false), rule(true)];
    const worker = w.start();
    await w.clock.pass(20);
    await worker.end();
    expect(w.sent.map(({ at, body }) => `${at} ${body.event} ${body.severity}: ${body.summary}`)).toEqual([
      '03:00 triggered high: accounts: the rule Revenue "x" does not hold', '03:15 resolved high: accounts: the rule Revenue "x" holds again',
    ]);
    expect([...w.series.keys()].filter((name) => name.startsWith('data_drift'))).toEqual(['data_drift_percentage{public.users}']);
    expect(w.series.get('banyan_validate_score{accounts}')).toBe(1);
  });

  it('alerts of what a run has found though a part of it could not be made', async () => {
    const w = world();
    w.finds = [{ ...report('full', { missing: 1 }), unchecked: [{ check: 'rule', name: 'revenue', code: 'BANYAN_VALIDATE_RULE', message: 'it took longer than 50 ms' }] }];
    const worker = w.start();
    await w.clock.pass(5);
    await worker.end();
    expect(events(w.sent)).toEqual(['03:00 triggered critical']);
    expect(w.series.get('banyan_validate_runs_total{accounts,failed}')).toBe(1);
    expect(w.lines.join('\n')).toContain('revenue');
  });

  it('remembers over a restart what it has told, and what is wrong', async () => {
    const w = world();
    w.finds = [report('full', { missing: 1 })];
    const first = w.start();
    await w.clock.pass(3);
    await first.end();
    w.series.clear();
    const second = w.start();
    await w.clock.pass(1);
    expect(w.series.get('data_drift_percentage{public.users}')).toBeCloseTo(0.1);
    w.finds = [report('full', {})];
    await w.clock.pass(5);
    await second.end();
    expect(events(w.sent)).toEqual(['03:00 triggered critical', '03:05 resolved critical']);
  });

  it('is shared by several workers: each run is made once, each alert told once', async () => {
    const w = world();
    w.finds = [report('full', {}), report('full', { missing: 1 }), report('full', { missing: 1 }), report('full', {})];
    const workers = [w.start(), w.start(), w.start()];
    await w.clock.pass(30);
    await Promise.all(workers.map((worker) => worker.end()));
    expect(workers.flatMap(({ runs }) => runs).sort()).toEqual(['03:00', '03:05', '03:10', '03:15', '03:20', '03:25']);
    expect(events(w.sent)).toEqual(['03:05 triggered critical', '03:15 resolved critical']);
  });

  it('stops in the middle of a run, which is made by the next', async () => {
    const w = world();
    const runs: string[] = [];
    const slow: Partial<WatchServiceOptions> = {
      validate: (_schedule, signal) => {
        runs.push('began');
        return untilStopped(signal);
      },
    };
    const killed = w.start(slow);
    await w.clock.pass(2);
    await killed.end();
    expect([runs, w.store.runs]).toEqual([['began'], []]);
    const next = w.start();
    await w.clock.pass(1);
    await next.end();
    expect(next.runs).toEqual(['03:01']);
  });

  it('ends within its time though an alert is under way', async () => {
    const w = world();
    w.finds = [report('full', { missing: 1 })];
    const never = w.webhook('chat', { post: (_body, signal) => untilStopped(signal) });
    const worker = w.start({ webhooks: [never] });
    await w.clock.pass(2);
    const ended = worker.end();
    await w.clock.pass(1);
    await ended;
    expect(w.lines.join()).toContain('an alert could not be delivered');
  });
});
