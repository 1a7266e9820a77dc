import type { GradualPlan } from '../../model/gradual-plan.ts';
import type { RouteDecision, ScheduledStep } from '../../model/route-decision.ts';

/**
 * Steps whose first has a time of its own, counted from `now` (milliseconds since 1970): so it stays what
 * it is, whatever else is decided about the route meanwhile, and whichever router takes it.
 */
export function anchored(steps: readonly ScheduledStep[], now: number): readonly ScheduledStep[] {
  const [first, ...rest] = steps;
  if (!first) return [];
  const { percent, at, afterSeconds } = first;
  const times = [...(at === undefined ? [] : [Date.parse(at)]), ...(afterSeconds === undefined ? [] : [now + afterSeconds * 1000])];
  return [{ percent, at: new Date(times.length === 0 ? now : Math.max(...times)).toISOString() }, ...rest];
}

/** The step that comes next; undefined: none does, or a rollback or a gradual shift stands before it. */
export function nextScheduled({ schedule, pinned, gradual }: RouteDecision): ScheduledStep | undefined {
  return pinned === null && gradual === null ? schedule[0] : undefined;
}

export function isDue(step: ScheduledStep, now: number): boolean {
  return step.at === undefined || Date.parse(step.at) <= now;
}

/** A scheduled step as the plan of a shift of one step: it waits for the same evidence. */
export function planOf({ percent }: ScheduledStep): GradualPlan {
  return { to: percent, stepPercent: 100, everySeconds: 0, maxSeconds: Number.POSITIVE_INFINITY, overdue: 'wait' };
}

/** How far a schedule is. */
export interface ScheduleStatus {
  readonly next: ScheduledStep;
  /** Steps after that. */
  readonly more: number;
  /** What the next step waits for; empty: nothing, it is taken. */
  readonly waitsFor: readonly string[];
}
