import { Migration, type MigrationReport } from '../migrate/migration.ts';
import type { MigrationSteps } from '../ports/migration.ts';
import { PostgresMigrationStore } from '../state/migration-store.ts';
import type { MigrateOptions, MigrationResult, MigrationStatusResult, ServiceOptions, DestructiveOptions } from './application.ts';
import { doctor } from './doctor.ts';
import { provision } from './provision.ts';
import { bringHome, isRouted, raiseFlag } from './migrate-flag.ts';
import { readRoutes, routedService } from './route.ts';
import type { Session } from './session.ts';
import { readStreams } from './sync-status.ts';
import { checksOf } from './validate-report.ts';
import { validate } from './validate.ts';

/** `banyan migrate SERVICE` */
export async function migrate(session: Session, options: MigrateOptions): Promise<MigrationResult> {
  const migration = migrationOf(session, options.service);
  return asResult(await migration.advance({ dryRun: options.dryRun, ...(options.to === undefined ? {} : { to: options.to }) }));
}

/** `banyan migrate rollback SERVICE` */
export async function migrateRollback(session: Session, options: ServiceOptions & DestructiveOptions): Promise<MigrationResult> {
  return asResult(await migrationOf(session, options.service).rollback({ dryRun: options.dryRun }));
}

/** `banyan migrate status` */
export async function migrateStatus(session: Session, options: { readonly service?: string }): Promise<MigrationStatusResult> {
  const names = options.service === undefined ? [...session.config.services.keys()] : [options.service];
  const migrations: MigrationResult[] = [];
  for (const name of names) migrations.push(asResult(await migrationOf(session, name).status()));
  return { migrations };
}

/** @throws BANYAN_SERVICE_UNKNOWN */
export function migrationOf(session: Session, name: string): Migration {
  const { name: service } = session.service(name);
  return new Migration({ service, store: new PostgresMigrationStore({ pool: session.statePool }), steps: stepsOf(session, service) });
}

function stepsOf(session: Session, service: string): MigrationSteps {
  return {
    prerequisites: async () => {
      const { checks } = await doctor(session, { services: [service] });
      const failed = checks.filter((check) => !check.ok);
      return {
        name: 'prerequisites', passed: failed.length === 0,
        evidence: failed.length === 0 ? `${checks.length} checks` : failed.map((check) => `${check.id}: ${check.found}`).join('; '),
      };
    },
    provision: async () => {
      await provision(session, { service, dryRun: false });
    },
    following: async () => {
      const streams = (await readStreams(session)).filter((stream) => stream.service === service);
      const tolerance = session.config.sync.lagToleranceMs;
      const bad = streams.filter((stream) => stream.state !== 'running' || (stream.lagMs ?? Number.POSITIVE_INFINITY) > tolerance || stream.quarantined > 0);
      const evidence = streams.map((stream) => `${stream.direction}: ${stream.state}, ${stream.lagMs ?? 'unknown'} ms behind, ${stream.quarantined} in quarantine`);
      return { name: 'following', passed: streams.length > 0 && bad.length === 0, evidence: evidence.join('; ') };
    },
    equal: async () => {
      const report = await validate(session, { level: 'full', services: [service] });
      const failed = checksOf(report, { mostExamples: 1 }).filter(({ outcome }) => outcome === 'failed');
      const evidence = [`${report.rows} rows compared`, ...failed.map(({ table, name, message }) => `${table}: ${name}: ${message}`)];
      return { name: 'equal', passed: report.consistent, evidence: evidence.join('; ') };
    },
    served: async () => {
      const route = (await readRoutes(session)).routes.find((each) => each.service === service);
      return { name: 'served', passed: route?.health === 'healthy', evidence: route ? `health ${route.health}, breaker ${route.breaker}` : 'no route' };
    },
    flag: async (stage) => {
      if (isRouted(session, service)) await raiseFlag(session, { service, to: stage });
    },
    shift: async (percent, flag) => {
      await raiseFlag(session, { service: routedService(session, service), to: flag, percent });
    },
    bringHome: async (flag) => {
      // Without a router nobody was ever moved, and a rollback has nothing to undo.
      if (isRouted(session, service)) await bringHome(session, { service, flag });
    },
  };
}

function asResult(report: MigrationReport): MigrationResult {
  return {
    service: report.service, stage: report.stage, gates: report.gates,
    history: report.history.map(({ at, from, to }) => ({ at, from, to })),
  };
}
