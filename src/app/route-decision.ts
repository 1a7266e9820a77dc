import type { ServiceConfig } from '../config/config.ts';
import { PLAIN_DECISION, type RouteDecision } from '../model/route-decision.ts';
import { changeDecision, type Decided } from '../route/decision/change.ts';

/** With what a service's route begins when nothing was decided yet: what its configuration says. */
export function beginningOfService({ name, routing }: ServiceConfig): RouteDecision {
  const { strategy, allow, deny, rules, experiment, variants } = routing;
  const weights = Object.fromEntries(Object.entries(variants).map(([variant, { weight }]) => [variant, weight]));
  const nothing: Decided = { percent: 0, decision: PLAIN_DECISION };
  return changeDecision(name, nothing, {
    strategy, allow, deny, rules,
    ...(experiment === undefined ? {} : { experiment }),
    ...(Object.keys(weights).length > 0 ? { variants: weights } : {}),
  }).decision;
}
