import { describe, expect, test } from 'vitest';
import type { Application, SyncStatusResult, ValidateResult } from '../../src/app/application.ts';
import { BanyanError } from '../../src/core/errors.ts';
import { run, type Run } from './harness.ts';
import * as samples from './samples.ts';

const running = (line: string, application: Partial<Application> = {}): Promise<Run> => run(line.split(' '), { application: () => application });
const shown = async (line: string, application: Partial<Application> = {}): Promise<string> => (await running(line, application)).stdout;

describe('validate', () => {
  const pair = '--source postgres://a/x --target postgres://b/y';

  test.each([
    [`${pair} --source-replica postgres://c/x`, { source: 'postgres://a/x', target: 'postgres://b/y', sourceReplica: 'postgres://c/x' }],
    [`${pair} --target-replica postgres://c/y`, { source: 'postgres://a/x', target: 'postgres://b/y', targetReplica: 'postgres://c/y' }],
    ['--no-schema', { without: ['schema', 'sequences'] }],
    ['--no-references', { without: ['references'] }],
    ['--no-schema --no-references', { without: ['schema', 'sequences', 'references'] }],
  ])('%s is asked of the application', async (options, asked) => {
    const { code, calls } = await running(`validate ${options}`);
    expect([code, calls]).toEqual([0, [{ method: 'validate', options: asked }]]);
  });

  test.each([
    ['--target postgres://b/y', '--source and --target go together.'],
    ['--source-replica postgres://c/x', '--source-replica and --target-replica go with'],
    ['--target-replica postgres://c/y', '--source-replica and --target-replica go with'],
    [`${pair} --rules revenue`, 'Rules are those of banyan.yaml'],
    ['--level most', "Allowed choices are count, sample, checksum, full."],
    ['--format html', "Allowed choices are text, json, markdown, junit."],
  ])('%s is refused before anything is compared', async (options, says) => {
    const { code, calls, stdout, stderr } = await running(`validate ${options}`);
    expect([code, calls, stdout]).toEqual([2, [], '']);
    expect(stderr).toContain(says);
  });

  test('a failure is neither equal nor unequal', async () => {
    const failing = { validate: () => Promise.reject(new BanyanError('BANYAN_CONNECT', { message: 'no server' })) };
    expect(await running('validate', failing)).toMatchObject({ code: 3, stdout: '' });
    const unknown = { validate: () => Promise.reject(new BanyanError('BANYAN_TABLE_UNKNOWN', { message: 'no such table' })) };
    expect((await running('validate --tables x', unknown)).code).toBe(2);
  });

  const rule = { kind: 'agreement', severity: 'high', differences: [], seconds: 0.1 } as const;
  const holds = { ...rule, name: 'revenue', ok: true, counts: { failing: 0, unsettled: 0 } };
  const broken = { ...rule, name: 'stock', ok: false, counts: { failing: 2, unsettled: 0 } };
  const moving = { ...rule, name: 'visits', ok: true, counts: { failing: 0, unsettled: 1 } };
  const ruled = (result: Partial<ValidateResult>): Partial<Application> => ({ validate: () => Promise.resolve({ ...samples.unequal, tables: [], ...result }) });

  test('rules that hold, are broken, or changed at every look are told apart', async () => {
    expect(await running('validate --rules-only', ruled({ consistent: true, rules: [holds, { ...holds, name: 'stock' }] }))).toMatchObject({ code: 0, stdout: '\n2 of 2 rules hold.\n\nEqual: 2,000 rows compared in 1.5 s.\n' });
    const { code, stdout } = await running('validate --rules-only', ruled({ rules: [holds, broken, moving] }));
    expect(code).toBe(1);
    expect(stdout).toContain('\n1 of 3 rules holds; broken: stock; written at every look: visits.\n\nNot equal: ');
  });

  test('a broken rule is an answer, a rule that only changed is none', async () => {
    expect((await running('validate', ruled({ rules: [broken], unchecked: samples.unchecked }))).code).toBe(1);
    expect(await running('validate', ruled({ rules: [moving], unchecked: samples.unchecked }))).toMatchObject({ code: 3, stdout: expect.stringContaining('\nNot known to be equal: ') as string });
  });
});

describe('validate history and anomalies', () => {
  test('a table that stays as it is is steady', async () => {
    const [, sessions] = samples.history.tables;
    const steady = { ...sessions!, trend: { direction: 'steady' as const, percentPerDay: 0.01, runs: 9 } };
    const falling = { ...samples.history.tables[0]!, trend: { direction: 'falling' as const, percentPerDay: -1.234, runs: 9 } };
    const text = await shown('validate history', { validateHistory: () => Promise.resolve({ tables: [steady, falling] }) });
    expect(text).toMatch(/^✓ {2}public\.sessions .* steady +▁$/m);
    expect(text).toMatch(/^✗ {2}public\.users .* falling by 1\.2 points a day +▁▃▅▆█$/m);
  });

  test('no hint, and nothing to compare with', async () => {
    const anomalies = (profiles: readonly number[]): Partial<Application> => ({
      validateAnomalies: ({ side }) => Promise.resolve({ side, hints: [], tables: profiles.map((looks, index) => ({ service: 'accounts', table: `public.t${index}`, profiles: looks, rows: 5 })) }),
    });
    expect(await running('validate anomalies', anomalies([10]))).toMatchObject({ code: 0, stdout: '0 hints in 1 table.\n' });
    expect(await shown('validate anomalies', anomalies([9, 0, 10]))).toBe('0 hints in 3 tables. 2 tables with fewer than 10 earlier looks, too few to compare with.\n');
    expect(JSON.parse(await shown('validate anomalies --side service --json', anomalies([])))).toEqual({ side: 'service', hints: [], tables: [] });
    expect(await running('validate anomalies --side both')).toMatchObject({ code: 2, calls: [] });
  });
});

describe('sync status', () => {
  const status = (result: Partial<SyncStatusResult>): Partial<Application> => ({ syncStatus: () => Promise.resolve({ streams: [], workers: [], unusedSlots: [], resyncs: [], ...result }) });
  const slot = { name: 'banyan_accounts_m2s_5', active: false, retainedBytes: null, safeBytes: null, walStatus: 'extended' };

  test('what is not known is a dash, and a bound that is not known is no number', async () => {
    const { worker: _worker, ...idle } = samples.stream;
    const text = await shown('sync status', status({ streams: [{ ...idle, state: 'paused', pausedAt: '2026-01-02T03:04:05Z', slot }] }));
    expect(text).toMatch(/ –\naccounts monolith-to-service was paused at 2026-01-02T03:04:05Z\.\n/);
    expect(text).toContain('nobody reads slot banyan_accounts_m2s_5; the server keeps 0 B of WAL for it.\n');
    const unused = { ...slot, database: 'the monolith', reason: 'no service', statements: [], consequence: 'Gone.' };
    expect(await shown('sync status', status({ unusedSlots: [unused] }))).toContain('keeps 0 B of WAL, and no stream uses it: no service.\n');
  });

  test('a stream that is behind is red', async () => {
    const lag = async (behind: boolean): Promise<string> => (await run(['sync', 'status'], { terminal: true, application: () => status({ streams: [{ ...samples.stream, behind }] }) })).stdout;
    expect(await lag(true)).toContain('\u001B[31m12 ms\u001B[39m');
    expect(await lag(false)).not.toContain('\u001B[31m');
  });

  test('a table that waits to be made equal, and one of which nothing is known yet', async () => {
    const resync = { ...samples.resync, state: 'asked' as const, askedBy: 'anna', askedAt: '2026-01-02T03:04:05Z', compared: 0, expected: 4000, rowsPerSecond: 0, secondsLeft: null };
    expect(await shown('sync status', status({ resyncs: [resync] }))).toContain("accounts: public.users waits to be made equal to the monolith's (anna).\n");
    expect(await shown('sync status', status({ resyncs: [{ ...resync, state: 'running' }] }))).toContain("(anna): 0 of 4,000 rows compared, 0 a second; 1,300 looked into");
  });
});
