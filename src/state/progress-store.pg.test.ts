import { expect, it } from 'vitest';
import { parseTableName } from '../model/names.ts';
import type { TableProgress } from '../ports/progress-store.ts';
import { describePostgres, testDatabase } from '../../test/support/postgres.ts';
import { PostgresProgressStore } from './progress-store.ts';

describePostgres('PostgresProgressStore', () => {
  it('gives back what it was given, by run and table, until it is forgotten', async () => {
    const store = new PostgresProgressStore({ pool: (await testDatabase()).pool });
    await store.install();
    await store.install();
    const beyond = { missing: 1, extra: 2, different: 3, unsettled: 4 };
    const half: TableProgress = {
      rows: { source: 5, target: 6 }, beyond,
      left: { within: { from: -(2n ** 63n), to: 2n ** 63n - 1n }, next: 9_007_199_254_740_993n },
      differing: [{ place: -1n, key: ['a "quoted" \\ key', ''] }, { place: 2n ** 62n, key: [] }],
    };
    const done: TableProgress = { rows: { source: 1, target: 1 }, beyond, differing: [] };
    const [odd, plain] = [parseTableName('"Odd"."Ta""ble"'), parseTableName('public.t')];
    await store.save('one', odd, done);
    await store.save('one', odd, half);
    await store.save('one', plain, done);
    await store.save('two', plain, done);
    expect(await store.load('one')).toEqual(new Map([[odd, half], [plain, done]]));
    await store.forget('one');
    expect(await store.load('one')).toEqual(new Map());
    expect((await store.load('two')).size).toBe(1);
  });
});
