import { expect, it } from 'vitest';
import type { Fence } from '../../src/ports/fence.ts';
import type { Position } from '../../src/model/position.ts';
import { PostgresChecksummer } from '../../src/postgres/checksum/checksummer.ts';
import { PostgresRuleReader } from '../../src/postgres/rules/rule-reader.ts';
import { ConsistencyValidator, type ValidateOptions, type ValidatorOptions } from '../../src/validate/validator.ts';
import { describePostgres, testDatabase, type TestDatabase } from '../support/postgres.ts';
import { instantClock } from './instant-clock.ts';

const SCHEMA = `
CREATE TABLE public.orders (id int PRIMARY KEY, shop text NOT NULL, currency text NOT NULL, total numeric(12,2) NOT NULL, paid float8, created_at timestamptz, updated_at timestamptz, due date, at timestamp);
INSERT INTO public.orders SELECT g, 's' || g % 3, CASE WHEN g % 2 = 0 THEN 'EUR' ELSE 'SEK' END, g * 1.10, g / 3.0, '2024-01-01Z', '2024-01-02Z', '2024-01-01', '2024-01-01' FROM generate_series(1, 30) g;`;

const TOTALS = 'SELECT shop, currency, sum(total) AS total FROM orders GROUP BY 1, 2;';
const totals = { name: 'totals', source: TOTALS, target: TOTALS.replace('AS total', 'AS sum') };

describePostgres('business rules', () => {
  async function sides(target = '', options: ValidatorOptions = {}) {
    const [a, b] = await Promise.all([testDatabase({ schema: SCHEMA }), testDatabase({ schema: SCHEMA })]);
    if (target !== '') await b.query(target);
    const side = ({ pool }: TestDatabase) => ({ checksummer: new PostgresChecksummer({ pool }), rules: new PostgresRuleReader({ pool }) });
    const validator = new ConsistencyValidator(side(a), side(b), { clock: instantClock(), ...options });
    const check = async (run: ValidateOptions) => {
      const report = await validator.validate({ tables: [], ...run });
      return { report, rules: report.rules ?? [], first: report.rules![0]! };
    };
    return { a, b, check };
  }

  it('compare grouped totals to the cent, whatever the scale, and to the last digit', async () => {
    const { b, check } = await sides();
    expect((await check({ rules: [totals] })).report).toMatchObject({ consistent: true, rules: [{ name: 'totals', ok: true, severity: 'high', groups: 6, differences: [], counts: { failing: 0, unsettled: 0 } }] });
    await b.query("UPDATE public.orders SET total = total + 0.01 WHERE id = 7; UPDATE public.orders SET shop = 'new' WHERE shop = 's0' AND currency = 'EUR'; UPDATE public.orders SET total = 1234567890.10 WHERE id = 1");
    const { report, first } = await check({ rules: [totals] });
    expect(report.consistent).toBe(false);
    expect(first).toMatchObject({ ok: false, groups: 7, counts: { failing: 3, unsettled: 0 } });
    expect(first.differences).toEqual(expect.arrayContaining([
      { subject: { shop: 's0', currency: 'EUR' }, columns: {}, absentOn: 'target' },
      { subject: { shop: 'new', currency: 'EUR' }, columns: {}, absentOn: 'source' },
      { subject: { shop: 's1', currency: 'SEK' }, columns: { total: { source: '71.50', target: '1234567960.51', apart: '1234567889.01' } } },
    ]));
    // Sums of doubles depend on the order of the rows; numeric(12,2) and numeric(20,4) do not.
    const scales = { name: 'scales', source: 'SELECT 1, 1.10', target: 'SELECT 1, 1.1000' };
    const close = { name: 'close', source: "SELECT currency, 100.00 FROM orders GROUP BY 1", target: "SELECT currency, CASE currency WHEN 'EUR' THEN 100.01 ELSE 100.02 END FROM orders GROUP BY 1", tolerance: { absolute: 0.01 } };
    const named = { name: 'named', source: 'SELECT 1 AS v, currency FROM orders GROUP BY 2', target: "SELECT 2, currency FROM orders GROUP BY 2", group: ['currency'] };
    const grouped = { name: 'grouped', source: 'SELECT g, 1 FROM generate_series(0, 20) g', target: 'SELECT g::numeric(9, 2), 1 FROM generate_series(0, 20) g' };
    const halves = { name: 'halves', source: 'SELECT 1.5, 1', target: 'SELECT 1.05, 1' };
    expect((await check({ rules: [grouped, halves] })).rules).toMatchObject([{ ok: true, groups: 21 }, { ok: false, groups: 2 }]);
    // What looks like a number in a text is none: an account, a version, a size.
    const accounts = { name: 'accounts', source: "SELECT '007' AS account", target: "SELECT '7'" };
    const versions = { name: 'versions', on: 'source', sql: "SELECT '1.10'", expect: { value: '1.1' } } as const;
    expect((await check({ rules: [accounts, versions] })).rules).toMatchObject([{ ok: false, differences: [{ columns: { account: { source: '007', target: '7' } } }] }, { ok: false }]);
    const rules = (await check({ rules: [scales, close, named] })).rules;
    expect(rules.map(({ ok, differences }) => [ok, differences.map(({ subject }) => subject)])).toEqual([[true, []], [false, [{ currency: 'SEK' }]], [false, expect.arrayContaining([{ currency: 'EUR' }, { currency: 'SEK' }])]]);
  });

  it('expect one side to give nothing, or a value', async () => {
    const { check } = await sides("UPDATE public.orders SET paid = NULL WHERE id IN (3, 5)");
    const unpaid = { name: 'unpaid', sql: 'SELECT id FROM orders WHERE paid IS NULL', expect: 'none' } as const;
    const { rules } = await check({
      rules: [
        { ...unpaid, on: 'source' }, { ...unpaid, name: 'unpaid there', on: 'target', severity: 'critical' },
        { name: 'count', on: 'source', sql: 'SELECT count(*) FROM orders', expect: { value: '30' } },
        { name: 'mean', on: 'source', sql: 'SELECT avg(total) FROM orders', expect: { value: '17' }, tolerance: { relative: 0.01 } },
        { name: 'null', on: 'target', sql: 'SELECT NULL::int AS n', expect: { value: '1' } },
      ],
      maxDifferences: 1,
    });
    expect(rules.map(({ name, ok, counts, differences }) => [name, ok, counts.failing, differences])).toEqual([
      ['unpaid', true, 0, []], ['unpaid there', false, 2, [{ subject: { id: '3' } }]], ['count', true, 0, []],
      ['mean', true, 0, []],
      ['null', false, 1, [{ subject: { n: null }, check: 'expected 1' }]],
    ]);
    // More than can be followed is counted.
    const { first } = await check({ rules: [{ name: 'many', on: 'source', sql: 'SELECT g FROM generate_series(1, 12345) g', expect: 'none' }], maxDifferences: 3 });
    expect(first).toMatchObject({ ok: false, counts: { failing: 12_345, unsettled: 0 }, differences: [{ subject: { g: '1' } }, { subject: { g: '2' } }, { subject: { g: '3' } }] });
    await expect(check({ rules: [{ name: 'fine', source: 'SELECT g, 1 FROM generate_series(1, 100001) g', target: 'SELECT 1, 1' }] })).rejects.toThrow('more than 100000');
    // What changes at every look is neither right nor wrong.
    const restless = [
      { name: 'pair', source: "SELECT 1, clock_timestamp()::text", target: "SELECT 1, 'x'" },
      { name: 'one', on: 'source' as const, sql: 'SELECT clock_timestamp()', expect: 'none' as const },
    ];
    const found = (await check({ rules: restless, rounds: 4 })).rules;
    expect(found.map(({ ok, counts }) => [ok, counts])).toEqual([[true, { failing: 0, unsettled: 1 }], [true, { failing: 0, unsettled: 1 }]]);
  });

  it('can not write, take no longer than they may, and are named when refused', async () => {
    const { a, check } = await sides();
    const refused = async (sql: string, message: RegExp, rest: { readonly timeoutMs?: number } = {}) => {
      const error: unknown = await check({ rules: [{ name: 'bad-rule', on: 'source', sql, expect: 'none', ...rest }] }).catch((caught: unknown) => caught);
      expect(error).toMatchObject({ code: 'BANYAN_VALIDATE_RULE', details: { rule: 'bad-rule' }, message: expect.stringMatching(message) });
    };
    await refused('SELECT nonsense', /^The rule bad-rule can not be checked: .*"nonsense" does not exist/);
    await refused('SELECT 1; COMMIT; DROP TABLE public.orders', /multiple commands/);
    await refused('DELETE FROM public.orders', /syntax error/);
    await refused("SELECT pg_catalog.setval('public.s', 1)", /does not exist|read-only/);
    await refused('SELECT pg_sleep(60)', /took longer than 50 ms/, { timeoutMs: 50 });
    expect(await a.query('SELECT count(*) AS n FROM public.orders')).toEqual([{ n: '30' }]);
    await expect(check({ rules: [totals, totals] })).rejects.toThrow('two rules named totals');
    await expect(check({ rules: [{ ...totals, target: 'SELECT 1' }] })).rejects.toThrow("3 columns, the target's 1");
    await expect(check({ rules: [{ ...totals, group: ['shop'] }] })).rejects.toThrow('gives the group ["s');
    await expect(check({ rules: [{ ...totals, group: ['shopp'] }] })).rejects.toThrow('no column "shopp"');
    expect(a.pool.idleCount).toBe(a.pool.totalCount);
  });

  it('raise no alarm over what is on its way, and do over what stays', async () => {
    // Each fence moves one more order to the other side, and starts another one.
    let on: TestDatabase | undefined;
    let to: TestDatabase | undefined;
    let waves = 0;
    const fence: Fence = {
      place: async ({ side }) => {
        if (side === 'monolith' && waves++ < 3) await on!.query(`INSERT INTO public.orders SELECT 100 + ${waves}, 's1', 'EUR', ${waves}.25, 1, now(), now(), '2024-01-01', now()`);
        return BigInt(waves) as Position;
      },
      passed: async () => {
        const ids = (await on!.query('SELECT * FROM public.orders WHERE id > 100')).map((row) => `(${row['id']}, 's1', 'EUR', ${row['total']}, 1, now(), now(), '2024-01-01', now())`);
        // All but the last one: it is in flight.
        if (ids.length > 1 || waves > 3) await to!.query(`INSERT INTO public.orders VALUES ${ids.slice(0, waves > 3 ? undefined : -1).join(', ')} ON CONFLICT DO NOTHING`);
        return true;
      },
    };
    const { a, b, check } = await sides('', { fence: { fence, service: 'sales', sides: ['monolith'] } });
    [on, to] = [a, b];
    expect((await check({ rules: [totals] })).first).toMatchObject({ ok: true, counts: { failing: 0, unsettled: 0 } });
    expect(waves).toBeGreaterThan(3);
    await b.query('UPDATE public.orders SET total = total + 0.01 WHERE id = 7');
    expect((await check({ rules: [totals] })).first).toMatchObject({ ok: false, differences: [{ subject: { shop: 's1', currency: 'SEK' }, columns: { total: { apart: '0.01' } } }] });
  });

  it('find rows whose times can not be, on either side', async () => {
    const { b, check } = await sides(`
      UPDATE public.orders SET created_at = now() + interval '1 hour', updated_at = now() + interval '2 hours' WHERE id = 1;
      UPDATE public.orders SET updated_at = '2023-12-31Z' WHERE id = 2; UPDATE public.orders SET updated_at = NULL WHERE id = 3;
      UPDATE public.orders SET due = now()::date + 3 WHERE id = 4; UPDATE public.orders SET at = now() AT TIME ZONE 'UTC' + interval '1 minute' WHERE id = 5;
      UPDATE public.orders SET created_at = now() + interval '500 ms' WHERE id = 6`);
    const temporal = { notInFuture: ['created_at', 'due', 'at'], ordered: [{ earlier: 'created_at', later: 'updated_at' }], severity: 'high' } as const;
    const table = { table: 'orders', temporal };
    const { first, report } = await check({ tables: [table], rulesOnly: true });
    expect(report).toMatchObject({ consistent: false, rows: 0, tables: [] });
    const future = 'created_at is not in the future';
    expect(first).toMatchObject({
      name: 'temporal:public.orders', kind: 'temporal', table: 'public.orders', ok: false, severity: 'high', counts: { failing: 5, unsettled: 0 },
      checks: [{ check: future, source: 0, target: 1 }, { check: 'due is not in the future', source: 0, target: 1 }, { check: 'at is not in the future', source: 0, target: 1 }, { check: 'created_at <= updated_at', source: 0, target: 2 }],
    });
    expect(first.differences.map(({ subject, check: name, side }) => [subject['id'], name, side]).sort(([a], [b]) => Number(a) - Number(b))).toEqual([
      ['1', future, 'target'], ['2', 'created_at <= updated_at', 'target'], ['4', 'due is not in the future', 'target'], ['5', 'at is not in the future', 'target'], ['6', 'created_at <= updated_at', 'target'],
    ]);
    expect(first.differences.find(({ subject }) => subject['id'] === '2')?.times).toEqual({ created_at: '2024-01-01 00:00:00+00', updated_at: '2023-12-31 00:00:00+00' });
    const refusing = { ...temporal, notInFuture: [], ordered: [{ earlier: 'created_at', later: 'updated_at', nulls: 'refused' as const }] };
    expect((await check({ tables: [{ table: 'orders', temporal: refusing, where: 'id < 4' }], rulesOnly: true })).first.differences.map(({ subject }) => subject['id'])).toEqual(['2', '3']);
    await expect(check({ tables: [{ table: 'orders', temporal: { notInFuture: ['shop'] } }], rulesOnly: true })).rejects.toMatchObject({ code: 'BANYAN_VALIDATE_COLUMN' });
    await expect(check({ tables: [{ table: 'orders', temporal: { notInFuture: ['shopp'] } }], rulesOnly: true })).rejects.toMatchObject({ code: 'BANYAN_VALIDATE_COLUMN' });
    // In the service's names, and counted beyond what is followed.
    await b.query("ALTER TABLE public.orders RENAME created_at TO made; ALTER TABLE public.orders RENAME id TO number; INSERT INTO public.orders SELECT g, 's', 'EUR', 1, 1, 'infinity' FROM generate_series(1000, 12000) g");
    const renamed = { table: 'orders', columns: [{ source: 'id', target: 'number' }, { source: 'created_at', target: 'made' }], temporal: { notInFuture: ['created_at'] } };
    expect((await check({ tables: [renamed], rulesOnly: true, maxDifferences: 2 })).first).toMatchObject({ counts: { failing: 11_002 }, checks: [{ check: future, source: 0, target: 11_002 }], differences: { length: 2 } });
  });
});
