import { expect, it } from 'vitest';
import { testApplication } from '../support/application.ts';
import { describePostgres } from '../support/postgres.ts';

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
});
