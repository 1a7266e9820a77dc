import type { Clock } from '../core/clock.ts';
import type { RouteSignals } from '../ports/route-signals.ts';
import type { Breaker } from './breaker.ts';
import { Observations } from './evidence/observations.ts';
import { CountTest, SequentialTest, type Compared, type TestEvidence } from './evidence/sequential-test.ts';
import type { SideStats } from './side-stats.ts';
import { passesThreshold } from './threshold.ts';
import { FALSE_ALARM_RATE, isSequential, QUANTILES, type TriggerRule } from '../model/trigger-rule.ts';

export { DEFAULT_TRIGGERS, type TriggerRule } from '../model/trigger-rule.ts';

/** What rules look at. */
export interface Evidence {
  readonly stats: { readonly monolith: SideStats; readonly service: SideStats };
  readonly breaker: Breaker;
  /** The active health check's word; true without one. */
  readonly healthy: boolean;
  /** Comparisons in the shadow since the router began. */
  readonly shadow?: { readonly compared: number; readonly different: number };
  readonly signals?: RouteSignals;
}

export interface Firing {
  readonly rule: TriggerRule;
  /** For people: what was measured, and against what. */
  readonly why: string;
}

/** How far the evidence of a rule is. */
export interface TriggerEvidence extends TestEvidence {
  readonly metric: string;
  readonly action: string;
  /** The probability that it ever fires in a rollout although the service is not worse. */
  readonly falseAlarmRate: number;
  /** The share of bad requests that is not worse yet, where nothing is compared. */
  readonly reference: number;
  /** The same, if it comes from the monolith's failures before 100 %; null: it does not. */
  readonly edge: number | null;
  /** The odds ratio to the monolith that is not worse yet; absent: not compared. */
  readonly relative?: number;
}

type Judged =
  | { readonly kind: 'sequential'; readonly rule: TriggerRule; readonly alpha: number; readonly test: SequentialTest }
  | { readonly kind: 'shadow'; readonly rule: TriggerRule; readonly alpha: number; readonly test: CountTest }
  | { readonly kind: 'threshold'; readonly rule: TriggerRule };

export interface TriggersOptions {
  readonly rules: readonly TriggerRule[];
  readonly clock: Clock;
  /** The requests of both sides; the statistics' own. Default: none are counted. */
  readonly observations?: Observations;
  /** A latency quantile of the monolith just now, in milliseconds. */
  readonly baseline?: (quantile: number) => number | undefined;
  /** Shared by the sequential rules that go back; those that only tell have as much again. Default 0.01. */
  readonly falseAlarmRate?: number;
  /** How many routers judge the service now, each by its own requests: they share the rate. Default 1. */
  readonly routers?: () => number;
}

/** Evaluates rules again and again, and remembers since when each has held. */
export class Triggers {
  readonly rules: readonly TriggerRule[];
  readonly #clock: Clock;
  readonly #judged: readonly Judged[];
  readonly #since = new Map<TriggerRule, number>();
  readonly #routers: () => number;
  /** The most routers that this rollout had. */
  #sharers = 1;

  constructor(options: TriggersOptions) {
    const { rules, clock, observations = new Observations(clock), baseline = () => undefined, falseAlarmRate = FALSE_ALARM_RATE } = options;
    this.rules = rules;
    this.#clock = clock;
    this.#routers = options.routers ?? (() => 1);
    const goesBack = ({ action = 'automatic_rollback' }: TriggerRule): boolean => action === 'automatic_rollback';
    this.#judged = rules.map((rule): Judged => {
      if (!isSequential(rule)) return { kind: 'threshold', rule };
      const sharing = rules.filter((other) => isSequential(other) && goesBack(other) === goesBack(rule)).length;
      const alpha = falseAlarmRate / sharing;
      if (rule.metric === 'shadow_differences') return { kind: 'shadow', rule, alpha, test: new CountTest({ share: rule.threshold ?? 0, alpha, clock }) };
      const quantile = QUANTILES[rule.metric];
      const { threshold, relative } = rule;
      const alone = relative === undefined ? undefined : (rule.alone ?? threshold);
      const hypothesis = {
        ...(quantile === undefined ? {} : { quantile }),
        ...(threshold === undefined ? {} : { threshold }),
        ...(relative === undefined ? {} : { relative }),
        ...(alone === undefined ? {} : { alone }),
      };
      const at = quantile === undefined ? {} : { baseline: () => baseline(quantile) };
      return { kind: 'sequential', rule, alpha, test: new SequentialTest({ observations, hypothesis, alpha, ...at }) };
    });
  }

  /** Every rule that fires now. */
  evaluate(evidence: Evidence): Firing[] {
    const now = this.#clock.monotonic();
    const firings: Firing[] = [];
    this.#sharers = Math.max(this.#sharers, this.#routers());
    for (const judged of this.#judged) {
      const { rule } = judged;
      if (judged.kind !== 'threshold') {
        judged.test.sharers = this.#sharers;
        if (judged.kind === 'sequential') judged.test.look();
        else judged.test.look(evidence.shadow ?? { compared: 0, different: 0 });
        if (judged.test.fires) firings.push({ rule, why: whyOf(rule, judged.test.evidence, judged.alpha / this.#sharers) });
        continue;
      }
      const why = passesThreshold(rule, evidence);
      if (why === undefined) {
        this.#since.delete(rule);
        continue;
      }
      const since = this.#since.get(rule) ?? now;
      this.#since.set(rule, since);
      if (now - since >= (rule.durationMs ?? 0)) firings.push({ rule, why });
    }
    return firings;
  }

  /** The monolith's requests that were compared in this rollout, and the failed among them. */
  get compared(): Compared {
    const tests = this.#judged.flatMap((judged) => (judged.kind === 'sequential' ? [judged.test.compared] : []));
    return tests.reduce((most, each) => (each.n > most.n ? each : most), { n: 0, k: 0, worst: 0 });
  }

  /** Nobody is left to compare with: rules about failures go by what the monolith did. */
  standAlone(baseline: Compared): void {
    for (const judged of this.#judged) {
      if (judged.kind !== 'sequential') continue;
      judged.test.sharers = Math.max(this.#sharers, this.#routers());
      judged.test.standAlone(baseline);
    }
  }

  /** How far each sequential rule is. */
  get evidence(): readonly TriggerEvidence[] {
    return this.#judged.flatMap((judged) => {
      if (judged.kind === 'threshold') return [];
      const { rule, alpha, test } = judged;
      const quantile = QUANTILES[rule.metric];
      return [
        {
          metric: rule.metric, action: rule.action ?? 'automatic_rollback', falseAlarmRate: alpha / this.#sharers, ...test.evidence,
          edge: judged.kind === 'sequential' ? judged.test.edge : null,
          reference: quantile === undefined ? ((judged.kind === 'sequential' ? judged.test.edge : null) ?? rule.alone ?? rule.threshold ?? 0.05) : 1 - quantile,
          // The margin of latencies is in the cutoffs.
          ...(rule.relative === undefined ? {} : { relative: quantile === undefined ? rule.relative : 1 }),
        },
      ];
    });
  }

  /** Begins anew: another rollout has its own evidence, and the whole rate of false alarms. */
  reset(): void {
    this.#since.clear();
    this.#sharers = 1;
    for (const judged of this.#judged) if (judged.kind !== 'threshold') judged.test.reset();
  }
}

function whyOf(rule: TriggerRule, { value, needed, service, monolith }: TestEvidence, alpha: number): string {
  const share = ({ n, k }: { readonly n: number; readonly k: number }): string => `${n === 0 ? 0 : ((100 * k) / n).toFixed(2)} % of ${Math.round(n)}`;
  const bad = rule.metric === 'error_rate' ? 'failed' : rule.metric === 'shadow_differences' ? 'differed' : 'were too slow';
  const compared = monolith.n === 0 ? '' : `, ${share(monolith)} of the monolith's`;
  return `${rule.metric}: of late ${share(service)} requests ${bad}${compared}; evidence ${value.toPrecision(3)}, enough from ${needed.toPrecision(3)} on (false alarms: ${(alpha * 100).toPrecision(2)} % of rollouts)`;
}
