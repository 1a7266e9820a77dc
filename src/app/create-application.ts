import { configJsonSchema } from '../config/json-schema.ts';
import { loadConfig } from '../config/load.ts';
import { analyze } from './analyze.ts';
import type { Application, ApplicationContext } from './application.ts';
import { doctor } from './doctor.ts';
import { runDemo } from './demo/demo.ts';
import { generate } from './generate.ts';
import { migrate, migrateRollback, migrateStatus } from './migrate.ts';
import { provision } from './provision.ts';
import { reconcileApplication } from './reconcile.ts';
import { readRoutes, rollbackRoute, serveRoutes, setRoute } from './route.ts';
import { exportRoutes } from './route-export.ts';
import { Session } from './session.ts';
import { resyncTable } from './sync-resync.ts';
import { runSync } from './sync-run.ts';
import { pauseSync, resumeSync } from './sync-pause.ts';
import { discardQuarantined, readQuarantine, retryQuarantined } from './sync-quarantine.ts';
import { readConflicts, readStatus, waitForSync } from './sync-status.ts';
import { validate, validateUrls } from './validate.ts';
import { findAnomalies } from './validate-anomalies.ts';
import { readValidationHistory } from './validate-history.ts';
import { watchValidation } from './validate-watch.ts';

/** Joins adapters to engines: the one place where Banyan is put together. */
export function createApplication(context: ApplicationContext): Application {
  const session = <T>(work: (session: Session) => Promise<T>): Promise<T> => Session.run(context, work);
  return {
    ...reconcileApplication(context),
    demo: (options) => runDemo({ ...options, context, createApplication }),
    doctor: () => session((open) => doctor(open)),
    analyze: (options) => analyze(context, options),
    provision: (options) => session((open) => provision(open, options)),
    syncRun: (options) => session((open) => runSync(open, options)),
    syncWait: (options) => session((open) => waitForSync(open, options)),
    syncStatus: () => session(readStatus),
    syncPause: (options) => session((open) => pauseSync(open, options)),
    syncResume: (options) => session((open) => resumeSync(open, options)),
    syncResync: (options) => session((open) => resyncTable(open, options)),
    syncConflicts: (options) => session((open) => readConflicts(open, options)),
    syncQuarantine: () => session(readQuarantine),
    syncQuarantineRetry: (options) => session((open) => retryQuarantined(open, options)),
    syncQuarantineDiscard: (options) => session((open) => discardQuarantined(open, options)),
    validate: ({ source, target, ...options }) =>
      source !== undefined && target !== undefined
        ? validateUrls(context, { ...options, source, target })
        : session((open) => validate(open, { resume: false, ...options })),
    validateWatch: (options) => session((open) => watchValidation(open, options)),
    validateAnomalies: (options) => session((open) => findAnomalies(open, options)),
    validateHistory: (options) => session((open) => readValidationHistory(open, options)),
    generate: (options) => generate(context, options),
    routeServe: () => session(serveRoutes),
    routeSet: (options) => session((open) => setRoute(open, options)),
    routeStatus: () => session(readRoutes),
    routeRollback: (options) => session((open) => rollbackRoute(open, options)),
    routeExport: (options) => session((open) => exportRoutes(open, options)),
    migrate: (options) => session((open) => migrate(open, options)),
    migrateStatus: (options) => session((open) => migrateStatus(open, options)),
    migrateRollback: (options) => session((open) => migrateRollback(open, options)),
    configSchema: () => Promise.resolve(configJsonSchema()),
    configCheck: async () => {
      const config = await loadConfig({ file: context.configFile, env: context.env });
      const services = [...config.services.values()].map(({ name, tables }) => ({ name, tables: tables.length }));
      return { ok: true, file: config.file, services };
    },
  };
}
