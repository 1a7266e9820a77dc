import { ChaosPair } from '../support/chaos-pair.ts';

/*
 * How long a service stands still when the worker that holds its lease is killed or stops answering (SIGSTOP):
 * from the signal until a write of each side made after it is on the other one. `node --import tsx
 * test/soak/takeover.ts`; SOAK_ROUNDS (5) of each. Two workers, a light load. Prints one JSON document.
 */
const ROUNDS = Number(process.env['SOAK_ROUNDS'] ?? 5);
await using pair = await ChaosPair.start({ keys: 400, writers: 2, pauseMs: 1000, logFolder: process.env['SOAK_LOG'] });
const took: Record<'killed' | 'frozen', number[]> = { killed: [], frozen: [] };
pair.keepWorkers(2);
await pair.crossed(60_000);
pair.journal.start(2);
for (let round = 0; round < ROUNDS; round++) {
  for (const how of ['killed', 'frozen'] as const) {
    await pair.standsBy(60_000);
    const holder = await pair.holder();
    const began = performance.now();
    if (how === 'killed') await pair.kill(holder);
    else holder.freeze();
    await pair.crossed(60_000);
    took[how].push(Math.round(performance.now() - began));
    if (how === 'frozen') await pair.kill(holder);
    pair.keepWorkers(2);
    await pair.crossed(60_000);
  }
}
await pair.journal.finish();
const figures = (values: readonly number[]) => ({ medianMs: values.toSorted((a, b) => a - b)[values.length >> 1], maxMs: Math.max(...values), all: values });
console.log(JSON.stringify({ killed: figures(took.killed), frozen: figures(took.frozen), lost: await pair.journal.lost() }));
