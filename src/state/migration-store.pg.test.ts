import { expect, it } from 'vitest';
import { describePostgres, testDatabase } from '../../test/support/postgres.ts';
import type { StageChange } from '../ports/migration.ts';
import { PostgresMigrationStore } from './migration-store.ts';

const change = (from: StageChange['from'], to: StageChange['to'], service = 'accounts'): StageChange => ({
  service, from, to, why: 'migrate', gates: [{ name: 'equal', passed: true, evidence: `a "quoted" 'text' of ${service}` }],
});

async function stores(count: number) {
  const database = await testDatabase({ max: 4 });
  const made = Array.from({ length: count }, () => new PostgresMigrationStore({ pool: database.pool }));
  await Promise.all(made.map((store) => store.install()));
  return { database, stores: made };
}

describePostgres('the store of migrations', () => {
  it('can be installed again, and keeps each service\'s history in order', async () => {
    const { stores: [store] } = await stores(3);
    expect(await store!.history('accounts')).toEqual([]);
    await store!.record(change('planned', 'prepared'));
    await store!.record(change('prepared', 'provisioned'));
    await store!.record(change('planned', 'prepared', 'orders'));
    await store!.record({ ...change('provisioned', 'validated'), gates: [], why: 'rollback' });
    const history = await store!.history('accounts');
    expect(history.map(({ from, to, why }) => [from, to, why])).toEqual([
      ['planned', 'prepared', 'migrate'], ['prepared', 'provisioned', 'migrate'], ['provisioned', 'validated', 'rollback'],
    ]);
    expect(history[0]).toMatchObject(change('planned', 'prepared'));
    expect(history[0]!.at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    expect(await store!.history('orders')).toHaveLength(1);
  });

  it('adds nothing for one who has the wrong idea of the stage', async () => {
    const { stores: [store] } = await stores(1);
    await expect(store!.record(change('prepared', 'provisioned'))).rejects.toMatchObject({ code: 'BANYAN_MIGRATE_CONFLICT' });
    await store!.record(change('planned', 'prepared'));
    await expect(store!.record(change('planned', 'prepared'))).rejects.toMatchObject({ code: 'BANYAN_MIGRATE_CONFLICT' });
    expect(await store!.history('accounts')).toHaveLength(1);
  });

  it('lets exactly one of several commands take a step', async () => {
    const { stores: several } = await stores(4);
    for (const [from, to] of [['planned', 'prepared'], ['prepared', 'provisioned'], ['provisioned', 'synced']] as const) {
      const tried = await Promise.allSettled(several.map((store) => store.record(change(from, to))));
      expect(tried.filter((each) => each.status === 'fulfilled')).toHaveLength(1);
    }
    expect((await several[0]!.history('accounts')).map(({ to }) => to)).toEqual(['prepared', 'provisioned', 'synced']);
  });

  it('refuses a record that no version of it has written', async () => {
    const { database, stores: [store] } = await stores(1);
    await store!.record(change('planned', 'prepared'));
    await database.query("UPDATE banyan.migration SET to_stage = 'elsewhere'");
    await expect(store!.history('accounts')).rejects.toMatchObject({ code: 'BANYAN_INTERNAL' });
  });
});
