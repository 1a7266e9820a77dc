import { expect, it } from 'vitest';
import { describePostgres, testDatabase } from '../support/postgres.ts';
import { TYPES_SQL } from './mutation/kinds.ts';
import { runRounds } from './mutation/rounds.ts';

/** `npm run soak:validate` runs thousands. */
const ROUNDS = Number(process.env['BANYAN_MUTATION_ROUNDS'] ?? 84);
const SEED = Number(process.env['BANYAN_MUTATION_SEED'] ?? 20_261_121);

describePostgres('mutation', () => {
  it(`reports exactly what was planted, in ${ROUNDS} random tables`, { timeout: 60_000 + ROUNDS * 1000 }, async () => {
    const [source, target] = await Promise.all([testDatabase({ schema: TYPES_SQL }), testDatabase({ schema: TYPES_SQL })]);
    const { rounds, planted, failures } = await runRounds({ source: source.pool, target: target.pool, seed: SEED, rounds: ROUNDS });
    expect(failures.join('\n\n')).toBe('');
    expect(rounds).toBe(ROUNDS);
    const names = new Set([...planted.keys()].map((name) => name.replace(/:.*/, '')));
    for (const name of ['missing', 'extra', 'null', 'swapped', 'key changed', 'left the filter', 'one copy more']) expect(names).toContain(name);
    // And as many kinds of two values that are almost the same.
    expect(names.size).toBeGreaterThan(30);
  });
});
