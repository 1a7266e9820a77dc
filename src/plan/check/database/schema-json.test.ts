import { describe, expect, test } from 'vitest';
import { BanyanError } from '../../../core/errors.ts';
import type { Schema, Table } from '../../../model/schema.ts';
import { defaultOf, foreignKeyAction, readSchemaJson, typeOf } from './schema-json.ts';

const schemaOf = (tables: object, more: object = {}): Schema => readSchemaJson({ file: 'schema.json', text: JSON.stringify({ tables, ...more }) });
const tableOf = (table: object, name = 't'): Table | undefined => schemaOf({ [name]: table }).tables[0];
const messageOf = (tables: object): string => {
  try {
    schemaOf(tables);
  } catch (error) {
    if (error instanceof BanyanError) return `${error.code} ${error.message}`;
  }
  return 'nothing was refused';
};

test.each<[Parameters<typeof typeOf>[0], string]>([
  [{ type: 'INT UNSIGNED' }, 'bigint'], [{ type: 'tinyint(4) unsigned' }, 'integer'], [{ type: 'bigint unsigned' }, 'numeric(20,0)'], [{ type: 'decimal(10,2) unsigned' }, 'numeric(10,2)'],
  [{ type: 'TINYINT(1)' }, 'boolean'], [{ type: 'tinyint(1)[]' }, 'boolean[]'], [{ type: 'decimal(10)' }, 'numeric(10,0)'], [{ type: 'decimal', precision: 8 }, 'numeric(8,0)'], [{ type: 'decimal', precision: 8, scale: 3 }, 'numeric(8,3)'],
  [{ type: 'decimal', precision: null }, 'numeric'], [{ type: 'decimal', scale: null }, 'numeric'], [{ type: 'varchar', length: 20 }, 'character varying(20)'], [{ type: 'varchar', length: null }, 'character varying'], [{ type: 'bit varying', length: 5 }, 'bit varying(5)'],
  [{ type: 'text', length: 20 }, 'text'], [{ type: 'int(11)' }, 'integer'], [{ type: 'timestamptz(3)' }, 'timestamp(3) with time zone'], [{ type: 'varchar(5)[]' }, 'character varying(5)[]'], [{ type: 'double  precision' }, 'double precision'], [{ type: 'uuid' }, 'uuid'],
])('the type %j is %s', (written, type) => {
  expect(typeOf(written)).toBe(type);
});

test.each<[Parameters<typeof defaultOf>[0], string, string | undefined]>([
  [undefined, 'text', undefined], [null, 'text', undefined], ['NULL', 'text', undefined], [5, 'integer', '5'], [1, 'boolean', 'true'], [0, 'boolean', 'false'], [true, 'boolean', 'true'], [false, 'text', 'false'],
  ['TRUE', 'boolean', 'true'], ['1', 'boolean', 'true'], ['0', 'boolean', 'false'], ['-1.5', 'numeric', '-1.5'], ['5', 'text', "'5'"], ['current_timestamp()', 'timestamp with time zone', 'CURRENT_TIMESTAMP'], ['CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3)', 'timestamp', 'CURRENT_TIMESTAMP(3)'],
  ['now()', 'timestamp', 'now()'], ["'a'::text", 'text', "'a'::text"], ["b'01'", 'bit(2)', "b'01'"], ['ARRAY[1, 2]', 'integer[]', 'ARRAY[1, 2]'], ['UTC', 'text', "'UTC'"], ["it's", 'text', "'it''s'"],
])('the default %j of a %s is %s', (written, type, value) => {
  expect(defaultOf(written, type)).toBe(value);
});

test('an action is read however it is spelled', () => {
  expect(['CASCADE', ' set_null ', 'SET  DEFAULT', 'Restrict', 'no action', 'else', undefined].map(foreignKeyAction)).toEqual(['cascade', 'set null', 'set default', 'restrict', 'no action', 'no action', 'no action']);
});

describe('a table', () => {
  test('has the key that is named, or the columns that say they are of it, or none', () => {
    const columns = { a: { type: 'int', primary_key: true, default: 5 }, b: { type: 'serial' }, c: { type: 'text', nullable: false, comment: 'why' }, d: { type: 'int', auto_increment: true, comment: '' } };
    expect(tableOf({ columns })?.primaryKey).toMatchObject({ name: 't_pkey', columns: ['a'], definition: 'PRIMARY KEY (a)' });
    expect(tableOf({ columns })?.columns).toEqual([
      { name: 'a', type: 'integer', nullable: false, default: '5' }, { name: 'b', type: 'integer', nullable: false, identity: 'by default' }, { name: 'c', type: 'text', nullable: false, comment: 'why' }, { name: 'd', type: 'integer', nullable: false, identity: 'by default' },
    ]);
    expect(tableOf({ columns, constraints: { primary_key: 'c , d' } })?.primaryKey?.columns).toEqual(['c', 'd']);
    expect(tableOf({ columns: { a: { type: 'int' } } })).not.toHaveProperty('primaryKey');
  });

  test('has each unique once, and names that are taken are numbered', () => {
    const t = tableOf({ columns: { a: { type: 'int', unique: true }, a_b: { type: 'int' }, b: { type: 'int' } }, constraints: { unique: ['a', ['a', 'b'], 'a_b', 'some_index'] } });
    expect(t?.uniques.map(({ name, columns }) => [name, columns])).toEqual([['t_a_key', ['a']], ['t_a_b_key', ['a', 'b']], ['t_a_b_key1', ['a_b']]]);
  });

  test('has foreign keys with their own names or made ones; without columns they lead to the primary key', () => {
    const id = { id: { type: 'int', primary_key: true } };
    const key = (references: string, more: object = {}): object => ({ columns: 'a', references, ...more });
    const [t] = schemaOf({ t: { columns: { a: { type: 'int' } }, constraints: { foreign_key: [key('u', { on_delete: 'SET NULL', on_update: 'cascade' }), key('shop.w ( x, y )', { name: 'own' }), key('u(k)'), key('gone'), key('bare')] } }, u: { columns: { k: { type: 'int', primary_key: true } } }, bare: { columns: { id: { type: 'int' } } }, w: { columns: id } }).tables;
    expect(t?.foreignKeys.map(({ name, references, referencedColumns, onDelete, onUpdate, definition }) => [name, references, referencedColumns, onDelete, onUpdate, definition])).toEqual([
      ['t_a_fkey', 'public.u', ['k'], 'set null', 'cascade', 'FOREIGN KEY (a) REFERENCES u ON UPDATE CASCADE ON DELETE SET NULL'],
      ['own', 'shop.w', ['x', 'y'], 'no action', 'no action', 'FOREIGN KEY (a) REFERENCES shop.w ( x, y )'],
      ['t_a_fkey1', 'public.u', ['k'], 'no action', 'no action', 'FOREIGN KEY (a) REFERENCES u(k)'],
      ['t_a_fkey2', 'public.gone', ['id'], 'no action', 'no action', 'FOREIGN KEY (a) REFERENCES gone'],
      ['t_a_fkey3', 'public.bare', ['id'], 'no action', 'no action', 'FOREIGN KEY (a) REFERENCES bare'],
    ]);
  });

  test('has checks named by their column, with and without the word', () => {
    const t = tableOf({ columns: { a: { type: 'int' } }, constraints: { check: ['a > 0', 'CHECK (`a` < 9)', { expression: '1 < 2' }, { name: 'own', expression: 'a <> 3' }] } }, 'Orders');
    expect(t?.name).toBe('public."Orders"');
    expect(t?.checks).toEqual([
      { name: 'Orders_a_check', definition: 'CHECK (a > 0)' }, { name: 'Orders_a_check1', definition: 'CHECK ("a" < 9)' }, { name: 'Orders_check', definition: 'CHECK (1 < 2)' }, { name: 'own', definition: 'CHECK (a <> 3)' },
    ]);
  });

  test('has indexes, unique or not', () => {
    const t = tableOf({ comment: 'what it is', columns: { a: { type: 'int' }, b: { type: 'int' } }, indexes: [{ columns: 'a,b' }, { name: 'Own', columns: ['b'], unique: true }] }, 'shop.t');
    expect(t).toMatchObject({ name: 'shop.t', comment: 'what it is' });
    expect(t?.indexes).toEqual([
      { name: 't_a_b_idx', columns: ['a', 'b'], unique: false, partial: false, definition: 'CREATE INDEX t_a_b_idx ON shop.t ("a", "b")' }, { name: 'Own', columns: ['b'], unique: true, partial: false, definition: 'CREATE UNIQUE INDEX "Own" ON shop.t ("b")' },
    ]);
  });
});

test('a view is its query, and reads the tables whose names are in it', () => {
  const { views } = schemaOf({ t: { columns: {} }, tt: { columns: {} }, Odd: { columns: {} } }, { views: { v: { definition: 'CREATE OR REPLACE VIEW v AS SELECT 1 FROM t' }, w: { definition: 'SELECT x FROM "Odd" JOIN tt USING (x)', columns: ['x'] } } });
  expect(views).toEqual([
    { name: 'public.v', materialized: false, columns: [], definition: 'SELECT 1 FROM t', reads: ['public.t'] }, { name: 'public.w', materialized: false, columns: ['x'], definition: 'SELECT x FROM "Odd" JOIN tt USING (x)', reads: ['public.tt', 'public."Odd"'] },
  ]);
});

test.each<[string, object, string]>([
  ['a key', { primary_key: ['a', 'x'] }, 'tables.t.constraints.primary_key'], ['a foreign key', { foreign_key: [{ columns: ['x'], references: 'u(id)' }] }, 'tables.t.constraints.foreign_key[0].columns'],
  ['what a foreign key leads to', { foreign_key: [{ columns: ['a'], references: 'u(id' }] }, 'tables.t.constraints.foreign_key[0].references'],
])('%s that can not be is refused with its place', (_, constraints, path) => {
  expect(messageOf({ t: { columns: { a: { type: 'int' } }, constraints } })).toContain(path);
});

test('an index on a column that is not there is refused, one on an expression is not', () => {
  const columns = { a: { type: 'int' } };
  expect(messageOf({ t: { columns, indexes: [{ columns: ['lower(a)'] }, { columns: ['x'] }] } })).toMatch(/BANYAN_DOCUMENT[\s\S]*tables\.t\.indexes\[1\]\.columns[\s\S]*a column of t: a/);
  expect(messageOf({ t: { columns, indexes: [{ columns: ['lower(a)'] }] } })).toBe('nothing was refused');
});
