import { expect, it } from 'vitest';
import { runSeeds } from './seeds.ts';

it('over two simulated databases the engine loses nothing, applies once, converges, and reports exactly the concurrent writes', async () => {
  await expect(runSeeds({ wide: false })).resolves.toBeUndefined();
}, 1_200_000);
