import { expect, it } from 'vitest';
import { describePostgres, testDatabase } from '../../test/support/postgres.ts';
import { until } from '../../test/support/condition.ts';
import { parseTableName } from '../model/names.ts';
import type { Position } from '../model/position.ts';
import type { Mark, TableMark } from '../ports/mark-store.ts';
import { PostgresMarkStore } from './mark-store.ts';

const users = parseTableName('users');
const odd = parseTableName('"Odd Schema"."Ta""ble"');
const stream = { service: 'accounts', direction: 'monolith-to-service' } as const;
const at = (position: bigint, history = 'h') => ({ position: position as Position, history });
const leaf = (number: bigint): Mark => ({ kind: 'leaf', column: 'i"d', shift: 8, leaf: number });
const key = (...texts: string[]): Mark => ({ kind: 'key', columns: ['a', 'b'], key: texts });
const inOrder = (marks: readonly Mark[]): string[] => marks.map((mark) => (mark.kind === 'leaf' ? String(mark.leaf) : mark.kind === 'key' ? mark.key.join().slice(0, 9) : `whole: ${mark.reason}`)).sort();

async function opened() {
  const database = await testDatabase({ max: 6 });
  const stores = [1, 2, 3].map(() => new PostgresMarkStore({ pool: database.pool }));
  await Promise.all(stores.map((store) => store.install()));
  const [store] = stores;
  const flush = (through: bigint, marks: readonly TableMark[], history = 'h') => store!.flush(stream, { history, through: () => through as Position, marks: () => marks });
  const baseline = (generation: bigint, question = 'q') => ({ question, generation, since: '2026-01-01T00:00:00.000Z', rows: { source: 9_007_199_254, target: 2 } });
  return { database, store: store!, flush, baseline };
}

describePostgres('the store of marks', () => {
  it('counts all rows as touched where a stream begins later than its marks are stored, and nowhere else', async () => {
    const { store, flush } = await opened();
    expect(await store.begin(stream, at(100n), [users, odd])).toBe(false);
    await flush(2n ** 63n, [{ table: users, mark: leaf(-(2n ** 55n)) }]);
    expect([...(await store.stored('accounts'))]).toEqual([['monolith-to-service', 2n ** 63n]]);
    expect(inOrder((await store.read('accounts', odd)).marks)).toEqual(['whole: marks were not kept for a time']);
    await store.answer('accounts', odd, { baseline: { question: 'q', generation: await store.advance('accounts'), since: '', rows: { source: 0, target: 0 } }, left: [] });
    expect(await store.begin(stream, at(2n ** 63n), [users, odd])).toBe(true);
    // A former worker that says its last word takes nothing back.
    await flush(90n, []);
    expect(await store.begin(stream, at(2n ** 63n), [users, odd])).toBe(true);
    expect((await store.read('accounts', odd)).marks).toEqual([]);
    expect(await store.begin(stream, at(2n ** 63n + 1n), [odd])).toBe(false);
    expect(await store.begin(stream, at(5n, 'another'), [odd])).toBe(false);
    await expect(flush(7n, [{ table: odd, mark: leaf(7n) }])).rejects.toMatchObject({ code: 'BANYAN_STREAM_FENCED' });
    expect(await store.begin(stream, undefined, [odd])).toBe(false);
    expect(await store.begin({ ...stream, direction: 'service-to-monolith' }, at(1n), [odd])).toBe(false);
    expect((await store.read('accounts', users)).marks).toHaveLength(2);
    expect([...(await store.stored('orders'))]).toEqual([]);
  });

  it('keeps what is written while a run looks, and what it has left; a late answer takes nothing away', async () => {
    const { store, flush, baseline } = await opened();
    await store.begin(stream, at(1n), []);
    const long = key('x'.repeat(3000), 'y');
    await flush(2n, [leaf(1n), leaf(1n), key('a', 'b'), long].map((mark) => ({ table: users, mark })));
    const [first, second] = [await store.advance('accounts'), await store.advance('accounts')];
    expect(second).toBe(first + 1n);
    expect(await flush(3n, [leaf(1n), leaf(2n)].map((mark) => ({ table: users, mark })))).toBe(second);
    expect(inOrder((await store.read('accounts', users)).marks)).toEqual(['1', '2', 'a,b', 'xxxxxxxxx']);
    await store.answer('accounts', users, { baseline: baseline(second), left: [key('c', 'd')] });
    const found = await store.read('accounts', users);
    expect([inOrder(found.marks), found.baseline]).toEqual([['1', '2', 'c,d'], baseline(second)]);
    await store.answer('accounts', users, { baseline: baseline(first, 'another'), left: [leaf(9n)] });
    const later = await store.read('accounts', users);
    expect([inOrder(later.marks), later.baseline]).toEqual([['1', '2', '9', 'c,d'], baseline(second)]);
    await store.add('accounts', users, [long]);
    expect((await store.read('accounts', users)).marks).toContainEqual(long);
    expect((await store.read('orders', users)).marks).toEqual([]);
  });

  it('a generation begins when every flush of the one before is stored', async () => {
    const { database, store, flush } = await opened();
    await store.begin(stream, at(1n), []);
    const holder = await database.pool.connect();
    await holder.query("BEGIN; SELECT FROM banyan.validation_generation WHERE service = 'accounts' FOR SHARE");
    const advanced = store.advance('accounts');
    await until(async () => (await database.query('SELECT FROM pg_locks WHERE NOT granted')).length > 0, { what: 'the next generation waits' });
    await holder.query('COMMIT');
    holder.release();
    const generation = await advanced;
    expect(await flush(2n, [{ table: users, mark: leaf(1n) }])).toBe(generation);
  });

  it('two streams that store the same marks at once do not stand in each other\'s way', async () => {
    const { store } = await opened();
    const both = (['monolith-to-service', 'service-to-monolith'] as const).map((direction) => ({ service: 'accounts', direction }));
    for (const each of both) await store.begin(each, at(1n), []);
    const marks = Array.from({ length: 3000 }, (_, i) => ({ table: users, mark: leaf(BigInt((i * 7919) % 3000)) }));
    for (let round = 0; round < 3; round++) {
      await Promise.all([marks, marks.toReversed()].map((given, i) => store.flush(both[i]!, { history: 'h', through: () => 2n as Position, marks: () => given })));
      await store.advance('accounts');
    }
    expect((await store.read('accounts', users)).marks).toHaveLength(3000);
  });
});
