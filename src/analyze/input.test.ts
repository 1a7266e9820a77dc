import { describe, expect, it } from 'vitest';
import { parseTableName } from '../model/names.ts';
import type { ForeignKey, Index, Schema, Table } from '../model/schema.ts';
import { compareText, readInput, reference } from './input.ts';

const table = (name: string, more: Partial<Table> = {}): Table => ({
  name: parseTableName(name), kind: 'table', columns: [{ name: 'id', type: 'bigint', nullable: false }, { name: 'parent_id', type: 'bigint', nullable: true }],
  uniques: [], foreignKeys: [], checks: [], indexes: [], triggers: [], replicaIdentity: 'default', unlogged: false, rowSecurity: false, estimatedRows: 1, bytes: 1, ...more,
});

const schemaOf = (tables: readonly Table[]): Schema => ({ dialect: 'postgresql', tables: [...tables], enums: [], domains: [], sequences: [], views: [], extensions: [] });

const reads = (...names: string[]) => ({ transactions: [{ calls: 1, reads: names.map(parseTableName), writes: [], joins: [] }] });

describe('what the analysis reads', () => {
  it('finds a table without its schema only where there is one of that name', () => {
    const schema = schemaOf([table('shop.orders'), table('a.users'), table('b.users'), table('public.carts')]);
    const read = (name: string) => {
      const { transactions, unknownTables, tables } = readInput({ schema, workload: reads(name) });
      return [transactions[0]?.reads.map((index) => tables[index]?.name), unknownTables];
    };
    expect(read('orders')).toEqual([['shop.orders'], []]);
    expect(read('users')).toEqual([[], ['public.users']]);
    expect(read('other.carts')).toEqual([[], ['other.carts']]);
    expect(read('carts')).toEqual([['public.carts'], []]);
  });

  it('takes a function that touches several tables for a reason to keep them together, one that touches one not', () => {
    const schema = schemaOf([table('a'), table('b'), table('c', { triggers: [{ name: 't', definition: '', calls: 'touch' }] })]);
    const routine = (name: string, ...names: string[]) => ({ name: parseTableName(name), reads: names.map(parseTableName), writes: [], joins: [], complete: true });
    const { code } = readInput({ schema, routines: [routine('both', 'a', 'b'), routine('one', 'a'), routine('touch', 'b')] });
    expect(code).toContainEqual([0, 1]);
    expect(code).toContainEqual([1, 2]);
    expect(code).not.toContainEqual([0]);
  });

  it('is the same in whatever order it comes', () => {
    expect([compareText('a', 'b'), compareText('b', 'a'), compareText('a', 'a')]).toEqual([-1, 1, 0]);
  });
});

describe('a foreign key', () => {
  const key: Pick<ForeignKey, 'name' | 'columns' | 'referencedColumns' | 'onDelete'> = { name: 'f', columns: ['parent_id'], referencedColumns: ['id'], onDelete: 'no action' };
  const index = (more: Partial<Index>): Index => ({ name: 'i', columns: ['parent_id'], unique: true, partial: false, definition: '', ...more });
  const told = (child: Table, columns: readonly string[] = key.columns) => {
    const { oneToOne, inPrimaryKey, nullable } = reference(child, { child: 0, parent: 1, key: { ...key, columns }, tenancy: [], declared: true });
    return { oneToOne, inPrimaryKey, nullable };
  };
  const primary = (...columns: string[]) => ({ primaryKey: { name: 'p', columns, definition: '', deferrable: false, nullsNotDistinct: false } });

  it.each([
    ['one child each by a unique index', { indexes: [index({})] }, true],
    ['many children where the unique index holds for some rows only', { indexes: [index({ partial: true })] }, false],
    ['many children where the index is not unique', { indexes: [index({ unique: false })] }, false],
    ['many children where the unique index is on an expression', { indexes: [index({ columns: [null] })] }, false],
    ['one child each where it is the primary key', primary('parent_id'), true],
    ['many children where it is a part of the primary key', primary('id', 'parent_id'), false],
    ['many children in a table without a key', {}, false],
  ] satisfies readonly (readonly [string, Partial<Table>, boolean])[])('has %s', (_, more, oneToOne) => {
    expect(told(table('child', more)).oneToOne).toBe(oneToOne);
  });

  it('is nullable by any of its columns, and of one that is not known it is not said', () => {
    expect(told(table('child')).nullable).toBe(true);
    expect(told(table('child'), ['id']).nullable).toBe(false);
    expect(told(table('child'), ['gone']).nullable).toBe(false);
    expect(told(table('child', primary('id', 'parent_id'))).inPrimaryKey).toBe(true);
    expect(told(table('child', primary('id'))).inPrimaryKey).toBe(false);
  });
});
