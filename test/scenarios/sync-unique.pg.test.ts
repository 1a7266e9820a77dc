import { expect, it } from 'vitest';
import { until } from '../support/condition.ts';
import { Journal, JOURNAL_SCHEMA } from '../support/journal.ts';
import { describePostgres, itSince } from '../support/postgres.ts';
import { rowsOf } from '../support/sync-engine.ts';
import { syncPair, type SyncPair } from '../support/sync-pair.ts';

const TABLES = ['account', 'entry'];

async function settled(pair: SyncPair, tables: readonly string[]): Promise<void> {
  const running = pair.run();
  for (let i = 0; i < 4; i++) await running.caughtUp();
  await running.stop();
  for (const side of [pair.monolith, pair.service]) expect(await side.query('SELECT stream, key_text, kind, code, reason FROM banyan.quarantine')).toEqual([]);
  for (const table of tables) expect(await rowsOf(pair.service, `public.${table}`)).toEqual(await rowsOf(pair.monolith, `public.${table}`));
}

describePostgres('two rows written unseen that', () => {
  it.each([
    ['a unique index of an expression over some rows', 'CREATE UNIQUE INDEX ON account (upper(handle), (id > 20)) WHERE visits < 1000 AND handle IS NOT NULL;'],
    ['an exclusion', 'ALTER TABLE account ADD EXCLUDE USING btree (substr(handle, 1, 2) WITH =);'],
  ])('%s keeps apart are settled while writers fight for them on both sides', async (_, index) => {
    const pair = await syncPair({ schema: JOURNAL_SCHEMA.replace('handle text UNIQUE', 'handle text') + index, tables: TABLES });
    await using journal = new Journal({ ends: pair, keys: 60, uniqueValues: true });
    await pair.monolith.query(`INSERT INTO public.account (id, value, handle) VALUES (1001, 'monolith', 'both')`);
    await pair.service.query(`INSERT INTO public.account (id, value, handle) VALUES (1002, 'service', 'both')`);
    journal.start(4);
    await until(() => journal.writes > 400, { what: 'the writers have written' });
    const running = pair.run();
    await until(() => journal.writes > 1000, { what: 'the writers have written more' });
    await running.stop();
    await journal.finish();
    await settled(pair, TABLES);
    expect(await journal.lost()).toEqual([]);
    const [clashes] = await pair.monolith.query(`SELECT count(*) AS n FROM banyan.conflict WHERE type = 'unique-key' AND strategy <> 'sent-again'`);
    // The two that are there from the beginning; how many more there are depends on the writers.
    expect(Number(clashes!['n'])).toBeGreaterThan(0);
  });

  itSince(15)('a missing value keeps apart are settled, and a second row that is nobody’s race is not', async () => {
    const pair = await syncPair({
      tables: ['seat'], strategy: 'prefer-service',
      schema: 'CREATE TABLE seat (id int PRIMARY KEY, place text, note text, UNIQUE NULLS NOT DISTINCT (place));',
    });
    await pair.monolith.query(`INSERT INTO public.seat VALUES (1, NULL, 'monolith'), (2, 'a', 'kept')`);
    await pair.service.query(`INSERT INTO public.seat VALUES (3, NULL, 'service')`);
    await settled(pair, ['seat']);
    expect(await rowsOf(pair.monolith, 'public.seat')).toEqual(['(2,a,kept)', '(3,,service)']);
    expect(await pair.monolith.query(`SELECT type, key::text, winner FROM banyan.conflict WHERE strategy <> 'sent-again'`)).toEqual([
      { type: 'unique-key', key: '{"id":"1"}', winner: 'service' },
    ]);
    // The service lacks the index, so that what it takes is none of a race.
    await pair.service.query('ALTER TABLE public.seat DROP CONSTRAINT seat_place_key');
    const running = pair.run();
    await running.caughtUp();
    await running.caughtUp();
    await pair.service.query(`INSERT INTO public.seat VALUES (4, 'a', 'late')`);
    await running.caughtUp();
    await running.stop();
    expect(await pair.monolith.query('SELECT key_text, code FROM banyan.quarantine')).toEqual([{ key_text: 'public.seat 4', code: '23505' }]);
  });
});
