import { messageOf } from '../core/errors.ts';
import { summaryOf } from '../route/decision/summary.ts';
import type { RouteState as StoredRoute } from '../ports/route-store.ts';
import { readPlanes } from './route-planes.ts';
import { askRouter, decidedRoutes, storeOf } from './route.ts';
import type { RouteState, RouterState, RouteStatusResult } from './route-types.ts';
import type { Session } from './session.ts';

/**
 * `banyan route status`: the decisions of the shared state, what this configuration's router says of them if it
 * runs, how far every other router is, and what the proxies of `route.planes` have. With a router that answers it
 * does not need the shared state: a router that is cut off is what one wants to look at then.
 */
export async function routeStatus(session: Session): Promise<RouteStatusResult> {
  const live = await askRouter(session);
  const planes = readPlanes(session);
  const { states, routers, reason } = await stored(session, live !== undefined);
  const routes = live?.routes ?? decidedRoutes(session, states);
  return {
    routes: routes.map((route) => withDecision(route, states.find(({ service }) => service === route.service))),
    routers,
    planes: await planes,
    asked: live ? { router: live.instance, cutOffSince: live.store?.cutOffSince ?? null, reason: live.store?.reason ?? '' } : null,
    store: { reachable: reason === '', reason },
  };
}

async function stored(session: Session, mayFail: boolean): Promise<{ readonly states: readonly StoredRoute[]; readonly routers: readonly RouterState[]; readonly reason: string }> {
  const store = storeOf(session);
  try {
    // A router that runs has done that.
    if (!mayFail) await store.install();
    return { states: await store.load(), routers: await store.routers(), reason: '' };
  } catch (error) {
    if (!mayFail) throw error;
    return { states: [], routers: [], reason: messageOf(error) };
  }
}

function withDecision(route: RouteState, state: StoredRoute | undefined): RouteState {
  if (!state) return route;
  const { by, why, at, version } = state;
  return {
    ...route,
    decision: route.decision ?? summaryOf(state.decision),
    // A router that is behind, or cut off, says what it knows; who decided that is in the history.
    ...(version === route.version ? { decided: { by, why, at } } : {}),
  };
}
