import type { Clock } from '../core/clock.ts';
import { BanyanError } from '../core/errors.ts';
import type { GradualPlan } from '../model/gradual-plan.ts';
import { carriedOver } from './decision/change.ts';
import type { Decisions } from './decisions.ts';
import { nextStep } from './gradual.ts';
import type { ShiftOptions, ShiftResult } from './router-options.ts';
import type { ServiceRoute } from './service-route.ts';

const LOOK_MS = 20;

/** A plan with its defaults. */
export function gradualPlan(to: number, options: Pick<ShiftOptions, 'stepPercent' | 'everySeconds' | 'maxSeconds' | 'overdue'>): GradualPlan {
  const { stepPercent = 5, everySeconds = 300, overdue = 'wait' } = options;
  const maxSeconds = options.maxSeconds ?? Math.max(60, 10 * everySeconds);
  return { to, stepPercent: Math.max(0.01, Math.abs(stepPercent)), everySeconds, maxSeconds, overdue };
}

/**
 * Takes the first step of a gradual shift and waits until the route's own watch has taken the others.
 * @throws BANYAN_ROUTE_COOLING shortly after an automatic rollback.
 */
export async function shiftGradually(parts: {
  readonly route: ServiceRoute;
  readonly decisions: Decisions;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly percent: number;
  readonly by: string;
  readonly why: string;
  readonly options: ShiftOptions;
}): Promise<ShiftResult> {
  const { route, decisions, clock, signal, percent, by, options } = parts;
  const { service } = route;
  if (percent > route.targetPercent) refuseWhileCooling(service, route.coolingMs);
  const plan = gradualPlan(percent, options);
  const why = `${parts.why} (gradual, to ${percent} %)`.trim();
  const first = nextStep(route.targetPercent, plan);
  const decision = { ...carriedOver(route.target.decision), gradual: first === percent ? null : plan };
  await decisions.decide(route, { percent: first, decision, by, why });
  for (;;) {
    const present = { service, percent, version: route.version };
    if (signal.aborted) return { ...present, state: 'superseded', reason: 'the router stopped' };
    if (route.plan === null) {
      // An automatic rollback changes the target at once, its version as soon as it is stored.
      if (route.targetPercent !== percent) {
        return { ...present, state: 'superseded', reason: `${route.targetPercent} % was decided meanwhile (version ${route.version})` };
      }
      const { state, reason } = route.shifter.progress;
      if (state !== 'moving') return { ...present, state, reason };
    } else if (route.plan.to !== percent) {
      return { ...present, state: 'superseded', reason: `another gradual shift, to ${route.plan.to} %, was begun meanwhile` };
    } else if (route.gradual?.overdue === true && route.gradual.waitsFor.length > 0) {
      return { ...present, state: 'postponed', reason: `at ${route.targetPercent} %, waiting for ${route.gradual.waitsFor.join('; ')}` };
    }
    await clock.sleep(LOOK_MS, signal).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  }
}

/** @throws BANYAN_ROUTE_COOLING */
export function refuseWhileCooling(service: string, coolingMs: number): void {
  if (coolingMs <= 0) return;
  throw new BanyanError('BANYAN_ROUTE_COOLING', {
    message: `${service} went back by itself; a gradual shift may begin in ${Math.ceil(coolingMs / 1000)} s.`,
  });
}
