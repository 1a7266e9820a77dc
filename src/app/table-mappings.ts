import { isAbsolute } from 'node:path';
import { pathToFileURL } from 'node:url';
import type pg from 'pg';
import type { Config, ServiceConfig, TableConfig } from '../config/config.ts';
import { BanyanError, messageOf } from '../core/errors.ts';
import { checkMapping } from '../model/check-mapping.ts';
import type { Schema } from '../model/schema.ts';
import type { RowFunction, RowFunctions, TableMapping } from '../model/table-mapping.ts';
import { PostgresIntrospector } from '../postgres/catalog/introspector.ts';

/** How a service's tables and the monolith's belong together, with what was looked up to know it. */
export interface LoadedMappings {
  readonly mappings: readonly TableMapping[];
  /**
   * Holds the mappings against the service's tables, which have to exist by now.
   * @throws BANYAN_MAPPING with everything that does not fit.
   */
  readonly checkService: (service: pg.Pool) => Promise<void>;
}

/**
 * The mappings of a service: modules loaded, the monolith's columns read.
 * @throws BANYAN_MAPPING with everything that does not fit the monolith's tables, or has no way back though the mode needs one.
 */
export async function loadMappings(options: {
  readonly config: Pick<Config, 'file' | 'sync'>;
  readonly service: ServiceConfig;
  readonly monolith: pg.Pool;
}): Promise<LoadedMappings> {
  const { config, service } = options;
  if (service.tables.every(isUnchanged)) {
    return { mappings: service.tables.map((table) => mappingOf(table, undefined)), checkService: async () => {} };
  }
  const tables = [...new Set(service.tables.map((table) => table.table))];
  const monolith = await new PostgresIntrospector({ pool: options.monolith }).readSchema({ tables });
  const version = await serverVersion(options.monolith);
  const mappings: TableMapping[] = [];
  for (const table of service.tables) {
    const functions = table.transform === undefined ? undefined : await loadFunctions(table, table.transform, monolith);
    const first = mappings.some((mapping) => mapping.service === table.as);
    mappings.push({ ...mappingOf(table, functions), ...(first ? { part: true } : {}) });
  }
  const back = config.sync.mode !== 'monolith-to-service';
  const check = (there: Schema | undefined): void => {
    const issues = mappings.flatMap((mapping, index) => {
      const joined = mappings.filter((other) => other.service === mapping.service).length > 1;
      const found = checkMapping(mapping, { monolith, ...(there ? { service: there } : {}), back, version, joined });
      return found.map((issue) => `${config.file}: services.${service.name}.tables[${index}]${issue.key === '' ? '' : `.${issue.key}`}: found ${issue.found}; expected ${issue.expected}.`);
    });
    if (issues.length > 0) throw new BanyanError('BANYAN_MAPPING', { message: issues.join('\n') });
  };
  check(undefined);
  return {
    mappings,
    checkService: async (pool) => check(await new PostgresIntrospector({ pool }).readSchema()),
  };
}

const isUnchanged = (table: TableConfig): boolean =>
  table.columns === undefined && table.computed === undefined && table.where === undefined && table.transform === undefined && table.as === table.table;

function mappingOf(table: TableConfig, functions: RowFunctions | undefined): TableMapping {
  return {
    monolith: table.table, service: table.as,
    ...(table.columns ? { columns: table.columns } : {}),
    ...(table.computed ? { computed: table.computed } : {}),
    ...(table.where === undefined ? {} : { where: table.where }),
    ...(functions ? { functions } : {}),
  };
}

async function loadFunctions({ table }: TableConfig, module: string, monolith: Schema): Promise<RowFunctions> {
  const loaded = await loadModule(module);
  const columns = monolith.tables.find(({ name }) => name === table)?.columns ?? [];
  const toService = functionOf(loaded, 'toService');
  const toMonolith = functionOf(loaded, 'toMonolith');
  return {
    reads: columns.filter((column) => column.generated === undefined).map((column) => column.name),
    ...(toService ? { toService } : {}),
    ...(toMonolith ? { toMonolith } : {}),
  };
}

async function loadModule(module: string): Promise<unknown> {
  try {
    return await import(isAbsolute(module) ? pathToFileURL(module).href : module);
  } catch (error) {
    throw new BanyanError('BANYAN_MAPPING', { message: `The transform module ${module} could not be loaded: ${messageOf(error)}`, cause: error });
  }
}

function functionOf(loaded: unknown, name: 'toService' | 'toMonolith'): RowFunction | undefined {
  const found: unknown = typeof loaded === 'object' && loaded !== null ? Reflect.get(loaded, name) : undefined;
  // What it gives is looked at each time it is called.
  return typeof found === 'function' ? (found as RowFunction) : undefined;
}

async function serverVersion(pool: pg.Pool): Promise<number> {
  const found = await pool.query<{ version: string }>("SELECT current_setting('server_version_num') AS version");
  return Number(found.rows[0]?.version);
}
