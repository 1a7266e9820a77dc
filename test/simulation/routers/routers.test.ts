import { describe, expect, it } from 'vitest';
import { World, type Bug, type Scenario, type Verdict } from './world.ts';

const run = async (scenario: Scenario): Promise<Verdict> => new World(scenario).run();

/** `ROUTERS_SEEDS=100` looks wider, and longer. */
const WIDE = process.env['ROUTERS_SEEDS'] !== undefined;
const SEEDS = Number(process.env['ROUTERS_SEEDS'] ?? 1);

describe('routers that move users together', () => {
  it.each<[string, Omit<Scenario, 'seed'>]>([
    ['one', { routers: 1 }],
    ['three', { routers: 3 }],
    ['three, raised only', { routers: 3, raiseOnly: true }],
    ['three that die, leave and join', { routers: 3, crashes: true }],
    ['one that dies, and others that join', { routers: 1, crashes: true, raiseOnly: true }],
    ['three that are cut off', { routers: 3, cuts: true }],
    ['three with streams that stand still', { routers: 3, stalls: true }],
    ['four with everything', { routers: 4, crashes: true, cuts: true, stalls: true }],
  ])('%s: nobody reads the past, is moved back or waits too long, and everything ends', { timeout: 600_000 }, async (_what, scenario) => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const verdict = await run({ ...scenario, seed, ms: WIDE ? 15_000 : 7000 });
      expect({ seed, violations: verdict.violations }).toEqual({ seed, violations: [] });
      expect(verdict.longestHoldMs).toBeLessThan(2600);
      expect(verdict.judged).toBeGreaterThan(200);
    }
  });

  it.each<Bug>(['one router is not waited for', 'drained is said too early', 'nobody is held', 'no fence'])(
    'planted: %s', { timeout: 600_000 },
    async (bug) => {
      let found = 0;
      for (let seed = 1; seed <= 4 && found === 0; seed++) found = (await run({ seed, routers: 3, bug })).violations.length;
      expect(found).toBeGreaterThan(0);
    },
  );
});
