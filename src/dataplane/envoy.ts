import { stringify } from 'yaml';
import type { DataPlane, PlanePlan, PlaneRendering } from '../ports/data-plane.ts';
import { checkPlan, originOf } from './check-plan.ts';
import { entriesOf, type Entry, type EntryMatch } from './entries.ts';
import { luaBucket } from './lua-bucket.ts';
import { adaptedPath, templateRegex } from './path-regex.ts';

/** Where the bucket stands between the filter that computes it and the routes that compare it. */
export const BUCKET_HEADER = 'x-banyan-bucket';

/** Long lines stay whole, and what is said twice is written twice: not every reader follows references. */
export const YAML = { lineWidth: 0, aliasDuplicateObjects: false } as const;

const type = (name: string): string => `type.googleapis.com/envoy.${name}`;

/**
 * Envoy, from files: `envoy.yaml` to start with, `routes.yaml` with the shares, which Envoy reads again
 * whenever another file is renamed to it. All routes are one resource, so they change at one moment.
 */
export class Envoy implements DataPlane {
  render(plan: PlanePlan): PlaneRendering {
    checkPlan(plan);
    return {
      files: [
        { path: 'envoy.yaml', content: bootstrap(plan) },
        { path: 'routes.yaml', content: routes(plan) },
      ],
      notes: [
        'Envoy reads routes.yaml only when a file is renamed to it, as this command does; a file that is written in place goes unseen. Start Envoy in the folder of both.',
        'Envoy holds no request for the fence: a user who is moved may read what was true before his last write, for as long as sync lags. The causal barrier, the fallback to the monolith and automatic rollback are in the router of Banyan only.',
        ...(plan.router !== undefined && plan.shadowPercent > 0
          ? ["Envoy samples by chance, not by the request's id. The router compares its own share of what it is sent: give the one behind Envoy `shadow: { percent: 100 }`."]
          : []),
      ],
    };
  }
}

function routes(plan: PlanePlan): string {
  const header = plan.bucketHeader ?? BUCKET_HEADER;
  const configuration = {
    '@type': type('config.route.v3.RouteConfiguration'),
    name: 'banyan',
    request_headers_to_remove: [...new Set([header, 'x-banyan-side', 'x-banyan-shadow'])],
    virtual_hosts: [
      {
        name: 'banyan',
        domains: ['*'],
        routes: [
          ...entriesOf(plan).flatMap((entry) => entry.matches.flatMap((match) => routesOf(entry, match, header))),
          { name: 'monolith', match: { prefix: '/' }, route: { cluster: 'monolith', timeout: '0s' } },
        ],
      },
    ],
  };
  return stringify({ resources: [configuration] }, YAML);
}

const regex = (text: string): object => ({ regex: text });

function routesOf(entry: Entry, { path, methods }: EntryMatch, bucketHeader: string): object[] {
  const { name, to, service, header, buckets, sampled, adapter } = entry;
  const headers = [
    ...(methods === null ? [] : [{ name: ':method', string_match: { safe_regex: regex(methods.join('|')) } }]),
    ...(header === undefined ? [] : [{ name: header.name, string_match: { exact: header.value } }]),
    ...(buckets === undefined ? [] : [{ name: bucketHeader, range_match: { start: buckets.from, end: buckets.to } }]),
  ];
  const match = { safe_regex: regex(`${templateRegex(path)}$`), ...(headers.length > 0 ? { headers } : {}) };
  const rewrite = adapter === undefined
    ? {}
    : { regex_rewrite: { pattern: regex(`${templateRegex(adapter.from, () => '([^/]+)', '((?:/.*)?)')}$`), substitution: substitution(adapter) } };
  const plain = {
    name,
    match,
    route: { cluster: to === 'service' ? `service-${service}` : to, timeout: '0s', ...rewrite },
    ...(to === 'router' ? {} : { response_headers_to_add: [{ header: { key: 'x-banyan-side', value: to }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' }] }),
  };
  if (sampled === 0) return [plain];
  const fraction = { default_value: { numerator: sampled, denominator: 'TEN_THOUSAND' }, runtime_key: `banyan.shadow.${service}` };
  return [{ name: `${name}-sample`, match: { ...match, runtime_fraction: fraction }, route: { cluster: 'router', timeout: '0s' } }, plain];
}

/** With `\1` for the first parameter of the client's path, in the order of their segments. */
export function substitution({ from, to }: NonNullable<Entry['adapter']>): string {
  const parameters = from.segments.map((literal) => literal === null);
  const group = (segment: number): number => parameters.slice(0, segment + 1).filter(Boolean).length;
  return adaptedPath(from, to)
    .map((part) => (part === null ? `\\${parameters.filter(Boolean).length + 1}` : typeof part === 'number' ? `\\${group(part)}` : part))
    .join('');
}

function bootstrap(plan: PlanePlan): string {
  const { listen, timeouts } = plan;
  const lua = plan.bucketHeader === undefined
    ? [{
        name: 'banyan.bucket',
        typed_config: { '@type': type('extensions.filters.http.lua.v3.Lua'), default_source_code: { inline_string: luaBucket({ key: plan.key, header: BUCKET_HEADER }) } },
      }]
    : [];
  const manager = {
    '@type': type('extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'),
    stat_prefix: 'banyan',
    use_remote_address: true,
    stream_idle_timeout: '300s',
    upgrade_configs: [{ upgrade_type: 'websocket' }],
    rds: { route_config_name: 'banyan', config_source: { resource_api_version: 'V3', path_config_source: { path: 'routes.yaml' } } },
    http_filters: [...lua, { name: 'envoy.filters.http.router', typed_config: { '@type': type('extensions.filters.http.router.v3.Router') } }],
  };
  const listener = {
    name: 'banyan',
    address: address(listen),
    filter_chains: [{ filters: [{ name: 'envoy.filters.network.http_connection_manager', typed_config: manager }] }],
  };
  const upstreams: [string, string][] = [
    ['monolith', plan.monolith],
    ...plan.routes.map((route): [string, string] => [`service-${route.service}`, route.upstream]),
    ...(plan.router === undefined ? [] : ([['router', plan.router]] as [string, string][])),
  ];
  const clusters = upstreams.map(([name, url]) => cluster(name, url, timeouts.connectMs));
  const content = { node: { id: 'banyan', cluster: 'banyan' }, static_resources: { listeners: [listener], clusters } };
  return `# Written by \`banyan route export --format envoy\`. The shares stand in routes.yaml.\n${stringify(content, YAML)}`;
}

const address = ({ host, port }: { readonly host: string; readonly port: number }): object => ({ socket_address: { address: host, port_value: port } });

function cluster(name: string, url: string, connectMs: number): object {
  const origin = originOf(url, name);
  const trusted = { trusted_ca: { filename: '/etc/ssl/certs/ca-certificates.crt' }, match_typed_subject_alt_names: [{ san_type: 'DNS', matcher: { exact: origin.host } }] };
  return {
    name,
    type: 'STRICT_DNS',
    connect_timeout: `${connectMs / 1000}s`,
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint: { address: address(origin) } }] }] },
    ...(origin.secure
      ? { transport_socket: { name: 'envoy.transport_sockets.tls', typed_config: { '@type': type('extensions.transport_sockets.tls.v3.UpstreamTlsContext'), sni: origin.host, common_tls_context: { validation_context: trusted } } } }
      : {}),
  };
}
