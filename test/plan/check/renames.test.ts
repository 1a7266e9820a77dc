import { describe, expect, it } from 'vitest';
import type { Schema, Table } from '../../../src/model/schema.ts';
import { Differences } from '../../../src/plan/check/database/differences.ts';
import { applyRenames, followSequences } from '../../../src/plan/check/database/renames.ts';
import { parseSchema } from '../../../src/postgres/sql/parse-schema.ts';

const renamed = async (sql: string, renames: Readonly<Record<string, string>>): Promise<{ readonly schema: Schema; readonly differences: Differences }> => {
  const { schema, unread } = await parseSchema(sql);
  expect(unread).toEqual([]);
  const differences = new Differences();
  return { schema: applyRenames(schema, new Map(Object.entries(renames)), differences), differences };
};
const named = ({ tables }: Schema, name: string): Table | undefined => tables.find((table) => table.name === name);

describe('a renamed column', () => {
  it('has its new name in all that speaks of it', async () => {
    const { schema } = await renamed(`
      create table t (id serial primary key, a int check (a > 0), b int generated always as (a + 1) stored, c int, unique (a, c), exclude using gist (a with =), foreign key (a) references t (id)) partition by list (a);
      create index a on t (a, (a + 1)) where a > 2; create policy p on t using (a = 1) with check (a = 2); create policy q on t for insert with check (c = 2); create policy r on t for select using (c = 1);
      create table part partition of t for values in (1); create trigger tr after update of a on t for each row execute function f();
      create view v as select a from t; create view w as select a from u; grant select (a, c), insert on t to joe; grant select (a) on u to joe; grant usage on sequence t_id_seq to joe`, { 't.a': 'n' });
    const t = named(schema, 'public.t');
    expect(t?.columns.map(({ name, generated }) => [name, generated])).toEqual([['id', undefined], ['n', undefined], ['b', 'n + 1'], ['c', undefined]]);
    expect(t?.primaryKey?.columns).toEqual(['id']);
    expect(t?.uniques).toMatchObject([{ columns: ['n', 'c'], definition: 'UNIQUE (n, c)' }]);
    expect([t?.checks[0]?.definition, t?.exclusions?.[0]?.definition]).toEqual(['CHECK (n > 0)', 'exclude using gist (n with =)']);
    expect(t?.foreignKeys).toMatchObject([{ columns: ['n'], referencedColumns: ['id'] }]);
    expect(t?.indexes).toMatchObject([{ name: 'a', columns: ['n', null], definition: 'create index a on t (n, (n + 1)) where n > 2' }]);
    expect(t?.policies).toMatchObject([{ name: 'p', using: 'n = 1', check: 'n = 2' }, { name: 'q', check: 'c = 2' }, { name: 'r', using: 'c = 1' }]);
    expect(t?.policies?.map((policy) => ['using' in policy, 'check' in policy])).toEqual([[true, true], [false, true], [true, false]]);
    expect(t).toMatchObject({ partitionBy: 'list (n)', triggers: [{ definition: 'create trigger tr after update of n on t for each row execute function f()' }] });
    expect(named(schema, 'public.part')?.columns[1]?.name).toBe('n');
    expect(schema.views.map(({ definition }) => definition)).toEqual(['select n from t', 'select a from u']);
    expect(schema.grants?.map(({ name, column }) => [name, column])).toEqual([['public.t', 'n'], ['public.t', 'c'], ['public.t', undefined], ['public.u', 'a'], ['public.t_id_seq', undefined]]);
  });

  it('is followed by the keys of other tables and by its sequence', async () => {
    const { schema } = await renamed('create table t (id serial primary key, free int); create table u (t_id int references t (id), v_id int references v (id)); create table v (id serial primary key)', { 't.id': 'key' });
    expect(named(schema, 'public.u')?.foreignKeys.map(({ columns, referencedColumns }) => [columns, referencedColumns])).toEqual([[['t_id'], ['key']], [['v_id'], ['id']]]);
    expect(schema.sequences.map(({ ownedBy }) => ownedBy?.column)).toEqual(['key', 'id']);
    expect(named(schema, 'public.t')?.primaryKey).toMatchObject({ columns: ['key'], definition: 'PRIMARY KEY (key)' });
  });

  it('may have a name that needs quotes, before and after', async () => {
    const { schema, differences } = await renamed('create table shop."Odd" ("a.""b" int)', { 'shop."Odd"."a.""b"': 'shop."Odd"."New"' });
    expect(named(schema, 'shop."Odd"')?.columns[0]?.name).toBe('New');
    const [script] = differences.scripts();
    expect(script?.script_content).toContain('ALTER TABLE "shop"."Odd" RENAME COLUMN "a.""b" TO "New"');
    expect(script?.rollback_script).toContain('ALTER TABLE "shop"."Odd" RENAME COLUMN "New" TO "a.""b"');
  });
});

describe('a renamed table', () => {
  it('is followed by keys, partitions, sequences, views, triggers and grants', async () => {
    const { schema, differences } = await renamed(`
      create table old (id serial primary key) partition by range (id); create table part partition of old default; create table child (old_id int references old, other_id int references other); create table other (id int primary key);
      create sequence free; create trigger tr after insert on old for each row execute function f(); create trigger tr after insert on other for each row execute function f('old');
      create view v as select id from old; create view w as select id from other; grant select on old, other to joe; grant usage on schema old to joe`, { old: 'fresh' });
    expect(schema.tables.map(({ name }) => name)).toEqual(['public.child', 'public.fresh', 'public.other', 'public.part']);
    expect(named(schema, 'public.child')?.foreignKeys.map(({ references }) => references)).toEqual(['public.fresh', 'public.other']);
    expect(named(schema, 'public.part')?.partitionOf?.parent).toBe('public.fresh');
    expect(schema.sequences.map(({ name, ownedBy }) => [name, ownedBy?.table])).toEqual([['old_id_seq', 'public.fresh'], ['free', undefined]]);
    expect(schema.views.map(({ reads, definition }) => [reads, definition])).toEqual([[['public.fresh'], 'select id from fresh'], [['public.other'], 'select id from other']]);
    expect([named(schema, 'public.fresh'), named(schema, 'public.other')].map((each) => each?.triggers[0]?.definition)).toEqual(['create trigger tr after insert on fresh for each row execute function f()', "create trigger tr after insert on other for each row execute function f('old')"]);
    expect(schema.grants?.map(({ on, name }) => `${on} ${name}`)).toEqual(['table public.fresh', 'table public.other', 'schema old']);
    expect(differences.findings).toMatchObject([{ rule: 'table-renamed', old_value: 'old', new_value: 'fresh' }]);
  });

  it('comes after the columns that are renamed by its old name', async () => {
    const { schema, differences } = await renamed('create table t (a int)', { t: 'u', 't.a': 'b' });
    expect(schema.tables).toMatchObject([{ name: 'public.u', columns: [{ name: 'b' }] }]);
    expect(differences.scripts().map(({ description }) => description)).toEqual(['Rename column t.a to b', 'Rename table t to u']);
  });
});

it.each(['gone', 't.gone', 'gone.a', '"t".', '.a'])('what is not there can not be renamed: %s', async (old) => {
  await expect(renamed('create table t (a int)', { [old]: 'x' })).rejects.toMatchObject({ code: 'BANYAN_DOCUMENT', message: `--rename ${old}=x: the old schema has no table or column ${old}.` });
});

describe('the sequence of a renamed column', () => {
  const followed = async (old: string, fresh: string): Promise<{ readonly schema: Schema; readonly scripts: readonly string[] }> => {
    const [before, after] = [(await parseSchema(old)).schema, (await parseSchema(fresh)).schema];
    const differences = new Differences();
    return { schema: followSequences(before, after, differences), scripts: differences.scripts().map(({ script_content: script }) => script) };
  };

  it('gets the name that it has in the new schema, in defaults too', async () => {
    const old = 'create table t (id int default nextval(\'old_seq\'::regclass), n int, a int default 5); create sequence old_seq owned by t.id; create sequence other';
    const { schema, scripts } = await followed(old.replaceAll("'old_seq'", "'public.old_seq'"), 'create table t (id serial, n int); create sequence other');
    expect(schema.sequences.map(({ name }) => name)).toEqual(['t_id_seq', 'other']);
    expect(schema.tables[0]?.columns.map((column) => column.default)).toEqual(["nextval('public.t_id_seq'::regclass)", undefined, '5']);
    expect(scripts).toHaveLength(1);
    expect(scripts[0]).toContain('ALTER SEQUENCE "public"."old_seq" RENAME TO "t_id_seq"');
  });

  it('keeps its name where it has it already, or another has the new one', async () => {
    expect((await followed('create table t (id serial)', 'create table t (id serial)')).scripts).toEqual([]);
    expect((await followed('create table t (id int); create sequence s owned by t.id; create sequence t_id_seq', 'create table t (id serial)')).scripts).toEqual([]);
    expect((await followed('create table t (id int); create sequence s', 'create table t (id serial)')).scripts).toEqual([]);
  });
});
