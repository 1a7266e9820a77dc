import { expect, it } from 'vitest';
import { testApplication } from '../support/application.ts';
import { describePostgres, testDatabase } from '../support/postgres.ts';

describePostgres('what validate says of the structure', () => {
  it('is nothing after a sync, and each difference afterwards with the statement that mends it', async () => {
    const app = await testApplication();
    await app.application.syncRun({ provision: true, untilCaughtUp: true });
    const fine = await app.application.validate({});
    expect(fine).toMatchObject({ consistent: true, tables: [{ schema: [], sequences: [] }, { schema: [], sequences: [] }] });

    await app.service.query("ALTER TABLE public.users ALTER email DROP NOT NULL; DROP INDEX public.sessions_by_user; INSERT INTO public.users (id, email) VALUES (5000000000, 'by hand')");
    const drifted = await app.application.validate({ level: 'count' });
    const [users, sessions] = drifted.tables;
    expect(users).toMatchObject({
      consistent: false,
      schema: [{ kind: 'column_nullability', severity: 'error', object: 'column public.users.email', source: 'NOT NULL', target: 'NULL', remedy: { on: 'target', sql: ['ALTER TABLE "public"."users" ALTER COLUMN "email" SET NOT NULL'] } }],
      sequences: [{ kind: 'sequence_behind', on: 'target', sequence: 'public.users_id_seq', column: 'id', taken: '5000000000' }],
    });
    // Both hold the same rows without it.
    expect(sessions).toMatchObject({ consistent: true, schema: [{ kind: 'index_missing', severity: 'warning' }] });

    await app.service.query('DELETE FROM public.users WHERE id = 5000000000');
    const rows = await app.application.validate({ without: ['schema', 'sequences'] });
    expect(rows.consistent).toBe(true);
    expect(rows.tables[0]).not.toHaveProperty('schema');
    await app.configure('validate: { checks: [sequences] }\n');
    const [configured] = (await app.application.validate({ tables: ['users'] })).tables;
    expect(configured).toMatchObject({ consistent: true, sequences: [] });
    expect(configured).not.toHaveProperty('schema');
  });

  it('does without what the role may not read, and says so', async () => {
    const [source, target] = [await testDatabase(), await testDatabase()];
    const role = `reader_${source.name}`;
    const schema = `CREATE TABLE public.countries (code text PRIMARY KEY); CREATE TABLE public.users (id serial PRIMARY KEY, country text REFERENCES public.countries);
      INSERT INTO public.countries VALUES ('DE'); INSERT INTO public.users VALUES (DEFAULT, 'DE'); GRANT USAGE ON SCHEMA public TO ${role}; GRANT SELECT ON public.users TO ${role}`;
    await source.query(`CREATE ROLE ${role} LOGIN PASSWORD 'reads'`);
    try {
      await source.query(schema);
      await target.query(schema);
      const as = (url: string): string => Object.assign(new URL(url), { username: role, password: 'reads' }).href;
      const app = await testApplication({ services: () => '' });
      const report = await app.application.validate({ source: as(source.url), target: as(target.url), tables: ['users'] });
      expect(report).toMatchObject({ consistent: true, rows: 1 });
      const [users] = report.tables;
      expect(users!.sequences).toMatchObject([
        { kind: 'sequence_unread', on: 'source', remedy: { sql: [`GRANT SELECT ON SEQUENCE "public"."users_id_seq" TO ${role}`] } }, { kind: 'sequence_unread', on: 'target' },
      ]);
      expect(users!.references).toMatchObject([{ counts: { orphans: 0 }, unread: expect.stringContaining('permission denied') }, { to: { database: 'target' } }]);
    } finally {
      for (const side of [source, target]) await side.query(`DROP OWNED BY ${role}`);
      await source.query(`DROP ROLE ${role}`);
    }
  });

  it('tells rows that refer to nothing: what stayed behind, what another service has, and what the configuration names', async () => {
    const people = await testDatabase();
    const app = await testApplication({
      env: { PEOPLE_URL: people.url },
      schema: `CREATE TABLE public.users (id int PRIMARY KEY, name text); CREATE TABLE public.countries (code text PRIMARY KEY);
        CREATE TABLE public.orders (id int PRIMARY KEY, user_id int NOT NULL REFERENCES public.users, country text REFERENCES public.countries);
        CREATE TABLE public.visits (id int PRIMARY KEY, order_id int);
        INSERT INTO public.users SELECT generate_series(1, 5), 'x'; INSERT INTO public.countries VALUES ('DE'); INSERT INTO public.orders SELECT n, n, 'DE' FROM generate_series(1, 5) n; INSERT INTO public.visits VALUES (1, 1)`,
      services: () => '  sales:\n    url: ${ACCOUNTS_URL}\n    tables: [orders]\n  accounts:\n    url: ${PEOPLE_URL}\n    tables: [{ table: users, as: crm.people, columns: { ref: id, name: name } }]\n',
      sections: 'sync: { mode: monolith-to-service }\nvalidate: { referenceGraceMs: 20, references: [{ from: visits.order_id, to: orders.id }] }\n',
    });
    await app.startSync();
    expect(await app.application.validate({})).toMatchObject({ consistent: true, tables: [{ table: 'public.orders', references: [] }, { table: 'public.users', references: [] }] });
    // The service accounts loses a user; somebody refers to an order that never was; a country goes though it is in use.
    await people.query('DELETE FROM crm.people WHERE ref = 3');
    await app.monolith.query("INSERT INTO public.visits VALUES (2, 99); SET session_replication_role = replica; DELETE FROM public.countries; SET session_replication_role = DEFAULT");
    const { consistent, tables } = await app.application.validate({ services: ['sales'], level: 'checksum' });
    expect(consistent).toBe(false);
    expect(tables[0]!.references!.map(({ from, to, orphans, counts, remedy }) => [from.database, from.table, to.database, to.table, orphans.length, counts.rows, remedy!.on])).toEqual([
      ['source', 'public.orders', 'source', 'public.countries', 1, 5, 'source'],
      ['target', 'public.orders', 'source', 'public.countries', 1, 5, 'target'],
      ['target', 'public.orders', 'accounts', 'crm.people', 1, 1, 'target'],
      ['source', 'public.visits', 'target', 'public.orders', 1, 1, 'source'],
    ]);
    expect(tables[0]!.references![2]).toMatchObject({ by: 'constraint', orphans: [{ key: { user_id: '3' }, rows: 1 }], to: { columns: ['ref'] } });
    expect((await app.application.validate({ services: ['sales'], without: ['references'] })).consistent).toBe(true);
  });
});
