import type { Clock } from '../core/clock.ts';
import type { GradualPlan } from '../model/gradual-plan.ts';
import type { StepEvidence, StepProgress } from './evidence/step-evidence.ts';

export interface GradualOptions {
  readonly from: number;
  readonly to: number;
  /** How much one step changes; its sign does not matter. */
  readonly stepPercent: number;
}

/** The percentages of a gradual shift, ending with `to`; one step if there is nothing to go. */
export function gradualSteps(options: GradualOptions): number[] {
  const { from, to } = options;
  const step = Math.max(0.01, Math.abs(options.stepPercent));
  const up = to > from;
  const steps: number[] = [];
  for (let n = 1; ; n++) {
    const next = Number((from + (up ? n : -n) * step).toFixed(2));
    if (up ? next >= to : next <= to) break;
    steps.push(next);
  }
  return [...steps, to];
}

/** The percentage after `from` on the way of a plan. */
export function nextStep(from: number, { to, stepPercent }: Pick<GradualPlan, 'to' | 'stepPercent'>): number {
  return gradualSteps({ from, to, stepPercent })[0] ?? to;
}

export interface GradualStatus {
  readonly to: number;
  readonly next: number;
  /** Since when this router has seen the present step done, in seconds. */
  readonly seconds: number;
  /** What the next step waits for; empty: nothing, it is taken. */
  readonly waitsFor: readonly string[];
  /** The step is older than the plan's maximum. */
  readonly overdue: boolean;
  readonly evidence: StepProgress;
}

/** What a walk wants to know beside its evidence. */
export interface StepSurroundings {
  /** The users of the present step are moved. */
  readonly moved: boolean;
  readonly healthy: boolean;
  /** Rules that hold just now, those that only tell too: what was measured. */
  readonly holding: readonly string[];
  /** What rules look at and is not known just now. */
  readonly unknown: readonly string[];
}

/**
 * One router's walk through the steps of a gradual shift. Each step waits for its time, for evidence of its own
 * that the service is not worse, and until no rule holds. It knows nothing that is not in the decision itself: a
 * router that starts in the middle begins with the present step anew.
 */
export class GradualWalk {
  readonly #clock: Clock;
  readonly #evidence: StepEvidence;
  #version = -1;
  #since: number | null = null;

  constructor(options: { readonly clock: Clock; readonly evidence: StepEvidence }) {
    this.#clock = options.clock;
    this.#evidence = options.evidence;
  }

  /** What stands between the present step, decided as `version`, and the next. */
  look(present: { readonly version: number; readonly percent: number; readonly plan: GradualPlan }, around: StepSurroundings): GradualStatus {
    const { version, percent, plan } = present;
    if (version !== this.#version) {
      this.#version = version;
      this.#since = null;
    }
    if (this.#since === null && around.moved) {
      this.#since = this.#clock.monotonic();
      this.#evidence.begin();
    }
    const seconds = this.#since === null ? 0 : (this.#clock.monotonic() - this.#since) / 1000;
    if (this.#since !== null) this.#evidence.look();
    const against = [
      ...(around.healthy ? [] : ['the service to be healthy']),
      ...around.holding.map((why) => `the end of ${why}`),
      ...around.unknown.map((what) => `a word of ${what}`),
    ];
    const overdue = seconds >= plan.maxSeconds;
    const enough = this.#enough(percent, plan) || (overdue && plan.overdue === 'continue');
    const waitsFor = [
      ...(around.moved ? [] : ['the users to be moved']),
      ...(this.#since === null || seconds >= plan.everySeconds ? [] : ['its time']),
      ...(this.#since === null || enough ? [] : [this.#missing()]),
      // Nothing keeps from going back.
      ...(plan.to < percent ? [] : against),
    ];
    return { to: plan.to, next: nextStep(percent, plan), seconds: Math.round(seconds * 10) / 10, waitsFor, overdue, evidence: this.#evidence.progress };
  }

  #enough(percent: number, plan: GradualPlan): boolean {
    // On the way back nothing is to be shown; and where nobody asks, nobody is there to be hurt.
    return plan.to < percent || this.#evidence.confirmed || !this.#evidence.anything;
  }

  #missing(): string {
    const { requests, errors, latency, needed } = this.#evidence.progress;
    const open = [...(errors >= needed ? [] : [`failures (${errors.toFixed(1)} of ${needed})`]), ...(latency >= needed ? [] : [`latency (${latency.toFixed(1)} of ${needed})`])];
    return `evidence of ${open.join(' and ')} after ${requests} requests`;
  }
}
