import { expect, it } from 'vitest';
import { streamsAre, testApplication, type TestApplication, type TestApplicationOptions } from '../support/application.ts';
import { until } from '../support/condition.ts';
import { describePostgres } from '../support/postgres.ts';
import { rowsOf } from '../support/sync-engine.ts';

/** A service that refuses a few rows, with its worker. */
async function refusing(options: TestApplicationOptions = {}): Promise<TestApplication> {
  const app = await testApplication(options);
  await app.startSync();
  await app.service.query("ALTER TABLE public.users ADD CONSTRAINT picky CHECK (name <> 'refused')");
  return app;
}

const mend = (app: TestApplication) => app.service.query('ALTER TABLE public.users DROP CONSTRAINT picky');

async function caughtUp(app: TestApplication): Promise<void> {
  expect(await app.application.syncWait({ timeoutSeconds: 30 })).toMatchObject({ caughtUp: true });
}

async function held(app: TestApplication) {
  return (await app.application.syncQuarantine()).quarantined;
}

/** What waits, as table, key, operation, code and the position in the list of what it waits behind. */
async function outline(app: TestApplication): Promise<string[]> {
  const list = await held(app);
  return list.map(({ table, key, operation, code, behind }) => {
    const at = list.findIndex(({ id }) => id === behind);
    return `${table.slice('public.'.length)} ${key['id']} ${operation} ${code}${behind === undefined ? '' : ` behind ${at}`}`;
  });
}

async function expectEqual(app: TestApplication): Promise<void> {
  await caughtUp(app);
  await caughtUp(app);
  for (const table of ['public.users', 'public.sessions']) expect(await rowsOf(app.service, table)).toEqual(await rowsOf(app.monolith, table));
}

describePostgres('what depends on a quarantined change', () => {
  it('is held in order, through foreign keys and unique values, and comes with its retry', async () => {
    const app = await refusing();
    await app.monolith.query(`INSERT INTO public.users (id, email, name) VALUES (100, 'a@example.org', 'refused')`);
    await until(async () => (await held(app)).length === 1);
    await app.monolith.query(`
      INSERT INTO public.sessions (id, user_id) VALUES ('child', 100);
      UPDATE public.sessions SET device = '{"x": 12345678901234567890}' WHERE id = 'child';
      UPDATE public.sessions SET user_id = 100 WHERE id = 's1';
      INSERT INTO public.sessions (id, user_id) VALUES ('free', 2);
      UPDATE public.users SET email = 'b@example.org', name = 'fine' WHERE id = 100;
      INSERT INTO public.users (id, email, name) VALUES (101, 'a@example.org', 'takes what was freed');
      UPDATE public.users SET name = 'fine' WHERE id = 3;
    `);
    await caughtUp(app);
    expect(await outline(app)).toEqual([
      'users 100 insert 23514',
      'sessions child insert held behind 0',
      'sessions child update held behind 0',
      'sessions s1 update held behind 0',
      'users 100 update held behind 0',
      'users 101 insert held behind 0',
    ]);
    expect(await app.service.query("SELECT id FROM public.sessions WHERE id = 'free'")).toHaveLength(1);
    expect(await app.service.query("SELECT name FROM public.users WHERE id = 3")).toEqual([{ name: 'fine' }]);
    expect((await app.application.syncStatus()).streams.map(({ quarantined }) => quarantined)).toEqual([6, 0]);

    const [first, , third] = await held(app);
    expect(await app.application.syncQuarantineRetry({ id: third!.id })).toMatchObject({ applied: false, reason: expect.stringContaining('waits behind') });
    expect((await app.application.doctor()).checks).toContainEqual(expect.objectContaining({ id: 'sync.quarantine', ok: false }));

    await mend(app);
    expect(await app.application.syncQuarantineRetry({ id: first!.id })).toEqual({ id: first!.id, applied: true, also: 5 });
    await expectEqual(app);
    expect(await held(app)).toEqual([]);
  });

  it('is held again after a restart, and no parent goes while a held child needs it', async () => {
    const app = await testApplication();
    const worker = await app.startSync();
    await app.service.query("ALTER TABLE public.sessions ADD CONSTRAINT picky CHECK (device IS NULL)");
    await app.monolith.query(`UPDATE public.sessions SET device = '1' WHERE id = 's5'`);
    await until(async () => (await held(app)).length === 1);
    await worker.stop();
    app.start((other) => other.syncRun({ provision: false, untilCaughtUp: false }));
    await streamsAre(app.application, 'running');
    await app.monolith.query(`DELETE FROM public.sessions WHERE id = 's5'; DELETE FROM public.users WHERE id = 5; DELETE FROM public.sessions WHERE id = 's6'; DELETE FROM public.users WHERE id = 6`);
    await caughtUp(app);
    expect(await outline(app)).toEqual(['sessions s5 update 23514', 'sessions s5 delete held behind 0', 'users 5 delete held behind 0']);
    expect(await app.service.query('SELECT id FROM public.users WHERE id IN (5, 6)')).toEqual([{ id: '5' }]);
    // Refused still: but the row is gone at the end, and as one change that is fine.
    expect(await app.application.syncQuarantineRetry({ id: (await held(app))[0]!.id })).toMatchObject({ applied: true, also: 2 });
    await expectEqual(app);
  });
});

describePostgres('a retry', () => {
  it('says why it failed again, and succeeds with the change that mends the data at the source', async () => {
    const app = await refusing();
    await app.monolith.query("UPDATE public.users SET name = 'refused', balance = 7.50 WHERE id = 5");
    await until(async () => (await held(app)).length === 1);
    const [change] = await held(app);
    expect(change).toMatchObject({ id: expect.stringMatching(/^s\d+$/), before: null, after: { id: '5', name: 'refused', balance: '7.50' }, code: '23514' });
    expect(await app.application.syncQuarantineRetry({ id: change!.id })).toMatchObject({ applied: false, also: 0, reason: expect.stringContaining('picky') });
    await app.monolith.query("UPDATE public.users SET name = 'mended' WHERE id = 5");
    await caughtUp(app);
    expect(await app.application.syncQuarantineRetry({ id: change!.id.slice(1) })).toEqual({ id: change!.id, applied: true, also: 1 });
    await expectEqual(app);
  });

  it('records what the service wrote over a held change, which its author could not have seen', async () => {
    const app = await refusing();
    await app.monolith.query("UPDATE public.users SET name = 'refused' WHERE id = 5");
    await until(async () => (await held(app)).length === 1);
    const [change] = await held(app);
    await app.service.query("UPDATE public.users SET name = 'of the service' WHERE id = 5");
    await caughtUp(app);
    expect(await app.monolith.query('SELECT name FROM public.users WHERE id = 5')).toEqual([{ name: 'of the service' }]);
    await mend(app);
    expect(await app.application.syncQuarantineRetry({ id: change!.id })).toMatchObject({ applied: true });
    await expectEqual(app);
    expect((await app.application.syncConflicts({ limit: 10 })).conflicts).toMatchObject([
      { table: 'public.users', type: 'update-update', monolith: { name: 'refused' }, service_row: { name: 'of the service' }, winner: 'service', strategy: 'overtaken' },
    ]);
  });

  it('keeps the old row where the log had it', async () => {
    const app = await refusing();
    await app.monolith.query('ALTER TABLE public.users REPLICA IDENTITY FULL');
    await app.monolith.query("UPDATE public.users SET name = 'refused' WHERE id = 5");
    await until(async () => (await held(app)).length === 1);
    expect((await held(app))[0]).toMatchObject({ before: { id: '5', name: 'User 5' }, after: { id: '5', name: 'refused' } });
  });

  it('works without a worker', async () => {
    const app = await testApplication();
    const worker = await app.startSync();
    await app.service.query("ALTER TABLE public.users ADD CONSTRAINT picky CHECK (name <> 'refused')");
    await app.monolith.query("UPDATE public.users SET name = 'refused' WHERE id = 5");
    await until(async () => (await held(app)).length === 1);
    await worker.stop();
    await mend(app);
    expect(await app.application.syncQuarantineRetry({ id: (await held(app))[0]!.id })).toMatchObject({ applied: true });
    expect(app.notes).toContain('No worker runs this stream: this command does its work until it has caught up.');
    expect(await rowsOf(app.service, 'public.users')).toEqual(await rowsOf(app.monolith, 'public.users'));
  });

  it.each(['prefer-monolith', 'prefer-service'])('meets what was written on its target meanwhile by the conflict rules: %s', async (strategy) => {
    const app = await testApplication({ sections: `sync: { conflicts: { default: ${strategy} } }\n` });
    await app.startSync();
    await app.monolith.query("ALTER TABLE public.users ADD CONSTRAINT picky CHECK (name <> 'refused')");
    await app.service.query("UPDATE public.users SET name = 'refused' WHERE id = 5");
    await until(async () => (await held(app)).length === 1);
    const [change] = await held(app);
    expect(change!.id).toMatch(/^m\d+$/);
    // The service's own write stays there until the conflict is settled, which needs the held change.
    await app.monolith.query("UPDATE public.users SET name = 'meanwhile' WHERE id = 5");
    await caughtUp(app);
    await app.monolith.query('ALTER TABLE public.users DROP CONSTRAINT picky');
    expect(await app.application.syncQuarantineRetry({ id: change!.id })).toMatchObject({ applied: true });
    await expectEqual(app);
    expect(await app.monolith.query('SELECT name FROM public.users WHERE id = 5')).toEqual([{ name: strategy === 'prefer-service' ? 'refused' : 'meanwhile' }]);
    const { conflicts } = await app.application.syncConflicts({ limit: 5 });
    expect(conflicts).toMatchObject([{ monolith: { name: 'meanwhile' }, service_row: { name: 'refused' }, strategy }]);
  });

  it('leaves both sides equal where the row came and went on its target meanwhile', async () => {
    const app = await testApplication({ sections: `sync: { conflicts: { default: prefer-monolith } }\n` });
    await app.startSync();
    for (const side of [app.monolith, app.service]) await side.query("ALTER TABLE public.users ADD CONSTRAINT picky CHECK (name <> 'refused') NOT VALID");
    await app.service.query('ALTER TABLE public.users DROP CONSTRAINT picky');
    await app.service.query("INSERT INTO public.users (id, email, name) VALUES (200, 's@example.org', 'refused')");
    await until(async () => (await held(app)).length === 1);
    await app.service.query("ALTER TABLE public.users ADD CONSTRAINT picky CHECK (name <> 'refused') NOT VALID");
    await app.monolith.query('ALTER TABLE public.users DROP CONSTRAINT picky');
    await app.monolith.query("INSERT INTO public.users (id, email, name) VALUES (300, 'm@example.org', 'refused')");
    await until(async () => (await held(app)).length === 2);
    // Each counts as seen by what is written on its target now.
    await caughtUp(app);
    await app.monolith.query("INSERT INTO public.users (id, email) VALUES (200, 'came a')");
    await app.service.query("INSERT INTO public.users (id, email) VALUES (300, 'came b')");
    await caughtUp(app);
    await app.monolith.query('DELETE FROM public.users WHERE id = 200');
    await app.service.query('DELETE FROM public.users WHERE id = 300');
    await caughtUp(app);
    await app.service.query('ALTER TABLE public.users DROP CONSTRAINT picky');
    // What waits behind them comes with them.
    for (let [change] = await held(app); change; [change] = await held(app)) {
      expect(await app.application.syncQuarantineRetry({ id: change.id })).toMatchObject({ applied: true });
    }
    await expectEqual(app);
    for (const side of [app.monolith, app.service]) expect(await side.query('SELECT id FROM public.users WHERE id IN (200, 300)')).toEqual([]);
    const { conflicts } = await app.application.syncConflicts({ limit: 5 });
    expect(conflicts).toMatchObject([{ key: { id: '200' }, type: 'delete-update', monolith: null, service_row: { name: 'refused' }, winner: 'monolith' }]);
  });
});

describePostgres('a discarded change', () => {
  it('stays on record, lets those behind it go on, and leaves the sides different', async () => {
    const app = await refusing();
    await app.monolith.query("INSERT INTO public.users (id, email, name) VALUES (100, 'a@example.org', 'refused')");
    await until(async () => (await held(app)).length === 1);
    await app.monolith.query("INSERT INTO public.sessions (id, user_id) VALUES ('child', 100)");
    await caughtUp(app);
    const [first] = await held(app);
    expect(await app.application.syncQuarantineDiscard({ id: first!.id, dryRun: true })).toMatchObject({ discarded: false, dryRun: true, behind: 1, change: { id: first!.id } });
    expect(await held(app)).toHaveLength(2);
    expect(await app.application.syncQuarantineDiscard({ id: first!.id, dryRun: false })).toMatchObject({ discarded: true, behind: 1 });
    expect(await held(app)).toEqual([]);
    expect(await app.service.query("SELECT user_id FROM public.sessions WHERE id = 'child'")).toEqual([{ user_id: '100' }]);
    expect(await app.service.query("SELECT state, asked_by, row, ended_at IS NOT NULL AS ended FROM banyan.quarantine WHERE state = 'discarded'")).toEqual([
      { state: 'discarded', asked_by: 'anna', row: expect.stringContaining('"name":"refused"'), ended: 't' },
    ]);
    expect((await app.application.validate({ level: 'full' })).consistent).toBe(false);
    await expect(app.application.syncQuarantineRetry({ id: first!.id })).rejects.toMatchObject({ code: 'BANYAN_QUARANTINE_UNKNOWN' });
  });
});

describePostgres('a table that is emptied', () => {
  it('overtakes what is in quarantine of it, and frees what waited behind', async () => {
    const app = await refusing();
    await app.monolith.query("UPDATE public.users SET name = 'refused' WHERE id = 5");
    await until(async () => (await held(app)).length === 1);
    await app.monolith.query('TRUNCATE public.users, public.sessions');
    await app.monolith.query("INSERT INTO public.users (id, email) VALUES (5, 'new')");
    await until(async () => (await held(app)).length === 0);
    await expectEqual(app);
  });
});

describePostgres('a constraint that speaks at the commit', () => {
  it('puts exactly the change at fault in quarantine', async () => {
    const app = await testApplication();
    await app.startSync();
    await app.service.query(`
      CREATE FUNCTION public.late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF new.name = 'refused' THEN RAISE check_violation USING MESSAGE = 'too late'; END IF; RETURN NULL; END $$;
      CREATE CONSTRAINT TRIGGER late AFTER INSERT OR UPDATE ON public.users DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.late();
      ALTER TABLE public.users ENABLE ALWAYS TRIGGER late;
    `);
    await app.monolith.query(`
      BEGIN; UPDATE public.users SET name = 'fine' WHERE id = 1; UPDATE public.users SET name = 'refused' WHERE id = 2; UPDATE public.users SET name = 'fine' WHERE id = 3; COMMIT;
      UPDATE public.users SET name = 'fine' WHERE id = 4`);
    await caughtUp(app);
    expect(await outline(app)).toEqual(['users 2 update 23514']);
    expect((await held(app))[0]!.reason).toContain('too late');
    expect(await app.service.query('SELECT name FROM public.users WHERE id <= 4 ORDER BY id')).toEqual([{ name: 'fine' }, { name: 'User 2' }, { name: 'fine' }, { name: 'fine' }]);
    const [change] = await held(app);
    expect(await app.application.syncQuarantineRetry({ id: change!.id })).toMatchObject({ applied: false, reason: expect.stringContaining('too late') });
    await app.service.query('DROP TRIGGER late ON public.users');
    expect(await app.application.syncQuarantineRetry({ id: change!.id })).toMatchObject({ applied: true });
    await expectEqual(app);
  });
});
