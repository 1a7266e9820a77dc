import { expect, it } from 'vitest';
import type { ValidateResult } from '../../src/app/application.ts';
import { testApplication } from '../support/application.ts';
import { until } from '../support/condition.ts';
import { describePostgres } from '../support/postgres.ts';

const lookedAt = ({ tables }: ValidateResult) => tables.map(({ table, incremental }) => [table, incremental && ('whole' in incremental ? incremental.whole : incremental.leaves + incremental.keys)]);

describePostgres('validate --incremental', () => {
  it('compares what the workers have noted, beside full runs and repairs', async () => {
    const app = await testApplication({ sections: 'validate: { incremental: true }\n' });
    await app.monolith.query("INSERT INTO public.users (email) SELECT n || '@example.com' FROM generate_series(1, 8001) n");
    const refused = (options: Parameters<typeof app.application.validate>[0]) => app.application.validate(options).catch(({ code, message }: { code: string; message: string }) => `${code} ${message}`);
    expect(await refused({ incremental: true })).toMatch(/^BANYAN_VALIDATE_INCREMENTAL .*its streams do not run/);
    await app.startSync();
    expect(await refused({ incremental: true, level: 'count' })).toMatch(/^BANYAN_VALIDATE_INCREMENTAL Level count/);
    expect(await refused({ incremental: true, resume: true })).toMatch(/^BANYAN_VALIDATE_INCREMENTAL .*not resumed/);
    expect(await refused({ incremental: true, source: app.monolith.url, target: app.service.url })).toMatch(/^BANYAN_USAGE/);

    await until(async () => (await app.monolith.query('SELECT FROM banyan.validation_marked')).length === 2, { what: 'both streams keep marks' });
    // An ordinary run is as good a beginning as any.
    expect(await app.application.validate({})).toMatchObject({ consistent: true });
    await app.monolith.query("UPDATE public.users SET name = 'new' WHERE id = 5; DELETE FROM public.sessions WHERE id = 's3'");
    await app.service.query("UPDATE public.users SET name = 'new' WHERE id = 8000");
    const first = await app.application.validate({ incremental: true });
    expect([first.consistent, lookedAt(first)]).toEqual([true, [['public.users', 2], ['public.sessions', 1]]]);
    expect(first.tables.map(({ source, incremental }) => [source, incremental])).toMatchObject([[8021, { keys: 0, rows: { source: 255 + 86 } }], [20, { keys: 1, rows: { source: 1 } }]]);

    // Behind the streams' back: only a comparison of all rows finds it, and then every one does.
    const [origin] = await app.service.query("SELECT 'banyan_accounts_m2s_' || oid || '/repair' AS name FROM pg_database WHERE datname = current_database()");
    await app.service.query(`SELECT pg_replication_origin_create('${origin!['name']}') WHERE pg_replication_origin_oid('${origin!['name']}') IS NULL; SELECT pg_replication_origin_session_setup('${origin!['name']}');
      BEGIN; UPDATE public.users SET name = 'odd' WHERE id = 2; COMMIT; SELECT pg_replication_origin_session_reset()`);
    expect(await app.application.validate({ incremental: true })).toMatchObject({ consistent: true, score: 1 });
    expect((await app.application.validate({ level: 'checksum', exclude: ['balance'] })).tables[0]).toMatchObject({ counts: { different: 1 } });
    const odd = await app.application.validate({ incremental: true });
    expect(odd.tables[0]).toMatchObject({ source: 8021, score: 1 - 1 / 8021, different: [{ key: '2', columns: { name: { target: 'odd' } } }], incremental: { leaves: 1 } });
    // A repair is written so as well, and says so; and so is its undo, which brings the difference back.
    const repaired = await app.application.reconcile({ dryRun: false, policy: 'monolith-wins', tables: ['users'] });
    expect(await app.application.validate({ incremental: true })).toMatchObject({ consistent: true, tables: [{ incremental: { whole: 'rows of it were repaired' } }, {}] });
    await app.application.reconcileUndo({ run: repaired.runs[0]!.run, dryRun: false });
    expect(await app.application.validate({ incremental: true })).toMatchObject({ consistent: false, tables: [{ counts: { different: 1 } }, {}] });
  });

  it('is what a schedule may ask for, and says so in the record', async () => {
    const app = await testApplication({ sections: 'validate: { incremental: true, schedules: [{ cron: "* * * * * *", level: checksum, incremental: true }] }\n' });
    await app.startSync();
    await app.service.query(`CREATE FUNCTION public.spoil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.name := 'spoilt'; RETURN NEW; END $$;
      CREATE TRIGGER spoil BEFORE UPDATE ON public.users FOR EACH ROW EXECUTE FUNCTION public.spoil(); ALTER TABLE public.users ENABLE REPLICA TRIGGER spoil`);
    const worker = app.start((application) => application.validateWatch({}));
    const runs = async () => (await app.application.validateHistory({ limit: 50, table: 'users' })).tables.flatMap((table) => table.runs);
    await until(async () => (await runs()).length > 1, { what: 'the schedule has had its turn', everyMs: 50 });
    await app.monolith.query("UPDATE public.users SET name = 'right' WHERE id = 7");
    await until(async () => (await runs())[0]?.different === 1, { what: 'it is found', everyMs: 50 });
    const before = (await runs()).length;
    await until(async () => (await runs()).length > before + 1, { what: 'it is looked at again', everyMs: 50 });
    expect((await runs())[0]).toMatchObject({ different: 1, level: 'checksum', source: 20 });
    await app.service.query('DROP TRIGGER spoil ON public.users');
    await app.monolith.query("UPDATE public.users SET name = 'right again' WHERE id = 7");
    await until(async () => (await runs())[0]?.consistent, { what: 'it is over', everyMs: 50 });
    expect(await worker.stop()).toEqual({ stopped: 'requested', services: ['accounts'] });
    expect(app.logs.filter((line) => line.includes('validation failed'))).toEqual([]);
  });
});
