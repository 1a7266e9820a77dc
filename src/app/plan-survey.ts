import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { isBanyanError, messageOf } from '../core/errors.ts';
import { parseTableName, type TableName } from '../model/names.ts';
import type { Survey } from '../model/survey.ts';
import type { Specification } from '../plan/specification.ts';
import { createPool } from '../postgres/connect.ts';
import { survey } from '../postgres/survey/survey.ts';
import type { ApplicationContext } from './application.ts';
import { connectError } from './connect-error.ts';
import type { PlanOptions } from './plan-types.ts';

/** How long a plan waits for a database that nobody named, in milliseconds. */
const REACH_MS = 5000;

const CAREFUL = "SET default_transaction_read_only = on; SET lock_timeout = '1s'; SET statement_timeout = '30s'";

/**
 * What a look at the database finds. Without one in reach there is none, and the plan is made of the specification alone.
 * @throws BANYAN_CONNECT if a database was named that can not be reached.
 */
export async function surveyFor(context: ApplicationContext, specification: Specification, { database, measure = true, watchSeconds }: PlanOptions): Promise<Survey | undefined> {
  if (!measure) return undefined;
  const watched = watchSeconds === undefined ? {} : { watchSeconds };
  if (database !== undefined) return look(context, { url: database, tables: namedTables(specification), ...watched });
  try {
    const config = await loadConfig({ file: context.configFile, env: context.env });
    const named = namedTables(specification);
    return await look(context, { url: config.monolith.url, tables: named.length > 0 ? named : configuredTables(config, specification), ...watched });
  } catch (error) {
    context.signal.throwIfAborted();
    // Without a configuration nobody asked for it; with one, whoever reads the plan should know what is missing.
    if (!isBanyanError(error, 'BANYAN_CONFIG_NOT_FOUND')) context.progress.note(`Nothing was measured: ${messageOf(connectError(error))}`);
    return undefined;
  }
}

function namedTables({ tables_to_migrate: tables = [], schema_changes: changes = [] }: Specification): TableName[] {
  return [...new Set([...tables.map(({ name }) => name), ...changes.map(({ table }) => table)].map(parseTableName))];
}

function configuredTables(config: Config, { service }: Specification): TableName[] {
  return service === undefined ? [] : [...new Set((config.services.get(service)?.tables ?? []).map(({ table }) => table))];
}

async function look(context: ApplicationContext, { url, tables, watchSeconds = 10 }: { readonly url: string; readonly tables: readonly TableName[]; readonly watchSeconds?: number }): Promise<Survey> {
  const { clock, signal } = context;
  const pool = createPool({ url, max: 2, clock, applicationName: 'banyan plan', connectTimeoutMs: REACH_MS });
  // Whatever is asked: it writes nothing, and does not stand in line behind a lock for long, where others would queue behind it.
  pool.on('connect', (client) => void client.query(CAREFUL).catch(() => {}));
  try {
    await pool.query('SELECT 1');
    context.progress.note(`looking at the database; writes are watched for ${watchSeconds} s`);
    return await survey({ pool, clock, signal, tables, watchSeconds });
  } finally {
    await pool.end();
  }
}
