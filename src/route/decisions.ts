import type { Clock } from '../core/clock.ts';
import { BanyanError, isBanyanError, messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { Metrics } from '../core/metrics.ts';
import type { RouteChange, RouteState, RouteStore } from '../ports/route-store.ts';
import { carriedOver, changeDecision, madeAgain, rolledBack, type Decided } from './decision/change.ts';
import { CompiledDecision } from './decision/compiled-decision.ts';
import { anchored, nextScheduled } from './decision/schedule.ts';
import { summaryOf } from './decision/summary.ts';
import { nextStep } from './gradual.ts';
import type { ShiftResult } from './router-options.ts';
import type { ServiceRoute } from './service-route.ts';
import { standAlone } from './stand-alone.ts';
import type { ShiftOutcome } from './shifter.ts';
import type { Firing } from './triggers.ts';
import { TIME_IS_OVER, within } from './within.ts';

const STORE_RETRY_MS = 1000;
/** So long an automatic rollback waits for the store, to be one on all routers at once. */
const STORE_PATIENCE_MS = 500;
/** How many versions are looked through for an earlier one. */
const HISTORY = 100_000;

export interface DecisionsOptions {
  readonly store: RouteStore | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Tells whoever wants to know how far a route is. */
  readonly progressed: (route: ServiceRoute) => void;
  readonly signal: AbortSignal;
}

/** Whether a router went back by itself. */
export const isAutomaticRollback = ({ by, decision }: RouteState): boolean => by === 'banyan' && decision.pinned === 'monolith';

/** Makes decisions about routes, keeps them in the store, and carries them out. */
export class Decisions {
  readonly #options: DecisionsOptions;
  /** Without a store: what was decided, by service. */
  readonly #past = new Map<string, RouteState[]>();
  /** Steps of gradual shifts that are being stored. */
  readonly #stepping = new Set<ServiceRoute>();

  constructor(options: DecisionsOptions) {
    this.#options = options;
  }

  /**
   * Stores a decision and moves the users.
   * @throws BANYAN_ROUTE_STORE, BANYAN_ROUTE_CONFLICT
   */
  async decide(route: ServiceRoute, change: Omit<RouteChange, 'service'>): Promise<ShiftResult> {
    const { service } = route;
    const { store, logger } = this.#options;
    const { percent, by, why } = change;
    let state: Pick<RouteState, 'percent' | 'decision' | 'version'> = {
      percent, version: route.version + 1, decision: change.decision ?? carriedOver(route.target.decision),
    };
    if (store) {
      try {
        // The first decision takes over what the rule began with; later ones keep what the store has.
        state = await store.save({ service, ...(route.version === 0 ? { decision: state.decision } : {}), ...change });
      } catch (error) {
        if (isBanyanError(error, 'BANYAN_ROUTE_CONFLICT')) throw error;
        throw new BanyanError('BANYAN_ROUTE_STORE', {
          message: `The decision ${percent} % for ${service} could not be stored: ${messageOf(error)}`,
          cause: error,
        });
      }
    } else this.#remember({ ...state, service, by, why });
    const { version } = state;
    logger.info('a route was decided', { service, version, percent, ...summaryOf(state.decision), by, why });
    const outcome = await this.apply(route, state);
    return { service, percent, version, ...outcome };
  }

  /** Carries out what another router, or the command line, has decided. */
  follow(route: ServiceRoute, state: RouteState): void {
    if (isAutomaticRollback(state)) {
      route.cool();
      route.lastRollback = { why: state.why, at: state.at };
    }
    void this.apply(route, state);
  }

  /** Carries out what was decided, here or elsewhere. */
  async apply(route: ServiceRoute, state: Pick<RouteState, 'percent' | 'decision' | 'version'>, { stored = true } = {}): Promise<ShiftOutcome> {
    const next = new CompiledDecision(state.percent, state.decision);
    const urgent = state.percent < route.targetPercent || state.decision.pinned === 'monolith';
    if (!route.target.servesAnyone && next.servesAnyone) route.beginAnew();
    // The watch may have brought a later version while this one was being saved.
    if (state.version >= route.version) {
      route.version = state.version;
      route.aimFor(next);
      if (next.percent === 100) void standAlone(route, this.#options);
    }
    return route.shifter.moveTo({ assignment: route.target, version: route.version, urgent, stored });
  }

  /**
   * An earlier version's decision, to be made again.
   * @throws BANYAN_ROUTE_INVALID if there is none.
   */
  async madeAgain(route: ServiceRoute, version: number): Promise<Decided> {
    const state = (await this.history(route.service, HISTORY)).find((each) => each.version === version);
    if (state) return madeAgain(state);
    throw new BanyanError('BANYAN_ROUTE_INVALID', { message: `${route.service} has no version ${version}; the latest is ${route.version}.` });
  }

  /** The latest decisions about a service, newest first. */
  async history(service: string, limit: number): Promise<readonly RouteState[]> {
    const { store } = this.#options;
    return store ? store.history(service, limit) : (this.#past.get(service) ?? []).slice(0, limit);
  }

  /** Takes the next step of a route's plan; another router may have taken it already. */
  async step(route: ServiceRoute): Promise<void> {
    const { plan, version, service, targetPercent } = route;
    if (!plan || this.#stepping.has(route)) return;
    this.#stepping.add(route);
    const { store, logger } = this.#options;
    const percent = nextStep(targetPercent, plan);
    const next = { ...carriedOver(route.target.decision), gradual: percent === plan.to ? null : plan };
    const change = { percent, decision: next, by: 'banyan', why: `gradual, to ${plan.to} %` };
    try {
      if (!store) {
        await this.decide(route, change);
        return;
      }
      const saved = await store.save({ service, ...change, expectedVersion: version });
      logger.info('a step of a gradual shift is taken', { service, percent, version: saved.version, to: plan.to });
      void this.apply(route, saved);
    } catch (error) {
      // Whoever decided meanwhile is heard of by the watch; an unreachable store is tried again at the next look.
      logger.warn('a step of a gradual shift could not be stored', { service, percent, reason: messageOf(error) });
    } finally {
      this.#stepping.delete(route);
    }
  }

  /** Takes the next step of a route's schedule; of several routers one does, the others hear of it. */
  async takeScheduled(route: ServiceRoute): Promise<void> {
    const { version, service } = route;
    const { decision } = route.target;
    const step = nextScheduled(decision);
    if (!step || this.#stepping.has(route)) return;
    this.#stepping.add(route);
    const { store, clock, logger } = this.#options;
    const { percent } = step;
    try {
      const decided = changeDecision(service, { percent: route.targetPercent, decision }, { percent, schedule: anchored(decision.schedule.slice(1), clock.now()) });
      const change = { ...decided, by: 'banyan', why: `as scheduled for ${step.at ?? 'now'}` };
      if (!store) {
        await this.decide(route, change);
        return;
      }
      const saved = await store.save({ service, ...change, expectedVersion: version });
      logger.info('a scheduled step is taken', { service, percent, version: saved.version });
      void this.apply(route, saved);
    } catch (error) {
      if (isBanyanError(error, 'BANYAN_ROUTE_CONFLICT')) logger.debug('another router took the scheduled step', { service, percent });
      else logger.warn('a scheduled step could not be stored', { service, percent, reason: messageOf(error) });
    } finally {
      this.#stepping.delete(route);
    }
  }

  /** Goes back, and does so even if the store can't be told at once. */
  async rollBackBecause(route: ServiceRoute, firing: Firing): Promise<void> {
    const { service } = route;
    const { why, rule } = firing;
    const { store, clock, logger, metrics, progressed, signal } = this.#options;
    const base = route.version;
    route.lastRollback = { why, at: new Date(clock.now()).toISOString() };
    route.cool();
    logger.error('going back to the monolith', { service, metric: rule.metric, why });
    metrics.count('banyan_route_rollbacks_total', { service, metric: rule.metric });
    const decision = rolledBack(route.target.decision);
    const alone = async (): Promise<ShiftOutcome> => this.apply(route, { percent: 0, decision, version: base }, { stored: false });
    // At once, before the store is asked, and the version follows; with other routers as soon as they can know.
    if (route.common) route.aimFor(new CompiledDecision(0, decision));
    else void alone();
    let waited = route.common === null;
    route.triggers.reset();
    if (!store) {
      route.version = base + 1;
      this.#remember({ service, version: route.version, percent: 0, decision, by: 'banyan', why });
      progressed(route);
      return;
    }
    while (!signal.aborted && route.version === base) {
      try {
        const saving = store.save({ service, percent: 0, decision, by: 'banyan', why, expectedVersion: base });
        const saved = waited ? await saving : await within({ clock, ms: STORE_PATIENCE_MS, signal }, async () => saving);
        if (saved === TIME_IS_OVER) throw new Error(`no answer within ${STORE_PATIENCE_MS} ms`);
        void this.apply(route, saved);
      } catch (error) {
        if (!waited && route.version === base) void alone();
        waited = true;
        logger.warn('the rollback could not be stored yet', { service, reason: messageOf(error) });
        await clock.sleep(STORE_RETRY_MS, signal).catch((error: unknown) => {
          if (!signal.aborted) throw error;
        });
      }
    }
  }

  #remember(state: Omit<RouteState, 'at'>): void {
    const past = this.#past.get(state.service) ?? [];
    past.unshift({ ...state, at: new Date(this.#options.clock.now()).toISOString() });
    if (past.length > 1000) past.pop();
    this.#past.set(state.service, past);
  }
}
