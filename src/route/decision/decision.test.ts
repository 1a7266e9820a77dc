import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyCompiled, anyDecision, anyPercent, anySubject, KEYS, subject } from '../../../test/support/route-decisions.ts';
import { parseRouteDecision } from '../../model/parse-route-decision.ts';
import { PLAIN_DECISION } from '../../model/route-decision.ts';
import { bucketOf, BUCKETS, decide } from '../decide.ts';
import { bucketsThatMove, meet } from './assignment.ts';
import { CompiledDecision } from './compiled-decision.ts';

describe('a decision', () => {
  it('is asked in the order pinned, deny, allow, rules, percentage', () => {
    const decision = {
      ...PLAIN_DECISION, deny: ['user-1', 'user-2'], allow: ['user-2', 'user-3'],
      rules: [{ when: { tenant: ['acme'] }, percent: 100 }, { when: { methods: ['GET'], tenant: ['initech'] }, percent: 0 }],
    };
    const at0 = new CompiledDecision(0, decision);
    expect(at0.side(subject('user-1', { tenant: 'acme' }))).toBe('monolith');
    expect(at0.side(subject('user-2'))).toBe('monolith');
    expect(at0.side(subject('user-3'))).toBe('service');
    expect(at0.side(subject('user-4', { tenant: 'acme' }))).toBe('service');
    expect(at0.side(subject('user-4', null))).toBe('monolith');
    const at100 = new CompiledDecision(100, decision);
    expect(at100.side(subject('user-4', { tenant: 'initech', method: 'HEAD' }))).toBe('monolith');
    expect(at100.side(subject('user-4', { tenant: 'initech', method: 'PUT' }))).toBe('service');
    const pinned = new CompiledDecision(100, { ...decision, pinned: 'monolith' });
    for (const key of KEYS) expect(pinned.side(subject(key, { tenant: 'acme' }))).toBe('monolith');
    expect(pinned.servesAnyone).toBe(false);
    expect(at0.servesAnyone).toBe(true);
  });

  it('without anything else is the percentage', () => {
    fc.assert(
      fc.property(fc.string(), anyPercent, (key, percent) => {
        expect(new CompiledDecision(percent).side(subject(key))).toBe(decide(key, percent));
      }),
    );
  });

  it('moves nobody back when its percentage is raised, again and again, whatever lists and rules it has', () => {
    fc.assert(
      fc.property(anyDecision, fc.array(anyPercent, { minLength: 2, maxLength: 6 }), fc.array(anySubject, { minLength: 1, maxLength: 20 }), (decision, percents, users) => {
        const rising = [...percents].sort((a, b) => a - b).map((percent) => new CompiledDecision(percent, decision));
        for (const user of users) {
          const sides = rising.map((each) => each.side(user));
          expect(sides).toEqual([...sides].sort());
        }
      }),
      { numRuns: 500 },
    );
  });

  it('moves by a list only who is added or taken away', () => {
    fc.assert(
      fc.property(anyPercent, anyDecision, fc.constantFrom(...KEYS), anySubject, (percent, decision, added, user) => {
        const before = new CompiledDecision(percent, decision);
        const after = new CompiledDecision(percent, { ...decision, allow: [...decision.allow, added] });
        if (user.key !== added) expect(after.side(user)).toBe(before.side(user));
        else if (before.side(user) === 'service') expect(after.side(user)).toBe('service');
      }),
      { numRuns: 500 },
    );
  });

  it('survives the store, and an older row is the percentage alone', () => {
    fc.assert(
      fc.property(anyDecision, (decision) => {
        expect(parseRouteDecision(JSON.parse(JSON.stringify(decision)))).toEqual(decision);
      }),
    );
    expect(parseRouteDecision(null)).toEqual(PLAIN_DECISION);
    expect(parseRouteDecision({})).toEqual(PLAIN_DECISION);
    const full = {
      ...PLAIN_DECISION, experiment: 'prices', schedule: [{ percent: 5, at: '2026-01-01T00:00:00Z' }, { percent: 10, afterSeconds: 60 }],
      variants: [{ name: 'a', weight: 1, ranges: [[0, BUCKETS]] }],
      rules: [{ when: { hosts: ['x'], path: '/y', query: { a: 'b' }, region: ['eu'] }, percent: 1 }],
    };
    expect(parseRouteDecision(full)).toEqual(full);
    for (const wrong of [7, { allow: 'x' }, { allow: [1] }, { pinned: 'both' }, { strategy: 'guess' }, { rules: [{}] }, { variants: [{ name: 'a', weight: 'x' }] }, { schedule: [null] }]) {
      expect(() => parseRouteDecision(wrong), JSON.stringify(wrong)).toThrow(/the stored decision has .* as its /);
    }
  });
});

describe('the way from one decision to another', () => {
  // One that stands between others is on the way from there as well.
  const anyBefore = fc.oneof(anyCompiled, fc.tuple(anyCompiled, anyCompiled).map((both) => meet(...both)));

  it('knows every bucket of which somebody moves', () => {
    fc.assert(
      fc.property(anyBefore, anyCompiled, fc.array(anySubject, { minLength: 1, maxLength: 30 }), (before, after, users) => {
        const masks = { monolith: bucketsThatMove(before, after, 'monolith'), service: bucketsThatMove(before, after, 'service') };
        for (const user of users) {
          const to = after.side(user);
          if (before.side(user) !== to) expect(masks[to][user.bucket]).toBe(1);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('has two parts: first users only come home, then they only leave', () => {
    fc.assert(
      fc.property(anyBefore, anyCompiled, fc.array(anySubject, { minLength: 1, maxLength: 30 }), (before, after, users) => {
        const between = meet(before, after);
        expect(bucketsThatMove(between, after, 'monolith').includes(1)).toBe(false);
        for (const user of users) {
          const [was, is, becomes] = [before.side(user), between.side(user), after.side(user)];
          expect(is).toBe(was === 'service' && becomes === 'service' ? 'service' : 'monolith');
          // What a bucket and a key alone can tell is no other than what the request tells.
          const known = between.sideOfKey(user.key, user.bucket);
          if (known !== undefined) expect(known).toBe(is);
          if (is === 'service') expect(between.mayServe(user.bucket)).toBe(true);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('holds few: one listed user is one bucket, a tenant nobody at first', () => {
    const [key] = KEYS;
    const plain = new CompiledDecision(0);
    const listed = new CompiledDecision(0, { ...PLAIN_DECISION, allow: [key!] });
    const count = (mask: Uint8Array): number => mask.reduce((sum, one) => sum + one, 0);
    expect(count(bucketsThatMove(plain, listed, 'service'))).toBe(1);
    expect(bucketsThatMove(plain, listed, 'service')[bucketOf(key!)]).toBe(1);
    expect(count(bucketsThatMove(plain, listed, 'monolith'))).toBe(0);
    expect(count(bucketsThatMove(listed, plain, 'monolith'))).toBe(1);
    const tenant = new CompiledDecision(0, { ...PLAIN_DECISION, rules: [{ when: { tenant: ['acme'] }, percent: 100 }] });
    expect(count(bucketsThatMove(plain, tenant, 'monolith'))).toBe(0);
    expect(count(bucketsThatMove(plain, tenant, 'service'))).toBe(BUCKETS);
  });

  it('does not grow without end when moves are given up again and again', () => {
    const many = Array.from({ length: 20 }, (_, n) => new CompiledDecision(100, { ...PLAIN_DECISION, rules: [{ when: { tenant: [`t${n}`] }, percent: 0 }] }));
    let now = meet(many[0]!);
    for (const next of many) now = meet(now, next);
    expect(now.home(0)).toBe('monolith');
    expect(now.mayServe(0)).toBe(false);
  });
});
