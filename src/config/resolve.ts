import { dirname, resolve } from 'node:path';
import { BanyanError, invariant } from '../core/errors.ts';
import { instantOf, parseMoment, parseTimeSpan } from '../core/time-text.ts';
import { parseTableName } from '../model/names.ts';
import { resolveTrigger } from './trigger-rules.ts';
import type { ConfigFile } from './schema.ts';
import type { Config, ConflictChoice, KeySource, RouteConfig, RoutingConfig, ServiceConfig, TableConfig, TextSource } from './config.ts';
import { parseListenAddress, type ListenAddress } from './formats.ts';
import { nearest } from '../core/nearest.ts';

/** Brands names, reads addresses and resolves module paths of a file that has passed every check. */
export function resolveConfig(file: string, content: ConfigFile): Config {
  const modulePath = (module: string) => (/^\.{0,2}\//.test(module) ? resolve(dirname(file), module) : module);
  const { monolith, services, sync, validate, route, analyze, runbook, check, state, metrics, log } = content;
  return {
    file,
    monolith,
    services: new Map(Object.entries(services).map(([name, service]) => [name, resolveService(name, service, modulePath)])),
    sync: {
      ...sync,
      memory: {
        ...sync.memory,
        ...(sync.memory.spoolDirectory === undefined ? {} : { spoolDirectory: resolve(dirname(file), sync.memory.spoolDirectory) }),
      },
      conflicts: {
        clockSkewToleranceMs: sync.conflicts.clockSkewToleranceMs,
        default: conflictChoice(sync.conflicts.default, sync.conflicts.module, modulePath),
        tables: new Map(
          Object.entries(sync.conflicts.tables).map(([name, choice]) => [parseTableName(name), tableChoice(choice, modulePath)]),
        ),
      },
    },
    validate: resolveValidate(validate),
    ...(route === undefined ? {} : { route: resolveRoute(route, (path) => resolve(dirname(file), path)) }),
    analyze,
    runbook,
    check: check.rules === undefined ? {} : { rules: resolve(dirname(file), check.rules) },
    state: { url: state.url ?? monolith.url },
    metrics: metrics.listen === undefined ? {} : { listen: listenAddress(metrics.listen) },
    log,
  };
}

/**
 * The service of that name.
 * @throws BANYAN_SERVICE_UNKNOWN with the names there are.
 */
export function serviceConfig(config: Config, name: string): ServiceConfig {
  const service = config.services.get(name);
  if (service !== undefined) return service;
  const names = [...config.services.keys()];
  const near = nearest(name, names);
  throw new BanyanError('BANYAN_SERVICE_UNKNOWN', {
    message: `${config.file} has no service "${name}"; it has ${names.length === 0 ? 'none' : names.join(', ')}.${
      near === undefined ? '' : ` Did you mean "${near}"?`
    }`,
  });
}

/**
 * The `route` section, for what cannot do without it.
 * @throws BANYAN_CONFIG if the file has none.
 */
export function routeConfig(config: Config): RouteConfig {
  if (config.route !== undefined) return config.route;
  throw new BanyanError('BANYAN_CONFIG', {
    message: `${config.file}: found no route; expected route with the monolith's HTTP address: route: { monolith: "http://127.0.0.1:3000" }.`,
  });
}

type ModulePath = (module: string) => string;

function resolveService(name: string, service: ConfigFile['services'][string], modulePath: ModulePath): ServiceConfig {
  return {
    ...service, name,
    tables: service.tables.map((entry) => resolveTable(entry, modulePath)),
    routing: resolveRouting(service.routing, modulePath),
  };
}

function resolveRouting(routing: ConfigFile['services'][string]['routing'], modulePath: ModulePath): RoutingConfig {
  const { schedule, flag, ...rest } = routing;
  return {
    ...rest,
    schedule: schedule.map(({ percent, at, after, timezone }) => {
      const moment = at === undefined ? undefined : parseMoment(at);
      const afterSeconds = after === undefined ? undefined : parseTimeSpan(after);
      return {
        percent,
        ...(moment === undefined ? {} : { at: new Date(instantOf(moment, timezone)).toISOString() }),
        ...(afterSeconds === undefined ? {} : { afterSeconds }),
      };
    }),
    ...(flag === undefined ? {} : { flag: { ...flag, provider: modulePath(flag.provider) } }),
  };
}

function resolveTable(entry: ConfigFile['services'][string]['tables'][number], modulePath: ModulePath): TableConfig {
  if (typeof entry === 'string') return { table: parseTableName(entry), as: parseTableName(entry) };
  const { transform, columns, ...rest } = entry;
  return {
    ...rest,
    ...resolveColumns(columns),
    table: parseTableName(entry.table),
    as: parseTableName(entry.as ?? entry.table),
    ...(transform === undefined ? {} : { transform: modulePath(transform) }),
  };
}

type FileColumns = Extract<ConfigFile['services'][string]['tables'][number], { readonly table: string }>['columns'];

function resolveColumns(columns: FileColumns): Pick<TableConfig, 'columns' | 'computed'> {
  if (columns === undefined) return {};
  if (Array.isArray(columns)) return { columns: columns.map((name) => ({ monolith: name, service: name })) };
  const entries = Object.entries(columns).map(([service, column]) => ({ service, ...(typeof column === 'string' ? { from: column } : column) }));
  const computed = entries.flatMap(({ service, compute, type }) => (compute === undefined || type === undefined ? [] : [{ service, type, expression: compute }]));
  return {
    columns: entries
      .filter(({ compute }) => compute === undefined)
      .map(({ service, from, type, values }) => ({
        monolith: from ?? service, service,
        ...(type === undefined ? {} : { type }),
        ...(values === undefined ? {} : { values: new Map(Object.entries(values)) }),
      })),
    ...(computed.length > 0 ? { computed } : {}),
  };
}

/** What belongs to which strategy has passed the checks of the configuration. */
function tableChoice({ strategy, module, columns, column }: ConfigFile['sync']['conflicts']['tables'][string], modulePath: ModulePath): ConflictChoice {
  if (strategy === 'add-up') return { strategy, columns: columns ?? [] };
  if (strategy === 'latest-by-column') return { strategy, column: column ?? '' };
  return conflictChoice(strategy, module, modulePath);
}

function conflictChoice(strategy: Config['sync']['conflicts']['default']['strategy'], module: string | undefined, modulePath: ModulePath): Config['sync']['conflicts']['default'] {
  if (strategy !== 'custom') return { strategy };
  invariant(module !== undefined, 'The strategy custom without a module has passed the checks of the configuration.');
  return { strategy, module: modulePath(module) };
}

/** Names of tables as every other room spells them. */
function resolveValidate(validate: ConfigFile['validate']): Config['validate'] {
  const { schedules, alerts } = validate;
  return {
    ...validate,
    schedules: schedules.map(({ tables, ...schedule }) => ({ ...schedule, ...(tables === undefined ? {} : { tables: tables.map(parseTableName) }) })),
    alerts: { ...alerts, tables: Object.fromEntries(Object.entries(alerts.tables).map(([name, below]) => [parseTableName(name), below])) },
  };
}

type FileRoute = NonNullable<ConfigFile['route']>;

function resolveRoute(route: FileRoute, filePath: (path: string) => string): RouteConfig {
  const { triggers, ...rollback } = route.rollback;
  return {
    ...route,
    ...(route.tls === undefined ? {} : { tls: withPaths(route.tls, filePath) }),
    ...(route.upstreamTls === undefined ? {} : { upstreamTls: resolveUpstreamTls(route.upstreamTls, filePath) }),
    listen: listenAddress(route.listen),
    admin: listenAddress(route.admin),
    key: route.key.map(keySource),
    planes: route.planes.map((plane) => ({ ...plane, socket: filePath(plane.socket), map: filePath(plane.map) })),
    tenant: route.tenant.map(textSource),
    region: route.region.map((entry) => (entry.networks === undefined ? textSource(entry) : { networks: entry.networks })),
    rollback: { ...rollback, ...(triggers === undefined ? {} : { triggers: triggers.map(resolveTrigger) }) },
  };
}

function resolveUpstreamTls({ serverName, verify, ...files }: NonNullable<FileRoute['upstreamTls']>, filePath: (path: string) => string): NonNullable<RouteConfig['upstreamTls']> {
  return { ...withPaths(files, filePath), ...(serverName === undefined ? {} : { serverName }), verify };
}

/** The same with files where they are, seen from the configuration. */
function withPaths<T extends Readonly<Record<string, string | undefined>>>(files: T, filePath: (path: string) => string): T {
  const entries = Object.entries(files).flatMap(([name, file]) => (file === undefined ? [] : [[name, filePath(file)] as const]));
  return { ...files, ...Object.fromEntries(entries) };
}

function keySource(entry: FileRoute['key'][number]): KeySource {
  if (typeof entry === 'string') return entry;
  return entry.network === undefined ? textSource(entry) : { network: entry.network };
}

function textSource({ cookie, header, jwt, query }: FileRoute['tenant'][number]): TextSource {
  if (cookie !== undefined) return { cookie };
  if (header !== undefined) return { header };
  if (jwt !== undefined) return { jwt };
  invariant(query !== undefined, 'A source without a name has passed the checks of the configuration.');
  return { query };
}

function listenAddress(text: string): ListenAddress {
  const address = parseListenAddress(text);
  invariant(address !== undefined, `The address ${text} has passed the checks of the configuration.`);
  return address;
}
