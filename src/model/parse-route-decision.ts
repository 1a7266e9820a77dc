import type { GradualPlan } from './gradual-plan.ts';
import type { Side } from './side.ts';
import {
  FLAG_STAGES, PLAIN_DECISION, STRATEGIES, type Audience, type AudienceRule, type RouteDecision, type RouteVariant, type ScheduledStep,
} from './route-decision.ts';

type Json = Readonly<Record<string, unknown>>;

/**
 * Reads what a store kept. What an older version of Banyan did not write has its default; what can not
 * be read is an error, because half a decision would move users.
 * @throws TypeError naming the key
 */
export function parseRouteDecision(value: unknown): RouteDecision {
  if (value === null || value === undefined) return PLAIN_DECISION;
  const row = object(value, 'decision');
  return {
    strategy: oneOf(STRATEGIES, row['strategy'] ?? PLAIN_DECISION.strategy, 'strategy'),
    pinned: row['pinned'] === undefined || row['pinned'] === null ? null : oneOf(SIDES, row['pinned'], 'pinned'),
    deny: texts(row['deny'], 'deny'),
    allow: texts(row['allow'], 'allow'),
    rules: list(row['rules'], 'rules').map(ruleOf),
    experiment: typeof row['experiment'] === 'string' ? row['experiment'] : '',
    variants: list(row['variants'], 'variants').map(variantOf),
    stage: oneOf(FLAG_STAGES, row['stage'] ?? PLAIN_DECISION.stage, 'stage'),
    schedule: list(row['schedule'], 'schedule').map(stepOf),
    gradual: row['gradual'] === undefined || row['gradual'] === null ? null : planOf(row['gradual']),
  };
}

const SIDES = ['monolith', 'service'] as const satisfies readonly Side[];

function ruleOf(value: unknown): AudienceRule {
  const rule = object(value, 'rules');
  const when = object(rule['when'], 'when');
  const audience: Audience = {
    ...optional('tenant', when['tenant'], texts),
    ...optional('region', when['region'], texts),
    ...optional('hosts', when['hosts'], texts),
    ...optional('path', when['path'], text),
    ...optional('methods', when['methods'], texts),
    ...optional('headers', when['headers'], record),
    ...optional('query', when['query'], record),
  };
  return { when: audience, percent: number(rule['percent'], 'percent') };
}

function variantOf(value: unknown): RouteVariant {
  const variant = object(value, 'variants');
  return {
    name: text(variant['name'], 'name'),
    weight: number(variant['weight'], 'weight'),
    ranges: list(variant['ranges'], 'ranges').map((range) => {
      const [from, to] = list(range, 'ranges');
      return [number(from, 'ranges'), number(to, 'ranges')] as const;
    }),
  };
}

function stepOf(value: unknown): ScheduledStep {
  const step = object(value, 'schedule');
  return { percent: number(step['percent'], 'percent'), ...optional('at', step['at'], text), ...optional('afterSeconds', step['afterSeconds'], number) };
}

function planOf(value: unknown): GradualPlan {
  const plan = object(value, 'gradual');
  return {
    to: number(plan['to'], 'to'),
    stepPercent: number(plan['stepPercent'], 'stepPercent'),
    everySeconds: number(plan['everySeconds'], 'everySeconds'),
    maxSeconds: number(plan['maxSeconds'], 'maxSeconds'),
    overdue: oneOf(['wait', 'continue'], plan['overdue'], 'overdue'),
  };
}

function optional<K extends string, T>(key: K, value: unknown, read: (value: unknown, key: string) => T): { readonly [P in K]?: T } {
  if (value === undefined || value === null) return {};
  const result: { [P in K]?: T } = {};
  result[key] = read(value, key);
  return result;
}

const wrong = (key: string, value: unknown): TypeError => new TypeError(`the stored decision has ${JSON.stringify(value) ?? 'nothing'} as its ${key}`);

function object(value: unknown, key: string): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(key, value);
  return Object.fromEntries(Object.entries(value));
}

function list(value: unknown, key: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw wrong(key, value);
  return value;
}

function text(value: unknown, key: string): string {
  if (typeof value !== 'string') throw wrong(key, value);
  return value;
}

function number(value: unknown, key: string): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw wrong(key, value);
  return value;
}

const texts = (value: unknown, key: string): readonly string[] => list(value, key).map((entry) => text(entry, key));

const record = (value: unknown, key: string): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(object(value, key)).map(([name, entry]) => [name, text(entry, key)]));

function oneOf<const T extends string>(values: readonly T[], value: unknown, key: string): T {
  const found = values.find((each) => each === value);
  if (found === undefined) throw wrong(key, value);
  return found;
}
