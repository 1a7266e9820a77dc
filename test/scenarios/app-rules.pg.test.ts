import { expect, it } from 'vitest';
import { testApplication } from '../support/application.ts';
import { describePostgres } from '../support/postgres.ts';

const RULES = `
  rules:
    balances:
      monolith: SELECT id % 3 AS third, sum(balance) AS balance FROM users GROUP BY 1
      service: SELECT id % 3, sum(balance) FROM users GROUP BY 1
      severity: critical
    nobody-in-debt: { on: service, sql: SELECT id FROM users WHERE balance < 0 }
    twenty: { sql: SELECT count(*) FROM users, expect: 20 }
`;

describePostgres('validate with what banyan.yaml says of rules and tables', () => {
  it('checks rules beside the tables, and tables as they are set', async () => {
    const app = await testApplication({ sections: `validate:${RULES}` });
    await app.application.syncRun({ provision: true, untilCaughtUp: true });
    const fine = await app.application.validate({});
    expect(fine).toMatchObject({ consistent: true, tables: { length: 2 }, rules: [{ name: 'balances', ok: true, groups: 3 }, { name: 'nobody-in-debt', ok: true }, { name: 'twenty', ok: true }] });

    await app.service.query("UPDATE public.users SET balance = -0.01, name = 'Other', at = now() + interval '1 day' WHERE id = 7");
    const broken = await app.application.validate({ rulesOnly: true });
    expect(broken).toMatchObject({ consistent: false, rows: 0, tables: [], rules: [{ ok: false, severity: 'critical', differences: [{ subject: { third: '1' }, columns: { balance: { source: '0.00', target: '-0.01', apart: '-0.01' } } }] }, { ok: false, differences: [{ subject: { id: '7' } }] }, { ok: true }] });
    expect((await app.application.validate({ tables: ['users'] })).rules).toBeUndefined();
    expect((await app.application.validate({ rules: ['twenty'], rulesOnly: true })).consistent).toBe(true);
    await expect(app.application.validate({ rules: ['twelve'] })).rejects.toThrow('There is no rule twelve; there are balances, nobody-in-debt, twenty.');

    await app.configure(`validate:
  tables:
    users:
      exclude: [name]
      where: id < 10
      tolerance: { columns: { balance: { absolute: 0.01 } } }
      temporal: { notInFuture: [at] }
`);
    const [users] = (await app.application.validate({ tables: ['users'], rules: [] })).tables;
    expect(users).toMatchObject({ source: 9, target: 9, different: [{ key: '7', columns: { at: {} } }] });
    const times = await app.application.validate({ rulesOnly: true });
    expect(times.rules).toMatchObject([{ name: 'temporal:public.users', ok: false, counts: { failing: 1 }, differences: [{ subject: { id: '7' }, side: 'target' }] }]);
    const without = await app.application.validate({ tables: ['users'], exclude: ['at'], rules: [] });
    expect(without).toMatchObject({ consistent: true, tables: [{ source: 9 }] });
    expect((await app.application.validate({ tables: ['users'], exclude: ['at'], exact: true, rules: [] })).tables[0]?.different).toHaveLength(1);
    expect((await app.application.validate({ tables: ['sessions'] })).rules).toBeUndefined();
    // One query that is refused hides neither the rows nor the rule after it.
    await app.configure(`validate: { rules: { bad: { sql: SELECT nonsense }, twenty: { sql: SELECT count(*) FROM users, expect: 20 } }, tables: { sessions: { where: nonsense } } }\n`);
    const some = await app.application.validate({});
    expect(some).toMatchObject({
      consistent: false, tables: [{ table: 'public.users', different: { length: 1 } }], rules: [{ name: 'twenty', ok: true }],
      unchecked: [{ check: 'rows', name: 'public.sessions', code: 'BANYAN_VALIDATE_QUERY' }, { check: 'rule', name: 'bad', code: 'BANYAN_VALIDATE_RULE' }],
    });
    await app.configure('validate: { tables: { users: { temporal: { notInFuture: [at] } } } }\n');
    // Nothing checked is not the same as nothing found.
    for (const asked of [{ rulesOnly: true, tables: ['sessions'] }, { rules: ['temporal:public.users'], tables: ['sessions'] }]) {
      await expect(app.application.validate(asked)).rejects.toMatchObject({ code: 'BANYAN_USAGE' });
    }
    await app.configure('validate: { level: count }\n');
    await expect(app.application.validate({ rulesOnly: true })).rejects.toMatchObject({ code: 'BANYAN_USAGE' });
  });
});
