import type { RouteHistoryOptions, RouteHistoryResult, RouteResult, RouteRollbackOptions, RouteSetOptions, RouteStatusResult } from './route-types.ts';
import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { StructureCheck } from '../model/structure-finding.ts';
import type { ResyncCounts } from '../ports/resync-store.ts';
import type { RecordedTable } from '../ports/validation-store.ts';
import type { UnlikePast } from '../validate/anomalies/past-hints.ts';
import type { UnlikeRow } from '../validate/anomalies/row-hints.ts';
import type { Level, TableReport, ValidationReport } from '../validate/report.ts';
import type { Trend } from '../validate/trend.ts';
import type { Audience } from '../plan/progress/progress.ts';
import type { ProgressReport } from '../plan/progress/report-document.ts';
import type { AnalyzeOptions, AnalyzeResult } from './analyze-types.ts';
import type { DocumentOutput } from './document-output.ts';
import type { PlanningApplication } from './plan-types.ts';
import type { ReconcileApplication } from './reconcile-types.ts';
import type { RouteChangeOptions, RouteShowResult } from './route-decision-types.ts';
import type { RouteExportOptions, RouteExportResult } from './route-export-types.ts';

/*
 * What the command line (and whoever else drives Banyan) asks of the composition root: one method per
 * command. Options are what the user typed, checked for form only; results are, as they are, the
 * JSON documents that the commands print, so a field is renamed here only with the interface.
 */

/** What an application is made from. */
export interface ApplicationContext {
  /** Path of the configuration file; read when a method first needs it. */
  readonly configFile: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted when the user asks to stop: what runs drains, then returns. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** Lines about what runs, for whoever operates it. */
  readonly logging: Logging;
  readonly progress: Progress;
  /** Asks the user before something that cannot be undone; true without asking under `--yes`. */
  readonly confirm: (question: string) => Promise<boolean>;
}

/** The logger, made when the configuration has said how it should write. */
export interface Logging {
  /** @param wanted what the configuration file says; `-q` and `-v` win over its level. */
  logger(wanted: { readonly level: LogLevel; readonly format: LogFormat }): Logger;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogFormat = 'auto' | 'json' | 'text';

/** Tells people what is being done. Never for machines: it goes to stderr, or nowhere. */
export interface Progress {
  /** One line for people: what has just been decided or reached. */
  note(text: string): void;
  /** Begins something that takes a while. End it with `done` or `failed`. */
  begin(task: { readonly name: string; /** Absent: not known. */ readonly total?: number; /** "rows", "tables"; default: nothing is counted aloud. */ readonly unit?: string }): ProgressTask;
}

export interface ProgressTask {
  /** Counts on; default 1. */
  advance(by?: number): void;
  /** Corrects the expected total. */
  expect(total: number): void;
  done(text?: string): void;
  failed(text?: string): void;
}

/** All of Banyan, as its commands see it. Every method may throw a BanyanError. */
export interface Application extends ReconcileApplication, PlanningApplication {
  demo(options: DemoOptions): Promise<DemoResult>;
  doctor(): Promise<DoctorResult>;
  analyze(options: AnalyzeOptions): Promise<AnalyzeResult>;
  provision(options: ProvisionOptions): Promise<ProvisionResult>;
  /** Runs until the signal is aborted, or until caught up. */
  syncRun(options: SyncRunOptions): Promise<SyncRunResult>;
  syncWait(options: SyncWaitOptions): Promise<SyncWaitResult>;
  syncStatus(): Promise<SyncStatusResult>;
  syncPause(options: SyncPauseOptions): Promise<SyncPauseResult>;
  syncResume(options: SyncPauseOptions): Promise<SyncPauseResult>;
  syncResync(options: SyncResyncOptions): Promise<SyncResyncResult>;
  syncConflicts(options: SyncConflictsOptions): Promise<SyncConflictsResult>;
  syncQuarantine(): Promise<SyncQuarantineResult>;
  syncQuarantineRetry(options: QuarantineOptions): Promise<QuarantineRetryResult>;
  syncQuarantineDiscard(options: QuarantineOptions & DestructiveOptions): Promise<QuarantineDiscardResult>;
  validate(options: ValidateOptions): Promise<ValidateResult>;
  /** Runs until the signal is aborted. */
  validateWatch(options: ValidateWatchOptions): Promise<ValidateWatchResult>;
  validateHistory(options: ValidateHistoryOptions): Promise<ValidateHistoryResult>;
  validateAnomalies(options: ValidateAnomaliesOptions): Promise<ValidateAnomaliesResult>;
  generate(options: GenerateOptions): Promise<GenerateResult>;
  /** Runs until the signal is aborted; then the routes as they were left. */
  routeServe(): Promise<RouteResult>;
  routeSet(options: RouteSetOptions): Promise<RouteResult>;
  routeStatus(): Promise<RouteStatusResult>;
  routeRollback(options: RouteRollbackOptions): Promise<RouteResult>;
  routeHistory(options: RouteHistoryOptions): Promise<RouteHistoryResult>;
  /** More than a percentage: strategy, lists, variants, stage, schedule. */
  routeChange(options: RouteChangeOptions): Promise<RouteResult>;
  routeShow(options: ServiceOptions): Promise<RouteShowResult>;
  routeExport(options: RouteExportOptions): Promise<RouteExportResult>;
  migrate(options: MigrateOptions): Promise<MigrationResult>;
  migrateStatus(options: { readonly service?: string }): Promise<MigrationStatusResult>;
  migrateRollback(options: ServiceOptions & DestructiveOptions): Promise<MigrationResult>;
  /** @throws BANYAN_SERVICE_UNKNOWN */
  migrateReport(options: MigrateReportOptions): Promise<MigrateReportResult>;
  configSchema(): Promise<Readonly<Record<string, unknown>>>;
  configCheck(): Promise<ConfigCheckResult>;
}

export interface ServiceOptions {
  readonly service: string;
}

export interface DestructiveOptions {
  /** Say what would be done, and do nothing. */
  readonly dryRun: boolean;
}

/** Column values by name, as the database wrote them; null is SQL's. */
export type RowValues = Readonly<Record<string, string | null>>;

export interface DemoOptions {
  /** Leave servers and files as they are at the end. */
  readonly keep: boolean;
}

export interface DemoResult {
  readonly ok: boolean;
  readonly steps: readonly { readonly name: string; readonly ok: boolean; readonly seconds: number }[];
  readonly writesAcknowledged: number;
  readonly writesLost: number;
  readonly requests: number;
  readonly requestsFailed: number;
  readonly requestsFailedOutsideFault: number;
  readonly movedBack: number;
  readonly staleReads: number;
  readonly syncLatencyMs: { readonly p50: number; readonly p95: number; readonly p99: number };
  readonly conflicts: number;
  readonly rowsCompared: number;
  readonly differences: number;
}

export interface DoctorResult {
  readonly ok: boolean;
  readonly checks: readonly DoctorCheck[];
}

export interface DoctorCheck {
  /** Stable: `monolith.wal_level`, `accounts.public.users.key`. */
  readonly id: string;
  readonly ok: boolean;
  readonly found: string;
  readonly expected: string;
  /** Empty when it is ok. */
  readonly remedy: string;
}

export interface ProvisionOptions extends ServiceOptions, DestructiveOptions {}

export interface ProvisionResult {
  readonly service: string;
  readonly dryRun: boolean;
  /** SQL, in order, each without its semicolon. Empty: nothing was missing. */
  readonly statements: readonly string[];
}

export interface SyncRunOptions {
  /** Create what the service's database lacks first. */
  readonly provision: boolean;
  readonly untilCaughtUp: boolean;
  /** Only these services. Absent: all. */
  readonly services?: readonly string[];
}

export type StreamDirection = 'monolith-to-service' | 'service-to-monolith';

export interface StreamStatus {
  readonly service: string;
  readonly direction: StreamDirection;
  /** `absent`, `copying`, `starting`, `running`, `stopped`; `pausing` while the worker lets go of it, then `paused`. */
  readonly state: string;
  /** Since when it is paused (RFC 3339), and who did it; absent while it is not. */
  readonly pausedAt?: string;
  readonly pausedBy?: string;
  /** Null when not known yet. Grows while nobody works on the stream. */
  readonly lagMs: number | null;
  /** Whether it lags by more than `sync.lagToleranceMs`, or did until a moment ago. */
  readonly behind: boolean;
  readonly lagBytes: number | null;
  /** Position in the source's log that was read, in its spelling. */
  readonly received: string | null;
  /** Position in the source's log that is durable on the target. */
  readonly applied: string | null;
  readonly transactions: number;
  readonly rows: number;
  readonly conflicts: number;
  /** Changes that are in quarantine now. */
  readonly quarantined: number;
  /** Which process works on it, as host:pid; absent while none does. */
  readonly worker?: string;
  /** From commit to commit, of changes committed since the worker started; absent while no worker has reported. */
  readonly latencyMs?: { readonly p50: number; readonly p95: number; readonly p99: number };
  /** How far the service's clock is ahead of the monolith's (negative: behind), and by how much that may be off. Both directions tell the same. */
  readonly clockSkewMs?: number;
  readonly clockSkewUncertaintyMs?: number;
  /** The source's slot; absent where there is none, and in the result of `sync run`. */
  readonly slot?: SlotStatus;
  /** Tables that wait until they have been mended. */
  readonly pausedTables: readonly PausedTableStatus[];
  /** Columns of the target that the source has dropped: they keep what they hold, and get nothing new. */
  readonly leftColumns: readonly { readonly table: string; readonly column: string; readonly on: 'monolith' | 'service' }[];
}

/** A table whose form changed on one side so that its changes can't be written on the other. */
export interface PausedTableStatus {
  /** As the monolith calls it. */
  readonly table: string;
  /** `BANYAN_SCHEMA_CHANGED`, `BANYAN_SCHEMA_CONFLICT`, or the code with which the target refuses. */
  readonly code: string;
  readonly reason: string;
  /** What to run, in this order, and where; empty: the reason says what is to be done. */
  readonly statements: readonly { readonly on: 'monolith' | 'service'; readonly sql: string }[];
  /** RFC 3339. */
  readonly since: string;
}

/** A replication slot, as its server sees it. */
export interface SlotStatus {
  readonly name: string;
  readonly active: boolean;
  /** Bytes of WAL that the server keeps for it; null: it has lost them. */
  readonly retainedBytes: number | null;
  /** Bytes that may be written before the slot is in danger; null: no bound is set. */
  readonly safeBytes: number | null;
  /** `reserved`, `extended`, `unreserved` (about to lose what it needs) or `lost`. */
  readonly walStatus: string;
}

/** A slot of Banyan's that no configured stream uses. It keeps WAL until somebody drops it; Banyan does not. */
export interface UnusedSlot extends SlotStatus {
  /** Where it is. */
  readonly database: string;
  readonly reason: string;
  /** What drops it, and on which database. */
  readonly statements: readonly { readonly on: string; readonly sql: string }[];
  /** What can not be done any more afterwards. */
  readonly consequence: string;
}

export interface SyncStatusResult {
  readonly streams: readonly StreamStatus[];
  /** The living `sync run` processes; one without services stands by. */
  readonly workers: readonly SyncWorker[];
  readonly unusedSlots: readonly UnusedSlot[];
  /** Tables that are being made equal; see `sync resync`. */
  readonly resyncs: readonly ResyncStatus[];
}

/** A `sync run` process. */
export interface SyncWorker {
  /** As host:pid. */
  readonly worker: string;
  readonly since: string;
  /** What it works on. */
  readonly services: readonly string[];
}

export interface SyncRunResult {
  readonly streams: readonly StreamStatus[];
  readonly stopped: 'requested' | 'caught-up';
}

export interface SyncWaitOptions {
  /** Absent: as long as it takes. */
  readonly timeoutSeconds?: number;
}

export interface SyncWaitResult {
  /** False: the time ran out. */
  readonly caughtUp: boolean;
  readonly seconds: number;
}

export interface SyncPauseOptions {
  readonly service: string;
}

export interface SyncPauseResult {
  readonly service: string;
  readonly paused: boolean;
  /** False: it was so already. */
  readonly changed: boolean;
}

export interface SyncResyncOptions extends DestructiveOptions {
  readonly service: string;
  /** The monolith's table, as the user wrote it. */
  readonly table: string;
  /** The side that both are made equal to. Absent: the monolith, or what `sync.mode` leaves. */
  readonly from?: 'monolith' | 'service';
  /** Whether to wait until it is done. */
  readonly wait: boolean;
}

export interface SyncResyncResult extends ResyncCounts {
  readonly seconds: number;
  readonly service: string;
  readonly table: string;
  readonly from: 'monolith' | 'service';
  readonly dryRun: boolean;
  /** `kept`: nothing was asked for. `asked` and `running`: nobody waited. */
  readonly state: 'kept' | 'asked' | 'running' | 'done';
  /** Why the first row was refused. */
  readonly reason?: string;
  /** Of a dry run: what differs now. */
  readonly differences?: readonly TableComparison[];
}

/** A table that is being made equal. */
export interface ResyncStatus extends ResyncCounts {
  readonly seconds: number;
  readonly service: string;
  readonly table: string;
  readonly from: 'monolith' | 'service';
  readonly state: 'asked' | 'running';
  readonly askedBy: string;
  readonly askedAt: string;
  /** Rows of both sides that have been compared, about how many there are, and at which rate. */
  readonly compared: number;
  readonly expected: number;
  readonly rowsPerSecond: number;
  /** Until all are compared; null while nothing is known. */
  readonly secondsLeft: number | null;
}

export interface SyncConflictsOptions {
  /** Newest first, at most this many. */
  readonly limit: number;
  /** Also the rows that the service asked for and got sent again, which are no conflicts. Default false. */
  readonly answers?: boolean;
}

export interface ConflictRecord {
  readonly id: string;
  /** RFC 3339. */
  readonly at: string;
  readonly service: string;
  readonly table: string;
  readonly key: RowValues;
  readonly type: string;
  /** The row on that side; null: deleted there. */
  readonly monolith: RowValues | null;
  readonly service_row: RowValues | null;
  /** When each side's write was committed, by its own clock (RFC 3339); null where it is not known. */
  readonly monolith_at: string | null;
  readonly service_at: string | null;
  readonly winner: string;
  /** `superseded`: no conflict of its own, but the winner's side going on before it knew that it had won. */
  readonly strategy: string;
  readonly reason: string | null;
}

export interface SyncConflictsResult {
  readonly conflicts: readonly ConflictRecord[];
}

export interface QuarantineOptions {
  readonly id: string;
}

export interface QuarantinedChange {
  /** `m12`: in the monolith's database; `s7`: in the service's, or `accounts:s7` where there are several services. */
  readonly id: string;
  /** RFC 3339. */
  readonly at: string;
  readonly service: string;
  readonly direction: StreamDirection;
  readonly table: string;
  readonly key: RowValues;
  readonly operation: string;
  /** When it was committed at its source (RFC 3339), and where in the source's log. */
  readonly committedAt: string;
  readonly position: string;
  /** The database's code (SQLSTATE) or Banyan's; `held`: it only waits behind another. */
  readonly code: string;
  /** Why it could not be applied. */
  readonly reason: string;
  /** The row before and after; null where there is none, or where the log had no old row. Cells that the log did not carry are left out. */
  readonly before: RowValues | null;
  readonly after: RowValues | null;
  /** The change that this one waits behind: of its own row, or of one it has to do with. */
  readonly behind?: string;
}

export interface SyncQuarantineResult {
  readonly quarantined: readonly QuarantinedChange[];
}

export interface QuarantineRetryResult {
  readonly id: string;
  readonly applied: boolean;
  /** Why it failed again. */
  readonly reason?: string;
  /** Changes that waited behind it and were applied as well. */
  readonly also: number;
}

export interface QuarantineDiscardResult {
  readonly id: string;
  readonly dryRun: boolean;
  readonly discarded: boolean;
  readonly change: QuarantinedChange;
  /** Changes that wait behind it: they are applied when it is gone. */
  readonly behind: number;
}

export type ValidationLevel = Level;

export interface ValidateOptions {
  /** Both or none; none: every configured service. */
  readonly source?: string;
  readonly target?: string;
  /** Hot standbys of `source` and `target`, where rows are read. Absent: there. */
  readonly sourceReplica?: string;
  readonly targetReplica?: string;
  /** Names as the user wrote them. Absent: all. */
  readonly tables?: readonly string[];
  readonly level?: ValidationLevel;
  /** An SQL condition. */
  readonly where?: string;
  /** Columns that are compared in no table. */
  readonly exclude?: readonly string[];
  /** Compare each value's text. Absent: as configured. */
  readonly exact?: boolean;
  /** Only these rules, by name. Absent: all. */
  readonly rules?: readonly string[];
  /** Check rules, and compare no rows. */
  readonly rulesOnly?: boolean;
  /** Only these services. Absent: all. */
  readonly services?: readonly string[];
  /** Go on where the last run of the same options was cut off. Absent: begin anew, and keep no progress. */
  readonly resume?: boolean;
  /** Compare only rows that the streams have touched since they were last compared. Absent: all rows. */
  readonly incremental?: boolean;
  /** Of what is looked at beside the rows, what this run leaves out. Absent: nothing. */
  readonly without?: readonly StructureCheck[];
}

export type TableComparison = Pick<TableReport, 'table' | 'source' | 'target' | 'missing' | 'extra' | 'different' | 'counts'>;

/** Over all services that were compared. */
export type ValidateResult = ValidationReport;

export interface ValidateWatchOptions {
  /** Only these services. Absent: all. */
  readonly services?: readonly string[];
  /** Where metrics are served, as host:port. Absent: `metrics.listen` of the file. */
  readonly metrics?: string;
}

export interface ValidateWatchResult {
  readonly stopped: 'requested';
  readonly services: readonly string[];
}

export interface ValidateHistoryOptions {
  /** A name as the user wrote it. Absent: all. */
  readonly table?: string;
  /** Seconds back from now. Absent: all that is kept. */
  readonly sinceSeconds?: number;
  /** Runs of each table. */
  readonly limit: number;
}

export interface ValidateHistoryResult {
  readonly tables: readonly TableHistory[];
}

export interface TableHistory {
  readonly service: string;
  readonly table: string;
  /** Of the runs that looked closest, which the score and the trend are of. */
  readonly level: string;
  /** Whether the last of those found nothing, and no run since. */
  readonly consistent: boolean;
  /** Share of rows that were equal in the last run that looked closest. */
  readonly score: number;
  readonly trend: Trend;
  /** Newest first. */
  readonly runs: readonly Omit<RecordedTable, 'service' | 'table'>[];
}

export interface ValidateAnomaliesOptions {
  /** Names as the user wrote them, of the monolith. Absent: all. */
  readonly tables?: readonly string[];
  readonly side: 'monolith' | 'service';
}

/** Something to look into, which may be as it should be. `past`: a measure of a table; `row`: one row. */
export type Hint = { readonly service: string; readonly table: string } & (
  | ({ readonly kind: 'past' } & UnlikePast)
  | ({ readonly kind: 'row'; readonly key: Readonly<Record<string, string>> } & Omit<UnlikeRow, 'key'>)
);

export interface ValidateAnomaliesResult {
  readonly side: 'monolith' | 'service';
  readonly hints: readonly Hint[];
  /** What was looked at, with how many earlier looks each table was compared. */
  readonly tables: readonly { readonly service: string; readonly table: string; readonly profiles: number; readonly rows: number }[];
}

export interface GenerateOptions {
  /** Absent: the configured monolith. */
  readonly db?: string;
  readonly service: string;
  /** Names as the user wrote them. Absent: the service's configured tables. */
  readonly tables?: readonly string[];
  readonly outDir: string;
}

export interface GenerateResult {
  readonly service: string;
  readonly tables: number;
  readonly endpoints: number;
  readonly seconds: number;
  readonly files: readonly string[];
}

export interface MigrateOptions extends ServiceOptions, DestructiveOptions {
  /** Absent: the next stage. */
  readonly to?: string;
}

export interface MigrationResult {
  readonly service: string;
  readonly stage: string;
  readonly gates: readonly { readonly name: string; readonly passed: boolean; readonly evidence: unknown }[];
  readonly history: readonly MigrationStep[];
}

export interface MigrationStep {
  /** RFC 3339. */
  readonly at: string;
  readonly from: string;
  readonly to: string;
}

export interface MigrationStatusResult {
  readonly migrations: readonly MigrationResult[];
}

export interface MigrateReportOptions {
  /** Absent: all. */
  readonly service?: string;
  readonly audience: Audience;
  readonly format: 'json' | 'text' | 'markdown';
  readonly output?: string;
}

export interface MigrateReportResult extends DocumentOutput {
  readonly report: ProgressReport;
}

export interface ConfigCheckResult {
  readonly ok: true;
  readonly file: string;
  readonly services: readonly { readonly name: string; readonly tables: number }[];
}
