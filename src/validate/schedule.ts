import { Cron } from 'croner';
import type { Level } from './report.ts';

/** When how closely is compared. */
export interface Schedule {
  /** Minute, hour, day of the month, month, day of the week; with six fields, seconds before them. */
  readonly cron: string;
  /** Default: as for any other run. */
  readonly level?: Level;
  /** Tables by the source's name. Default: all. */
  readonly tables?: readonly string[];
  /** Compare only rows that the streams have touched since they were last compared. Default: all rows. */
  readonly incremental?: boolean;
  /** An IANA name such as Europe/Berlin. Default: UTC, wherever the process runs. */
  readonly timezone?: string;
}

/**
 * The first moment after `afterMs` (milliseconds since 1970) that the schedule names; undefined: there is none.
 * Only this is croner's: nothing of it sleeps, or looks at the time.
 * @throws Error if the expression or the time zone can not be read.
 */
export function nextRun({ cron, timezone = 'UTC' }: Schedule, afterMs: number): number | undefined {
  return new Cron(cron, { timezone, mode: '5-or-6-parts', paused: true }).nextRun(new Date(afterMs))?.getTime();
}

/** The same for the same schedule in another process: its name in the state database. */
export function scheduleKey({ cron, level, tables, timezone, incremental = false }: Schedule): string {
  // As it always was, where nothing is said of it.
  return JSON.stringify([cron, timezone ?? 'UTC', level ?? null, tables ?? null, ...(incremental ? ['incremental'] : [])]);
}

/** What outlives a process, and keeps several of them apart. */
export interface ScheduleMemory {
  /** Up to when the schedule has been carried out, in milliseconds since 1970; undefined: it is new. */
  last(schedule: Schedule): Promise<number | undefined>;
  note(schedule: Schedule, atMs: number): Promise<void>;
  /** Runs `work` unless somebody else is at work; whether it ran. */
  alone(work: () => Promise<void>): Promise<boolean>;
}

export interface ScheduleLoop {
  readonly schedules: readonly Schedule[];
  readonly memory: ScheduleMemory;
  readonly now: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly signal: AbortSignal;
  /** One run. `dueMs`: for when it was meant. It rejects only when aborted: a run that failed is one that was made. */
  readonly run: (schedule: Schedule, dueMs: number) => Promise<void>;
  /** The memory did not answer. It is asked again. */
  readonly onError: (error: unknown) => void;
}

/** A clock that is set, and schedules that another worker has carried out, are seen within this time. */
const LONGEST_SLEEP_MS = 60_000;
const AGAIN_MS = 5000;

/**
 * Carries schedules out until aborted, one run at a time. Times that pass during a run, or while nobody runs, are
 * made up for by one run. A run counts when it has ended: one that was killed is made again.
 */
export async function runSchedules(loop: ScheduleLoop): Promise<void> {
  const { memory, now, sleep, signal } = loop;
  while (!signal.aborted) {
    let pauseMs = AGAIN_MS;
    try {
      const next = await earliest(loop);
      if (next === undefined) pauseMs = LONGEST_SLEEP_MS;
      else if (next.dueMs > now()) pauseMs = Math.min(next.dueMs - now(), LONGEST_SLEEP_MS);
      else if (await memory.alone(() => runIfDue(loop, next.schedule))) continue;
    } catch (error) {
      if (!signal.aborted) loop.onError(error);
    }
    await sleep(pauseMs, signal).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  }
}

/** Somebody else may have made the run between the look and the lock. */
async function runIfDue({ memory, now, run }: ScheduleLoop, schedule: Schedule): Promise<void> {
  const startedMs = now();
  const dueMs = nextRun(schedule, (await memory.last(schedule)) ?? startedMs);
  if (dueMs === undefined || dueMs > startedMs) return;
  await run(schedule, dueMs);
  await memory.note(schedule, startedMs);
}

/** What is due first; of what is due at once, what stands first. A new schedule begins now. */
async function earliest({ schedules, memory, now }: ScheduleLoop): Promise<{ readonly schedule: Schedule; readonly dueMs: number } | undefined> {
  let first: { readonly schedule: Schedule; readonly dueMs: number } | undefined;
  for (const schedule of schedules) {
    let last = await memory.last(schedule);
    if (last === undefined) {
      last = now();
      await memory.note(schedule, last);
    }
    const dueMs = nextRun(schedule, last);
    if (dueMs !== undefined && (first === undefined || dueMs < first.dueMs)) first = { schedule, dueMs };
  }
  return first;
}

/** A memory for a process that is alone. */
export function ownMemory(): ScheduleMemory {
  const lasts = new Map<string, number>();
  return {
    last: (schedule) => Promise.resolve(lasts.get(scheduleKey(schedule))),
    note: async (schedule, atMs) => void lasts.set(scheduleKey(schedule), atMs),
    alone: async (work) => {
      await work();
      return true;
    },
  };
}
