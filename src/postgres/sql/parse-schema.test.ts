import { describe, expect, test } from 'vitest';
import type { Schema, Table } from '../../model/schema.ts';
import { parseSchema } from './parse-schema.ts';

const table = (schema: Schema, name: string): Table => schema.tables.find((item) => item.name === name)!;
const schemaOf = async (sql: string): Promise<Schema> => (await parseSchema(sql)).schema;

describe('parseSchema', () => {
  test('reads columns with types as a server spells them', async () => {
    const schema = await schemaOf(`create table t (
      a bigserial primary key, b varchar(80) not null default 'x,)', c numeric(12,2)[], d timestamptz(3) default now(),
      e int generated always as (1 + (2)) stored, f int generated always as identity, g shop.mood, "Ä" char(2), h interval,
      i smallserial, j text null, k varchar(10) default 'ä', l float8)`);
    const columns = table(schema, 'public.t').columns;
    expect(columns.map((column) => column.type)).toEqual([
      'bigint', 'character varying(80)', 'numeric(12,2)[]', 'timestamp(3) with time zone', 'integer', 'integer',
      'shop.mood', 'character(2)', 'interval', 'smallint', 'text', 'character varying(10)', 'double precision',
    ]);
    expect(columns[0]).toMatchObject({ nullable: false, default: `nextval('public.t_a_seq'::regclass)` });
    expect(columns[1]).toMatchObject({ nullable: false, default: `'x,)'` });
    expect(columns[3]!.default).toBe('now()');
    expect(columns[4]!.generated).toBe('1 + (2)');
    expect(columns[5]).toMatchObject({ identity: 'always', nullable: false });
    expect(columns[11]!.default).toBe(`'ä'`);
    expect(schema.sequences.map(({ name, type, max, ownedBy }) => [name, type, max, ownedBy?.identity])).toEqual([
      ['t_a_seq', 'bigint', '9223372036854775807', false],
      ['t_f_seq', 'integer', '2147483647', true],
      ['t_i_seq', 'smallint', '32767', false],
    ]);
  });

  test('reads constraints in line, of the table and added later, with the names PostgreSQL gives', async () => {
    const schema = await schemaOf(`
      create table a (id int primary key, code text unique nulls not distinct, constraint c check (code <> ','));
      create table b (a_id int references a on delete cascade on update set null, n int check (n > 0 and n in (1, 2)),
        x int, y int, primary key (a_id, n), foreign key (x) references a (id), foreign key (x) references a (id) on delete restrict);
      alter table only b add constraint b_y foreign key (y) references a (id) deferrable, add unique (x, y);
      alter table b alter column y set default 5, alter x set not null;`);
    const a = table(schema, 'public.a');
    expect(a.primaryKey).toMatchObject({ name: 'a_pkey', columns: ['id'], definition: 'PRIMARY KEY (id)' });
    expect(a.uniques[0]).toMatchObject({ name: 'a_code_key', nullsNotDistinct: true });
    expect(a.checks).toEqual([{ name: 'c', definition: `CHECK (code <> ',')` }]);
    const b = table(schema, 'public.b');
    expect(b.foreignKeys.map((key) => [key.name, key.referencedColumns, key.onDelete, key.onUpdate])).toEqual([
      ['b_a_id_fkey', ['id'], 'cascade', 'set null'],
      ['b_x_fkey', ['id'], 'no action', 'no action'],
      ['b_x_fkey1', ['id'], 'restrict', 'no action'],
      ['b_y', ['id'], 'no action', 'no action'],
    ]);
    expect(b.foreignKeys[0]!.definition).toBe('FOREIGN KEY (a_id) REFERENCES a ON UPDATE SET NULL ON DELETE CASCADE');
    expect(b.checks[0]).toEqual({ name: 'b_n_check', definition: 'CHECK (n > 0 and n in (1, 2))' });
    expect(b.uniques[0]!.columns).toEqual(['x', 'y']);
    expect(b.columns.find((column) => column.name === 'x')!.nullable).toBe(false);
    expect(b.columns.filter((column) => b.primaryKey!.columns.includes(column.name)).every((c) => !c.nullable)).toBe(true);
  });

  test('reads what pg_dump prints', async () => {
    const schema = await schemaOf(`
      \\restrict x
      SELECT pg_catalog.set_config('search_path', '', false);
      CREATE SCHEMA shop;
      CREATE TYPE shop.mood AS ENUM ('good', 'bad');
      ALTER TYPE shop.mood ADD VALUE 'ugly';
      CREATE DOMAIN shop.email AS text NOT NULL DEFAULT 'a' CONSTRAINT at CHECK ((VALUE ~ '@'::text));
      CREATE TABLE shop."Odd" (id integer NOT NULL, CONSTRAINT ok CHECK ((id > 0)));
      ALTER TABLE shop."Odd" OWNER TO postgres;
      CREATE SEQUENCE shop.odd_seq AS integer START WITH 1 INCREMENT BY 2 NO MINVALUE MAXVALUE 99 CYCLE CACHE 1;
      ALTER SEQUENCE shop.odd_seq OWNED BY shop."Odd".id;
      ALTER TABLE shop."Odd" ALTER COLUMN id SET DEFAULT nextval('shop.odd_seq'::regclass);
      COPY shop."Odd" (id) FROM stdin;
1
\\.
      CREATE TABLE shop.p (id int, at date) PARTITION BY RANGE (at);
      CREATE TABLE shop.p1 (id int, at date);
      ALTER TABLE ONLY shop.p ATTACH PARTITION shop.p1 FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
      CREATE TABLE shop.p2 PARTITION OF shop.p DEFAULT;
      CREATE TABLE shop.p3 PARTITION OF shop.p FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
      ALTER TABLE shop.p ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (SEQUENCE NAME shop.p_id_seq);
      CREATE UNIQUE INDEX i ON shop.p USING btree (id, lower(at::text)) WHERE (id > 1);
      ALTER TABLE ONLY shop."Odd" ADD CONSTRAINT odd_pkey PRIMARY KEY (id);
      ALTER TABLE shop."Odd" REPLICA IDENTITY FULL;
      ALTER TABLE shop."Odd" ENABLE ROW LEVEL SECURITY;
      COMMENT ON TABLE shop."Odd" IS 'strange';
      COMMENT ON COLUMN shop."Odd".id IS 'key';
      CREATE EXTENSION IF NOT EXISTS citext WITH SCHEMA public;
      CREATE VIEW shop.v (x) AS SELECT id FROM shop."Odd";
      CREATE MATERIALIZED VIEW shop.m AS SELECT 1 FROM shop.v, shop.p WITH NO DATA;
      GRANT ALL ON TABLE shop.p TO PUBLIC;`);
    const odd = table(schema, 'shop."Odd"');
    expect(odd).toMatchObject({
      comment: 'strange', replicaIdentity: 'full', rowSecurity: true, checks: [{ name: 'ok', definition: 'CHECK ((id > 0))' }],
    });
    expect(odd.columns[0]).toMatchObject({ comment: 'key', default: `nextval('shop.odd_seq'::regclass)`, nullable: false });
    expect(schema.enums).toEqual([{ schema: 'shop', name: 'mood', labels: ['good', 'bad', 'ugly'] }]);
    expect(schema.domains[0]).toMatchObject({ name: 'email', baseType: 'text', nullable: false, default: `'a'` });
    expect(schema.domains[0]!.checks[0]!.name).toBe('at');
    expect(schema.sequences.find((item) => item.name === 'odd_seq')).toMatchObject({
      type: 'integer', increment: '2', max: '99', cycle: true, ownedBy: { table: 'shop."Odd"', column: 'id', identity: false },
    });
    expect(table(schema, 'shop.p')).toMatchObject({ kind: 'partitioned', partitionBy: 'RANGE (at)' });
    expect(table(schema, 'shop.p').columns[0]!.identity).toBe('by default');
    expect(table(schema, 'shop.p').indexes[0]).toMatchObject({ name: 'i', columns: ['id', null], unique: true, partial: true });
    expect(['shop.p1', 'shop.p2', 'shop.p3'].map((name) => table(schema, name).partitionOf!.bound)).toEqual([
      `FOR VALUES FROM ('2026-01-01') TO ('2026-02-01')`, 'DEFAULT', `FOR VALUES FROM ('2026-02-01') TO ('2026-03-01')`,
    ]);
    expect(table(schema, 'shop.p3').columns).toHaveLength(2);
    expect(schema.extensions).toEqual(['citext']);
    expect(schema.views.map(({ name, materialized, reads, columns }) => [name, materialized, reads, columns])).toEqual([
      ['shop.m', true, ['shop.p', 'shop.v'], []],
      ['shop.v', false, ['shop."Odd"'], ['x']],
    ]);
  });

  test('counts and lists what it cannot read, and reads the rest', async () => {
    const parsed = await parseSchema('create table a (id int);\nthis is not sql;\ncreate table b (id int);');
    expect(parsed.schema.tables.map((item) => item.name)).toEqual(['public.a', 'public.b']);
    expect(parsed.statements).toBe(3);
    expect(parsed.unread).toEqual([{ line: 2, text: 'this is not sql', reason: 'syntax error at or near "this"' }]);
  });

  test('follows migrations: renames, drops and changed columns', async () => {
    const schema = await schemaOf(`
      set search_path = app, public;
      create table old (id int primary key, a int unique, b int);
      create table if not exists old (nothing int);
      create table child (old_id int references old, constraint named check (old_id > 0));
      create table gone (id int); drop table gone; create view w as select 1; drop view w;
      alter table old rename to new;
      alter table new drop column a, add column c text not null, alter b type bigint, alter c drop not null;
      alter table child drop constraint named, drop constraint child_old_id_fkey, add foreign key (old_id) references new;
      alter table new alter b set default 1; alter table new alter b drop default;
      alter table new drop constraint old_pkey; alter table missing add column x int; create index on missing (x);
      create table copy (like new); create unlogged table u (id int); create index on u (id);
      set search_path = ''; create table plain (id int);`);
    expect(schema.tables.map((item) => item.name)).toEqual(['app.child', 'app.copy', 'app.new', 'app.u', 'public.plain']);
    const renamed = table(schema, 'app.new');
    expect(renamed.columns).toEqual([
      { name: 'id', type: 'integer', nullable: false },
      { name: 'b', type: 'bigint', nullable: true },
      { name: 'c', type: 'text', nullable: true },
    ]);
    expect(renamed.primaryKey).toBeUndefined();
    expect(renamed.uniques).toEqual([]);
    expect(table(schema, 'app.child')).toMatchObject({ checks: [], foreignKeys: [{ references: 'app.new' }] });
    expect(table(schema, 'app.u')).toMatchObject({ unlogged: true, indexes: [{ name: 'u_id_idx' }] });
    expect(table(schema, 'app.copy').columns).toHaveLength(3);
  });

  test('a renamed column is renamed in every key', async () => {
    const schema = await schemaOf(`
      create table t (id int, a int, primary key (id), unique (a, id), foreign key (a) references t (id));
      create table u (t_id int references t (id), other int);
      alter table t rename column id to key; alter table t rename a to b;`);
    expect(table(schema, 'public.t')).toMatchObject({
      columns: [{ name: 'key' }, { name: 'b' }], primaryKey: { columns: ['key'] }, uniques: [{ columns: ['b', 'key'] }],
      foreignKeys: [{ columns: ['b'], referencedColumns: ['key'] }],
    });
    expect(table(schema, 'public.u').foreignKeys[0]!.referencedColumns).toEqual(['key']);
  });

  test('finds the tables that functions and triggers touch', async () => {
    const { schema, routines } = await parseSchema(`
      create table t (id int); create table log (id int);
      create function f() returns trigger language plpgsql as $$
        begin insert into log values (new.id); if exists (select 1 from t join u on true) then perform g(); end if; return new; end $$;
      create function s() returns int language sql as 'select 1 from a, b; delete from c';
      create function m() returns int language sql begin atomic; select 1 from a; end;
      create function r() returns void language plpgsql as $$ begin for x in select * from w loop update t set id = 1; end loop; end $$;
      create function broken() returns int language sql as 'select from from; insert into a.z';
      create function other() returns int language c as 'lib', 'symbol';
      create trigger tr after insert on t for each row execute function f();`);
    const found = new Map(routines.map((routine) => [routine.name.replace('public.', ''), routine]));
    expect(found.get('f')).toMatchObject({ reads: ['public.t', 'public.u'], writes: ['public.log'], complete: true });
    expect(found.get('f')!.joins).toEqual([['public.t', 'public.u']]);
    expect(found.get('s')).toMatchObject({ reads: ['public.a', 'public.b', 'public.c'], writes: ['public.c'] });
    expect(found.get('m')).toMatchObject({ reads: ['public.a'], complete: true });
    // `x` is not declared, so PL/pgSQL refuses the body; its words still tell.
    expect(found.get('r')).toMatchObject({ reads: ['public.w'], writes: ['public.t'], complete: false });
    expect(found.get('broken')).toMatchObject({ writes: ['a.z'], complete: false });
    expect(found.get('other')).toMatchObject({ complete: false });
    expect(schema.tables.find((item) => item.name === 'public.t')!.triggers[0]).toMatchObject({ name: 'tr', calls: 'public.f' });
  });

  test('passes over what it has no place for', async () => {
    const { schema, unread } = await parseSchema(`
      create table t (id int not null, a int, constraint late unique (a));
      create unique index late_idx on t (a); alter table t add constraint by_index unique using index late_idx;
      alter table t add constraint ex exclude using gist (a with =), add column b int null references missing on update cascade;
      alter table t alter a set default null, alter nothing set not null, alter nothing drop not null, alter nothing set default 1;
      alter table t alter nothing add generated always as identity, alter nothing type text, owner to me, replica identity using index late_idx;
      alter table t replica identity nothing; alter table t replica identity default;
      alter table t attach partition missing for values in (1);
      create table p (id int) partition by list (id) with (fillfactor = 70);
      comment on table missing is 'x'; comment on column missing.a is 'x'; comment on schema public is 'x'; comment on table t is null;
      alter type missing add value 'x'; alter table missing rename to other; alter table missing rename column a to c;
      create domain plain as integer; create domain checked as text check (length(value) < 3) null;
      create sequence s; create sequence small as smallint no cycle; create sequence far maxvalue 99999999999; alter sequence s owned by none;
      create table bits (a bit(3), b "Odd Type", c app."T"[3], d geometry(Point, 4326), e time(2) with time zone, f other('x'));
      create trigger orphan before delete on missing for each row execute function f();
      create table made as select 1; drop index i; drop extension citext; create extension plpgsql; set statement_timeout = 1;`);
    expect(unread).toEqual([]);
    const t = table(schema, 'public.t');
    expect(t.uniques.map((key) => [key.name, key.columns])).toEqual([['late', ['a']], ['by_index', ['a']]]);
    expect(t).toMatchObject({ replicaIdentity: 'default', foreignKeys: [{ references: 'public.missing', referencedColumns: [], onUpdate: 'cascade' }] });
    expect(t.comment).toBeUndefined();
    expect(table(schema, 'public.p').partitionBy).toBe('LIST (id)'.replace('LIST', 'list'));
    expect(schema.sequences.map(({ name, type, max, cycle }) => [name, type, max, cycle])).toEqual([
      ['s', 'bigint', '9223372036854775807', false], ['small', 'smallint', '32767', false], ['far', 'bigint', '99999999999', false],
    ]);
    expect(schema.domains.map(({ name, nullable, checks }) => [name, nullable, checks.length])).toEqual([['plain', true, 0], ['checked', true, 1]]);
    expect(table(schema, 'public.bits').columns.map((column) => column.type)).toEqual([
      'bit(3)', 'Odd Type', 'app."T"[]', 'geometry(point,4326)', 'time(2) with time zone', `other('x')`,
    ]);
  });

  test.each([
    ['default $$it\'s, (one$$', { default: '$$it\'s, (one$$' }],
    ['default $tag$ $$ \' $tag$', { default: '$tag$ $$ \' $tag$' }],
    ["default E'it\\'s, (one'", { default: "E'it\\'s, (one'" }],
    ["default 'it''s, (one'", { default: "'it''s, (one'" }],
    ["default date'2020-01-01'", { default: "date'2020-01-01'" }],
    ["default '\\'", { default: "'\\'" }],
    ["default 1 -- it's one, (or so\n", { default: '1' }],
    ["default /* it's one, (or so */ 1", { default: '1' }],
    ['generated always as (upper(")" || \')\')) stored', { generated: 'upper(")" || \')\')' }],
    ["default (array['a', 'b'])[1]", { default: "(array['a', 'b'])[1]" }],
  ])('a quote, bracket or comma inside something else ends nothing: %s', async (written, expected) => {
    const { columns } = table(await schemaOf(`create table t (a text ${written}, b int not null default 2)`), 'public.t');
    expect(columns).toMatchObject([{ name: 'a', ...expected }, { name: 'b', nullable: false, default: '2' }]);
  });

  test('a check keeps its expression whole, whatever is quoted in it', async () => {
    const { checks } = table(await schemaOf(`create table t (a text, constraint "odd (name" check (a <> ')' and a <> $$it's)$$), check (a <> E'\\')'))`), 'public.t');
    expect(checks.map(({ definition }) => definition)).toEqual([`CHECK (a <> ')' and a <> $$it's)$$)`, `CHECK (a <> E'\\')')`]);
  });

  test('children of tables have their columns, are partitions only by a bound, and may be partitioned again', async () => {
    const schema = await schemaOf(`
      create table base (id int primary key, at date); create table child (more text) inherits (base);
      create table logs (id int, at date) partition by range (at);
      create table logs_1 partition of logs for values from ('2026-01-01') to ('2027-01-01') partition by list (id);
      create table rest partition of logs default; create table copy (like base, like missing, extra int); create table alone () inherits (missing);`);
    const names = (name: string) => table(schema, name).columns.map((column) => column.name);
    expect(table(schema, 'public.child').kind).toBe('table');
    expect(names('public.child')).toEqual(['id', 'at', 'more']);
    expect(table(schema, 'public.logs_1')).toMatchObject({ kind: 'partition', partitionBy: 'list (id)', partitionOf: { parent: 'public.logs' } });
    expect(table(schema, 'public.rest').partitionOf).toEqual({ parent: 'public.logs', bound: expect.stringMatching(/default/i) as string });
    expect(names('public.copy')).toEqual(['id', 'at', 'extra']);
    expect(names('public.alone')).toEqual([]);
  });

  test('an index has a name as the server gives it, and no column where it is on an expression', async () => {
    const { indexes } = table(await schemaOf('create table t (a text, b text); create index on t (b); create index on t ((a || b), b)'), 'public.t');
    expect(indexes.map(({ name, columns }) => [name, columns])).toEqual([['t_b_idx', ['b']], ['t_expr_b_idx', [null, 'b']]]);
  });

  test('renames leave what refers to other tables alone', async () => {
    const schema = await schemaOf(`
      create table a (id int unique); create table b (id int unique);
      create table c (a_id int references a (id), b_id int references b (id));
      alter table a rename column id to key; alter table a rename to first`);
    expect(table(schema, 'public.c').foreignKeys.map((key) => [key.columns, key.references, key.referencedColumns])).toEqual([
      [['a_id'], 'public.first', ['key']], [['b_id'], 'public.b', ['id']],
    ]);
    expect(table(schema, 'public.first').uniques[0]!.columns).toEqual(['key']);
    expect(table(schema, 'public.b').uniques[0]!.columns).toEqual(['id']);
  });

  test('what belongs to a table or a column follows its new name', async () => {
    const schema = await schemaOf(`
      create table old (id serial, a int, b serial); create index on old (a, (b + 1)); create sequence free; create table other (id serial);
      create table parted (id int) partition by list (id); create table part partition of parted default; create view v as select id from old join other using (id);
      alter table old rename column id to key; alter table old rename column a to c; alter table old rename to fresh; alter table parted rename to whole`);
    expect(schema.sequences.map(({ name, ownedBy }) => [name, ownedBy?.table, ownedBy?.column])).toEqual([
      ['old_id_seq', 'public.fresh', 'key'], ['old_b_seq', 'public.fresh', 'b'], ['free', undefined, undefined], ['other_id_seq', 'public.other', 'id'],
    ]);
    expect(table(schema, 'public.fresh').indexes[0]!.columns).toEqual(['c', null]);
    expect(table(schema, 'public.part').partitionOf!.parent).toBe('public.whole');
    expect(schema.views[0]!.reads).toEqual(['public.fresh', 'public.other']);
  });

  test('an extension has the version that was last asked for', async () => {
    expect(await schemaOf("create extension hstore version '1.7'; create extension citext; create extension postgis; alter extension hstore update to '1.8'; alter extension postgis update to '3.4'; alter extension citext update")).toMatchObject({
      extensions: ['citext', 'hstore', 'postgis'], extensionVersions: { hstore: '1.8', postgis: '3.4' },
    });
  });

  test('a materialized view has indexes, a plain table made by a query is not read', async () => {
    const schema = await schemaOf('create materialized view m (x) as select 1; create unique index on m (x); create index own on m (x); create table made as select 1');
    expect(schema.views).toMatchObject([{ name: 'public.m', columns: ['x'], indexes: [{ name: 'm_x_idx', unique: true }, { name: 'own', unique: false }] }]);
    expect(schema.tables).toEqual([]);
  });

  test('a search path holds until it is set back', async () => {
    const schema = await schemaOf('set search_path = shop; create table a (id int); set search_path to default; create table b (id int); set search_path = ""; create table c (id int)');
    expect(schema.tables.map(({ name }) => name).sort()).toEqual(['public.b', 'public.c', 'shop.a']);
  });

  test('a schema without a name is called as its owner', async () => {
    expect((await schemaOf('create schema authorization joe create table t (id int)')).tables[0]!.name).toBe('joe.t');
  });

  test('reads tables inside CREATE SCHEMA', async () => {
    expect((await schemaOf('create schema s create table t (id int)')).tables[0]!.name).toBe('s.t');
  });
});
