import { describe, expect, it } from 'vitest';
import { parseTableName } from '../model/names.ts';
import type { ShapeColumn, TableShape } from '../ports/checksummer.ts';
import { pairNames, pairTables, type TableToValidate } from './pair.ts';

const TYPES: Readonly<Record<string, Pick<ShapeColumn, 'form' | 'family' | 'judged'>>> = {
  integer: { form: 'native', family: 'integer', judged: false },
  bigint: { form: 'integer', family: 'integer', judged: false },
  numeric: { form: 'decimal', family: 'decimal', judged: false },
  real: { form: 'float', family: 'float', judged: false },
  double: { form: 'float', family: 'float', judged: false },
  date: { form: 'native', family: 'date', judged: false },
  timestamp: { form: 'timestamp', family: 'timestamp', judged: false },
  timestamptz: { form: 'instant', family: 'instant', judged: false },
  text: { form: 'text', family: 'text', judged: false },
  json: { form: 'text', family: 'document', judged: false },
  jsonb: { form: 'text', family: 'document', judged: true },
  citext: { form: 'text', family: 'other', judged: true },
};

function shape(name: string, columns: Readonly<Record<string, string>>, options: { readonly key?: readonly string[]; readonly generated?: readonly string[] } = {}): TableShape {
  return {
    table: parseTableName(name),
    key: options.key ?? ['id'],
    estimatedRows: 10,
    columns: Object.entries(columns).map(([column, type]) => ({ name: column, type, ...TYPES[type]!, generated: options.generated?.includes(column) ?? false })),
  };
}

function pair(spec: Omit<TableToValidate, 'table'>, source: TableShape, target: TableShape, exact = false) {
  return pairTables({ spec: { table: source.table, ...spec }, source, target, hash: 'record', exact });
}

const users = shape('users', { id: 'bigint', name: 'text', age: 'integer' });

describe('pairTables', () => {
  it('puts the key first and pairs columns by name', () => {
    const source = shape('t', { name: 'text', b: 'integer', a: 'bigint' }, { key: ['a', 'b'] });
    const { columns, keyLength, source: selection } = pair({}, source, source);
    expect(columns.map((column) => column.source)).toEqual(['a', 'b', 'name']);
    expect(keyLength).toBe(2);
    expect(selection).toMatchObject({ placedByKey: false, hash: 'record' });
  });

  it('places rows by a single whole-number key, of whatever width', () => {
    expect(pair({}, users, shape('users', { id: 'integer', name: 'text', age: 'integer' })).source.placedByKey).toBe(true);
    expect(pair({}, users, shape('users', { id: 'text', name: 'text', age: 'integer' })).source.placedByKey).toBe(false);
  });

  it('maps names and leaves columns out', () => {
    const target = shape('accounts', { user_id: 'bigint', full_name: 'text', extra: 'text' }, { key: ['user_id'] });
    const { columns, target: selection, drift } = pair(
      { as: 'accounts', columns: [{ source: 'id', target: 'user_id' }, { source: 'name', target: 'full_name' }, 'age'], exclude: ['age'], where: 'name IS NOT NULL', targetWhere: 'full_name IS NOT NULL' },
      users,
      target,
    );
    expect(columns.map(({ source, target }) => [source, target])).toEqual([['id', 'user_id'], ['name', 'full_name']]);
    expect(selection).toMatchObject({ table: 'public.accounts', where: 'full_name IS NOT NULL' });
    expect(drift).toEqual([]);
  });

  it('uses one filter for both sides unless there are two', () => {
    const { source, target } = pair({ where: 'age > 3' }, users, users);
    expect([source.where, target.where]).toEqual(['age > 3', 'age > 3']);
  });

  it('reports columns of one side only, but not generated ones', () => {
    const source = shape('t', { id: 'bigint', a: 'text', made: 'text' }, { generated: ['made'] });
    const target = shape('t', { id: 'bigint', b: 'text', grown: 'text', c: 'text' }, { generated: ['grown'] });
    expect(pair({ exclude: [] }, source, target).drift).toEqual([
      { column: 'a', absentOn: 'target' },
      { column: 'b', absentOn: 'source' },
      { column: 'c', absentOn: 'source' },
    ]);
  });

  it('compares generated columns that both sides have', () => {
    const source = shape('t', { id: 'bigint', made: 'text' }, { generated: ['made'] });
    expect(pair({}, source, source).columns.map((column) => column.source)).toEqual(['id', 'made']);
  });

  it("takes the given key, else the source's, else the target's", () => {
    const keyless = shape('t', { id: 'bigint', name: 'text' }, { key: [] });
    expect(pair({ key: ['name'] }, users, users).keyLength).toBe(1);
    expect(pair({ key: ['name'] }, users, users).columns[0]?.source).toBe('name');
    expect(pair({}, keyless, shape('t', { id: 'bigint', name: 'text' })).columns[0]?.source).toBe('id');
    expect(pair({}, keyless, keyless).keyLength).toBe(0);
    expect(pair({}, keyless, shape('t', { id: 'bigint', name: 'text', other: 'text' }, { key: ['other'] })).keyLength).toBe(0);
  });

  it.each([
    ['integer', 'bigint', { form: 'integer' }],
    ['bigint', 'numeric', { form: 'decimal' }],
    ['real', 'double', { form: 'digits' }],
    ['real', 'real', { form: 'float' }],
    ['date', 'timestamp', { form: 'timestamp' }],
    ['timestamp', 'timestamptz', { form: 'instant' }],
    ['date', 'timestamptz', { form: 'instant' }],
    ['json', 'jsonb', { form: 'document', judgedAs: 'jsonb' }],
    ['jsonb', 'jsonb', { form: 'text', judgedAs: 'jsonb' }],
    ['citext', 'citext', { form: 'text', judgedAs: 'citext' }],
    ['citext', 'text', { form: 'text' }],
    ['integer', 'integer', { form: 'native' }],
    ['integer', 'text', { form: 'text' }],
  ])('compares %s with %s in one form', (a, b, expected) => {
    const { source, target, sameType, ...column } = pair({}, shape('t', { id: 'bigint', v: a }), shape('t', { id: 'bigint', v: b })).columns[1]!;
    expect([source, target]).toEqual(['v', 'v']);
    expect(sameType).toBe(a === b);
    expect(column).toEqual(expected);
  });

  it('compares texts only, when exact', () => {
    const source = shape('t', { id: 'bigint', v: 'numeric', j: 'jsonb' });
    expect(new Set(pair({}, source, source, true).columns.map(({ form, judgedAs }) => [form, judgedAs].join()))).toEqual(new Set(['text,']));
  });

  it.each([
    [{ columns: ['nme'] }, 'source', 'nme'],
    [{ exclude: ['nme'] }, 'source', 'nme'],
    [{ key: ['nme'] }, 'source', 'nme'],
    [{ columns: [{ source: 'name', target: 'nme' }] }, 'target', 'nme'],
  ])('refuses a column that does not exist: %j', (spec, side, column) => {
    expect(() => pair(spec, users, users)).toThrow(expect.objectContaining({ code: 'BANYAN_VALIDATE_COLUMN', details: { table: 'public.users', side, column } }));
  });

  it('refuses to compare nothing', () => {
    const keyless = shape('t', { a: 'text' }, { key: [] });
    expect(() => pair({ exclude: ['a'] }, keyless, keyless)).toThrow(expect.objectContaining({ code: 'BANYAN_VALIDATE_COLUMN' }));
  });
});

it('pairNames reads names as users write them', () => {
  expect(pairNames({ table: 'Users' })).toEqual({ source: 'public.users', target: 'public.users' });
  expect(pairNames({ table: 'users', as: 'auth."Users"' })).toEqual({ source: 'public.users', target: 'auth."Users"' });
});
