import { describe, expect, it } from 'vitest';
import { FLAG_STAGES, PLAIN_DECISION, type FlagStage, type RouteDecision } from '../../model/route-decision.ts';
import { carriedOver, changeDecision, madeAgain, rolledBack, type DecisionChange } from './change.ts';
import { answersOf, refuseStage, stageFor } from './flag-stage.ts';

const change = (before: Partial<RouteDecision>, wanted: DecisionChange, percent = 0) =>
  changeDecision('accounts', { percent, decision: { ...PLAIN_DECISION, ...before } }, wanted);

describe('a change of a decision', () => {
  it('leaves alone what it does not name', () => {
    const before = { allow: ['a'], rules: [{ when: { tenant: ['t'] }, percent: 3 }], stage: 'shadow' as const };
    expect(change(before, { percent: 5 }, 1)).toEqual({ percent: 5, decision: { ...PLAIN_DECISION, ...before } });
  });

  it('keeps a key in one list only', () => {
    const { decision } = change({ allow: ['a', 'b'], deny: ['c'] }, { allow: ['c', 'd'], deny: ['a'], unlist: ['b'] });
    expect(decision).toMatchObject({ allow: ['c', 'd'], deny: ['a'] });
  });

  it('ends a pin and a schedule with a new percentage, and with nothing else', () => {
    const before = { pinned: 'monolith' as const, schedule: [{ percent: 50, afterSeconds: 60 }] };
    expect(change(before, { allow: ['a'] }).decision).toMatchObject(before);
    expect(change(before, { percent: 5 }).decision).toMatchObject({ pinned: null, schedule: [] });
    expect(change(before, { percent: 5, schedule: [{ percent: 9 }] }).decision).toMatchObject({ pinned: null, schedule: [{ percent: 9 }] });
    expect(carriedOver({ ...PLAIN_DECISION, ...before, allow: ['a'] })).toEqual({ ...PLAIN_DECISION, allow: ['a'] });
    expect(madeAgain({ percent: 3, decision: { ...PLAIN_DECISION, ...before } })).toEqual({ percent: 3, decision: { ...PLAIN_DECISION, pinned: 'monolith' } });
  });

  it('rolls back everybody, and keeps lists and rules for the next attempt', () => {
    const before = { ...PLAIN_DECISION, allow: ['a'], stage: 'complete' as const, schedule: [{ percent: 50 }] };
    expect(rolledBack(before)).toEqual({ ...before, pinned: 'monolith', schedule: [], stage: 'ramp-down' });
    expect(change(rolledBack(before), { percent: 1 }).decision).toMatchObject({ pinned: null, allow: ['a'] });
  });

  it('shares variants out by their weights, anew for another experiment', () => {
    const first = change({}, { variants: { a: 30, b: 70 } }).decision;
    expect(first).toMatchObject({ experiment: 'accounts', variants: [{ name: 'a', ranges: [[0, 3000]] }, { name: 'b' }] });
    const second = change(first, { variants: { a: 70 } }).decision;
    expect(second.variants).toMatchObject([{ name: 'a', weight: 70, ranges: [[0, 3000], [8000, 10_000]] }, { name: 'b', weight: 70, ranges: [[3000, 8000]] }]);
    expect(change(second, { experiment: 'again' }).decision.variants).toMatchObject([{ ranges: [[0, 5000]] }, { ranges: [[5000, 10_000]] }]);
    expect(change(second, { variants: { b: 0 } }).decision.variants).toMatchObject([{ name: 'a', ranges: [[0, 10_000]] }]);
  });

  it.each<[string, Partial<RouteDecision>, DecisionChange, number?]>([
    ['101 %', {}, { percent: 101 }],
    ['50 %', { strategy: 'blue-green' }, { percent: 50 }],
    ['blue-green', {}, { strategy: 'blue-green' }, 50],
    ['no variant', {}, { strategy: 'variants' }],
    ['weight', {}, { variants: { a: -1 } }],
    ['a rule for everybody', {}, { rules: [{ when: {}, percent: 1 }] }],
    ['a rule with 0.001 %', {}, { rules: [{ when: { tenant: ['a'] }, percent: 0.001 }] }],
    ['keys in a list', {}, { allow: Array.from({ length: 10_001 }, (_, n) => `${n}`) }],
    ['the next stage after off is dual-write', {}, { stage: 'live' }],
    ['complete at 99 %', { stage: 'ramp-down' }, { stage: 'complete' }, 99],
  ])('is refused: %s', (message, before, wanted, percent) => {
    expect(() => change(before, wanted, percent)).toThrow(expect.objectContaining({ code: 'BANYAN_ROUTE_INVALID', message: expect.stringContaining(message) }));
  });
});

describe('the stages of a flag', () => {
  it('go forward one by one, and back to where the old store was written all along', () => {
    const allowed = (from: FlagStage): FlagStage[] => FLAG_STAGES.filter((to) => refuseStage(from, to) === undefined && to !== from);
    expect(FLAG_STAGES.map((from) => [from, allowed(from)])).toEqual([
      ['off', ['dual-write']],
      ['dual-write', ['off', 'shadow']],
      ['shadow', ['off', 'dual-write', 'live']],
      ['live', ['off', 'dual-write', 'shadow', 'ramp-down']],
      ['ramp-down', ['off', 'dual-write', 'shadow', 'live', 'complete']],
      ['complete', ['ramp-down']],
    ]);
  });

  it('never read a store that the stage before did not write, whichever way the flag goes', () => {
    for (const from of FLAG_STAGES) {
      for (const to of FLAG_STAGES) {
        if (refuseStage(from, to) !== undefined) continue;
        const [was, is] = [answersOf(from), answersOf(to)];
        if (is.authority === 'old') expect(was.writeOld, `${from} to ${to}`).toBe(true);
        if (is.authority === 'new') expect(was.writeNew, `${from} to ${to}`).toBe(true);
      }
    }
  });

  it('are live only for whom the service serves, and lose at 100 % what they need all for', () => {
    expect(FLAG_STAGES.map((stage) => stageFor(stage, 'monolith'))).toEqual(['off', 'dual-write', 'shadow', 'shadow', 'shadow', 'shadow']);
    expect(FLAG_STAGES.map((stage) => stageFor(stage, 'service'))).toEqual(FLAG_STAGES);
    expect(change({ stage: 'complete' }, { percent: 99 }, 100).decision.stage).toBe('ramp-down');
    expect(answersOf('dual-write')).toEqual({ stage: 'dual-write', readOld: true, readNew: false, writeOld: true, writeNew: true, dualWrite: true, shadow: false, authority: 'old' });
    expect(answersOf('shadow')).toMatchObject({ shadow: true, authority: 'old' });
  });
});
