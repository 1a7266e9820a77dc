import { describe, expect, it } from 'vitest';
import { nextRun, ownMemory, runSchedules, type Schedule, type ScheduleMemory } from './schedule.ts';

const MINUTE = 60_000;
const at = (text: string): number => Date.parse(text);
const times = (schedule: Schedule, from: string, count: number): string[] => {
  const found: string[] = [];
  for (let ms = at(from); found.length < count; ) {
    ms = nextRun(schedule, ms)!;
    found.push(new Date(ms).toISOString());
  }
  return found;
};

describe('the next run', () => {
  it('is in the zone it is meant in, also where summer time begins and ends', () => {
    // 2026-03-29: 02:00 becomes 03:00 in Berlin. 2026-10-25: 03:00 becomes 02:00.
    const daily = { cron: '30 2 * * *', timezone: 'Europe/Berlin' };
    expect(times(daily, '2026-03-27T12:00:00Z', 3)).toEqual(['2026-03-28T01:30:00.000Z', '2026-03-29T01:00:00.000Z', '2026-03-30T00:30:00.000Z']);
    const autumn = times(daily, '2026-10-24T12:00:00Z', 2);
    expect(autumn[0]).toMatch(/^2026-10-25T0[01]:30/);
    expect(autumn[1]).toBe('2026-10-26T01:30:00.000Z');
    expect(times({ cron: '30 2 * * *' }, '2026-03-28T12:00:00Z', 1)).toEqual(['2026-03-29T02:30:00.000Z']);
  });

  it('needs no clock: of a past that is long gone as well', () => {
    expect(times({ cron: '*/20 * * * * *' }, '1999-12-31T23:59:30Z', 3)).toEqual(['1999-12-31T23:59:40.000Z', '2000-01-01T00:00:00.000Z', '2000-01-01T00:00:20.000Z']);
    expect(nextRun({ cron: '0 0 30 2 *' }, 0)).toBeUndefined();
    expect(() => nextRun({ cron: 'nonsense' }, 0)).toThrow('nonsense');
  });
});

/** A loop on a clock of its own, that ends after a time. */
async function loop(options: {
  readonly schedules: readonly Schedule[];
  readonly from: string;
  readonly minutes: number;
  /** What a run takes, in minutes. */
  readonly takes?: (run: number) => number;
  readonly memory?: ScheduleMemory;
}) {
  const { schedules, from, minutes, takes = () => 0, memory = ownMemory() } = options;
  let nowMs = at(from);
  const end = nowMs + minutes * MINUTE;
  const stop = new AbortController();
  const runs: string[] = [];
  const errors: unknown[] = [];
  let running = 0;
  const pass = (ms: number): void => {
    nowMs += ms;
    if (nowMs >= end) stop.abort();
  };
  await runSchedules({
    schedules, memory, signal: stop.signal, now: () => nowMs,
    sleep: async (ms) => {
      expect(ms).toBeGreaterThan(0);
      pass(ms);
    },
    run: async (schedule, dueMs) => {
      expect((running += 1), 'one run at a time').toBe(1);
      runs.push(`${new Date(nowMs).toISOString().slice(11, 16)} ${schedule.level} for ${new Date(dueMs).toISOString().slice(11, 16)}`);
      await Promise.resolve();
      pass(takes(runs.length) * MINUTE);
      running -= 1;
      stop.signal.throwIfAborted();
    },
    onError: (error) => void errors.push(error),
  });
  return { runs, errors, nowMs };
}

describe('schedules', () => {
  const often: Schedule = { cron: '*/5 * * * *', level: 'count' };
  const daily: Schedule = { cron: '10 3 * * *', level: 'full' };

  it('run when they are due, and no earlier', async () => {
    expect((await loop({ schedules: [often, daily], from: '2026-01-01T02:58:30Z', minutes: 18 })).runs).toEqual([
      '03:00 count for 03:00', '03:05 count for 03:05', '03:10 count for 03:10', '03:10 full for 03:10', '03:15 count for 03:15',
    ]);
  });

  it('make up for what they missed during a run by one run, and never overlap', async () => {
    const { runs } = await loop({ schedules: [often, daily], from: '2026-01-01T03:08:00Z', minutes: 40, takes: (run) => (run === 2 ? 17 : 0) });
    expect(runs).toEqual([
      '03:10 count for 03:10', '03:10 full for 03:10', '03:27 count for 03:15', '03:30 count for 03:30', '03:35 count for 03:35', '03:40 count for 03:40', '03:45 count for 03:45',
    ]);
  });

  it('make up for what was missed while nobody ran, and begin now where they are new', async () => {
    const memory = ownMemory();
    await loop({ schedules: [daily], from: '2026-01-01T00:00:00Z', minutes: 1, memory });
    const { runs } = await loop({ schedules: [often, daily], from: '2026-01-05T09:01:00Z', minutes: 3, memory });
    expect(runs).toEqual(['09:01 full for 03:10']);
  });

  it('make a run again that did not end', async () => {
    const memory = ownMemory();
    const killed = await loop({ schedules: [daily], from: '2026-01-01T03:09:00Z', minutes: 2, takes: () => 5, memory });
    const again = await loop({ schedules: [daily], from: '2026-01-01T03:20:00Z', minutes: 2, memory });
    expect([killed.runs, again.runs]).toEqual([['03:10 full for 03:10'], ['03:20 full for 03:10']]);
  });

  it('are left to somebody else who is at work, or has done it', async () => {
    const memory = ownMemory();
    let refusals = 0;
    const busy: ScheduleMemory = { ...memory, alone: (work) => ((refusals += 1) < 4 ? Promise.resolve(false) : memory.alone(work)) };
    expect((await loop({ schedules: [daily], from: '2026-01-01T03:09:00Z', minutes: 3, memory: busy })).runs).toEqual(['03:10 full for 03:10']);
    expect(refusals).toBe(4);
    // Between the look and the lock somebody else made it.
    const late: ScheduleMemory = { ...memory, alone: async (work) => (await memory.note(daily, at('2026-01-02T03:10:01Z')), memory.alone(work)) };
    expect((await loop({ schedules: [daily], from: '2026-01-02T03:09:00Z', minutes: 3, memory: late })).runs).toEqual([]);
  });

  it('outlive a memory that does not answer', async () => {
    const memory = ownMemory();
    let asked = 0;
    const flaky: ScheduleMemory = { ...memory, last: (schedule) => ((asked += 1) % 2 === 0 ? Promise.reject(new Error('gone')) : memory.last(schedule)) };
    const { runs, errors } = await loop({ schedules: [often], from: '2026-01-01T03:04:00Z', minutes: 3, memory: flaky });
    expect(errors.length).toBeGreaterThan(0);
    // The memory refuses inside the lock as well; it is done as soon as it answers twice.
    expect(runs.length).toBeLessThanOrEqual(1);
    expect((await loop({ schedules: [often], from: '2026-01-01T03:07:00Z', minutes: 1, memory })).runs.length + runs.length).toBe(1);
  });

  it('with none at all wait to be stopped', async () => {
    expect((await loop({ schedules: [], from: '2026-01-01T00:00:00Z', minutes: 5 })).runs).toEqual([]);
  });
});
