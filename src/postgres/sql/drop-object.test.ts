import { describe, expect, test } from 'vitest';
import type { Schema } from '../../model/schema.ts';
import { parseSchema } from './parse-schema.ts';

const schemaOf = async (sql: string): Promise<Schema> => {
  const { schema, unread } = await parseSchema(sql);
  expect(unread).toEqual([]);
  return schema;
};

describe('DROP', () => {
  test('of types, domains and composites takes the one that is named, in its schema', async () => {
    const schema = await schemaOf(`
      create type mood as enum ('a'); create type shop.mood as enum ('b'); create domain d as int; create domain e as int;
      create type pair as (a int, b text); create type span as range (subtype = date);
      drop type mood; drop domain if exists d; drop type pair, span`);
    expect(schema.enums).toEqual([{ schema: 'shop', name: 'mood', labels: ['b'] }]);
    expect(schema.domains.map(({ name }) => name)).toEqual(['e']);
    expect(schema.structuredTypes).toEqual([]);
  });

  test('of a table takes the sequences that its columns own, and no other', async () => {
    const schema = await schemaOf('create table a (id serial); create table b (id serial); create sequence free; drop table a, missing');
    expect(schema.tables.map(({ name }) => name)).toEqual(['public.b']);
    expect(schema.sequences.map(({ name }) => name)).toEqual(['b_id_seq', 'free']);
  });

  test('of a table takes what was granted on it: another of the same name begins without', async () => {
    const schema = await schemaOf('create table a (id int); create table b (id int); create sequence a_seq; grant select on a, b to joe; grant usage on sequence a_seq to joe; drop table a; drop sequence a_seq');
    expect(schema.grants?.map(({ on, name }) => [on, name])).toEqual([['table', 'public.b']]);
  });

  test('of views, sequences, indexes and extensions', async () => {
    const schema = await schemaOf(`
      create table t (id int); create index one on t (id); create index two on t (id); create view v as select 1; create materialized view m as select 1; create view kept as select 1;
      create sequence s; create sequence left_over; create extension citext; create extension hstore version '1.8';
      drop index one; drop view v; drop materialized view m; drop sequence s; drop extension citext; drop extension hstore; drop schema shop`);
    expect(schema.tables[0]?.indexes.map(({ name }) => name)).toEqual(['two']);
    expect(schema.views.map(({ name }) => name)).toEqual(['public.kept']);
    expect(schema.sequences.map(({ name }) => name)).toEqual(['left_over']);
    expect(schema.extensions).toEqual([]);
    expect(schema.extensionVersions).toBeUndefined();
  });

  test('of a function takes the one with these parameters; without a list, the one of this name', async () => {
    const made = `
      create function f(a int) returns int language sql as 'select 1'; create function f(a varchar(3), b int) returns int language sql as 'select 2';
      create function g() returns int language sql as 'select 3'; create procedure p(a int) language sql as 'select 4';`;
    const left = async (drop: string) => (await schemaOf(made + drop)).routines?.map(({ name, signature }) => `${name}(${signature})`);
    expect(await left('drop function f(int)')).toEqual(['f(character varying, integer)', 'g()', 'p(integer)']);
    expect(await left('drop function f(varchar, int), g()')).toEqual(['f(integer)', 'p(integer)']);
    expect(await left('drop function g; drop procedure p')).toEqual(['f(integer)', 'f(character varying, integer)']);
    expect(await left('drop routine p(int); drop function f(text); drop function other.f(int)')).toEqual(['f(integer)', 'f(character varying, integer)', 'g()']);
  });

  test('a function that was dropped touches no table any more; one that has an overload left still does', async () => {
    const { routines } = await parseSchema(`
      create function gone() returns int language sql as 'select 1 from t'; create function kept(a int) returns int language sql as 'select 1 from t';
      create function kept(a text) returns int language sql as 'select 1 from t'; drop function gone(); drop function kept(int)`);
    expect(routines.map(({ name }) => name)).toEqual(['public.kept']);
  });

  test('of a trigger and of a policy: on their table only', async () => {
    const schema = await schemaOf(`
      create table t (id int); create table u (id int); create function f() returns trigger language plpgsql as 'begin return new; end';
      create trigger one before insert on t for each row execute function f(); create trigger two before insert on t for each row execute function f();
      create trigger one before insert on u for each row execute function f();
      create policy mine on t using (true); create policy yours on t using (false); create policy mine on u using (true);
      drop trigger one on t; drop policy mine on t; drop trigger if exists one on missing; drop policy if exists mine on missing`);
    expect(schema.tables.map(({ triggers, policies }) => [triggers.map(({ name }) => name), policies?.map(({ name }) => name)])).toEqual([[['two'], ['yours']], [['one'], ['mine']]]);
    const bare = await schemaOf('create table t (id int); drop policy if exists p on t');
    expect(bare.tables[0]?.policies).toBeUndefined();
  });
});
