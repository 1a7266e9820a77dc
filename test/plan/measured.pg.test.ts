import { expect, it } from 'vitest';
import { parseTableName } from '../../src/model/names.ts';
import type { Survey } from '../../src/model/survey.ts';
import { measuredEstimate } from '../../src/plan/measured/estimate.ts';
import type { Estimate } from '../../src/plan/measured/range.ts';
import { survey } from '../../src/postgres/survey/survey.ts';
import { until } from '../support/condition.ts';
import { describePostgres, testDatabase, type TestDatabase } from '../support/postgres.ts';
import { workingClock } from '../support/working-clock.ts';

const EVENTS = `
CREATE TABLE public.events (id bigint PRIMARY KEY, email text NOT NULL, note text, n int NOT NULL);
INSERT INTO public.events SELECT g, md5(g::text) || '@example.org', repeat(md5(g::text), 2), (hashint8(g) % 100000)::int FROM generate_series(1, 60000) g;
CREATE INDEX by_email ON public.events (email);
CREATE INDEX by_n ON public.events (n);
CREATE TABLE public.small (id int PRIMARY KEY, t text);
INSERT INTO public.small SELECT g, 'x' FROM generate_series(1, 10) g;
ANALYZE public.events;
`;

/** The checker: knows the truth, and asks whether a range has it. */
const holds = ({ low, high }: Estimate, truth: number): boolean => low <= truth && truth <= (high ?? Number.POSITIVE_INFINITY);

/** Writes whose number is known, and waits until the server counts them. */
async function writes(database: TestDatabase, rows: number): Promise<void> {
  const counted = async (): Promise<number> =>
    Number((await database.query("SELECT pg_stat_get_tuples_inserted('public.events'::regclass) + pg_stat_get_tuples_updated('public.events'::regclass) + pg_stat_get_tuples_deleted('public.events'::regclass) AS n"))[0]?.['n']);
  const before = await counted();
  const third = rows / 3;
  await database.query(`INSERT INTO public.events SELECT g, 'w', NULL, 1 FROM generate_series(1000001, 1000000 + ${third}) g`);
  await database.query('UPDATE public.events SET n = n + 1 WHERE id > 1000000');
  await database.query('DELETE FROM public.events WHERE id > 1000000');
  await until(async () => (await counted()) >= before + rows, { what: 'the server has counted the writes', everyMs: 50 });
}

describePostgres('measured estimates', () => {
  it('know how much there is and how fast it is written, and are caught if a unit is wrong by eight', async () => {
    const database = await testDatabase({ schema: EVENTS });
    const wal = async (): Promise<number> => Number((await database.query("SELECT pg_current_wal_insert_lsn() - '0/0' AS n"))[0]?.['n']);
    let grown = 0;
    const clock = workingClock(async () => {
      const before = await wal();
      await writes(database, 6000);
      grown = (await wal()) - before;
    });
    const found = await survey({ pool: database.pool, clock, tables: [parseTableName('events'), parseTableName('small'), parseTableName('gone')], watchSeconds: 20 });
    const measured = measuredEstimate(found);
    const [events, small] = measured.tables;
    // The table had 60,000 rows when it was analysed, and has grown by dead ones since.
    expect(events).toMatchObject({ table: 'public.events', rows_from: 'statistics' });
    expect(events?.rows).toBeGreaterThanOrEqual(60_000);
    expect(events?.rows).toBeLessThan(66_000);
    expect(small).toMatchObject({ table: 'public.small', rows: 10, rows_from: 'counted', write_rate: { likely: 0 } });
    const [{ table_bytes: bytes, total_bytes: all }] = (await database.query("SELECT pg_table_size('public.events') AS table_bytes, pg_total_relation_size('public.events') AS total_bytes")) as [Record<string, string>];
    expect([events?.table_bytes, events?.total_bytes]).toEqual([Number(bytes), Number(all)]);
    expect(measured.not_measured).toContainEqual({ what: 'public.gone', why: 'this database has no such table' });
    expect(measured.not_measured).toContainEqual({ what: 'read rate of public.small', why: '10 rows are too few to measure by' });

    const truth = 6000 / 20;
    const rate = (seen: Survey): Estimate => measuredEstimate(seen).tables[0]?.write_rate ?? expect.unreachable();
    expect(holds(rate(found), truth)).toBe(true);
    expect(rate(found).arithmetic).toContain('6,000 rows in 20');
    for (const wrong of [8, 1 / 8]) expect(holds(rate({ ...found, watchedSeconds: found.watchedSeconds * wrong }), truth)).toBe(false);
    const growth = measured.totals.wal_growth ?? expect.unreachable();
    expect(holds(growth, grown / 20)).toBe(true);
    expect(holds({ ...growth, low: growth.low * 8, high: (growth.high ?? 0) * 8 }, grown / 20)).toBe(false);
    expect(measured.totals.convergence).toBe('converges');
  });
});
