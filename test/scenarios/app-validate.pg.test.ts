import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { SHOP, temporaryFolder, testApplication, type TestApplication } from '../support/application.ts';
import { describePostgres, testDatabase } from '../support/postgres.ts';

async function synced(): Promise<TestApplication> {
  const app = await testApplication();
  await app.application.syncRun({ provision: true, untilCaughtUp: true });
  return app;
}

describePostgres('validate', () => {
  it('finds equal tables equal, and each difference by its key and columns', async () => {
    // A fence is quicker than a pause; what is written on the service stays there.
    const app = await testApplication({ sections: 'sync: { mode: monolith-to-service }\n' });
    await app.startSync();
    const equal = await app.application.validate({});
    expect(equal).toMatchObject({ consistent: true, rows: 40 });
    expect(equal.tables.map(({ table, source, target }) => [table, source, target])).toEqual([['public.users', 20, 20], ['public.sessions', 20, 20]]);

    await app.service.query("UPDATE public.users SET name = 'other' WHERE id = 7");
    await app.service.query("DELETE FROM public.sessions WHERE id = 's9'");
    await app.service.query("INSERT INTO public.users (id, email) VALUES (77, 'extra@example.org')");
    const different = await app.application.validate({ level: 'full' });
    expect(different.consistent).toBe(false);
    expect(different.tables).toMatchObject([
      { table: 'public.users', missing: [], extra: ['77'], different: [{ key: '7', columns: { name: { source: 'User 7', target: 'other' } } }] },
      { table: 'public.sessions', missing: ['s9'], extra: [], different: [] },
    ]);

    const one = await app.application.validate({ tables: ['sessions'], services: ['accounts'], where: "id <> 's9'" });
    expect(one).toMatchObject({ consistent: true, tables: [{ table: 'public.sessions', source: 19 }] });
    expect((await app.application.validate({ level: 'count', tables: ['users'] })).tables[0]).toMatchObject({ source: 20, target: 21 });
  });

  it('refuses tables that no service has, also beside one that a service has', async () => {
    const app = await synced();
    for (const tables of [['nothing'], ['users', 'uesrs']]) {
      await expect(app.application.validate({ tables })).rejects.toMatchObject({ code: 'BANYAN_TABLE_UNKNOWN', message: expect.stringContaining(tables.at(-1)!) });
    }
    await expect(app.application.validate({ services: ['nobody'] })).rejects.toMatchObject({ code: 'BANYAN_SERVICE_UNKNOWN' });
  });

  it('blames no row that is on its way while both sides are written', async () => {
    const app = await testApplication();
    await app.startSync();
    const over = new AbortController();
    let writes = 0;
    const writer = async (side: 'monolith' | 'service', from: number): Promise<void> => {
      for (let n = 0; !over.signal.aborted; n++) {
        await app[side].query('UPDATE public.users SET balance = balance + 1, name = $2 WHERE id = $1', [from + (n % 10), `${side} ${n}`]);
        writes++;
      }
    };
    const writers = [writer('monolith', 1), writer('service', 11)];
    try {
      for (let run = 0; run < 2; run++) {
        const before = writes;
        expect(await app.application.validate({ level: 'full' })).toMatchObject({ consistent: true });
        expect(writes).toBeGreaterThan(before);
      }
    } finally {
      over.abort();
      await Promise.all(writers);
    }
  });

  it('asks the streams, not the clock, how far they are', async () => {
    const app = await testApplication({ sections: 'sync: { heartbeatMs: 600000 }\n' });
    await app.startSync();
    const marks = async () => Promise.all([app.monolith, app.service].map(async (side) => Number((await side.query("SELECT placed FROM banyan.mark WHERE service = 'accounts'"))[0]?.['placed'] ?? 0)));
    await app.application.syncWait({ timeoutSeconds: 20 });
    const before = await marks();
    expect(await app.application.validate({})).toMatchObject({ consistent: true });
    const after = await marks();
    expect(after[0]).toBeGreaterThan(before[0]!);
    expect(after[1]).toBeGreaterThan(before[1]!);
  });

  it('finds, among rows on their way, the one that no stream will ever mend', async () => {
    const app = await testApplication({ sections: 'sync: { mode: monolith-to-service }\n' });
    await app.startSync();
    const over = new AbortController();
    const writer = (async () => {
      for (let n = 0; !over.signal.aborted; n++) await app.monolith.query('UPDATE public.users SET name = $2 WHERE id = $1', [1 + (n % 10), `monolith ${n}`]);
    })();
    try {
      await app.service.query("UPDATE public.users SET name = 'only here' WHERE id = 15");
      const { consistent, tables } = await app.application.validate({ tables: ['users'] });
      expect(consistent).toBe(false);
      expect(tables[0]!.different.map(({ key }) => key)).toEqual(['15']);
    } finally {
      over.abort();
      await writer;
    }
  });

  it('joins a condition that was typed to the one of the mapping, and leaves out columns that only the service has', async () => {
    const app = await testApplication({
      services: ({ service }) => `  accounts:\n    url: ${service}\n    tables: [{ table: users, where: id > 5 }]\n`,
      sections: 'sync: { mode: monolith-to-service }\n',
    });
    await app.monolith.query('ALTER TABLE public.users REPLICA IDENTITY FULL');
    await app.application.provision({ service: 'accounts', dryRun: false });
    await app.service.query("INSERT INTO public.users (id, email, name) SELECT n, 'u' || n || '@example.org', 'User ' || n FROM generate_series(6, 20) n");
    const typed = await app.application.validate({ where: 'id <= 15', level: 'checksum' });
    expect(typed.tables).toMatchObject([{ source: 10, target: 10, consistent: true }]);

    await app.service.query('ALTER TABLE public.users ADD phone text');
    expect((await app.application.validate({ level: 'count' })).tables).toMatchObject([{ consistent: false, drift: [{ column: 'phone', absentOn: 'source' }] }]);
    expect(await app.application.validate({ level: 'count', exclude: ['phone'] })).toMatchObject({ consistent: true });
    await app.configure('sync: { mode: monolith-to-service }\nvalidate: { tables: { users: { exclude: [phone] } } }\n');
    expect(await app.application.validate({ level: 'count' })).toMatchObject({ consistent: true });
    await expect(app.application.validate({ exclude: ['fone'] })).rejects.toMatchObject({ code: 'BANYAN_VALIDATE_COLUMN' });
  });

  it('draws other rows with every sample', async () => {
    const app = await synced();
    await app.service.query("UPDATE public.users SET name = 'other'");
    await app.configure('validate: { sampleRows: 2 }\n');
    const drawn = new Set<string>();
    for (let run = 0; run < 3; run++) {
      const [users] = (await app.application.validate({ tables: ['users'], level: 'sample', without: ['schema', 'sequences', 'references'] })).tables;
      drawn.add(JSON.stringify(users?.different.map(({ key }) => key)));
    }
    expect(drawn.size).toBeGreaterThan(1);
  });

  it('does not take two databases without a table for equal ones', async () => {
    const [source, target] = [await testDatabase(), await testDatabase()];
    const app = await testApplication({ services: () => '' });
    await expect(app.application.validate({ source: source.url, target: target.url })).rejects.toMatchObject({ code: 'BANYAN_TABLE_UNKNOWN' });
    await expect(app.application.validate({ source: source.url, target: source.url })).rejects.toMatchObject({ code: 'BANYAN_USAGE' });
  });

  it('has nothing to compare without services', async () => {
    const app = await testApplication({ services: () => '' });
    await expect(app.application.validate({})).rejects.toMatchObject({ code: 'BANYAN_TABLE_UNKNOWN' });
  });

  it('compares two databases that nothing else is known of', async () => {
    const app = await synced();
    const urls = { source: app.monolith.url, target: app.service.url };
    expect(await app.application.validate({ ...urls, tables: ['users'] })).toMatchObject({ consistent: true, rows: 20 });
    await app.monolith.query("UPDATE public.users SET balance = 12.30 WHERE id = 1");
    expect(await app.application.validate({ ...urls, tables: ['users', 'sessions'], level: 'checksum' })).toMatchObject({ consistent: false });
    await expect(app.application.validate({ ...urls, tables: ['nowhere'] })).rejects.toMatchObject({ code: 'BANYAN_TABLE_UNKNOWN' });
    // orders are the monolith's alone.
    const all = await app.application.validate(urls);
    expect(all.consistent).toBe(false);
    expect(all.tables.map((table) => table.table)).toContain('public.orders');
  });
});

describePostgres('generate', () => {
  it('writes a project for tables by name, or for a configured service', async () => {
    const app = await testApplication();
    const outDir = join(app.folder, 'out');
    const made = await app.application.generate({ db: app.monolith.url, service: 'sales', tables: ['orders', 'public.order_lines'], outDir });
    expect(made).toMatchObject({ service: 'sales', tables: 2 });
    expect(made.endpoints).toBeGreaterThan(4);
    for (const file of made.files) await expect(readFile(join(outDir, file), 'utf8')).resolves.not.toBe('');
    const configured = await app.application.generate({ service: 'accounts', outDir: join(app.folder, 'accounts') });
    expect(configured.tables).toBe(2);
    expect(await readdir(join(app.folder, 'accounts'))).toContain('package.json');
    expect((await app.application.generate({ service: 'anything', tables: ['users'], outDir: join(app.folder, 'any') })).tables).toBe(1);
    await expect(app.application.generate({ service: 'nobody', outDir })).rejects.toMatchObject({ code: 'BANYAN_SERVICE_UNKNOWN' });
    await expect(app.application.generate({ service: 'sales', tables: ['nothing'], outDir })).rejects.toMatchObject({ code: 'BANYAN_TABLE_UNKNOWN' });
  });
});

describePostgres('analyze', () => {
  it('suggests the same services from a database, from its configuration and from its SQL file', async () => {
    const app = await testApplication();
    const schemaFile = join(app.folder, 'schema.sql');
    await writeFile(schemaFile, `${SHOP}\nFROBNICATE everything;\n`);
    const fromFile = await app.application.analyze({ schemaFile, services: 2 });
    const fromDatabase = await app.application.analyze({ db: app.monolith.url, services: 2 });
    const configured = await app.application.analyze({ services: 2 });
    expect(Object.keys(fromFile.services)).toHaveLength(2);
    expect(fromDatabase.services).toEqual(fromFile.services);
    expect(configured.services).toEqual(fromFile.services);
    expect(fromFile.files).toEqual([]);
    expect(app.notes.join('\n')).toMatch(/schema line \d+ was not understood/);
  });

  it('follows a workload, and writes its report', async () => {
    const app = await testApplication();
    const workloadFile = join(app.folder, 'workload.sql');
    const outDir = join(await temporaryFolder(), 'deep', 'report');
    await writeFile(workloadFile, 'BEGIN; INSERT INTO orders VALUES (1,1,1); INSERT INTO order_lines VALUES (1,1); COMMIT;\nNONSENSE HERE;\n');
    const found = await app.application.analyze({ db: app.monolith.url, workloadFile, outDir });
    expect(found.transactions.total).toBe(1);
    expect(found.files).toEqual(expect.arrayContaining(['boundaries.json', 'report.md', 'boundaries.mmd', 'boundaries.svg']));
    expect(JSON.parse(await readFile(join(outDir, 'boundaries.json'), 'utf8'))).toMatchObject({ services: found.services });
    expect(app.notes.join('\n')).toMatch(/workload line \d+ was not understood/);
    await expect(app.application.analyze({ schemaFile: join(app.folder, 'missing.sql') })).rejects.toMatchObject({ code: 'BANYAN_FILE' });
  });
});

describePostgres('the configuration', () => {
  it('is checked and described', async () => {
    const app = await testApplication();
    expect(await app.application.configCheck()).toMatchObject({ ok: true, services: [{ name: 'accounts', tables: 2 }] });
    expect(await app.application.configSchema()).toMatchObject({ title: 'banyan.yaml' });
    await app.configure('synk: 1\n');
    await expect(app.application.configCheck()).rejects.toMatchObject({ code: 'BANYAN_CONFIG' });
    await expect(app.application.syncStatus()).rejects.toMatchObject({ code: 'BANYAN_CONFIG' });
  });
});
