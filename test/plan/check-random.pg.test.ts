import { afterAll, beforeAll, expect, it } from 'vitest';
import { describePostgres } from '../support/postgres.ts';
import { randomPairs, type Labs } from '../support/random-pairs.ts';
import { SchemaLab } from '../support/schema-lab.ts';

const ROUNDS = Number(process.env['CHECK_ROUNDS'] ?? 2000);
const SEED = Number(process.env['CHECK_SEED'] ?? 20_261_122);

/** Chains at a time: more do not make two processors faster. */
const LANES = 2;

describePostgres('random pairs of schemas', () => {
  let lanes: readonly Labs[];
  beforeAll(async () => {
    lanes = await Promise.all(Array.from({ length: LANES }, () => Promise.all([SchemaLab.open(), SchemaLab.open()])));
  });
  afterAll(() => Promise.all(lanes.flat().map((lab) => lab.close())));

  it(`${ROUNDS} of them are led there and back`, { timeout: 3_600_000 }, async () => {
    const { pairs, scripts, fault } = await randomPairs({ lanes, seed: SEED, pairs: ROUNDS });
    expect(fault).toBeUndefined();
    expect(pairs).toBeGreaterThanOrEqual(ROUNDS);
    expect(scripts).toBeGreaterThan(pairs);
  });
});
