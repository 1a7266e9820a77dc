import { expect } from 'vitest';
import { streamsAre, testApplication } from '../support/application.ts';
import { Bursts, ITEM_ROWS, ITEM_SCHEMA } from '../support/bursts.ts';
import { describePostgres, itSince, serverUrl, type TestDatabase } from '../support/postgres.ts';
import { createPool } from '../../src/postgres/connect.ts';

const ROLE = 'banyan_plain';

/** Gives a database to a role that may do nothing but own it. */
async function handOver(database: TestDatabase): Promise<string> {
  await database.query(
    `DO $$ DECLARE name text; BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO ${ROLE}', current_database()); ` +
      `FOR name IN SELECT oid::regclass FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' LOOP EXECUTE format('ALTER TABLE %s OWNER TO ${ROLE}', name); END LOOP; END $$; ` +
      `ALTER SCHEMA public OWNER TO ${ROLE}`,
  );
  const url = new URL(database.url);
  url.username = ROLE;
  url.password = 'plain';
  return url.href;
}

async function plainRole(): Promise<void> {
  const pool = createPool({ url: serverUrl(), max: 1 });
  try {
    await pool.query(
      `DO $$ BEGIN CREATE ROLE ${ROLE} LOGIN PASSWORD 'plain' NOSUPERUSER NOREPLICATION; EXCEPTION WHEN duplicate_object THEN NULL; END $$; ` +
        `GRANT SET ON PARAMETER session_replication_role TO ${ROLE}`,
    );
  } finally {
    await pool.end();
  }
}

describePostgres('sync.capture: trigger in banyan.yaml', () => {
  itSince(15)('keeps both sides equal with a role that has neither REPLICATION nor superuser, and no slots', async () => {
    await plainRole();
    const env: Record<string, string> = {};
    const app = await testApplication({
      env, schema: ITEM_SCHEMA + ITEM_ROWS, services: () => '  accounts: { url: "${ACCOUNTS_URL}", tables: [item] }\n',
      sections: 'sync: { capture: trigger, memory: { transactionRows: 500 } }\n',
    });
    env['MONOLITH_URL'] = await handOver(app.monolith);
    env['ACCOUNTS_URL'] = await handOver(app.service);
    const asPlain = <T>(command: Parameters<typeof app.start<T>>[0]): Promise<T> => app.start(command).result;

    const { ok, checks } = await asPlain((plain) => plain.doctor());
    expect(checks.filter((check) => !check.ok)).toEqual([]);
    expect(ok).toBe(true);
    for (const id of ['wal_level', 'replication_slots', 'wal_senders', 'replication_privilege', 'replication_origins']) expect(checks.map((check) => check.id)).not.toContain(`monolith.${id}`);
    expect(checks.map((check) => check.id)).not.toContain('public.item.replica_identity');

    const worker = app.start((plain) => plain.syncRun({ provision: true, untilCaughtUp: false }));
    await Promise.race([worker.result, streamsAre(app.application, 'running')]);
    const bursts = new Bursts(app);
    // More than memory holds, in both directions.
    await bursts.during(async () => {
      await app.monolith.query("INSERT INTO public.item SELECT g, 'many' FROM generate_series(100001, 103000) g");
      await app.service.query("INSERT INTO public.item SELECT g, 'many' FROM generate_series(200001, 203000) g");
    });
    await app.application.syncWait({});
    await app.monolith.query("UPDATE public.item SET value = 'more' WHERE id > 100000");
    await app.application.syncWait({});
    await app.service.query('DELETE FROM public.item WHERE id > 100000');
    await app.application.syncWait({});
    await bursts.equal('after large transactions');

    // What no trigger told of is mended, as with any other capture.
    await app.service.query("BEGIN; SET LOCAL banyan.replay = 'accounts'; DELETE FROM public.item WHERE id <= 3; UPDATE public.item SET value = 'untold' WHERE id = 4; COMMIT");
    expect(await app.application.syncResync({ service: 'accounts', table: 'item', dryRun: false, wait: true })).toMatchObject({ state: 'done', repaired: 4 });
    await bursts.equal('after it was made equal');
    expect((await app.application.syncStatus()).streams.every((stream) => stream.slot === undefined)).toBe(true);
    expect(await app.monolith.query("SELECT 1 FROM pg_replication_slots WHERE database = current_database()")).toEqual([]);
    await worker.stop();
  });
});
