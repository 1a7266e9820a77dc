import { readFile } from 'node:fs/promises';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseTableName, type TableName } from '../../model/names.ts';
import type { Schema } from '../../model/schema.ts';
import type { ProvisionPlan } from '../../ports/provisioner.ts';
import { sqlOf, tableSpec } from '../../../test/support/random-schema.ts';
import { describePostgres, serverMajor, testDatabase, type TestDatabase } from '../../../test/support/postgres.ts';
import { PostgresIntrospector } from '../catalog/introspector.ts';
import { connect, createPool } from '../connect.ts';
import { measureSequences } from './measure-sequences.ts';
import { PostgresProvisioner } from './provisioner.ts';

const EVERYTHING_FILE = await readFile(new URL('../catalog/everything.sql', import.meta.url), 'utf8');
const EVERYTHING_SQL = serverMajor() >= 15 ? EVERYTHING_FILE : EVERYTHING_FILE.replaceAll('NULLS NOT DISTINCT', '');

const readSchema = (database: TestDatabase, tables?: readonly TableName[]): Promise<Schema> =>
  new PostgresIntrospector({ pool: database.pool }).readSchema(tables ? { tables } : {});

/** A schema without what provisioning leaves alone: size, triggers, policies, cut keys and where sequences begin. */
function comparable(schema: Schema): unknown {
  const here = new Set(schema.tables.map((table) => table.name));
  return {
    ...schema,
    tables: schema.tables.map((table) => ({
      ...table,
      estimatedRows: -1,
      bytes: 0,
      triggers: [],
      rowSecurity: false,
      foreignKeys: table.foreignKeys.filter((key) => here.has(key.references)),
    })),
    sequences: schema.sequences.map((sequence) => ({ ...sequence, start: '1' })),
  };
}

async function provision(options: { monolith: TestDatabase; service: TestDatabase; tables: readonly TableName[] }): Promise<{
  provisioner: PostgresProvisioner;
  before: ProvisionPlan;
  after: ProvisionPlan;
}> {
  const provisioner = new PostgresProvisioner({ monolith: options.monolith.pool, service: options.service.pool });
  const before = await provisioner.beforeCopy(options);
  return { provisioner, before, after: await provisioner.afterCopy(options) };
}

async function expectRoundTrip(monolith: TestDatabase, tables: readonly TableName[]): Promise<ProvisionPlan> {
  const service = await testDatabase();
  const { provisioner, before } = await provision({ monolith, service, tables });
  expect(comparable(await readSchema(service))).toEqual(comparable(await readSchema(monolith, tables)));
  await expect(provisioner.plan({ tables })).resolves.toMatchObject({ beforeCopy: [], afterCopy: [], mismatches: [] });
  return before;
}

const tablesOf = async (database: TestDatabase): Promise<readonly TableName[]> => (await readSchema(database)).tables.map(({ name }) => name);

describePostgres('PostgresProvisioner', () => {
  it('gives an empty database everything; a second run finds nothing to do', async () => {
    const monolith = await testDatabase({ schema: EVERYTHING_SQL });
    const plan = await expectRoundTrip(monolith, await tablesOf(monolith));
    expect(plan.cuts).toEqual([]);
    expect(plan.triggers).toMatchObject([{ table: 'shop.users', name: 'touch', calls: 'shop.touch' }]);
    expect(plan.sharedSequences).toMatchObject([{ sequence: 'shop.tickets' }]);
  });

  it('gives the sample shop, whole and in part', async () => {
    const shop = await testDatabase({ schema: await readFile(new URL('../../../examples/shop/schema.sql', import.meta.url), 'utf8') });
    await expectRoundTrip(shop, await tablesOf(shop));
    const part = ['users', 'sessions', 'addresses', 'user_preferences', 'user_documents'].map(parseTableName);
    const plan = await expectRoundTrip(shop, part);
    expect(plan.cuts.map(({ table, columns, references }) => `${table}.${columns.join()} -> ${references}`)).toEqual([
      'public.addresses.country_code -> public.countries',
      'public.users.preferred_currency -> public.currencies',
    ]);
  });

  it('gives types that are made of each other, in the order they need', async () => {
    const monolith = await testDatabase({ schema: `
      CREATE SCHEMA "Made Of";
      CREATE TYPE "Made Of".z_first AS (n numeric(5,2), "a ""b" text COLLATE "C");
      CREATE DOMAIN "Made Of".y_domain AS "Made Of".z_first CHECK ((VALUE).n > 0);
      CREATE TYPE "Made Of".x_range AS RANGE (SUBTYPE = float8, SUBTYPE_DIFF = float8mi);
      CREATE TYPE "Made Of".a_last AS (one "Made Of".y_domain, many "Made Of".z_first[], spans "Made Of".x_range[]);
      CREATE TYPE "Made Of".words AS RANGE (SUBTYPE = text, COLLATION = "C");
      CREATE TYPE "Made Of".unused AS (n int);
      CREATE TABLE "Made Of".t (id int PRIMARY KEY, a "Made Of".a_last, b "Made Of".words${serverMajor() >= 14 ? ', c "Made Of".x_multirange' : ''})` });
    const plan = await expectRoundTrip(monolith, await tablesOf(monolith));
    expect(plan.beforeCopy.map(({ object }) => object)).not.toContain('type Made Of.unused');

    const service = await testDatabase({ schema: 'CREATE SCHEMA "Made Of"; CREATE TYPE "Made Of".words AS RANGE (SUBTYPE = text)' });
    const provisioner = new PostgresProvisioner({ monolith: monolith.pool, service: service.pool });
    await expect(provisioner.beforeCopy({ tables: await tablesOf(monolith) })).rejects.toMatchObject({
      code: 'BANYAN_PROVISION_MISMATCH', details: { mismatches: [{ object: 'type "Made Of".words', property: 'definition' }] },
    });
  });

  it('makes tables and keys before the copy, the rest after it', async () => {
    const monolith = await testDatabase({ schema: EVERYTHING_SQL });
    const service = await testDatabase();
    const tables = await tablesOf(monolith);
    const provisioner = new PostgresProvisioner({ monolith: monolith.pool, service: service.pool });
    await provisioner.beforeCopy({ tables });
    const half = await readSchema(service);
    expect(half.tables.map(({ name }) => name)).toEqual(tables);
    const users = half.tables.find(({ name }) => name === 'shop.users');
    expect(users).toMatchObject({ primaryKey: { name: 'users_pkey' }, uniques: [], indexes: [], checks: [], foreignKeys: [] });
    // Interrupted here, another run goes on with the second phase alone.
    const plan = await provisioner.plan({ tables });
    expect(plan.beforeCopy).toEqual([]);
    expect(plan.afterCopy.length).toBeGreaterThan(10);
  });

  it('reports a difference and changes nothing', async () => {
    const monolith = await testDatabase({ schema: EVERYTHING_SQL });
    const service = await testDatabase();
    await service.query(`CREATE SCHEMA shop; CREATE TYPE shop.mood AS ENUM ('low');
      CREATE TABLE shop.scratch (id bigint PRIMARY KEY, demanded text NOT NULL)`);
    const provisioner = new PostgresProvisioner({ monolith: monolith.pool, service: service.pool });
    const tables = ['shop.scratch', 'shop.users'].map(parseTableName);
    await expect(provisioner.beforeCopy({ tables })).rejects.toMatchObject({
      code: 'BANYAN_PROVISION_MISMATCH',
      details: {
        mismatches: [
          { object: 'table shop.scratch', property: 'unlogged', monolith: 'true', service: 'false' },
          { object: 'column shop.scratch.id', property: 'type', monolith: 'integer', service: 'bigint' },
          { object: 'column shop.scratch.demanded', property: 'presence', monolith: 'none', service: 'text NOT NULL without a default' },
          { object: 'type shop.mood', property: 'labels', monolith: '["low","it\'s ok","höher"]', service: '["low"]' },
        ],
      },
    });
    expect((await readSchema(service)).tables).toHaveLength(1);
  });

  it('rolls a phase back when a statement is refused, and names it', async () => {
    const monolith = await testDatabase();
    await monolith.query(`CREATE SCHEMA app; CREATE FUNCTION app.code() RETURNS text LANGUAGE sql AS $$ SELECT 'x' $$;
      CREATE TABLE app.first (id integer PRIMARY KEY); CREATE TABLE app.second (id text PRIMARY KEY DEFAULT app.code())`);
    const service = await testDatabase();
    const provisioner = new PostgresProvisioner({ monolith: monolith.pool, service: service.pool });
    const tables = ['app.first', 'app.second'].map(parseTableName);
    await expect(provisioner.beforeCopy({ tables })).rejects.toMatchObject({
      code: 'BANYAN_PROVISION_FAILED',
      message: expect.stringMatching(/table app\.second.*app\.code\(\) does not exist/) as string,
      details: { object: 'table app.second' },
    });
    expect((await readSchema(service)).tables).toEqual([]);
  });

  it('gives up on a lock that somebody holds', async () => {
    const monolith = await testDatabase({ schema: EVERYTHING_SQL });
    const service = await testDatabase();
    const tables = [parseTableName('shop.users')];
    await new PostgresProvisioner({ monolith: monolith.pool, service: service.pool }).beforeCopy({ tables });
    const holder = await connect({ url: service.url });
    await holder.query('BEGIN; LOCK TABLE shop.users IN ROW EXCLUSIVE MODE');
    const hasty = new PostgresProvisioner({ monolith: monolith.pool, service: service.pool, lockTimeoutMs: 20 });
    await expect(hasty.afterCopy({ tables })).rejects.toMatchObject({ code: 'BANYAN_PROVISION_FAILED', cause: { code: '55P03' } });
    await holder.end();
  });

  it('lets two runs at once take turns', async () => {
    const monolith = await testDatabase({ schema: EVERYTHING_SQL });
    const service = await testDatabase();
    const tables = await tablesOf(monolith);
    const second = createPool({ url: service.url });
    const plans = await Promise.all(
      [service.pool, second].map((pool) => new PostgresProvisioner({ monolith: monolith.pool, service: pool }).beforeCopy({ tables })),
    );
    await second.end();
    expect(plans.filter((plan) => plan.beforeCopy.length > 0)).toHaveLength(1);
  });

  describe('sequences', () => {
    const next = async (database: TestDatabase): Promise<bigint> =>
      BigInt((await database.query("INSERT INTO public.orders (note) VALUES ('x') RETURNING id"))[0]!['id']!);

    it('start far above what the monolith has handed out or stored, and stay there', async () => {
      const monolith = await testDatabase();
      await monolith.query(`CREATE TABLE public.orders (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, note text);
        CREATE TABLE public.small (id serial PRIMARY KEY); CREATE TABLE public.tiny (id smallserial PRIMARY KEY);
        CREATE SEQUENCE public.wide; CREATE TABLE public.narrow (id integer PRIMARY KEY DEFAULT nextval('public.wide'));
        INSERT INTO public.orders (note) VALUES ('a'), ('b'); INSERT INTO public.orders VALUES (5000, 'by hand')`);
      const service = await testDatabase();
      const tables = ['orders', 'small', 'tiny', 'narrow'].map(parseTableName);
      const { provisioner, before } = await provision({ monolith, service, tables });
      expect(before.sequences).toEqual([
        { sequence: 'public.orders_id_seq', highest: 5000n, start: 1_000_005_001n, limit: 2n ** 63n - 1n, alreadyPlaced: false },
        { sequence: 'public.small_id_seq', highest: 0n, start: 1_000_000_001n, limit: 2n ** 31n - 1n, alreadyPlaced: false },
        { sequence: 'public.tiny_id_seq', highest: 0n, start: 16_384n, limit: 32_767n, alreadyPlaced: false },
        { sequence: 'public.wide', highest: 0n, start: 1_000_000_001n, limit: 2n ** 31n - 1n, alreadyPlaced: false },
      ]);
      expect(await next(monolith)).toBe(3n);
      expect(await next(service)).toBe(1_000_005_001n);
      expect(await next(service)).toBe(1_000_005_002n);
      // Another run must not move a block that is in use.
      await provisioner.beforeCopy({ tables });
      expect(await next(service)).toBe(1_000_005_003n);
      // The service's rows arrive in the monolith, which must not look as if the monolith had drawn their numbers.
      await monolith.query("INSERT INTO public.orders VALUES (1000005003, 'replayed')");
      await expect(provisioner.plan({ tables })).resolves.toMatchObject({ beforeCopy: [], sequences: { length: 4 } });
      const left = async (): Promise<unknown> => (await measureSequences({ monolith: monolith.pool, service: service.pool, tables }))[0];
      expect(await left()).toEqual({
        sequence: 'public.orders_id_seq', monolithDrawn: 3n, blockStart: 1_000_005_001n, remaining: 1_000_004_997n, ok: true,
      });
      await monolith.query("SELECT setval('public.orders_id_seq', 950000000)");
      expect(await left()).toMatchObject({ monolithDrawn: 950_000_000n, remaining: 50_005_000n, ok: false });
    });

    it('get a new block above both sides when the monolith has run into the old one', async () => {
      const monolith = await testDatabase();
      await monolith.query('CREATE TABLE public.orders (id bigserial PRIMARY KEY, note text)');
      const service = await testDatabase();
      const tables = [parseTableName('orders')];
      const provisioner = new PostgresProvisioner({ monolith: monolith.pool, service: service.pool, sequenceGap: 1_000n });
      await provisioner.beforeCopy({ tables });
      expect(await next(service)).toBe(1_001n);
      await monolith.query("SELECT setval('public.orders_id_seq', 1500)");
      await provisioner.beforeCopy({ tables });
      expect(await next(service)).toBe(2_501n);
    });

    it("are found by their column where the service's has another name", async () => {
      const monolith = await testDatabase();
      await monolith.query('CREATE TABLE public.orders (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, note text)');
      const service = await testDatabase();
      await service.query(`CREATE TABLE public.orders (id bigint GENERATED BY DEFAULT AS IDENTITY (SEQUENCE NAME public.other) PRIMARY KEY, note text)`);
      const { before } = await provision({ monolith, service, tables: [parseTableName('orders')] });
      expect(before.sequences).toMatchObject([{ sequence: 'public.other' }]);
      expect(await next(service)).toBe(1_000_000_001n);
    });

    it('that count down are refused by name', async () => {
      const monolith = await testDatabase();
      await monolith.query("CREATE SEQUENCE public.down INCREMENT -1; CREATE TABLE public.orders (id bigint PRIMARY KEY DEFAULT nextval('public.down'))");
      const provisioner = new PostgresProvisioner({ monolith: monolith.pool, service: (await testDatabase()).pool });
      await expect(provisioner.plan({ tables: [parseTableName('orders')] })).rejects.toMatchObject({
        code: 'BANYAN_SEQUENCE_UNSUPPORTED',
        details: { sequences: ['public.down'] },
      });
    });
  });

  it('round-trips whatever tables it is given', async () => {
    const monolith = await testDatabase();
    const service = await testDatabase();
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(tableSpec, { minLength: 1, maxLength: 4 }), async (specs) => {
        run += 1;
        const schema = `Räum "${run}"`;
        await monolith.query(sqlOf(schema, specs));
        const tables = (await tablesOf(monolith)).filter((name) => name.startsWith(`"Räum ""${run}"""`));
        await provision({ monolith, service, tables });
        expect(comparable(await readSchema(service, tables))).toEqual(comparable(await readSchema(monolith, tables)));
      }),
      { numRuns: 12, endOnFailure: true },
    );
  });
});
