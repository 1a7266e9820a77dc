import { expect, it } from 'vitest';
import { until } from '../../test/support/condition.ts';
import { describePostgres, testDatabase } from '../../test/support/postgres.ts';
import { parseTableName } from '../model/names.ts';
import type { RecordedTable } from '../ports/validation-store.ts';
import { PostgresValidationStore } from './validation-store.ts';

const users = parseTableName('users');
const odd = parseTableName('"Odd Schema"."Ta""ble"');
const DAY = 86_400_000;

const recorded = (run: string, at: string, table = users, score = 1): RecordedTable => ({
  run, at, service: 'accounts', table, level: 'full', consistent: score === 1, source: 9_007_199_254, target: 10, missing: 1, extra: 2, different: 3, unsettled: 4, score, seconds: 0.5,
});

async function stores(count: number) {
  const database = await testDatabase({ max: 6 });
  const made = Array.from({ length: count }, () => new PostgresValidationStore({ pool: database.pool }));
  await Promise.all(made.map((store) => store.install()));
  return { database, stores: made };
}

describePostgres('the store of validation', () => {
  it('keeps how far a schedule is, and never goes back', async () => {
    const { stores: [store] } = await stores(3);
    expect(await store!.last('accounts', 'a')).toBeUndefined();
    await store!.note('accounts', 'a', 1_767_225_600_123);
    await store!.note('accounts', 'a', 1_767_225_600_000);
    await store!.note('orders', 'a', 5);
    expect([await store!.last('accounts', 'a'), await store!.last('orders', 'a')]).toEqual([1_767_225_600_123, 5]);
  });

  it('lets one at a time work on a service, also after one has failed or died', async () => {
    const { database, stores: [one, other] } = await stores(2);
    const order: string[] = [];
    await one!.alone('accounts', async () => {
      order.push('first');
      expect(await other!.alone('accounts', async () => void order.push('beside'))).toBe(false);
      expect(await other!.alone('orders', async () => void order.push('another service'))).toBe(true);
    });
    await expect(one!.alone('accounts', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    await one!.alone('accounts', async () => {
      const locks = "FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
      await database.query(`SELECT pg_terminate_backend(pid) ${locks}`);
      await until(async () => (await database.query(`SELECT pid ${locks}`)).length === 0, { what: 'the dead session has given its lock away' });
      // Whoever has lost the lock reads on; the next may begin.
      expect(await other!.alone('accounts', async () => void order.push('after a death'))).toBe(true);
    });
    expect(order).toEqual(['first', 'another service', 'after a death']);
  });

  it('gives the history back as it was, the newest first, and forgets what is too old', async () => {
    const { stores: [store] } = await stores(1);
    const at = (day: number) => new Date(Date.parse('2026-01-01T00:00:00.120Z') + day * DAY).toISOString();
    const runs = Array.from({ length: 5 }, (_, day) => [recorded(`run ${day}`, at(day), users, 1 - day / 10), recorded(`run ${day}`, at(day), odd)]);
    for (const run of runs) await store!.record(run, 0);
    await store!.record(runs[4]!, 0);
    expect((await store!.history({ limit: 10 })).filter(({ table }) => table === users)).toEqual(runs.map(([first]) => first).reverse());
    expect((await store!.history({ table: odd, limit: 2 })).map(({ run, table }) => [run, table])).toEqual([['run 4', odd], ['run 3', odd]]);
    expect((await store!.history({ sinceMs: Date.parse(at(3)), limit: 10 })).map(({ run }) => run)).toEqual(['run 4', 'run 4', 'run 3', 'run 3']);
    await store!.record([recorded('run 9', at(9))], Date.parse(at(4)));
    expect((await store!.history({ limit: 10 })).map(({ run }) => run)).toEqual(['run 9', 'run 4', 'run 4']);
  });

  it('keeps what tables are like and who has been told', async () => {
    const { stores: [store] } = await stores(1);
    const counts = { missing: 1, extra: 2, different: 3, unsettled: 4 };
    await store!.stand('accounts', { table: odd, level: 'full', severity: 'critical', score: 0.123456789012345, rows: 7, counts });
    await store!.stand('accounts', { table: users, level: 'full', severity: 'high', score: 0.5, rows: 7, counts });
    await store!.stand('accounts', { table: users, level: 'count', score: 1, rows: 8, counts });
    expect(await store!.standings('accounts')).toEqual([
      { table: odd, level: 'full', severity: 'critical', score: 0.123456789012345, rows: 7, counts }, { table: users, level: 'count', score: 1, rows: 8, counts },
    ]);
    await store!.tell('accounts', 'chat', users, 'high');
    await store!.tell('accounts', 'chat', users, 'critical');
    await store!.tell('accounts', 'call', odd, 'low');
    await store!.tell('accounts', 'call', odd, undefined);
    expect([await store!.told('accounts'), await store!.told('orders')]).toEqual([[{ webhook: 'chat', table: users, severity: 'critical' }], []]);
  });
});
