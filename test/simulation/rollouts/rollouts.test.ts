import { describe, expect, it } from 'vitest';
import { samplesNeeded } from '../../../src/route/evidence/samples-needed.ts';
import { goesOn, peeking, sequential, staleBaseline, standingAlone } from './judges.ts';
import { measure, mostAlarms } from './measure.ts';
import { rollout, type World } from './world.ts';
import { allAfter, drifting, failing, onTheEdge, plain, shareBeyond, slower } from './worlds.ts';

/*
 * The short version. `npm run sim:rollouts` runs the long one, with 1,000 rollouts of each; its results are in
 * docs/routing-evidence.md.
 */
const ALPHA = 0.01;
const rules = [{ threshold: 0.002, relative: 2, alone: 0.05 }, { quantile: 0.95, relative: 1.1 }];
const relativeOnly = [{ relative: 2 }, { quantile: 0.95, relative: 1.1 }];

describe('simulated rollouts', () => {
  it('of a service that is not worse end no more often than the stated rate, also on its edge and through bad minutes', () => {
    for (const world of [plain(100), drifting(620), onTheEdge(100)]) {
      const { fired } = measure(world, sequential(relativeOnly, ALPHA), { rollouts: 12 });
      expect(fired, world.name).toBeLessThanOrEqual(mostAlarms(12, ALPHA));
    }
  });

  it('of a service that is worse end within the promised number of requests', () => {
    const rollouts = 25;
    // Of 25 with the promised power of 0.9, fewer than 18 are in time once in a thousand times.
    const inTime = 18;
    const errors = samplesNeeded({ service: 0.01, reference: 0.001, relative: 2, traffic: 0.2 }, { alpha: ALPHA / 2 / 2 });
    expect(measure(failing(600, 0.01), sequential(rules, ALPHA), { rollouts, promised: errors }).within).toBeGreaterThanOrEqual(inTime);
    const latency = samplesNeeded({ service: shareBeyond(1.2, 1.1), reference: 0.05, relative: 1, traffic: 0.2 }, { alpha: ALPHA / 2 });
    expect(measure(slower(600, 1.2), sequential(rules, ALPHA), { rollouts, promised: latency }).within).toBeGreaterThanOrEqual(inTime);
  });

  it('of three routers that judge one service share the rate, and a worse service is still left by one of them', () => {
    const routers = 3;
    /** How many of `rollouts` one of the routers ends; each sees a third of the requests. */
    const ended = (world: World, rate: number, rollouts: number): number =>
      Array.from({ length: rollouts }, (_, n) => n).filter((n) =>
        Array.from({ length: routers }, (_, router) => rollout(world, 1 + n * routers + router, sequential([{ relative: 1 }], rate, routers))).some(({ fired }) => fired),
      ).length;
    const rate = 0.05;
    const same = { ...plain(150, { rate: 30, traffic: 0.5 }), side: () => ({ errors: 0.06, medianMs: 100 }) };
    expect(ended(same, rate, 25)).toBeLessThanOrEqual(mostAlarms(25, rate));
    expect(ended(failing(200, 0.01, 0.5), ALPHA, 6)).toBe(6);
  });

  it('go on after a step with a service that is fine, and with one that is worse in no more than one of twenty', () => {
    const beta = 0.05;
    expect(measure(plain(400, { traffic: 0.5 }), goesOn(beta), { rollouts: 10 }).fired).toBe(10);
    for (const world of [failing(60, 0.01, 0.5), slower(60, 1.2, 0.5)]) {
      expect(measure(world, goesOn(beta), { rollouts: 20 }).fired, world.name).toBeLessThanOrEqual(mostAlarms(20, beta));
    }
  });

  it('of which all users are on the service go by what the monolith did: no more false alarms, and 2 % errors are found that the limit alone lets pass', () => {
    const alone = [{ relative: 1, alone: 0.05 }];
    expect(measure(allAfter(30, 90, 0.001), standingAlone(alone, ALPHA, 30), { rollouts: 20 }).fired).toBeLessThanOrEqual(mostAlarms(20, ALPHA));
    // Planted: what was seen is taken for what is so.
    const certain = standingAlone(alone, ALPHA, 30, ({ n, k }) => ({ n: n * 1e4, k: Math.max(1, k * 1e4), worst: 0 }));
    expect(measure(allAfter(30, 90, 0.001), certain, { rollouts: 20 }).fired).toBeGreaterThan(mostAlarms(20, ALPHA));
    const worse = allAfter(60, 120, 0.02);
    expect(measure(worse, standingAlone([rules[0]!], ALPHA, 60), { rollouts: 10 }).fired).toBe(10);
    expect(measure(worse, sequential([rules[0]!], ALPHA), { rollouts: 10 }).fired).toBe(0);
  });

  it('show what is wrong with a fixed test that is looked at again and again, and with a baseline of yesterday', () => {
    // A rate that such a test can pass more often than is left to chance.
    const rate = 0.05;
    const many = { ...plain(300, { rate: 30, traffic: 0.5 }), side: () => ({ errors: 0.06, medianMs: 100 }) };
    const limit = mostAlarms(50, rate);
    expect(measure(many, peeking(rate), { rollouts: 50 }).fired).toBeGreaterThan(limit);
    expect(measure(many, sequential([{ relative: 1 }], rate), { rollouts: 50 }).fired).toBeLessThanOrEqual(limit);
    expect(measure(drifting(120), staleBaseline(rate), { rollouts: 20 }).fired).toBeGreaterThan(mostAlarms(20, rate));
  });
});
