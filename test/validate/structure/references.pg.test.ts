import { expect, it } from 'vitest';
import { parseColumnsOfTable } from '../../../src/model/declared-reference.ts';
import { parseTableName } from '../../../src/model/names.ts';
import type { TableMapping } from '../../../src/model/table-mapping.ts';
import { PostgresChecksummer } from '../../../src/postgres/checksum/checksummer.ts';
import { PostgresReferenceFinder } from '../../../src/postgres/structure/find-references.ts';
import { PostgresReferenceReader } from '../../../src/postgres/structure/reference-reader.ts';
import type { TableToValidate } from '../../../src/validate/pair.ts';
import type { ValidationReport } from '../../../src/validate/report.ts';
import { ConsistencyValidator, type ValidateOptions } from '../../../src/validate/validator.ts';
import { describePostgres, testDatabase, type TestDatabase } from '../../support/postgres.ts';
import { instantClock } from '../instant-clock.ts';

const MONOLITH = `
CREATE TYPE public.mood AS ENUM ('low', 'high');
CREATE TABLE public.users (tenant int, id bigint, PRIMARY KEY (tenant, id));
CREATE TABLE public.moods (mood public.mood PRIMARY KEY);
CREATE TABLE public.countries (code char(4) PRIMARY KEY);
CREATE TABLE public.prices (amount numeric PRIMARY KEY, note text);
CREATE TABLE public.orders (
  id int PRIMARY KEY, tenant int, user_id bigint, country char(4) REFERENCES public.countries, price numeric REFERENCES public.prices, mood public.mood REFERENCES public.moods,
  sku text, parent int REFERENCES public.orders, FOREIGN KEY (tenant, user_id) REFERENCES public.users
);
CREATE TABLE public.lines (id int PRIMARY KEY, order_id int NOT NULL CONSTRAINT lines_order REFERENCES public.orders);
CREATE TABLE public.skus (id int PRIMARY KEY, code text);
CREATE TABLE public.notes (id int PRIMARY KEY, order_id int);
`;
const ROWS = `
INSERT INTO public.users VALUES (1, 1), (1, 2), (2, 1);
INSERT INTO public.moods VALUES ('low');
INSERT INTO public.countries VALUES ('DE'), ('FR');
INSERT INTO public.prices VALUES (1.10), (2);
INSERT INTO public.skus VALUES (7, '7'), (2, 'x');
`;
/** The service calls its tables otherwise, and has no key that leaves it. */
const SERVICE = `
CREATE SCHEMA shop;
CREATE TYPE public.mood AS ENUM ('low', 'high');
CREATE TABLE shop.purchases (
  id int PRIMARY KEY, tenant int, customer bigint, country char(4), price numeric, mood public.mood, sku text, parent int REFERENCES shop.purchases
);
CREATE TABLE public.lines (id int PRIMARY KEY, order_id int NOT NULL CONSTRAINT lines_purchase REFERENCES shop.purchases);
`;
const PEOPLE = 'CREATE SCHEMA crm; CREATE TABLE crm.people (tenant int, ref bigint, PRIMARY KEY (tenant, ref))';

const same = (...names: string[]) => names.map((name) => ({ monolith: name, service: name }));
const mappings: readonly TableMapping[] = [
  { monolith: parseTableName('orders'), service: parseTableName('shop.purchases'), columns: [...same('id', 'tenant', 'country', 'price', 'mood', 'sku', 'parent'), { monolith: 'user_id', service: 'customer' }] },
  { monolith: parseTableName('lines'), service: parseTableName('lines') },
];
const tables: readonly TableToValidate[] = [
  { table: 'orders', as: 'shop.purchases', columns: ['id', 'tenant', 'country', 'price', 'mood', 'sku', 'parent', { source: 'user_id', target: 'customer' }] },
  { table: 'lines' },
];
const PLAINLY = "INSERT INTO public.orders (id, tenant, user_id, country, price, mood, sku) VALUES (1, 1, 1, 'DE', 1.1, 'low', '7'), (2, 2, 1, 'FR', 2.00, NULL, NULL), (3, NULL, 9, NULL, NULL, NULL, 'x'); INSERT INTO public.lines VALUES (1, 1), (2, 1)";
const both = (sql: string): [string, string] => [sql, sql.replaceAll('public.orders', 'shop.purchases').replaceAll('user_id', 'customer')];
const bypassed = (sql: string): string => `SET session_replication_role = replica; ${sql}; SET session_replication_role = DEFAULT`;

interface Case {
  readonly what: string;
  readonly monolith?: string;
  readonly service?: string;
  readonly people?: string;
  readonly options?: ValidateOptions;
  /** Whether the configured references are looked at. */
  readonly declared?: true;
  /** Whether a constraint is not what it was afterwards. */
  readonly alters?: true;
  /** `name: database.table (columns) -> database.table | key=… ×rows`, keys in order. */
  readonly finds: readonly string[];
}

const CASES: readonly Case[] = [
  { what: 'nothing was planted', finds: [] },
  {
    what: 'a key was made NOT VALID over rows that break it', alters: true, finds: ['lines_order: source.public.lines (order_id) -> source.public.orders | 77 ×1, 78 ×2'],
    monolith: 'ALTER TABLE public.lines DROP CONSTRAINT lines_order; INSERT INTO public.lines VALUES (7, 77), (8, 78), (9, 78); ALTER TABLE public.lines ADD CONSTRAINT lines_order FOREIGN KEY (order_id) REFERENCES public.orders NOT VALID',
    service: bypassed('INSERT INTO shop.purchases (id) VALUES (77), (78)').concat('; INSERT INTO public.lines VALUES (7, 77), (8, 78), (9, 78)'),
  },
  { what: 'a key of the service was bypassed', service: bypassed('INSERT INTO public.lines VALUES (7, 77)'), finds: ['lines_purchase: target.public.lines (order_id) -> target.shop.purchases | 77 ×1'] },
  { what: 'a table refers to itself', service: bypassed('UPDATE shop.purchases SET parent = 55 WHERE id = 1'), finds: ['purchases_parent_fkey: target.shop.purchases (parent) -> target.shop.purchases | 55 ×1'] },
  {
    what: 'the service lacks a key', alters: true, service: 'ALTER TABLE public.lines DROP CONSTRAINT lines_purchase; INSERT INTO public.lines VALUES (7, 77)',
    finds: ['lines_order: target.public.lines (order_id) -> target.shop.purchases | 77 ×1'],
  },
  {
    what: 'users are gone across the cut, by a key of two columns', people: 'DELETE FROM crm.people WHERE tenant = 1',
    service: 'INSERT INTO shop.purchases (id, tenant, customer) VALUES (11, 1, 2), (12, 1, 2), (13, 2, 1)', finds: ['orders_tenant_user_id_fkey: target.shop.purchases (tenant, customer) -> accounts.crm.people | 1,1 ×1; 1,2 ×2'],
  },
  { what: 'one half of a key is null', service: 'INSERT INTO shop.purchases (id, tenant, customer) VALUES (11, 99, NULL), (12, NULL, 99)', finds: [] },
  {
    what: 'values of many types are gone in the monolith', monolith: bypassed("DELETE FROM public.countries WHERE code = 'FR'; DELETE FROM public.prices; DELETE FROM public.moods"),
    options: { tables: [tables[0]!] },
    finds: [
      'orders_country_fkey: source.public.orders (country) -> source.public.countries | FR ×1', 'orders_country_fkey: target.shop.purchases (country) -> source.public.countries | FR ×1',
      'orders_mood_fkey: source.public.orders (mood) -> source.public.moods | low ×1', 'orders_mood_fkey: target.shop.purchases (mood) -> source.public.moods | low ×1',
      'orders_price_fkey: source.public.orders (price) -> source.public.prices | 1.1 ×1, 2.00 ×1', 'orders_price_fkey: target.shop.purchases (price) -> source.public.prices | 1.1 ×1, 2.00 ×1',
    ],
  },
  {
    what: 'what was declared is broken, in both directions and whatever the types', declared: true, service: "INSERT INTO shop.purchases (id, sku) VALUES (11, '8'), (12, 'a''b')", monolith: 'INSERT INTO public.notes VALUES (1, 1), (2, 404)',
    finds: [
      'orders.sku -> skus.code: target.shop.purchases (sku) -> source.public.skus | 8 ×1, a\'b ×1',
      'orders.sku -> skus.id: target.shop.purchases (sku) -> source.public.skus | 8 ×1, a\'b ×1, x ×1',
      'notes.order_id -> orders.id: source.public.notes (order_id) -> target.shop.purchases | 404 ×1',
    ],
  },
  { what: 'only some rows are looked at', options: { tables: [{ ...tables[1]!, where: 'id < 5' }] }, service: bypassed('INSERT INTO public.lines VALUES (7, 77), (4, 78)'), finds: ['lines_purchase: target.public.lines (order_id) -> target.shop.purchases | 78 ×1'] },
  { what: 'a table is not asked for', options: { tables: [tables[0]!] }, service: bypassed('INSERT INTO public.lines VALUES (7, 77)'), finds: [] },
];

describePostgres('broken references', () => {
  let monolith: TestDatabase;
  let service: TestDatabase;
  let people: TestDatabase;

  /** Fresh ones are made where a constraint is not what it was. */
  let altered = true;
  async function reset(): Promise<void> {
    if (altered) [monolith, service, people] = await Promise.all([testDatabase({ schema: MONOLITH }), testDatabase({ schema: SERVICE }), testDatabase({ schema: PEOPLE })]);
    altered = false;
    await monolith.query(`TRUNCATE public.users, public.moods, public.countries, public.prices, public.orders, public.lines, public.skus, public.notes; ${ROWS}`);
    await service.query('TRUNCATE shop.purchases, public.lines');
    await people.query('TRUNCATE crm.people; INSERT INTO crm.people VALUES (1, 1), (1, 2), (2, 1)');
  }

  const validator = (withDeclared = false) => {
    const [source, target, accounts] = [monolith, service, people].map(({ pool }) => new PostgresReferenceReader({ pool }));
    const declared = [['orders.sku', 'skus.code'], ['orders.sku', 'skus.id'], ['notes.order_id', 'orders.id']]
      .map(([from = '', to = '']) => ({ name: `${from} -> ${to}`, from: parseColumnsOfTable(from), to: parseColumnsOfTable(to) }));
    const others = [{
      name: 'accounts', reader: accounts!,
      mappings: [{ monolith: parseTableName('users'), service: parseTableName('crm.people'), columns: [{ monolith: 'tenant', service: 'tenant' }, { monolith: 'id', service: 'ref' }] }],
    }];
    return new ConsistencyValidator({ checksummer: new PostgresChecksummer({ pool: monolith.pool }) }, { checksummer: new PostgresChecksummer({ pool: service.pool }) }, {
      clock: instantClock(),
      references: new PostgresReferenceFinder({ source: monolith.pool, target: service.pool, mappings, others, declared: withDeclared ? declared : [], readers: { source: source!, target: target! } }),
    });
  };
  const textOf = (report: ValidationReport): string[] => report.tables.flatMap(({ references = [] }) => references).map(({ name, from, to, orphans }) => {
    const separator = from.columns.length > 1 ? '; ' : ', ';
    const keys = orphans.map(({ key, rows }) => `${Object.values(key).join(',')} ×${rows}`).sort();
    return `${name}: ${from.database}.${from.table} (${from.columns.join(', ')}) -> ${to.database}.${to.table} | ${keys.join(separator)}`;
  });

  for (const { what, finds, options, declared, alters, ...plants } of CASES) {
    it(`are told where ${what}`, async () => {
      await reset();
      altered = alters === true;
      const [here, there] = both(PLAINLY);
      await monolith.query(here);
      await service.query(there);
      for (const [database, sql] of [[monolith, plants.monolith], [service, plants.service], [people, plants.people]] as const) if (sql !== undefined) await database.query(sql);
      const report = await validator(declared).validate({ tables, ...options });
      expect(textOf(report).sort()).toEqual([...finds].sort());
      for (const { consistent, references } of report.tables) expect(references!.length === 0 || !consistent).toBe(true);
      // The statement that comes with it shows exactly the rows that were counted.
      for (const { remedy, counts } of report.tables.flatMap(({ references = [] }) => references)) {
        const database = { source: monolith, target: service, accounts: people }[remedy!.on]!;
        expect((await database.query(remedy!.sql[0]!)).length).toBe(counts.rows);
      }
    });
  }

  it('are all counted, however few are listed, in batches; and not at levels that do not read rows', async () => {
    await reset();
    await service.query("INSERT INTO shop.purchases (id, country) SELECT n, lpad(to_hex(n / 2), 4, '0') FROM generate_series(2, 11001) n; INSERT INTO shop.purchases (id, country) VALUES (1, 'DE')");
    const report = await validator().validate({ tables: [tables[0]!], maxDifferences: 3, level: 'checksum' });
    const [broken] = report.tables[0]!.references!;
    expect(broken).toMatchObject({ name: 'orders_country_fkey', counts: { orphans: 5500, rows: 11_000, unsettled: 0 } });
    expect(broken!.orphans).toHaveLength(3);
    for (const level of ['count', 'sample'] as const) expect((await validator().validate({ tables: [tables[0]!], level })).tables[0]).not.toHaveProperty('references');
    expect((await validator().validate({ tables: [tables[0]!], checks: [] })).tables[0]).not.toHaveProperty('references');
  });
});
