import { expect, it } from 'vitest';
import { streamsAre, testApplication, type TestApplication } from '../support/application.ts';
import { ITEM_ROWS, ITEM_SCHEMA } from '../support/bursts.ts';
import { until } from '../support/condition.ts';
import { describePostgres } from '../support/postgres.ts';
import { rowsOf } from '../support/sync-engine.ts';
import { syncPair } from '../support/sync-pair.ts';

const itemApplication = (sections = ''): Promise<TestApplication> =>
  testApplication({ sections, schema: ITEM_SCHEMA + ITEM_ROWS, services: () => '  accounts: { url: "${ACCOUNTS_URL}", tables: [item] }\n' });

const says = (app: TestApplication, words: string): Promise<unknown> => until(() => app.logs.some((line) => line.includes(words)), { what: `the log says "${words}"`, timeoutMs: 60_000 });

describePostgres('the watch over streams and slots', () => {
  it('tells when a stream is behind, and when it has caught up', async () => {
    const app = await itemApplication('sync: { lagToleranceMs: 2000, heartbeatMs: 100 }\n');
    await app.startSync();
    const holder = await app.service.pool.connect();
    await holder.query('BEGIN; LOCK TABLE public.item');
    await app.monolith.query("INSERT INTO public.item VALUES (100, 'waits')");
    await says(app, 'a stream is behind');
    const late = (await app.application.syncStatus()).streams[0];
    expect(late).toMatchObject({ direction: 'monolith-to-service', state: 'running', behind: true });
    expect(late?.lagMs).toBeGreaterThan(2000);
    await holder.query('ROLLBACK');
    holder.release();
    await says(app, 'a stream has caught up again');
    await until(async () => (await app.application.syncStatus()).streams.every(({ behind }) => !behind), { what: 'no stream is behind' });
  });

  it('tells what each slot keeps, also while nobody reads it', async () => {
    const app = await itemApplication('sync: { walAlarmMb: 1 }\n');
    const worker = await app.startSync();
    await until(async () => (await app.application.syncStatus()).streams.every(({ slot }) => slot?.active === true && slot.walStatus === 'reserved'));
    await app.application.syncPause({ service: 'accounts' });
    const before = (await app.application.syncStatus()).streams[0]?.slot;
    expect(before).toMatchObject({ active: false, safeBytes: null });
    await app.monolith.query("SELECT pg_logical_emit_message(true, 'fill', repeat('x', 1500000))");
    // The worker watches what nobody runs.
    await says(app, 'a slot keeps more WAL than sync.walAlarmMb');
    const status = await app.application.syncStatus();
    expect((status.streams[0]?.slot?.retainedBytes ?? 0) - (before?.retainedBytes ?? 0)).toBeGreaterThan(1_500_000);
    expect(status.unusedSlots).toEqual([]);
    const failed = (await app.application.doctor()).checks.filter(({ id, ok }) => id.startsWith('sync.') && !ok);
    expect(failed.map(({ id }) => id)).toEqual(['sync.retained_wal']);
    await app.application.syncResume({ service: 'accounts' });
    await streamsAre(app.application, 'running');
    await worker.stop();
    // What the service is behind by is not known, but it grows.
    await until(async () => ((await app.application.syncStatus()).streams[0]?.lagMs ?? 0) > 500);
  });

  it('writes to the monolith more slowly while it is busy, and at full speed after', async () => {
    const app = await itemApplication('sync: { heartbeatMs: 100, throttle: { commitMs: 1000 } }\n');
    await app.startSync();
    // What Banyan measures takes its time.
    await app.monolith.query("CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(1.5); RETURN new; END'");
    await app.monolith.query('CREATE TRIGGER slow BEFORE INSERT OR UPDATE ON banyan.mark FOR EACH ROW EXECUTE FUNCTION slow()');
    await says(app, 'writing to it more slowly');
    // Slowly, but it writes.
    for (let i = 0; i < 5; i++) await app.service.query('INSERT INTO public.item VALUES ($1, $2)', [100 + i, 'slowly']);
    await until(async () => (await rowsOf(app.monolith, 'public.item')).length === 15, { what: 'the rows arrive all the same', timeoutMs: 60_000 });
    await app.monolith.query('DROP TRIGGER slow ON banyan.mark');
    await says(app, 'writing to it at full speed');
  });

  it('rests between batches of the stream to the monolith alone, as long as it is told', async () => {
    let asked = 0;
    const throttle = { share: 1, pauseMs: () => ((asked += 1), throttle.share === 1 ? 0 : 3_600_000) };
    const pair = await syncPair({ schema: ITEM_SCHEMA, tables: ['item'], throttle });
    const running = pair.run();
    const has = (side: 'monolith' | 'service', id: number) => async () => (await pair[side].query('SELECT 1 FROM public.item WHERE id = $1', [id])).length === 1;
    await pair.service.query("INSERT INTO public.item VALUES (1, 'at full speed')");
    await until(has('monolith', 1));
    throttle.share = 0.5;
    asked = 0;
    await until(() => asked > 0, { what: 'a batch was written that a rest comes after' });
    await pair.service.query("INSERT INTO public.item VALUES (2, 'waits')");
    await pair.monolith.query("INSERT INTO public.item VALUES (3, 'the other way')");
    await until(has('service', 3));
    expect(await has('monolith', 2)()).toBe(false);
    // A rest keeps nobody from stopping.
    await running.stop();
    throttle.share = 1;
    const again = pair.run();
    await until(has('monolith', 2));
    await again.stop();
  });

  it.each(['', 'sync: { throttle: { commitMs: 50 } }\n'])('is not held up by who holds the row of its marks locked (%s)', async (sections) => {
    const app = await itemApplication(sections);
    const worker = await app.startSync();
    await until(async () => (await app.monolith.query('SELECT 1 FROM banyan.mark')).length > 0, { what: 'there is a mark' });
    const client = await app.monolith.pool.connect();
    try {
      await client.query('BEGIN; SELECT 1 FROM banyan.mark FOR UPDATE');
      await app.service.query("INSERT INTO public.item VALUES (500, 'new')");
      await until(async () => (await app.monolith.query('SELECT 1 FROM public.item WHERE id = 500')).length > 0, { what: 'the row has arrived' });
      expect((await app.application.syncWait({ timeoutSeconds: 30 })).caughtUp).toBe(true);
    } finally {
      client.release(true);
    }
    await worker.stop();
  });

  it('drops no slot that may be the way back, and says how', async () => {
    const app = await itemApplication();
    await (await app.startSync()).stop();
    await app.configure('sync: { mode: monolith-to-service }\n');
    await (await app.startSync()).stop();
    const { unusedSlots, streams } = await app.application.syncStatus();
    expect(streams).toHaveLength(1);
    expect(unusedSlots).toMatchObject([{ database: "accounts's database", active: false, reason: 'sync.mode leaves out service-to-monolith of accounts' }]);
    const check = (await app.application.doctor()).checks.find(({ id }) => id === 'sync.unused_slots');
    expect(check).toMatchObject({ ok: false, remedy: expect.stringContaining('pg_drop_replication_slot') as string });

    // Nor does a slot count as unused while a copy, whose beginning it is, goes on.
    await app.configure('sync: { mode: service-to-monolith }\n');
    expect((await app.application.syncStatus()).unusedSlots).toMatchObject([{ database: 'the monolith' }]);
    await app.service.query("UPDATE banyan.stream SET state = 'copying' WHERE name = 'accounts/monolith-to-service'");
    expect((await app.application.syncStatus()).unusedSlots).toEqual([]);
    await app.service.query("UPDATE banyan.stream SET state = 'streaming' WHERE name = 'accounts/monolith-to-service'");

    // The way back is still whole.
    await app.service.query("INSERT INTO public.item VALUES (100, 'meanwhile')");
    await app.configure('');
    const both = await app.startSync();
    await app.application.syncWait({});
    expect(await rowsOf(app.monolith, 'public.item')).toHaveLength(11);
    await both.stop();

    // Until somebody closes it; a later one begins anew.
    for (const { on, sql } of unusedSlots[0]?.statements ?? []) await (on === 'the monolith' ? app.monolith : app.service).query(sql);
    await app.configure('sync: { mode: monolith-to-service }\n');
    expect((await app.application.syncStatus()).unusedSlots).toEqual([]);
    await app.configure('');
    await app.startSync();
    await app.service.query("INSERT INTO public.item VALUES (101, 'again')");
    await app.application.syncWait({});
    expect(await rowsOf(app.monolith, 'public.item')).toEqual(await rowsOf(app.service, 'public.item'));
  });
});
