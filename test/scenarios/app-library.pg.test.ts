import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import {
  ApiGenerator, BanyanError, ConflictResolver, ConsistencyValidator, directory, ERROR_CODES, HealthChecker, isBanyanError, Migration,
  postgres, PostgresMarkStore, PostgresMigrationStore, ServiceBoundaryAnalyzer, STAGES, SyncEngine, TrafficRouter, type ConflictingChange, type Database,
} from '../../src/index.ts';
import type { NamedRow } from '../../src/model/conflict.ts';
import { SHOP, temporaryFolder } from '../support/application.ts';
import { until } from '../support/condition.ts';
import { describePostgres, testDatabase, type TestDatabase } from '../support/postgres.ts';

/** What a test opened, the last first. */
const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function open(database: TestDatabase): Promise<Database> {
  const opened = postgres(database.url, { connections: 4 });
  closing.push(() => opened.close());
  return opened;
}

async function pair() {
  const sides = { monolith: await testDatabase({ schema: SHOP }), service: await testDatabase() };
  return { sides, monolith: await open(sides.monolith), service: await open(sides.service) };
}

function started(engine: SyncEngine): SyncEngine {
  // A test that has seen it fail has said so already.
  closing.push(() => engine.stop().catch(() => {}));
  return engine;
}

describePostgres('the library', () => {
  it('exports the classes by the words of the commands', () => {
    for (const each of [ApiGenerator, ConflictResolver, ConsistencyValidator, HealthChecker, Migration, PostgresMigrationStore, ServiceBoundaryAnalyzer, SyncEngine, TrafficRouter]) {
      expect(each).toBeTypeOf('function');
    }
    expect(STAGES).toContain('live');
    expect(isBanyanError(new BanyanError('BANYAN_USAGE', { message: 'x' }), 'BANYAN_USAGE')).toBe(true);
    expect(ERROR_CODES.BANYAN_USAGE.remedy).not.toBe('');
  });

  it('takes URLs in place of databases, and starts an engine once', async () => {
    const { sides } = await pair();
    const engine = started(new SyncEngine({ monolith: sides.monolith.url, service: sides.service.url, tables: ['users'] }));
    await engine.start();
    await engine.caughtUp();
    await expect(engine.start()).rejects.toMatchObject({ code: 'BANYAN_USAGE' });
    const report = await new ConsistencyValidator(sides.monolith.url, sides.service.url).validate({ tables: ['public.users'] });
    expect(report).toMatchObject({ consistent: true, rows: 20 });
  });

  it('compares only what an engine has noted', async () => {
    const { sides, monolith, service } = await pair();
    const state = await open(await testDatabase());
    const store = new PostgresMarkStore({ pool: state.pool });
    const engine = started(new SyncEngine({ monolith, service, tables: ['users'], name: 'accounts', heartbeatMs: 100, marks: store }));
    await engine.start();
    const validator = new ConsistencyValidator(monolith, service, { fence: engine.fence, marks: { store, service: 'accounts', of: 'shop' } });
    const validate = async () => (await validator.validate({ tables: ['public.users'], incremental: true, level: 'checksum', checks: [] })).tables[0]!;
    expect(await validate()).toMatchObject({ consistent: true, source: 20, incremental: { whole: expect.stringContaining('never') as string } });
    await sides.monolith.query("INSERT INTO public.users (id, email) SELECT n, n || '@example.com' FROM generate_series(100000, 100999) n; UPDATE public.users SET name = 'new' WHERE id = 3");
    expect(await validate()).toMatchObject({ consistent: true, incremental: { leaves: 6, keys: 0, rows: { source: 1020, target: 1020 } } });
    await sides.service.query("UPDATE public.users SET name = 'newer' WHERE id = 3");
    expect(await validate()).toMatchObject({ consistent: true, source: 20, incremental: { leaves: 1, keys: 0, rows: { source: 20, target: 20 } } });
  });

  it('keeps two databases in sync, and lets the user decide conflicts with a merged row', async () => {
    const { sides, monolith, service } = await pair();
    const options = { monolith, service, tables: ['users', 'public.sessions'], conflicts: 'last-write-wins' } as const;
    const engine = started(new SyncEngine(options));
    await engine.start();
    await engine.caughtUp();
    expect(await sides.service.query('SELECT count(*) FROM public.users')).toEqual([{ count: '20' }]);
    expect([...engine.status().keys()]).toEqual(['monolith-to-service', 'service-to-monolith']);
    await engine.stop();
    await engine.stopped();

    await sides.monolith.query("UPDATE public.users SET name = 'Monolith' WHERE id = 1");
    await sides.service.query("UPDATE public.users SET name = 'Service' WHERE id = 1");
    const again = started(new SyncEngine(options));
    const asked: ConflictingChange[][] = [];
    again.conflictResolver.register('public.users', async (monolithChange, serviceChange) => {
      asked.push([monolithChange, serviceChange]);
      const merged = { ...monolithChange.row, name: `${monolithChange.row?.['name']} & ${serviceChange.row?.['name']}` };
      return { winner: merged, reason: 'both are right' };
    });
    await again.start();
    // Twice: what the monolith settles has to come back.
    await again.caughtUp();
    await again.caughtUp({ signal: new AbortController().signal });
    for (const side of [sides.monolith, sides.service]) {
      expect(await side.query('SELECT name FROM public.users WHERE id = 1')).toEqual([{ name: 'Monolith & Service' }]);
    }
    expect(asked).toHaveLength(1);
    expect(asked[0]!.map(({ table, key, row }) => [table, key, row?.['name']])).toEqual([['public.users', { id: '1' }, 'Monolith'], ['public.users', { id: '1' }, 'Service']]);
    expect(again.status().get('service-to-monolith')).toMatchObject({ conflicts: 1 });
  });

  it('takes what banyan.yaml takes: other names and values, functions, capture by triggers, and refuses what does not fit', async () => {
    const { sides, monolith, service } = await pair();
    const tables = [
      {
        table: 'users', as: 'people', columns: ['id', { monolith: 'email', service: 'mail' }],
        toService: ({ name }: NamedRow) => ({ called: name?.toUpperCase() ?? null }),
        toMonolith: ({ called }: NamedRow) => ({ name: called?.toLowerCase() ?? null }),
      },
      'orders',
    ];
    await sides.service.query('CREATE TABLE public.people (id bigint PRIMARY KEY, mail text NOT NULL UNIQUE, called text)');
    const refused = new SyncEngine({ monolith, service, tables, settings: { memory: { queueMb: 0 } } });
    await expect(refused.start()).rejects.toMatchObject({ code: 'BANYAN_CONFIG', message: expect.stringMatching(/^SyncEngine:.*sync\.memory\.queueMb.*0.*expected/s) as string });
    const astray = new SyncEngine({ monolith, service, tables: [{ table: 'users', columns: ['nothing'] }] });
    await expect(astray.start()).rejects.toMatchObject({ code: 'BANYAN_MAPPING', message: expect.stringContaining('SyncEngine: tables[0]') as string });

    const engine = started(new SyncEngine({ monolith, service, tables, settings: { capture: 'trigger', apply: { workers: 1 }, throttle: { commitMs: 5000 } } }));
    await engine.start();
    await sides.monolith.query("UPDATE public.users SET name = 'Ada' WHERE id = 1");
    await sides.service.query("UPDATE public.people SET called = 'BOB', mail = 'bob@example.org' WHERE id = 2");
    await engine.caughtUp();
    expect(await sides.service.query('SELECT mail, called FROM public.people WHERE id < 3 ORDER BY id')).toEqual([{ mail: 'u1@example.org', called: 'ADA' }, { mail: 'bob@example.org', called: 'BOB' }]);
    expect(await sides.monolith.query('SELECT email, name FROM public.users WHERE id = 2')).toEqual([{ email: 'bob@example.org', name: 'bob' }]);
    expect(await sides.monolith.query('SELECT slot_name FROM pg_replication_slots WHERE database = current_database()')).toEqual([]);
    await engine.stop();
  });

  it('pauses and goes on, and loses nothing', async () => {
    const { sides, monolith, service } = await pair();
    const engine = started(new SyncEngine({ monolith, service, tables: ['orders'] }));
    await expect(engine.pause()).rejects.toMatchObject({ code: 'BANYAN_USAGE' });
    await engine.start();
    await engine.caughtUp();
    const waiting = engine.caughtUp().catch((error: unknown) => error);
    await Promise.all([engine.pause(), engine.pause()]);
    // It may have been faster than the pause.
    expect(await waiting).toSatisfy((answer) => answer === undefined || isBanyanError(answer, 'BANYAN_SYNC_PAUSED'));
    await sides.monolith.query('INSERT INTO public.orders VALUES (2, 1, 1.00)');
    await sides.service.query('INSERT INTO public.orders VALUES (3, 1, 2.00)');
    await expect(engine.caughtUp()).rejects.toMatchObject({ code: 'BANYAN_SYNC_PAUSED' });
    expect(await sides.service.query('SELECT id FROM public.orders ORDER BY id')).toEqual([{ id: '1' }, { id: '3' }]);
    engine.resume();
    engine.resume();
    await engine.caughtUp();
    for (const side of [sides.monolith, sides.service]) {
      expect(await side.query('SELECT id FROM public.orders ORDER BY id')).toEqual([{ id: '1' }, { id: '2' }, { id: '3' }]);
    }
    await engine.pause();
    await engine.stop();
    await engine.stopped();
  });

  it('keeps in sync whatever both databases have when no tables are named', async () => {
    const { sides, monolith, service } = await pair();
    await sides.service.query('CREATE TABLE public.orders (id bigint PRIMARY KEY, user_id bigint NOT NULL, total numeric(12,2)); CREATE TABLE public.own (id int PRIMARY KEY)');
    const engine = started(new SyncEngine({ monolith, service, conflicts: 'prefer-service', provision: false }));
    await engine.start();
    await engine.caughtUp();
    expect(await sides.service.query('SELECT total FROM public.orders')).toEqual([{ total: '9.99' }]);
    expect(await sides.service.query("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")).toEqual([{ count: '2' }]);
    await engine.stop();

    const empty = await testDatabase();
    const everything = started(new SyncEngine({ monolith, service: await open(empty), name: 'everything', mode: 'monolith-to-service' }));
    await everything.start();
    await everything.caughtUp();
    expect(await empty.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")).toEqual(
      ['order_lines', 'orders', 'sessions', 'users'].map((tablename) => ({ tablename })),
    );
  });

  it('says that an engine was not started, and why one can not go on', async () => {
    const { sides, monolith, service } = await pair();
    const engine = started(new SyncEngine({ monolith, service, tables: ['orders'], mode: 'monolith-to-service' }));
    expect(() => engine.status()).toThrow(expect.objectContaining({ code: 'BANYAN_USAGE' }));
    await expect(engine.caughtUp()).rejects.toMatchObject({ code: 'BANYAN_USAGE' });
    await sides.service.query('CREATE TABLE public.orders (id bigint PRIMARY KEY, user_id bigint NOT NULL, total numeric(12,2)); INSERT INTO public.orders VALUES (5, 5, 5)');
    await expect(engine.start()).rejects.toMatchObject({ code: 'BANYAN_TARGET_NOT_EMPTY' });
  });

  it('finds services, and generates the API of one', async () => {
    const { monolith } = await pair();
    const boundaries = await new ServiceBoundaryAnalyzer(monolith).analyze();
    expect(boundaries[0]!.tables.length).toBeGreaterThan(0);
    const api = await new ApiGenerator(monolith).generate(boundaries[0]);
    const outDir = join(await temporaryFolder(), 'api');
    const written = await api.writeTo(directory(outDir));
    expect(written).toMatchObject({ service: boundaries[0]!.name, tables: boundaries[0]!.tables.length });
    await expect(readFile(join(outDir, 'package.json'), 'utf8')).resolves.toContain('"name"');
    const own = await new ApiGenerator(monolith).generate({ name: 'sales', tables: ['orders'] });
    await mkdir(join(outDir, 'own'));
    expect(await own.writeTo(directory(join(outDir, 'own')))).toMatchObject({ service: 'sales', tables: 1 });
    await expect(new ApiGenerator(monolith).generate({ name: 'sales', tables: ['nothing'] })).rejects.toMatchObject({ code: 'BANYAN_TABLE_UNKNOWN' });
    await expect(new ApiGenerator(monolith).generate(undefined)).rejects.toMatchObject({ code: 'BANYAN_USAGE' });
  });

  it('lets a workload decide the cut', async () => {
    const { monolith } = await pair();
    const workload = 'BEGIN; UPDATE orders SET total = 1 WHERE id = 1; INSERT INTO order_lines VALUES (1, 1); COMMIT;';
    const boundaries = await new ServiceBoundaryAnalyzer(monolith, { workload }).analyze({ services: 2 });
    expect(boundaries).toHaveLength(2);
    expect(boundaries.document.transactions.total).toBe(1);
  });

  it('compares two databases once, and again and again', async () => {
    const { sides, monolith } = await pair();
    const copy = await testDatabase({ schema: SHOP });
    const service = await open(copy);
    const validator = new ConsistencyValidator(monolith, service);
    const report = await validator.validate({ tables: ['public.users'], level: 'full' });
    expect(report).toMatchObject({ consistent: true, rows: 20 });

    const alerts: number[] = [];
    const watch = validator.watch({ tables: ['public.orders'], everySeconds: 0.02, alertBelow: 0.99, onAlert: ({ score }) => void alerts.push(score) });
    closing.push(() => watch.stop());
    await until(() => watch.latest);
    expect(watch.latest).toMatchObject({ consistent: true });
    expect(alerts).toEqual([]);
    await sides.monolith.query('UPDATE public.orders SET total = 0');
    await until(() => alerts.length > 0);
    expect(alerts[0]).toBe(0);
    await watch.stop();
  });

  it('moves traffic, asks for health and goes back', async () => {
    const side = async (name: string): Promise<string> => {
      const server = createServer((_request, response) => response.end(name));
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      closing.push(() => new Promise<void>((resolve) => (server.closeAllConnections(), server.close(() => resolve()))));
      return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    };
    const [monolith, service] = [await side('monolith'), await side('service')];
    const router = new TrafficRouter();
    closing.push(() => router.close({ drainMs: 100 }));
    await router.addRoute({ service: 'accounts', strategy: 'percentage', percent: 0, sticky: true }, { monolith, service });
    const { port } = await router.listen('127.0.0.1:0');
    const answer = async (): Promise<string> => (await fetch(`http://127.0.0.1:${port}/`)).text();
    expect(await answer()).toBe('monolith');
    expect(await router.shift('accounts', 100, { gradual: true, stepPercent: 50, everySeconds: 0.01 })).toMatchObject({ percent: 100, state: 'done' });
    expect(await answer()).toBe('service');
    expect(await router.health.isHealthy('accounts')).toBe(true);
    await router.rollback('accounts');
    expect(await answer()).toBe('monolith');
  });
});
