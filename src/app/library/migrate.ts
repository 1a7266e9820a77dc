export { Migration, type MigrationOptions, type MigrationReport } from '../../migrate/migration.ts';
export { STAGES, type GateResult, type MigrationSteps, type MigrationStore, type Stage } from '../../ports/migration.ts';
export { PostgresMigrationStore } from '../../state/migration-store.ts';
