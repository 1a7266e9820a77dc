import { afterAll, expect, it } from 'vitest';
import { Random } from '../simulation/random.ts';
import { ChaosPair } from '../support/chaos-pair.ts';
import { until } from '../support/condition.ts';
import { FAULTS, WORKERS } from '../support/faults.ts';
import { describePostgres } from '../support/postgres.ts';
import { killSyncProcesses } from '../support/sync-process.ts';
import { judge } from '../support/verdict.ts';

afterAll(killSyncProcesses);

/** A small part of `npm run soak:chaos`; see docs/soak.md. */
describePostgres('sync while everything goes wrong', () => {
  it('loses nothing, and converges while writers of both sides lock the same rows in any order', async () => {
    await using pair = await ChaosPair.start({ keys: 100, writers: 8, pauseMs: 200 });
    const random = new Random(7);
    pair.keepWorkers(WORKERS);
    await pair.crossed(60_000);
    pair.journal.start(8);
    for (const name of ['both-killed-with-workers', 'commit-unanswered']) {
      const before = pair.journal.writes;
      await until(() => pair.journal.writes > before + 400, { timeoutMs: 60_000 });
      await FAULTS[name]?.(pair, random);
      pair.keepWorkers(WORKERS);
    }
    // The writers do not stop for it.
    await pair.crossed(90_000);
    await pair.journal.finish();
    const { ok, writes, drainedSeconds: _, validated, ...verdict } = await judge(pair, 60_000);
    expect(verdict).toMatchObject({ lost: [], unjust: [], differing: [], ended: [], quarantined: 0 });
    expect({ ok, validated }).toEqual({ ok: true, validated: true });
    expect(writes).toBeGreaterThan(1000);
  }, 300_000);
});
