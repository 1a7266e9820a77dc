import type { Application, ApplicationContext } from './application.ts';
import { reconcileApplication } from './reconcile.ts';
import { Session } from './session.ts';

/**
 * Joins adapters to engines: the one place where Banyan is put together. A command loads what it needs
 * and nothing else: the rest would be some 30 MB in each worker's memory.
 */
export function createApplication(context: ApplicationContext): Application {
  const session = <T>(work: (session: Session) => Promise<T>): Promise<T> => Session.run(context, work);
  return {
    ...reconcileApplication(context),
    demo: async (options) => (await import('./demo/demo.ts')).runDemo({ ...options, context, createApplication }),
    doctor: () => session(async (open) => (await import('./doctor.ts')).doctor(open)),
    analyze: async (options) => (await import('./analyze.ts')).analyze(context, options),
    plan: async (options) => (await import('./plan.ts')).plan(context, options),
    check: async (options) => (await import('./check.ts')).check(context, options),
    runbook: async (options) => (await import('./runbook.ts')).runbook(context, options),
    runbookTest: async (options) => (await import('./runbook-test.ts')).testRunbook(context, options),
    planCheck: async (options) => (await import('./plan.ts')).checkSpecification(options),
    provision: (options) => session(async (open) => (await import('./provision.ts')).provision(open, options)),
    syncRun: (options) => session(async (open) => (await import('./sync-run.ts')).runSync(open, options)),
    syncWait: (options) => session(async (open) => (await import('./sync-status.ts')).waitForSync(open, options)),
    syncStatus: () => session(async (open) => (await import('./sync-status.ts')).readStatus(open)),
    syncPause: (options) => session(async (open) => (await import('./sync-pause.ts')).pauseSync(open, options)),
    syncResume: (options) => session(async (open) => (await import('./sync-pause.ts')).resumeSync(open, options)),
    syncResync: (options) => session(async (open) => (await import('./sync-resync.ts')).resyncTable(open, options)),
    syncConflicts: (options) => session(async (open) => (await import('./sync-status.ts')).readConflicts(open, options)),
    syncQuarantine: () => session(async (open) => (await import('./sync-quarantine.ts')).readQuarantine(open)),
    syncQuarantineRetry: (options) => session(async (open) => (await import('./sync-quarantine.ts')).retryQuarantined(open, options)),
    syncQuarantineDiscard: (options) => session(async (open) => (await import('./sync-quarantine.ts')).discardQuarantined(open, options)),
    validate: async ({ source, target, ...options }) =>
      source !== undefined && target !== undefined
        ? (await import('./validate.ts')).validateUrls(context, { ...options, source, target })
        : session(async (open) => (await import('./validate.ts')).validate(open, { resume: false, ...options })),
    validateWatch: (options) => session(async (open) => (await import('./validate-watch.ts')).watchValidation(open, options)),
    validateAnomalies: (options) => session(async (open) => (await import('./validate-anomalies.ts')).findAnomalies(open, options)),
    validateHistory: (options) => session(async (open) => (await import('./validate-history.ts')).readValidationHistory(open, options)),
    generate: async (options) => (await import('./generate.ts')).generate(context, options),
    routeServe: () => session(async (open) => (await import('./route.ts')).serveRoutes(open)),
    routeSet: (options) => session(async (open) => (await import('./route.ts')).setRoute(open, options)),
    routeStatus: () => session(async (open) => (await import('./route-status.ts')).routeStatus(open)),
    routeRollback: (options) => session(async (open) => (await import('./route-history.ts')).rollbackRoute(open, options)),
    routeHistory: (options) => session(async (open) => (await import('./route-history.ts')).readHistory(open, options)),
    routeChange: (options) => session(async (open) => (await import('./route-change.ts')).changeRoute(open, options)),
    routeShow: (options) => session(async (open) => (await import('./route-change.ts')).showRoute(open, options)),
    routeExport: (options) => session(async (open) => (await import('./route-export.ts')).exportRoutes(open, options)),
    migrate: (options) => session(async (open) => (await import('./migrate.ts')).migrate(open, options)),
    migrateStatus: (options) => session(async (open) => (await import('./migrate.ts')).migrateStatus(open, options)),
    migrateRollback: (options) => session(async (open) => (await import('./migrate.ts')).migrateRollback(open, options)),
    migrateReport: (options) => session(async (open) => (await import('./migrate-report.ts')).migrateReport(open, options)),
    configSchema: async () => (await import('../config/json-schema.ts')).configJsonSchema(),
    configCheck: async () => {
      const { loadConfig } = await import('../config/load.ts');
      const config = await loadConfig({ file: context.configFile, env: context.env });
      const services = [...config.services.values()].map(({ name, tables }) => ({ name, tables: tables.length }));
      return { ok: true, file: config.file, services };
    },
  };
}
