import type { DataPlane, PlaneKey, PlanePlan, PlaneRendering, PlaneRoute } from '../ports/data-plane.ts';
import { belowRegex } from './below-regex.ts';
import { bucketsOf, checkPlan, hostPort, originOf, unsupported } from './check-plan.ts';
import { adaptedPath, methodsOf, templateRegex } from './path-regex.ts';

/** Everything up to the query, which the expressions of paths end before. */
const QUERY = '(?:\\?.*)?$';

/**
 * NGINX, as it comes: `split_clients` hashes the user's key by MurmurHash2, so its buckets are not the
 * router's, but a raised share moves nobody back there either. With a bucket header they are the same.
 */
export class Nginx implements DataPlane {
  render(plan: PlanePlan): PlaneRendering {
    checkPlan(plan);
    return {
      files: [
        { path: 'nginx.conf', content: MAIN },
        { path: 'banyan.conf', content: config(plan) },
      ],
      notes: [
        ...(plan.bucketHeader === undefined
          ? ["NGINX's split_clients hashes by MurmurHash2: its users are not those that Banyan's router, HAProxy or Envoy would move. Do not serve one user by both, and do not go from one to the other in the middle of a rollout. With --bucket-header they are the same."]
          : [`The header ${plan.bucketHeader} is trusted. Whoever sets it has to replace what clients send there.`]),
        `A change takes a reload (\`nginx -s reload\`), which is not free: ${RELOAD_COST}. Take few, large steps, or HAProxy.`,
        'NGINX holds no request for the fence: a user who is moved may read what was true before his last write, for as long as sync lags and as old workers finish. The causal barrier, the fallback to the monolith and automatic rollback are in the router of Banyan only.',
        ...(plan.routes.some((route) => (route.movingUpTo ?? route.percent) > route.percent) ? ['Moving users are not sent through the router.'] : []),
        ...(plan.router !== undefined && plan.shadowPercent > 0
          ? ["NGINX samples by its own hash of the request's id. The router compares its own share of what it is sent: give the one behind NGINX `shadow: { percent: 100 }`."]
          : []),
      ],
    };
  }
}

/** By `npm run bench:nginx-reload`; docs/routing-planes.md says on what machine. */
const RELOAD_COST = '20 reloads under load broke 346 requests of 77,749 in one run and 182 of 43,112 in another, and as long a time without reloads none';

const MAIN = `# Written by \`banyan route export --format nginx\`. Or include banyan.conf in the http block of your own.
worker_processes auto;
events {
    worker_connections 4096;
}
http {
    access_log off;
    include banyan.conf;
}
`;

const map = (source: string, target: string, lines: readonly string[]): string => `map ${source} $${target} {\n${lines.map((line) => `    ${line};\n`).join('')}}\n`;

function config(plan: PlanePlan): string {
  const { routes, router, overrideHeader, shadowPercent } = plan;
  const sampled = router === undefined ? 0 : bucketsOf(shadowPercent);
  const asked = overrideHeader === undefined ? '""' : `$http_${variable(overrideHeader)}`;
  return [
    '# Written by `banyan route export --format nginx`.',
    `# Shares change by a reload, which is not free: ${RELOAD_COST}.`,
    'map_hash_bucket_size 128;',
    '# Whose request is it? The first expression that fits.',
    map('"$request_method $request_uri"', 'banyan_service', ['default ""', ...routes.flatMap((route) => route.match.map((rule) => `"~${methodsRegex(rule)} ${templateRegex(rule.path).slice(1)}${QUERY}" ${route.service}`))]),
    ...(plan.bucketHeader === undefined ? keyMaps(plan.key) : []),
    '# Which side?',
    ...routes.map((route, index) => shareOf(route, index, plan.bucketHeader)),
    map('$banyan_service', 'banyan_share', ['default monolith', ...routes.map(({ service }, index) => `${service} $banyan_share_${index}`)]),
    map(`"$banyan_service:${asked === '""' ? '' : asked}"`, 'banyan_side', ['default $banyan_share', '"~^:" monolith', '"~^.+:service$" service', '"~^.+:monolith$" monolith']),
    ...(sampled > 0 && sampled < 10_000 ? [`split_clients "$request_id" $banyan_sample {\n    ${(sampled / 100).toFixed(2)}% router;\n    * "";\n}\n`] : []),
    map(`"$request_method:$banyan_service:${asked === '""' ? '' : asked}:${sampled === 10_000 ? 'router' : sampled > 0 ? '$banyan_sample' : ''}"`, 'banyan_to', [
      'default "$banyan_side:$banyan_service"',
      ...(sampled > 0 ? ['"~^(?:GET|HEAD|OPTIONS):[^:]+:(?!monolith:|service:)[^:]*:router$" "router:"'] : []),
    ]),
    map('$banyan_to', 'banyan_upstream', [
      `default ${scheme(plan.monolith)}://banyan_monolith`,
      ...routes.map(({ service, upstream }) => `"service:${service}" ${scheme(upstream)}://banyan_service_${service}`),
      ...(router === undefined ? [] : ['"router:" http://banyan_router']),
    ]),
    map('"$banyan_to:$request_uri"', 'banyan_uri', ['default $request_uri', ...routes.flatMap(adapters)]),
    map('$banyan_to', 'banyan_answered', ['default monolith', '"~^service:" service', '"router:" ""']),
    map('$banyan_to', 'banyan_name', [
      `default "${originOf(plan.monolith, 'the monolith').host}"`,
      ...routes.map(({ service, upstream }) => `"service:${service}" "${originOf(upstream, service).host}"`),
    ]),
    map('$http_x_request_id', 'banyan_id', ['default $request_id', '"~^[A-Za-z0-9_.:/+=-]{1,128}$" $http_x_request_id']),
    map('$http_upgrade', 'banyan_connection', ['default upgrade', '"" ""']),
    upstreamBlock('monolith', plan.monolith),
    ...routes.map(({ service, upstream }) => upstreamBlock(`service_${service}`, upstream)),
    ...(router === undefined ? [] : [upstreamBlock('router', router)]),
    server(plan),
  ].join('\n');
}

/** A header's name as a part of a variable's. */
const variable = (name: string): string => name.toLowerCase().replaceAll('-', '_').replaceAll('.', '_');
const scheme = (url: string): string => (originOf(url, 'an upstream').secure ? 'https' : 'http');

function methodsRegex(rule: PlaneRoute['match'][number]): string {
  const methods = methodsOf(rule);
  return methods === null ? '^[A-Z]+' : `^(?:${methods.join('|')})`;
}

/** The chain from its end: each source that has a value takes the place of what comes after it. */
function keyMaps(chain: readonly PlaneKey[]): string[] {
  const sources: readonly PlaneKey[] = [...chain, { cookie: 'banyan-key' }];
  const last = sources.length;
  const maps = sources.map((source, index) => {
    const rest = index + 1 === last ? '""' : `$banyan_key_${index + 1}`;
    const name = `banyan_key_${index}`;
    if (source === 'ip') return map('$remote_addr', name, ['default $remote_addr']);
    if ('jwt' in source) return unsupported(`NGINX reads no claim of a token (${source.jwt}). Let somebody in front put it into a header, and use that as the key.`);
    if ('cookie' in source) {
        const first = `"~^(?:[^;]*;)*?[ \\t]*${source.cookie.replaceAll('.', '[.]')}[ \\t]*=[ \\t]*(?<banyan_value_${index}>[^;]*?)[ \\t]*(?:;|$)" $banyan_value_${index}`;
      return [
        map('$http_cookie', `banyan_cookie_${index}`, ['default ""', first]),
        map(`$banyan_cookie_${index}`, name, [`default $banyan_cookie_${index}`, `"" ${rest}`, `"~^\\x22(?<banyan_unquoted_${index}>.*)\\x22$" $banyan_unquoted_${index}`]),
      ].join('');
    }
    const from = 'header' in source ? source.header : source.query;
    if (!/^[A-Za-z0-9_-]+$/.test(from) || ('query' in source && from.includes('-'))) unsupported(`NGINX has no variable for ${from}; it takes letters, digits and _ (in headers - too).`);
    const value = 'header' in source ? `$http_${variable(from)}` : `$arg_${from}`;
    return map(value, name, [`default ${value}`, `"" ${rest}`]);
  });
  return [
    '# Who is the user?',
    ...maps.reverse(),
    map('"$banyan_service:$banyan_key_0"', 'banyan_anonymous', ['default ""', '"~^[^:]+:$" "banyan-key=$request_id; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax"']),
    map('$banyan_key_0', 'banyan_key', ['default $banyan_key_0', '"" $request_id']),
  ];
}

function shareOf({ percent }: PlaneRoute, index: number, bucketHeader: string | undefined): string {
  const name = `banyan_share_${index}`;
  const buckets = bucketsOf(percent);
  if (bucketHeader !== undefined) {
    const below = belowRegex(buckets);
    return map(`$http_${variable(bucketHeader)}`, name, ['default monolith', ...(below === undefined ? [] : [`"~${below}" service`])]);
  }
  // split_clients takes no part of 0 %.
  if (buckets === 0 || buckets === 10_000) return map('""', name, [`default ${buckets === 0 ? 'monolith' : 'service'}`]);
  return `split_clients "$banyan_key" $${name} {\n    ${(buckets / 100).toFixed(2)}% service;\n    * monolith;\n}\n`;
}

function adapters({ service, adapt }: PlaneRoute, route: number): string[] {
  return adapt.map(({ from, to }, index) => {
    const group = (segment: number | string): string => `banyan_${route}_${index}_${segment}`;
    const regex = templateRegex(from, (segment) => `(?<${group(segment)}>[^/?]+)`, `(?<${group('rest')}>(?:/[^?]*)?)`).slice(1);
    const path = adaptedPath(from, to).map((part) => (part === null ? `\${${group('rest')}}` : typeof part === 'number' ? `\${${group(part)}}` : part)).join('');
    return `"~^service:${service}:${regex}(?<${group('query')}>(?:\\?.*)?)$" "${path}\${${group('query')}}"`;
  });
}

const upstreamBlock = (name: string, url: string): string => `upstream banyan_${name} {\n    server ${hostPort(originOf(url, name))};\n    keepalive 64;\n}\n`;

function server({ listen, timeouts, overrideHeader, bucketHeader }: PlanePlan): string {
  const lines = [
    `listen ${hostPort(listen)};`,
    'location / {',
    '    proxy_pass $banyan_upstream$banyan_uri;',
    '    proxy_http_version 1.1;',
    '    proxy_set_header Host $http_host;',
    '    proxy_set_header Connection $banyan_connection;',
    '    proxy_set_header Upgrade $http_upgrade;',
    '    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;',
    '    proxy_set_header X-Forwarded-Proto $scheme;',
    '    proxy_set_header X-Forwarded-Host $http_host;',
    '    proxy_set_header X-Request-Id $banyan_id;',
    ...['x-banyan-side', 'x-banyan-shadow', ...(overrideHeader === undefined ? [] : [overrideHeader]), ...(bucketHeader === undefined ? [] : [bucketHeader])].map((name) => `    proxy_set_header ${name} "";`),
    '    proxy_ssl_server_name on;',
    '    proxy_ssl_name $banyan_name;',
    '    proxy_ssl_verify on;',
    '    proxy_ssl_verify_depth 3;',
    '    proxy_ssl_trusted_certificate /etc/ssl/certs/ca-certificates.crt;',
    `    proxy_connect_timeout ${timeouts.connectMs}ms;`,
    `    proxy_read_timeout ${timeouts.headersMs}ms;`,
    '    proxy_request_buffering off;',
    '    proxy_buffering off;',
    '    add_header x-banyan-side $banyan_answered always;',
    ...(bucketHeader === undefined ? ['    add_header set-cookie $banyan_anonymous always;'] : []),
    '}',
  ];
  return `server {\n${lines.map((line) => `    ${line}\n`).join('')}}\n`;
}
