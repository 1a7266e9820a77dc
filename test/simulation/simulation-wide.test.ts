import { expect, it } from 'vitest';
import { runSeeds } from './seeds.ts';

it('the same with partial images of rows and with unique values that clash', async () => {
  await expect(runSeeds({ wide: true })).resolves.toBeUndefined();
}, 1_200_000);
