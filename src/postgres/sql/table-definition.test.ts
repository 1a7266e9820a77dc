import { describe, expect, test } from 'vitest';
import type { Schema, Table } from '../../model/schema.ts';
import { parseSchema } from './parse-schema.ts';

const schemaOf = async (sql: string): Promise<Schema> => {
  const { schema, unread } = await parseSchema(sql);
  expect(unread).toEqual([]);
  return schema;
};
const tableOf = async (sql: string): Promise<Table | undefined> => (await schemaOf(sql)).tables[0];

describe('columns', () => {
  test('a generated column is stored or virtual, as it says', async () => {
    const columns = (await tableOf('create table t (a int, b int generated always as (a + 1) stored, c int generated always as (a + 2) virtual)'))?.columns;
    expect(columns?.slice(1)).toEqual([{ name: 'b', type: 'integer', nullable: true, generated: 'a + 1' }, { name: 'c', type: 'integer', nullable: true, generated: 'a + 2', virtual: true }]);
  });

  test('a collation ends the default before it, and is told without pg_catalog', async () => {
    const columns = (await tableOf(`create table t (a text default 'x' collate pg_catalog."C" not null, b text collate "default", c text not null default 'y' collate shop.german, d text collate ucs_basic check (d <> ''))`))?.columns;
    expect(columns).toEqual([
      { name: 'a', type: 'text', nullable: false, collation: '"C"', default: "'x'" }, { name: 'b', type: 'text', nullable: true },
      { name: 'c', type: 'text', nullable: false, collation: 'shop.german', default: "'y'" }, { name: 'd', type: 'text', nullable: true, collation: 'ucs_basic' },
    ]);
  });
});

describe('constraints', () => {
  test('a foreign key keeps its match, its actions and the columns that they set', async () => {
    const t = await tableOf(`create table t (a int, b int,
      foreign key (a, b) references shop.u (x, "Y") match full on delete set null (b) on update set default deferrable initially deferred)`);
    expect(t?.foreignKeys).toMatchObject([{ name: 't_a_b_fkey', onDelete: 'set null', onUpdate: 'set default', definition: 'FOREIGN KEY (a, b) REFERENCES shop.u(x, "Y") MATCH FULL ON UPDATE SET DEFAULT ON DELETE SET NULL (b) DEFERRABLE INITIALLY DEFERRED' }]);
  });

  test('behind a column, timing belongs to the constraint before it', async () => {
    const t = await tableOf('create table t (a int unique deferrable initially deferred, b int unique not deferrable initially immediate, c int references u deferrable not null)');
    expect(t?.uniques.map(({ definition, deferrable }) => [definition, deferrable])).toEqual([['UNIQUE (a) DEFERRABLE INITIALLY DEFERRED', true], ['UNIQUE (b)', false]]);
    expect(t?.foreignKeys[0]?.definition).toBe('FOREIGN KEY (c) REFERENCES u DEFERRABLE');
    expect(t?.columns[2]?.nullable).toBe(false);
  });

  test('a check is named by its column where it speaks of one only', async () => {
    const t = await tableOf(`create table t (a int, b int, check (a > 0 and a < 9), check (a < b), check (1 < 2), check (t.b > 0) no inherit, c int check (c > a))`);
    expect(t?.checks).toEqual([
      { name: 't_a_check', definition: 'CHECK (a > 0 and a < 9)' }, { name: 't_check', definition: 'CHECK (a < b)' }, { name: 't_check1', definition: 'CHECK (1 < 2)' },
      { name: 't_b_check', definition: 'CHECK (t.b > 0) NO INHERIT' }, { name: 't_c_check', definition: 'CHECK (c > a)' },
    ]);
  });

  test('an exclusion is named by its columns, and by expr where it is of an expression', async () => {
    const t = await tableOf(`create table t (a int, b int, exclude using gist (a with =, (b + 1) with <>)   where (b > 0), constraint own exclude (b with =))`);
    expect(t?.exclusions).toEqual([{ name: 't_a_expr_excl', definition: 'exclude using gist (a with =, (b + 1) with <>) where (b > 0)' }, { name: 'own', definition: 'exclude (b with =)' }]);
  });

  test('a key by an index has its columns; a key may carry columns that are not of it', async () => {
    const t = await tableOf(`create table t (a int, b int, unique nulls not distinct (a) include (b)); create unique index i on t (b); alter table t add primary key using index i`);
    expect(t?.uniques).toMatchObject([{ name: 't_a_b_key', definition: 'UNIQUE NULLS NOT DISTINCT (a) INCLUDE (b)' }]);
    expect(t?.primaryKey).toMatchObject({ name: 'i', columns: ['b'], definition: 'PRIMARY KEY (b)' });
    expect(t?.columns.map(({ nullable }) => nullable)).toEqual([true, false]);
    expect(t?.indexes).toEqual([]);
  });
});
