import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { freePort } from '../../src/embedded/free-port.ts';
import { streamsAre, testApplication, type TestApplication } from '../support/application.ts';
import { until } from '../support/condition.ts';
import { describePostgres } from '../support/postgres.ts';

const USERS = 'SELECT id, email, name, balance, at FROM public.users ORDER BY id';

async function bothSides(app: TestApplication, sql = USERS) {
  return { monolith: await app.monolith.query(sql), service: await app.service.query(sql) };
}

async function expectEqual(app: TestApplication, sql = USERS): Promise<void> {
  expect(await app.application.syncWait({ timeoutSeconds: 20 })).toMatchObject({ caughtUp: true });
  // What the monolith settled on the way has to come back.
  expect(await app.application.syncWait({ timeoutSeconds: 20 })).toMatchObject({ caughtUp: true });
  const { monolith, service } = await bothSides(app, sql);
  expect(service).toEqual(monolith);
}

/** Both sides write one row while no worker runs, then a worker comes. */
async function provoke(app: TestApplication, id = 1): Promise<void> {
  await app.monolith.query('UPDATE public.users SET name = $2 WHERE id = $1', [id, 'by the monolith']);
  await app.service.query('UPDATE public.users SET name = $2 WHERE id = $1', [id, 'by the service']);
}

const names = async (app: TestApplication, id = 1) => {
  const { monolith, service } = await bothSides(app, `SELECT name FROM public.users WHERE id = ${id}`);
  return [monolith[0]?.['name'], service[0]?.['name']];
};

describePostgres('doctor and provision', () => {
  it('finds fit databases fit, creates what is missing, and nothing twice', async () => {
    const app = await testApplication();
    const { ok, checks } = await app.application.doctor();
    expect(checks.filter((check) => !check.ok)).toEqual([]);
    expect(ok).toBe(true);
    expect(checks.length).toBeGreaterThan(5);

    const dry = await app.application.provision({ service: 'accounts', dryRun: true });
    expect(dry.dryRun).toBe(true);
    expect(dry.statements.join('\n')).toMatch(/CREATE TABLE .*users/);
    expect(await app.service.query("SELECT 1 FROM pg_tables WHERE schemaname = 'public'")).toEqual([]);

    const real = await app.application.provision({ service: 'accounts', dryRun: false });
    expect(real.statements).toEqual(dry.statements);
    expect(await app.service.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")).toEqual([{ tablename: 'sessions' }, { tablename: 'users' }]);
    expect(await app.application.provision({ service: 'accounts', dryRun: false })).toEqual({ service: 'accounts', dryRun: false, statements: [] });
    await expect(app.application.provision({ service: 'acounts', dryRun: true })).rejects.toMatchObject({ code: 'BANYAN_SERVICE_UNKNOWN' });
  });

  it('names what is in the way of each service, and asks the monolith once', async () => {
    const app = await testApplication({
      schema: 'CREATE TABLE public.keyless (a int); CREATE TABLE public.fine (id int PRIMARY KEY);',
      services: () => '  one: { url: "${ACCOUNTS_URL}", tables: [keyless] }\n  two: { url: "${ACCOUNTS_URL}", tables: [fine] }\n',
    });
    const { ok, checks } = await app.application.doctor();
    expect(ok).toBe(false);
    const failed = checks.filter((check) => !check.ok);
    expect(failed.map((check) => check.id)).toEqual(['public.keyless.key', 'public.keyless.replica_identity']);
    expect(failed[0]!.remedy).not.toBe('');
    expect(new Set(checks.map((check) => check.id)).size).toBe(checks.length);
    expect(checks.some((check) => check.id.startsWith('two.'))).toBe(true);
    expect(checks.some((check) => check.id.startsWith('service.'))).toBe(false);
  });

  it('creates tables under other names', async () => {
    const app = await testApplication({ services: () => '  accounts: { url: "${ACCOUNTS_URL}", tables: [{ table: users, as: people }] }\n' });
    const { statements } = await app.application.provision({ service: 'accounts', dryRun: true });
    expect(statements).toContainEqual(expect.stringContaining('CREATE TABLE "public"."people"'));
  });
});

describePostgres('sync', () => {
  it('copies, follows both ways, tells how it is, and stops when asked', async () => {
    const port = await freePort();
    const app = await testApplication({ sections: `metrics: { listen: "127.0.0.1:${port}" }\n` });
    expect((await app.application.syncStatus()).streams.map(({ direction, state, applied }) => [direction, state, applied])).toEqual([
      ['monolith-to-service', 'absent', null],
      ['service-to-monolith', 'absent', null],
    ]);
    expect(await app.application.syncConflicts({ limit: 10 })).toEqual({ conflicts: [] });
    expect(await app.application.syncQuarantine()).toEqual({ quarantined: [] });

    const worker = await app.startSync();
    expect(app.notes).toContain('copied public.users: 20 rows');
    expect((await fetch(`http://127.0.0.1:${port}/readyz`)).status).toBe(200);
    await app.monolith.query("INSERT INTO public.users (email, balance, at) VALUES ('m@example.org', 0.10, 'infinity')");
    await app.service.query("INSERT INTO public.users (id, email) VALUES (1000, 's@example.org')");
    await app.service.query("UPDATE public.users SET name = 'changed' WHERE id = 2");
    await app.monolith.query('DELETE FROM public.sessions WHERE id = $1', ['s3']);
    await expectEqual(app);
    await expectEqual(app, 'SELECT * FROM public.sessions ORDER BY id');
    expect(await app.monolith.query('SELECT name FROM public.users WHERE id = 2')).toEqual([{ name: 'changed' }]);

    const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    expect(metrics).toMatch(/banyan_sync_rows_total\{service="accounts",direction="monolith-to-service"\} 2/);
    expect(metrics).toContain('banyan_sync_lag_seconds');
    const { streams } = await app.application.syncStatus();
    expect(streams[0]).toMatchObject({ service: 'accounts', state: 'running', conflicts: 0, quarantined: 0 });
    expect(streams[0]!.received).toMatch(/^[0-9A-F]+\/[0-9A-F]+$/);
    expect(streams[0]!.lagBytes).toBeGreaterThanOrEqual(0);

    const ended = await worker.stop();
    expect(ended.stopped).toBe('requested');
    expect(ended.streams.map((stream) => stream.state)).toEqual(['stopped', 'stopped']);
    await expect(fetch(`http://127.0.0.1:${port}/readyz`)).rejects.toThrow();
    expect((await app.application.syncStatus()).streams.map((stream) => stream.state)).toEqual(['stopped', 'stopped']);

    // As a worker leaves it that was killed a minute ago.
    await app.monolith.query("UPDATE banyan.stream_status SET state = 'running', at = at - interval '1 minute'");
    expect((await app.application.syncStatus()).streams.map((stream) => stream.state)).toEqual(['stopped', 'stopped']);

    // Nobody moves the fence now, and saying so does not take for ever.
    const waited = await app.application.syncWait({ timeoutSeconds: 0.2 });
    expect(waited.caughtUp).toBe(false);
  });

  it('waits for nothing where there are no streams yet, and says so', async () => {
    const app = await testApplication();
    await expect(app.application.syncWait({ timeoutSeconds: 0.1 })).rejects.toMatchObject({ code: 'BANYAN_STREAM_UNKNOWN' });
  });

  it('returns once caught up when asked to, and goes on from there the next time', async () => {
    const app = await testApplication();
    const first = await app.application.syncRun({ provision: true, untilCaughtUp: true });
    expect(first.stopped).toBe('caught-up');
    expect((await bothSides(app)).service).toHaveLength(20);
    await app.monolith.query("INSERT INTO public.users (email) VALUES ('later@example.org')");
    const second = await app.application.syncRun({ provision: false, untilCaughtUp: true, services: ['accounts'] });
    expect(second.streams.find((stream) => stream.direction === 'monolith-to-service')).toMatchObject({ rows: 1 });
    expect((await bothSides(app)).service).toHaveLength(21);
    await expect(app.application.syncRun({ provision: true, untilCaughtUp: true, services: ['other'] })).rejects.toMatchObject({ code: 'BANYAN_SERVICE_UNKNOWN' });
  });

  it('lets a second worker wait, and take over when the first stops', async () => {
    const app = await testApplication();
    const first = await app.startSync();
    const second = app.start((other) => other.syncRun({ provision: true, untilCaughtUp: false }));
    let ended = false;
    second.result.then(() => (ended = true), () => (ended = true));
    await app.monolith.query("UPDATE public.users SET name = 'one' WHERE id = 1");
    await expectEqual(app);
    expect(ended).toBe(false);
    await first.stop();
    await app.service.query("UPDATE public.users SET name = 'two' WHERE id = 1");
    await expectEqual(app);
    expect((await bothSides(app)).monolith[0]).toMatchObject({ name: 'two' });
    expect((await second.stop()).stopped).toBe('requested');
  });

  it('does not begin without the tables when it may not create them', async () => {
    const app = await testApplication();
    await expect(app.application.syncRun({ provision: false, untilCaughtUp: true })).rejects.toThrow();
    expect(await app.service.query("SELECT 1 FROM pg_tables WHERE schemaname = 'public'")).toEqual([]);
  });

  it('stops all services when one can not go on', async () => {
    const app = await testApplication({
      services: () =>
        '  accounts: { url: "${ACCOUNTS_URL}", tables: [users, sessions] }\n  sales: { url: "${ACCOUNTS_URL}", tables: [orders, order_lines] }\n',
    });
    await app.service.query('CREATE TABLE public.orders (id bigint PRIMARY KEY, user_id bigint NOT NULL, total numeric(12,2))');
    await app.service.query('INSERT INTO public.orders VALUES (99, 1, 1)');
    await expect(app.application.syncRun({ provision: true, untilCaughtUp: false })).rejects.toMatchObject({ code: 'BANYAN_TARGET_NOT_EMPTY' });
  });

  it('keeps several services in sync, each with its own tables', async () => {
    const app = await testApplication({
      services: () =>
        '  accounts: { url: "${ACCOUNTS_URL}", tables: [users, sessions] }\n  sales: { url: "${ACCOUNTS_URL}", tables: [orders, order_lines] }\n',
    });
    const { streams } = await app.application.syncRun({ provision: true, untilCaughtUp: true });
    expect(streams.map(({ service, direction }) => `${service} ${direction}`)).toEqual([
      'accounts monolith-to-service', 'accounts service-to-monolith', 'sales monolith-to-service', 'sales service-to-monolith',
    ]);
    expect(await app.application.validate({ tables: ['orders'] })).toMatchObject({ consistent: true, tables: [{ table: 'public.orders', source: 1 }] });
    expect((await app.application.validate({})).tables).toHaveLength(4);
  });

  it('moves the columns it was told to, under the name it was told', async () => {
    const app = await testApplication({
      services: () => '  accounts: { url: "${ACCOUNTS_URL}", tables: [{ table: users, as: people, columns: [id, email] }] }\n',
      // The table is simpler than the monolith's.
      sections: 'validate: { checks: [] }\n',
    });
    await app.service.query('CREATE TABLE public.people (id bigint PRIMARY KEY, email text)');
    await app.application.syncRun({ provision: false, untilCaughtUp: true });
    await app.monolith.query("UPDATE public.users SET email = 'new@example.org', name = 'stays' WHERE id = 1");
    await app.application.syncRun({ provision: false, untilCaughtUp: true });
    expect(await app.service.query('SELECT * FROM public.people WHERE id = 1')).toEqual([{ id: '1', email: 'new@example.org' }]);
    expect(await app.application.validate({ tables: ['users'] })).toMatchObject({ consistent: true, rows: 20 });
  });

  it('goes on when its status can not be written, and says so', async () => {
    const app = await testApplication();
    await app.startSync();
    await app.monolith.query('DROP TABLE banyan.stream_status');
    await until(() => app.logs.some((line) => line.includes('the status could not be written')));
    await app.monolith.query("UPDATE public.users SET name = 'goes on' WHERE id = 1");
    expect(await app.application.syncWait({ timeoutSeconds: 20 })).toMatchObject({ caughtUp: true });
    expect(await names(app)).toEqual(['goes on', 'goes on']);
  });

  it('does not begin when its metrics can not be served', async () => {
    const port = await freePort();
    const app = await testApplication({ sections: `metrics: { listen: "127.0.0.1:${port}" }\n` });
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(port, '127.0.0.1', resolve));
    try {
      await expect(app.application.syncRun({ provision: true, untilCaughtUp: true })).rejects.toMatchObject({ code: 'BANYAN_LISTEN' });
    } finally {
      taken.close();
    }
  });

  it('refuses a filter where the log does not carry what it asks for, and says what to do', async () => {
    const app = await testApplication({ services: () => '  accounts: { url: "${ACCOUNTS_URL}", tables: [{ table: users, where: "id > 3" }] }\n' });
    await expect(app.application.syncRun({ provision: true, untilCaughtUp: true })).rejects.toMatchObject({
      code: 'BANYAN_MAPPING', message: expect.stringContaining('banyan.yaml'),
    });
  });
});

describePostgres('one-way sync', () => {
  it('from the monolith to the service only', async () => {
    const app = await testApplication({ sections: 'sync: { mode: monolith-to-service }\n' });
    await app.startSync();
    await app.service.query("UPDATE public.users SET name = 'only here' WHERE id = 1");
    await app.monolith.query("UPDATE public.users SET name = 'everywhere' WHERE id = 2");
    expect(await app.application.syncWait({ timeoutSeconds: 20 })).toMatchObject({ caughtUp: true });
    expect(await names(app, 2)).toEqual(['everywhere', 'everywhere']);
    expect(await names(app, 1)).toEqual(['User 1', 'only here']);
    expect((await app.application.syncStatus()).streams.map((stream) => stream.direction)).toEqual(['monolith-to-service']);
  });

  it('from the service to the monolith only', async () => {
    const app = await testApplication({ sections: 'sync: { mode: service-to-monolith }\n' });
    const worker = await app.startSync();
    await app.service.query("UPDATE public.users SET name = 'everywhere' WHERE id = 1");
    expect(await app.application.syncWait({ timeoutSeconds: 20 })).toMatchObject({ caughtUp: true });
    expect(await names(app)).toEqual(['everywhere', 'everywhere']);
    await worker.stop();
    await app.service.query("UPDATE public.users SET name = 'after a restart' WHERE id = 1");
    await app.application.syncRun({ provision: true, untilCaughtUp: true });
    expect(await names(app)).toEqual(['after a restart', 'after a restart']);
  });
});

describePostgres('conflicts', () => {
  it('reports the one row that both sides wrote unseen, with both rows, and both sides end equal', async () => {
    const app = await testApplication();
    await (await app.startSync()).stop();
    await provoke(app);
    await app.service.query("UPDATE public.users SET name = 'no conflict' WHERE id = 2");
    await app.startSync();
    await expectEqual(app);
    const { conflicts } = await app.application.syncConflicts({ limit: 10 });
    expect(conflicts).toEqual([
      expect.objectContaining({
        service: 'accounts', table: 'public.users', key: { id: '1' }, strategy: 'last-write-wins', winner: 'service',
        monolith: expect.objectContaining({ name: 'by the monolith' }), service_row: expect.objectContaining({ name: 'by the service' }),
      }),
    ]);
    expect(conflicts[0]!.at).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
    expect(await names(app)).toEqual(['by the service', 'by the service']);
    await until(async () => (await app.application.syncStatus()).streams.reduce((sum, stream) => sum + stream.conflicts, 0) === 1);

    // A write that has seen the other's is no conflict.
    await app.monolith.query("UPDATE public.users SET name = 'seen' WHERE id = 1");
    await expectEqual(app);
    expect((await app.application.syncConflicts({ limit: 10 })).conflicts).toHaveLength(1);
  });

  it('are decided by a module of the user', async () => {
    const app = await testApplication();
    await writeFile(join(app.folder, 'merge.mjs'), "export default async (m, s) => ({ winner: { ...m.row, name: m.row.name + ' and ' + s.row.name }, reason: 'both' });");
    await app.configure('sync:\n  conflicts: { default: prefer-monolith, tables: { users: { strategy: custom, module: ./merge.mjs } } }\n');
    await (await app.startSync()).stop();
    await provoke(app, 1);
    await app.startSync();
    await expectEqual(app);
    expect(await names(app)).toEqual(['by the monolith and by the service', 'by the monolith and by the service']);
  });

  it('hold the row back when the module fails, and nothing else', async () => {
    const app = await testApplication();
    await writeFile(join(app.folder, 'throw.mjs'), "export default () => { throw new Error('it has no idea'); };");
    await app.configure('sync:\n  conflicts: { default: custom, module: ./throw.mjs, tables: { sessions: { strategy: prefer-service } } }\n');
    await (await app.startSync()).stop();
    await provoke(app, 2);
    await app.service.query("UPDATE public.users SET name = 'goes on' WHERE id = 3");
    const worker = app.start((other) => other.syncRun({ provision: true, untilCaughtUp: false }));
    const found = until(async () => {
      const { quarantined } = await app.application.syncQuarantine();
      return quarantined.length > 0 && quarantined;
    });
    // A worker that ends instead fails the test with its reason.
    const quarantined = await Promise.race([found, worker.result.then(() => [])]);
    expect(quarantined).toEqual([
      expect.objectContaining({ table: 'public.users', key: { id: '2' }, direction: 'service-to-monolith', reason: expect.stringContaining('it has no idea') }),
    ]);
    expect(await app.application.syncWait({ timeoutSeconds: 20 })).toMatchObject({ caughtUp: true });
    expect(await names(app, 3)).toEqual(['goes on', 'goes on']);
  });

  it('are not waited for with a module that is not there: it is refused before anything is copied', async () => {
    const app = await testApplication();
    await writeFile(join(app.folder, 'no-default.mjs'), 'export const resolve = 1;');
    for (const module of ['./missing.mjs', './no-default.mjs']) {
      await app.configure(`sync:\n  conflicts: { default: custom, module: ${module} }\n`);
      await expect(app.application.syncRun({ provision: true, untilCaughtUp: true })).rejects.toMatchObject({ code: 'BANYAN_RESOLVER' });
    }
    expect(await app.service.query("SELECT 1 FROM pg_tables WHERE schemaname IN ('public', 'banyan')")).toEqual([]);
  });
});

describePostgres('quarantine', () => {
  it('keeps what the target refuses with its whole content, and what comes after it behind it', async () => {
    const app = await testApplication();
    await app.startSync();
    await app.service.query("ALTER TABLE public.users ADD CHECK (name <> 'refused')");
    await app.service.query("ALTER TABLE public.sessions ADD CHECK (device IS NULL)");
    await app.monolith.query("UPDATE public.users SET name = 'refused' WHERE id = 5");
    // Both in one batch would be one write, and that one is fine.
    await until(async () => (await app.application.syncQuarantine()).quarantined.length === 1);
    await app.monolith.query("UPDATE public.users SET name = 'held' WHERE id = 5");
    await app.monolith.query("UPDATE public.users SET name = 'fine' WHERE id = 6");
    expect(await app.application.syncWait({ timeoutSeconds: 20 })).toMatchObject({ caughtUp: true });
    expect(await names(app, 6)).toEqual(['fine', 'fine']);
    expect(await names(app, 5)).toEqual(['held', 'User 5']);
    const { quarantined } = await app.application.syncQuarantine();
    expect(quarantined.map(({ key, operation, behind, after, direction, table }) => [table, key, operation, behind, after?.['name'], direction])).toEqual([
      ['public.users', { id: '5' }, 'update', undefined, 'refused', 'monolith-to-service'],
      ['public.users', { id: '5' }, 'update', quarantined[0]!.id, 'held', 'monolith-to-service'],
    ]);
    expect(quarantined[0]!.reason).toContain('violates check constraint');
    await until(async () => (await app.application.syncStatus()).streams[0]!.quarantined === 2);
  });
});

describePostgres('a worker', () => {
  it('stops while it still waits for another to finish its set-up', async () => {
    const app = await testApplication();
    const first = await app.startSync();
    const second = app.start((other) => other.syncRun({ provision: false, untilCaughtUp: false }));
    expect((await second.stop()).stopped).toBe('requested');
    await first.stop();
    await streamsAre(app.application, 'stopped');
  });
});
