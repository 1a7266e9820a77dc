import { describe, expect, it, vi } from 'vitest';
import { Holds } from '../../src/sync/holds.ts';
import { World } from './world.ts';

const seeds = Number(process.env['SIM_SEEDS'] ?? 300);
const first = Number(process.env['SIM_FIRST'] ?? 1);
const only = process.env['SIM_SEED'];

/**
 * One way: the target refuses some of the source's rows; an operator retries and discards meanwhile. When the cause
 * is mended and all has been retried, both sides are equal but for what was discarded. (Both ways, a write to a quarantined row on its target is not judged
 * exactly yet; see the known limits in docs/sync.md.)
 */
describe('the quarantine over two simulated databases', () => {
  it.each([false, true])('loses nothing; discards: %s', async (discards) => {
    const failures: string[] = [];
    const total = { writes: 0, conflicts: 0, quarantined: 0 };
    const list = only === undefined ? Array.from({ length: seeds }, (_, i) => first + i) : [Number(only)];
    for (const seed of list) {
      const outcome = await new World(seed, { profile: { mode: seed % 2 === 0 ? 'monolith-to-service' : 'service-to-monolith', refused: seed % 3 === 0 ? 30 : 8, discards } }).run();
      for (const name of ['writes', 'conflicts', 'quarantined'] as const) total[name] += outcome[name];
      if (outcome.problems.length > 0 && failures.length < 20) {
        failures.push(`SIM_SEED=${seed} ${JSON.stringify(outcome.profile)}\n  ${outcome.problems.slice(0, 5).join('\n  ')}`);
      }
    }
    console.log(`${list.length} seeds, ${failures.length} failed, ${JSON.stringify(total)}`);
    expect(failures.join('\n')).toBe('');
  }, 600_000);

  it('notices when later changes of a row do not wait', async () => {
    const block = vi.spyOn(Holds.prototype, 'block').mockReturnValue(false);
    try {
      const problems: string[] = [];
      for (let seed = 1; seed <= 60; seed++) {
        problems.push(...(await new World(seed, { profile: { mode: 'monolith-to-service', refused: 30 } }).run()).problems);
      }
      expect(problems.join('\n')).toMatch(/differs/);
    } finally {
      block.mockRestore();
    }
  });
});
