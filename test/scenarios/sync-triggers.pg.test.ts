import { expect, it } from 'vitest';
import { until } from '../support/condition.ts';
import { Journal, JOURNAL_SCHEMA } from '../support/journal.ts';
import { drained, expectEqual, expectNothingLostWhileWritten, ROWS, TABLES } from '../support/journey-both-ways.ts';
import { describePostgres } from '../support/postgres.ts';
import { syncPair } from '../support/sync-pair.ts';
import { WorkerProcess } from '../support/worker-process.ts';

const CAPTURES = [
  ['both sides', { monolith: 'trigger', service: 'trigger' }],
  ['the monolith', { monolith: 'trigger' }],
  ['the service', { service: 'trigger' }],
] as const;

describePostgres('sync by triggers', () => {
  it.each(CAPTURES)('of %s loses nothing and converges while eight writers write the same rows, and the engine stops and starts', async (_, capture) => {
    const pair = await syncPair({ schema: JOURNAL_SCHEMA, tables: TABLES, rows: ROWS, capture });
    await expectNothingLostWhileWritten(pair, { writers: 4, targets: [150, 300, 450] });
  });

  it('loses nothing and converges when its worker is killed again and again', async () => {
    const capture = { monolith: 'trigger', service: 'trigger' } as const;
    const pair = await syncPair({ schema: JOURNAL_SCHEMA, tables: TABLES, rows: ROWS, capture });
    const start = async (): Promise<WorkerProcess> => {
      const worker = new WorkerProcess({ monolith: pair.monolith.url, service: pair.service.url, settings: { tables: TABLES, capture } });
      await worker.running();
      return worker;
    };
    await using journal = new Journal({ ends: pair, keys: 60 });
    journal.start(4);
    for (let i = 1; i <= 3; i++) {
      await using worker = await start();
      const before = journal.writes;
      await worker.meanwhile(until(() => journal.writes > before + 60));
      await worker.kill();
    }
    await journal.finish();
    const running = pair.run();
    await drained(running);
    await running.stop();
    await expectEqual(pair);
    expect(await journal.lost()).toEqual([]);
  });
});
