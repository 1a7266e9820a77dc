import { describe, expect, it } from 'vitest';
import { World } from './world.ts';

/** One seed: `SIM_SEED=123 npx vitest run test/simulation`. How many: `SIM_SEEDS`. */
const only = process.env['SIM_SEED'];
const seeds = Number(process.env['SIM_SEEDS'] ?? 1500);
const first = Number(process.env['SIM_FIRST'] ?? 1);

describe('the engine over two simulated databases', () => {
  it('loses nothing, applies once, converges, and reports exactly the concurrent writes', async () => {
    const failures: string[] = [];
    let failed = 0;
    const total = { steps: 0, writes: 0, conflicts: 0, quarantined: 0 };
    const start = performance.now();
    const list = only === undefined ? Array.from({ length: seeds }, (_, i) => first + i) : [Number(only)];
    for (const seed of list) {
      const outcome = await new World(seed).run();
      for (const name of ['steps', 'writes', 'conflicts', 'quarantined'] as const) total[name] += outcome[name];
      if (outcome.problems.length > 0) {
        failed += 1;
        if (failures.length < 20) failures.push(`SIM_SEED=${seed} ${JSON.stringify(outcome.profile)}\n  ${outcome.problems.slice(0, 5).join('\n  ')}`);
      }
    }
    console.log(`${list.length} seeds, ${failed} failed, ${Math.round(performance.now() - start)} ms, ${JSON.stringify(total)}`);
    expect(failures.join('\n')).toBe('');
  }, 600_000);
});
