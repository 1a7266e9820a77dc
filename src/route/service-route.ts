import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { Metrics } from '../core/metrics.ts';
import type { RouteDecision, Strategy } from '../model/route-decision.ts';
import type { Side } from '../model/side.ts';
import type { GradualPlan } from '../model/gradual-plan.ts';
import type { Fence } from '../ports/fence.ts';
import type { RouteSignals } from '../ports/route-signals.ts';
import { compileAdapter, type CompiledAdapter, type PathAdapter } from './adapt.ts';
import { Breaker, type BreakerOptions, type BreakerState, type Passage } from './breaker.ts';
import { BucketFlow } from './bucket-flow.ts';
import { summaryOf, type DecisionSummary } from './decision/summary.ts';
import { CompiledDecision } from './decision/compiled-decision.ts';
import { CompiledVariants } from './decision/compiled-variants.ts';
import { beginningOf } from './decision/change.ts';
import type { ScheduleStatus } from './decision/schedule.ts';
import { LastSides } from './last-sides.ts';
import { HealthProbe, type HealthCheckOptions } from './health.ts';
import { compileRule, type CompiledRule, type MatchRule } from './match.ts';
import { GradualWalk, type GradualStatus } from './gradual.ts';
import { Observations } from './evidence/observations.ts';
import { StepEvidence, type WorseBy } from './evidence/step-evidence.ts';
import { Shadow, type ShadowOptions, type ShadowStatus } from './shadow/shadow.ts';
import { CommonShifter } from './common/common-shifter.ts';
import type { RouteMoves } from '../ports/route-store.ts';
import { Shifter, type Mover, type ShiftProgress } from './shifter.ts';
import { BASELINE_LASTS_MS, type BaselineStatus } from './stand-alone.ts';
import { SideStats } from './side-stats.ts';
import { evidenceStatus, type EvidenceStatus } from './evidence-status.ts';
import { DEFAULT_TRIGGERS, Triggers, type TriggerRule } from './triggers.ts';
import type { Upstream } from './upstream.ts';

/** How one service's requests are told from the others, and how they are shared between the sides. */
export interface RouteRule {
  readonly service: string;
  /** How the users are shared. Default: `percentage`. */
  readonly strategy?: Strategy;
  /** Where the decision begins besides its percentage, when the store knows nothing of it. */
  readonly decision?: Partial<RouteDecision>;
  /** The HTTP side of each deployment of the service that `decision.variants` may name. */
  readonly variants?: Readonly<Record<string, string>>;
  /** Where the route begins when the store knows nothing of it. Default 0. */
  readonly percent?: number;
  /** Users stay where the percentage puts them. Always so: membership is a pure function of the key. */
  readonly sticky?: true;
  /** Which requests are the service's. Default: all. */
  readonly match?: readonly MatchRule[];
  /** Path changes for the service's side only. The first that fits is used. */
  readonly adapt?: readonly PathAdapter[];
  /** Active health check per side. Default: none, only what requests show. */
  readonly health?: { readonly service?: HealthCheckOptions; readonly monolith?: HealthCheckOptions };
  readonly breaker?: BreakerOptions;
  /** When to go back by itself. Default {@link DEFAULT_TRIGGERS}; an empty list: never. */
  readonly triggers?: readonly TriggerRule[];
  /** The probability that a rollout's sequential triggers ever go back from a service that is not worse. Default 0.01. */
  readonly falseAlarmRate?: number;
  /**
   * For so long, in milliseconds, what the monolith did counts after nobody is left on it: at 100 % rules about failures
   * go by it. Default 7 days; 0: they go by `alone` only.
   */
  readonly baselineMs?: number;
  /** The difference that a gradual shift excludes before each step. Default {@link WORSE_BY}. */
  readonly worseBy?: Partial<WorseBy>;
  /** Default: no shadowing. */
  readonly shadow?: ShadowOptions;
}

export interface RouteStatus {
  readonly service: string;
  /** Of buckets that the service serves right now. */
  readonly percent: number;
  /** What was asked for last. */
  readonly targetPercent: number;
  readonly version: number;
  readonly decision: DecisionSummary;
  /** `degraded`: the service side is not taken for every request that should go there. */
  readonly health: 'healthy' | 'degraded' | 'unhealthy';
  /** Of the service's side. */
  readonly breaker: BreakerState;
  readonly shadow: ShadowStatus | { readonly percent: 0 };
  readonly move: ShiftProgress & { readonly heldRequests: number };
  readonly sides: Readonly<Record<Side, SideStatus>>;
  readonly lastRollback: { readonly why: string; readonly at: string } | null;
  /** How far the sequential triggers' evidence against the service is in this rollout. */
  readonly evidence: readonly EvidenceStatus[];
  /** What the monolith did, if rules about failures go by it at 100 %; null: they do not. */
  readonly baseline: BaselineStatus | null;
  /** The gradual shift under way, and what it waits for; null: none. */
  readonly gradual: GradualStatus | null;
  /** The next step of the schedule, and what it waits for; null: none is to come. */
  readonly schedule: ScheduleStatus | null;
  /** What was read of sync, validation, processor and memory. */
  readonly signals: RouteSignals;
  /** Until then Banyan does not raise the percentage by itself after it went back by itself; null: it may. */
  readonly coolingUntil: string | null;
}

export interface SideStatus {
  readonly url: string;
  readonly healthy: boolean;
  readonly breaker: BreakerState;
  /** Over the last 10 seconds. */
  readonly requests: number;
  readonly errorRate: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
}

export interface ServiceRouteOptions {
  readonly rule: RouteRule;
  readonly upstreams: Readonly<Record<Side, Upstream>>;
  /** Of the service's variants, by name. */
  readonly variants?: ReadonlyMap<string, Upstream>;
  /** Connections for the shadow alone, so that it takes none from users. Default: the users'. */
  readonly shadowUpstreams?: Readonly<Record<Side, Upstream>>;
  readonly fence: Fence | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly fenceBoundMs: number;
  readonly maxHeld: number;
  readonly retryMs: number;
  /** Default 300,000. */
  readonly coolDownMs?: number;
  readonly onProgress: (route: ServiceRoute, progress: ShiftProgress) => void;
  /** Moves users together with other routers. Default: this router moves those whose requests it sees. */
  readonly together?: Together;
  /** The rule before the store was asked. Default: the same. */
  readonly beginning?: RouteRule;
  /** Ends moves and health checks. */
  readonly signal: AbortSignal;
}

/** What a route needs to move its users at the same moment as on other routers. */
export interface Together {
  readonly moves: RouteMoves;
  readonly router: string;
  readonly member: string;
  /** Aborted when no request is under way any more: until then it takes part. */
  readonly signal: AbortSignal;
}

/** Everything the router knows of one service's route. */
export class ServiceRoute {
  readonly service: string;
  readonly rules: readonly CompiledRule[];
  readonly adapters: readonly CompiledAdapter[];
  readonly upstreams: Readonly<Record<Side, Upstream>>;
  readonly flow: BucketFlow;
  readonly shifter: Mover;
  /** The same, if users are moved together with other routers. */
  readonly common: CommonShifter | null;
  readonly breakers: Readonly<Record<Side, Breaker>>;
  readonly stats: Readonly<Record<Side, SideStats>>;
  readonly observations: Observations;
  readonly triggers: Triggers;
  readonly walk: GradualWalk;
  readonly shadow: Shadow | null;
  readonly probes: Readonly<Record<Side, HealthProbe | null>>;
  /** The last decision, compiled; its users may still be on their way. */
  target: CompiledDecision;
  readonly lastSides = new LastSides();
  #variants: CompiledVariants;
  readonly #variantUpstreams: ReadonlyMap<string, Upstream>;
  version = 0;
  lastRollback: { readonly why: string; readonly at: string } | null = null;
  baseline: BaselineStatus | null = null;
  readonly baselineMs: number;
  gradual: GradualStatus | null = null;
  schedule: ScheduleStatus | null = null;
  signals: RouteSignals = {};
  /** By the monotonic clock. */
  coolingUntil = -Infinity;
  readonly #clock: Clock;
  readonly #coolDownMs: number;

  constructor(options: ServiceRouteOptions) {
    const { rule, upstreams, clock, logger, metrics, signal } = options;
    const service = rule.service;
    this.service = service;
    this.upstreams = upstreams;
    this.rules = (rule.match ?? [{ path: '/**' }]).map(compileRule);
    this.adapters = (rule.adapt ?? []).map(compileAdapter);
    this.target = new CompiledDecision(rule.percent ?? 0, beginningOf(rule));
    this.#variants = new CompiledVariants(this.target.decision);
    this.#variantUpstreams = options.variants ?? new Map();
    this.flow = new BucketFlow(this.target);
    const breaker = (side: Side): Breaker =>
      new Breaker({
        ...rule.breaker,
        clock,
        onChange: (state) => {
          logger.warn('a circuit breaker changed', { service, side, state });
          metrics.count('banyan_route_breaker_changes_total', { service, side, state });
        },
      });
    this.breakers = { monolith: breaker('monolith'), service: breaker('service') };
    this.#clock = clock;
    this.#coolDownMs = options.coolDownMs ?? 300_000;
    this.baselineMs = rule.baselineMs ?? BASELINE_LASTS_MS;
    const observations = new Observations(clock);
    this.observations = observations;
    const stats = (side: Side): SideStats => new SideStats(clock, { observations, side });
    this.stats = { monolith: stats('monolith'), service: stats('service') };
    const baseline = (quantile: number): number | undefined => this.stats.monolith.tracked(quantile);
    const { triggers: rules = DEFAULT_TRIGGERS, falseAlarmRate, worseBy } = rule;
    this.triggers = new Triggers({ rules, clock, observations, baseline, routers: () => this.common?.routers ?? 1, ...(falseAlarmRate === undefined ? {} : { falseAlarmRate }) });
    const evidence = new StepEvidence({ observations, baseline: () => baseline(0.95), ...(worseBy === undefined ? {} : { worse: worseBy }) });
    this.walk = new GradualWalk({ clock, evidence });
    this.shadow = rule.shadow
      ? new Shadow({ ...rule.shadow, service, upstreams: options.shadowUpstreams ?? upstreams, clock, metrics, logger })
      : null;
    const probe = (side: Side): HealthProbe | null => {
      const check = rule.health?.[side];
      if (!check) return null;
      return new HealthProbe({
        ...check, upstream: upstreams[side], clock, logger, signal, name: `${service}/${side}`,
        onAnswer: (well) => {
          if (side === 'service' && this.#nobodyIsSent) this.#tried(well);
        },
      });
    };
    this.probes = { monolith: probe('monolith'), service: probe('service') };
    const moving = {
      flow: this.flow,
      service,
      fence: options.fence,
      clock,
      logger,
      metrics,
      boundMs: options.fenceBoundMs,
      maxHeld: options.maxHeld,
      retryMs: options.retryMs,
      onProgress: (progress: ShiftProgress) => {
        options.onProgress(this, progress);
      },
    };
    const { together } = options;
    this.common = together
      ? new CommonShifter({ ...moving, ...together, beginning: new CompiledDecision(options.beginning?.percent ?? 0, beginningOf(options.beginning ?? rule)), closing: signal })
      : null;
    this.shifter = this.common ?? new Shifter({ ...moving, signal });
  }

  /** Whether the side's own checks find it well, and its breaker is closed. */
  isHealthy(side: Side): boolean {
    const probe = this.probes[side];
    if (probe?.healthy === false) return false;
    const { state } = this.breakers[side];
    // No request will try it, and no check does: as little is known against it as at first.
    const untried = side === 'service' && !probe && this.#nobodyIsSent && state === 'half-open';
    return state === 'closed' || untried;
  }

  /** Before users are sent to the service again: the attempt is judged by what it does, not by what the last one did. */
  beginAnew(): void {
    this.stats.service.reset();
    this.observations.reset();
    this.triggers.reset();
    this.baseline = null;
    this.breakers.service.reset();
  }

  /** It went back by itself: what Banyan does by itself waits for a while. */
  cool(): void {
    this.coolingUntil = this.#clock.monotonic() + this.#coolDownMs;
  }

  get coolingMs(): number {
    return Math.max(0, this.coolingUntil - this.#clock.monotonic());
  }

  /** After a rollback no request is there to try the service: the active check stands in for it. */
  #tried(well: boolean): void {
    const breaker = this.breakers.service;
    const passage = breaker.enter(true);
    if (passage !== 'trial') return;
    if (well) breaker.succeeded(passage);
    else breaker.failed(passage);
  }

  get #nobodyIsSent(): boolean {
    return !this.target.servesAnyone && this.flow.percent === 0;
  }

  /** The gradual shift of which the last decision is a step. */
  get plan(): GradualPlan | null {
    return this.target.decision.gradual;
  }

  /** The percentage asked for last. */
  get targetPercent(): number {
    return this.target.percent;
  }

  /** From now on this is where users should be. Variants change at once: they share the service's database. */
  aimFor(target: CompiledDecision): void {
    this.target = target;
    this.gradual = null;
    this.schedule = null;
    this.#variants = new CompiledVariants(target.decision);
  }

  /** The variant of the service that serves this user; undefined if there is only one. */
  variantOf(key: string | undefined): string | undefined {
    return key === undefined ? undefined : this.#variants.of(key);
  }

  /** Where a user's requests to a side are sent. */
  upstream(side: Side, key: string | undefined): Upstream {
    if (side === 'monolith' || this.#variantUpstreams.size === 0) return this.upstreams[side];
    const variant = this.variantOf(key);
    return (variant === undefined ? undefined : this.#variantUpstreams.get(variant)) ?? this.upstreams.service;
  }

  /** May a request go to the service's side? The monolith is never refused: there is nothing behind it. */
  enterService(safe: boolean): Passage {
    if (this.probes.service?.healthy === false) return 'refused';
    return this.breakers.service.enter(safe);
  }

  status(): RouteStatus {
    const side = (name: Side): SideStatus => {
      const summary = this.stats[name].summary(10_000);
      return {
        url: this.upstreams[name].url.origin,
        healthy: this.probes[name]?.healthy ?? true,
        breaker: this.breakers[name].state,
        requests: summary.requests,
        errorRate: round(summary.errorRate, 4),
        p50Ms: round(summary.quantile(0.5), 2),
        p95Ms: round(summary.quantile(0.95), 2),
      };
    };
    const health = this.isHealthy('service') ? 'healthy' : this.probes.service?.healthy === false ? 'unhealthy' : 'degraded';
    return {
      service: this.service,
      percent: this.flow.percent,
      targetPercent: this.targetPercent,
      version: this.version,
      decision: summaryOf(this.target.decision),
      health,
      breaker: this.breakers.service.state,
      shadow: this.shadow?.status() ?? { percent: 0 },
      move: { ...this.shifter.progress, heldRequests: this.flow.heldRequests },
      sides: { monolith: side('monolith'), service: side('service') },
      lastRollback: this.lastRollback,
      evidence: evidenceStatus(this.triggers.evidence, { percent: this.flow.percent }),
      baseline: this.flow.percent === 100 ? this.baseline : null,
      gradual: this.plan ? this.gradual : null,
      schedule: this.schedule,
      signals: this.signals,
      coolingUntil: this.coolingMs > 0 ? new Date(this.#clock.now() + this.coolingMs).toISOString() : null,
    };
  }
}

const round = (value: number, digits: number): number => Number(value.toFixed(digits));
