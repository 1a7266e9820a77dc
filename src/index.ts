/**
 * Banyan takes services out of a running monolith. Each class answers one question; see the README for
 * the path through them, and `docs/errors.md` for every error code.
 */
export { ERROR_CODES, type ErrorCode } from './core/error-codes.ts';
export { BanyanError, isBanyanError } from './core/errors.ts';
export { postgres, type Database, type DatabaseLike } from './app/library/database.ts';
export { ServiceBoundaryAnalyzer, type Boundaries, type Boundary } from './app/library/analyze.ts';
export {
  SyncEngine, type ColumnMapping, type ComputedColumn, type ConflictingChange, type ResolveConflict, type RowFunction, type SomeStreamSettings,
  type StreamCounts, type SyncEngineOptions, type SyncMode, type SyncTable, type Verdict,
} from './app/library/sync.ts';
export { ConflictResolver } from './sync/conflict.ts';
export { ConsistencyValidator, PostgresMarkStore, type IncrementalOptions, type MarkStore, type TableReport, type ValidateOptions, type ValidationReport } from './app/library/validate.ts';
export {
  Reconciler, type ReconcileOptions, type ReconcileReport, type ReconcilerOptions, type ReviewQueue, type TablePolicy, type TableToReconcile, type UndoReport,
} from './app/library/reconcile.ts';
export { ApiGenerator, directory, type GeneratedApi } from './app/library/generate.ts';
export { HealthChecker, TrafficRouter, type RouteStatus, type TrafficRouterOptions } from './app/library/route.ts';
export {
  CompatibilityChecker, type Compared, type ComparedPair, type CompareDatabasesOptions, type CompatibilityCheckerOptions, type CompatibilityReport, type DataCheck, type Finding,
  type HazardDetail, type MigrationScript,
} from './app/library/check.ts';
export { MigrationPlanner } from './plan/migration-planner.ts';
export { readSpecification, type Specification } from './plan/specification.ts';
export type { MigrationPlan } from './plan/plan-document.ts';
export { RollbackGenerator, type GenerateOptions } from './plan/runbook/rollback-generator.ts';
export { readPlan, type PlanToUndo } from './plan/runbook/plan-to-undo.ts';
export type { RollbackRunbook } from './plan/runbook/runbook-document.ts';
export { Migration, PostgresMigrationStore, STAGES, type MigrationSteps, type Stage } from './app/library/migrate.ts';
