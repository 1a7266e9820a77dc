import { expect, it } from 'vitest';
import { testApplication } from '../support/application.ts';
import { describePostgres } from '../support/postgres.ts';
import { PostgresProfileStore } from '../../src/state/profile-store.ts';
import { parseTableName } from '../../src/model/names.ts';

const SCHEMA = `
CREATE SCHEMA "Odd Schema";
CREATE TABLE "Odd Schema"."Ta""ble" ("a ""b" int, c text, PRIMARY KEY ("a ""b", c), big numeric, f float8, d date, ts timestamp, tz timestamptz, j jsonb, e bytea, g numeric GENERATED ALWAYS AS (big * 2) STORED);
INSERT INTO "Odd Schema"."Ta""ble" ("a ""b", c, big, f, d, ts, tz, j, e)
  SELECT n, 'c' || n, n % 50, CASE WHEN n % 10 = 0 THEN NULL ELSE n % 7 END, DATE '2026-01-01' + n % 100, '2026-01-01', '2026-01-01Z', '{}', '\\x00' FROM generate_series(1, 500) n;
UPDATE "Odd Schema"."Ta""ble" SET f = 'NaN', big = 'Infinity', d = 'infinity' WHERE "a ""b" = 3;
UPDATE "Odd Schema"."Ta""ble" SET big = 1e400 WHERE "a ""b" = 4;
CREATE TABLE public.plain (note text);
CREATE TABLE public.empty (id int PRIMARY KEY, n int);
`;

const odd = '"Odd Schema"."Ta""ble"';

describePostgres('validate anomalies', () => {
  it('tells what is unlike the past and unlike the rest, and nothing else', async () => {
    const app = await testApplication({ schema: SCHEMA, services: () => `  accounts:\n    url: \${ACCOUNTS_URL}\n    tables: ['${odd}', plain, empty]\n` });
    const look = () => app.application.validateAnomalies({ side: 'monolith' });
    const first = await look();
    expect(first).toEqual({
      side: 'monolith', hints: [],
      tables: [{ service: 'accounts', table: odd, profiles: 0, rows: 500 }, { service: 'accounts', table: 'public.plain', profiles: 0, rows: 0 }, { service: 'accounts', table: 'public.empty', profiles: 0, rows: 0 }],
    });

    // Ten days of the same, as the first look found it.
    const store = new PostgresProfileStore({ pool: app.monolith.pool });
    const of = { side: 'monolith', service: 'accounts', table: parseTableName(odd) } as const;
    const [profile] = await store.profiles({ ...of, limit: 5 });
    const column = (name: string) => profile!.columns.find((each) => each.column === name)!;
    expect(column('big')).toEqual({ column: 'big', nullShare: 0, distinctShare: 52 / 500, range: { min: 0, max: 49, mean: expect.closeTo(24.5, 0) as number } });
    expect(column('f')).toMatchObject({ nullShare: expect.closeTo(0.1, 9) as number, range: { min: 0, max: 6 } });
    expect(column('d')).toMatchObject({ range: { min: Date.parse('2026-01-01') / 1000, max: Date.parse('2026-04-10') / 1000 } });
    expect(column('j')).toEqual({ column: 'j', nullShare: 0, distinctShare: 1 / 500 });
    for (let day = 1; day <= 10; day += 1) await store.record({ ...of, ...profile!, atMs: profile!.atMs - day * 86_400_000 }, 0);
    expect((await look()).hints).toEqual([]);

    await app.monolith.query(`UPDATE ${odd} SET f = NULL WHERE "a ""b" % 2 = 0`);
    await app.monolith.query(`UPDATE ${odd} SET big = 1000000 WHERE "a ""b" = 77`);
    const { hints } = await look();
    const past = hints.flatMap((hint) => (hint.kind === 'past' ? [`${hint.column} ${hint.measure}`] : []));
    expect(past).toEqual(expect.arrayContaining(['f null_share', 'big max']));
    expect(past.every((name) => /^(f|big|g) /.test(name))).toBe(true);
    const rows = hints.flatMap((hint) => (hint.kind === 'row' ? [{ key: hint.key, column: hint.column }] : []));
    expect(rows).toEqual([{ key: { 'a "b': '77', c: 'c77' }, column: expect.stringMatching(/^(big|g)$/) as string }]);
  });

  it('looks at one side only, passes over what is not there yet, and refuses what nobody has', async () => {
    const app = await testApplication();
    expect(await app.application.validateAnomalies({ side: 'service' })).toEqual({ side: 'service', hints: [], tables: [] });
    expect((await app.application.validateAnomalies({ side: 'monolith', tables: ['users'] })).tables).toHaveLength(1);
    await expect(app.application.validateAnomalies({ side: 'monolith', tables: ['nothing'] })).rejects.toMatchObject({ code: 'BANYAN_TABLE_UNKNOWN' });
  });
});
