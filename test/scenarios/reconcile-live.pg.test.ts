import { expect, it } from 'vitest';
import { otherSide, type Side } from '../../src/model/side.ts';
import { testApplication, type TestApplication } from '../support/application.ts';
import { behind } from '../support/behind.ts';
import { until } from '../support/condition.ts';
import { Journal, JOURNAL_SCHEMA } from '../support/journal.ts';
import { describePostgres } from '../support/postgres.ts';

/** Rows up to here are written by the journal's writers; those after only behind Banyan's back, and by the test. */
const SHARED = 200;
const FROM = 1000;
const ROWS = `INSERT INTO account SELECT g, 'seed-' || g, NULL, 0 FROM generate_series(${FROM}, ${FROM + 599}) g;`;

const TAMPER = `
DELETE FROM public.account WHERE id >= ${FROM} AND id % 10 = 1;
UPDATE public.account SET visits = 777, handle = 'tampered-' || id WHERE id >= ${FROM} AND id % 10 = 2;
INSERT INTO public.account SELECT g, 'added-' || g FROM generate_series(${FROM + 5000}, ${FROM + 5039}) g;
UPDATE public.account SET visits = 777 WHERE id <= ${SHARED} AND id % 3 = 0`;

/** Rows of {@link TAMPER} that nobody else writes: deleted, altered and added. */
const TAMPERED = [60, 60, 40] as const;

async function accounts(sections: string): Promise<TestApplication> {
  return testApplication({ sections, schema: JOURNAL_SCHEMA + ROWS, services: () => '  accounts: { url: "${ACCOUNTS_URL}", tables: [account, entry] }\n' });
}

const rowsOf = async (app: TestApplication, side: Side, from = 0): Promise<string[]> =>
  (await app[side].query(`SELECT a::text AS row FROM public.account a WHERE id >= ${from} ORDER BY id`)).map((row) => row['row'] ?? '');

describePostgres('reconcile beside running streams', () => {
  it.each(['monolith', 'service'] as const)('loses no write of either side where the %s wins, keeps every overwritten row, and undoes it behind the streams', async (winner) => {
    const app = await accounts(`validate: { reconcile: { policy: ${winner}-wins, allowDeletes: [account] } }\n`);
    const worker = await app.startSync();
    const loser = otherSide(winner);
    await behind(app, loser, TAMPER);
    const harmed = await rowsOf(app, loser, FROM);
    const journal = new Journal({ ends: app, keys: SHARED, pauseMs: 100 });
    journal.start(2);
    const repairs: { table: string; side: string; kind: string; before: readonly unknown[] }[] = [];
    let first: string;
    try {
      await until(() => journal.writes > 100, { what: 'writers are at work' });
      const dry = await app.application.reconcile({ dryRun: true });
      expect(dry).toMatchObject({ consistent: false, runs: [] });
      const done = await app.application.reconcile({ dryRun: false });
      first = done.runs[0]?.run ?? '';
      repairs.push(...(await app.application.reconcileShow({ run: first, limit: 10_000 })).repairs.filter(({ state }) => state === 'applied'));
      // Repaired rows go on living, on either side.
      await app.monolith.query(`UPDATE public.account SET value = 'monolith-later' WHERE id = ${FROM + 2}`);
      await app.service.query(`UPDATE public.account SET value = 'service-later' WHERE id = ${FROM + 12}`);
    } finally {
      await journal.finish();
    }
    for (let i = 0; i < 3; i++) await app.application.syncWait({});
    // What was being written all the time is left for a quieter moment.
    for (let round = 0; round < 5; round++) if ((await app.application.reconcile({ dryRun: false })).consistent) break;
    expect(await rowsOf(app, 'service')).toEqual(await rowsOf(app, 'monolith'));
    expect(await journal.lost()).toEqual([]);
    expect(await journal.unjust()).toEqual([]);
    const mine = repairs.filter(({ before, table }) => table === 'public.account' && !(before as { id?: string }[]).some(({ id }) => Number(id) < FROM));
    expect(mine.every(({ side }) => side === loser)).toBe(true);
    expect(['insert', 'update', 'delete'].map((kind) => mine.filter((repair) => repair.kind === kind).length)).toEqual([...TAMPERED]);
    expect(mine.filter(({ kind }) => kind === 'update').map(({ before }) => before[0])).toContainEqual({ id: String(FROM + 22), value: `seed-${FROM + 22}`, handle: `tampered-${FROM + 22}`, visits: '777' });
    // Nobody's write met another's there.
    expect(await app.monolith.query(`SELECT * FROM banyan.conflict WHERE (key::json->>'id')::int >= ${FROM}`)).toEqual([]);
    expect(await app.service.query(`SELECT id, value FROM public.account WHERE id IN (${FROM + 2}, ${FROM + 12}) ORDER BY id`)).toEqual([
      { id: String(FROM + 2), value: 'monolith-later' }, { id: String(FROM + 12), value: 'service-later' },
    ]);

    const whole = await rowsOf(app, winner);
    const undo = await app.application.reconcileUndo({ run: first, dryRun: false });
    expect(undo.refused).toBe(0);
    expect(undo.undone).toBeGreaterThanOrEqual(TAMPERED[0] + TAMPERED[1] + TAMPERED[2] - 2);
    for (let i = 0; i < 2; i++) await app.application.syncWait({});
    const later = (rows: readonly string[]) => rows.filter((row) => !row.startsWith(`(${FROM + 2},`) && !row.startsWith(`(${FROM + 12},`));
    expect(later(await rowsOf(app, loser, FROM))).toEqual(later(harmed));
    // No stream carries it anywhere, and what was written since stays.
    expect(await rowsOf(app, winner)).toEqual(whole);
    expect(await app[loser].query(`SELECT value FROM public.account WHERE id IN (${FROM + 2}, ${FROM + 12}) ORDER BY id`)).toEqual([{ value: 'monolith-later' }, { value: 'service-later' }]);
    await worker.stop();
  });

  it('is refused while the streams do not run, leaves what is in quarantine, and writes only where one-way streams do', async () => {
    const app = await accounts('sync: { mode: monolith-to-service }\nvalidate: { reconcile: { policy: monolith-wins, allowDeletes: [account] } }\n');
    const worker = await app.startSync();
    await app.service.query("ALTER TABLE public.account ADD CONSTRAINT never CHECK (value <> 'bad')");
    await app.monolith.query(`UPDATE public.account SET value = 'bad' WHERE id = ${FROM}`);
    await until(async () => (await app.application.syncQuarantine()).quarantined.length === 1, { what: 'a change is in quarantine' });
    await app.service.query(`ALTER TABLE public.account DROP CONSTRAINT never; UPDATE public.account SET value = 'local' WHERE id = ${FROM + 1}; INSERT INTO public.account VALUES (1, 'added')`);
    expect((await app.application.reconcile({ dryRun: false })).tables[0]).toMatchObject({ updated: 1, deleted: 1, left: 1, queued: 0 });
    expect(await app.service.query(`SELECT value FROM public.account WHERE id < ${FROM + 2} ORDER BY id`)).toEqual([{ value: `seed-${FROM}` }, { value: `seed-${FROM + 1}` }]);
    // The next change of a repaired row meets nobody's.
    await app.monolith.query(`UPDATE public.account SET value = 'next' WHERE id = ${FROM + 1}`);
    await app.application.syncWait({});
    expect(await app.service.query('SELECT * FROM banyan.conflict')).toEqual([]);
    await app.service.query(`UPDATE public.account SET value = 'local' WHERE id = ${FROM + 2}`);
    expect((await app.application.reconcile({ dryRun: false, policy: 'service-wins' })).tables[0]).toMatchObject({ updated: 0, queued: 2 });
    await worker.stop();
    await expect(app.application.reconcile({ dryRun: false })).rejects.toMatchObject({ code: 'BANYAN_RECONCILE_STREAMS', message: expect.stringContaining('monolith-to-service is stopped') });
  });
});
