import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { RouteConfig, ServiceConfig } from '../config/config.ts';
import { parseListenAddress, type ListenAddress } from '../config/formats.ts';
import { routeConfig } from '../config/resolve.ts';
import { BanyanError, messageOf } from '../core/errors.ts';
import { Haproxy } from '../dataplane/haproxy/haproxy.ts';
import { replaceFile } from '../dataplane/replace-file.ts';
import type { DataPlane, PlanePlan, PlaneRoute } from '../ports/data-plane.ts';
import type { RouteDecision } from '../model/route-decision.ts';
import { parseTemplate } from '../route/path-template.ts';
import { PostgresRouteStore } from '../state/route-store.ts';
import type { RouteExportOptions, RouteExportResult, RouteFormat } from './route-export-types.ts';
import { beginningOfService } from './route-decision.ts';
import type { Session } from './session.ts';

const DEFAULT_LISTEN: ListenAddress = { host: '127.0.0.1', port: 8000 };
const DEFAULT_SOCKET = '/run/haproxy/banyan.sock';

/** `banyan route export`: the routes of the configuration, with the shares of the store, for another proxy. */
export async function exportRoutes(session: Session, options: RouteExportOptions): Promise<RouteExportResult> {
  const rendering = planeOf(options.format).render(await planOf(session, options));
  const files: string[] = [];
  for (const { path, content } of rendering.files) {
    const file = join(options.outDir, path);
    try {
      await mkdir(dirname(file), { recursive: true });
      await replaceFile(file, content);
    } catch (error) {
      throw new BanyanError('BANYAN_FILE', { message: `${file} could not be written: ${messageOf(error)}`, cause: error });
    }
    files.push(file);
  }
  return { format: options.format, files, notes: rendering.notes };
}

function planeOf(format: RouteFormat): DataPlane {
  if (format === 'haproxy') return new Haproxy({ socket: DEFAULT_SOCKET });
  throw new BanyanError('BANYAN_NOT_AVAILABLE', { message: `banyan route export --format ${format} is not available yet.` });
}

async function planOf(session: Session, { listen, bucketHeader, direct }: RouteExportOptions): Promise<PlanePlan> {
  const route = routeConfig(session.config);
  const address = listen === undefined ? DEFAULT_LISTEN : parseListenAddress(listen);
  if (address === undefined) {
    throw new BanyanError('BANYAN_USAGE', { message: `--listen ${listen} is no address; expected host:port such as 0.0.0.0:8000.` });
  }
  return {
    listen: address,
    monolith: route.monolith,
    ...(direct ? {} : { router: reachable(route.listen) }),
    key: keysOf(route),
    routes: await routesOf(session),
    shadowPercent: route.shadow.percent,
    ...(route.headerOverride === undefined ? {} : { overrideHeader: route.headerOverride }),
    ...(bucketHeader === undefined ? {} : { bucketHeader }),
    timeouts: { connectMs: route.timeouts.connectMs, headersMs: route.timeouts.headersMs },
  };
}

/** Where to connect to what listens there. */
function reachable({ host, port }: RouteConfig['listen']): string {
  const name = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}`;
}

/** The shares are those that were decided: a guessed one could move users back. */
async function routesOf(session: Session): Promise<PlaneRoute[]> {
  const store = new PostgresRouteStore({ pool: session.statePool, clock: session.context.clock });
  await store.install();
  const states = new Map((await store.load()).map((state) => [state.service, state]));
  return [...session.config.services.values()].flatMap((service) => {
    const decided = states.get(service.name) ?? { percent: 0, decision: beginningOfService(service) };
    demandPercentageOnly(service, decided.decision);
    return routeOf(service, decided.decision.pinned === 'monolith' ? 0 : decided.percent);
  });
}

function routeOf({ name, upstream, match, adapt }: ServiceConfig, percent: number): PlaneRoute[] {
  if (upstream === undefined) return [];
  return [
    {
      service: name, upstream, percent,
      match: match.map(({ path, methods }) => ({ path: parseTemplate(path), methods: methods ?? null })),
      adapt: adapt.map(({ from, to }) => ({ from: parseTemplate(from), to: parseTemplate(to) })),
    },
  ];
}

/** A plane that left out whom a list or a rule sends elsewhere would serve those users from the wrong side. */
function demandPercentageOnly({ name, match }: ServiceConfig, { allow, deny, rules, variants }: RouteDecision): void {
  const said = [
    [allow.length > 0 || deny.length > 0, 'allow and deny lists'], [rules.length > 0, 'rules'], [variants.length > 0, 'variants'],
    [match.some(({ hosts, headers, query }) => hosts ?? headers ?? query), 'hosts, headers or parameters in its match'],
  ].flatMap(([present, what]) => (present === true ? [what] : []));
  if (said.length > 0) throw new BanyanError('BANYAN_NOT_AVAILABLE', { message: `The route of ${name} has ${said.join(', ')}, which another proxy is not told of yet; the embedded router serves it.` });
}

function keysOf({ key }: RouteConfig): PlanePlan['key'] {
  return key.map((source) => {
    if (typeof source !== 'object' || !('network' in source)) return source;
    throw new BanyanError('BANYAN_NOT_AVAILABLE', { message: 'A key by network (route.key) is not available in another proxy yet; the embedded router has it.' });
  });
}
