import { isAbsolute } from 'node:path';
import { pathToFileURL } from 'node:url';
import type pg from 'pg';
import type { Config, ServiceConfig, TableConfig } from '../config/config.ts';
import { BanyanError, messageOf } from '../core/errors.ts';
import { checkMapping } from '../model/check-mapping.ts';
import type { TableName } from '../model/names.ts';
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

/** A mapping as somebody wrote it; what its functions may read is looked up. */
export interface DeclaredMapping extends Omit<TableMapping, 'functions' | 'part'> {
  readonly functions?: Omit<RowFunctions, 'reads'>;
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
  const { config, service, monolith } = options;
  const tables: DeclaredMapping[] = [];
  for (const table of service.tables) tables.push(await declared(table));
  return checkedMappings({ tables, sync: config.sync, monolith, where: `${config.file}: services.${service.name}.tables` });
}

/**
 * Mappings that were held against the monolith's tables.
 * @param options.where what the place of a table in the list follows in messages.
 * @throws BANYAN_MAPPING likewise
 */
export async function checkedMappings(options: {
  readonly tables: readonly DeclaredMapping[];
  readonly sync: Pick<Config['sync'], 'mode' | 'capture'>;
  readonly monolith: pg.Pool;
  readonly where: string;
}): Promise<LoadedMappings> {
  const { tables, sync, where } = options;
  if (tables.every(isUnchanged)) return { mappings: tables.map(({ monolith, service }) => ({ monolith, service })), checkService: async () => {} };
  const monolith = await new PostgresIntrospector({ pool: options.monolith }).readSchema({ tables: [...new Set(tables.map((table) => table.monolith))] });
  const version = await serverVersion(options.monolith);
  const mappings = tables.map(({ functions, ...mapping }, index): TableMapping => ({
    ...mapping,
    ...(functions ? { functions: { ...functions, reads: readableColumns(monolith, mapping.monolith) } } : {}),
    ...(tables.findIndex((other) => other.service === mapping.service) < index ? { part: true } : {}),
  }));
  const back = sync.mode !== 'monolith-to-service';
  const oldRows = sync.capture === 'trigger';
  const check = (there: Schema | undefined): void => {
    const issues = mappings.flatMap((mapping, index) => {
      const joined = mappings.filter((other) => other.service === mapping.service).length > 1;
      const found = checkMapping(mapping, { monolith, ...(there ? { service: there } : {}), back, oldRows, version, joined });
      return found.map((issue) => `${where}[${index}]${issue.key === '' ? '' : `.${issue.key}`}: found ${issue.found}; expected ${issue.expected}.`);
    });
    if (issues.length > 0) throw new BanyanError('BANYAN_MAPPING', { message: issues.join('\n') });
  };
  check(undefined);
  return {
    mappings,
    checkService: async (pool) => check(await new PostgresIntrospector({ pool }).readSchema()),
  };
}

const isUnchanged = (mapping: DeclaredMapping): boolean =>
  mapping.columns === undefined && mapping.computed === undefined && mapping.where === undefined && mapping.functions === undefined && mapping.service === mapping.monolith;

async function declared({ table, as, columns, computed, where, transform }: TableConfig): Promise<DeclaredMapping> {
  const loaded = transform === undefined ? undefined : await loadModule(transform);
  const toService = functionOf(loaded, 'toService');
  const toMonolith = functionOf(loaded, 'toMonolith');
  return {
    monolith: table, service: as,
    ...(columns ? { columns } : {}),
    ...(computed ? { computed } : {}),
    ...(where === undefined ? {} : { where }),
    ...(transform === undefined ? {} : { functions: { ...(toService ? { toService } : {}), ...(toMonolith ? { toMonolith } : {}) } }),
  };
}

function readableColumns(monolith: Schema, table: TableName): readonly string[] {
  const columns = monolith.tables.find(({ name }) => name === table)?.columns ?? [];
  return columns.filter((column) => column.generated === undefined).map((column) => column.name);
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
