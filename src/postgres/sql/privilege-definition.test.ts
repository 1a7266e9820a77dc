import { describe, expect, test } from 'vitest';
import type { Schema } from '../../model/schema.ts';
import { parseSchema } from './parse-schema.ts';

const schemaOf = async (sql: string): Promise<Schema> => {
  const { schema, unread } = await parseSchema(sql);
  expect(unread).toEqual([]);
  return schema;
};

describe('policies', () => {
  const policiesOf = async (sql: string) => (await schemaOf(`create table t (a text); ${sql}`)).tables[0]?.policies;

  test('are read with their command, roles and expressions, by name', async () => {
    expect(await policiesOf(`
      create policy "Z" on t as restrictive for update to joe, ann using (a = 'x)') with check (a in ('b', 'c'));
      create policy m on t for insert with check (true); create policy a on t to public; create policy away on missing using (true)`)).toEqual([
      { name: 'Z', command: 'update', permissive: false, roles: ['joe', 'ann'], using: "a = 'x)'", check: "a in ('b', 'c')" },
      { name: 'a', command: 'all', permissive: true, roles: ['public'] },
      { name: 'm', command: 'insert', permissive: true, roles: ['public'], check: 'true' },
    ]);
  });

  test('a role that is whoever runs the statement is told by that word', async () => {
    expect((await policiesOf('create policy p on t to current_user, session_user, current_role using (true)'))?.[0]?.roles).toEqual(['current_user', 'session_user', 'current_role']);
  });

  test('words that only stand in a string are no clause', async () => {
    expect((await policiesOf("create policy p on t using (a <> 'with check (1)') with check (a = 'b')"))?.[0]).toMatchObject({ using: "a <> 'with check (1)'", check: "a = 'b'" });
  });

  test('ALTER changes what it says, and nothing else', async () => {
    const made = "create policy one on t for select to joe using (a = '1'); create policy two on t using (a = '2');";
    expect(await policiesOf(`${made} alter policy one on t to ann`)).toMatchObject([{ name: 'one', command: 'select', roles: ['ann'], using: "a = '1'" }, { name: 'two', roles: ['public'], using: "a = '2'" }]);
    expect(await policiesOf(`${made} alter policy one on t using (false); alter policy two on t with check (true); alter policy missing on t using (false)`)).toMatchObject([{ roles: ['joe'], using: 'false' }, { using: "a = '2'", check: 'true' }]);
    expect(await policiesOf('alter policy one on t to ann; alter policy one on missing to ann')).toBeUndefined();
  });
});

describe('privileges', () => {
  const grantsOf = async (sql: string) => (await schemaOf(`create table t (a int, b int); create view v as select 1; create sequence s; create schema shop; create table shop.u (id serial); ${sql}`)).grants
    ?.map(({ on, name, column, grantee, privilege, grantable }) => `${grantee} ${privilege} ${on} ${name}${column === undefined ? '' : `.${column}`}${grantable ? ' *' : ''}`);

  test('are not known where no statement speaks of them, and of functions are passed over', async () => {
    expect(await grantsOf('')).toBeUndefined();
    expect(await grantsOf('grant execute on function f() to joe; grant joe to ann')).toBeUndefined();
  });

  test('of columns, of one privilege or of all that a column has', async () => {
    expect(await grantsOf('grant select (a, b), update on t to joe')).toEqual(['joe SELECT table public.t.a', 'joe SELECT table public.t.b', 'joe UPDATE table public.t']);
    expect(await grantsOf('grant all (a) on t to joe')).toEqual(['SELECT', 'INSERT', 'UPDATE', 'REFERENCES'].map((privilege) => `joe ${privilege} table public.t.a`));
  });

  test('of a schema, of a sequence, and of all there are in a schema', async () => {
    expect(await grantsOf('grant all on schema shop to joe; grant usage on sequence s to public')).toEqual(['joe USAGE schema shop', 'joe CREATE schema shop', 'public USAGE sequence public.s']);
    expect(await grantsOf('grant select on all tables in schema public to joe')).toEqual(['joe SELECT table public.t', 'joe SELECT table public.v']);
    expect(await grantsOf('grant usage on all sequences in schema shop, public to joe')).toEqual(['joe USAGE sequence public.s', 'joe USAGE sequence shop.u_id_seq']);
  });

  test('to hand them on is told, and taken back alone', async () => {
    const made = 'grant select, insert on t to joe with grant option;';
    expect(await grantsOf(made)).toEqual(['joe SELECT table public.t *', 'joe INSERT table public.t *']);
    expect(await grantsOf(`${made} revoke grant option for select on t from joe`)).toEqual(['joe SELECT table public.t', 'joe INSERT table public.t *']);
    expect(await grantsOf(`${made} revoke select on t from joe, ann`)).toEqual(['joe INSERT table public.t *']);
    expect(await grantsOf(`${made} revoke all on t from joe`)).toEqual([]);
  });

  test('who has no privilege does not get one when its grant option is taken back', async () => {
    expect(await grantsOf('revoke grant option for select on t from joe')).toEqual([]);
  });
});
