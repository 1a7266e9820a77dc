import { describe, expect, test } from 'vitest';
import { isBanyanError } from '../core/errors.ts';
import { parseConfig } from './load.ts';

const BEGIN = 'monolith: { url: "postgres://m@h/db" }\n';
const service = (tables: string, name = 'a'): string => `  ${name}: { url: "postgres://s@h/${name}", tables: [${tables}] }\n`;
const services = (...each: readonly string[]): string => `services:\n${each.join('')}`;
const USERS = services(service('users'));

/** What is said of the file; undefined: it is accepted. */
function refusal(text: string): string | undefined {
  try {
    parseConfig({ file: 'banyan.yaml', env: {}, text: BEGIN + text });
    return undefined;
  } catch (error) {
    if (isBanyanError(error, 'BANYAN_CONFIG')) return error.message;
    throw error;
  }
}

const ONE_WAY = 'sync: { mode: monolith-to-service }\n';
const BACKWARD = 'sync: { mode: service-to-monolith }\n';

describe('tables', () => {
  test.each<[string, string, string]>([
    ['a table has one service', services(service('users'), service('Users', 'b')), 'public.users, which belongs to a'],
    ['a table stands in its service once', services(service('users, users')), 'public.users, which stands here twice'],
    ['a table is made into several only one way', services(service('users, { table: users, as: people }')), 'monolith-to-service: a table that is made into several has no way back'],
    ['a table is made of several only one way', services(service('users, { table: staff, as: users }')), 'a second table that becomes public.users'],
    ['a table is not made into several and of several at once', ONE_WAY + services(service('users, { table: users, as: people }, { table: staff, as: people }, { table: staff, as: users }')), 'public.users, and a second one made of public.staff'],
    ['one of several tables that make up a table stands there once', ONE_WAY + services(service('{ table: users, as: people }, { table: staff, as: people }, { table: staff, as: people }')), 'public.staff, which stands here twice'],
    ['a filter is not of a table that is made of several', ONE_WAY + services(service('{ table: users, where: id > 1 }, { table: staff, as: users }')), 'a filter of a table that is made into several, or of several'],
    ['a filter is not of a table that is made into several', ONE_WAY + services(service('users, { table: users, as: people, where: id > 1 }')), 'a filter of a table that is made into several, or of several'],
    ['a filter is the monolith\'s to tell', BACKWARD + services(service('{ table: users, where: id > 1 }')), 'a filter, with sync.mode service-to-monolith'],
    ['a listed column stands once', services(service('{ table: users, columns: [id, id] }')), 'the monolith\'s column "id" for the second time'],
    ['a mapped column is the image of one', services(service('{ table: users, columns: { id: id, key: { from: id } } }')), 'the monolith\'s column "id" for the second time'],
    ['a column that is not told its origin has its own name', services(service('{ table: users, columns: { id: { type: bigint }, key: id } }')), 'the monolith\'s column "id" for the second time'],
    ['a computed column comes from nowhere else', services(service('{ table: users, columns: { id: id, twice: { compute: id * 2, type: int, from: id } } }')), '`compute` beside `from` or `values`'],
    ['a computed column has a type', services(service('{ table: users, columns: { id: id, twice: { compute: id * 2 } } }')), '`compute` without a type'],
    ['two values do not become one where they come back', services(service('{ table: users, columns: { id: id, sex: { values: { f: w, v: w } } } }')), 'two values that become "w"'],
    ['a service is not named as a command is', services(service('users', 'status')), 'a service named status'],
  ])('%s', (_, text, said) => {
    expect(refusal(text)).toContain(said);
  });

  test('of entries that cross one is too many, in whatever order they are written', () => {
    const [first, second, third] = ['users', '{ table: users, as: people }', '{ table: staff, as: people }'];
    for (const order of [[first, second, third], [first, third, second], [second, first, third], [second, third, first], [third, first, second], [third, second, first]]) {
      expect(refusal(ONE_WAY + services(service(order.join(', ')))), order.join()).toContain('public.people, and a second one made of public.users');
    }
  });

  test.each<[string, string]>([
    ['a table is made into several', ONE_WAY + services(service('users, { table: users, as: people }'))],
    ['a table is made of several', ONE_WAY + services(service('users, { table: staff, as: users }'))],
    ['two values become one', ONE_WAY + services(service('{ table: users, columns: { id: id, sex: { values: { f: w, v: w } } } }'))],
    ['a filter stands where no other table shares its own', services(service('{ table: users, where: id > 1 }, { table: staff, as: people }, orders'))],
    ['values differ and come back', services(service('{ table: users, columns: { id: id, sex: { values: { f: w, m: h } } } }'))],
  ])('accepted: %s', (_, text) => {
    expect(refusal(text)).toBeUndefined();
  });
});

describe('rules', () => {
  test.each<[string, string, string | undefined]>([
    ['one query', 'sql: select 1, on: monolith', undefined],
    ['a pair of queries', 'monolith: select 1, service: select 1', undefined],
    ['half a pair', 'monolith: select 1', 'neither a pair of queries nor one'],
    ['a query beside half a pair', 'sql: select 1, service: select 1', 'neither a pair of queries nor one'],
    ['a pair with the side of one query', 'monolith: select 1, service: select 1, on: service', '`on` or `expect` beside a pair of queries'],
    ['one query in groups', 'sql: select 1, group: [day]', '`group` beside one query'],
    ['a service that is nearly there', 'of: b, sql: select 1', 'the service b, which there is not'],
  ])('%s', (_, rule, said) => {
    const found = refusal(`${USERS}validate: { rules: { r: { ${rule} } } }\n`);
    if (said === undefined) expect(found).toBeUndefined();
    else expect(found).toContain(said);
  });

  test('of several services a rule names its own', () => {
    const two = services(service('users', 'accounts'), service('orders', 'sales'));
    expect(refusal(`${two}validate: { rules: { r: { sql: select 1 } } }\n`)).toContain('a rule without `of`, and 2 services');
    expect(refusal(`${two}validate: { rules: { r: { of: acounts, sql: select 1 } } }\n`)).toContain('Did you mean accounts?');
    expect(refusal(`${two}validate: { rules: { r: { of: unlike-anything, sql: select 1 } } }\n`)).not.toContain('Did you mean');
  });
});

test.each<[string, string, string]>([
  ['1 column that refers to 2 columns', '{ from: orders (user_id), to: "users (id, region)" }', 'expected as many on either end'],
  ['2 columns that refer to 1 column', '{ from: "orders (a, b)", to: users (id) }', 'expected as many on either end'],
  ['public.userz and public.nowhere, which belong to no service', '{ from: userz (id), to: nowhere (id) }', 'Did you mean public.users?'],
])('a reference: %s', (said, reference, remedy) => {
  const found = refusal(`${USERS}validate: { references: [${reference}] }\n`);
  expect(found).toContain(said);
  expect(found).toContain(remedy);
});

test('a reference far from every table suggests none', () => {
  expect(refusal(`${USERS}validate: { references: [{ from: unlike_anything (id), to: nowhere (id) }] }\n`)).not.toContain('Did you mean');
});

test('a key that is far from every table suggests none, and one that is near its neighbour', () => {
  expect(refusal(`${USERS}validate: { tables: { usrs: { level: count } } }\n`)).toContain('Did you mean public.users?');
  expect(refusal(`${USERS}validate: { tables: { unlike_anything: { level: count } } }\n`)).not.toContain('Did you mean');
  expect(refusal(`${USERS}validate: { tables: { users: { level: count }, public.users: { level: full } } }\n`)).toContain('public.users for the second time');
});

describe('writes in the shadow', () => {
  const writes = (text: string): string => `${USERS}route: { monolith: "http://127.0.0.1:3000", shadow: { percent: 1, writes: ${text} } }\n`;

  test.each<[string, string | undefined]>([
    ['{}', 'writes.mode: found nothing'],
    ['{ header: "x-dry-run: 1" }', 'writes.mode: found nothing'],
    ['{ mode: dry-run-header }', 'the mode dry-run-header without a header'],
    ['{ mode: rolled-back, header: x-dry-run }', 'expected a header with its value'],
    ['{ mode: dry-run-header, header: "x-dry-run: 1" }', undefined],
    ['{ mode: write-safe }', undefined],
  ])('%s', (text, expected) => {
    const found = refusal(writes(text));
    if (expected === undefined) expect(found).toBeUndefined();
    else expect(found).toContain(expected);
  });
});
