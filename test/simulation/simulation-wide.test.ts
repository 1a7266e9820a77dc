import { expect, it } from 'vitest';
import { runSeeds } from './seeds.ts';

it('the same with partial images of rows, unique values that clash, keys of two columns, tables that are emptied, counters, and writers of a one-way target', async () => {
  await expect(runSeeds({ wide: true })).resolves.toBeUndefined();
}, 1_200_000);
