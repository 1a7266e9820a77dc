import { describe, expect, it } from 'vitest';
import type { TableName } from '../../src/model/names.ts';
import type { Survey, SurveyedTable } from '../../src/model/survey.ts';
import type { MeasuredEstimate } from '../../src/plan/measured/document.ts';
import { measuredEstimate } from '../../src/plan/measured/estimate.ts';
import { surveyedRisks, type FoundRisk } from '../../src/plan/measured/risks.ts';
import { parseSchema } from '../../src/postgres/sql/parse-schema.ts';

const name = (text: string): TableName => text as TableName;
const table = (more: Partial<SurveyedTable> = {}): SurveyedTable => ({
  name: name('public.t'), rows: 1000, rowsFrom: 'counted', tableBytes: 60 * 1024 ** 2, totalBytes: 80 * 1024 ** 2, indexes: [], updated: 0, hotUpdated: 0, live: 0, rules: [], inherits: false, oddTypes: [], ...more,
});
const { schema: empty } = await parseSchema('');
const survey = (more: Partial<Survey> = {}): Survey => ({
  at: '2026-03-01T10:00:00.000Z', database: 'shop', version: '18.0', standby: false, walLevel: 'logical', slotLimitBytes: null, watchedSeconds: 10, tables: [table()], schema: empty, sideEffects: [], transactions: [], prepared: [], extensions: [], cut: false, gaps: [], ...more,
});
const read = { slices: [{ rows: 100, bytes: 100, seconds: 1 }, { rows: 100, bytes: 100, seconds: 2 }] };

describe('an estimate', () => {
  it('comes to nothing where there is no table, and does not know whether it converges', () => {
    const { totals } = measuredEstimate(survey({ tables: [] }));
    expect(totals).toMatchObject({ rows: 0, copy: { likely: 0, arithmetic: 'nothing to do' }, index_build: { likely: 0, arithmetic: 'nothing to do' }, convergence: 'unknown' });
    expect(totals).not.toHaveProperty('write_rate');
    expect(totals).not.toHaveProperty('catch_up');
    expect(totals).not.toHaveProperty('wal_growth');
  });

  it('rests on the least sure of its parts', () => {
    const whole = measuredEstimate(survey({ tables: [table({ read, writes: 0 }), table({ name: name('public.u'), rows: 0, read })] }));
    expect(whole.totals.copy).toMatchObject({ basis: 'measured', arithmetic: 'the sum of 2' });
    expect(measuredEstimate(survey({ tables: [table({ read }), table({ name: name('public.u'), notRead: 'no right' })] })).tables[1]?.read).toMatchObject({ basis: 'measured', arithmetic: expect.stringContaining('by the 1 tables that were read') });
    expect(measuredEstimate(survey()).totals.copy).toMatchObject({ basis: 'stated' });
    expect(measuredEstimate(survey({ tables: [table({ notRead: 'no right' })], gaps: [{ what: 'a', why: 'b' }] })).not_measured).toEqual([{ what: 'a', why: 'b' }, { what: 'read rate of public.t', why: 'no right' }]);
  });

  it('knows no rate of a server that was not watched', () => {
    const { tables, totals } = measuredEstimate(survey({ watchedSeconds: 0, walBytes: 1000, tables: [table({ writes: 5 })] }));
    expect([tables[0]?.write_rate, totals.wal_growth, totals.convergence]).toEqual([undefined, undefined, 'unknown']);
  });

  it('builds an index by its sort, or by reading where nothing was sorted', () => {
    const index = (sort?: { readonly rows: number; readonly seconds: number }): MeasuredEstimate => measuredEstimate(survey({ tables: [table({ read, indexes: [{ name: 'i', bytes: 1, ...(sort ? { sort } : {}) }] })] }));
    expect(index().tables[0]?.indexes[0]?.build).toMatchObject({ basis: 'stated', arithmetic: expect.stringContaining('were not sorted') });
    expect(index({ rows: 100, seconds: 1 }).tables[0]?.indexes[0]?.build).toMatchObject({ basis: 'measured', arithmetic: expect.stringContaining('100 rows were sorted') });
  });

  it.each<readonly [number, number, MeasuredEstimate['totals']['convergence'], boolean, boolean]>([
    [100, 10, 'converges', true, true],
    [100_000, 10, 'may not converge', true, false],
    [300_000, 10, 'does not converge', true, false],
    [10_000_000, 10, 'does not converge', false, false],
  ])('of %d writes in %d s: %s', (writes, watchedSeconds, convergence, catches, ends) => {
    const { totals } = measuredEstimate(survey({ watchedSeconds, walBytes: 1024 ** 2, tables: [table({ writes, read })] }));
    expect(totals.convergence).toBe(convergence);
    expect(totals.catch_up !== undefined).toBe(catches);
    if (totals.catch_up) expect(totals.catch_up.high !== null).toBe(ends);
    expect(totals.slot_wal?.high !== null).toBe(ends);
    expect(totals.slot_wal?.arithmetic.includes('of catching up')).toBe(catches);
  });

  it('holds the log back for the copy alone where nobody knows what is written', () => {
    const { totals } = measuredEstimate(survey({ walBytes: 1024 ** 2 }));
    expect(totals.slot_wal?.high).not.toBeNull();
    expect(totals.slot_wal?.arithmetic).not.toContain('catching up');
  });
});

describe('a risk', () => {
  const risks = (found: Survey, compliance: readonly string[] = []): readonly FoundRisk[] => surveyedRisks({ survey: found, measured: measuredEstimate(found), compliance });
  const one = (found: Survey, says: RegExp): FoundRisk => risks(found).find(({ description }) => says.test(description)) ?? expect.unreachable();

  it('of inheritance, of hot rows and of a table that is huge', () => {
    expect(risks(survey())).toEqual([]);
    expect(one(survey({ tables: [table({ inherits: true })] }), /inheritance/).mitigation).toContain('ATTACH PARTITION "public"."t"');
    expect(one(survey({ tables: [table({ rows: 200_000_000 })] }), /is huge/)).toMatchObject({ impact: 'high' });
    expect(one(survey({ tables: [table({ updated: 5000, hotUpdated: 5000, live: 0 })] }), /hot rows/)).toMatchObject({ owner: 'service developer' });
  });

  it('of a table without a key weighs less where its rows are in the log whole', async () => {
    const { schema } = await parseSchema('CREATE TABLE t (a integer); ALTER TABLE t REPLICA IDENTITY FULL; CREATE TABLE u (a integer)');
    const found = survey({ schema, tables: [table(), table({ name: name('public.u') })] });
    expect(one(found, /^public\.t has no primary key/).impact).toBe('medium');
    expect(one(found, /^public\.u has no primary key/).impact).toBe('high');
  });

  it('of a trigger is as likely as what is known of it', () => {
    const found = (more: Partial<Survey['sideEffects'][number]>): FoundRisk => one(survey({ sideEffects: [{ table: name('public.t'), trigger: 'tr', writes: [], reaches: [], understood: true, ...more }] }), /trigger tr has side effects/);
    expect(found({ understood: false })).toMatchObject({ probability: 'low', impact: 'medium', description: expect.stringContaining('it has a part that can not be read;') });
    expect(found({ writes: [name('public.u')] })).toMatchObject({ probability: 'high', impact: 'medium' });
    expect(found({ reaches: ['calls another server'], understood: false })).toMatchObject({ probability: 'high', impact: 'high', description: expect.stringContaining('it calls another server, and has a part') });
  });

  it('of a transaction is told even where the application has no name', () => {
    const found = (application: string): Survey => survey({ transactions: [{ pid: '7', application, state: 'active', seconds: 90 }] });
    expect(one(found(''), /long transaction/).description).toContain('of an unnamed application (process 7');
    expect(one(found('cron'), /long transaction/).description).toContain('of cron (process 7');
  });

  it('of never catching up, and of a slot that holds back more than it may', () => {
    const busy = (writes: number, limit: number | null): Survey => survey({ walBytes: 1024 ** 3, slotLimitBytes: limit, tables: [table({ writes, read })] });
    expect(one(busy(100_000, null), /^Catching up/)).toMatchObject({ probability: 'medium', description: expect.stringContaining('may not end') });
    expect(one(busy(10_000_000, null), /^Catching up/)).toMatchObject({ probability: 'high', description: expect.stringContaining('does not end') });
    expect(one(busy(10_000_000, null), /no bound/).mitigation).toMatch(/max_slot_wal_keep_size = '\d+GB'/);
    expect(one(busy(10_000_000, 1024), /hold back more log/)).toMatchObject({ probability: 'high' });
    expect(one(busy(100, 10 * 1024 ** 3), /hold back more log/)).toMatchObject({ probability: 'low' });
    expect(risks(busy(100, 1024 ** 5)).some(({ description }) => /hold back/.test(description))).toBe(false);
  });
});
