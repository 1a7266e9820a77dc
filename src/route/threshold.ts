import type { SideStats } from './side-stats.ts';
import { QUANTILES, type TriggerRule } from '../model/trigger-rule.ts';
import type { Evidence } from './triggers.ts';

/** Whether a window shows what the rule calls bad: why, or undefined. A value that is not known is not bad. */
export function passesThreshold(rule: TriggerRule, evidence: Evidence): string | undefined {
  const { metric, threshold = 0, relative } = rule;
  const { breaker, signals } = evidence;
  if (metric === 'unavailable') {
    if (!evidence.healthy) return 'the health check fails';
    const state = breaker.state;
    return state === 'closed' ? undefined : `the circuit breaker is ${state}`;
  }
  if (metric === 'consecutive_failures') {
    const failures = breaker.consecutiveFailures;
    return failures > threshold ? `${failures} failures in a row` : undefined;
  }
  if (metric === 'sync_lag') {
    const lag = signals?.syncLagMs;
    return lag !== undefined && lag > threshold ? `sync is ${Math.round(lag)} ms behind, threshold ${threshold} ms` : undefined;
  }
  if (metric === 'validator_drift') {
    const drift = signals?.validatorDrift;
    return drift !== undefined && drift > threshold ? `${percentText(drift)} of rows differ by the latest comparison, threshold ${percentText(threshold)}` : undefined;
  }
  if (metric === 'cpu' || metric === 'memory') {
    const { service, monolith } = signals?.[metric] ?? {};
    if (service === undefined || service <= threshold) return undefined;
    const comparable = relative !== undefined && monolith !== undefined;
    if (comparable && service <= relative * monolith) return undefined;
    return `${metric} of the service at ${service}, threshold ${threshold}${comparable ? `, the monolith at ${monolith}` : ''}`;
  }
  if (metric === 'shadow_differences') {
    const { compared, different } = evidence.shadow ?? { compared: 0, different: 0 };
    if (compared < (rule.minSamples ?? 20) || different / compared <= threshold) return undefined;
    return `${percentText(different / compared)} of ${compared} answers compared in the shadow differ, threshold ${percentText(threshold)}`;
  }
  return passesInWindow(rule, evidence);
}

function passesInWindow(rule: TriggerRule, { stats }: Evidence): string | undefined {
  const { metric, windowMs = 5000, minSamples = 20, relative } = rule;
  // Above is bad, of availability's complement too.
  const available = metric === 'availability';
  const threshold = available ? 1 - (rule.threshold ?? 0) : (rule.threshold ?? 0);
  const quantile = QUANTILES[metric];
  const value = (side: SideStats): { readonly value: number; readonly requests: number } => {
    const summary = side.summary(windowMs, quantile === undefined ? Infinity : threshold);
    if (quantile !== undefined) return { value: summary.quantile(quantile), requests: summary.requests };
    if (!available) return { value: summary.errorRate, requests: summary.requests };
    const wanted = summary.requests + summary.refused;
    return { value: wanted === 0 ? 0 : (summary.errors + summary.refused) / wanted, requests: wanted };
  };
  const service = value(stats.service);
  if (service.requests < minSamples || service.value <= threshold) return undefined;
  const monolith = value(stats.monolith);
  const comparable = relative !== undefined && monolith.requests >= minSamples;
  if (comparable && service.value <= relative * monolith.value) return undefined;
  const show = (n: number): string => (quantile === undefined ? percentText(available ? 1 - n : n) : `${n.toFixed(0)} ms`);
  const baseline = comparable ? `, the monolith at ${show(monolith.value)}` : '';
  return `${metric} at ${show(service.value)} over ${service.requests} requests in ${windowMs} ms, threshold ${show(threshold)}${baseline}`;
}

const percentText = (share: number): string => `${(share * 100).toFixed(1)} %`;
