import { expect, it } from 'vitest';
import { parseColumnsOfTable } from './declared-reference.ts';

it.each([
  ['orders.user_id', 'public.orders', ['user_id']],
  ['Shop.Orders.User_Id', 'shop.orders', ['user_id']],
  ['orders (tenant, user_id)', 'public.orders', ['tenant', 'user_id']],
  ['shop.orders(user_id)', 'shop.orders', ['user_id']],
  ['"Odd Schema"."Ta""b(l.e"."a, b"', '"Odd Schema"."Ta""b(l.e"', ['a, b']],
  ['t ("A)", "b,c" )', 'public.t', ['A)', 'b,c']],
])('%s is read', (text, table, columns) => {
  expect(parseColumnsOfTable(text)).toEqual({ table, columns });
});

it.each(['', 'orders', 'a.b.c.d', 'orders ()', 'orders (a', 'orders (a.b)', 'a.b.c (d)', 'orders.user_id x', 'orders,user_id'])('%s is not', (text) => {
  expect(() => parseColumnsOfTable(text)).toThrow(/names no columns of a table/);
});
