import { readFile } from 'node:fs/promises';
import { beforeAll, expect, it } from 'vitest';
import { parseTableName, type TableName } from '../../model/names.ts';
import type { Schema, Table } from '../../model/schema.ts';
import { describePostgres, itSince, serverMajor, testDatabase, type TestDatabase } from '../../../test/support/postgres.ts';
import { PostgresIntrospector } from './introspector.ts';

const EVERYTHING_FILE = await readFile(new URL('./everything.sql', import.meta.url), 'utf8');
const EVERYTHING_SQL = serverMajor() >= 15 ? EVERYTHING_FILE : EVERYTHING_FILE.replaceAll('NULLS NOT DISTINCT', '');
const ODD = parseTableName('"Odd Schema"."Ta""ble"');

describePostgres('PostgresIntrospector', () => {
  let database: TestDatabase;
  let schema: Schema;
  const table = (name: string): Table => schema.tables.find((found) => found.name === name)!;
  const column = (of: string, name: string) => table(of).columns.find((found) => found.name === name)!;
  const read = (...tables: string[]): Promise<Schema> =>
    new PostgresIntrospector({ pool: database.pool }).readSchema({ tables: tables.map(parseTableName) });

  beforeAll(async () => {
    database = await testDatabase({ schema: EVERYTHING_SQL });
    // Nothing of Banyan's own belongs to the user's schema.
    await database.query('CREATE SCHEMA banyan; CREATE TABLE banyan.stream (name text PRIMARY KEY)');
    schema = await new PostgresIntrospector({ pool: database.pool }).readSchema();
  });

  it('lists every user table, partitions included, and nothing else', () => {
    expect(schema.tables.map(({ name, kind }) => `${name} ${kind}`)).toEqual([
      `${ODD} table`,
      'shop.child table',
      'shop.events partitioned',
      'shop.events_2025 partition',
      'shop.events_rest partition',
      'shop.events_rest_0 partition',
      'shop.events_rest_1 partition',
      'shop.scratch table',
      'shop.users table',
    ]);
  });

  it('reads columns with qualified types, defaults, identity, generation, collation and comment', () => {
    expect(table('shop.users').columns.map(({ name, type }) => `${name}: ${type}`)).toEqual([
      'id: bigint',
      'email: public.citext',
      'full Name: character varying(80)',
      'moods: shop.mood[]',
      'balance: shop.price',
      'created_at: timestamp(3) with time zone',
      'lower_email: text',
      'referrer: bigint',
      'ticket: integer',
    ]);
    expect(column('shop.users', 'id')).toEqual({ name: 'id', type: 'bigint', nullable: false, identity: 'always' });
    expect(column('shop.users', 'full Name')).toEqual({
      name: 'full Name',
      type: 'character varying(80)',
      nullable: true,
      default: `'it''s "me"'::character varying`,
      collation: '"C"',
      comment: 'as typed',
    });
    expect(column('shop.users', 'lower_email')).toMatchObject({ generated: 'lower(("full Name")::text)' });
    expect(column('shop.users', 'ticket').default).toBe("nextval('shop.tickets'::regclass)");
    expect(column('shop.events', 'id').identity).toBe('by default');
  });

  itSince(18)('marks a virtual generated column', async () => {
    await database.query('CREATE TABLE shop.virtual (a integer PRIMARY KEY, twice integer GENERATED ALWAYS AS (a * 2) VIRTUAL)');
    const found = (await read('shop.virtual')).tables[0]!.columns[1];
    await database.query('DROP TABLE shop.virtual');
    expect(found).toEqual({ name: 'twice', type: 'integer', nullable: true, generated: '(a * 2)', virtual: true });
  });

  it('reads keys in their own column order, deferrable and NULLS NOT DISTINCT', () => {
    expect(table(ODD).primaryKey).toEqual({
      name: 'Ta"ble_pkey',
      columns: ['b.c', 'sélect'],
      definition: 'PRIMARY KEY ("b.c", "sélect")',
      deferrable: false,
      nullsNotDistinct: false,
    });
    expect(table(ODD).uniques).toMatchObject([{ columns: ['from', 'sélect'], nullsNotDistinct: serverMajor() >= 15, deferrable: false }]);
    expect(table('shop.users').uniques).toEqual([
      {
        name: 'users_email_key',
        columns: ['email'],
        definition: 'UNIQUE (email) DEFERRABLE INITIALLY DEFERRED',
        deferrable: true,
        nullsNotDistinct: false,
      },
    ]);
    expect(table('shop.child').primaryKey).toBeUndefined();
  });

  it('reads foreign keys with both column lists and actions', () => {
    expect(table('shop.child').foreignKeys).toMatchObject([
      { columns: ['b.c', 'sélect'], references: ODD, referencedColumns: ['b.c', 'sélect'], onDelete: 'cascade', onUpdate: 'no action' },
    ]);
    expect(table('shop.users').foreignKeys).toMatchObject([{ references: 'shop.users', onDelete: 'set null', onUpdate: 'cascade' }]);
  });

  it('reads checks, exclusions, indexes and triggers', () => {
    expect(table('shop.users').checks.map(({ name }) => name)).toEqual(['named']);
    expect(table('shop.child').exclusions).toEqual([
      { name: 'no_overlap', definition: 'EXCLUDE USING gist (room WITH =, during WITH &&)' },
    ]);
    expect(table('shop.users').indexes).toMatchObject([
      { name: 'users_lower', columns: [null, 'created_at'], unique: false, partial: true },
      { name: 'users_ticket', columns: ['ticket'], unique: true, partial: false },
    ]);
    expect(table('shop.users').triggers).toMatchObject([{ name: 'touch', calls: 'shop.touch', enabled: 'always' }]);
  });

  it("keeps a partition's own rules and leaves the inherited ones to the parent", () => {
    expect(table('shop.events').checks).toHaveLength(1);
    expect(table('shop.events').foreignKeys).toHaveLength(1);
    expect(table('shop.events_rest_1').checks).toEqual([{ name: 'own_rule', definition: 'CHECK ((id > 0))' }]);
    expect(table('shop.events_2025').foreignKeys).toEqual([]);
    expect(table('shop.events_2025').primaryKey?.columns).toEqual(['id', 'at']);
    expect(table('shop.events_2025').partitionOf).toEqual({
      parent: 'shop.events',
      bound: "FOR VALUES FROM ('2025-01-01 00:00:00+00') TO ('2026-01-01 00:00:00+00')",
    });
    expect(table('shop.events_rest')).toMatchObject({ kind: 'partition', partitionBy: 'HASH (id)' });
    expect(table('shop.events').partitionBy).toBe('RANGE (at)');
  });

  it('prints a partitioned index without ONLY, whatever its name says', () => {
    expect(table('shop.events').indexes[0]?.definition).toBe('CREATE INDEX events_user ON shop.events USING btree (user_id)');
    expect(table(ODD).indexes[0]?.definition).toContain('"Idx ON ONLY x" ON "Odd Schema"');
  });

  it('reads replica identity, persistence, row security, comments, estimates and size', async () => {
    expect(table(ODD)).toMatchObject({ replicaIdentity: 'index', replicaIdentityIndex: 'Idx ON ONLY x' });
    expect(table('shop.child')).toMatchObject({ replicaIdentity: 'full', rowSecurity: true });
    expect(table('shop.scratch').unlogged).toBe(true);
    expect(table('shop.users').comment).toBe("people, 'quoted'");
    expect(table('shop.users').estimatedRows).toBe(-1);
    await database.query('INSERT INTO shop.scratch SELECT generate_series(1, 3); ANALYZE shop.scratch');
    const scratch = (await read('shop.scratch')).tables[0]!;
    expect(scratch.estimatedRows).toBe(3);
    expect(scratch.bytes).toBeGreaterThan(0);
  });

  it('reads enums in order, domains, sequences with owners, views with what they read, extensions', () => {
    expect(schema.enums[0]).toEqual({ schema: 'shop', name: 'mood', labels: ['low', "it's ok", 'höher'] });
    expect(schema.domains[0]).toEqual({
      schema: 'shop',
      name: 'amount',
      baseType: 'numeric(38,20)',
      nullable: false,
      default: '0',
      checks: [{ name: 'not_negative', definition: 'CHECK ((VALUE >= (0)::numeric))' }],
    });
    expect(schema.sequences.find(({ name }) => name === 'tickets')).toEqual({
      schema: 'shop', name: 'tickets', type: 'integer', increment: '5', min: '10', max: '5000', cycle: true, start: '20', cache: '7',
    });
    expect(schema.sequences.map(({ ownedBy }) => ownedBy)).toEqual([
      { table: ODD, column: 'sélect', identity: false },
      { table: 'shop.events', column: 'id', identity: true },
      { table: 'shop.scratch', column: 'id', identity: false },
      undefined,
      { table: 'shop.users', column: 'id', identity: true },
    ]);
    expect(schema.views).toMatchObject([
      { name: 'shop.counted', materialized: true, columns: ['How many'], reads: ['shop.people'] },
      { name: 'shop.people', materialized: false, columns: ['id', 'email'], reads: ['shop.users'] },
    ]);
    expect(schema.extensions).toEqual(['btree_gist', 'citext']);
    expect(schema.extensionSchemas).toEqual({ btree_gist: 'public', citext: 'public' });
  });

  it('reads named tables with their partitions and only what they need', async () => {
    const part = await read('shop.events', 'shop.users');
    expect(part.tables.map(({ name }) => name)).toEqual([
      'shop.events', 'shop.events_2025', 'shop.events_rest', 'shop.events_rest_0', 'shop.events_rest_1', 'shop.users',
    ]);
    expect(part.enums.map(({ name }) => name)).toEqual(['mood']);
    expect(part.domains.map(({ name }) => name)).toEqual(['amount', 'price']);
    expect(part.sequences.map(({ name }) => name)).toEqual(['events_id_seq', 'tickets', 'users_id_seq']);
    expect(part.extensions).toEqual(['citext']);
    expect(part.views).toEqual([]);
    expect((await read('shop.child')).extensions).toEqual(['btree_gist']);
    expect((await read(ODD)).tables).toHaveLength(1);
  });

  it('refuses a table that does not exist, by name', async () => {
    await expect(read('shop.users', 'shop.nobody', 'gone')).rejects.toMatchObject({
      code: 'BANYAN_TABLE_UNKNOWN',
      message: expect.stringContaining('shop.nobody, public.gone') as string,
    });
    await expect(read('banyan.stream')).rejects.toMatchObject({ code: 'BANYAN_TABLE_UNKNOWN' });
  });

  it('reads an empty database', async () => {
    const empty = await testDatabase();
    await expect(new PostgresIntrospector({ pool: empty.pool }).readSchema()).resolves.toMatchObject({
      tables: [], enums: [], domains: [], sequences: [], views: [], extensions: [],
    });
    await expect(new PostgresIntrospector({ pool: empty.pool }).readSchema({ tables: [] as TableName[] })).resolves.toMatchObject({ tables: [] });
  });

  it('takes as many statements for many tables as for one', async () => {
    const count = async (tables?: readonly TableName[]): Promise<number> => {
      let statements = 0;
      const connect = async () => {
        const client = await database.pool.connect();
        const query = (sql: string, values?: string[]) => {
          statements += 1;
          return client.query(sql, values);
        };
        return { query, release: () => client.release() };
      };
      await new PostgresIntrospector({ pool: { connect } as unknown as TestDatabase['pool'] }).readSchema(tables ? { tables } : {});
      return statements;
    };
    const [few, many] = [await count([parseTableName('shop.users')]), await count()];
    // The views come with the whole database only.
    expect(many - few).toBe(1);
    expect(many).toBeLessThan(16);
  });
});
