import { describe, expect, it } from 'vitest';
import type { Audience, MigrationProgress, StreamProgress } from '../../src/plan/progress/progress.ts';
import { progressReport } from '../../src/plan/progress/progress-report.ts';
import type { ServiceProgressReport } from '../../src/plan/progress/report-document.ts';

const stream = (more: Partial<StreamProgress> = {}): StreamProgress => ({ direction: 'monolith-to-service', state: 'running', lagMs: 100, lagBytes: 0, behind: false, transactions: 2, rows: 5, conflicts: 0, quarantined: 0, pausedTables: [], ...more });
const back = (more: Partial<StreamProgress> = {}): StreamProgress => stream({ direction: 'service-to-monolith', ...more });

const THEN = '2026-03-01T10:00:00.000Z';
const LATER = '2026-03-02T10:00:00.000Z';

function told(audience: Audience, more: Partial<MigrationProgress> = {}): ServiceProgressReport {
  const progress: MigrationProgress = { at: LATER, service: 'accounts', stage: 'validated', history: [], bothWays: true, toleranceMs: 1000, streams: [stream(), back()], compared: [], conflicts: [], gaps: [], ...more };
  return progressReport([progress], { audience, at: LATER }).services[0] ?? expect.unreachable();
}

const route = { percent: 1, health: 'healthy', breaker: 'closed' };
const table = { table: 'public.users', at: LATER, level: 'full', consistent: true, rows: 10, differences: 0 };

describe('the state', () => {
  it.each<readonly [string, Partial<MigrationProgress>, ServiceProgressReport['status'], string]>([
    ['in the middle', {}, 'on track', ''],
    ['at the end', { stage: 'live', route: { ...route, percent: 100 } }, 'done', '; the move is complete'],
    ['with a delay', { streams: [stream({ lagMs: 1001 })] }, 'attention', '; something needs attention'],
    ['with a stream that stands', { streams: [stream({ state: 'failed' })] }, 'stopped', '; it does not go on until somebody acts'],
    ['before anything is to be followed', { stage: 'prepared', streams: [] }, 'on track', ''],
  ])('%s', (_name, more, status, headline) => {
    const report = told('technical', more);
    expect(report.status).toBe(status);
    expect(/;.*$/.exec(report.headline)?.[0] ?? '').toBe(headline);
  });

  it('names what comes next, until there is nothing', () => {
    expect(told('technical').next).toMatchObject({ stage: 'routed', needs: ['served'], command: 'banyan migrate accounts --to routed' });
    expect(told('executive').next).toEqual({ stage: 'routed', what: expect.any(String), needs: ['the new service answers and is well'] });
    expect(told('executive', { stage: 'live' }).next).toBeNull();
  });

  it('says what is not known, and why only to who can do something about it', () => {
    const gaps = [{ what: 'the router', why: 'it refused the connection' }];
    expect([told('technical', { gaps }).not_known, told('stakeholders', { gaps }).not_known]).toEqual([['the router: it refused the connection'], ['the router']]);
  });
});

describe('what waits for somebody', () => {
  const waits = (more: Partial<MigrationProgress>): readonly (readonly [string, string])[] => told('technical', more).waiting.map(({ what, action }) => [what, action]);

  it.each<readonly [string, Partial<MigrationProgress>, readonly (readonly [string, string])[]]>([
    ['nothing', { route }, []],
    ['a stream that was paused', { streams: [stream({ state: 'paused' })] }, [['monolith-to-service is paused', 'banyan sync resume accounts']]],
    ['a stream that is being paused', { streams: [stream({ state: 'pausing' })] }, [['monolith-to-service is pausing', 'banyan sync resume accounts']]],
    ['a stream that does not run', { streams: [stream({ state: 'stopped' })] }, [['monolith-to-service is stopped', 'banyan sync run']]],
    ['no stream', { streams: [] }, [['no stream is configured', 'banyan sync status']]],
    ['a stream that stands before it matters', { stage: 'provisioned', streams: [stream({ state: 'stopped', lagMs: 9000 })] }, []],
    ['a delay that nobody can tell', { streams: [stream({ behind: true, lagMs: null })] }, [['monolith-to-service is unknown ms behind, more than 1000', 'banyan sync status']]],
    ['a delay that is unknown but harmless', { streams: [stream({ lagMs: null })] }, []],
    ['tables that wait', { streams: [stream({ pausedTables: ['public.users'] })] }, [['public.users waits until it has been mended', 'banyan sync status names the statements']]],
    ['changes in quarantine', { streams: [stream({ quarantined: 2 })] }, [['2 changes of monolith-to-service are in quarantine', 'banyan sync quarantine, then retry or discard each']]],
    ['a table that differs', { compared: [{ ...table, consistent: false, differences: 3 }] }, [[`public.users differed at ${LATER}: 3 rows (full)`, 'banyan validate --tables public.users, then banyan reconcile --tables public.users']]],
    ['a table that differed before it matters', { stage: 'prepared', compared: [{ ...table, consistent: false, differences: 3 }] }, []],
    ['a service that is ill, with users on it', { stage: 'canary', route: { ...route, health: 'unhealthy', breaker: 'open' } }, [["the service's health is unhealthy, its breaker open", 'banyan route rollback accounts']]],
    ['a service that is ill, without users', { stage: 'routed', route: { percent: 0, health: 'unhealthy', breaker: 'open' } }, [["the service's health is unhealthy, its breaker open", 'banyan route status']]],
    ['a service that is ill before it matters', { route: { ...route, health: 'unhealthy' } }, []],
  ])('%s', (_name, more, expected) => {
    expect(waits(more)).toEqual(expected);
  });

  it('stops the move for an ill service only if somebody uses it', () => {
    const status = (percent: number): string => told('technical', { stage: 'routed', route: { percent, health: 'unhealthy', breaker: 'open' } }).status;
    expect([status(0), status(1)]).toEqual(['attention', 'stopped']);
  });

  it('tells everybody else of all streams and tables at once', () => {
    const streams = (first: number, second: number): Partial<MigrationProgress> => ({ streams: [stream({ quarantined: first }), back({ quarantined: second })] });
    const what = (more: Partial<MigrationProgress>): readonly string[] => told('executive', more).waiting.map((each) => each.what);
    expect(what(streams(1, 0))).toEqual(["1 change waits for a person's decision"]);
    expect(what(streams(2, 1))).toEqual(["3 changes wait for a person's decision"]);
    const differs = (differences: number): MigrationProgress['compared'] => [{ ...table, consistent: false, differences }, { ...table, table: 'public.orders', consistent: false, differences: 0 }];
    expect(what({ compared: differs(1) })).toEqual(['1 record differs between old system and new service']);
    expect(what({ compared: differs(4) })).toEqual(['4 records differ between old system and new service']);
    expect(told('stakeholders', streams(1, 0)).waiting[0]?.action).toContain('nothing needs to be done by you');
  });
});

describe('the numbers', () => {
  const numbers = (audience: Audience, more: Partial<MigrationProgress> = {}): Record<string, number | string | null> => Object.fromEntries(told(audience, more).numbers.map(({ name, value }) => [name, value]));

  it('are null where nobody knows, and not zero', () => {
    const unknown = { streams: [stream({ lagMs: null })], stage: 'canary' as const };
    expect(numbers('technical', unknown)).toMatchObject({ 'route share': null, 'lag of the slower direction': null, 'rows last compared': null });
    expect(numbers('executive', unknown)).toMatchObject({ 'customers served by the new service': null, 'records that differed': null });
    expect(numbers('executive')).toMatchObject({ 'customers served by the new service': 0 });
    expect(numbers('stakeholders', unknown)).toMatchObject({ 'users served by the new service': null, 'seconds by which the new service is behind': null });
  });

  it('are of the slower stream, and of all tables', () => {
    const more = { streams: [stream({ lagMs: 1240, rows: 7 }), back({ lagMs: null, rows: 1 })], compared: [table, { ...table, rows: 5, differences: 2 }], route };
    expect(numbers('technical', more)).toMatchObject({ 'route share': 1, 'lag of the slower direction': 1240, 'rows applied by the present workers': 8, 'rows last compared': 15, 'rows that differed': 2 });
    expect(numbers('stakeholders', more)).toMatchObject({ 'users served by the new service': 1, 'seconds by which the new service is behind': 1.2 });
  });
});

describe('what happened since the last stage', () => {
  const history: MigrationProgress['history'] = [{ at: THEN, from: 'synced', to: 'validated', why: 'migrate', gates: [{ name: 'equal', passed: true, evidence: '10 rows' }, { name: 'own', passed: true, evidence: 'x' }, { name: 'served', passed: false, evidence: 'no' }] }];
  const since = (audience: Audience, more: Partial<MigrationProgress> = {}): readonly string[] => told(audience, { history, ...more }).since_last_stage;

  it('is nothing without one', () => {
    expect(told('technical').since_last_stage).toEqual([]);
    expect(told('technical').since).toBeNull();
  });

  it('has the gates that were passed, in the words of the audience', () => {
    expect(since('technical')).toEqual([`${THEN}: synced to validated (migrate)`, 'equal: 10 rows', 'own: x', 'served: no']);
    expect(since('executive')).toEqual([expect.stringMatching(/^Reached on 2026-03-01: /), 'Checked before it: every record was compared and is the same', 'Checked before it: own']);
  });

  it('tells a way back from a way on', () => {
    const [last] = since('executive', { stage: 'synced', history: [{ at: THEN, from: 'validated', to: 'synced', why: 'rollback', gates: [] }] });
    expect(last).toMatch(/^The move went back a part of its way on 2026-03-01: /);
  });

  it('counts only what came later', () => {
    const bad = { ...table, consistent: false, differences: 1 };
    const early = { ...bad, at: THEN };
    expect(since('technical', { compared: [early, table, bad], conflicts: [LATER, THEN] }).slice(4)).toEqual(['2 tables compared since, 1 with differences', '1 conflicts since']);
    expect(since('executive', { compared: [early, table], conflicts: [LATER] }).slice(3)).toEqual(['Compared again since, without a difference', '1 record was changed on both sides at once; each was decided by rule']);
    expect(since('executive', { compared: [bad], conflicts: [LATER, LATER] }).slice(3)).toEqual(['Compared again since, with differences', '2 records were changed on both sides at once; each was decided by rule']);
  });

  it('names who moved the users', () => {
    const moved = (at: string): NonNullable<MigrationProgress['route']> => ({ ...route, decided: { by: 'ada', why: 'a first look', at } });
    expect(since('technical', { route: moved(LATER) }).at(-1)).toBe(`route at 1 % since ${LATER}, by ada: a first look`);
    expect(since('executive', { route: moved(LATER) }).at(-1)).toBe("The new service's share became 1 % on 2026-03-02");
    expect(since('technical', { route: moved(THEN) }).at(-1)).toBe('served: no');
  });
});

describe('the way back', () => {
  const way = (more: Partial<MigrationProgress>, audience: Audience = 'technical'): ServiceProgressReport['way_back'] => told(audience, { stage: 'canary', ...more }).way_back;

  it('is open while nobody was moved, even if nothing flows back', () => {
    expect(way({ stage: 'routed', bothWays: false })).toEqual({ open: true, how: expect.stringContaining('Nobody was moved'), command: 'banyan migrate rollback accounts' });
    expect(way({ stage: 'routed' }, 'executive')).toEqual({ open: true, how: expect.stringContaining('Nobody has been moved') });
    expect(way({ stage: 'routed', bothWays: false, route: { ...route, percent: 5 } }).open).toBe(false);
  });

  it('is open while what users write flows back', () => {
    expect(way({})).toMatchObject({ open: true, how: expect.stringContaining('behind a fence') });
    expect(way({}, 'executive')).toMatchObject({ open: true, how: expect.stringContaining('nothing that was entered is lost') });
  });

  it('loses what nothing carries back', () => {
    expect(way({ bothWays: false })).toMatchObject({ open: false, how: expect.stringContaining('sync.mode is one way') });
    expect(way({ bothWays: false }, 'stakeholders')).toMatchObject({ open: false, how: expect.stringContaining('is missing in the old system') });
    expect(way({ streams: [stream()] }).how).toMatch(/^service-to-monolith is absent: /);
    expect(way({ streams: [back({ state: 'paused' })] }).how).toMatch(/^service-to-monolith is paused: /);
    expect(way({ streams: [back({ quarantined: 2 })] }).how).toMatch(/^service-to-monolith is running with 2 changes in quarantine: /);
    expect(way({ streams: [] }, 'executive')).toEqual({ open: false, how: expect.stringContaining('until a person has looked') });
  });
});
