import type { ServiceConfig } from '../config/config.ts';
import type { TableMapping } from '../model/table-mapping.ts';
import { PostgresProvisioner } from '../postgres/provision/provisioner.ts';
import type { ProvisionOptions, ProvisionResult } from './application.ts';
import type { Session } from './session.ts';
import { loadMappings } from './table-mappings.ts';

const provisioner = (session: Session, service: ServiceConfig): PostgresProvisioner =>
  new PostgresProvisioner({ ...session.pools(service), logger: session.logger });

/** What is provisioned for these mappings. */
export const provisionScope = (mappings: readonly TableMapping[]) => ({ tables: [...new Set(mappings.map((mapping) => mapping.monolith))], mappings });

/** Schemas, types, tables and keys: what a copy needs. */
export async function provisionBeforeCopy(session: Session, service: ServiceConfig, mappings: readonly TableMapping[]): Promise<void> {
  const plan = await provisioner(session, service).beforeCopy(provisionScope(mappings));
  for (const trigger of plan.triggers) {
    session.logger.warn('a trigger stays on the monolith', { table: trigger.table, trigger: trigger.name });
  }
}

/** Indexes, checks and foreign keys: cheaper after the rows are there. */
export async function provisionAfterCopy(
  session: Session,
  service: ServiceConfig,
  options: { readonly mappings: readonly TableMapping[]; readonly create: boolean },
): Promise<void> {
  if (options.create) await provisioner(session, service).afterCopy(provisionScope(options.mappings));
}

/** `banyan provision SERVICE`: everything the service's database lacks, or only the SQL of it. */
export async function provision(session: Session, options: ProvisionOptions): Promise<ProvisionResult> {
  const service = session.service(options.service);
  const { mappings, checkService } = await loadMappings({ config: session.config, service, monolith: session.pools(service).monolith });
  const tool = provisioner(session, service);
  const plan = await tool.plan(provisionScope(mappings));
  const statements = [...plan.beforeCopy, ...plan.afterCopy].map((statement) => statement.sql);
  if (!options.dryRun && statements.length > 0) {
    await tool.beforeCopy(provisionScope(mappings));
    await tool.afterCopy(provisionScope(mappings));
    await checkService(session.pools(service).service);
  }
  return { service: service.name, dryRun: options.dryRun, statements };
}
