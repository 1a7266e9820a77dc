import { Type } from 'typebox';
import { listenerSchema } from './listener-schema.ts';
import { choice, listOf, section, text, whole } from './schema-parts.ts';
import { shadowSchema } from './shadow-schema.ts';
import { gradualSchema, loadSchema, rollbackSchema } from './trigger-schema.ts';

/*
 * The `route` section of banyan.yaml.
 */

const textSources = {
  cookie: Type.Optional(text('header-name', 'The value of this cookie.')),
  header: Type.Optional(text('header-name', 'The value of this request header.')),
  jwt: Type.Optional(text('text', 'This claim of the bearer token. The signature is not checked: let nobody through whom the sides would refuse.')),
  query: Type.Optional(text('text', 'The value of this parameter of the URL.')),
};

const method = () => choice(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'], 'An HTTP method.');
const patterns = (of: string) =>
  Type.Record(Type.String(), text('text', 'The whole text; `*` in it stands for any text, also none.'), { minProperties: 1, format: 'text', description: `${of} that must be there, with their texts. All must fit.` });

/** The requests that belong to a service. */
export const matchSchema = listOf(
  section({
    path: text('path-pattern', 'A path; `*` and `{name}` stand for one segment, a final `/**` for the path itself and everything below.'),
    methods: Type.Optional(listOf(method(), 'The methods that match. Default: all.', { minItems: 1 })),
    hosts: Type.Optional(listOf(text('host-pattern', 'A host, without its port; `*.` before it: every name below.'), 'The hosts that match. Default: all.', { minItems: 1 })),
    headers: Type.Optional(patterns('Headers')),
    query: Type.Optional(patterns('Parameters of the URL')),
  }),
  'The requests that belong to this service.',
  { default: [] },
);

/** How a service's users are shared between the sides. */
export const routingSchema = section(
  {
    strategy: choice(['percentage', 'canary', 'blue-green', 'variants', 'flag'], 'How it is steered: `blue-green` refuses what is neither 0 nor 100 %, `flag` follows an outside feature flag.', { default: 'percentage' }),
    allow: listOf(text('text', "A user's key."), 'Users who are always served by the service.', { default: [] }),
    deny: listOf(text('text', "A user's key."), 'Users who are always served by the monolith. They win over `allow`.', { default: [] }),
    rules: listOf(
      section({
        when: section(
          {
            tenant: Type.Optional(listOf(text('text', 'A tenant; `*` stands for any text.'), 'One of these, as `route.tenant` finds it.', { minItems: 1 })),
            region: Type.Optional(listOf(text('text', 'A region; `*` stands for any text.'), 'One of these, as `route.region` finds it.', { minItems: 1 })),
            hosts: Type.Optional(listOf(text('host-pattern', 'A host, without its port; `*.` before it: every name below.'), 'One of these hosts.', { minItems: 1 })),
            path: Type.Optional(text('path-pattern', 'A path, as in `match`.')),
            methods: Type.Optional(listOf(method(), 'One of these methods.', { minItems: 1 })),
            headers: Type.Optional(patterns('Headers')),
            query: Type.Optional(patterns('Parameters of the URL')),
          },
          { minProperties: 1, description: 'What the requests have in common; everything named must hold.' },
        ),
        percent: Type.Number({ minimum: 0, maximum: 100, description: 'Of those, so many are served by the service, by the same buckets as all others.' }),
      }),
      'The first that fits decides instead of the percentage.',
      { default: [] },
    ),
    experiment: Type.Optional(text('text', "Names the hash that shares users out between variants. Default: the service's name.")),
    variants: Type.Record(
      Type.String(),
      section({
        upstream: text('http-url', "The deployment's HTTP side. All variants work on the service's database."),
        weight: Type.Number({ minimum: 0, default: 1, description: 'Its share of the users whom the service serves, relative to the other variants.' }),
      }),
      { default: {}, format: 'name', description: 'Several deployments of the service beside each other, by name. Without any, `upstream` serves all.' },
    ),
    schedule: listOf(
      section(
        {
          percent: Type.Number({ minimum: 0, maximum: 100, description: 'What the step raises (or lowers) the share to.' }),
          at: Type.Optional(text('moment', 'Not before this time: with an offset or Z, or without, by the clock of `timezone`.')),
          after: Type.Optional(text('time-span', 'Not before so much time has passed since the step before (the first: since the schedule began).')),
          timezone: text('timezone', 'Whose clock `at` is of.', { default: 'UTC' }),
        },
      ),
      'The steps of a rollout, which `banyan route set SERVICE --scheduled` begins.',
      { default: [] },
    ),
    flag: Type.Optional(
      section(
        {
          provider: text('module', 'A module whose default export is an OpenFeature provider, or a function that makes one; relative to this file.'),
          key: text('text', "The flag's key. A number is a percentage, true 100, false 0, a mapping `{percent, allow, deny}`."),
          everyMs: whole('Milliseconds between two looks; a provider that tells of changes is asked at once as well.', { minimum: 50, default: 5000 }),
        },
        { description: 'The outside flag that the strategy `flag` follows.' },
      ),
    ),
  },
  { default: {}, description: "How the service's users are shared between the sides, when nothing was decided yet and beside the percentage." },
);

export const routeSchema = section(
  {
    listen: text('listen-address', 'Where clients connect.', { default: '127.0.0.1:8080' }),
    admin: text('listen-address', 'Where `banyan route …` connects, and where /metrics, /healthz and /readyz are.', { default: '127.0.0.1:8081' }),
    adminToken: Type.Optional(text('text', 'What callers of `admin` send as `Authorization: Bearer …`, for all but /healthz and /readyz. Needed where it listens beyond this machine; take it from the environment.')),
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
            network: Type.Optional(
              section(
                {
                  v4: Type.Integer({ minimum: 8, maximum: 32, default: 24, description: 'Leading bits of an IPv4 address.' }),
                  v6: Type.Integer({ minimum: 16, maximum: 128, default: 64, description: 'Leading bits of an IPv6 address.' }),
                },
                { description: "The network of the client's address: one key for everybody in it, which stays when the address changes within it." },
              ),
            ),
          },
          { minProperties: 1, maxProperties: 1 },
        ),
      ]),
      { minItems: 1, default: ['ip'], description: 'What tells users apart, best first: the first that a request has decides its side.' },
    ),
    tenant: listOf(section(textSources, { minProperties: 1, maxProperties: 1 }), 'Where a request says to which tenant it belongs, best first. Rules and flags ask.', { default: [] }),
    region: listOf(
      section(
        {
          ...textSources,
          networks: Type.Optional(
            Type.Record(Type.String(), listOf(text('network', 'A network, or one address.'), 'The networks of a region.', { minItems: 1 }), {
              minProperties: 1, format: 'text', description: "Regions by the client's address; the first with a network that has it.",
            }),
          ),
        },
        { minProperties: 1, maxProperties: 1 },
      ),
      'Where a request says which region it comes from, best first.',
      { default: [] },
    ),
    shadow: shadowSchema,
    rollback: rollbackSchema,
    gradual: gradualSchema,
    load: loadSchema,
    fence: section(
      { timeoutMs: whole('Milliseconds a user waits for the other side to catch up: longer than a sync worker needs to be replaced. After that he is not moved; one who changes sides between two requests is served.', { minimum: 1, default: 10_000 }) },
      { default: {}, description: 'The wait that keeps a moved user from reading the past.' },
    ),
    ...listenerSchema,
    timeouts: section(
      {
        connectMs: whole('Milliseconds to connect to a side.', { minimum: 1, default: 2000 }),
        headersMs: whole('Milliseconds until a side has sent its headers.', { minimum: 1, default: 30_000 }),
        bodyMs: whole('Milliseconds between two pieces of a body.', { minimum: 1, default: 300_000 }),
        continueMs: whole('Milliseconds that a side is given to say that it wants a body (`Expect: 100-continue`); then it is sent anyway.', { minimum: 1, default: 1000 }),
        idleMs: whole('Milliseconds that an unused connection to a side is kept: less than the side keeps it.', { minimum: 1, default: 4000 }),
        drainMs: whole('Milliseconds that requests under way are given when the router stops.', { minimum: 0, default: 10_000 }),
      },
      { default: {}, description: 'How long the router waits.' },
    ),
    planes: listOf(
      section({
        kind: choice(['haproxy'], 'What it is.'),
        socket: text('file', 'Its runtime socket; relative to this file.'),
        map: text('file', 'The `banyan.map` that it reads; relative to this file.'),
        moves: choice(['router', 'direct'], '`router`: users who move go through `route serve`, which holds them for the fence. `direct`: they move at once, and may read the past for as long as sync lags.', { default: 'router' }),
      }),
      "Running proxies of `route export` whose shares `route set` changes too.",
      { default: [] },
    ),
    tracing: Type.Boolean({ default: false, description: 'Give every request an OpenTelemetry span, by `@opentelemetry/api`. The SDK that takes them is yours: `NODE_OPTIONS=--import ./tracing.js`.' }),
    pathOverride: Type.Optional(
      text('http-path', 'A path below which testers pick the side, such as /-side: /-side/service/api/users/1 is /api/users/1 of the service. Default: none, nobody can choose.'),
    ),
    headerOverride: Type.Optional(
      text('header-name', 'A request header that picks the side (`monolith` or `service`), for testers. Default: none, nobody can choose.'),
    ),
  },
  { description: 'Who is served by which side.' },
);
