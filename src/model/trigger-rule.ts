export type TriggerMetric =
  | 'error_rate'
  | 'latency_p50'
  | 'latency_p95'
  | 'latency_p99'
  | 'availability'
  | 'consecutive_failures'
  | 'unavailable'
  | 'shadow_differences'
  | 'validator_drift'
  | 'sync_lag'
  | 'cpu'
  | 'memory';

export type TriggerAction = 'automatic_rollback' | 'alert_team' | 'scale_up';

/** When the service's side is bad enough to act. */
export interface TriggerRule {
  readonly metric: TriggerMetric;
  /**
   * `sequential`: by evidence that may be looked at at any time, with a bound on the probability of a false
   * alarm; for `error_rate`, latencies and `shadow_differences`. `threshold`: by what a window shows. Default:
   * sequential where it can be, unless a window, samples or a duration are given.
   */
  readonly test?: 'sequential' | 'threshold';
  /**
   * Fires above this: a share from 0 to 1 for `error_rate`, `shadow_differences` and `validator_drift`;
   * milliseconds for latencies and `sync_lag`; a number for `consecutive_failures`; what the source has for
   * `cpu` and `memory`. `availability` fires below it. `unavailable` (breaker not closed, or health check
   * failing) has none, and where `relative` is given it may be left out.
   */
  readonly threshold?: number;
  /**
   * Fires only above this multiple of the monolith's value at the same time too, if the monolith can be
   * compared with. Default: absolute only.
   */
  readonly relative?: number;
  /** Sequential: the threshold while the monolith serves nobody who could be compared. Default: `threshold`. */
  readonly alone?: number;
  /** By threshold: it must hold without a break for this many milliseconds. Default 0. */
  readonly durationMs?: number;
  /** By threshold: how far back it looks, in milliseconds, at most 120,000. Default 5,000. */
  readonly windowMs?: number;
  /** By threshold: fewer requests in the window say nothing. Default 20. */
  readonly minSamples?: number;
  /** Default `automatic_rollback`. The others change no percentage: they tell whoever is to be told. */
  readonly action?: TriggerAction;
}

/** The quantile of each latency metric. */
export const QUANTILES: Partial<Readonly<Record<TriggerMetric, number>>> = { latency_p50: 0.5, latency_p95: 0.95, latency_p99: 0.99 };

/** How likely the triggers of one rollout are to go back from a service that is not worse. */
export const FALSE_ALARM_RATE = 0.01;

/**
 * Back to the monolith
 *
 * - when it is certain that more than 0.2 % of the service's requests fail and more than twice as many as the
 *   monolith's at the same time; where nobody can be compared, more than 5 %;
 * - when its 95th percentile is certainly above one second, and more than twice the monolith's at the same time if
 *   that can be compared;
 * - after 5 failures in a row; or when the side was unavailable for one second.
 *
 * Certainly: by evidence that lies with a probability of 1 % at most, for both rules of a whole rollout.
 *
 * A 95th percentile that is certainly above 100 ms and 1.1 times the monolith's is told, and no step of a gradual
 * shift is taken while it is so; it is no reason to take everybody back unasked.
 */
export const DEFAULT_TRIGGERS: readonly TriggerRule[] = [
  { metric: 'error_rate', threshold: 0.002, relative: 2, alone: 0.05 },
  { metric: 'latency_p95', threshold: 1000, relative: 2 },
  { metric: 'consecutive_failures', threshold: 4 },
  { metric: 'unavailable', durationMs: 1000 },
  { metric: 'latency_p95', threshold: 100, relative: 1.1, alone: 1000, action: 'alert_team' },
];

const COUNTED: ReadonlySet<TriggerMetric> = new Set(['error_rate', 'latency_p50', 'latency_p95', 'latency_p99', 'shadow_differences']);

/** Whether the rule is judged by evidence rather than by a window. */
export function isSequential({ metric, test, windowMs, minSamples, durationMs = 0 }: TriggerRule): boolean {
  if (test !== undefined) return test === 'sequential';
  return COUNTED.has(metric) && windowMs === undefined && minSamples === undefined && durationMs === 0;
}

/** What is wrong with the rule, and what would be right; undefined: nothing. */
export function wrongRule(rule: TriggerRule): { readonly found: string; readonly expected: string } | undefined {
  const { metric, test, threshold, relative, alone, windowMs, minSamples, durationMs = 0 } = rule;
  const sequential = isSequential(rule);
  const wrong = (found: string, expected: string) => ({ found, expected });
  if (test === 'sequential' && !COUNTED.has(metric)) return wrong(`${metric} with the test sequential`, 'the test threshold: it is no count of independent requests');
  if (sequential && (windowMs !== undefined || minSamples !== undefined || durationMs > 0)) {
    return wrong('a window, samples or a duration with the test sequential', 'none of them: the test decides by itself how much is enough');
  }
  if (!sequential && alone !== undefined) return wrong('alone with the test threshold', 'it only with sequential');
  if (metric === 'unavailable') return threshold === undefined ? undefined : wrong('unavailable with a threshold', 'none: it is or it is not');
  const comparable = metric in QUANTILES || ['error_rate', 'availability', 'cpu', 'memory'].includes(metric);
  if (relative !== undefined && !comparable) return wrong(`${metric} with relative`, 'it only where both sides have a value');
  if (relative !== undefined && relative <= 0) return wrong('relative at 0', 'a multiple above 0');
  if (threshold === undefined && !(sequential && relative !== undefined)) return wrong(`${metric} without a threshold`, '`threshold: …` beside it');
  if (!sequential) return undefined;
  for (const value of [threshold, alone]) {
    if (value === undefined) continue;
    if (metric in QUANTILES ? value <= 0 || value > 60_000 : value <= 0 || value >= 1) {
      return wrong(`${metric} at ${value}`, metric in QUANTILES ? 'milliseconds above 0, up to 60,000, or the test threshold' : 'a share between 0 and 1, or the test threshold');
    }
  }
  return undefined;
}
