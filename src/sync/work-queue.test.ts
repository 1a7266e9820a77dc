import { expect, it } from 'vitest';
import { systemClock } from '../core/clock.ts';
import type { Position } from '../model/position.ts';
import type { TargetTable } from '../ports/applier.ts';
import { parseTableName } from '../model/names.ts';
import { WorkQueue, type Overflow } from './work-queue.ts';
import type { Work } from './work.ts';

const table: TargetTable = { name: parseTableName('t'), columns: ['id'], key: [0] };
const work = (n: number): Work => ({
  position: BigInt(n) as Position, seen: 0n as Position, committedAt: 0n, urgent: true, counts: true,
  steps: [{ kind: 'delete', table, key: [String(n)], keyText: `t ${n}`, position: BigInt(n) as Position, seen: 0n as Position, committedAt: 0n }],
});

/** Puts works until one is not let through; how many were. */
async function fill(overflow: Overflow): Promise<number> {
  const stop = new AbortController();
  const queue = new WorkQueue({ clock: systemClock, maxRows: 10, maxBytes: 1000, overflow: () => overflow });
  let put = 0;
  const putting = (async () => {
    for (let n = 1; n <= 1000; n++) {
      put = n;
      await queue.put(work(n), stop.signal);
    }
  })();
  // Whoever is let through goes on in microtasks alone; a timer comes after all of them.
  await new Promise<void>((resolve) => setImmediate(resolve));
  stop.abort();
  await putting.catch(() => {});
  return put;
}

it('holds its bound, some more for the opposite stream, and without one only where both would wait for ever', async () => {
  expect(await fill('none')).toBe(11);
  expect(await fill('some')).toBe(41);
  expect(await fill('all')).toBe(1000);
});
