import { dirname } from 'node:path';
import type { RouteConfig, ServiceConfig } from '../config/config.ts';
import { routeConfig } from '../config/resolve.ts';
import { BanyanError } from '../core/errors.ts';
import { PostgresFence } from '../postgres/fence.ts';
import type { RouteDecision } from '../model/route-decision.ts';
import type { RouteState as StoredRoute } from '../ports/route-store.ts';
import { awaitRouters } from '../route/await-routers.ts';
import { carriedOver, changeDecision } from '../route/decision/change.ts';
import { isAutomaticRollback } from '../route/decisions.ts';
import { gradualPlan, refuseWhileCooling } from '../route/gradual-shift.ts';
import { gradualSteps, nextStep } from '../route/gradual.ts';
import { TrafficRouter } from '../route/router.ts';
import type { RouteRule } from '../route/service-route.ts';
import { PostgresRouteStore } from '../state/route-store.ts';
import { loadFlagProvider } from './flag-provider.ts';
import type { GradualPlanOptions, RouteResult, RouteSetOptions, RouteState } from './route-types.ts';
import { createMetrics } from './metrics.ts';
import { beginningOfService } from './route-decision.ts';
import { listenerOptions } from './route-listener.ts';
import { followWithPlanes, inStepWithPlanes } from './route-planes.ts';
import { loadTracing } from './route-tracing.ts';
import { notifierOf, signalsOf } from './route-triggers.ts';
import type { Session } from './session.ts';

/** How long a command waits for the routers to have moved the users. */
const ROUTERS_ANSWER_MS = 30_000;
/** How long a router that stops still tries to tell what triggers did. */
const NOTICES_MS = 5000;

/** `banyan route serve`: the proxy, until stopped. */
export async function serveRoutes(session: Session): Promise<RouteResult> {
  const { context, config, logger } = session;
  const route = routeConfig(config);
  const metrics = createMetrics();
  const signals = signalsOf(session, route);
  const notifier = notifierOf(session, route, metrics);
  const router = new TrafficRouter({
    monolith: route.monolith, key: route.key, tenant: route.tenant, region: route.region, clock: context.clock, logger, metrics,
    fence: new PostgresFence({ clock: context.clock, pools: (name) => session.pools(session.service(name)) }),
    store: storeOf(session),
    fenceBoundMs: route.fence.timeoutMs,
    barrierBoundMs: route.fence.timeoutMs,
    ...(await listenerOptions(route)),
    coolDownMs: route.rollback.coolDownMs,
    ...(route.tracing ? { tracing: loadTracing({ folders: [dirname(config.file), import.meta.dirname], logger }) } : {}),
    ...(signals ? { signals } : {}),
    ...(notifier ? { notifier } : {}),
    ...(route.pathOverride === undefined ? {} : { overridePath: route.pathOverride }),
    ...(route.headerOverride === undefined ? {} : { overrideHeader: route.headerOverride }),
  });
  try {
    await router.listenAdmin(route.admin, { metricsText: () => metrics.text(), ...(route.adminToken === undefined ? {} : { token: route.adminToken }) });
    for (const service of config.services.values()) {
      if (service.upstream === undefined) continue;
      await router.addRoute(ruleOf(service, route), { monolith: route.monolith, service: service.upstream });
    }
    for (const { name, upstream, routing } of config.services.values()) {
      if (upstream === undefined || !routing.flag) continue;
      const { provider, key, everyMs } = routing.flag;
      router.follow(name, { provider: await loadFlagProvider(provider), flag: key, everyMs });
    }
    const address = await router.listen(route.listen);
    context.progress.note(`listening on ${route.tls ? 'https' : 'http'}://${address.host}:${address.port}`);
    await Promise.all([untilAborted(context.signal), followWithPlanes(session, context.signal)]);
  } finally {
    await router.close({ drainMs: route.timeouts.drainMs });
    await notifier?.close(NOTICES_MS);
  }
  return { routes: router.status().routes.map(asRouteState) };
}

function ruleOf(service: ServiceConfig, route: RouteConfig): RouteRule {
  const check = { path: service.health.path, everyMs: service.health.everyMs, timeoutMs: service.health.timeoutMs };
  return {
    service: service.name,
    match: service.match,
    decision: beginningOfService(service),
    variants: Object.fromEntries(Object.entries(service.routing.variants).map(([name, { upstream }]) => [name, upstream])),
    adapt: service.adapt,
    health: { service: check },
    falseAlarmRate: route.rollback.falseAlarmRate,
    baselineMs: route.rollback.baselineMs,
    worseBy: route.gradual.worseBy,
    ...(route.rollback.triggers ? { triggers: route.rollback.triggers } : {}),
    ...(route.shadow.percent > 0 ? { shadow: route.shadow } : {}),
  };
}

async function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

export function storeOf(session: Session): PostgresRouteStore {
  return new PostgresRouteStore({ pool: session.statePool, clock: session.context.clock });
}

/** `banyan route set`: decides a percentage and waits until every running router has moved the users. */
export async function setRoute(session: Session, options: RouteSetOptions): Promise<RouteResult> {
  const name = routedService(session, options.service);
  const store = storeOf(session);
  await store.install();
  const { gradual, plan } = options;
  const latest = (await store.load()).find((state) => state.service === name);
  const present = latest?.percent ?? 0;
  const before = latest ?? { percent: 0, decision: beginningOfService(session.service(name)) };
  const { decision } = changeDecision(name, before, { percent: options.percent });
  // The first decision takes over what the configuration begins with; later ones keep what the store has.
  const beginning = latest && decision.stage === latest.decision.stage ? {} : { decision };
  if (plan) {
    await begin(session, { service: name, percent: options.percent, plan, latest });
    return readRoutes(session);
  }
  const steps = gradual ? gradualSteps({ from: present, to: options.percent, stepPercent: gradual.stepPercent }) : [options.percent];
  for (const [index, percent] of steps.entries()) {
    changeDecision(name, before, { percent });
    if (index > 0 && gradual) await session.context.clock.sleep(gradual.everySeconds * 1000, session.context.signal);
    await decide(session, { service: name, percent, why: 'route set', ...(index === 0 ? beginning : {}) });
  }
  return readRoutes(session);
}

/** The first step of a gradual shift; the routers take the others. @throws BANYAN_ROUTE_COOLING */
async function begin(
  session: Session,
  shift: { readonly service: string; readonly percent: number; readonly plan: GradualPlanOptions; readonly latest: StoredRoute | undefined },
): Promise<void> {
  const { service, percent, latest } = shift;
  const present = latest?.percent ?? 0;
  if (latest && percent > present && isAutomaticRollback(latest)) {
    refuseWhileCooling(service, routeConfig(session.config).rollback.coolDownMs - (session.context.clock.now() - Date.parse(latest.at)));
  }
  const plan = gradualPlan(percent, shift.plan);
  const first = nextStep(present, plan);
  changeDecision(service, latest ?? { percent: 0, decision: beginningOfService(session.service(service)) }, { percent: first });
  const decision = { ...carriedOver(latest?.decision ?? beginningOfService(session.service(service))), gradual: first === percent ? null : plan };
  await decide(session, { service, percent: first, decision, why: `route set (gradual, to ${percent} %)` });
}

/** A decision that no router could carry out is refused before it is stored. */
export function routedService(session: Session, service: string): string {
  routeConfig(session.config);
  const { name, upstream } = session.service(service);
  if (upstream !== undefined) return name;
  throw new BanyanError('BANYAN_CONFIG', {
    message: `${session.config.file}: found no upstream in services.${name}; expected the service's HTTP address: upstream: "http://127.0.0.1:4001".`,
  });
}

/** Stores a decision and waits until every running router has acted on it. */
export async function decide(session: Session, change: { readonly service: string; readonly percent: number; readonly why: string; readonly decision?: RouteDecision }): Promise<void> {
  const { context } = session;
  await inStepWithPlanes(session, change, async () => {
    const saved = await storeOf(session).save({ ...change, by: context.env['USER'] ?? 'command line' });
    await awaitMoved(session, saved);
  });
}

/** Waits until every running router has acted on a decision. */
export async function awaitMoved(session: Session, saved: StoredRoute): Promise<void> {
  const { context } = session;
  const answer = await awaitRouters({
    store: storeOf(session), service: saved.service, version: saved.version, clock: context.clock, timeoutMs: ROUTERS_ANSWER_MS, signal: context.signal,
  });
  const postponed = answer.reports.filter((report) => report.state === 'postponed');
  if (!answer.answered || postponed.length > 0) {
    throw new BanyanError('BANYAN_ROUTE_PENDING', {
      message:
        `${saved.service} is decided at ${saved.percent} % (version ${saved.version}), but not every router has moved its users: ` +
        [...answer.missing.map((router) => `${router} has not answered`), ...postponed.map((report) => `${report.router}: ${report.reason}`)].join('; '),
    });
  }
}

/** How each service is served: as the router of this configuration says, or else as it was decided. */
export async function readRoutes(session: Session): Promise<RouteResult> {
  const live = await askRouter(session);
  if (live) return { routes: live.routes };
  const store = storeOf(session);
  await store.install();
  return { routes: decidedRoutes(session, await store.load()) };
}

/** The services as they were decided, without a word of how they fare. */
export function decidedRoutes(session: Session, decided: readonly StoredRoute[]): readonly RouteState[] {
  const states = new Map(decided.map((state) => [state.service, state]));
  return [...session.config.services.keys()].map((service): RouteState => {
    const state = states.get(service);
    return { service, percent: state?.percent ?? 0, version: state?.version ?? 0, health: 'unknown', breaker: 'unknown', shadow: {} };
  });
}

/** What the router of this configuration says, if it runs: it also knows health, breaker and shadow. */
export async function askRouter(session: Session): Promise<RouterAnswer | undefined> {
  const { admin, adminToken } = routeConfig(session.config);
  const { host, port } = admin;
  let response: Response;
  try {
    response = await fetch(`http://${host.includes(':') ? `[${host}]` : host}:${port}/status`, {
      signal: AbortSignal.timeout(2000), headers: adminToken === undefined ? {} : { authorization: `Bearer ${adminToken}` },
    });
  } catch {
    // No router there: the store alone answers.
    return undefined;
  }
  if (!response.ok) return undefined;
  let status: unknown;
  try {
    status = await response.json();
  } catch {
    // Something else answers there, which is no router either.
    return undefined;
  }
  return isStatus(status) ? status : undefined;
}

interface RouterAnswer extends RouteResult {
  readonly instance: string;
  /** Null: it has none. */
  readonly store: { readonly reachable: boolean; readonly reason: string; readonly cutOffSince?: string | null } | null;
}

/** Whether a router of ours answered, and not whatever else listens there. */
function isStatus(value: unknown): value is RouterAnswer {
  return typeof value === 'object' && value !== null && 'routes' in value && 'instance' in value && Array.isArray(value.routes);
}

function asRouteState(status: { readonly service: string; readonly percent: number; readonly version: number; readonly health: string; readonly breaker: string; readonly shadow: object }): RouteState {
  return { ...status, shadow: { ...status.shadow } };
}
