import type { ServiceConfig } from '../config/config.ts';
import { BanyanError } from '../core/errors.ts';
import { PostgresProvisioner } from '../postgres/provision/provisioner.ts';
import type { ProvisionOptions, ProvisionResult } from './application.ts';
import type { Session } from './session.ts';

function provisioner(session: Session, service: ServiceConfig): PostgresProvisioner {
  const renamed = service.tables.find((table) => table.as !== table.table);
  if (renamed) {
    throw new BanyanError('BANYAN_NOT_AVAILABLE', {
      message: `Creating ${renamed.table} under another name (${renamed.as}) is not available yet.`,
      remedy: 'Create the service\'s tables yourself and run `banyan sync run --no-provision`.',
    });
  }
  return new PostgresProvisioner({ ...session.pools(service), logger: session.logger });
}

const scope = (service: ServiceConfig) => ({ tables: service.tables.map((table) => table.table) });

/** Schemas, types, tables and keys: what a copy needs. */
export async function provisionBeforeCopy(session: Session, service: ServiceConfig): Promise<void> {
  const plan = await provisioner(session, service).beforeCopy(scope(service));
  for (const trigger of plan.triggers) {
    session.logger.warn('a trigger stays on the monolith', { table: trigger.table, trigger: trigger.name });
  }
}

/** Indexes, checks and foreign keys: cheaper after the rows are there. */
export async function provisionAfterCopy(session: Session, service: ServiceConfig, options: { readonly create: boolean }): Promise<void> {
  if (options.create) await provisioner(session, service).afterCopy(scope(service));
}

/** `banyan provision SERVICE`: everything the service's database lacks, or only the SQL of it. */
export async function provision(session: Session, options: ProvisionOptions): Promise<ProvisionResult> {
  const service = session.service(options.service);
  const tool = provisioner(session, service);
  const plan = await tool.plan(scope(service));
  const statements = [...plan.beforeCopy, ...plan.afterCopy].map((statement) => statement.sql);
  if (!options.dryRun && statements.length > 0) {
    await tool.beforeCopy(scope(service));
    await tool.afterCopy(scope(service));
  }
  return { service: service.name, dryRun: options.dryRun, statements };
}
