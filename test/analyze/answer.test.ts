import { describe, expect, test } from 'vitest';
import { analyzeSchema } from '../../src/analyze/analyzer.ts';
import type { BoundaryDocument } from '../../src/analyze/document.ts';
import { reportFiles } from '../../src/analyze/report/files.ts';
import { parseTableName } from '../../src/model/names.ts';
import { SHAPES } from './cases/shapes.ts';
import { readCase } from './support/read-case.ts';
import { shopCase } from './support/shop-case.ts';

const SCHEMA = `
create table countries (code text primary key, name text not null);
create table users (id bigint primary key, email text not null, order_count int not null, country text references countries);
create table profiles (user_id bigint primary key references users on delete cascade, bio text);
create table variants (id bigint primary key, sku text not null);
create table variant_prices (variant_id bigint not null references variants on delete cascade, currency text, primary key (variant_id, currency));
create table orders (id bigint primary key, reference text not null unique, status text not null, user_id bigint not null references users, country text references countries);
create table order_lines (order_id bigint references orders on delete cascade, line_no int, variant_id bigint not null references variants, primary key (order_id, line_no));
create table levels (variant_id bigint primary key references variants, on_hand int not null);
create table level_moves (id bigint primary key, variant_id bigint not null references levels, moved int);
create table payments (id bigint primary key, order_id bigint not null references orders, state text not null);
create table notifications (id bigint primary key, user_id bigint not null references users on delete cascade, body text);
`;
const WORKLOAD = `
-- observed: 12h
-- calls: 100
begin;
insert into orders values (1); insert into order_lines values (1);
update levels set on_hand = on_hand - $1 where variant_id = $2; insert into level_moves values (1);
insert into payments values (1);
update users set order_count = order_count + 1 where id = $1;
insert into notifications values (1);
commit;
-- calls: 10
begin; insert into orders values (1); insert into notifications values (1); commit;
-- calls: 4
begin; insert into orders values (1); insert into order_lines values (1); commit;
-- calls: 900
select * from order_lines join variants on variants.id = order_lines.variant_id;
-- calls: 3
select * from orders join users on users.id = orders.user_id;
-- calls: 300
select * from payments join orders on orders.id = payments.order_id;
-- calls: 40
update orders set status = $1 where id = $2;
-- calls: 2
update variants set sku = $1 where id = $2;
`;
const GROUPS = [['users', 'profiles', 'countries'], ['variants', 'variant_prices'], ['orders', 'order_lines'], ['levels', 'level_moves'], ['payments'], ['notifications']];

async function cutAsAsked(workload: string = WORKLOAD): Promise<BoundaryDocument> {
  const input = await readCase({ schema: SCHEMA, workload });
  return analyzeSchema(input, { services: 6, keep: GROUPS, apart: [GROUPS.map((group) => group[0]!)] }).document;
}

describe('a transaction that becomes distributed', () => {
  test('has its steps in an order that can be undone until the money moves, and repeated after it', async () => {
    const { transactions } = await cutAsAsked();
    const [torn] = transactions.distributed;
    expect(torn).toMatchObject({ calls: 100, callsPerDay: 200, pattern: 'saga' });
    expect(torn!.steps.map(({ kind, tables }) => [kind, ...tables])).toEqual([
      ['compensable', 'public.level_moves', 'public.levels'],
      ['compensable', 'public.order_lines', 'public.orders'],
      ['pivot', 'public.payments'],
      ['retriable', 'public.users'],
      ['retriable', 'public.notifications'],
    ]);
    const [levels, orders, payments, users, notifications] = torn!.steps;
    expect(levels!.compensation).toBe('1. delete the rows inserted into level_moves, by id; 2. add back to levels.on_hand what was taken');
    expect(orders!.compensation).toBe(
      '1. delete the rows inserted into order_lines, by order_id, line_no; 2. delete the rows inserted into orders, by id; or set orders.status to withdrawn where readers may have seen them',
    );
    expect(orders!.between).toBe(
      'a reader sees what was done to level_moves, levels, order_lines and orders, but not yet to payments, users and notifications, and it may be undone; keep orders.status at pending until the pivot',
    );
    expect(payments!.compensation).toMatch(/^none: if it fails, the steps before it are undone/);
    expect(users!.why).toContain('added once');
    expect(notifications).toMatchObject({ compensation: expect.stringMatching(/^none: repeated/), between: 'nothing: all is written' });
  });

  test('with nothing to undo is an outbox', async () => {
    const { transactions } = await cutAsAsked();
    expect(transactions.distributed[1]).toMatchObject({
      calls: 10, callsPerDay: 20, pattern: 'outbox',
      remedy: 'outbox: orders commits its rows and an event in one transaction; notifications applies it, each once',
    });
  });

  test('old values are restored, deleted rows come back, and what the workload does not say is said', async () => {
    const { transactions } = await cutAsAsked(`
      begin; update orders set status = $1; delete from order_lines; insert into orders values (1); insert into payments values (1); commit;`);
    const [step] = transactions.distributed[0]!.steps;
    expect(step!.compensation).toContain('insert the deleted rows of order_lines again');
    expect(step!.compensation).toContain("restore the old orders.status from the saga's record");
    const input = await readCase({ schema: SCHEMA });
    const blind = { transactions: [{ calls: 1, reads: [], joins: [], writes: ['orders', 'levels'].map(parseTableName) }] };
    const { document } = analyzeSchema({ ...input, workload: blind }, { services: 6, keep: GROUPS, apart: [GROUPS.map((group) => group[0]!)] });
    expect(document.transactions.distributed[0]!.steps[0]!.compensation).toContain('the workload does not say which');
    expect(document.transactions.distributed[0]).not.toHaveProperty('callsPerDay');
  });

  test('always has one pivot, what can be undone before it, the rest after it, and each table once', async () => {
    let seen = 0;
    for (const name of ['layered', 'undeclared keys', 'one hundred tables']) {
      const { document } = analyzeSchema(await readCase(SHAPES[name]!(3)));
      for (const { steps, writes, services, pattern } of document.transactions.distributed) {
        seen += 1;
        const kinds = steps.map(({ kind }) => kind);
        const pivot = kinds.indexOf('pivot');
        expect(kinds, name).toEqual([...kinds.slice(0, pivot).map(() => 'compensable'), 'pivot', ...kinds.slice(pivot + 1).map(() => 'retriable')]);
        expect(pattern).toBe(pivot === 0 ? 'outbox' : 'saga');
        expect(steps.flatMap(({ tables }) => tables).sort()).toEqual([...writes].sort());
        expect(steps.map(({ service }) => service)).toEqual([...services]);
        for (const step of steps.slice(0, pivot)) {
          for (const table of step.tables) expect(step.compensation).toContain(table.replace('public.', ''));
        }
      }
    }
    expect(seen).toBeGreaterThan(20);
  });
});

describe('a cut key', () => {
  test('is remedied by what the workload does across it, and says why', async () => {
    const { cuts } = await cutAsAsked();
    const of = (from: string, to: string) => cuts.find((cut) => cut.from === `public.${from}` && cut.to === `public.${to}`)!;
    expect(of('order_lines', 'variants')).toMatchObject({ remedyKind: 'replicate', joins: 900, parentWrites: 2 });
    expect(of('order_lines', 'variants').why).toBe('statements join across it 1,800 times a day, and variants is written 4 times a day: a copy answers where it is asked, and little has to be carried over');
    expect(of('orders', 'users')).toMatchObject({ remedyKind: 'id', why: expect.stringContaining('a copy would change too often to pay') });
    expect(of('notifications', 'users')).toMatchObject({ remedyKind: 'api', why: expect.stringContaining('220 calls a day') });
    expect(of('orders', 'countries')).toMatchObject({ remedyKind: 'replicate', why: expect.stringContaining('reference data') });
    expect(of('levels', 'variants')).toMatchObject({ remedyKind: 'replicate', why: expect.stringContaining('asking each time costs more than a copy') });
    for (const cut of cuts) expect(cut.remedy.startsWith(`${cut.remedyKind}: `)).toBe(true);
  });

  test('with nothing known of its use says only what the schema says', async () => {
    const { cuts } = await cutAsAsked('');
    expect(cuts.map(({ why }) => why).join()).not.toMatch(/\d times|calls/);
  });
});

test('reads that cross are counted, and remedied by how often they run against how often it is written', async () => {
  const { transactions } = await cutAsAsked();
  expect(transactions.crossingReads.map(({ callsPerDay, remedyKind, home }) => [callsPerDay, remedyKind, home])).toEqual([
    [1800, 'replicate', 'orders'], [600, 'read-model', 'orders'], [6, 'compose', 'orders'],
  ]);
});

test('what is copied is said, with how old it may be', async () => {
  const { details } = await cutAsAsked();
  expect(details.duplicates.map(({ table, into }) => [table, ...into])).toEqual([['public.countries', 'orders'], ['public.variants', 'levels', 'orders']]);
  expect(details.duplicates[0]!.staleness).toMatch(/^minutes to hours are harmless/);
  expect(details.duplicates[1]!.staleness).toContain('written 4 times a day');
});

test('reasons are plain words with numbers', async () => {
  const { details } = await cutAsAsked();
  expect(details.services['orders']!.reasons[0]).toBe(
    'order_lines is part of orders (order_id is inside its primary key); both are named for "order"; written together 208 times a day of the 208 that write order_lines',
  );
  expect(details.services['orders']).toMatchObject({ centre: 'public.orders', writes: { calls: 154, whole: 44 } });
  expect(details.services['payments']!.leaves[0]).toMatchObject({ service: 'orders', keysOut: 1, joins: 300, transactions: 100 });
  expect(details.tables['public.orders']).toMatchObject({ runnerUp: expect.any(String), against: [expect.any(String)] });
  expect(details.order.map(({ service }) => service)).toEqual(Object.keys(details.services));
  for (const { reasons } of details.order) expect(reasons.length).toBeGreaterThan(1);
});

test('every circle is opened by the edges named, and by no fewer of them', async () => {
  const shop = analyzeSchema(await readCase(shopCase())).document;
  expect(shop.details.cycles).toHaveLength(1);
  const { services, breaks } = shop.details.cycles[0]!;
  const closed = (without: readonly { readonly from: string; readonly to: string }[]): boolean => {
    const edges = shop.cuts.filter((cut) => !without.some(({ from, to }) => from === cut.fromService && to === cut.toService));
    const reaches = (from: string, to: string, seen: Set<string>): boolean =>
      edges.some((cut) => cut.fromService === from && (cut.toService === to || (!seen.has(cut.toService) && reaches(cut.toService, to, seen.add(cut.toService)))));
    return services.some((service) => reaches(service, service, new Set([service])));
  };
  expect(closed([])).toBe(true);
  expect(closed(breaks)).toBe(false);
  for (const spared of breaks) expect(closed(breaks.filter((other) => other !== spared)), `${spared.from} to ${spared.to}`).toBe(true);
});

test('the report says all of it', async () => {
  const report = reportFiles(await cutAsAsked())['report.md']!;
  for (const part of ['## What to copy', '### 1. ', 'until the next step', '200 calls a day', 'Why at this place', 'What ties it to others', 'write nowhere else']) expect(report).toContain(part);
});
