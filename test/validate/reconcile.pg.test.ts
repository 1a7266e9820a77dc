import { expect, it } from 'vitest';
import { PostgresChecksummer } from '../../src/postgres/checksum/checksummer.ts';
import { createPool } from '../../src/postgres/connect.ts';
import { PostgresRowRepairer } from '../../src/postgres/repair/row-repairer.ts';
import type { RowRepairer } from '../../src/ports/row-repairer.ts';
import { PostgresReconcileStore } from '../../src/state/reconcile-store.ts';
import { DirectWay } from '../../src/validate/reconcile/direct-way.ts';
import { Reconciler, type ReconcileOptions, type ReconcilerSide } from '../../src/validate/reconcile/reconciler.ts';
import { ReviewQueue } from '../../src/validate/reconcile/review-queue.ts';
import type { RepairWay } from '../../src/validate/reconcile/way.ts';
import { until } from '../support/condition.ts';
import { describePostgres, itSince, testDatabase, type TestDatabase } from '../support/postgres.ts';
import { Dice } from './dice.ts';
import { instantClock } from './instant-clock.ts';
import { TYPES_SQL } from './mutation/kinds.ts';
import { fill } from './mutation/rounds.ts';
import { plant } from './mutation/table.ts';

/** More in a long run: `BANYAN_RECONCILE_ROUNDS=500`. */
const ROUNDS = Number(process.env['BANYAN_RECONCILE_ROUNDS'] ?? 10);
const SEED = Number(process.env['BANYAN_RECONCILE_SEED'] ?? 20_261_121);

interface Pair {
  readonly monolith: TestDatabase;
  readonly service: TestDatabase;
  readonly state: TestDatabase;
  readonly store: PostgresReconcileStore;
  /** @param between run before a transaction is begun on that side, once; and told what is applied. */
  reconciler(between?: { readonly monolith?: () => Promise<unknown>; readonly service?: () => Promise<unknown>; readonly onApply?: (what: string) => void }): Reconciler;
}

async function pairOf(schema: string): Promise<Pair> {
  const [monolith, service, state] = await Promise.all([testDatabase({ schema }), testDatabase({ schema }), testDatabase()]);
  const store = new PostgresReconcileStore({ pool: state.pool });
  const side = (database: TestDatabase, before?: () => Promise<unknown>): ReconcilerSide => {
    const repairer = new PostgresRowRepairer({ pool: database.pool });
    let first = true;
    const begin: RowRepairer['begin'] = async (options) => {
      if (first) await before?.();
      first = false;
      return repairer.begin(options);
    };
    return {
      checksummer: new PostgresChecksummer({ pool: database.pool }),
      repairer: { begin, describe: (table) => repairer.describe(table), read: (...of) => repairer.read(...of), compare: (...of) => repairer.compare(...of), isBusy: (error) => repairer.isBusy(error), nextTransaction: () => repairer.nextTransaction() },
    };
  };
  return {
    monolith, service, state, store,
    reconciler: (between = {}) => {
      const sides = { monolith: side(monolith, between.monolith), service: side(service, between.service) };
      const direct = new DirectWay({ monolith: sides.monolith.repairer, service: sides.service.repairer });
      const way: RepairWay = {
        apply: (table, to, repairs) => (between.onApply?.(`${repairs[0]?.kind} ${table.table}`), direct.apply(table, to, repairs)),
        applyTogether: (table, to, repairs) => (between.onApply?.('together'), direct.applyTogether(table, to, repairs)),
      };
      return new Reconciler(sides.monolith, sides.service, { store, scope: 'test', clock: instantClock(), way });
    },
  };
}

/** Every row of every table of users, and of Banyan's where there are any. */
async function dump(...databases: readonly TestDatabase[]): Promise<unknown> {
  const dumps: Record<string, readonly unknown[]>[] = [];
  for (const database of databases) {
    const tables = await database.query(
      "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) AS name FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1",
    );
    const rows: Record<string, readonly unknown[]> = {};
    for (const { name } of tables) rows[String(name)] = (await database.query(`SELECT t::text AS row FROM ${name} AS t ORDER BY t::text COLLATE "C"`)).map(({ row }) => row);
    dumps.push(rows);
  }
  return dumps;
}

const wins = (side: 'monolith' | 'service', more: Partial<ReconcileOptions> = {}): ReconcileOptions => ({ by: 'anna', policy: { policy: `${side}-wins` }, ...more });

/** Keys of every kind, references of every kind, and things that a repair could set off. */
const SHOP = `
CREATE TABLE customer (id int PRIMARY KEY, email text NOT NULL UNIQUE, invited_by int REFERENCES customer, changed_at timestamptz NOT NULL DEFAULT '2026-01-01Z');
CREATE TABLE address (customer_id int REFERENCES customer ON DELETE CASCADE, line text, city text, PRIMARY KEY (customer_id, line));
CREATE TABLE "Order" (code text PRIMARY KEY, customer_id int NOT NULL REFERENCES customer ON DELETE CASCADE, address_line text,
  total numeric(12,2) CHECK (total >= 0), doubled numeric GENERATED ALWAYS AS (total * 2) STORED,
  FOREIGN KEY (customer_id, address_line) REFERENCES address ON DELETE SET NULL (address_line));
CREATE TABLE event (at timestamptz NOT NULL, what text, data jsonb);
CREATE TABLE counter (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name varchar(12), flags bit varying, tags text[]);
CREATE TABLE touched (what text);
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.touched VALUES (TG_OP); NEW.changed_at = now(); RETURN NEW; END $$;
CREATE TRIGGER touch BEFORE INSERT OR UPDATE ON customer FOR EACH ROW EXECUTE FUNCTION touch();
ALTER TABLE customer DISABLE TRIGGER touch;
INSERT INTO customer (id, email, invited_by) SELECT n, 'c' || n || '@example.org', nullif(n / 2, 0) FROM generate_series(1, 60) n;
ALTER TABLE customer ENABLE TRIGGER touch;
INSERT INTO address SELECT n, 'line ' || k, 'City ' || n FROM generate_series(1, 60) n, generate_series(1, 2) k;
INSERT INTO "Order" (code, customer_id, address_line, total) SELECT 'o' || n || '/' || k, n, 'line 1', n * 1.10 FROM generate_series(1, 60) n, generate_series(1, 2) k;
INSERT INTO event SELECT '2026-01-01Z', 'what ' || n % 5, '{"a": 1}' FROM generate_series(1, 40) n;
INSERT INTO counter (name, tags) SELECT 'n' || n, ARRAY['a b', NULL] FROM generate_series(1, 20) n;
`;

const TABLES = ['customer', 'address', '"Order"', 'event', 'counter'];

const HARM = `
SET session_replication_role = replica;
DELETE FROM public.customer WHERE id % 10 = 3;
DELETE FROM public.address WHERE customer_id % 10 IN (3, 4);
DELETE FROM public."Order" WHERE customer_id % 10 IN (3, 5);
UPDATE public.customer SET email = CASE id WHEN 7 THEN 'c8@example.org' WHEN 8 THEN 'c7@example.org' ELSE 'c6@example.org' END WHERE false;
UPDATE public.customer SET email = 'moving' WHERE id = 7; UPDATE public.customer SET email = 'c7@example.org' WHERE id = 8; UPDATE public.customer SET email = 'c8@example.org' WHERE id = 7;
UPDATE public.customer SET email = 'taken' || id, changed_at = '2025-01-01Z' WHERE id % 10 = 1;
INSERT INTO public.customer (id, email, invited_by) VALUES (100, 'c13@example.org', 7), (101, 'hundred@example.org', 100);
INSERT INTO public.address VALUES (100, 'line 1', 'Nowhere');
INSERT INTO public."Order" (code, customer_id, address_line, total) VALUES ('extra', 100, 'line 1', 1), ('other', 2, NULL, 1);
UPDATE public."Order" SET total = total + 0.01 WHERE customer_id = 6;
DELETE FROM public.event WHERE ctid IN (SELECT ctid FROM public.event WHERE what = 'what 2' LIMIT 3);
INSERT INTO public.event VALUES ('2026-01-02Z', 'new', NULL), ('2026-01-02Z', 'new', NULL), ('2026-01-01Z', 'what 1', '{"a": 1}');
DELETE FROM public.counter WHERE id = 4;
INSERT INTO public.counter OVERRIDING SYSTEM VALUE VALUES (50, 'fifty', '101', '{}');
UPDATE public.counter SET tags = ARRAY['', 'NULL', '"'], name = NULL WHERE id = 5;
SET session_replication_role = origin;
`;

describePostgres('reconcile', () => {
  it(`repairs what was planted in ${ROUNDS} random tables, tells it before, does nothing twice, and undoes it to the letter`, { timeout: 60_000 + ROUNDS * 2000 }, async () => {
    const pair = await pairOf(TYPES_SQL);
    const planted = Array.from({ length: ROUNDS }, (_, i) => plant(new Dice(SEED + i), i, false));
    await Promise.all([fill(pair.monolith.pool, planted, 'source'), fill(pair.service.pool, planted, 'target')]);
    const tables = planted.map(({ spec }) => spec);
    const allowDeletes = tables.map(({ table }) => table);
    const before = await dump(pair.monolith, pair.service, pair.state);
    let repaired = 0;
    for (const side of ['monolith', 'service'] as const) {
      const options = wins(side, { tables, allowDeletes });
      const dry = await pair.reconciler().reconcile({ ...options, dryRun: true });
      if (side === 'monolith') expect(await dump(pair.monolith, pair.service, pair.state)).toEqual(before);
      const done = await pair.reconciler().reconcile(options);
      const { cases } = await pair.store.cases({ limit: 1000 });
      for (const [i, table] of done.tables.entries()) {
        const { missing, extra, different, inserted, updated, deleted, queued, left, unsettled } = table;
        const of = `${side}, seed ${SEED + i}: ${planted[i]!.create.source}; ${planted[i]!.create.target}; ${cases.map((each) => `${each.table}: ${each.why}`).join('; ')}`;
        expect.soft([left, unsettled], of).toEqual([0, 0]);
        expect.soft({ missing, extra, different }, of).toEqual({ missing: dry.tables[i]!.missing, extra: dry.tables[i]!.extra, different: dry.tables[i]!.different });
        // Equal rows are one repair, however many there are.
        if (planted[i]!.keyLength > 0) expect.soft(inserted + updated + deleted + queued, of).toBe(missing + extra + different);
        repaired += inserted + updated + deleted;
      }
      // A value that the other side's type can not hold, and a filter that knows no column of the row, are a person's.
      for (const { why } of cases) expect.soft(why).toMatch(/does not list|filter|nothing that is written|share its key|invalid|out of range|violates|too long|keeps the row/);
      const again = await pair.reconciler().reconcile(options);
      expect.soft(again.tables.map(({ queued, missing, extra, different }, i) => (planted[i]!.keyLength > 0 ? missing + extra + different - queued : 0))).toEqual(tables.map(() => 0));
      expect((await pair.store.run(again.run!))?.counts['applied']).toBeUndefined();
      const undo = await pair.reconciler().undo(done.run!, { by: 'anna', tables });
      expect(undo).toMatchObject({ left: 0, refused: 0 });
      expect(await dump(pair.monolith, pair.service)).toEqual((before as unknown[]).slice(0, 2));
      expect((await pair.reconciler().undo(done.run!, { by: 'anna', tables })).undone).toBe(0);
    }
    expect(repaired).toBeGreaterThan(ROUNDS);
  });

  it('keeps foreign keys and unique values, fires no trigger and no cascade, and repairs keyless tables by number', async () => {
    const pair = await pairOf(SHOP);
    const whole = await dump(pair.monolith);
    await pair.service.query(HARM);
    const before = await dump(pair.monolith, pair.service, pair.state);
    const options = wins('monolith', { tables: TABLES, allowDeletes: TABLES });
    const dry = await pair.reconciler().reconcile({ ...options, dryRun: true });
    expect(dry).toMatchObject({ consistent: false, dryRun: true });
    expect(await dump(pair.monolith, pair.service, pair.state)).toEqual(before);
    const order: string[] = [];
    const done = await pair.reconciler({ onApply: (what) => order.push(what) }).reconcile(options);
    expect(done.tables.filter(({ left, queued }) => left + queued > 0)).toEqual([]);
    // All at the first go, but for the clashes of unique values.
    const [customer, address, orders] = ['public.customer', 'public.address', 'public."Order"'];
    expect(order.slice(0, 5).filter((what) => !/event|counter/.test(what))).toEqual([`insert ${customer}`, `insert ${address}`, `insert ${orders}`]);
    expect(order.filter((what) => what.startsWith('delete') && !/event|counter/.test(what)).slice(0, 3)).toEqual([`delete ${orders}`, `delete ${address}`, `delete ${customer}`]);
    expect(order.indexOf(`insert ${orders}`)).toBeLessThan(order.indexOf(`delete ${orders}`));
    expect(order).toContain('together');
    expect(await dump(pair.service)).toEqual(whole);
    expect(await dump(pair.monolith)).toEqual(whole);
    expect((await pair.reconciler().reconcile(options)).tables.every(({ inserted, updated, deleted }) => inserted + updated + deleted === 0)).toBe(true);
    expect(await pair.reconciler().undo(done.run!, { by: 'anna', tables: TABLES, dryRun: true })).toMatchObject({ dryRun: true, left: 0 });
    // The harm broke references, which the undo does not: those rows are refused, all others are back.
    const undo = await pair.reconciler().undo(done.run!, { by: 'anna', tables: TABLES });
    expect(undo.left).toBe(0);
    expect(undo.refused).toBeGreaterThan(0);
    const broken = await pair.service.query(`
      SELECT count(*) AS n FROM public."Order" o LEFT JOIN public.customer c ON c.id = o.customer_id LEFT JOIN public.address a ON a.customer_id = o.customer_id AND a.line = o.address_line
       WHERE c.id IS NULL OR (o.address_line IS NOT NULL AND a.line IS NULL)`);
    expect(broken).toEqual([{ n: '0' }]);
    expect(await pair.service.query('SELECT count(*) AS n FROM public.touched')).toEqual([{ n: '0' }]);
  });

  it('keeps every overwritten row whole in its record', async () => {
    const pair = await pairOf(SHOP);
    await pair.service.query("UPDATE public.customer SET email = 'x' WHERE id = 1; DELETE FROM public.counter WHERE id = 2; INSERT INTO public.event VALUES ('2027-01-01Z', 'one', '{}')");
    const { run } = await pair.reconciler().reconcile(wins('monolith', { tables: TABLES, allowDeletes: TABLES }));
    const repairs = await pair.store.repairs(run!, { after: '0', limit: 10 });
    const [changed_at] = (await pair.service.query('SELECT changed_at FROM public.customer WHERE id = 1')).map((row) => row['changed_at']);
    expect(repairs.map(({ table, kind, side, state }) => [table, kind, side, state])).toEqual([
      ['public.customer', 'update', 'service', 'applied'], ['public.event', 'delete', 'service', 'applied'], ['public.counter', 'insert', 'service', 'applied'],
    ]);
    expect(repairs[0]).toMatchObject({ before: [{ id: '1', email: 'x', invited_by: null }], after: [{ id: '1', email: 'c1@example.org', invited_by: null, changed_at }] });
    expect(repairs[1]).toMatchObject({ before: [{ at: '2027-01-01 00:00:00+00', what: 'one', data: '{}' }], after: [] });
    expect(await pair.store.run(run!)).toMatchObject({ by: 'anna', kind: 'reconcile', state: 'done', counts: { applied: 3 } });
  });

  it('leaves a row that has changed on either side since it was decided, and an undo leaves what was written since', async () => {
    const pair = await pairOf(SHOP);
    await pair.service.query("UPDATE public.customer SET invited_by = NULL WHERE id IN (10, 11, 12); DELETE FROM public.counter WHERE id IN (1, 2); INSERT INTO public.counter OVERRIDING SYSTEM VALUE VALUES (60, 'x'), (61, 'y')");
    const reconciler = pair.reconciler({
      service: () => pair.service.query(
        "UPDATE public.customer SET email = 'since' WHERE id = 10; INSERT INTO public.counter OVERRIDING SYSTEM VALUE VALUES (1, 'came'); UPDATE public.counter SET name = 'written' WHERE id = 60",
      ),
      monolith: () => pair.monolith.query("UPDATE public.customer SET email = 'there' WHERE id = 11"),
    });
    const done = await reconciler.reconcile(wins('monolith', { tables: TABLES, allowDeletes: TABLES }));
    expect(done.consistent).toBe(false);
    const of = (table: string) => done.tables.find((each) => each.table === table);
    expect(of('public.customer')).toMatchObject({ updated: 1, left: 2 });
    expect(of('public.counter')).toMatchObject({ inserted: 1, deleted: 1, left: 2 });
    expect(await pair.service.query('SELECT id, name FROM public.counter WHERE id IN (1, 60) ORDER BY id')).toEqual([{ id: '1', name: 'came' }, { id: '60', name: 'written' }]);
    expect(await pair.service.query('SELECT email, invited_by FROM public.customer WHERE id IN (10, 11) ORDER BY id')).toEqual([{ email: 'since', invited_by: null }, { email: 'c11@example.org', invited_by: null }]);
    // The next round has them.
    const next = await pair.reconciler().reconcile(wins('monolith', { tables: TABLES, allowDeletes: TABLES }));
    expect(next.consistent).toBe(true);
    await pair.service.query("UPDATE public.customer SET email = 'later' WHERE id = 12; DELETE FROM public.counter WHERE id = 2; INSERT INTO public.counter OVERRIDING SYSTEM VALUE VALUES (61, 'anew')");
    const undo = await pair.reconciler().undo(done.run!, { by: 'bert', tables: TABLES });
    expect(undo).toMatchObject({ undone: 0, left: 3 });
    expect(await pair.service.query('SELECT email FROM public.customer WHERE id = 12')).toEqual([{ email: 'later' }]);
    expect(await pair.service.query('SELECT name FROM public.counter WHERE id = 61')).toEqual([{ name: 'anew' }]);
  });

  it('queues what no policy may decide, once, and carries out what a person says', async () => {
    const pair = await pairOf(SHOP);
    await pair.service.query(`
      SET session_replication_role = replica; DELETE FROM public."Order" WHERE code = 'o1/1';
      INSERT INTO public."Order" (code, customer_id, total) VALUES ('extra', 1, 5);
      UPDATE public."Order" SET total = 7 WHERE code = 'o2/1'; UPDATE public."Order" SET total = 8 WHERE code = 'o3/1'; SET session_replication_role = origin`);
    const reconciler = pair.reconciler();
    const queue = new ReviewQueue({ store: pair.store, reconciler, scope: 'test' });
    const review = { by: 'anna', tables: ['"Order"'] } as const;
    // A delete that is not allowed is a person's to decide.
    expect((await reconciler.reconcile({ ...wins('monolith', { tables: [{ table: '"Order"', policy: { policy: 'review' } }] }) })).tables[0]).toMatchObject({ queued: 4 });
    const listed = await queue.list();
    expect(listed.cases.map(({ key, type, severity }) => [key['code'], type, severity])).toEqual([
      ['o1/1', 'missing', 'critical'], ['extra', 'extra', 'medium'], ['o2/1', 'different', 'high'], ['o3/1', 'different', 'high'],
    ].toSorted((a, b) => listed.cases.findIndex(({ key }) => key['code'] === a[0]) - listed.cases.findIndex(({ key }) => key['code'] === b[0])));
    expect(listed.counts.map(({ type, age, cases }) => [type, age, cases])).toEqual([['different', 'hour', 2], ['extra', 'hour', 1], ['missing', 'hour', 1]]);
    await reconciler.reconcile(review);
    expect((await queue.list()).cases.map(({ id }) => id)).toEqual(listed.cases.map(({ id }) => id));
    const idOf = (code: string): string => listed.cases.find(({ key }) => key['code'] === code)!.id;
    expect(await queue.show(idOf('o2/1'))).toMatchObject({ columns: expect.arrayContaining(['total']), monolith: [{ total: '2.20' }], service: [{ total: '7.00' }], why: 'its policy is review' });

    await expect(queue.approve(idOf('o2/1'), { decision: { row: { totals: '1' } }, by: 'anna' })).rejects.toMatchObject({ code: 'BANYAN_REVIEW_ROW' });
    await expect(queue.approve(idOf('o2/1'), { decision: { row: { code: 'other' } }, by: 'anna' })).rejects.toMatchObject({ code: 'BANYAN_REVIEW_ROW' });
    expect(await queue.approve(idOf('o2/1'), { decision: { row: { total: '9.5' } }, by: 'anna', reason: 'both were wrong' })).toMatchObject({ applied: true });
    expect([await pair.monolith.query(`SELECT total FROM public."Order" WHERE code = 'o2/1'`), await pair.service.query(`SELECT total FROM public."Order" WHERE code = 'o2/1'`)]).toEqual([[{ total: '9.50' }], [{ total: '9.50' }]]);
    expect(await queue.show(idOf('o2/1'))).toMatchObject({ state: 'approved', decidedBy: 'anna', reason: 'both were wrong' });
    await expect(queue.approve(idOf('o2/1'), { decision: { side: 'service' }, by: 'anna' })).rejects.toMatchObject({ code: 'BANYAN_REVIEW_CLOSED' });
    // Whoever approves the side that has no row deletes the other's.
    expect(await queue.approve(idOf('extra'), { decision: { side: 'monolith' }, by: 'anna' })).toMatchObject({ applied: true });
    expect(await pair.service.query(`SELECT count(*) AS n FROM public."Order" WHERE code = 'extra'`)).toEqual([{ n: '0' }]);

    await queue.reject(idOf('o3/1'), { by: 'bert', reason: 'it is meant to be so' });
    await pair.service.query(`UPDATE public."Order" SET total = 1 WHERE code = 'o1/1'`);
    await pair.service.query(`INSERT INTO public."Order" (code, customer_id, address_line, total) SELECT 'o1/1', 1, 'line 1', 3`);
    // It has changed since it was queued.
    expect(await queue.approve(idOf('o1/1'), { decision: { side: 'monolith' }, by: 'anna' })).toMatchObject({ applied: false });
    expect((await queue.show(idOf('o1/1'))).state).toBe('open');
    expect((await reconciler.reconcile(review)).tables[0]).toMatchObject({ queued: 1, rejected: 1 });
    expect((await queue.list()).cases.map(({ id, type }) => [id, type])).toEqual([[idOf('o1/1'), 'different']]);
    await pair.service.query(`UPDATE public."Order" SET total = 1.10 WHERE code = 'o1/1'; UPDATE public."Order" SET total = 88 WHERE code = 'o3/1'`);
    await reconciler.reconcile(review);
    expect((await queue.show(idOf('o1/1'))).state).toBe('vanished');
    // What was rejected was another row.
    expect((await queue.show(idOf('o3/1'))).state).toBe('superseded');
    expect((await queue.list()).cases).toHaveLength(1);
    await expect(queue.show('99999')).rejects.toMatchObject({ code: 'BANYAN_REVIEW_UNKNOWN' });
  });

  it('tells a run whose process was killed, closes what it left open when it is run again, and undoes it all the same', async () => {
    const pair = await pairOf(SHOP);
    await pair.service.query("UPDATE public.customer SET email = 'x' || id WHERE id <= 5; DELETE FROM public.counter WHERE id = 2");
    const dying = createPool({ url: pair.state.url, max: 3, applicationName: 'dying' });
    dying.on('error', () => {});
    const sides = { monolith: new PostgresRowRepairer({ pool: pair.monolith.pool }), service: new PostgresRowRepairer({ pool: pair.service.pool }) };
    const direct = new DirectWay(sides);
    // It writes the first rows, and does not live to note it.
    let written = false;
    const way: RepairWay = { apply: async (...of) => (await direct.apply(...of), (written = true), new Promise(() => {})) };
    const side = (name: 'monolith' | 'service'): ReconcilerSide => ({ checksummer: new PostgresChecksummer({ pool: pair[name].pool }), repairer: sides[name] });
    const killed = new Reconciler(side('monolith'), side('service'), { store: new PostgresReconcileStore({ pool: dying }), scope: 'test', clock: instantClock(), way });
    void killed.reconcile(wins('monolith', { tables: TABLES }));
    await until(() => written);
    const [running] = await pair.store.runs(1);
    expect(running).toMatchObject({ state: 'running', counts: { planned: 6 } });
    // A run that lives is nobody's to close.
    const living = await pair.store.begin({ scope: 'test', kind: 'reconcile', by: 'bert' });
    await pair.state.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'dying'");
    await until(async () => (await pair.store.run(running!.id))?.state === 'interrupted');
    expect(await pair.store.runs(5)).toMatchObject([{ id: living, state: 'running' }, { id: running!.id, state: 'interrupted', counts: { planned: 6 } }]);

    const again = await pair.reconciler().reconcile(wins('monolith', { tables: TABLES }));
    expect(again).toMatchObject({ consistent: true });
    expect((await pair.store.run(again.run!))?.state).toBe('done');
    expect(await pair.store.run(running!.id)).toMatchObject({ state: 'interrupted', endedAt: expect.any(String), counts: { interrupted: 6 } });
    expect(await pair.store.run(living)).toMatchObject({ state: 'running' });
    await pair.store.end(living, 'done');
    expect(await pair.reconciler().undo(running!.id, { by: 'anna', tables: TABLES })).toMatchObject({ undone: 6, left: 0, refused: 0 });
    expect(await pair.service.query("SELECT count(*) AS n FROM public.customer WHERE email LIKE 'x%'")).toEqual([{ n: '5' }]);
  });

  itSince(15)('says which right a role lacks, writes nothing with it, and leaves no run open', async () => {
    const pair = await pairOf(SHOP);
    const role = `weak_${pair.service.name}`;
    await pair.service.query(`UPDATE public.customer SET email = 'x' WHERE id = 1; CREATE ROLE ${role} LOGIN PASSWORD 'weak'; GRANT USAGE ON SCHEMA public TO ${role}; GRANT ALL ON ALL TABLES IN SCHEMA public TO ${role}`);
    const pool = createPool({ url: Object.assign(new URL(pair.service.url), { username: role, password: 'weak' }).href, max: 4 });
    try {
      const before = await dump(pair.monolith, pair.service);
      const weak = (): Reconciler => new Reconciler(
        { checksummer: new PostgresChecksummer({ pool: pair.monolith.pool }), repairer: new PostgresRowRepairer({ pool: pair.monolith.pool }) },
        { checksummer: new PostgresChecksummer({ pool }), repairer: new PostgresRowRepairer({ pool }) },
        { store: pair.store, scope: 'test', clock: instantClock() },
      );
      const refused = async (message: RegExp): Promise<void> => {
        await expect(weak().reconcile(wins('monolith', { tables: ['customer'] }))).rejects.toMatchObject({ code: 'BANYAN_RECONCILE_RIGHTS', message: expect.stringMatching(message) });
        expect((await pair.store.runs(1))[0]).toMatchObject({ state: 'failed', counts: { planned: 1 } });
        expect(await dump(pair.monolith, pair.service)).toEqual(before);
      };
      await refused(/session_replication_role/);
      await pair.service.query(`GRANT SET ON PARAMETER session_replication_role TO ${role}; REVOKE UPDATE ON public.customer FROM ${role}`);
      await refused(/customer/);
      await pair.service.query(`GRANT UPDATE ON public.customer TO ${role}`);
      expect(await weak().reconcile(wins('monolith', { tables: ['customer'] }))).toMatchObject({ consistent: true });
    } finally {
      await pool.end();
      await pair.service.query(`DROP OWNED BY ${role}; REVOKE SET ON PARAMETER session_replication_role FROM ${role}; DROP ROLE ${role}`);
    }
  });
});
