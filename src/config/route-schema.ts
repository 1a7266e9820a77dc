import { Type } from 'typebox';
import { choice, listOf, section, text, whole } from './schema-parts.ts';

/*
 * The `route` section of banyan.yaml.
 */

const percent = (description: string) => Type.Number({ minimum: 0, maximum: 100, default: 0, description });

export const routeSchema = section(
  {
    listen: text('listen-address', 'Where clients connect.', { default: '127.0.0.1:8080' }),
    admin: text('listen-address', 'Where `banyan route …` connects, and where /metrics, /healthz and /readyz are.', { default: '127.0.0.1:8081' }),
    monolith: text('http-url', "The monolith's HTTP side."),
    key: Type.Array(
      Type.Union([
        choice(['ip'], "The client's address."),
        section(
          {
            cookie: Type.Optional(text('header-name', 'The value of this cookie.')),
            header: Type.Optional(text('header-name', 'The value of this request header.')),
            jwt: Type.Optional(text('text', 'This claim of the bearer token. The signature is not checked: it only picks a side.')),
            query: Type.Optional(text('text', 'The value of this parameter of the URL.')),
          },
          { minProperties: 1, maxProperties: 1 },
        ),
      ]),
      { minItems: 1, default: ['ip'], description: 'What tells users apart, best first: the first that a request has decides its side.' },
    ),
    shadow: section(
      {
        percent: percent('Share of safe requests (GET, HEAD) that the service answers too, unseen, to be compared.'),
        ignore: listOf(text('text', 'A header, or a path into a JSON body such as $.updated_at.'), 'What may differ.', { default: [] }),
      },
      { default: {}, description: 'Comparing answers before anybody is moved.' },
    ),
    rollback: section(
      {
        triggers: Type.Optional(
          listOf(
            section({
              metric: choice(
                ['error_rate', 'latency_p50', 'latency_p95', 'latency_p99', 'consecutive_failures', 'unavailable'],
                "What is watched on the service's side.",
              ),
              threshold: Type.Optional(
                Type.Number({ minimum: 0, description: 'Bad is above this: a share from 0 to 1, milliseconds, or a number. `unavailable` has none.' }),
              ),
              duration_seconds: Type.Number({ minimum: 0, default: 0, description: 'Seconds it must stay bad. 0: at once.' }),
              window_seconds: Type.Optional(Type.Number({ minimum: 0.1, maximum: 120, description: 'Seconds it looks back. Default: 5.' })),
              min_samples: Type.Optional(Type.Integer({ minimum: 1, description: 'Fewer requests in the window say nothing. Default: 20.' })),
              relative: Type.Optional(
                Type.Number({ minimum: 0, description: "Bad only if it is this many times the monolith's value too. Default: not compared." }),
              ),
              action: choice(['automatic_rollback', 'alert_team'], 'What happens then.', { default: 'automatic_rollback' }),
            }),
            "What sends everybody back to the monolith. Default: error rate, 95th percentile, failures in a row and failed health checks; an empty list: nothing does.",
          ),
        ),
      },
      { default: {}, description: 'Going back without being asked.' },
    ),
    fence: section(
      { timeoutMs: whole('Milliseconds a user waits for the other side to catch up: longer than a sync worker needs to be replaced. After that he is not moved; one who changes sides between two requests is served.', { minimum: 1, default: 10_000 }) },
      { default: {}, description: 'The wait that keeps a moved user from reading the past.' },
    ),
    timeouts: section(
      {
        connectMs: whole('Milliseconds to connect to a side.', { minimum: 1, default: 2000 }),
        headersMs: whole('Milliseconds until a side has sent its headers.', { minimum: 1, default: 30_000 }),
        bodyMs: whole('Milliseconds between two pieces of a body.', { minimum: 1, default: 300_000 }),
        drainMs: whole('Milliseconds that requests under way are given when the router stops.', { minimum: 0, default: 10_000 }),
      },
      { default: {}, description: 'How long the router waits.' },
    ),
    headerOverride: Type.Optional(
      text('header-name', 'A request header that picks the side (`monolith` or `service`), for testers. Default: none, nobody can choose.'),
    ),
  },
  { description: 'Who is served by which side.' },
);
