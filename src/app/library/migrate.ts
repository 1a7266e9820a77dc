export { Migration, type MigrationOptions, type MigrationReport } from '../../migrate/migration.ts';
export { STAGES, type Stage } from '../../model/stage.ts';
export type { GateResult, MigrationSteps, MigrationStore } from '../../ports/migration.ts';
export { PostgresMigrationStore } from '../../state/migration-store.ts';
