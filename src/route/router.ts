import { randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import type http from 'node:http';
import { systemClock, type Clock } from '../core/clock.ts';
import { BanyanError, invariant, messageOf } from '../core/errors.ts';
import { silentLogger, type Logger } from '../core/logger.ts';
import { noMetrics, type Metrics } from '../core/metrics.ts';
import type { Side } from '../model/side.ts';
import type { RouteSignalReader } from '../ports/route-signals.ts';
import type { RouteState } from '../ports/route-store.ts';
import { checkAdminAddress, createAdminServer } from './admin.ts';
import { compileAttribute } from './attributes.ts';
import { CausalBarrier } from './barrier.ts';
import { checkRule, notAPercentage } from './check-rule.ts';
import { Decisions } from './decisions.ts';
import { isPercent } from './decide.ts';
import { changeDecision, rolledBack, type DecisionChange } from './decision/change.ts';
import { summaryOf } from './decision/summary.ts';
import { gradualPlan, shiftGradually } from './gradual-shift.ts';
import { clientAddress } from './headers.ts';
import { anchored } from './decision/schedule.ts';
import { nextStep } from './gradual.ts';
import { followFlag } from './flags/flag-follower.ts';
import type { OutsideProvider } from './flags/open-feature.ts';
import { HealthChecker } from './health-checker.ts';
import { Ids } from './ids.ts';
import {
  createProxyServer, drain, listenOn, parseAddress, type ListenAddress, type ProxyServer,
} from './listener.ts';
import type { RouterStatus, ShiftOptions, ShiftResult, TrafficRouterOptions, Upstreams } from './router-options.ts';
import { ServiceRoute, type RouteRule } from './service-route.ts';
import { tracingBy } from './request-span.ts';
import { standAlone } from './stand-alone.ts';
import { StoreLink } from './store-link.ts';
import type { Traffic } from './traffic.ts';
import { watchSignals } from './signal-watch.ts';
import { watchTriggers } from './trigger-watch.ts';
import { readTls, watchTls } from './tls-context.ts';
import { Upstream } from './upstream.ts';
import { warmUp } from './warm-up.ts';
import { within } from './within.ts';

export type { RouterStatus, ShiftOptions, ShiftResult, TrafficRouterOptions, Upstreams } from './router-options.ts';

const HEARTBEAT_MS = 2000;
const COOL_DOWN_MS = 300_000;
/** To each side, for comparisons. */
const SHADOW_CONNECTIONS = 32;
const FENCE_BOUND_MS = 2000;

/**
 * Serves the monolith's clients and decides, user by user, which side answers.
 *
 * It keeps PROMISES 8 and 9: no request is dropped by a change of the percentage, a raised percentage
 * moves nobody back, and nobody who is moved reads the past.
 */
export class TrafficRouter {
  readonly instance: string;
  readonly health: HealthChecker;
  readonly #options: TrafficRouterOptions;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #metrics: Metrics;
  readonly #ids: Ids;
  readonly #routes: ServiceRoute[] = [];
  readonly #upstreams = new Map<string, Upstream>();
  readonly #barrier: CausalBarrier | null;
  readonly #traffic: Traffic;
  /** Ends moves, checks and the link to the store; requests go on. */
  readonly #control = new AbortController();
  /** Ends waiting at the barrier: the last thing to go. */
  readonly #requests = new AbortController();
  readonly #decisions: Decisions;
  readonly #background: Promise<void>[] = [];
  /** Ends taking part in moves: when no request is under way any more. */
  readonly #membership = new AbortController();
  /** Users on their way to what had been decided before this router began. */
  readonly #settling: Promise<unknown>[] = [];
  #link: StoreLink | null = null;
  #stored: readonly RouteState[] = [];
  #server: ProxyServer | null = null;
  #admin: http.Server | null = null;
  #notReady = 'not listening yet';

  constructor(options: TrafficRouterOptions = {}) {
    // Every waiting request listens; that is no leak.
    setMaxListeners(0, this.#control.signal, this.#requests.signal, this.#membership.signal);
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#logger = options.logger ?? silentLogger;
    this.#metrics = options.metrics ?? noMetrics;
    this.#ids = new Ids(options.random ?? randomBytes);
    this.instance = options.instance ?? `router-${this.#ids.hex(6)}`;
    this.#barrier = options.fence
      ? new CausalBarrier({
          fence: options.fence,
          clock: this.#clock,
          logger: this.#logger,
          metrics: this.#metrics,
          boundMs: options.barrierBoundMs ?? 2000,
          maxKeys: options.maxBarrierKeys ?? 100_000,
          signal: this.#requests.signal,
        })
      : null;
    this.health = new HealthChecker((service) => this.#route(service));
    this.#traffic = this.#makeTraffic();
    this.#decisions = new Decisions({
      store: options.store,
      clock: this.#clock,
      logger: this.#logger,
      metrics: this.#metrics,
      progressed: (route) => {
        this.#progressed(route);
      },
      signal: this.#control.signal,
    });
  }

  /**
   * Adds a service's route. Its percentage is the stored one if the store knows the service, else
   * the rule's. Routes are asked in the order they were added; the first that matches has the request.
   * @throws BANYAN_ROUTE_INVALID, BANYAN_ROUTE_STORE
   */
  async addRoute(rule: RouteRule, upstreams: Upstreams): Promise<void> {
    checkRule(rule);
    if (this.#routes.some(({ service }) => service === rule.service)) {
      throw new BanyanError('BANYAN_ROUTE_INVALID', { message: `The service ${rule.service} has a route already.` });
    }
    await this.#openStore();
    const stored = this.#stored.find(({ service }) => service === rule.service);
    const percent = stored?.percent ?? rule.percent ?? 0;
    const known = stored ? { ...rule, percent, decision: stored.decision, strategy: stored.decision.strategy } : { ...rule, percent };
    const route = this.#makeRoute(known, { upstreams, beginning: rule });
    route.version = stored?.version ?? 0;
    route.shifter.progress = { version: route.version, state: 'done', reason: '' };
    if (route.common) await this.#joinOthers(route);
    this.#routes.push(route);
    this.#barrier?.addService(rule.service);
    if (percent === 100) this.#background.push(standAlone(route, { store: this.#options.store, clock: this.#clock, logger: this.#logger }));
    for (const probe of [route.probes.monolith, route.probes.service]) {
      if (probe) this.#background.push(probe.run());
    }
    if (this.#routes.length === 1) {
      this.#background.push(this.#judge());
      if (this.#options.signals) this.#background.push(this.#readSignals(this.#options.signals));
    }
    this.#progressed(route);
  }

  /**
   * Decides a service's percentage and moves its users. Resolves when they are moved or the move is
   * put off; a gradual shift when its last step is, when something else was decided meanwhile, or
   * (`postponed`) when a step is overdue: it goes on by itself as soon as its evidence is there.
   * @throws BANYAN_ROUTE_UNKNOWN, BANYAN_ROUTE_INVALID, BANYAN_ROUTE_STORE, BANYAN_ROUTE_COOLING
   */
  async shift(service: string, percent: number, options: ShiftOptions = {}): Promise<ShiftResult> {
    const route = this.#route(service);
    if (!isPercent(percent)) throw notAPercentage(percent);
    const { by = 'library', why = '' } = options;
    const present = { percent: route.targetPercent, decision: route.target.decision };
    // A strategy may refuse what is a percentage.
    changeDecision(service, present, { percent: options.gradual ? nextStep(present.percent, gradualPlan(percent, options)) : percent });
    if (!options.gradual) return this.#decisions.decide(route, { percent, by, why });
    return shiftGradually({ route, decisions: this.#decisions, clock: this.#clock, signal: this.#control.signal, percent, by, why, options });
  }

  /**
   * Changes more of a service's route than its percentage: lists, rules, variants, stage, schedule. Resolves
   * as {@link shift} does.
   * @throws BANYAN_ROUTE_UNKNOWN, BANYAN_ROUTE_INVALID, BANYAN_ROUTE_STORE
   */
  async change(service: string, change: DecisionChange, options: Pick<ShiftOptions, 'by' | 'why'> = {}): Promise<ShiftResult> {
    const route = this.#route(service);
    const decided = changeDecision(service, { percent: route.targetPercent, decision: route.target.decision }, {
      ...change,
      ...(change.schedule ? { schedule: anchored(change.schedule, this.#clock.now()) } : {}),
    });
    const { by = 'library', why = '' } = options;
    return this.#decisions.decide(route, { ...decided, by, why, expectedVersion: route.version });
  }

  /**
   * Lets an outside flag decide about a service's route, until the router closes.
   * @throws BANYAN_ROUTE_UNKNOWN
   */
  follow(service: string, options: { readonly provider: OutsideProvider; readonly flag: string; readonly everyMs?: number }): void {
    const route = this.#route(service);
    const { provider, flag, everyMs = 5000 } = options;
    this.#background.push(
      followFlag({
        service, provider, flag, everyMs, clock: this.#clock, logger: this.#logger, signal: this.#control.signal,
        present: () => ({ percent: route.targetPercent, decision: route.target.decision }),
        decide: (change, why) => this.change(service, change, { by: `flag ${flag}`, why }),
      }),
    );
  }

  /**
   * Brings a service's users back to the monolith, behind the same fence; urgent. With `toVersion`: makes that
   * version's decision again.
   * @throws BANYAN_ROUTE_UNKNOWN, BANYAN_ROUTE_INVALID, BANYAN_ROUTE_STORE
   */
  async rollback(service: string, options: { readonly by?: string; readonly why?: string; readonly toVersion?: number } = {}): Promise<ShiftResult> {
    const { by = 'library', toVersion } = options;
    const route = this.#route(service);
    const back = toVersion === undefined ? { percent: 0, decision: rolledBack(route.target.decision) } : await this.#decisions.madeAgain(route, toVersion);
    const why = options.why ?? (toVersion === undefined ? 'rollback' : `rollback to version ${toVersion}`);
    return this.#decisions.decide(route, { ...back, by, why });
  }

  /** The latest decisions about a service (default: 20), newest first. @throws BANYAN_ROUTE_UNKNOWN */
  async history(service: string, limit = 20): Promise<readonly RouteState[]> {
    return this.#decisions.history(this.#route(service).service, limit);
  }

  status(): RouterStatus {
    return {
      instance: this.instance,
      ready: this.#notReady === '',
      notReady: this.#notReady,
      routes: this.#routes.map((route) => route.status()),
      store: this.#link ? { reachable: this.#link.reachable, reason: this.#link.reason, cutOffSince: this.#link.cutOffSince } : null,
      usersWithUnfinishedWrites: this.#barrier?.size ?? 0,
    };
  }

  /**
   * Warms up, then serves on `host:port` (port 0: any) and gives the address in use.
   * @throws BANYAN_ROUTE_LISTEN, BANYAN_ROUTE_INVALID, BANYAN_ROUTE_STORE, BANYAN_ROUTE_TLS
   */
  async listen(address: string | ListenAddress): Promise<ListenAddress> {
    const wanted = parseAddress(address);
    invariant(this.#server === null, 'the router listens already');
    this.#monolith();
    await this.#openStore();
    const server = await this.#serve();
    this.#server = server;
    this.#notReady = 'warming up';
    const requests = this.#options.warmUpRequests ?? 2000;
    if (requests > 0) await warmUp({ requests, traffic: this.#traffic, connect: (url) => makeUpstream(url, this.#options) });
    this.#notReady = 'users are being moved';
    await this.#settle();
    const actual = await listenOn(server.server, wanted);
    this.#notReady = '';
    this.#logger.info('the router listens', { ...actual, instance: this.instance });
    return actual;
  }

  /**
   * Serves `/metrics`, `/healthz`, `/readyz` and `/status`. Ask for it before {@link listen} to have it
   * say why the router is not ready yet.
   * @throws BANYAN_ADMIN_OPEN, BANYAN_ROUTE_LISTEN
   */
  async listenAdmin(
    address: string | ListenAddress,
    options: { readonly metricsText?: () => string | Promise<string>; readonly token?: string } = {},
  ): Promise<ListenAddress> {
    const wanted = parseAddress(address);
    checkAdminAddress(wanted, options.token);
    this.#admin = createAdminServer({
      ...options,
      status: () => this.status(),
      notReady: () => this.#notReady,
      logger: this.#logger,
    });
    return listenOn(this.#admin, wanted);
  }

  /** Lets requests under way end within `drainMs` (default 10,000), then closes everything. */
  async close(options: { readonly drainMs?: number } = {}): Promise<void> {
    this.#notReady = 'closing';
    // First: it releases whoever is held, so that they can be answered.
    this.#control.abort(new BanyanError('BANYAN_ABORTED', { message: 'The router is closing.' }));
    await Promise.all(this.#routes.filter(({ common }) => common === null).map(async (route) => route.shifter.stopped()));
    for (const { shadow } of this.#routes) shadow?.close();
    if (this.#server) await drain(this.#server, { clock: this.#clock, drainMs: options.drainMs ?? 10_000 });
    this.#requests.abort(new BanyanError('BANYAN_ABORTED', { message: 'The router is closing.' }));
    await Promise.all(this.#background);
    this.#membership.abort(new BanyanError('BANYAN_ABORTED', { message: 'The router is closing.' }));
    await Promise.all(this.#routes.map(async (route) => route.shifter.stopped()));
    await this.#link?.stopped();
    await Promise.all([...this.#upstreams.values()].map(async (upstream) => upstream.destroy()));
    if (this.#admin) await drain({ server: this.#admin, tunnels: new Set(), sessions: new Set() }, { clock: this.#clock, drainMs: 0 });
  }

  /** Waits, for as long as a move may take, until users are where they were decided to be. */
  async #settle(): Promise<void> {
    const { fenceBoundMs = FENCE_BOUND_MS } = this.#options;
    await within({ clock: this.#clock, ms: 2 * fenceBoundMs, signal: this.#control.signal }, async () => Promise.all(this.#settling));
  }

  async #serve(): Promise<ProxyServer> {
    const { limits = {}, listenTls, proxyProtocol, tlsCheckMs = 5000 } = this.#options;
    const current = listenTls ? await readTls(listenTls) : undefined;
    const server = createProxyServer(this.#traffic, { limits, ...(current ? { tls: current } : {}), ...(proxyProtocol ? { proxyProtocol } : {}) });
    if (listenTls && current) {
      const changed = server.renew;
      const watch = watchTls({ files: listenTls, current, everyMs: tlsCheckMs, clock: this.#clock, logger: this.#logger, changed, signal: this.#control.signal });
      this.#background.push(watch);
    }
    return server;
  }

  #route(service: string): ServiceRoute {
    const route = this.#routes.find((route) => route.service === service);
    if (route) return route;
    const known = this.#routes.map(({ service }) => service).join(', ') || 'none';
    throw new BanyanError('BANYAN_ROUTE_UNKNOWN', { message: `The service ${service} has no route; known: ${known}.` });
  }

  #monolith(): Upstream {
    const url = this.#options.monolith;
    if (url !== undefined) return this.#upstream(url, 'monolith');
    const first = this.#routes[0];
    if (first) return first.upstreams.monolith;
    throw new BanyanError('BANYAN_ROUTE_INVALID', {
      message: 'The router knows no monolith: give it `monolith`, or add a route before it listens.',
    });
  }

  #upstream(url: string, side: Side): Upstream {
    return this.#made(url, () => makeUpstream(url, this.#options, this.#options.bulkhead?.[side]));
  }

  #made(name: string, make: () => Upstream): Upstream {
    const upstream = this.#upstreams.get(name) ?? make();
    this.#upstreams.set(name, upstream);
    return upstream;
  }

  /** The shadow takes no connection, and no place in a bulkhead, from users. */
  #shadowUpstream(url: string): Upstream {
    return this.#made(`shadow ${url}`, () => makeUpstream(url, { ...this.#options, connections: SHADOW_CONNECTIONS }));
  }

  #makeTraffic(): Traffic {
    const { key = [], tenant = [], region = [], trustProxy = false, sideHeader = true, overrideHeader, overridePath, accessLog = false } = this.#options;
    const monolith = (): Upstream => this.#monolith();
    return {
      routes: this.#routes,
      get monolith() {
        return monolith();
      },
      barrier: this.#barrier,
      key,
      clock: this.#clock,
      logger: this.#logger,
      metrics: this.#metrics,
      ids: this.#ids,
      facts: {
        tenant: compileAttribute(tenant),
        region: compileAttribute(region),
        clientAddress: (request) => clientAddress(request, trustProxy),
      },
      trustProxy,
      sideHeader,
      overrideHeader: overrideHeader === true ? 'x-banyan-route' : overrideHeader ? overrideHeader.toLowerCase() : null,
      overridePath: overridePath ? overridePath.replace(/\/$/, '') : null,
      accessLog,
      tracing: this.#options.tracing ? tracingBy(this.#options.tracing) : null,
      clientStallMs: this.#options.limits?.bodyMs ?? 30_000,
      secureCookie: this.#options.secureCookie ?? false,
    };
  }

  #makeRoute(rule: RouteRule, { upstreams, beginning }: { readonly upstreams: Upstreams; readonly beginning: RouteRule }): ServiceRoute {
    const moves = this.#options.store?.moves;
    const { fenceBoundMs = FENCE_BOUND_MS, maxHeld = 4096, retryMs = 1000, coolDownMs = COOL_DOWN_MS } = this.#options;
    const sides: Record<Side, Upstream> = {
      monolith: this.#upstream(upstreams.monolith, 'monolith'),
      service: this.#upstream(upstreams.service, 'service'),
    };
    const variants = new Map(Object.entries(rule.variants ?? {}).map(([name, url]) => [name, this.#upstream(url, 'service')]));
    return new ServiceRoute({
      rule,
      upstreams: sides,
      variants,
      ...(rule.shadow ? { shadowUpstreams: { monolith: this.#shadowUpstream(upstreams.monolith), service: this.#shadowUpstream(upstreams.service) } } : {}),
      fence: this.#options.fence,
      clock: this.#clock,
      logger: this.#logger,
      metrics: this.#metrics,
      fenceBoundMs,
      maxHeld,
      retryMs,
      coolDownMs,
      onProgress: (route) => {
        this.#progressed(route);
      },
      beginning,
      ...(moves ? { together: { moves, router: this.instance, member: `${this.instance}#${this.#ids.hex(4)}`, signal: this.#membership.signal } } : {}),
      signal: this.#control.signal,
    });
  }

  /** Takes part in moving users from now on, and takes over where they are. @throws BANYAN_ROUTE_STORE */
  async #joinOthers(route: ServiceRoute): Promise<void> {
    const { version, target } = route;
    try {
      // Whoever has said nothing yet is not alive, and nobody waits for him.
      await this.#options.store?.heartbeat(this.instance);
      await route.common?.join({ version, assignment: target });
    } catch (error) {
      throw new BanyanError('BANYAN_ROUTE_STORE', { message: `Where the users of ${route.service} are could not be read: ${messageOf(error)}`, cause: error });
    }
    this.#settling.push(route.shifter.moveTo({ assignment: target, version, urgent: false }));
  }

  /** Tells the metrics and the store how far a route is. */
  #progressed(route: ServiceRoute): void {
    const { service, flow, shifter } = route;
    this.#metrics.gauge('traffic_split_percentage', flow.percent, { service, version: 'service' });
    this.#metrics.gauge('traffic_split_percentage', 100 - flow.percent, { service, version: 'monolith' });
    if (route.version === 0) return;
    const { version, state, reason } = shifter.progress;
    this.#link?.report({ router: this.instance, service, version, state, reason, percent: flow.percent });
  }

  async #openStore(): Promise<void> {
    const { store } = this.#options;
    if (!store || this.#link) return;
    try {
      await store.install();
      this.#stored = await store.load();
    } catch (error) {
      // Guessing a percentage could move users back: without a last decision there is nothing to keep.
      throw new BanyanError('BANYAN_ROUTE_STORE', {
        message: `The routes' shared state could not be read: ${messageOf(error)}`,
        cause: error,
      });
    }
    this.#link = new StoreLink({
      store,
      router: this.instance,
      clock: this.#clock,
      logger: this.#logger,
      heartbeatMs: HEARTBEAT_MS,
      onStates: (states) => {
        this.#follow(states);
      },
      onMoves: (views) => {
        for (const view of views) this.#routes.find(({ service }) => service === view.service)?.common?.onView(view);
      },
      signal: this.#membership.signal,
    });
    this.#link.start();
  }

  /** Takes over what others decided. */
  #follow(states: readonly RouteState[]): void {
    this.#stored = states;
    for (const state of states) {
      const route = this.#routes.find(({ service }) => service === state.service);
      if (!route || state.version <= route.version) continue;
      const { version, percent, by, why } = state;
      this.#logger.info('a route was changed', { service: state.service, version, percent, ...summaryOf(state.decision), by, why });
      this.#decisions.follow(route, state);
    }
  }

  async #judge(): Promise<void> {
    const { triggerEveryMs = 200, coolDownMs = COOL_DOWN_MS, notifier } = this.#options;
    return watchTriggers({
      routes: this.#routes,
      everyMs: triggerEveryMs,
      clock: this.#clock,
      logger: this.#logger,
      metrics: this.#metrics,
      coolDownMs,
      ...(notifier ? { notifier } : {}),
      rollBack: (route, firing) => {
        void this.#decisions.rollBackBecause(route, firing);
      },
      step: (route) => {
        void this.#decisions.step(route);
      },
      scheduled: (route) => {
        void this.#decisions.takeScheduled(route);
      },
      signal: this.#control.signal,
    });
  }

  async #readSignals(reader: RouteSignalReader): Promise<void> {
    const { signalsEveryMs = 2000 } = this.#options;
    return watchSignals({ routes: this.#routes, reader, everyMs: signalsEveryMs, clock: this.#clock, logger: this.#logger, signal: this.#control.signal });
  }
}

function makeUpstream(url: string, options: TrafficRouterOptions, maxUnderWay?: number): Upstream {
  const { timeouts, connections, upstreamTls } = options;
  return new Upstream({
    url,
    ...(timeouts === undefined ? {} : { timeouts }),
    ...(connections === undefined ? {} : { connections }),
    ...(maxUnderWay === undefined ? {} : { maxUnderWay }),
    ...(upstreamTls === undefined ? {} : { tls: upstreamTls }),
  });
}
