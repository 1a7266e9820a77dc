import { BanyanError } from '../core/errors.ts';
import type { RouteDecision } from '../model/route-decision.ts';
import { changeDecision, type Decided, type DecisionChange } from '../route/decision/change.ts';
import { anchored } from '../route/decision/schedule.ts';
import type { ServiceOptions } from './application.ts';
import type { RouteResult } from './route-types.ts';
import { beginningOfService } from './route-decision.ts';
import type { RouteChangeOptions, RouteShowResult } from './route-decision-types.ts';
import { inStepWithPlanes } from './route-planes.ts';
import { awaitMoved, readRoutes, routedService, storeOf } from './route.ts';
import type { Session } from './session.ts';

/** `banyan route set` with more than a percentage: one version, and all users moved by it through the fence. */
export async function changeRoute(session: Session, options: RouteChangeOptions): Promise<RouteResult> {
  const name = routedService(session, options.service);
  const { why = 'route set', configured: _configured, scheduled: _scheduled, service: _service, ...named } = options;
  const before = await showRoute(session, { service: name });
  const decided = changeDecision(name, options.configured ? withoutConfigured(before) : before, { ...fromConfiguration(session, options, before.decision.variants), ...named });
  const unknown = decided.decision.variants.find((variant) => !(variant.name in session.service(name).routing.variants));
  if (unknown) {
    throw new BanyanError('BANYAN_ROUTE_INVALID', {
      message: `The route of ${name} has no upstream for the variant ${unknown.name}; expected one of services.${name}.routing.variants.`,
    });
  }
  await inStepWithPlanes(session, { service: name, ...decided }, async () => {
    const saved = await storeOf(session).save({
      service: name, ...decided, why, by: session.context.env['USER'] ?? 'command line',
      // Another change in between is not overwritten unseen.
      expectedVersion: before.version,
    });
    await awaitMoved(session, saved);
  });
  return readRoutes(session);
}

/** What the configuration is about to say anew. Variants that it does not name are taken away; the others keep their users. */
function withoutConfigured(before: Decided): Decided {
  return { percent: before.percent, decision: { ...before.decision, allow: [], deny: [] } };
}

function fromConfiguration(session: Session, { configured, scheduled, service: name }: RouteChangeOptions, present: RouteDecision['variants']): DecisionChange {
  const service = session.service(name);
  const { strategy, schedule } = service.routing;
  const { allow, deny, rules, variants, experiment } = beginningOfService(service);
  if (scheduled && schedule.length === 0) {
    throw new BanyanError('BANYAN_ROUTE_INVALID', { message: `${name} has no schedule; expected steps in services.${name}.routing.schedule.` });
  }
  const gone = present.filter((each) => !variants.some(({ name }) => name === each.name)).map(({ name }): [string, number] => [name, 0]);
  const weights = Object.fromEntries([...gone, ...variants.map(({ name, weight }): [string, number] => [name, weight])]);
  return {
    ...(configured ? { strategy, allow, deny, rules, experiment, variants: weights } : {}),
    ...(scheduled ? { schedule: anchored(schedule, session.context.clock.now()) } : {}),
  };
}

/** `banyan route show` */
export async function showRoute(session: Session, options: ServiceOptions): Promise<RouteShowResult> {
  const name = routedService(session, options.service);
  const store = storeOf(session);
  await store.install();
  const stored = (await store.load()).find((state) => state.service === name);
  return stored ?? { service: name, percent: 0, version: 0, by: '', why: '', at: '', decision: beginningOfService(session.service(name)) };
}
