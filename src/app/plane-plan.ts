import type { Config, RouteConfig, ServiceConfig } from '../config/config.ts';
import { parseListenAddress, type ListenAddress } from '../config/formats.ts';
import { routeConfig } from '../config/resolve.ts';
import { BanyanError } from '../core/errors.ts';
import type { RouteDecision } from '../model/route-decision.ts';
import type { PlaneKey, PlanePlan, PlaneRoute } from '../ports/data-plane.ts';
import type { RouteState } from '../ports/route-store.ts';
import { parseTemplate } from '../route/path-template.ts';
import { beginningOfService } from './route-decision.ts';
import type { RouteExportOptions } from './route-export-types.ts';

const DEFAULT_LISTEN: ListenAddress = { host: '127.0.0.1', port: 8000 };

/** The routes of a configuration, with the shares that were decided, for a proxy that is not Banyan's own. */
export function planOf(config: Config, states: readonly RouteState[], options: Pick<RouteExportOptions, 'listen' | 'bucketHeader' | 'router' | 'direct'>): PlanePlan {
  const { listen, bucketHeader, direct } = options;
  const router = options.router ?? reachable(routeConfig(config).listen);
  const route = routeConfig(config);
  const address = listen === undefined ? DEFAULT_LISTEN : parseListenAddress(listen);
  if (address === undefined) {
    throw new BanyanError('BANYAN_USAGE', { message: `--listen ${listen} is no address; expected host:port such as 0.0.0.0:8000.` });
  }
  const decided = new Map(states.map((state) => [state.service, state]));
  return {
    listen: address,
    monolith: route.monolith,
    ...(direct ? {} : { router }),
    key: route.key.map(keyOf),
    routes: [...config.services.values()].flatMap((service) => routeOf(service, decided.get(service.name))),
    shadowPercent: route.shadow.percent,
    ...(route.headerOverride === undefined ? {} : { overrideHeader: route.headerOverride }),
    ...(bucketHeader === undefined ? {} : { bucketHeader }),
    timeouts: { connectMs: route.timeouts.connectMs, headersMs: route.timeouts.headersMs },
  };
}

/**
 * The share that a decision comes to.
 * @throws BANYAN_PLANE_UNSUPPORTED if it is more than a share.
 */
export function percentOf(service: ServiceConfig, state: { readonly percent: number; readonly decision?: RouteDecision | undefined } | undefined): number {
  const { name } = service;
  // What nobody decided yet is as the configuration has it.
  const decision = state?.decision ?? beginningOfService(service);
  if (decision.pinned !== null) return decision.pinned === 'service' ? 100 : 0;
  const more = [
    ...(decision.allow.length > 0 || decision.deny.length > 0 ? ['lists of users'] : []),
    ...(decision.rules.length > 0 ? ['rules'] : []),
    ...(decision.variants.length > 0 ? ['variants'] : []),
  ];
  if (more.length === 0) return state?.percent ?? 0;
  throw unsupported(`${name} is decided by ${more.join(' and ')} besides its percentage, which other proxies are not told. Leave it behind Banyan's own router, or decide by a percentage alone.`);
}

/** Where to connect to what listens there. */
function reachable({ host, port }: RouteConfig['listen']): string {
  const name = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}`;
}

function routeOf(service: ServiceConfig, state: RouteState | undefined): PlaneRoute[] {
  const { name, upstream, match, adapt } = service;
  if (upstream === undefined) return [];
  for (const { hosts, headers, query } of match) {
    const more = hosts ?? headers ?? query;
    if (more !== undefined) throw unsupported(`${name} matches requests by host, header or parameter, which other proxies are not told. Match by path and method, or leave it behind Banyan's own router.`);
  }
  return [
    {
      service: name, upstream, percent: percentOf(service, state),
      match: match.map(({ path, methods }) => ({ path: parseTemplate(path), methods: methods ?? null })),
      adapt: adapt.map(({ from, to }) => ({ from: parseTemplate(from), to: parseTemplate(to) })),
    },
  ];
}

function keyOf(source: RouteConfig['key'][number]): PlaneKey {
  if (typeof source !== 'string' && 'network' in source) throw unsupported("A key by network is computed by Banyan's own router only.");
  return source;
}

function unsupported(message: string): BanyanError {
  return new BanyanError('BANYAN_PLANE_UNSUPPORTED', { message });
}
