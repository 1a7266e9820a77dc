import { describe, expect, test } from 'vitest';
import type { Schema, Table } from '../../model/schema.ts';
import { parseSchema } from './parse-schema.ts';

const schemaOf = async (sql: string): Promise<Schema> => {
  const { schema, unread } = await parseSchema(sql);
  expect(unread).toEqual([]);
  return schema;
};
const tableOf = async (sql: string): Promise<Table | undefined> => (await schemaOf(sql)).tables[0];

describe('ALTER TABLE', () => {
  test('a dropped column takes its keys, indexes and sequence with it, and leaves those of others', async () => {
    const schema = await schemaOf(`
      create table t (id serial primary key, a int, b serial); create index on t (a); create index on t (b); create index on t (a, id); create index on t ((a + 1));
      alter table t drop column id`);
    const [t] = schema.tables;
    expect(t?.primaryKey).toBeUndefined();
    expect(t?.indexes.map(({ name }) => name)).toEqual(['t_a_idx', 't_b_idx', 't_expr_idx']);
    expect(schema.sequences.map(({ name }) => name)).toEqual(['t_b_seq']);
  });

  test('a primary key of other columns stays', async () => {
    expect((await tableOf('create table t (id int primary key, a int); alter table t drop a'))?.primaryKey?.columns).toEqual(['id']);
  });

  test('a constraint that is validated is no longer NOT VALID, and only that one', async () => {
    const t = await tableOf(`
      create table t (a int, b int); alter table t add constraint one check (a > 0) not valid, add constraint two check (b > 0) not valid, add constraint ref foreign key (a) references u (id) not valid;
      alter table t validate constraint one; alter table t validate constraint ref`);
    expect(t?.checks.map(({ definition }) => definition)).toEqual(['CHECK (a > 0)', 'CHECK (b > 0) NOT VALID']);
    expect(t?.foreignKeys[0]?.definition).toBe('FOREIGN KEY (a) REFERENCES u(id)');
  });

  test('an exclusion is dropped by its name', async () => {
    const t = await tableOf('create table t (a int, b int, constraint one exclude using gist (a with =), exclude using gist (b with =)); alter table t drop constraint one');
    expect(t?.exclusions).toEqual([{ name: 't_b_excl', definition: 'exclude using gist (b with =)' }]);
  });

  test('a new type brings its own collation, or none', async () => {
    const types = async (change: string) => (await tableOf(`create table t (a text collate "C"); alter table t ${change}`))?.columns[0];
    expect(await types('alter a type varchar(5)')).toEqual({ name: 'a', type: 'character varying(5)', nullable: true });
    expect(await types('alter a type varchar(5) collate pg_catalog."de_DE"')).toMatchObject({ collation: '"de_DE"' });
    expect(await types('alter a type varchar(5) collate shop.german')).toMatchObject({ collation: 'shop.german' });
  });

  test('an identity comes with its sequence and goes with it', async () => {
    const made = 'create table t (a int, b serial); alter table t alter a add generated always as identity;';
    const added = await schemaOf(made);
    expect(added.tables[0]?.columns[0]).toEqual({ name: 'a', type: 'integer', nullable: false, identity: 'always' });
    expect(added.sequences.map(({ name }) => name)).toEqual(['t_b_seq', 't_a_seq']);
    const dropped = await schemaOf(`${made} alter table t alter a drop identity, alter missing drop identity if exists`);
    expect(dropped.tables[0]?.columns[0]).toEqual({ name: 'a', type: 'integer', nullable: false });
    expect(dropped.sequences.map(({ name }) => name)).toEqual(['t_b_seq']);
  });

  test('a generated column that is made plain keeps no expression', async () => {
    expect((await tableOf('create table t (a int, b int generated always as (a + 1) stored); alter table t alter b drop expression, alter missing drop expression if exists'))?.columns[1]).toEqual({ name: 'b', type: 'integer', nullable: true });
  });

  test('a column that is added twice is there once', async () => {
    expect((await tableOf('create table t (a int); alter table t add column if not exists b text, add column if not exists b text'))?.columns.map(({ name }) => name)).toEqual(['a', 'b']);
  });

  test('IF NOT EXISTS leaves a column that is there as it is', async () => {
    expect((await tableOf('create table t (a int not null); alter table t add column if not exists a text'))?.columns).toEqual([{ name: 'a', type: 'integer', nullable: false }]);
  });

  test('a partition that is detached is a table of its own, or partitioned still; one that is attached has its bound', async () => {
    const made = 'create table p (id int) partition by list (id); create table q partition of p for values in (1); create table r partition of p for values in (2) partition by list (id);';
    const { tables } = await schemaOf(`${made} alter table p detach partition q; alter table p detach partition r; alter table p detach partition missing; alter table p attach partition missing default`);
    expect(tables.map(({ name, kind, partitionOf }) => [name, kind, partitionOf])).toEqual([['public.p', 'partitioned', undefined], ['public.q', 'table', undefined], ['public.r', 'partitioned', undefined]]);
    const again = await schemaOf(`${made} alter table p detach partition q; alter table p attach partition q\n  default`);
    expect(again.tables[1]).toMatchObject({ kind: 'partition', partitionOf: { parent: 'public.p', bound: 'default' } });
  });

  test('triggers are switched one by one, or all', async () => {
    const made = 'create table t (a int); create trigger one before insert on t for each row execute function f(); create trigger two before insert on t for each row execute function f();';
    const enabled = async (change: string) => (await tableOf(`${made} alter table t ${change}`))?.triggers.map((trigger) => trigger.enabled);
    expect(await enabled('disable trigger one')).toEqual(['disabled', undefined]);
    expect(await enabled('disable trigger all, enable always trigger two')).toEqual(['disabled', 'always']);
    expect(await enabled('disable trigger user, enable replica trigger one, enable trigger two')).toEqual(['replica', 'origin']);
  });

  test('logging, row security and replica identity hold as the last statement says', async () => {
    const t = await tableOf(`
      create table t (a int not null); create unique index i on t (a); alter table t set unlogged; alter table t enable row level security; alter table t force row level security; alter table t replica identity using index i`);
    expect(t).toMatchObject({ unlogged: true, rowSecurity: true, rowSecurityForced: true, replicaIdentity: 'index', replicaIdentityIndex: 'i' });
    const back = await tableOf(`
      create unlogged table t (a int); alter table t set logged; alter table t enable row level security; alter table t force row level security;
      alter table t no force row level security; alter table t disable row level security; alter table t replica identity using index i; alter table t replica identity full`);
    expect(back).toMatchObject({ unlogged: false, rowSecurity: false, replicaIdentity: 'full' });
    expect(back).not.toHaveProperty('rowSecurityForced');
    expect(back).not.toHaveProperty('replicaIdentityIndex');
  });
});
