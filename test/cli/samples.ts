import type { RouteShowResult } from '../../src/app/route-decision-types.ts';
import { compatibilityReport } from '../../src/plan/check/report.ts';
import { MigrationPlanner } from '../../src/plan/migration-planner.ts';
import type { MigrationPlan } from '../../src/plan/plan-document.ts';
import { RollbackGenerator } from '../../src/plan/runbook/rollback-generator.ts';
import type { RollbackRunbook } from '../../src/plan/runbook/runbook-document.ts';
import type { ReconcileResult, ReconcileRunResult, RepairRecord, ReviewCaseResult } from '../../src/app/reconcile-types.ts';
import { parseTableName, type TableName } from '../../src/model/names.ts';
import type { AnalyzeResult } from '../../src/app/analyze-types.ts';
import type {
  DemoResult,
  MigrationResult,
  QuarantinedChange,
  StreamStatus,
  SyncResyncResult,
  ValidateAnomaliesResult,
  ValidateHistoryResult,
  ValidateResult,
} from '../../src/app/application.ts';
import type { RouteHistoryResult, RouteResult, RouteStatusResult } from '../../src/app/route-types.ts';

/** One plausible result for each command. */
export const demo: DemoResult = {
  ok: true,
  steps: [
    { name: 'start two servers', ok: true, seconds: 1.24 },
    { name: 'shift to 100 %', ok: true, seconds: 65 },
  ],
  writesAcknowledged: 12_345,
  writesLost: 0,
  requests: 40_000,
  requestsFailed: 3,
  requestsFailedOutsideFault: 0,
  movedBack: 0,
  staleReads: 0,
  syncLatencyMs: { p50: 4, p95: 21, p99: 48 },
  conflicts: 2,
  rowsCompared: 200_000,
  differences: 0,
};

export const stream: StreamStatus = {
  service: 'accounts',
  direction: 'monolith-to-service',
  state: 'streaming',
  lagMs: 12.4,
  behind: false,
  lagBytes: 1536,
  received: '0/1A2B3C',
  applied: '0/1A2B00',
  transactions: 1200,
  rows: 4800,
  conflicts: 1,
  quarantined: 0,
  pausedTables: [],
  leftColumns: [],
  worker: 'db1:4711',
};

export const analysis: AnalyzeResult = {
  services: { accounts: ['public.users', 'public.sessions'], orders: ['public.orders'] },
  shared: ['public.countries'],
  cuts: [{ from: 'public.orders', to: 'public.users', constraint: 'orders_user_id_fkey', remedy: 'keep the id, drop the constraint' }],
  transactions: { total: 4, distributed: [{ services: ['accounts', 'orders'] }] },
  cycles: [['accounts', 'orders', 'accounts']],
  order: ['accounts', 'orders'],
  metrics: { modularity: 0.61234 },
  files: ['out/boundaries.json'],
};

const equalRows = { missing: [], extra: [], different: [], counts: { missing: 0, extra: 0, different: 0, unsettled: 0 } };

export const unequal: ValidateResult = {
  consistent: false,
  level: 'full',
  rows: 2000,
  seconds: 1.5,
  score: 0.9935,
  tables: [
    { table: parseTableName('public.sessions'), consistent: true, source: 1000, target: 1000, score: 1, seconds: 0.5, ...equalRows },
    {
      table: parseTableName('public.users'),
      consistent: false,
      source: 1000,
      target: 989,
      missing: Array.from({ length: 11 }, (_, i) => ({ id: String(i) })),
      extra: [{ row: { id: null }, source: 0, target: 1 }],
      different: [{ key: { id: '7' }, columns: { email: { source: 'a\u001B[31m', target: null } } }],
      counts: { missing: 11, extra: 1, different: 1, unsettled: 0 },
      score: 0.987,
      seconds: 1,
    },
  ],
};

const pastRun = (at: string, score: number) => ({
  run: at, at, level: 'full', consistent: score === 1, source: 1000, target: 1000, missing: 0, extra: 0, different: Math.round((1 - score) * 1000), unsettled: 0, score, seconds: 2,
});

export const unchecked: ValidateResult['unchecked'] & object = [{ check: 'rule', name: 'revenue', code: 'BANYAN_VALIDATE_RULE', message: 'the query took longer than 50 ms' }];

export const history: ValidateHistoryResult = {
  tables: [
    {
      service: 'accounts', table: 'public.users', level: 'full', consistent: false, score: 0.992, trend: { direction: 'rising', percentPerDay: 0.2, runs: 5 },
      runs: [0.992, 0.994, 0.996, 0.998, 1].map((score, index) => pastRun(`2026-01-0${9 - index}T03:00:00.000Z`, score)),
    },
    { service: 'accounts', table: 'public.sessions', level: 'full', consistent: true, score: 1, trend: { direction: 'unknown', percentPerDay: 0, runs: 1 }, runs: [pastRun('2026-01-09T03:00:00.000Z', 1)] },
  ],
};

export const anomalies: ValidateAnomaliesResult = {
  side: 'monolith',
  hints: [
    { service: 'accounts', table: 'public.users', kind: 'past', measure: 'null_share', column: 'email', found: 0.5, expected: 0.01, deviation: 98 },
    { service: 'accounts', table: 'public.users', kind: 'past', measure: 'rows', found: 100, expected: 1000, deviation: -90.4 },
    { service: 'accounts', table: 'public.users', kind: 'row', key: { id: '7' }, score: 0.81, column: 'balance', deviation: 1200 },
  ],
  tables: [{ service: 'accounts', table: 'public.users', profiles: 12, rows: 100 }, { service: 'accounts', table: 'public.sessions', profiles: 2, rows: 5 }],
};

export const change: QuarantinedChange = {
  id: '42',
  at: '2026-01-02T03:04:05Z',
  service: 'accounts',
  direction: 'service-to-monolith',
  table: 'public.users',
  key: { id: '7' },
  operation: 'update',
  committedAt: '2026-01-02T03:04:05Z',
  position: '0/1A2B3C',
  code: '22001',
  reason: 'value too long for type character varying(3)',
  before: { id: '7', name: 'Ann' },
  after: { id: '7', name: null },
  behind: '41',
};

export const routes: RouteResult = {
  routes: [
    { service: 'accounts', percent: 25, version: 7, health: 'healthy', breaker: 'closed', shadow: { percent: 10, compared: 120, recent: [1] } },
  ],
};

/** Of a router that moves users while another has fallen silent. */
export const routeStatus: RouteStatusResult = {
  routes: [
    {
      service: 'accounts', percent: 25, targetPercent: 30, version: 7, health: 'healthy', breaker: 'closed', shadow: { percent: 10, compared: 120, recent: [1] },
      decision: { strategy: 'canary', pinned: null, stage: 'live', allowed: 2, denied: 1, rules: 1, variants: { blue: 60, green: 40 }, next: { percent: 50, at: '2026-02-01T00:00:00.000Z' } },
      decided: { by: 'anna', why: 'more of them', at: '2026-01-02T03:04:05.000000Z' },
      schedule: { next: { percent: 50, at: '2026-02-01T00:00:00.000Z' }, more: 1, waitsFor: ['its time, 2026-02-01T00:00:00.000Z'] },
      move: { version: 7, state: 'postponed', reason: 'sync lags', heldRequests: 3 },
      sides: {
        monolith: { url: 'http://127.0.0.1:3000', healthy: true, breaker: 'closed', requests: 1000, errorRate: 0.001, p50Ms: 5, p95Ms: 20 },
        service: { url: 'http://127.0.0.1:4001', healthy: false, breaker: 'open', requests: 0, errorRate: 0, p50Ms: 0, p95Ms: 0 },
      },
      coolingUntil: '2026-01-02T03:09:05.000Z',
    },
  ],
  routers: [
    { router: 'r1', alive: true, seenAt: '2026-01-02T03:04:06Z', routes: [{ service: 'accounts', version: 7, state: 'postponed', percent: 25, reason: 'sync lags' }] },
    { router: 'r2', alive: false, seenAt: '2026-01-02T03:00:00Z', routes: [{ service: 'accounts', version: 6, state: 'done', percent: 25, reason: '' }] },
    { router: 'r3', alive: true, seenAt: '2026-01-02T03:04:06Z', routes: [] },
  ],
  planes: [
    { name: 'haproxy at /run/a.sock', shares: [{ service: 'accounts', percent: 25, movingUpTo: 30 }], problem: '' },
    { name: 'haproxy at /run/b.sock', shares: [], problem: 'connect ENOENT' },
  ],
  asked: { router: 'r1', cutOffSince: null, reason: '' },
  store: { reachable: true, reason: '' },
};

export const shownRoute: RouteShowResult = {
  service: 'accounts', percent: 25, version: 7, by: 'anna', why: 'more of them', at: '2026-01-02T03:04:05.000000Z',
  decision: {
    strategy: 'canary', pinned: 'monolith', deny: ['7'], allow: ['42', 'anna'], rules: [{ when: { tenant: ['acme'] }, percent: 100 }],
    experiment: 'prices', variants: [{ name: 'blue', weight: 1, ranges: [[0, 2500]] }], stage: 'shadow',
    gradual: null,
    schedule: [{ percent: 50, at: '2026-02-01T00:00:00.000Z' }, { percent: 100, afterSeconds: 3600 }],
  },
};

export const routeHistory: RouteHistoryResult = {
  service: 'accounts',
  versions: [
    { version: 2, percent: 0, by: 'banyan', why: '5 failures in a row', at: '2026-03-01T10:05:00Z' },
    { version: 1, percent: 25, by: 'ada', why: 'route set', at: '2026-03-01T10:00:00Z' },
  ],
};

export const migration: MigrationResult = {
  service: 'accounts',
  stage: 'shadow',
  gates: [
    { name: 'caught up', passed: true, evidence: { lagMs: 12 } },
    { name: 'equal', passed: true, evidence: '200,000 rows compared' },
  ],
  history: [{ at: '2026-01-02T03:04:05Z', from: 'sync', to: 'shadow' }],
};

export const resync: SyncResyncResult = {
  service: 'accounts', table: 'public.users', from: 'monolith', dryRun: false, state: 'done', found: 1300, repaired: 1204, held: 0, busy: 0, refused: 0, seconds: 4.5,
};

export const run: ReconcileRunResult = {
  id: '12', scope: 'accounts', kind: 'reconcile', by: 'anna', state: 'done', startedAt: '2026-01-02T03:04:05Z', endedAt: '2026-01-02T03:04:06Z', counts: { applied: 3, queued: 1 },
};

export const repair: RepairRecord = {
  id: '40', at: '2026-01-02T03:04:05Z', table: parseTableName('public.users'), side: 'service', kind: 'update', state: 'applied', before: [{ id: '7', name: 'Bob' }], after: [{ id: '7', name: null }],
};

export const waiting: ReviewCaseResult = {
  id: '7', scope: 'accounts', table: parseTableName('public.users'), type: 'different', severity: 'high', state: 'open', key: { id: '7' }, columns: ['name'], why: 'its policy is review',
  foundAt: '2026-01-02T03:04:05Z', seenAt: '2026-01-02T03:04:05Z', monolith: [{ id: '7', name: 'Ann' }], service: [{ id: '7', name: null }],
};

export const reconciled: ReconcileResult = {
  consistent: true, dryRun: false, seconds: 1.5, runs: [{ scope: 'accounts', run: '12' }],
  tables: [{ scope: 'accounts', table: 'public.users' as TableName, policy: 'monolith-wins', missing: 1, extra: 0, different: 2, inserted: 1, updated: 2, deleted: 0, left: 0, queued: 0, rejected: 0, unsettled: 0 }],
};

export const plan: MigrationPlan = new MigrationPlanner({ clock: { now: () => 0 } }).plan({ type: 'database', source: 'shop', target: 'accounts', pattern: 'data_migration' });

export const runbook: RollbackRunbook = new RollbackGenerator({ clock: { now: () => 0 } }).generate(plan);

export const compatible = compatibilityReport({ before: 'a', after: 'b', at: new Date(0), comparison: { findings: [], scripts: [] } });
