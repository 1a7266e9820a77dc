import { Type } from 'typebox';
import { choice, listOf, section, text, webhooks, whole } from './schema-parts.ts';

/*
 * `route.rollback`, `route.gradual` and `route.load` of banyan.yaml: what triggers watch and do, and what a gradual
 * shift waits for.
 */

const share = (description: string) => Type.Optional(Type.Number({ minimum: 0, maximum: 1, description }));
const actions = ['automatic_rollback', 'alert_team', 'scale_up'] as const;

const trigger = section({
  metric: choice(
    [
      'error_rate', 'latency_p50', 'latency_p95', 'latency_p99', 'availability', 'consecutive_failures', 'unavailable',
      'shadow_differences', 'validator_drift', 'sync_lag', 'cpu', 'memory',
    ],
    "What is watched on the service's side.",
  ),
  test: Type.Optional(
    choice(
      ['sequential', 'threshold'],
      '`sequential`: by evidence, with a bound on false alarms. `threshold`: by what a window shows. Default: sequential for error_rate, latencies and shadow_differences, unless a window, samples or a duration are given.',
    ),
  ),
  threshold: Type.Optional(
    Type.Number({
      minimum: 0,
      description: 'Bad is above this (of `availability` below): a share from 0 to 1, milliseconds, or a number. `unavailable` has none; where `relative` is given to a sequential test it may be left out.',
    }),
  ),
  alone: Type.Optional(Type.Number({ minimum: 0, description: 'Sequential: the threshold while nobody is served by the monolith who could be compared. Default: `threshold`.' })),
  duration_seconds: Type.Number({ minimum: 0, default: 0, description: 'By threshold: seconds it must stay bad. 0: at once.' }),
  window_seconds: Type.Optional(Type.Number({ minimum: 0.1, maximum: 120, description: 'By threshold: seconds it looks back. Default: 5.' })),
  min_samples: Type.Optional(Type.Integer({ minimum: 1, description: 'By threshold: fewer requests in the window say nothing. Default: 20.' })),
  relative: Type.Optional(Type.Number({ minimum: 0, description: "Bad only if it is this many times the monolith's value at the same time too. Default: not compared." })),
  action: choice(actions, 'What happens then: everybody goes back, or somebody is told.', { default: 'automatic_rollback' }),
});

export const rollbackSchema = section(
  {
    triggers: Type.Optional(
      listOf(
        trigger,
        'What sends everybody back to the monolith, or is told. Default: error rate, 95th percentile, failures in a row and failed health checks; an empty list: nothing does.',
      ),
    ),
    falseAlarmRate: Type.Number({
      minimum: 0.000001, maximum: 0.5, default: 0.01,
      description: "The probability that a rollout's sequential triggers ever go back from a service that is not worse, shared by all of them.",
    }),
    baselineMs: whole('Milliseconds for which the monolith\'s share of failures, as it was while both sides were compared, is what `relative` means at 100 %. 0: there only `alone` counts.', { minimum: 0, default: 604_800_000 }),
    coolDownMs: whole('Milliseconds after an automatic rollback in which no gradual shift begins, and a rule does not tell of the same again.', { minimum: 0, default: 300_000 }),
    webhooks: webhooks(
      {
        actions: Type.Array(choice(actions, 'An action.'), { minItems: 1, default: ['automatic_rollback', 'alert_team'], description: 'What it is told of. Whatever starts more instances wants `[scale_up]`.' }),
      },
      'Who is told when a trigger fires, by a name for logs and metrics.',
    ),
  },
  { default: {}, description: 'Going back without being asked.' },
);

export const gradualSchema = section(
  {
    worseBy: section(
      {
        errors: share('Failed requests: a share above this, and … Default: 0.01.'),
        errorRatio: Type.Optional(Type.Number({ minimum: 1, description: "… above this many times the monolith's. Default: 2." })),
        latencyMs: Type.Optional(Type.Number({ minimum: 1, maximum: 60_000, description: 'The 95th percentile: above this many milliseconds, and … Default: 200.' })),
        latencyRatio: Type.Optional(Type.Number({ minimum: 1, description: "… above this many times the monolith's. Default: 1.2." })),
      },
      { default: {}, description: 'The difference that must be excluded before a gradual shift goes on.' },
    ),
  },
  { default: {}, description: 'What a gradual shift waits for at each step.' },
);

const load = (description: string) => section({
  url: text('http-url', "Answers with Prometheus' text format or with JSON."),
  cpu: text('text', 'The name of the metric, or the path into the JSON (`system.cpu`). Of one that ends in `_total` the growth a second counts.', { default: 'process_cpu_seconds_total' }),
  memory: text('text', 'The same for memory.', { default: 'process_resident_memory_bytes' }),
}, { description });

export const loadSchema = section(
  {
    monolith: Type.Optional(load("The monolith's.")),
    services: Type.Record(Type.String(), load("One service's."), { default: {}, format: 'name', description: 'By the service.' }),
  },
  { default: {}, description: 'Where processor and memory of the sides are read, for triggers. Default: nowhere.' },
);
