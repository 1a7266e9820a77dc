import { afterAll, beforeAll, expect, it } from 'vitest';
import { describePostgres } from '../support/postgres.ts';
import { randomPairs } from '../support/random-pairs.ts';
import { SchemaLab } from '../support/schema-lab.ts';

const ROUNDS = Number(process.env['CHECK_ROUNDS'] ?? 300);
const SEED = Number(process.env['CHECK_SEED'] ?? 20_261_122);

describePostgres('random pairs of schemas', () => {
  let labs: readonly [SchemaLab, SchemaLab];
  beforeAll(async () => {
    labs = [await SchemaLab.open(), await SchemaLab.open()];
  });
  afterAll(() => Promise.all(labs.map((lab) => lab.close())));

  it(`${ROUNDS} of them are led there and back`, { timeout: 3_600_000 }, async () => {
    const { pairs, scripts, fault } = await randomPairs({ labs, seed: SEED, pairs: ROUNDS });
    expect(fault).toBeUndefined();
    expect(pairs).toBeGreaterThanOrEqual(ROUNDS);
    expect(scripts).toBeGreaterThan(pairs);
  });
});
