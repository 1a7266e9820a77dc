import type { Pool } from 'pg';
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

/** Which database is looked at, if any. */
export type Reach = Pick<PlanOptions, 'database' | 'measure'>;

/**
 * What a look at the database finds. Without one in reach there is none, and the plan is made of the specification alone.
 * @throws BANYAN_CONNECT if a database was named that can not be reached.
 */
export function surveyFor(context: ApplicationContext, specification: Specification, { watchSeconds = 10, ...reach }: PlanOptions): Promise<Survey | undefined> {
  const { clock, signal } = context;
  const named = namedTables(specification);
  return inReach(context, { ...reach, applicationName: 'banyan plan' }, (pool, config) => {
    context.progress.note(`looking at the database; writes are watched for ${watchSeconds} s`);
    return survey({ pool, clock, signal, tables: named.length > 0 || config === undefined ? named : configuredTables(config, specification), watchSeconds });
  });
}

/**
 * Asks the database that was named, else the configured monolith where it can be reached; undefined: there is none.
 * @throws BANYAN_CONNECT if a database was named that can not be reached.
 */
export async function inReach<T>(context: ApplicationContext, { database, measure = true, applicationName }: Reach & { readonly applicationName: string }, ask: (pool: Pool, config?: Config) => Promise<T>): Promise<T | undefined> {
  if (!measure) return undefined;
  if (database !== undefined) return carefully(context, { url: database, applicationName }, ask);
  try {
    const config = await loadConfig({ file: context.configFile, env: context.env });
    return await carefully(context, { url: config.monolith.url, applicationName }, (pool) => ask(pool, config));
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

async function carefully<T>({ clock }: ApplicationContext, { url, applicationName }: { readonly url: string; readonly applicationName: string }, ask: (pool: Pool) => Promise<T>): Promise<T> {
  const pool = createPool({ url, max: 2, clock, applicationName, connectTimeoutMs: REACH_MS });
  // Whatever is asked: it writes nothing, and does not stand in line behind a lock for long, where others would queue behind it.
  pool.on('connect', (client) => void client.query(CAREFUL).catch(() => {}));
  try {
    await pool.query('SELECT 1');
    return await ask(pool);
  } finally {
    await pool.end();
  }
}
