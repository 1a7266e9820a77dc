import { loadConfig } from '../config/load.ts';
import { BanyanError } from '../core/errors.ts';
import { ApiGenerator } from '../generate/api-generator.ts';
import { directory } from '../generate/project-folder.ts';
import { parseTableName, type TableName } from '../model/names.ts';
import { PostgresIntrospector } from '../postgres/catalog/introspector.ts';
import { createPool } from '../postgres/connect.ts';
import type { ApplicationContext, GenerateOptions, GenerateResult } from './application.ts';

/** `banyan generate`: writes the REST service of some tables as a project of its own. */
export async function generate(context: ApplicationContext, options: GenerateOptions): Promise<GenerateResult> {
  const { url, tables } = await whatToGenerate(context, options);
  const pool = createPool({ url, max: 2 });
  try {
    const api = await new ApiGenerator({ introspector: new PostgresIntrospector({ pool }), clock: context.clock }).generate({
      service: options.service, tables,
    });
    return await api.writeTo(directory(options.outDir));
  } finally {
    await pool.end();
  }
}

async function whatToGenerate(
  context: ApplicationContext,
  options: GenerateOptions,
): Promise<{ readonly url: string; readonly tables: readonly TableName[] }> {
  if (options.db !== undefined && options.tables !== undefined) return { url: options.db, tables: options.tables.map(parseTableName) };
  const config = await loadConfig({ file: context.configFile, env: context.env });
  const configured = config.services.get(options.service);
  const tables = options.tables?.map(parseTableName) ?? configured?.tables.map((table) => table.table);
  if (!tables) {
    throw new BanyanError('BANYAN_SERVICE_UNKNOWN', { message: `${config.file} has no service "${options.service}", and --tables names none.` });
  }
  return { url: options.db ?? config.monolith.url, tables };
}
