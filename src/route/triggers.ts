import type { Clock } from '../core/clock.ts';
import type { Breaker } from './breaker.ts';
import type { SideStats } from './side-stats.ts';

export type TriggerMetric =
  | 'error_rate'
  | 'latency_p50'
  | 'latency_p95'
  | 'latency_p99'
  | 'consecutive_failures'
  | 'unavailable';

/** When the service's side is bad enough to act. */
export interface TriggerRule {
  readonly metric: TriggerMetric;
  /**
   * Fires above this: a share from 0 to 1 for `error_rate`, milliseconds for latencies, a number for
   * `consecutive_failures`. `unavailable` (breaker not closed, or health check failing) has none.
   */
  readonly threshold?: number;
  /** It must hold without a break for this many milliseconds. Default 0. */
  readonly durationMs?: number;
  /** How far back it looks, in milliseconds, at most 120,000. Default 5,000. */
  readonly windowMs?: number;
  /** Fewer requests in the window say nothing. Default 20. */
  readonly minSamples?: number;
  /**
   * Fires only above this multiple of the monolith's value in the same window too, if the monolith
   * has the samples to compare with. Default: absolute only.
   */
  readonly relative?: number;
  /** Default `automatic_rollback`. `alert_team` logs and counts only. */
  readonly action?: 'automatic_rollback' | 'alert_team';
}

/**
 * Back to the monolith when, over 5 seconds and 20 requests, more than 5 % fail (and twice the
 * monolith's share), or the 95th percentile is above one second (and three times the monolith's);
 * after 5 failures in a row; or when the side was unavailable for one second.
 */
export const DEFAULT_TRIGGERS: readonly TriggerRule[] = [
  { metric: 'error_rate', threshold: 0.05, relative: 2 },
  { metric: 'latency_p95', threshold: 1000, relative: 3 },
  { metric: 'consecutive_failures', threshold: 4 },
  { metric: 'unavailable', durationMs: 1000 },
];

/** What a rule looks at. */
export interface Evidence {
  readonly stats: { readonly monolith: SideStats; readonly service: SideStats };
  readonly breaker: Breaker;
  /** The active health check's word; true without one. */
  readonly healthy: boolean;
}

export interface Firing {
  readonly rule: TriggerRule;
  /** For people: what was measured, and against what. */
  readonly why: string;
}

const QUANTILES = { latency_p50: 0.5, latency_p95: 0.95, latency_p99: 0.99 } as const;

/** Evaluates rules again and again, and remembers since when each has held. */
export class Triggers {
  readonly rules: readonly TriggerRule[];
  readonly #clock: Clock;
  readonly #since = new Map<TriggerRule, number>();

  constructor(options: { readonly rules: readonly TriggerRule[]; readonly clock: Clock }) {
    this.rules = options.rules;
    this.#clock = options.clock;
  }

  /** Every rule that fires now. */
  evaluate(evidence: Evidence): Firing[] {
    const now = this.#clock.monotonic();
    const firings: Firing[] = [];
    for (const rule of this.rules) {
      const why = holds(rule, evidence);
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

  /** Forgets since when the rules hold. */
  reset(): void {
    this.#since.clear();
  }
}

function holds(rule: TriggerRule, evidence: Evidence): string | undefined {
  const { metric, threshold = 0 } = rule;
  if (metric === 'unavailable') {
    if (!evidence.healthy) return 'the health check fails';
    const state = evidence.breaker.state;
    return state === 'closed' ? undefined : `the circuit breaker is ${state}`;
  }
  if (metric === 'consecutive_failures') {
    const failures = evidence.breaker.consecutiveFailures;
    return failures > threshold ? `${failures} failures in a row` : undefined;
  }
  const { windowMs = 5000, minSamples = 20, relative } = rule;
  const value = (stats: SideStats): { readonly value: number; readonly requests: number } => {
    const summary = stats.summary(windowMs, metric === 'error_rate' ? Infinity : threshold);
    return {
      value: metric === 'error_rate' ? summary.errorRate : summary.quantile(QUANTILES[metric]),
      requests: summary.requests,
    };
  };
  const service = value(evidence.stats.service);
  if (service.requests < minSamples || service.value <= threshold) return undefined;
  const monolith = value(evidence.stats.monolith);
  const comparable = relative !== undefined && monolith.requests >= minSamples;
  if (comparable && service.value <= relative * monolith.value) return undefined;
  const show = (n: number): string => (metric === 'error_rate' ? `${(n * 100).toFixed(1)} %` : `${n.toFixed(0)} ms`);
  const baseline = comparable ? `, the monolith at ${show(monolith.value)}` : '';
  return `${metric} at ${show(service.value)} over ${service.requests} requests in ${windowMs} ms, threshold ${show(threshold)}${baseline}`;
}
