import { afterAll, expect, it } from 'vitest';
import type { Side } from '../../src/model/side.ts';
import { streamsAre, testApplication, type TestApplication } from '../support/application.ts';
import { behind } from '../support/behind.ts';
import { until } from '../support/condition.ts';
import { Journal, JOURNAL_SCHEMA } from '../support/journal.ts';
import { describePostgres } from '../support/postgres.ts';
import { killSyncProcesses, SyncProcess } from '../support/sync-process.ts';

/** Rows up to here are written by the journal's writers, those after only behind Banyan's back and by the test. */
const SHARED = 300;
const FROM = 1000;
const ROWS = `INSERT INTO account SELECT g, 'seed-' || g, NULL, 0 FROM generate_series(${FROM}, ${FROM + 2999}) g;`;

afterAll(killSyncProcesses);

const accounts = (sections = '', where = ''): Promise<TestApplication> =>
  testApplication({ sections, schema: JOURNAL_SCHEMA + ROWS + (where === '' ? '' : 'ALTER TABLE account REPLICA IDENTITY FULL;'), services: () => `  accounts: { url: "\${ACCOUNTS_URL}", tables: [${where === '' ? 'account' : `{ table: account, where: "${where}" }`}, entry] }\n` });

const TAMPER = `
DELETE FROM public.account WHERE id >= ${FROM} AND id % 10 = 1;
UPDATE public.account SET visits = 777, handle = 'tampered-' || id WHERE id >= ${FROM} AND id % 10 = 2;
INSERT INTO public.account SELECT g, 'added-' || g FROM generate_series(${FROM + 5000}, ${FROM + 5199}) g;
UPDATE public.account SET visits = 777 WHERE id <= ${SHARED}`;

/** Rows of {@link TAMPER} that nobody else writes: deleted, altered and added. */
const TAMPERED = 300 + 300 + 200;

const rowsOf = async (app: TestApplication, side: Side): Promise<string[]> =>
  (await app[side].query('SELECT a::text AS row FROM public.account a ORDER BY id')).map((row) => row['row'] ?? '');

async function equal(app: TestApplication): Promise<void> {
  await until(async () => JSON.stringify(await rowsOf(app, 'monolith')) === JSON.stringify(await rowsOf(app, 'service')), { what: 'both sides are equal', timeoutMs: 30_000, everyMs: 100 });
}

const records = (app: TestApplication, side: Side = 'monolith'): Promise<readonly Readonly<Record<string, string | null>>[]> =>
  app[side].query(
    "SELECT (key::json->>'id')::int AS id, monolith::json->>'value' AS monolith, service_row::json->>'value' AS service, service_row::json->>'handle' AS service_handle, " +
      `monolith::json->>'handle' AS monolith_handle, winner, type FROM banyan.conflict WHERE strategy = 'resync' AND (key::json->>'id')::int >= ${FROM} ORDER BY 1`,
  );

const everything = (side: 'monolith' | 'service') => ({ service: 'accounts', table: 'account', from: side, dryRun: false, wait: true }) as const;

describePostgres('a table that is made equal again', () => {
  it('loses no write of either side meanwhile, though its worker is killed, and keeps a record of each row that it overwrites', async () => {
    const app = await accounts();
    const env = { MONOLITH_URL: app.monolith.url, ACCOUNTS_URL: app.service.url };
    const start = (): SyncProcess => SyncProcess.start({ configFile: app.context.configFile, env });
    const first = start();
    await until(async () => (await app.application.syncStatus()).streams.every(({ state }) => state === 'running'), { timeoutMs: 60_000, everyMs: 50 });
    await behind(app, 'service', TAMPER);
    const journal = new Journal({ ends: app, keys: SHARED, pauseMs: 150 });
    journal.start(2);
    try {
      await until(() => journal.writes > 100, { what: 'writers are at work' });
      expect(await app.application.syncResync({ ...everything('monolith'), wait: false })).toMatchObject({ state: 'asked' });
      await until(async () => (await records(app)).length > 50, { what: 'some rows were made equal', timeoutMs: 30_000, everyMs: 5 });
      await first.kill();
      expect((await records(app)).length).toBeLessThan(TAMPERED);
      const second = start();
      await until(async () => (await app.application.syncStatus()).resyncs.length === 0, { what: 'the other worker has gone on to the end', timeoutMs: 60_000, everyMs: 100 });
      await journal.finish();
      for (let i = 0; i < 3; i++) await app.application.syncWait({});
      await equal(app);
      expect(await second.stop()).toBe(0);
    } finally {
      await journal.finish();
    }
    expect((await app.monolith.query('SELECT state, held, busy, refused FROM banyan.resync'))[0]).toEqual({ state: 'done', held: '0', busy: '0', refused: '0' });
    expect(await journal.lost()).toEqual([]);
    expect(await journal.unjust()).toEqual([]);
    const found = await records(app);
    // Each once, although the worker was killed; and no row that was equal.
    expect(found).toHaveLength(TAMPERED);
    expect(new Set(found.map(({ id }) => id)).size).toBe(TAMPERED);
    for (const { id, monolith, service, service_handle: handle, winner, type } of found) {
      const number = Number(id);
      expect([winner, type]).toEqual(['monolith', 'difference']);
      if (number >= FROM + 5000) expect([monolith, service]).toEqual([null, `added-${number}`]);
      else if (number % 10 === 1) expect([monolith, service]).toEqual([`seed-${number}`, null]);
      else expect([monolith, service, handle]).toEqual([`seed-${number}`, `seed-${number}`, `tampered-${number}`]);
    }
  });

  it("is the service's where that is to count, also with writers on both sides", async () => {
    const app = await accounts();
    const worker = await app.startSync();
    await behind(app, 'monolith', TAMPER);
    const journal = new Journal({ ends: app, keys: SHARED, pauseMs: 150 });
    journal.start(2);
    try {
      await until(() => journal.writes > 50, { what: 'writers are at work' });
      const dry = await app.application.syncResync({ ...everything('service'), dryRun: true });
      expect(dry.differences?.[0]?.counts).toMatchObject({ missing: 200, extra: 300 });
      expect(await app.application.syncResync(everything('service'))).toMatchObject({ state: 'done', held: 0, busy: 0, refused: 0 });
    } finally {
      await journal.finish();
    }
    for (let i = 0; i < 3; i++) await app.application.syncWait({});
    await equal(app);
    expect(await journal.lost()).toEqual([]);
    expect(await journal.unjust()).toEqual([]);
    const found = await records(app);
    expect(found).toHaveLength(TAMPERED);
    expect(found.every(({ winner }) => winner === 'service')).toBe(true);
    expect(found.find(({ id }) => Number(id) === FROM + 2)).toMatchObject({ monolith_handle: `tampered-${FROM + 2}`, service_handle: null });
    expect((await app.monolith.query(`SELECT count(*) AS n FROM public.account WHERE id >= ${FROM}`))[0]).toEqual({ n: '3000' });
    await worker.stop();
  });

  it('in a one-way stream is the source\'s, within the filter, and what users of the target wrote is recorded', async () => {
    const app = await accounts('sync: { mode: monolith-to-service }\n', 'id < 3000');
    const worker = await app.startSync();
    await app.service.query(`UPDATE public.account SET value = 'local-' || id WHERE id BETWEEN ${FROM} AND ${FROM + 9}`);
    await behind(app, 'service', `DELETE FROM public.account WHERE id BETWEEN ${FROM + 10} AND ${FROM + 19}; INSERT INTO public.account VALUES (3500, 'outside the filter')`);
    await expect(app.application.syncResync(everything('service'))).rejects.toMatchObject({ code: 'BANYAN_USAGE' });
    expect(await app.application.syncResync(everything('monolith'))).toMatchObject({ state: 'done', found: 21, repaired: 21, held: 0, busy: 0, refused: 0 });
    const there = await rowsOf(app, 'service');
    expect(there).toEqual((await rowsOf(app, 'monolith')).filter((row) => Number(row.slice(1).split(',')[0]) < 3000));
    const found = await records(app, 'service');
    expect(found).toHaveLength(21);
    expect(found[0]).toMatchObject({ id: String(FROM), monolith: `seed-${FROM}`, service: `local-${FROM}`, winner: 'monolith' });
    await worker.stop();
  });

  it('mends what a discard and a lost way back leave; without a worker the command does its work, and a paused service is refused', async () => {
    const app = await accounts();
    const worker = await app.startSync();
    await app.service.query(`ALTER TABLE public.account ADD CONSTRAINT never CHECK (value <> 'bad')`);
    await app.monolith.query(`UPDATE public.account SET value = 'bad' WHERE id = ${FROM}`);
    await until(async () => (await app.application.syncQuarantine()).quarantined.length === 1, { what: 'a change is in quarantine' });
    // What was discarded leaves a difference; this is the way to mend it.
    const { quarantined } = await app.application.syncQuarantine();
    await app.application.syncQuarantineDiscard({ id: quarantined[0]?.id ?? '', dryRun: false });
    await app.monolith.query(`UPDATE public.account SET value = 'good' WHERE id = ${FROM + 1}`);
    await app.service.query('ALTER TABLE public.account DROP CONSTRAINT never');
    expect(await app.application.syncResync(everything('monolith'))).toMatchObject({ state: 'done', repaired: 1 });
    await equal(app);

    await app.application.syncPause({ service: 'accounts' });
    await expect(app.application.syncResync(everything('monolith'))).rejects.toMatchObject({ code: 'BANYAN_SYNC_PAUSED' });
    await app.application.syncResume({ service: 'accounts' });
    await streamsAre(app.application, 'running');
    await worker.stop();
    // Without a worker the command does its work.
    await behind(app, 'service', `DELETE FROM public.account WHERE id = ${FROM + 5}`);
    expect(await app.application.syncResync(everything('monolith'))).toMatchObject({ state: 'done', repaired: 1 });
    await equal(app);

    // What the service wrote while nobody kept its log, no stream will bring.
    await app.service.query("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name LIKE 'banyan_accounts_s2m_%' AND database = current_database()");
    await app.service.query(`UPDATE public.account SET value = 'untold' WHERE id = ${FROM + 6}`);
    await expect(app.application.syncRun({ provision: true, untilCaughtUp: true })).rejects.toMatchObject({ code: 'BANYAN_SLOT_LOST' });
    await app.monolith.query("DELETE FROM banyan.stream WHERE name = 'accounts/service-to-monolith'");
    await app.application.syncRun({ provision: true, untilCaughtUp: true });
    expect(await app.application.syncResync(everything('service'))).toMatchObject({ state: 'done', repaired: 1 });
    await equal(app);
    expect(await app.monolith.query(`SELECT value FROM public.account WHERE id = ${FROM + 6}`)).toEqual([{ value: 'untold' }]);
  });
});
