import { BanyanError, messageOf } from '../core/errors.ts';
import { RunningHaproxy } from '../dataplane/haproxy/running-haproxy.ts';
import { runtimeSocket } from '../dataplane/haproxy/runtime-socket.ts';
import type { RouteDecision } from '../model/route-decision.ts';
import type { PlaneShare, RunningPlane } from '../ports/data-plane.ts';
import type { RouteState } from '../ports/route-store.ts';
import { awaitRouters } from '../route/await-routers.ts';
import { PostgresRouteStore } from '../state/route-store.ts';
import { withPlaneLock } from '../state/plane-lock.ts';
import { percentOf } from './plane-plan.ts';
import { moveInStep } from './plane-move.ts';
import type { PlaneState } from './route-types.ts';
import type { Session } from './session.ts';

const SOCKET_MS = 5000;
const FOLLOW_MS = 1000;

/** The proxies of `route.planes`, whose shares are changed while they run. */
function planesOf(session: Session): RunningPlane[] {
  return (session.config.route?.planes ?? []).map(
    ({ kind, socket, map }) =>
      new RunningHaproxy({ name: `${kind} at ${socket}`, command: runtimeSocket(socket, { timeoutMs: SOCKET_MS }), mapFile: map, clock: session.context.clock }),
  );
}

/** What the proxies of `route.planes` have in force. One that can not be asked hides no other. */
export async function readPlanes(session: Session): Promise<readonly PlaneState[]> {
  return Promise.all(
    planesOf(session).map(async (plane): Promise<PlaneState> => {
      try {
        return { name: plane.name, shares: await plane.read(session.context.signal), problem: '' };
      } catch (error) {
        return { name: plane.name, shares: [], problem: messageOf(error) };
      }
    }),
  );
}

/** What was decided of every service, or without a decision its configuration says. */
function decidedShares(session: Session, decisions: readonly RouteState[]): PlaneShare[] {
  const states = new Map(decisions.map((state) => [state.service, state]));
  return [...session.config.services.values()]
    .filter(({ upstream }) => upstream !== undefined)
    .map((service) => ({ service: service.name, percent: percentOf(service, states.get(service.name)) }));
}

/** Runs `decide`, which stores a decision and waits for the routers, with the configured proxies in step. */
export async function inStepWithPlanes(
  session: Session,
  next: { readonly service: string; readonly percent: number; readonly decision?: RouteDecision | undefined },
  decide: () => Promise<void>,
): Promise<void> {
  const planes = planesOf(session);
  if (planes.length === 0) {
    await decide();
    return;
  }
  const { context, config, logger } = session;
  const store = new PostgresRouteStore({ pool: session.statePool, clock: context.clock });
  const service = session.service(next.service);
  await withPlaneLock(session.statePool, { wait: true }, async () => {
    const percent = percentOf(service, next);
    const wanted = (config.route?.planes ?? []).some(({ moves }) => moves === 'router');
    const running = (await store.liveRouters()).length > 0;
    if (wanted && !running && percent > 0) {
      throw new BanyanError('BANYAN_PLANE_APPLY', {
        message: `No router runs through which the users of ${service.name} could move. Start \`banyan route serve\`, or give the entries of route.planes \`moves: direct\`: then nobody waits for the fence.`,
      });
    }
    // Going back must not depend on a router.
    if (wanted && !running) logger.warn('no router runs: users are moved back without the fence', { service: service.name });
    await moveInStep({
      planes, service: service.name, percent, decided: decidedShares(session, await store.load()), decide,
      throughRouter: wanted && running, drainMs: config.route?.fence.timeoutMs ?? 0, signal: context.signal,
    });
  });
}

/**
 * Keeps the proxies as it was decided, until stopped: what a router decided by itself (a trigger, a
 * step of a schedule), what another command left half done, and a proxy that was started from an old file.
 */
export async function followWithPlanes(session: Session, signal: AbortSignal): Promise<void> {
  const planes = planesOf(session);
  if (planes.length === 0) return;
  const { clock } = session.context;
  let said = '';
  while (!signal.aborted) {
    let problem = '';
    try {
      await withPlaneLock(session.statePool, { wait: false }, () => evenOut(session, planes));
    } catch (error) {
      problem = messageOf(error);
    }
    if (problem !== '' && problem !== said) session.logger.warn('a proxy is not as it was decided', { reason: problem });
    said = problem;
    await clock.sleep(FOLLOW_MS, signal).catch(() => {});
  }
}

async function evenOut(session: Session, planes: readonly RunningPlane[]): Promise<void> {
  const { clock } = session.context;
  const store = new PostgresRouteStore({ pool: session.statePool, clock });
  const states = await store.load();
  const decided = decidedShares(session, states);
  const versions = new Map(states.map((state) => [state.service, state.version]));
  for (const plane of planes) {
    const present = new Map((await plane.read()).map((share) => [share.service, share]));
    const odd = decided.filter((share) => present.get(share.service)?.percent !== share.percent || present.get(share.service)?.movingUpTo !== undefined);
    const settled: PlaneShare[] = [];
    for (const share of odd) {
      // Routers that are still moving users are waited for: until then those stay where they are.
      const { answered, reports } = await awaitRouters({ store, service: share.service, version: versions.get(share.service) ?? 0, clock, timeoutMs: 0 });
      if (answered && reports.every(({ state }) => state === 'done')) settled.push(share);
    }
    if (settled.length === 0) continue;
    const changed = new Map(settled.map((share) => [share.service, share]));
    await plane.apply(decided.map((share) => changed.get(share.service) ?? present.get(share.service) ?? share));
    session.logger.info('a proxy is as it was decided again', { plane: plane.name, services: settled.map(({ service }) => service).join(' ') });
  }
}
