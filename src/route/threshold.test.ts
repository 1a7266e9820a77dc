import { describe, expect, it } from 'vitest';
import type { TriggerRule } from '../model/trigger-rule.ts';
import { Breaker } from './breaker.ts';
import { SideStats } from './side-stats.ts';
import { passesThreshold } from './threshold.ts';
import type { Evidence } from './triggers.ts';

interface Traffic {
  readonly requests: number;
  readonly failed?: number;
  readonly refused?: number;
  readonly ms?: number;
}

/** What rules see after both sides' traffic; the service's breaker saw as many failures in a row as are given. */
function evidence(options: { readonly service?: Traffic; readonly monolith?: Traffic; readonly failures?: number } & Partial<Pick<Evidence, 'healthy' | 'shadow' | 'signals'>> = {}): Evidence {
  let ms = 1_000_000;
  const clock = { now: () => ms, monotonic: () => ms, sleep: () => Promise.resolve() };
  const side = ({ requests, failed = 0, refused = 0, ms: took = 1 }: Traffic = { requests: 0 }): SideStats => {
    const stats = new SideStats(clock);
    const begun = Array.from({ length: requests }, () => stats.start());
    const before = ms;
    ms += took;
    begun.forEach((timing, i) => stats.finish(timing, i < failed));
    ms = before;
    for (let i = 0; i < refused; i++) stats.refuse();
    return stats;
  };
  const breaker = new Breaker({ clock });
  for (let i = 0; i < (options.failures ?? 0); i++) breaker.failed('pass');
  const { healthy = true, shadow, signals } = options;
  const stats = { service: side(options.service), monolith: side(options.monolith) };
  ms += 200;
  return { stats, breaker, healthy, ...(shadow ? { shadow } : {}), ...(signals ? { signals } : {}) };
}

const why = (rule: TriggerRule, seen: Evidence): string | undefined => passesThreshold(rule, seen);

describe('a rule by threshold', () => {
  it('tells a side that can not be used', () => {
    expect(why({ metric: 'unavailable' }, evidence())).toBeUndefined();
    expect(why({ metric: 'unavailable' }, evidence({ healthy: false }))).toBe('the health check fails');
    expect(why({ metric: 'unavailable' }, evidence({ failures: 5 }))).toBe('the circuit breaker is open');
    expect(why({ metric: 'consecutive_failures', threshold: 3 }, evidence({ failures: 4 }))).toBe('4 failures in a row');
    expect(why({ metric: 'consecutive_failures', threshold: 3 }, evidence({ failures: 3 }))).toBeUndefined();
  });

  it('takes what is not known for good', () => {
    for (const metric of ['sync_lag', 'validator_drift', 'cpu', 'memory', 'shadow_differences', 'error_rate', 'availability', 'latency_p95'] as const) {
      expect([metric, why({ metric, threshold: 0 }, evidence())]).toEqual([metric, undefined]);
    }
  });

  it('goes by what is known beside requests', () => {
    expect(why({ metric: 'sync_lag', threshold: 1000 }, evidence({ signals: { syncLagMs: 1500.4 } }))).toBe('sync is 1500 ms behind, threshold 1000 ms');
    expect(why({ metric: 'sync_lag', threshold: 1000 }, evidence({ signals: { syncLagMs: 1000 } }))).toBeUndefined();
    expect(why({ metric: 'validator_drift', threshold: 0.01 }, evidence({ signals: { validatorDrift: 0.02 } }))).toBe('2.0 % of rows differ by the latest comparison, threshold 1.0 %');
    const busy = evidence({ signals: { cpu: { service: 0.9, monolith: 0.8 }, memory: { service: 90 } } });
    expect(why({ metric: 'cpu', threshold: 0.7 }, busy)).toBe('cpu of the service at 0.9, threshold 0.7');
    expect(why({ metric: 'cpu', threshold: 0.95 }, busy)).toBeUndefined();
    expect(why({ metric: 'cpu', threshold: 0.7, relative: 1.5 }, busy)).toBeUndefined();
    expect(why({ metric: 'cpu', threshold: 0.7, relative: 1.1 }, busy)).toBe('cpu of the service at 0.9, threshold 0.7, the monolith at 0.8');
    expect(why({ metric: 'memory', threshold: 80, relative: 2 }, busy)).toBe('memory of the service at 90, threshold 80');
  });

  it('counts differences of the shadow once there are enough answers', () => {
    const rule: TriggerRule = { metric: 'shadow_differences', threshold: 0.05 };
    expect(why(rule, evidence({ shadow: { compared: 19, different: 19 } }))).toBeUndefined();
    expect(why(rule, evidence({ shadow: { compared: 20, different: 1 } }))).toBeUndefined();
    expect(why(rule, evidence({ shadow: { compared: 20, different: 2 } }))).toBe('10.0 % of 20 answers compared in the shadow differ, threshold 5.0 %');
    expect(why({ ...rule, minSamples: 5 }, evidence({ shadow: { compared: 5, different: 5 } }))).toContain('100.0 % of 5');
  });

  it('looks at a window of requests, and at the monolith beside it', () => {
    const failing = { requests: 20, failed: 4 };
    const rule: TriggerRule = { metric: 'error_rate', threshold: 0.1 };
    expect(why(rule, evidence({ service: failing }))).toBe('error_rate at 20.0 % over 20 requests in 5000 ms, threshold 10.0 %');
    expect(why(rule, evidence({ service: { requests: 19, failed: 19 } }))).toBeUndefined();
    expect(why({ ...rule, relative: 2 }, evidence({ service: failing, monolith: { requests: 20, failed: 3 } }))).toBeUndefined();
    expect(why({ ...rule, relative: 2 }, evidence({ service: failing, monolith: { requests: 20, failed: 1 } }))).toBe('error_rate at 20.0 % over 20 requests in 5000 ms, threshold 10.0 %, the monolith at 5.0 %');
    expect(why({ ...rule, relative: 2 }, evidence({ service: failing, monolith: { requests: 19, failed: 19 } }))).toBe('error_rate at 20.0 % over 20 requests in 5000 ms, threshold 10.0 %');
    expect(why({ metric: 'latency_p95', threshold: 50 }, evidence({ service: { requests: 30, ms: 100 } }))).toMatch(/^latency_p95 at \d+ ms over 30 requests in 5000 ms, threshold 50 ms$/);
  });

  it('counts requests that were refused as not available, and fires below its threshold', () => {
    const rule: TriggerRule = { metric: 'availability', threshold: 0.9 };
    expect(why(rule, evidence({ service: { requests: 18, failed: 1, refused: 1 } }))).toBeUndefined();
    expect(why(rule, evidence({ service: { requests: 15, refused: 5 } }))).toBe('availability at 75.0 % over 20 requests in 5000 ms, threshold 90.0 %');
    expect(why({ metric: 'availability' }, evidence({ service: { requests: 0, refused: 20 } }))).toBeUndefined();
  });
});
