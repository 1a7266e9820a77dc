import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Reconciler } from '../../src/index.ts';
import { SHOP, testApplication } from '../support/application.ts';
import { describePostgres } from '../support/postgres.ts';


describePostgres('reconcile without streams', () => {
  it('repairs a configured service in both vocabularies, by policies and names of banyan.yaml', async () => {
    const services = `  accounts:
    url: \${ACCOUNTS_URL}
    tables:
      - { table: users, as: app.people, columns: { person_id: id, mail: email, label: { from: name, values: { one: eins, two: zwei } }, money: balance } }
      - { table: sessions, where: "id <> 's20'" }
      - { table: orders, transform: ./orders.mjs }
`;
    const app = await testApplication({
      services: () => services,
      sections: 'validate: { reconcile: { policy: monolith-wins, tables: { sessions: { policy: service-wins }, orders: { policy: service-wins } }, allowDeletes: [sessions] } }\nsync: { mode: monolith-to-service }\n',
    });
    await writeFile(join(app.folder, 'orders.mjs'), "export const toService = (row) => ({ total: row.total === null ? null : row.total });\n");
    await app.monolith.query('ALTER TABLE public.sessions REPLICA IDENTITY FULL; ALTER TABLE public.orders REPLICA IDENTITY FULL');
    await app.monolith.query("UPDATE public.users SET name = CASE WHEN id % 2 = 0 THEN 'two' ELSE 'one' END");
    await app.service.query(`
      CREATE SCHEMA app; CREATE TABLE app.people (person_id bigint PRIMARY KEY, mail text, label text, money numeric, note text DEFAULT 'mine');
      CREATE TABLE public.sessions (id text PRIMARY KEY, user_id bigint, device jsonb); CREATE TABLE public.orders (id bigint PRIMARY KEY, user_id bigint, total numeric(12,2));
      INSERT INTO app.people SELECT n, 'u' || n || '@example.org', CASE WHEN n % 2 = 0 THEN 'zwei' ELSE 'eins' END, 0.00, 'kept' FROM generate_series(1, 20) n;
      INSERT INTO public.sessions SELECT 's' || n, n FROM generate_series(1, 19) n; INSERT INTO public.orders VALUES (1, 1, 9.99)`);
    await app.service.query(`
      UPDATE app.people SET label = 'zwei', money = 7.10 WHERE person_id = 3; DELETE FROM app.people WHERE person_id = 4; INSERT INTO app.people (person_id, mail) VALUES (99, 'x');
      DELETE FROM public.sessions WHERE id = 's1'; UPDATE public.sessions SET device = '{"a":1}' WHERE id = 's2'; INSERT INTO public.sessions VALUES ('new', 5, '[]');
      UPDATE public.orders SET total = 1 WHERE id = 1`);
    const dry = await app.application.reconcile({ dryRun: true });
    expect(dry).toMatchObject({ consistent: false, dryRun: true, runs: [] });
    expect(dry.repairs?.map(({ table, side, kind }) => `${kind} ${side} ${table}`).toSorted()).toEqual([
      'delete monolith public.sessions', 'insert monolith public.sessions', 'insert service public.users', 'update monolith public.sessions', 'update service public.users',
    ]);
    const done = await app.application.reconcile({ dryRun: false });
    // A row of people may not be deleted, and the module knows no way back for the order.
    expect(done.tables.map(({ table, inserted, updated, deleted, queued }) => [table, inserted, updated, deleted, queued])).toEqual([
      ['public.users', 1, 1, 0, 1], ['public.sessions', 1, 1, 1, 0], ['public.orders', 0, 0, 0, 1],
    ]);
    expect(await app.service.query('SELECT * FROM app.people WHERE person_id IN (3, 4) ORDER BY 1')).toEqual([
      { person_id: '3', mail: 'u3@example.org', label: 'eins', money: '0.00', note: 'kept' }, { person_id: '4', mail: 'u4@example.org', label: 'zwei', money: '0.00', note: 'mine' },
    ]);
    expect(await app.monolith.query("SELECT id, device FROM public.sessions WHERE id IN ('s1', 's2', 's20', 'new') ORDER BY id")).toEqual([{ id: 'new', device: '[]' }, { id: 's2', device: '{"a": 1}' }, { id: 's20', device: null }]);
    const { cases, counts } = await app.application.reviewList({ limit: 10 });
    expect(cases.map(({ table, type, why }) => [table, type, why])).toEqual([
      ['public.users', 'extra', expect.stringContaining('deletes are not allowed')], ['public.orders', 'different', expect.stringContaining('toMonolith')],
    ]);
    expect(counts).toHaveLength(2);
    await expect(app.application.reviewApprove({ id: cases[1]!.id, side: 'service' })).rejects.toMatchObject({ code: 'BANYAN_REVIEW_ROW' });
    expect(await app.application.reviewApprove({ id: cases[1]!.id, side: 'monolith', reason: 'asked' })).toMatchObject({ applied: true });
    expect(await app.application.reviewShow({ id: cases[1]!.id })).toMatchObject({ state: 'approved', decidedBy: 'anna', decision: 'monolith', reason: 'asked' });
    expect(await app.application.reviewReject({ id: cases[0]!.id, by: 'bert' })).toMatchObject({ state: 'rejected', decidedBy: 'bert' });
    expect(await app.application.reconcile({ dryRun: false })).toMatchObject({ consistent: false, tables: [{ queued: 0, rejected: 1 }, {}, {}] });

    const { runs } = await app.application.reconcileList({ limit: 10 });
    expect(runs.map(({ kind }) => kind)).toEqual(['reconcile', 'approval', 'reconcile']);
    const run = done.runs[0]!.run;
    const shown = await app.application.reconcileShow({ run, limit: 5 });
    expect(shown.repairs).toHaveLength(5);
    expect(shown).not.toHaveProperty('next');
    const first = await app.application.reconcileShow({ run, limit: 3 });
    const rest = await app.application.reconcileShow({ run, limit: 3, after: first.next! });
    expect([[...first.repairs, ...rest.repairs], rest.next]).toEqual([shown.repairs, undefined]);
    expect(await app.application.reconcileUndo({ run, dryRun: true })).toMatchObject({ undone: 5, dryRun: true });
    expect(await app.application.reconcileUndo({ run, dryRun: false })).toMatchObject({ undone: 5, left: 0, refused: 0 });
    expect(await app.service.query('SELECT label, money FROM app.people WHERE person_id = 3')).toEqual([{ label: 'zwei', money: '7.10' }]);
    await expect(app.application.reconcileUndo({ run: '999', dryRun: false })).rejects.toMatchObject({ code: 'BANYAN_RECONCILE_UNKNOWN' });
    await expect(app.application.reconcile({ tables: ['uesrs'], dryRun: true })).rejects.toMatchObject({ code: 'BANYAN_TABLE_UNKNOWN' });
  });

  it('does nothing where whoever is asked does not agree, and says that it was no dry run', async () => {
    let agrees = false;
    const app = await testApplication({ confirm: () => agrees });
    await app.service.query(SHOP);
    await app.service.query("UPDATE public.users SET name = 'other' WHERE id = 1");
    const here = () => app.service.query('SELECT name FROM public.users WHERE id = 1');
    expect(await app.application.reconcile({ policy: 'monolith-wins', dryRun: false })).toMatchObject({ consistent: false, runs: [] });
    expect(await here()).toEqual([{ name: 'other' }]);
    agrees = true;
    const { runs } = await app.application.reconcile({ policy: 'monolith-wins', dryRun: false });
    agrees = false;
    expect(await app.application.reconcileUndo({ run: runs[0]!.run, dryRun: false })).toMatchObject({ undone: 0, dryRun: false });
    expect(await here()).toEqual([{ name: 'User 1' }]);
    await app.service.query("UPDATE public.users SET name = 'other' WHERE id = 1");
    agrees = true;
    await app.application.reconcile({ policy: 'review', dryRun: false });
    agrees = false;
    const [open] = (await app.application.reviewList({ limit: 1 })).cases;
    expect(await app.application.reviewApprove({ id: open!.id, side: 'monolith' })).toMatchObject({ applied: false });
    expect(await app.application.reviewShow({ id: open!.id })).toMatchObject({ state: 'open' });
    expect(await here()).toEqual([{ name: 'other' }]);
  });

  it('takes the newer row, or what the conflict strategy makes of both', async () => {
    const app = await testApplication({
      sections: 'sync: { conflicts: { tables: { sessions: { strategy: latest-by-column, column: user_id } } } }\nvalidate: { reconcile: { policy: conflict-strategy, tables: { users: { policy: newest-wins, column: at } } } }\n',
    });
    await app.service.query(SHOP.replaceAll('REFERENCES public.users', ''));
    await app.service.query(`
      UPDATE public.users SET name = 'newer', at = '2026-01-01 00:00:00.123457Z' WHERE id = 1; UPDATE public.users SET name = 'older', at = '2025-12-31Z' WHERE id = 2;
      UPDATE public.users SET name = 'same' WHERE id = 3; DELETE FROM public.users WHERE id = 4;
      UPDATE public.sessions SET user_id = 9 WHERE id = 's1'; UPDATE public.sessions SET user_id = 1 WHERE id = 's2'`);
    const done = await app.application.reconcile({ dryRun: false });
    expect(done.tables.map(({ table, updated, queued }) => [table, updated, queued])).toEqual([['public.users', 2, 2], ['public.sessions', 2, 0]]);
    for (const side of [app.monolith, app.service]) {
      expect(await side.query('SELECT id, name FROM public.users WHERE id IN (1, 2) ORDER BY id')).toEqual([{ id: '1', name: 'newer' }, { id: '2', name: 'User 2' }]);
      expect(await side.query("SELECT id, user_id FROM public.sessions WHERE id IN ('s1', 's2') ORDER BY id")).toEqual([{ id: 's1', user_id: '9' }, { id: 's2', user_id: '2' }]);
    }
    expect((await app.application.reviewList({ limit: 10 })).cases.map(({ why }) => why)).toEqual(['both rows have the same at', 'nothing tells when a row was deleted']);

    const [same, gone] = (await app.application.reviewList({ limit: 10, table: 'users', caseState: 'open' })).cases;
    expect((await app.application.reviewList({ limit: 10, type: 'missing', severity: 'critical', olderThanSeconds: 0 })).cases.map(({ id }) => id)).toEqual([gone!.id]);
    expect((await app.application.reviewList({ limit: 10, table: 'sessions' })).cases).toEqual([]);
    for (const id of ['999', 'x']) {
      await expect(app.application.reviewShow({ id })).rejects.toMatchObject({ code: 'BANYAN_REVIEW_UNKNOWN' });
      await expect(app.application.reviewApprove({ id, side: 'service' })).rejects.toMatchObject({ code: 'BANYAN_REVIEW_UNKNOWN' });
    }
    for (const run of ['999', 'x', '9'.repeat(30)]) await expect(app.application.reconcileShow({ run, limit: 1 })).rejects.toMatchObject({ code: 'BANYAN_RECONCILE_UNKNOWN' });
    expect(await app.application.reviewApprove({ id: same!.id, row: { name: 'edited' }, by: 'bert', reason: 'both were wrong' })).toMatchObject({ applied: true });
    for (const side of [app.monolith, app.service]) expect(await side.query('SELECT name FROM public.users WHERE id = 3')).toEqual([{ name: 'edited' }]);
    expect(await app.application.reviewShow({ id: same!.id })).toMatchObject({ state: 'approved', decidedBy: 'bert', reason: 'both were wrong' });
  });

  it('repairs two databases by URL or as a library, and refuses those that streams connect', async () => {
    const app = await testApplication();
    await app.service.query(SHOP);
    await app.service.query('DELETE FROM public.order_lines; UPDATE public.users SET balance = 5 WHERE id = 1');
    const urls = { source: app.monolith.url, target: app.service.url };
    const done = await app.application.reconcile({ ...urls, policy: 'monolith-wins', tables: ['users'], dryRun: false });
    expect(done).toMatchObject({ consistent: true, tables: [{ table: 'public.users', updated: 1 }] });
    expect(await app.application.reconcileUndo({ ...urls, run: done.runs[0]!.run, dryRun: false })).toMatchObject({ undone: 1 });
    const reconciler = new Reconciler(app.monolith.url, app.service.url);
    expect(await reconciler.reconcile({ by: 'anna', policy: { policy: 'service-wins' } })).toMatchObject({ consistent: true });
    expect(await app.monolith.query('SELECT balance FROM public.users WHERE id = 1')).toEqual([{ balance: '5.00' }]);
    await app.service.query('TRUNCATE public.users, public.sessions');
    await app.application.syncRun({ provision: true, untilCaughtUp: true });
    await app.service.query('UPDATE public.orders SET total = 0');
    for (const options of [{ ...urls, dryRun: false }, { dryRun: false }]) await expect(app.application.reconcile(options)).rejects.toMatchObject({ code: 'BANYAN_RECONCILE_STREAMS' });
    await expect(reconciler.reconcile({ by: 'anna' })).rejects.toMatchObject({ code: 'BANYAN_RECONCILE_STREAMS' });
    expect(await app.application.reconcile({ ...urls, tables: ['orders'], dryRun: true })).toMatchObject({ consistent: false, cases: [{ type: 'different' }] });
  });
});
