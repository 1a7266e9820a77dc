import { expect, it } from 'vitest';
import { until } from '../support/condition.ts';
import { Journal, JOURNAL_SCHEMA } from '../support/journal.ts';
import { describePostgres } from '../support/postgres.ts';
import { rowsOf, type RunningSync } from '../support/sync-engine.ts';
import { syncPair, type SyncPair } from '../support/sync-pair.ts';
import { WorkerProcess } from '../support/worker-process.ts';

const TABLES = ['account', 'entry'];
const ROWS = `INSERT INTO account SELECT g, 'seed-' || g FROM generate_series(1, 40) g`;

async function expectEqual(pair: SyncPair): Promise<void> {
  for (const side of [pair.monolith, pair.service]) expect(await side.query('SELECT stream, key_text, kind, code, reason, row FROM banyan.quarantine')).toEqual([]);
  for (const table of TABLES) expect(await rowsOf(pair.service, `public.${table}`)).toEqual(await rowsOf(pair.monolith, `public.${table}`));
}

async function drained(running: RunningSync): Promise<void> {
  for (let i = 0; i < 3; i++) await running.caughtUp();
}

const CAPTURES = [
  ['both sides', { monolith: 'trigger', service: 'trigger' }],
  ['the monolith', { monolith: 'trigger' }],
  ['the service', { service: 'trigger' }],
] as const;

describePostgres('sync by triggers', () => {
  it.each(CAPTURES)('of %s loses nothing and converges while eight writers write the same rows, and the engine stops and starts', async (_, capture) => {
    const pair = await syncPair({ schema: JOURNAL_SCHEMA, tables: TABLES, rows: ROWS, capture });
    await using journal = new Journal({ ends: pair, keys: 60 });
    journal.start(4);
    for (const target of [150, 300, 450]) {
      const running = pair.run();
      await until(() => journal.writes > target, { what: 'the writers have written' });
      await running.stop();
    }
    await journal.finish();
    const running = pair.run();
    await drained(running);
    await running.stop();
    await expectEqual(pair);
    expect(await journal.lost()).toEqual([]);
    const [conflicts] = await pair.monolith.query('SELECT count(*) AS n FROM banyan.conflict');
    expect(Number(conflicts!['n'])).toBeGreaterThan(0);
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
