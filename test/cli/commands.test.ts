import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Application, SyncStatusResult } from '../../src/app/application.ts';
import { temporaryFolder } from '../support/application.ts';
import { run } from './harness.ts';
import * as samples from './samples.ts';

/** What each command line asks of the application. */
const ASKED: readonly (readonly [line: string, method: keyof Application, options: unknown])[] = [
  ['demo', 'demo', { keep: false }],
  ['demo --keep', 'demo', { keep: true }],
  ['doctor', 'doctor', undefined],
  ['analyze', 'analyze', {}],
  ['analyze --db postgres://h/d --services 4 -o out', 'analyze', { db: 'postgres://h/d', services: 4, outDir: 'out' }],
  ['analyze --schema s.sql --workload w.sql --out-dir out', 'analyze', { schemaFile: 's.sql', workloadFile: 'w.sql', outDir: 'out' }],
  ['analyze --keep a,b --keep c,"D,e" --apart a,c --min-tables 3 --max-tables 9 --against CODEOWNERS', 'analyze', { keep: [['a', 'b'], ['c', '"D,e"']], apart: [['a', 'c']], minTables: 3, maxTables: 9, againstFile: 'CODEOWNERS' }],
  ['analyze --log a.log --log b.log.gz --log-prefix %m:%p:', 'analyze', { logFiles: ['a.log', 'b.log.gz'], logPrefix: '%m:%p:' }],
  ['analyze --no-statements --watch 1.5', 'analyze', { statements: false, watchSeconds: 1.5 }],
  ['provision accounts', 'provision', { service: 'accounts', dryRun: false }],
  ['provision accounts --dry-run', 'provision', { service: 'accounts', dryRun: true }],
  ['sync run', 'syncRun', { provision: true, untilCaughtUp: false }],
  ['sync run --no-provision --until-caught-up --services a,b', 'syncRun', { provision: false, untilCaughtUp: true, services: ['a', 'b'] }],
  ['sync wait', 'syncWait', {}],
  ['sync wait --timeout 2.5', 'syncWait', { timeoutSeconds: 2.5 }],
  ['sync status', 'syncStatus', undefined],
  ['sync pause accounts', 'syncPause', { service: 'accounts' }],
  ['sync resume accounts', 'syncResume', { service: 'accounts' }],
  ['sync resync accounts users --yes', 'syncResync', { service: 'accounts', table: 'users', dryRun: false, wait: true }],
  ['sync resync accounts users --from service --no-wait', 'syncResync', { service: 'accounts', table: 'users', from: 'service', dryRun: false, wait: false }],
  ['sync resync accounts users --dry-run', 'syncResync', { service: 'accounts', table: 'users', dryRun: true, wait: true }],
  ['sync conflicts', 'syncConflicts', { limit: 100, answers: false }],
  ['sync conflicts --limit 5', 'syncConflicts', { limit: 5, answers: false }],
  ['sync quarantine', 'syncQuarantine', undefined],
  ['sync quarantine retry 42', 'syncQuarantineRetry', { id: '42' }],
  ['sync quarantine discard 42 --yes', 'syncQuarantineDiscard', { id: '42', dryRun: false }],
  ['sync quarantine discard 42 --dry-run', 'syncQuarantineDiscard', { id: '42', dryRun: true }],
  ['validate', 'validate', {}],
  [
    'validate --source postgres://a/x --target postgres://b/y --tables public.a,"o,d"."T" --level checksum --where id>1',
    'validate',
    { source: 'postgres://a/x', target: 'postgres://b/y', tables: ['public.a', '"o,d"."T"'], level: 'checksum', where: 'id>1' },
  ],
  ['validate --resume', 'validate', { resume: true }],
  ['validate --exact --exclude updated_at,seen', 'validate', { exact: true, exclude: ['updated_at', 'seen'] }],
  ['validate --rules revenue,temporal:public.orders --rules-only', 'validate', { rules: ['revenue', 'temporal:public.orders'], rulesOnly: true }],
  ['validate watch', 'validateWatch', {}],
  ['validate watch --services a,b --metrics h:1', 'validateWatch', { services: ['a', 'b'], metrics: 'h:1' }],
  ['validate history', 'validateHistory', { limit: 20 }],
  ['validate history --table users --since 7d --limit 5', 'validateHistory', { table: 'users', sinceSeconds: 604_800, limit: 5 }],
  ['validate anomalies', 'validateAnomalies', { side: 'monolith' }],
  ['validate anomalies --side service --tables users,b', 'validateAnomalies', { side: 'service', tables: ['users', 'b'] }],
  ['reconcile --yes', 'reconcile', { dryRun: false }],
  ['reconcile --dry-run --tables a,b --policy newest-wins --allow-deletes a', 'reconcile', { dryRun: true, tables: ['a', 'b'], policy: 'newest-wins', allowDeletes: ['a'] }],
  ['reconcile --source postgres://a/x --target postgres://b/y --record postgres://c/z', 'reconcile', { source: 'postgres://a/x', target: 'postgres://b/y', state: 'postgres://c/z', dryRun: false }],
  ['reconcile list', 'reconcileList', { limit: 20 }],
  ['reconcile show 12 --limit 5', 'reconcileShow', { run: '12', limit: 5 }],
  ['reconcile show 12 --after 500', 'reconcileShow', { run: '12', limit: 100, after: '500' }],
  ['reconcile undo 12 --by anna --reason wrong --yes', 'reconcileUndo', { run: '12', by: 'anna', reason: 'wrong', dryRun: false }],
  ['reconcile undo 12 --dry-run', 'reconcileUndo', { run: '12', dryRun: true }],
  ['reconcile undo 12 --source postgres://a/x --target postgres://b/y', 'reconcileUndo', { source: 'postgres://a/x', target: 'postgres://b/y', run: '12', dryRun: false }],
  ['review', 'reviewList', { limit: 100 }],
  ['review list --table users --type extra --severity medium --state all --older-than 1.5 --limit 3', 'reviewList', { limit: 3, table: 'users', type: 'extra', severity: 'medium', caseState: 'all', olderThanSeconds: 5400 }],
  ['review show 7', 'reviewShow', { id: '7' }],
  ['review approve 7 --side service --by anna --yes', 'reviewApprove', { id: '7', side: 'service', by: 'anna' }],
  ['review approve 7 --row {"name":null,"balance":"1.10"} --reason asked', 'reviewApprove', { id: '7', row: { name: null, balance: '1.10' }, reason: 'asked' }],
  ['review reject 7 --reason meant', 'reviewReject', { id: '7', reason: 'meant' }],
  ['plan -i spec.json', 'plan', { input: 'spec.json', format: 'both' }],
  ['plan -i spec.json -o plan.md -f markdown', 'plan', { input: 'spec.json', output: 'plan.md', format: 'markdown' }],
  ['plan -i spec.json --validate', 'planCheck', { input: 'spec.json' }],
  ['plan -i spec.json --database postgres://h/shop --watch 60', 'plan', { input: 'spec.json', format: 'both', database: 'postgres://h/shop', watchSeconds: 60 }],
  ['plan -i spec.json --no-database', 'plan', { input: 'spec.json', format: 'both', measure: false }],
  ['runbook -i plan.json', 'runbook', { input: 'plan.json', format: 'both' }],
  ['runbook -i plan.json -o r.md -f markdown', 'runbook', { input: 'plan.json', output: 'r.md', format: 'markdown' }],
  ['runbook -i plan.json --database postgres://h/d', 'runbook', { input: 'plan.json', format: 'both', database: 'postgres://h/d' }],
  ['runbook -i plan.json --no-database', 'runbook', { input: 'plan.json', format: 'both', measure: false }],
  ['runbook test -i plan.json --database postgres://h/d', 'runbookTest', { input: 'plan.json', format: 'both', database: 'postgres://h/d' }],
  ['runbook test -i plan.json', 'runbookTest', { input: 'plan.json', format: 'both' }],
  ['runbook test edited.json -i plan.json', 'runbookTest', { input: 'plan.json', format: 'both', runbook: 'edited.json' }],
  ['runbook test -i plan.json --schema s.sql -o r.json', 'runbookTest', { input: 'plan.json', format: 'both', schema: 's.sql', output: 'r.json' }],
  ['check --before a.sql --after b.sql --type database --rename t.a=t.b --rename u=v', 'check', { before: 'a.sql', after: 'b.sql', type: 'database', format: 'text', renames: { 't.a': 't.b', u: 'v' } }],
  ['check --before a --after b --type database --rows-timeout 0', 'check', { before: 'a', after: 'b', type: 'database', format: 'text', rowsTimeoutSeconds: 0 }],
  ['check --before a --after b --type database --allow-hazard none --apply --plan-hash x --lock-timeout 50', 'check', { before: 'a', after: 'b', type: 'database', format: 'text', allowHazards: ['none'], apply: { planHash: 'x', lockTimeoutMs: 50 } }],
  ['check --before a --after b --type database --no-rules --apply --plan-hash x --allow-rows t.a --allow-rows t.b', 'check', { before: 'a', after: 'b', type: 'database', format: 'text', rules: false, allowRows: ['t.a', 't.b'], apply: { planHash: 'x' } }],
  ['check --before a --after b --type api -f sarif -o c.sarif', 'check', { before: 'a', after: 'b', type: 'api', format: 'sarif', output: 'c.sarif' }],
  ['generate --service accounts -o out', 'generate', { service: 'accounts', outDir: 'out' }],
  ['generate --db postgres://h/d --service a --tables t,u -o out', 'generate', { db: 'postgres://h/d', service: 'a', tables: ['t', 'u'], outDir: 'out' }],
  ['route serve', 'routeServe', undefined],
  ['route set accounts 12.5', 'routeSet', { service: 'accounts', percent: 12.5 }],
  ['route set accounts 100 --step 5 --every 300', 'routeSet', { service: 'accounts', percent: 100, gradual: { stepPercent: 5, everySeconds: 300 } }],
  ['migrate report', 'migrateReport', { audience: 'technical', format: 'text' }],
  ['migrate report accounts --audience executive -f markdown -o r.md', 'migrateReport', { service: 'accounts', audience: 'executive', format: 'markdown', output: 'r.md' }],
  ['route set accounts 100 --gradual', 'routeSet', { service: 'accounts', percent: 100, plan: {} }],
  [
    'route set accounts 100 --gradual --step 10 --every 60 --max-wait 900 --overdue continue', 'routeSet',
    { service: 'accounts', percent: 100, plan: { stepPercent: 10, everySeconds: 60, maxSeconds: 900, overdue: 'continue' } },
  ],
  ['route rollback accounts --to-version 7 --why slow', 'routeRollback', { service: 'accounts', toVersion: 7, why: 'slow' }],
  ['route history accounts --limit 5', 'routeHistory', { service: 'accounts', limit: 5 }],
  ['route set accounts 5 --why more', 'routeChange', { service: 'accounts', percent: 5, why: 'more' }],
  ['route set accounts --allow 42 43 --allow 44 --deny 7 --unlist 8', 'routeChange', { service: 'accounts', allow: ['42', '43', '44'], deny: ['7'], unlist: ['8'] }],
  ['route set accounts --strategy variants --variant blue=30 green=0.5 --experiment again', 'routeChange', { service: 'accounts', strategy: 'variants', variants: { blue: 30, green: 0.5 }, experiment: 'again' }],
  ['route set accounts 1 --strategy canary --scheduled --configured --stage dual-write', 'routeChange', { service: 'accounts', percent: 1, strategy: 'canary', scheduled: true, configured: true, stage: 'dual-write' }],
  ['route show accounts', 'routeShow', { service: 'accounts' }],
  ['route status', 'routeStatus', undefined],
  ['route rollback accounts', 'routeRollback', { service: 'accounts' }],
  ['route export --format haproxy -o out', 'routeExport', { format: 'haproxy', outDir: 'out', direct: false }],
  ['route export --format envoy -o out --direct --listen :80 --bucket-header x-b --router http://r:1', 'routeExport', { format: 'envoy', outDir: 'out', direct: true, router: 'http://r:1', listen: ':80', bucketHeader: 'x-b' }],
  ['migrate accounts', 'migrate', { service: 'accounts', dryRun: false }],
  ['migrate accounts --to shadow --dry-run', 'migrate', { service: 'accounts', to: 'shadow', dryRun: true }],
  ['migrate status', 'migrateStatus', {}],
  ['migrate status accounts', 'migrateStatus', { service: 'accounts' }],
  ['migrate rollback accounts', 'migrateRollback', { service: 'accounts', dryRun: false }],
  ['migrate rollback --dry-run accounts', 'migrateRollback', { service: 'accounts', dryRun: true }],
  ['config schema', 'configSchema', undefined],
  ['config check', 'configCheck', undefined],
];

describe('every command asks the application', () => {
  test.each(ASKED)('banyan %s', async (line, method, options) => {
    const { code, calls, stdout, stderr } = await run(line.split(' '));
    expect(calls).toEqual([{ method, options }]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/\S\n$/);
    expect(stderr).toBe('');
  });

  test('and no method of the application is without a command', async () => {
    const { defaultApplication } = await import('./harness.ts');
    expect(new Set(ASKED.map(([, method]) => method))).toEqual(new Set(Object.keys(defaultApplication)));
  });
});

describe('--json prints one document on stdout and nothing else', () => {
  test.each(ASKED)('banyan %s --json', async (line) => {
    const { stdout, stderr } = await run(['--json', ...line.split(' ')]);
    expect(typeof JSON.parse(stdout)).toBe('object');
    expect(stdout.endsWith('}\n')).toBe(true);
    expect(stderr).toBe('');
  });

  test('the document is the result as the application gave it', async () => {
    expect(JSON.parse((await run(['demo', '--json'])).stdout)).toEqual(samples.demo);
    expect(JSON.parse((await run(['validate', '--json'], { application: () => ({ validate: () => Promise.resolve(samples.unequal) }) })).stdout)).toEqual(
      samples.unequal,
    );
  });

  test('notes and progress go to stderr', async () => {
    const { stdout, stderr } = await run(['doctor', '--json'], {
      application: ({ progress, logging }) => ({
        doctor: () => {
          progress.note('reading settings');
          progress.begin({ name: 'tables' }).done();
          logging.logger({ level: 'info', format: 'json' }).info('connected');
          return Promise.resolve({ ok: true, checks: [] });
        },
      }),
    });
    expect(JSON.parse(stdout)).toEqual({ ok: true, checks: [] });
    expect(stderr).toContain('reading settings\n');
    expect(stderr).toContain('✓ tables (0.0 s)\n');
    expect(stderr).toContain('"message":"connected"');
  });

  test('migrate status of one service has its fields at the top, of several only the list', async () => {
    const one = JSON.parse((await run(['migrate', 'status', '--json'])).stdout) as unknown;
    expect(one).toEqual({ ...samples.migration, migrations: [samples.migration] });
    const migrations = [samples.migration, { ...samples.migration, service: 'orders' }];
    const several = await run(['migrate', 'status', '--json'], { application: () => ({ migrateStatus: () => Promise.resolve({ migrations }) }) });
    expect(JSON.parse(several.stdout)).toEqual({ migrations });
  });
});

describe('the exit code is the answer', () => {
  const cases: readonly (readonly [string, Partial<Application>, number])[] = [
    ['demo', { demo: () => Promise.resolve({ ...samples.demo, ok: false, writesLost: 1 }) }, 1],
    ['doctor', { doctor: () => Promise.resolve({ ok: false, checks: [{ id: 'x', ok: false, found: 'a', expected: 'b', remedy: 'do c' }] }) }, 1],
    ['sync run --until-caught-up', { syncRun: () => Promise.resolve({ stopped: 'requested', streams: [] }) }, 1],
    ['sync run', { syncRun: () => Promise.resolve({ stopped: 'requested', streams: [] }) }, 0],
    ['sync wait --timeout 1', { syncWait: () => Promise.resolve({ caughtUp: false, seconds: 1 }) }, 1],
    ['sync quarantine retry 1', { syncQuarantineRetry: () => Promise.resolve({ id: '1', applied: false, also: 0 }) }, 1],
    ['sync quarantine discard 1', { syncQuarantineDiscard: () => Promise.resolve({ id: '1', dryRun: false, discarded: false, change: samples.change, behind: 1 }) }, 1],
    ['validate', { validate: () => Promise.resolve(samples.unequal) }, 1],
    ['validate', { validate: () => Promise.resolve({ ...samples.unequal, unchecked: samples.unchecked }) }, 1],
    ['validate', { validate: () => Promise.resolve({ ...samples.unequal, tables: [], unchecked: samples.unchecked }) }, 3],
    ['reconcile', { reconcile: () => Promise.resolve({ ...samples.reconciled, consistent: false }) }, 1],
    ['reconcile undo 1', { reconcileUndo: () => Promise.resolve({ of: '1', run: '2', dryRun: false, undone: 1, left: 1, refused: 0 }) }, 1],
    ['reconcile undo 1 --yes', { reconcileUndo: () => Promise.resolve({ of: '1', dryRun: false, undone: 0, left: 0, refused: 0 }) }, 1],
    ['review approve 1 --side monolith', { reviewApprove: () => Promise.resolve({ id: '1', applied: false, run: '2', reason: 'it has changed' }) }, 1],
    ['migrate a', { migrate: () => Promise.resolve({ ...samples.migration, gates: [{ name: 'equal', passed: false, evidence: 3 }] }) }, 1],
    ['migrate status', { migrateStatus: () => Promise.resolve({ migrations: [{ ...samples.migration, gates: [{ name: 'equal', passed: false, evidence: undefined }] }] }) }, 0],
  ];
  test.each(cases)('banyan %s', async (line, application, code) => {
    expect((await run(line.split(' '), { application: () => application })).code).toBe(code);
    expect((await run([...line.split(' '), '--json'], { application: () => application })).code).toBe(code);
  });
});

describe('for people', () => {
  const shown = async (line: string, application: Partial<Application> = {}) => (await run(line.split(' '), { application: () => application })).stdout;

  test('demo', async () => {
    expect(await shown('demo')).toBe(`   step                     time
✓  start two servers       1.2 s
✓  shift to 100 %     1 min 05 s

   promise                                  measured
✓  acknowledged writes lost                 0 of 12,345
✓  requests failed outside the fault        0 of 40,000
✓  users moved back by a raised percentage  0
✓  users who read the past                  0
✓  rows that differ at the end              0 of 200,000
✓  sync latency p50, p95, p99               4, 21, 48 ms

2 conflicts resolved; 3 requests failed inside the fault window or outside.
All promises kept.
`);
    expect(await shown('demo', { demo: () => Promise.resolve({ ...samples.demo, ok: false, staleReads: 2 }) })).toContain('✗  users who read the past                  2\n');
  });

  test('reconcile and review', async () => {
    expect(await shown('reconcile')).toBe(`   table         policy         found  inserted  updated  deleted  queued  left
✓  public.users  monolith-wins      3         1        2        0       0     0

Runs: 12 of accounts. Both sides are equal. (1.5 s)
`);
    expect(await shown('reconcile show 12')).toBe(`Run 12 of accounts: reconcile by anna at 2026-01-02T03:04:05Z; done; 3 applied, 1 queued

~ public.users in the service: applied
    before id=7, name=Bob
    after  id=7, name=null
`);
    expect(await shown('review show 7')).toBe(`Difference 7 in public.users: different, high, open; its policy is review

   column  monolith  service
   id      7         7
≠  name    Ann       null
`);
    expect(await shown('review')).toContain('1 different (high), found in the last hour\n');
    expect(await shown('reconcile list')).toContain('12   accounts  reconcile  anna  2026-01-02T03:04:05Z  done   3 applied, 1 queued\n');
  });

  test('doctor', async () => {
    const checks = [
      { id: 'a.b', ok: true, found: 'x', expected: 'x', remedy: '' },
      { id: 'c', ok: false, found: 'replica', expected: 'logical', remedy: 'Set wal_level = logical.' },
    ];
    expect(await shown('doctor', { doctor: () => Promise.resolve({ ok: false, checks }) })).toBe(`   check  found    expected
✓  a.b    x        x
✗  c      replica  logical

c
  Set wal_level = logical.

1 check failed.
`);
    expect(await shown('doctor')).toContain('\nReady.\n');
  });

  test('analyze', async () => {
    expect(await shown('analyze')).toBe(`service   tables
accounts       2  public.users, public.sessions
orders         1  public.orders

shared by several: public.countries

cut                  from           to            remedy
orders_user_id_fkey  public.orders  public.users  keep the id, drop the constraint

cycle: accounts → orders → accounts

1 of 4 kinds of transaction would cross a border
order of extraction: accounts, orders
modularity: 0.612
written: out/boundaries.json
`);
    const empty = { services: {}, shared: [], cuts: [], transactions: { total: 0, distributed: [] }, cycles: [], order: [], metrics: {} };
    expect(await shown('analyze', { analyze: () => Promise.resolve(empty) })).toBe('service  tables\n');
  });

  test('provision prints SQL that psql can read', async () => {
    expect(await shown('provision accounts --dry-run')).toBe('CREATE SCHEMA app;\nCREATE TABLE app.t (id int);\n-- accounts: 2 statements to run\n');
    expect(await shown('provision accounts')).toContain('-- accounts: 2 statements run\n');
    const nothing = { provision: () => Promise.resolve({ service: 'accounts', dryRun: true, statements: [] }) };
    expect(await shown('provision accounts', nothing)).toBe('-- accounts: nothing is missing\n');
  });

  test('sync status', async () => {
    const unknown = { ...samples.stream, direction: 'service-to-monolith' as const, lagMs: null, lagBytes: null, received: null, applied: null, quarantined: 3 };
    expect(await shown('sync status', { syncStatus: () => Promise.resolve({ streams: [samples.stream, unknown], workers: [], unusedSlots: [], resyncs: [] }) })).toBe(
      `service   direction            state        lag   behind  received  applied   transactions   rows  conflicts  quarantined  worker
accounts  monolith-to-service  streaming  12 ms  1.5 KiB  0/1A2B3C  0/1A2B00         1,200  4,800          1            0  db1:4711
accounts  service-to-monolith  streaming      –        –  –         –                1,200  4,800          1            3  db1:4711
`,
    );
    const workers = [{ worker: 'db1:4711', since: '', services: ['accounts'] }, { worker: 'db2:4712', since: '', services: [] }];
    expect(await shown('sync status', { syncStatus: () => Promise.resolve({ streams: [samples.stream], workers, unusedSlots: [], resyncs: [] }) })).toContain('\nStanding by: db2:4712.\n');
    expect(await shown('sync status', { syncStatus: () => Promise.resolve({ streams: [], workers: [], unusedSlots: [], resyncs: [] }) })).toBe('No streams.\n');
  });

  test('sync status tells what the servers keep, and what nobody uses', async () => {
    const slot = { name: 'banyan_accounts_m2s_5', active: true, retainedBytes: 2048, safeBytes: null, walStatus: 'reserved' };
    const told = async (stream: Partial<typeof samples.stream>, unusedSlots: SyncStatusResult['unusedSlots'] = []): Promise<string> =>
      (await shown('sync status', { syncStatus: () => Promise.resolve({ streams: [{ ...samples.stream, ...stream }], workers: [], unusedSlots, resyncs: [] }) })).split('\n').slice(2).join('\n');
    expect(await told({ slot })).toBe('');
    expect(await told({ slot: { ...slot, active: false } })).toBe('accounts monolith-to-service: nobody reads slot banyan_accounts_m2s_5; the server keeps 2.0 KiB of WAL for it.\n');
    expect(await told({ slot: { ...slot, walStatus: 'unreserved' } })).toContain('is about to lose WAL');
    expect(await told({ slot: { ...slot, walStatus: 'lost' } })).toContain('BANYAN_SLOT_LOST');
    expect(await told({ state: 'paused', pausedAt: '2026-01-02T03:04:05Z', pausedBy: 'anna' })).toBe('accounts monolith-to-service was paused by anna at 2026-01-02T03:04:05Z.\n');
    const unused = { ...slot, active: false, database: 'the monolith', reason: 'no configured service has this name', statements: [{ on: 'the monolith', sql: 'SELECT 1;' }], consequence: 'Gone.' };
    expect(await told({}, [unused])).toBe(
      'Slot banyan_accounts_m2s_5 on the monolith keeps 2.0 KiB of WAL, and no stream uses it: no configured service has this name.\n' +
        '  Drop it if it is not wanted any more. Gone.\n  on the monolith: SELECT 1;\n',
    );
    expect(await told({}, [{ ...unused, active: true }])).toContain('something reads it');
  });

  test('sync resync', async () => {
    expect(await shown('sync resync accounts users')).toBe("1,204 rows of public.users were made equal to the monolith's; each is in `banyan sync conflicts` with the strategy resync.\n");
    const differences = [{ table: samples.unequal.tables[1]!.table, source: 9, target: 9, missing: ['1'], extra: ['2', '3'], different: [], counts: { missing: 1, extra: 2, different: 1500, unsettled: 0 } }];
    const dry = (from: 'monolith' | 'service'): Partial<Application> => ({ syncResync: () => Promise.resolve({ ...samples.resync, from, dryRun: true, state: 'kept', differences }) });
    expect(await shown('sync resync accounts users --dry-run', dry('monolith'))).toBe('Would bring 1, overwrite 1,500 and delete 2 rows of public.users in the service.\n');
    expect(await shown('sync resync accounts users --dry-run', dry('service'))).toBe('Would bring 2, overwrite 1,500 and delete 1 rows of public.users in the monolith.\n');
    expect(await shown('sync resync accounts users', { syncResync: () => Promise.resolve({ ...samples.resync, state: 'asked' }) })).toContain('will be made equal');
    const left = await run(['sync', 'resync', 'accounts', 'users'], { application: () => ({ syncResync: () => Promise.resolve({ ...samples.resync, held: 2, refused: 1, reason: 'no' }) }) });
    expect([left.code, left.stdout]).toEqual([1, expect.stringContaining('2 rows are left as they are: they have a change in quarantine') as string]);
    expect((await run(['sync', 'resync', 'accounts', 'users'], { application: () => ({ syncResync: () => Promise.resolve({ ...samples.resync, state: 'kept' }) }) })).code).toBe(1);
    const resyncs = [{ ...samples.resync, state: 'running' as const, askedBy: 'anna', askedAt: '2026-01-02T03:04:05Z', compared: 1_000_000, expected: 4_000_000, rowsPerSecond: 20_000, secondsLeft: 150 }];
    expect(await shown('sync status', { syncStatus: () => Promise.resolve({ streams: [], workers: [], unusedSlots: [], resyncs }) })).toContain(
      "accounts: public.users is being made equal to the monolith's (anna): 1,000,000 of 4,000,000 rows compared, 20,000 a second, 150 s left; 1,300 looked into, 1,204 made equal.\n",
    );
  });

  test('sync pause and resume', async () => {
    expect(await shown('sync pause accounts')).toBe('accounts is paused. Both databases keep their log until `banyan sync resume accounts`.\n');
    expect(await shown('sync pause accounts', { syncPause: ({ service }) => Promise.resolve({ service, paused: true, changed: false }) })).toContain('is paused already.');
    expect(await shown('sync resume accounts')).toBe('accounts is resumed.\n');
    expect(await shown('sync resume accounts', { syncResume: ({ service }) => Promise.resolve({ service, paused: false, changed: false }) })).toBe('accounts was not paused.\n');
    const raced = await run(['sync', 'pause', 'accounts'], { application: () => ({ syncPause: ({ service }) => Promise.resolve({ service, paused: false, changed: true }) }) });
    expect(raced.code).toBe(1);
  });

  test('sync run and wait', async () => {
    expect(await shown('sync run')).toMatch(/Stopped on request\.\n$/);
    expect(await shown('sync run --until-caught-up')).toMatch(/Caught up\.\n$/);
    expect(await shown('sync wait')).toBe('Caught up after 0.3 s.\n');
    expect(await shown('sync wait', { syncWait: () => Promise.resolve({ caughtUp: false, seconds: 30 }) })).toBe('Not caught up after 30 s.\n');
  });

  test('sync conflicts and quarantine', async () => {
    expect(await shown('sync conflicts')).toBe(`id  at                    table         key   type           winner    strategy
1   2026-01-02T03:04:05Z  public.users  id=7  update_update  monolith  last-write-wins
`);
    expect(await shown('sync conflicts', { syncConflicts: () => Promise.resolve({ conflicts: [] }) })).toBe('No conflicts.\n');
    const first = { id: '41', at: '2026-01-02T03:04:04Z', service: 'accounts', direction: 'service-to-monolith', table: 'public.users', key: { id: '7' }, operation: 'delete', committedAt: '2026-01-02T03:04:03Z', position: '0/1A2B00', code: 'x', reason: 'why', before: null, after: null } as const;
    expect(await shown('sync quarantine', { syncQuarantine: () => Promise.resolve({ quarantined: [first, samples.change] }) })).toBe(`41  2026-01-02T03:04:04Z  accounts  service-to-monolith
  delete public.users id=7
  reason: why

42  2026-01-02T03:04:05Z  accounts  service-to-monolith
  update public.users id=7
  reason: value too long for type character varying(3)
  before: id=7, name=Ann
  after: id=7, name=null
  waits behind 41
`);
    expect(await shown('sync quarantine', { syncQuarantine: () => Promise.resolve({ quarantined: [] }) })).toBe('The quarantine is empty.\n');
    expect(await shown('sync quarantine retry 42')).toBe('42 applied, and 2 changes that waited behind it.\n');
    const again = { syncQuarantineRetry: () => Promise.resolve({ id: '42', applied: false, reason: 'still too long', also: 0 }) };
    expect(await shown('sync quarantine retry 42', again)).toBe('42 failed again: still too long\n');
    expect(await shown('sync quarantine discard 42 --dry-run')).toMatch(/Would be discarded\.\n$/);
    expect(await shown('sync quarantine discard 42')).toMatch(/\nDiscarded\. The two sides differ in this row; `banyan validate` shows it\.\n$/);
    const kept = { syncQuarantineDiscard: () => Promise.resolve({ id: '42', dryRun: false, discarded: false, change: samples.change, behind: 1 }) };
    expect(await shown('sync quarantine discard 42', kept)).toMatch(/1 change waits behind it, and is applied when it is gone\.\nKept\.\n$/);
  });

  test('validate shows what differs, and no control character of a value', async () => {
    expect(await shown('validate', { validate: () => Promise.resolve(samples.unequal) })).toBe(`   table            source  target  missing  extra  different
✓  public.sessions   1,000   1,000        0      0          0
✗  public.users      1,000     989       11      1          1

public.users
${Array.from({ length: 10 }, (_, i) => `  missing    id=${i}\n`).join('')}  and 1 more
  extra      id=null: 0 times in the source, 1 in the target
  different  id=7: email: a\\x1b[31m ≠ null

Not equal: 2,000 rows compared in 1.5 s.
`);
    expect(await shown('validate')).toMatch(/\nEqual: 2,000 rows compared in 1\.5 s\.\n$/);
  });

  test('validate says why tables can not be equal although their rows are', async () => {
    const [sessions] = samples.unequal.tables;
    const tables = [
      { ...sessions!, consistent: false, drift: [{ column: 'device', absentOn: 'target' as const }] },
      { ...samples.unequal.tables[1]!, ...sessions!, table: samples.unequal.tables[1]!.table, consistent: false, absentOn: 'source' as const, score: 0 },
    ];
    const text = await shown('validate', { validate: () => Promise.resolve({ ...samples.unequal, tables }) });
    expect(text).toContain('\npublic.sessions\n  structure  device: not on the target\n');
    expect(text).toContain('\npublic.users\n  structure  no such table on the source\n');
    expect(text.match(/^✗/gm)).toHaveLength(2);
  });

  test('validate says what could not be checked, in every form', async () => {
    const validate = { validate: () => Promise.resolve({ ...samples.unequal, tables: [], unchecked: samples.unchecked }) };
    expect(await shown('validate', validate)).toMatch(/could not be checked: the query took longer than 50 ms\n[^]*Not known to be equal: .*; 1 check could not be made\.\n$/);
    expect(await shown('validate -f markdown', validate)).toContain('revenue | failed | high | could not be checked');
    expect(await shown('validate -f junit', validate)).toContain('<testsuite name="rules" tests="1" failures="1"');
  });

  test('validate prints and writes its report in every form', async () => {
    const validate = { validate: () => Promise.resolve(samples.unequal) };
    expect(JSON.parse(await shown('validate -f json', validate))).toEqual(samples.unequal);
    expect(await shown('validate --format markdown', validate)).toMatch(/^# Validation: not equal\n/);
    expect(await shown('validate -f junit', validate)).toContain('<testsuite name="public.users" tests="5" failures="3"');
    const folder = await temporaryFolder();
    for (const [format, beginning] of [['junit', '<?xml'], ['markdown', '# '], ['json', '{'], ['text', '   table']] as const) {
      const { code, stdout } = await run(['validate', '-f', format, '-o', join(folder, format), '--json'], { application: () => validate });
      expect(code).toBe(1);
      expect(JSON.parse(stdout)).toEqual(samples.unequal);
      expect(await readFile(join(folder, format), 'utf8')).toContain(beginning);
    }
    expect(await shown(`validate -f junit -o ${join(folder, 'again')}`, validate)).toContain('\nNot equal: ');
    // At once, and not after hours of comparing.
    const refused = await run(['validate', '-o', join(folder, 'no', 'such', 'folder')], { application: () => ({ validate: () => Promise.reject(new Error('it was compared')) }) });
    expect([refused.code, refused.stderr]).toEqual([3, expect.stringContaining('BANYAN_FILE') as string]);
  });

  test('validate history shows where the drift goes', async () => {
    expect(await shown('validate history')).toBe(`   table            service   level  runs    score  trend                       drift, oldest run first
✗  public.users     accounts  full      5  99.20 %  rising by 0.2 points a day  ▁▃▅▆█
✓  public.sessions  accounts  full      1    100 %  unknown: too few runs       ▁
`);
    expect(await shown('validate history', { validateHistory: () => Promise.resolve({ tables: [] }) })).toBe('No run is recorded. `banyan validate watch` records its runs.\n');
    expect((await run(['validate', 'history', '--since', 'yesterday'])).code).toBe(2);
    expect((await run(['validate', 'nonsense'])).code).toBe(2);
    const lost = await run(['validate', 'watch', '--level', 'count']);
    expect([lost.code, lost.stderr]).toEqual([2, expect.stringContaining('banyan validate watch has no option --level.') as string]);
  });

  test('validate anomalies tells hints', async () => {
    expect(await shown('validate anomalies')).toBe(`public.users: null_share of email is 0.5, expected about 0.01: 98 usual distances above its past
public.users: rows is 100, expected about 1000: 90 usual distances below its past
public.users: the row id=7 is unlike the others (score 0.81); balance is 1200 usual distances above the middle
3 hints in 2 tables. 1 table with fewer than 10 earlier looks, too few to compare with.
`);
  });

  test('route status again and again, in place on a terminal, until Ctrl-C', async () => {
    const watched = async (words: string, terminal: boolean) => {
      let looks = 0;
      const result = await run(['route', 'status', '--watch', ...words.split(' ').filter(Boolean)], {
        terminal, env: { NO_COLOR: '1' },
        application: (_context, signals) => ({
          routeStatus: () => {
            looks++;
            if (looks === 2) return Promise.reject(new Error('gone for a moment'));
            if (looks === 3) signals.emit('SIGINT');
            return Promise.resolve({ ...samples.routeStatus, routes: [] });
          },
        }),
      });
      return { ...result, looks };
    };
    const head = (seconds: number) => `1970-01-01T00:00:00.000Z, every ${seconds} s until Ctrl-C`;
    expect(await watched('', false)).toMatchObject({
      code: 0, looks: 3, listening: 0, stdout: `${head(1)}\nNo routes.\n\n${head(1)}\ngone for a moment\n\n${head(1)}\nNo routes.\n`,
    });
    expect((await watched('0.5', true)).stdout).toBe(
      `\u001B[2J${[`No routes.`, 'gone for a moment', 'No routes.'].map((text) => `\u001B[H${head(0.5)}\u001B[K\n${text}\u001B[K\n\u001B[J`).join('')}`,
    );
    expect((await run(['route', 'status', '--watch', '--json'])).code).toBe(2);
    expect((await run(['route', 'status', '--watch'], { application: () => ({ routeStatus: () => Promise.reject(new Error('never there')) }) })).code).toBe(3);
  });

  test('generate, route, migrate and config', async () => {
    expect(await shown('generate --service accounts -o out')).toBe('out/server.ts\naccounts: 2 tables, 11 endpoints, 1 file in 0.5 s.\n');
    expect(await shown('route set accounts 25')).toBe(`service   served by it  version  health   breaker  shadow
accounts          25 %        7  healthy  closed   percent 10, compared 120
1 route.
`);
    expect(await shown('route status')).toBe(`service   served by it  version  health   breaker  shadow
accounts          25 %        7  healthy  closed   percent 10, compared 120

of        what                    
accounts  decided                 version 7, 2026-01-02T03:04:05.000000Z, by anna: more of them
accounts  strategy                canary, stage live; 2 allowed; 1 denied; 1 rule; variants blue 60 %, green 40 %
accounts  next step               50 % not before 2026-02-01T00:00:00.000Z, 1 more after it: waits for its time, 2026-02-01T00:00:00.000Z
accounts  moving                  from 25 % to 30 %, put off: sync lags; 3 requests held
accounts  monolith                http://127.0.0.1:3000: 1,000 requests in 10 s, 0.10 % failed, median 5 ms, 95 % within 20 ms
accounts  service                 http://127.0.0.1:4001: no requests in 10 s; its health check fails; breaker open
accounts  cooling                 raises nothing by itself until 2026-01-02T03:09:05.000Z
          router r1               accounts 25 % of version 7, postponed: sync lags
          router r2               not heard of since 2026-01-02T03:00:00Z: stopped by force, or cut off; last accounts 25 % of version 6, done
          router r3               nothing moved yet
          haproxy at /run/a.sock  accounts 25 %, up to 30 % through the router (decided: 30 %)
          haproxy at /run/b.sock  can not be asked: connect ENOENT
1 route.
`.replace(/ +$/gm, ''));
    const cutOff = { ...samples.routeStatus, asked: { router: 'r1', cutOffSince: '2026-01-02T03:04:00.000Z', reason: 'refused' }, store: { reachable: false, reason: 'refused' } };
    expect(await shown('route status', { routeStatus: () => Promise.resolve(cutOff) })).toContain(`
The router r1 is cut off from the shared state since 2026-01-02T03:04:00.000Z and keeps its last decisions: refused
This command can not reach the shared state: refused
`);
    const [route] = samples.routes.routes;
    const live = {
      ...route!,
      gradual: { to: 100, next: 50, seconds: 700, waitsFor: ['evidence of latency (3.0 of 20) after 900 requests'], overdue: true, evidence: { requests: 900, errors: 30, latency: 3, needed: 20 } },
      lastRollback: { why: '5 failures in a row', at: '2026-03-01T10:05:00Z' },
      evidence: [{
        metric: 'error_rate', action: 'automatic_rollback', value: 12, needed: 400, falseAlarmRate: 0.005, edge: null,
        service: { requests: 900, share: 0.004 }, monolith: { requests: 2700, share: 0.001 }, finds: { share: 0.01, within: 4000 },
      }],
    };
    expect(await shown('route status', { routeStatus: () => Promise.resolve({ ...samples.routeStatus, routes: [live] }) })).toContain(`
accounts went back by itself at 2026-03-01T10:05:00Z: 5 failures in a row
accounts goes to 100 % by steps; the next, 50 %: waits for evidence of latency (3.0 of 20) after 900 requests (overdue)
accounts: evidence 12 of 400 for automatic_rollback by error_rate; 1.0 % would be found within 4000 requests
`);
    expect(await shown('route history accounts')).toBe(`version  served by it  by      at                    why
      2           0 %  banyan  2026-03-01T10:05:00Z  5 failures in a row
      1          25 %  ada     2026-03-01T10:00:00Z  route set
2 versions.
`);
    expect(await shown('route history accounts', { routeHistory: () => Promise.resolve({ service: 'accounts', versions: [] }) })).toBe('Nothing was decided about accounts yet.\n');
    expect((await run(['route', 'set', 'accounts', '5', '--overdue', 'continue'])).code).toBe(2);
    expect((await run(['route', 'set', 'accounts', '--allow', '42', '--gradual'])).code).toBe(2);
    expect(await shown('route show accounts')).toBe(`served by it  25 %
decided       version 7, 2026-01-02T03:04:05.000000Z, by anna: more of them
strategy      canary
everybody     rolled back to the monolith
allowed       42, anna
denied        7
rule          {"tenant":["acme"]}: 100 %
variant       blue: 25 % (prices)
stage         shadow
to come       50 % at 2026-02-01T00:00:00.000Z
to come       100 % after 3600 s
`);
    expect(await shown('route export --format haproxy -o out')).toBe('out/haproxy.cfg\nnote: It holds nobody.\n1 file.\n');
    expect(await shown('route status', { routeStatus: () => Promise.resolve({ ...samples.routeStatus, routes: [] }) })).toBe('No routes.\n');
    expect(await shown('migrate accounts')).toBe(`accounts: shadow
   gate       evidence
✓  caught up  {"lagMs":12}
✓  equal      200,000 rows compared
at                    from  to
2026-01-02T03:04:05Z  sync  shadow
`);
    expect(await shown('migrate status', { migrateStatus: () => Promise.resolve({ migrations: [] }) })).toBe('No service is configured.\n');
    const fresh = { migrate: () => Promise.resolve({ service: 'a', stage: 'new', gates: [], history: [] }) };
    expect(await shown('migrate a', fresh)).toBe('a: new\n');
    expect(await shown('config check')).toBe('service   tables\naccounts       2\nbanyan.yaml is fine: 1 service.\n');
    const none = { configCheck: () => Promise.resolve({ ok: true as const, file: 'x', services: [] }) };
    expect(await shown('config check', none)).toBe('x is fine: 0 services.\n');
    expect(await shown('config schema')).toBe('{\n  "title": "banyan.yaml"\n}\n');
  });
});
