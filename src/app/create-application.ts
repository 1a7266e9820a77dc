import { BanyanError } from '../core/errors.ts';
import { configJsonSchema } from '../config/json-schema.ts';
import { loadConfig } from '../config/load.ts';
import type { Application, ApplicationContext } from './application.ts';

/** Joins adapters to engines: the one place where Banyan is put together. */
export function createApplication(context: ApplicationContext): Application {
  const notAvailable = (command: string) => (): Promise<never> =>
    Promise.reject(new BanyanError('BANYAN_NOT_AVAILABLE', { message: `banyan ${command} is not available yet.` }));
  return {
    demo: notAvailable('demo'),
    doctor: notAvailable('doctor'),
    analyze: notAvailable('analyze'),
    provision: notAvailable('provision'),
    syncRun: notAvailable('sync run'),
    syncWait: notAvailable('sync wait'),
    syncStatus: notAvailable('sync status'),
    syncConflicts: notAvailable('sync conflicts'),
    syncQuarantine: notAvailable('sync quarantine'),
    syncQuarantineRetry: notAvailable('sync quarantine retry'),
    syncQuarantineDiscard: notAvailable('sync quarantine discard'),
    validate: notAvailable('validate'),
    generate: notAvailable('generate'),
    routeServe: notAvailable('route serve'),
    routeSet: notAvailable('route set'),
    routeStatus: notAvailable('route status'),
    routeRollback: notAvailable('route rollback'),
    migrate: notAvailable('migrate'),
    migrateStatus: notAvailable('migrate status'),
    migrateRollback: notAvailable('migrate rollback'),
    configSchema: () => Promise.resolve(configJsonSchema()),
    configCheck: async () => {
      const config = await loadConfig({ file: context.configFile, env: context.env });
      const services = [...config.services.values()].map(({ name, tables }) => ({ name, tables: tables.length }));
      return { ok: true, file: config.file, services };
    },
  };
}
