import { expect, it } from 'vitest';
import { until } from '../support/condition.ts';
import { Journal, JOURNAL_SCHEMA } from '../support/journal.ts';
import { drained, expectEqual, expectNothingLostWhileWritten, ROWS, TABLES } from '../support/journey-both-ways.ts';
import { describePostgres } from '../support/postgres.ts';
import { build, rowsOf, RunningSync } from '../support/sync-engine.ts';
import { syncPair } from '../support/sync-pair.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';

describePostgres('sync both ways', () => {
  it('loses nothing and converges while eight writers on each side write the same rows, and the engine stops and starts', async () => {
    const pair = await syncPair({ schema: JOURNAL_SCHEMA, tables: TABLES, rows: ROWS });
    await expectNothingLostWhileWritten(pair, { writers: 8, targets: [300, 600, 900] });
  });

  it('survives connections that are cut again and again', async () => {
    const pair = await syncPair({ schema: JOURNAL_SCHEMA, tables: TABLES });
    const proxy = await TcpProxy.start(pair.monolith.url);
    const ends = {
      monolith: { url: proxy.urlFor(pair.monolith.url), pool: pair.monolith.pool },
      service: { url: proxy.urlFor(pair.service.url), pool: pair.service.pool },
    };
    const running = new RunningSync(build(ends, pair.settings, pair.names));
    await using journal = new Journal({ ends: pair, keys: 60 });
    journal.start(4);
    for (let i = 1; i <= 8; i++) {
      await until(() => journal.writes > i * 80 && proxy.connections > 0);
      if (i % 2 === 0) proxy.loseAnswerTo(/COMMIT/);
      else proxy.cut();
    }
    await journal.finish();
    await drained(running);
    await running.stop();
    await expectEqual(pair);
    expect(await journal.lost()).toEqual([]);
    await proxy.close();
  });

  it('lets nothing bounce: once both sides are equal, no row is written again', async () => {
    const pair = await syncPair({ schema: JOURNAL_SCHEMA, tables: TABLES, heartbeatMs: 60_000 });
    const running = pair.run();
    await pair.monolith.query(`INSERT INTO public.account SELECT g, 'm-' || g FROM generate_series(1, 500) g`);
    await pair.service.query(`INSERT INTO public.entry (account_id, value) SELECT g, 's' FROM generate_series(1, 500) g`);
    await drained(running);
    await expectEqual(pair);
    // A row that bounced would be written again and again, each time by another transaction.
    const writers = async (): Promise<unknown> =>
      Promise.all([pair.monolith, pair.service].flatMap((side) =>
        TABLES.map((table) => side.query(`SELECT id, xmin FROM public.${table} ORDER BY id`))));
    const before = await writers();
    for (let i = 0; i < 10; i++) await running.caughtUp();
    expect(await writers()).toEqual(before);
    await running.stop();
  });

  it('tells each of the rows that both sides inserted before they had seen each other from hundreds that one side did', async () => {
    const pair = await syncPair({ schema: JOURNAL_SCHEMA, tables: TABLES });
    await pair.monolith.query(`INSERT INTO public.account SELECT g, 'm-' || g FROM generate_series(1, 400) g`);
    await pair.service.query(`INSERT INTO public.account SELECT g, 's-' || g FROM generate_series(350, 800) g`);
    const running = pair.run();
    await drained(running);
    await running.stop();
    await expectEqual(pair);
    const found = await pair.monolith.query(`SELECT key::json ->> 'id' AS id, type FROM banyan.conflict ORDER BY 1`);
    expect(found).toEqual(Array.from({ length: 51 }, (_, i) => ({ id: String(350 + i), type: 'insert-insert' })));
  });

  it('loses nothing and converges while the writers fight for unique values as well', async () => {
    const pair = await syncPair({ schema: JOURNAL_SCHEMA, tables: TABLES });
    await using journal = new Journal({ ends: pair, keys: 60, uniqueValues: true });
    await pair.monolith.query(`INSERT INTO public.account (id, value, handle) VALUES (1001, 'monolith', 'both')`);
    await pair.service.query(`INSERT INTO public.account (id, value, handle) VALUES (1002, 'service', 'both')`);
    journal.start(4);
    // Where nobody carries anything, both sides take the same values again and again.
    for (const target of [300, 900]) {
      await until(() => journal.writes > target, { what: 'the writers have written' });
      const running = pair.run();
      await until(() => journal.writes > target + 300);
      await running.stop();
    }
    await until(() => journal.writes > 1500);
    await journal.finish();
    const running = pair.run();
    await drained(running);
    await running.stop();
    await expectEqual(pair);
    expect(await journal.lost()).toEqual([]);
    const [clashes] = await pair.monolith.query(`SELECT count(*) AS n FROM banyan.conflict WHERE type = 'unique-key' AND strategy <> 'sent-again'`);
    expect(Number(clashes!['n'])).toBeGreaterThan(0);
  });

  it.each(['monolith-to-service', 'service-to-monolith'] as const)('carries one direction only: %s', async (mode) => {
    const pair = await syncPair({ schema: JOURNAL_SCHEMA, tables: TABLES, mode, rows: `INSERT INTO account VALUES (1, 'one'), (2, 'two')` });
    const [from, to] = mode === 'monolith-to-service' ? [pair.monolith, pair.service] : [pair.service, pair.monolith];
    const running = pair.run();
    await to.query(`INSERT INTO public.account VALUES (9, 'stays here')`);
    await from.query(`UPDATE public.account SET value = 'new' WHERE id = 1; DELETE FROM public.account WHERE id = 2; INSERT INTO public.account VALUES (3, 'three')`);
    await running.caughtUp();
    await running.stop();
    expect(await rowsOf(to, 'public.account')).toEqual(['(1,new,,0)', '(3,three,,0)', '(9,"stays here",,0)'].map((row) => expect.stringContaining(row.slice(0, 6)) as string));
    expect(await from.query('SELECT 1 FROM public.account WHERE id = 9')).toEqual([]);
  });
});
