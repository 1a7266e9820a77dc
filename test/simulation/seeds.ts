import { expect } from 'vitest';
import { World } from './world.ts';

/** Seeds of each profile that the suite runs; the files of the two profiles run side by side. `SIM_SEEDS` says another number. */
const SEEDS = 5000;

/**
 * Runs every seed of a profile and fails with those that have problems. One seed alone:
 * `SIM_SEED=123 npx vitest run test/simulation/simulation.test.ts` (or `simulation-wide.test.ts`).
 */
export async function runSeeds({ wide }: { readonly wide: boolean }): Promise<void> {
  const only = process.env['SIM_SEED'];
  const seeds = Number(process.env['SIM_SEEDS'] ?? SEEDS);
  const first = Number(process.env['SIM_FIRST'] ?? 1);
  const list = only === undefined ? Array.from({ length: seeds }, (_, i) => first + i) : [Number(only)];
  const failures: string[] = [];
  let failed = 0;
  const total = { steps: 0, writes: 0, conflicts: 0, quarantined: 0 };
  const start = performance.now();
  for (const seed of list) {
    const outcome = await new World(seed, { wide }).run();
    for (const name of ['steps', 'writes', 'conflicts', 'quarantined'] as const) total[name] += outcome[name];
    if (outcome.problems.length === 0) continue;
    failed += 1;
    if (failures.length < 20) failures.push(`SIM_SEED=${seed} ${JSON.stringify(outcome.profile)}\n  ${outcome.problems.slice(0, 5).join('\n  ')}`);
  }
  console.log(`${wide ? 'wide: ' : ''}${list.length} seeds, ${failed} failed, ${Math.round(performance.now() - start)} ms, ${JSON.stringify(total)}`);
  expect(failures.join('\n')).toBe('');
}
