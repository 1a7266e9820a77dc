import { expect, test } from 'vitest';
import { parseConfig } from '../config/load.ts';
import { parseTableName } from '../model/names.ts';
import type { TableToValidate } from '../validate/pair.ts';
import { asConfigured, toleranceOf } from './validate-settings.ts';

const USERS: TableToValidate = { table: parseTableName('users') };

function configured(settings: string, typed: Parameters<typeof asConfigured>[2] = {}, table: TableToValidate = USERS): TableToValidate {
  const text = `monolith: { url: "postgres://m@h/db" }\nservices: { a: { url: "postgres://s@h/db", tables: [users, orders] } }\nvalidate: { tables: { ${settings} } }\n`;
  return asConfigured(table, parseConfig({ file: 'banyan.yaml', env: {}, text }).validate, typed);
}

test('a table of which the file says nothing is compared as it is', () => {
  expect(configured('orders: { level: count }')).toEqual(USERS);
});

test('a table is found under any spelling of its name', () => {
  expect(configured('public.Users: { level: count }')).toEqual({ ...USERS, level: 'count' });
});

test('what the file says of a table is done', () => {
  expect(configured('users: { level: sample, exact: true, exclude: [seen_at], sampleRows: 7, tolerance: { floats: { relative: 0.1 }, decimals: { absolute: 2 }, columns: { price: { absolute: 0.5, relative: 0.01 } } } }')).toEqual({
    ...USERS, level: 'sample', exact: true, exclude: ['seen_at'], sampleRows: 7,
    tolerance: { floats: { relative: 0.1 }, decimals: { absolute: 2 }, columns: { price: { absolute: 0.5, relative: 0.01 } } },
  });
});

test('what was typed for this run goes before what the file says', () => {
  expect(configured('users: { level: count, exact: true, sampleRows: 7 }', { level: 'full', exact: false })).toEqual({ ...USERS, sampleRows: 7 });
});

test.each<[string, string, { readonly where?: string }, TableToValidate, Partial<TableToValidate>]>([
  ['of the file holds on both sides', 'users: { where: id > 1 }', {}, USERS, { where: 'id > 1', targetWhere: 'id > 1' }],
  ['in the service\'s own words holds there', 'users: { where: id > 1, serviceWhere: key > 1 }', {}, USERS, { where: 'id > 1', targetWhere: 'key > 1' }],
  ['that was typed takes the place of both', 'users: { where: id > 1, serviceWhere: key > 1 }', { where: 'id > 9' }, USERS, { where: 'id > 9', targetWhere: 'id > 9' }],
  [
    'narrows what is synchronised, and never widens it by an OR or a comment', 'orders: { level: count }', { where: 'id = 1 OR true -- all' }, { ...USERS, where: 'a', targetWhere: 'b' },
    { where: '(a\n) AND (id = 1 OR true -- all\n)', targetWhere: '(b\n) AND (id = 1 OR true -- all\n)' },
  ],
])('a condition %s', (_, settings, typed, table, expected) => {
  expect(configured(settings, typed, table)).toEqual({ ...table, ...expected });
});

test.each([
  [0.25, 0.25],
  [{}, {}],
  [{ floats: { absolute: 1 } }, { floats: { absolute: 1 } }],
  [{ decimals: {} }, { decimals: {} }],
])('the tolerance %j: bounds that were not given are absent, so that none is taken for zero', (given, expected) => {
  expect(toleranceOf(given)).toStrictEqual(expected);
});
