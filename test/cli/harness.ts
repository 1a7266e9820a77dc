import { EventEmitter } from 'node:events';
import type { Application, ApplicationContext } from '../../src/app/application.ts';
import type { Clock } from '../../src/core/clock.ts';
import { runCli } from '../../src/cli/program.ts';
import * as samples from './samples.ts';

interface Call {
  readonly method: string;
  readonly options: unknown;
}

export interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly calls: readonly Call[];
  /** What the command line made for the application. */
  readonly context: ApplicationContext | undefined;
  /** What the process was asked to exit with at once. */
  readonly exits: readonly number[];
  /** Listeners for signals that are left. */
  readonly listening: number;
}

export interface RunOptions {
  /** Replaces methods of the fake application. */
  readonly application?: (context: ApplicationContext, signals: EventEmitter) => Partial<Application>;
  readonly env?: Readonly<Record<string, string>>;
  readonly terminal?: boolean;
  /** What a person answers; an error: why no answer came. */
  readonly answer?: string | Error;
  readonly loadFails?: unknown;
}

/** A clock that stands still until it is moved. */
export class ManualClock implements Clock {
  ms = 0;
  now(): number {
    return this.ms;
  }
  monotonic(): number {
    return this.ms;
  }
  sleep(): Promise<void> {
    return Promise.resolve();
  }
}

/** Runs a command line in this process against a fake application that records its calls. */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<Run> {
  const { terminal = false, answer, env = {} } = options;
  const calls: Call[] = [];
  const exits: number[] = [];
  let stdout = '';
  let stderr = '';
  let seen: ApplicationContext | undefined;
  const signals = new EventEmitter();
  const code = await runCli({
    argv,
    env,
    stdout: { write: (text) => (stdout += text), isTTY: terminal, columns: 100 },
    stderr: { write: (text) => (stderr += text), isTTY: terminal, columns: 100 },
    ...(answer === undefined ? {} : { ask: (question: string) => ((stderr += question), typeof answer === 'string' ? Promise.resolve(answer) : Promise.reject(answer)) }),
    signals,
    exit: (exitCode) => exits.push(exitCode),
    clock: new ManualClock(),
    version: '9.9.9',
    loadApplication: (context) => {
      seen = context;
      if (options.loadFails !== undefined) return Promise.reject(options.loadFails);
      const fake: Application = { ...defaultApplication, ...options.application?.(context, signals) };
      return Promise.resolve(recording(fake, calls));
    },
  });
  return { code, stdout, stderr, calls, context: seen, exits, listening: signals.listenerCount('SIGINT') + signals.listenerCount('SIGTERM') };
}

function recording(application: Application, calls: Call[]): Application {
  return new Proxy(application, {
    get: (target, property, receiver) => {
      const method: unknown = Reflect.get(target, property, receiver);
      if (typeof method !== 'function') return method;
      return (...args: unknown[]): unknown => {
        calls.push({ method: String(property), options: args[0] });
        return Reflect.apply(method, target, args);
      };
    },
  });
}

export const defaultApplication: Application = {
  demo: () => Promise.resolve(samples.demo),
  doctor: () => Promise.resolve({ ok: true, checks: [{ id: 'monolith.wal_level', ok: true, found: 'logical', expected: 'logical', remedy: '' }] }),
  analyze: () => Promise.resolve(samples.analysis),
  plan: ({ output }) => Promise.resolve({ plan: samples.plan, files: output === undefined ? [] : [output], printed: output === undefined ? 'The plan.\n' : '' }),
  check: ({ output }) => Promise.resolve({ report: samples.compatible, files: output === undefined ? [] : [output], printed: output === undefined ? 'Fully compatible.\n' : '' }),
  runbook: ({ output }) => Promise.resolve({ runbook: samples.runbook, files: output === undefined ? [] : [output], printed: output === undefined ? 'The runbook.\n' : '' }),
  runbookTest: () => Promise.resolve({ ok: true, runbook_id: 'rb_1', tested: true, tested_at: '1970-01-01T00:00:00.000Z', steps: [{ step_id: 'expand_1', name: 'add column', result: 'came back', detail: 'undone' }], edited: [], restore: '1 s', not_run: [], notes: [], files: [] }),
  planCheck: ({ input }) => Promise.resolve({ valid: true, file: input, unknown: ['owner'] }),
  provision: ({ service, dryRun }) => Promise.resolve({ service, dryRun, statements: ['CREATE SCHEMA app', 'CREATE TABLE app.t (id int)'] }),
  syncRun: ({ untilCaughtUp }) => Promise.resolve({ stopped: untilCaughtUp ? 'caught-up' : 'requested', streams: [samples.stream] }),
  syncWait: () => Promise.resolve({ caughtUp: true, seconds: 0.25 }),
  syncStatus: () => Promise.resolve({ streams: [samples.stream], workers: [], unusedSlots: [], resyncs: [] }),
  syncPause: ({ service }) => Promise.resolve({ service, paused: true, changed: true }),
  syncResume: ({ service }) => Promise.resolve({ service, paused: false, changed: true }),
  syncResync: () => Promise.resolve(samples.resync),
  syncConflicts: () =>
    Promise.resolve({
      conflicts: [
        {
          id: '1', at: '2026-01-02T03:04:05Z', service: 'accounts', table: 'public.users', key: { id: '7' }, type: 'update_update',
          monolith: { id: '7' }, service_row: null, monolith_at: null, service_at: null, reason: null, winner: 'monolith', strategy: 'last-write-wins',
        },
      ],
    }),
  syncQuarantine: () => Promise.resolve({ quarantined: [samples.change] }),
  syncQuarantineRetry: ({ id }) => Promise.resolve({ id, applied: true, also: 2 }),
  syncQuarantineDiscard: ({ id, dryRun }) => Promise.resolve({ id, dryRun, discarded: !dryRun, change: samples.change, behind: 0 }),
  validate: () => Promise.resolve({ ...samples.unequal, consistent: true, tables: samples.unequal.tables.slice(0, 1) }),
  validateWatch: () => Promise.resolve({ stopped: 'requested', services: ['accounts'] }),
  validateHistory: () => Promise.resolve(samples.history),
  validateAnomalies: ({ side }) => Promise.resolve({ ...samples.anomalies, side }),
  reconcile: ({ dryRun }) => Promise.resolve(dryRun ? { ...samples.reconciled, dryRun, runs: [] } : samples.reconciled),
  reconcileList: () => Promise.resolve({ runs: [samples.run] }),
  reconcileShow: () => Promise.resolve({ run: samples.run, repairs: [samples.repair] }),
  reconcileUndo: ({ run, dryRun }) => Promise.resolve({ of: run, dryRun, undone: 3, left: 0, refused: 0, ...(dryRun ? {} : { run: '13' }) }),
  reviewList: () => Promise.resolve({ cases: [samples.waiting], counts: [{ type: 'different', severity: 'high', age: 'hour', cases: 1 }] }),
  reviewShow: () => Promise.resolve(samples.waiting),
  reviewApprove: ({ id }) => Promise.resolve({ id, applied: true, run: '14' }),
  reviewReject: ({ id }) => Promise.resolve({ ...samples.waiting, id, state: 'rejected' }),
  generate: ({ service }) => Promise.resolve({ service, tables: 2, endpoints: 11, seconds: 0.5, files: ['out/server.ts'] }),
  routeServe: () => Promise.resolve(samples.routes),
  routeSet: () => Promise.resolve(samples.routes),
  routeStatus: () => Promise.resolve(samples.routeStatus),
  routeRollback: () => Promise.resolve(samples.routes),
  routeHistory: () => Promise.resolve(samples.routeHistory),
  routeChange: () => Promise.resolve(samples.routes),
  routeShow: () => Promise.resolve(samples.shownRoute),
  routeExport: ({ format, outDir }) => Promise.resolve({ format, files: [`${outDir}/haproxy.cfg`], notes: ['It holds nobody.'] }),
  migrate: () => Promise.resolve(samples.migration),
  migrateStatus: () => Promise.resolve({ migrations: [samples.migration] }),
  migrateReport: ({ audience, output }) => Promise.resolve({ report: { report_type: 'migration_status', audience, generated_at: '1970-01-01T00:00:00.000Z', services: [] }, files: output === undefined ? [] : [output], printed: output === undefined ? 'The report.\n' : '' }),
  migrateRollback: () => Promise.resolve(samples.migration),
  configSchema: () => Promise.resolve({ title: 'banyan.yaml' }),
  configCheck: () => Promise.resolve({ ok: true, file: 'banyan.yaml', services: [{ name: 'accounts', tables: 2 }] }),
};
