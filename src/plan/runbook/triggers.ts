import type { PlanToUndo, Trigger } from './plan-to-undo.ts';
import type { TriggerCondition } from './runbook-document.ts';

type Threshold = TriggerCondition['metric_threshold'];

/** What is watched where the plan says nothing of it. Nobody has decided that these may go back by themselves. */
const WATCHED: readonly { readonly about: RegExp; readonly of: 'all' | 'database' | 'service'; readonly name: string; readonly threshold: Threshold; readonly because: string }[] = [
  { about: /error/, of: 'all', name: 'Error rate', because: 'of all requests fail', threshold: { metric: 'error_rate', operator: '>', value: 5, duration_minutes: 5, unit: '%' } },
  { about: /respon|latency|duration|time/, of: 'all', name: 'Response time', because: 'times what it was before', threshold: { metric: 'response_time_p95', operator: '>', value: 2, duration_minutes: 10, unit: 'x baseline' } },
  { about: /availab|uptime/, of: 'all', name: 'Availability', because: 'of probes are answered', threshold: { metric: 'availability', operator: '<', value: 99, duration_minutes: 2, unit: '%' } },
  { about: /integrity|differ|corrupt|consisten/, of: 'database', name: 'Data integrity', because: 'rows differ (banyan validate --level full)', threshold: { metric: 'data_differences', operator: '>', value: 0, duration_minutes: 0 } },
  { about: /progress|stall|lag/, of: 'database', name: 'Stalled progress', because: 'minutes since anything was applied (banyan sync status)', threshold: { metric: 'minutes_without_progress', operator: '>', value: 30, duration_minutes: 30 } },
  { about: /cpu/, of: 'service', name: 'CPU growth', because: 'times what it was before', threshold: { metric: 'cpu_usage', operator: '>', value: 1.5, duration_minutes: 15, unit: 'x baseline' } },
  { about: /memory|rss|heap/, of: 'service', name: 'Memory growth', because: 'times what it was before', threshold: { metric: 'memory_usage', operator: '>', value: 1.5, duration_minutes: 15, unit: 'x baseline' } },
];

/** When to go back: the plan's own triggers, then what is watched in every migration of its type. */
export function triggerConditionsOf(plan: PlanToUndo, contacts: readonly string[]): TriggerCondition[] {
  const found = new Map<string, TriggerCondition>();
  const add = (condition: Omit<TriggerCondition, 'trigger_id' | 'escalation_contacts' | 'evaluation_window_minutes'>): void => {
    const { metric, operator, value } = condition.metric_threshold;
    const key = `${metric}${operator}${value}`;
    if (found.has(key)) return;
    found.set(key, { trigger_id: `trigger_${found.size + 1}_${metric}`, ...condition, evaluation_window_minutes: Math.max(1, condition.metric_threshold.duration_minutes), escalation_contacts: [...contacts] });
  };
  const own = [...(plan.rollback_plan?.rollback_triggers ?? []), ...plan.phases.flatMap(({ rollback_triggers: each = [] }) => each)];
  for (const trigger of own) add(conditionOf(trigger));
  const named = [...found.values()].map(({ metric_threshold: { metric } }) => metric);
  for (const { about, of, name, threshold, because } of WATCHED) {
    if (of !== 'all' && of !== sideOf(plan)) continue;
    if (named.some((metric) => about.test(metric))) continue;
    const { operator, value, unit, duration_minutes: minutes } = threshold;
    add({ name, condition: `${name}: ${operator === '<' ? 'fewer than' : 'more than'} ${value}${unit === '%' ? ' %' : ''} ${because}${minutes > 0 ? `, for ${minutes} min` : ''}`, metric_threshold: threshold, auto_execute: false });
  }
  return [...found.values()];
}

function sideOf({ migration_type: type = '' }: PlanToUndo): 'database' | 'service' {
  return type === 'database' || type === 'data' ? 'database' : 'service';
}

function conditionOf(trigger: Trigger): Omit<TriggerCondition, 'trigger_id' | 'escalation_contacts' | 'evaluation_window_minutes'> {
  if (typeof trigger === 'string') return inWords(trigger);
  const { metric, threshold, duration_minutes: minutes = 5, action = '' } = trigger;
  const metricThreshold = parseThreshold({ metric, threshold, minutes });
  return {
    name: metric.replaceAll('_', ' '),
    condition: `${metric} ${metricThreshold.operator} ${metricThreshold.value}${metricThreshold.unit === undefined ? '' : ` ${metricThreshold.unit}`}${minutes > 0 ? ` for ${minutes} min` : ''}`,
    metric_threshold: metricThreshold,
    auto_execute: action === 'automatic_rollback',
  };
}

/** `5%` is 5, `>= 500 ms` is 500, `2x baseline` is 2; each with its unit. What has no number is a count of events: none may be. */
export function parseThreshold({ metric, threshold, minutes }: { readonly metric: string; readonly threshold: string | number; readonly minutes: number }): Threshold {
  const found = /^\s*(>=|<=|>|<)?\s*(-?\d[\d_,]*(?:\.\d+)?)\s*(.*?)\s*$/.exec(String(threshold));
  const unit = (found?.[3] ?? '').replace(/^x\s*/i, 'x ').trim();
  return {
    metric: metric.trim().toLowerCase().replaceAll(/[^a-z0-9.]+/g, '_').replaceAll(/^_|_$/g, ''),
    operator: operatorOf(found?.[1]) ?? (LOW_IS_BAD.test(metric) ? '<' : '>'),
    value: found ? Number((found[2] ?? '0').replaceAll(/[_,]/g, '')) : 0,
    duration_minutes: minutes,
    ...(unit === '' ? {} : { unit }),
  };
}

const LOW_IS_BAD = /availab|uptime|success|throughput|health|consistency|score|per_second/i;

const SAID: Readonly<Record<string, Threshold['operator']>> = {
  '>': '>', '>=': '>=', '<': '<', '<=': '<=', beyond: '>', exceeds: '>', exceed: '>', above: '>', over: '>', below: '<', under: '<',
};

function operatorOf(word: string | undefined): Threshold['operator'] | undefined {
  return word === undefined ? undefined : SAID[word.toLowerCase()];
}

/** A trigger as other tools write it, and as the phases of Banyan's plans repeat it: `error_rate beyond 5% for 5 min: automatic_rollback`. */
function inWords(text: string): ReturnType<typeof conditionOf> {
  const [said = '', action = ''] = text.split(/:\s*(?=\w+$)/);
  const minutes = Number(/\bfor\s+(?:more than\s+)?(\d+)\s*min/i.exec(said)?.[1] ?? 0);
  const plain = said.replace(/\s*\bfor\s+(?:more than\s+)?\d+\s*min\w*/i, '');
  const found = /^(.+?)\s*(>=|<=|>|<|\b(?:beyond|exceeds?|above|over|below|under)\b)\s*(.+)$/i.exec(plain);
  // What LOW_IS_BAD says of a metric that is written `beyond` is meant by that word as well.
  const word = found?.[2]?.toLowerCase() ?? '';
  const sign = word === 'beyond' ? '' : (operatorOf(word) ?? '');
  const threshold = found && /\d/.test(found[3] ?? '') ? parseThreshold({ metric: found[1] ?? '', threshold: `${sign}${found[3] ?? ''}`, minutes }) : parseThreshold({ metric: plain, threshold: '', minutes });
  return { name: found && /\d/.test(found[3] ?? '') ? (found[1] ?? '').replaceAll('_', ' ') : plain, condition: said, metric_threshold: threshold, auto_execute: action === 'automatic_rollback' };
}
