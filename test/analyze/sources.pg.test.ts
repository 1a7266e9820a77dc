import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { EmbeddedPostgres } from '../../src/embedded/embedded-postgres.ts';
import { connect } from '../../src/postgres/connect.ts';
import type { BoundaryDocument } from '../../src/analyze/document.ts';
import { testApplication } from '../support/application.ts';
import { describePostgres } from '../support/postgres.ts';

const SCHEMA = `
  CREATE TABLE public.users (id int PRIMARY KEY, name text);
  CREATE TABLE public.orders (id int PRIMARY KEY, user_id int);
  CREATE TABLE public.lines (order_id int, line int, PRIMARY KEY (order_id, line));`;

describePostgres('the sources of a workload', () => {
  it('are pg_stat_statements without being asked, and the log instead of it; each is in the report', async () => {
    await using server = await EmbeddedPostgres.start({ durable: false, settings: { shared_preload_libraries: 'pg_stat_statements' } });
    const url = server.url();
    const { context, application, notes, folder } = await testApplication();
    const client = await connect({ url });
    await client.query(SCHEMA);
    const analyze = async (options: Parameters<typeof application.analyze>[0] = {}) => {
      const result = await application.analyze({ db: url, ...options });
      return JSON.parse(JSON.stringify(result)) as BoundaryDocument;
    };

    expect((await analyze()).details.workload).toBeUndefined();
    expect(notes.splice(0)).toEqual([expect.stringMatching(/^pg_stat_statements is not installed in this database.*CREATE EXTENSION pg_stat_statements; or give a log with --log\.$/)]);

    await client.query('CREATE EXTENSION pg_stat_statements SCHEMA public');
    await client.query('CREATE DATABASE elsewhere');
    for (let i = 0; i < 7; i += 1) await client.query('SELECT * FROM public.orders o JOIN public.lines l ON l.order_id = o.id WHERE o.id = $1', [i]);
    for (let i = 0; i < 3; i += 1) await client.query(`INSERT INTO public.orders VALUES (${i})`);
    const other = new URL(url);
    other.pathname = '/elsewhere';
    const elsewhere = await connect({ url: other.href });
    // The same tables are joined there.
    await elsewhere.query('CREATE TABLE public.orders (id int); CREATE TABLE public.users (id int)');
    await elsewhere.query('SELECT * FROM public.orders JOIN public.users USING (id)');
    await elsewhere.end();
    const counted = await analyze();
    expect(counted.details.workload?.sources).toMatchObject([{ name: 'pg_stat_statements', transactions: 0, unread: 0 }]);
    expect(counted.details.workload?.seconds).toBeGreaterThan(0);
    expect(counted.details.unknownTables.filter((table) => !table.includes('pg_stat'))).toEqual([]);
    expect(counted.details.signals.find(({ signal }) => signal === 'joins')?.pairs).toBe(1);
    // That a statement writes one table does not say that its transaction does.
    expect(counted.transactions.writing).toBe(0);
    expect((await analyze({ statements: false })).details.workload).toBeUndefined();

    const log = join(folder, 'x.log');
    const p = '2026-01-01 10:00:00.000 UTC [7] app@postgres LOG:  statement: ';
    await writeFile(log, `${['BEGIN', 'INSERT INTO orders VALUES (1)', 'INSERT INTO lines VALUES (1, 1)', 'COMMIT', 'SELEC 1'].map((text) => `${p}${text}`).join('\n')}\n`);
    const workloadFile = join(folder, 'w.sql');
    await writeFile(workloadFile, '-- calls: 9\nBEGIN; UPDATE users SET name = name; COMMIT;');
    const outDir = join(folder, 'out');
    const logged = await analyze({ logFiles: [log], workloadFile, watchSeconds: 0.1, outDir });
    expect(logged.details.workload).toMatchObject({
      transactions: 10, statements: 8, unread: 1, rolledBack: 0, unfinished: 0,
      sources: [{ name: workloadFile, transactions: 9 }, { name: log, format: 'PostgreSQL stderr log, prefix "%m [%p] %q%u@%d "', transactions: 1, unreadExamples: [{ line: 5, text: 'SELEC 1' }] }, { name: 'WAL', transactions: 0 }],
    });
    expect(logged.transactions.writing).toBe(2);
    expect(logged.transactions.distributed.length + Object.keys(logged.services).length).toBeGreaterThan(0);
    expect(notes.join('\n')).toContain('reading for 0.1 s what commits together');
    await client.end();
    expect(context.signal.aborted).toBe(false);
  });
});
