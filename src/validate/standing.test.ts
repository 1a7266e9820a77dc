import { describe, expect, it } from 'vitest';
import { parseTableName } from '../model/names.ts';
import { eventFor } from './alert.ts';
import type { TableReport } from './report.ts';
import { nextStanding, ruleStandings, standingOf, type Standing } from './standing.ts';

const report = (options: Partial<TableReport> & { readonly found?: Partial<TableReport['counts']> } = {}): TableReport => {
  const { found = {}, ...rest } = options;
  const counts = { missing: 0, extra: 0, different: 0, unsettled: 0, ...found };
  const differing = counts.missing + counts.extra + counts.different;
  return { table: parseTableName('t'), consistent: differing === 0, source: 1000, target: 1000, missing: [], extra: [], different: [], counts, score: 1 - differing / 1000, seconds: 1, ...rest };
};

describe('what a run says of a table', () => {
  it('is as severe as the worst of it', () => {
    const severity = (options: Parameters<typeof report>[0], below = 1) => standingOf(report(options), 'full', below).severity;
    expect(severity({})).toBeUndefined();
    expect(severity({ found: { unsettled: 5 } })).toBeUndefined();
    expect([severity({ found: { extra: 1 } }), severity({ found: { extra: 1, different: 1 } }), severity({ found: { extra: 1, different: 1, missing: 1 } })]).toEqual(['medium', 'high', 'critical']);
    expect(severity({ absentOn: 'target', consistent: false, score: 0 })).toBe('critical');
    expect(severity({ drift: [{ column: 'a', absentOn: 'target' }], consistent: false }, 0.5)).toBe('high');
    const schema = [{ kind: 'column_type', severity: 'error', table: parseTableName('t'), message: 'other types', remedies: [] }] as unknown as NonNullable<TableReport['schema']>;
    expect(severity({ schema, consistent: false }, 0.5)).toBe('high');
  });

  it('is nothing to alert of above the threshold, whose table has its own', () => {
    const found = { missing: 5 };
    expect(standingOf(report({ found }), 'full', 0.99).severity).toBeUndefined();
    expect(standingOf(report({ found }), 'full', 0.996).severity).toBe('critical');
    expect(standingOf(report({ found }), 'full', { default: 1, tables: { 'public.t': 0.9 } }).severity).toBeUndefined();
    expect(standingOf(report({ found }), 'full', { default: 0.5, tables: { 'public.t': 1 } }).severity).toBe('critical');
  });
});

describe('what is held of a table', () => {
  const run = (level: Standing['level'], found: Partial<TableReport['counts']>) => standingOf(report({ found }), level, 1);
  const after = (...runs: Standing[]): Standing => runs.reduce<Standing | undefined>(nextStanding, undefined)!;

  it('is not made better by a run that can not see it', () => {
    const night = run('full', { different: 10 });
    expect(after(night, run('count', {}))).toBe(night);
    expect(after(night, run('sample', {}))).toBe(night);
    expect(after(run('sample', { different: 3 }), run('count', {})).severity).toBe('high');
    expect(after(night, run('count', { missing: 1 })).severity).toBe('critical');
    expect(after(night, run('count', { extra: 20 })).counts.extra).toBe(20);
  });

  it('is not forgotten over what a quicker run found worse, and then no more', () => {
    const held = after(run('full', { different: 10 }), run('count', { missing: 1 }), run('count', {}));
    expect([held.severity, after(held, run('full', {})).severity]).toEqual(['critical', undefined]);
    expect(after(run('full', {}), run('count', { missing: 1 }), run('count', {})).severity).toBeUndefined();
  });

  it('is not made better by a sample of other rows, unless it is sure that there are fewer now', () => {
    const drawn = (found: Partial<TableReport['counts']>) => standingOf(report({ found, sample: { rows: 1000, confidence: 0.95, differingShareAtMost: 0.0037 } }), 'sample', 1);
    expect(after(drawn({ different: 1 }), drawn({})).severity).toBe('high');
    expect(after(drawn({ different: 100 }), drawn({})).severity).toBeUndefined();
    expect(after(drawn({ different: 1 }), drawn({ missing: 1 })).severity).toBe('critical');
    expect(after(drawn({ different: 1 }), run('checksum', {})).severity).toBeUndefined();
  });

  it('is what it was of a rule that nobody could tell', () => {
    const rule = (ok: boolean, unsettled: number) => ruleStandings([{ name: 'revenue', kind: 'agreement', ok, severity: 'high', differences: [], counts: { failing: ok ? 0 : 1, unsettled }, seconds: 1 }]);
    expect([rule(true, 0), rule(true, 2), rule(false, 2)].map(({ length }) => length)).toEqual([1, 0, 1]);
  });

  it('is made better by one that can', () => {
    for (const level of ['full', 'checksum'] as const) expect(after(run('full', { different: 10 }), run(level, {})).severity).toBeUndefined();
    expect(after(run('count', { missing: 1 }), run('count', {})).severity).toBeUndefined();
    expect(after(run('count', { missing: 1 }), run('full', {})).severity).toBeUndefined();
    expect(after(run('full', {}), run('count', {})).level).toBe('count');
  });
});

describe('who is told what', () => {
  it.each([
    [undefined, undefined, 'low', undefined], [undefined, 'medium', 'low', 'triggered'], [undefined, 'medium', 'high', undefined], ['medium', 'medium', 'low', undefined],
    ['medium', 'critical', 'low', 'worsened'], ['critical', 'medium', 'low', undefined], ['critical', 'medium', 'high', 'resolved'], ['high', undefined, 'low', 'resolved'],
  ] as const)('told %s, now %s, from %s on: %s', (told, now, least, event) => {
    expect(eventFor(told, now, least)).toBe(event);
  });
});
