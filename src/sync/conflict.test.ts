import { describe, expect, it } from 'vitest';
import { systemClock, type Clock } from '../core/clock.ts';
import { tableName } from '../model/names.ts';
import { ConflictResolver, type ConflictingChange, type ResolveConflict } from './conflict.ts';

const table = tableName('public', 'items');
const change = (committedAt: bigint, row: ConflictingChange['row'], old?: ConflictingChange['old']): ConflictingChange => ({
  table, key: { id: '1' }, row, committedAt, ...(old ? { old } : {}),
});
/** As the database would order whole numbers. */
const order = { compare: (_change: ConflictingChange, _column: string, a: string, b: string) => Promise.resolve(Math.sign(Number(a) - Number(b))) };
const mine = change(10n, { id: '1', a: 'm', b: 'old' });
const theirs = change(20n, { id: '1', a: 'old', b: 's' }, { id: '1', a: 'old', b: 'old' });

describe('built-in strategies', () => {
  it('last write wins by commit time; at the same time the monolith', async () => {
    const resolver = new ConflictResolver({ clock: systemClock });
    expect(await resolver.resolve(mine, theirs, order)).toMatchObject({ winner: 'service', strategy: 'last-write-wins' });
    expect(await resolver.resolve(change(20n, mine.row), theirs, order)).toMatchObject({ winner: 'monolith' });
  });

  it('prefers the side it is told to, per table', async () => {
    const resolver = new ConflictResolver({ clock: systemClock, default: 'prefer-monolith' });
    expect(await resolver.resolve(mine, theirs, order)).toMatchObject({ winner: 'monolith' });
    resolver.use(table, { strategy: 'prefer-service' });
    expect(await resolver.resolve(mine, theirs, order)).toMatchObject({ winner: 'service', strategy: 'prefer-service' });
  });

  it('merges column by column, and falls back where the old row or a row is missing', async () => {
    const resolver = new ConflictResolver({ clock: systemClock, default: 'merge-columns' });
    expect((await resolver.resolve(mine, theirs, order)).winner).toEqual({ id: '1', a: 'm', b: 's' });
    const both = change(20n, { id: '1', a: 's', b: 'old' }, { id: '1', a: 'old', b: 'old' });
    expect((await resolver.resolve(mine, both, order)).winner).toEqual({ id: '1', a: 's', b: 'old' });
    expect((await resolver.resolve(change(30n, null), theirs, order)).winner).toBe('monolith');
    expect((await resolver.resolve(mine, change(5n, theirs.row), order)).winner).toBe('monolith');
  });
});

describe('strategies that go by columns', () => {
  const stock = (committedAt: bigint, n: string | null, note: string, old?: string): ConflictingChange =>
    change(committedAt, { id: '1', n, note }, old === undefined ? undefined : { id: '1', n: old, note: 'before' });
  const addUp = async (ours: ConflictingChange, theirs: ConflictingChange) => {
    const resolver = new ConflictResolver({ clock: systemClock });
    resolver.use(table, { strategy: 'add-up', columns: ['n'] });
    return (await resolver.resolve(ours, theirs, order)).winner;
  };

  it('add-up gives a counter both changes, and merges the rest', async () => {
    expect(await addUp(stock(10n, '7', 'before'), stock(20n, '9007199254740993', 'sold', '9007199254740990'))).toEqual({ id: '1', n: '10', note: 'sold' });
    expect(await addUp(stock(30n, '-1.5', 'ours'), stock(20n, '2', 'theirs', '2.25'))).toEqual({ id: '1', n: '-1.75', note: 'ours' });
  });

  it('add-up of what is no number takes it from the side that changed it; without a row the last write wins', async () => {
    expect(await addUp(stock(10n, '7', 'before'), stock(20n, 'NaN', 'before', '7'))).toEqual({ id: '1', n: 'NaN', note: 'before' });
    expect(await addUp(stock(30n, '7', 'before'), stock(20n, null, 'before', '5'))).toEqual({ id: '1', n: '7', note: 'before' });
    expect(await addUp(change(10n, null), stock(20n, '3', 'x', '5'))).toBe('service');
    expect(await addUp(stock(10n, '3', 'x'), stock(20n, '3', 'y'))).toBe('service');
  });

  it.each([
    ['9', '10', 'service'], ['10', '9', 'monolith'], ['9', '9', 'monolith'], ['9', '9.0', 'monolith'], [null, '1', 'service'], ['1', null, 'monolith'], [null, null, 'monolith'],
  ] as const)('latest-by-column: %s here and %s there, so the %s wins, whenever they were committed', async (ours, theirs, winner) => {
    const resolver = new ConflictResolver({ clock: systemClock });
    resolver.use(table, { strategy: 'latest-by-column', column: 'n' });
    for (const at of [10n, 30n]) expect(await resolver.resolve(stock(at, ours, ''), stock(20n, theirs, ''), order)).toMatchObject({ winner, strategy: 'latest-by-column' });
    expect(await resolver.resolve(change(30n, null), stock(20n, '5', ''), order)).toMatchObject({ winner: 'monolith' });
  });
});

describe('a function of the user', () => {
  const ask = (custom: ResolveConflict, clock: Clock = systemClock) =>
    new ConflictResolver({ clock, custom, timeoutMs: 10 }).resolve(mine, theirs, order);

  it('decides, with a side or a row', async () => {
    expect(await ask(() => ({ winner: 'monolith', reason: 'because' }))).toEqual({ winner: 'monolith', reason: 'because', strategy: 'custom' });
    expect(await ask(() => ({ winner: { id: '1', a: null } }))).toMatchObject({ winner: { id: '1', a: null } });
  });

  it.each([
    ['throws', () => { throw new Error('no'); }],
    ['rejects', () => Promise.reject(new Error('no'))],
    ['takes too long', () => new Promise<never>(() => {})],
    ['gives nothing', (() => null) as unknown as ResolveConflict],
    ['gives an unknown side', (() => ({ winner: 'both' })) as unknown as ResolveConflict],
    ['gives a number in a row', (() => ({ winner: { a: 1 } })) as unknown as ResolveConflict],
  ])('is an error of its own if it %s', async (_, custom) => {
    await expect(ask(custom)).rejects.toMatchObject({ code: 'BANYAN_RESOLVER' });
  });

  it('can be registered for one table', async () => {
    const resolver = new ConflictResolver({ clock: systemClock });
    resolver.register(table, () => ({ winner: 'monolith' }));
    expect(await resolver.resolve(mine, theirs, order)).toMatchObject({ winner: 'monolith', strategy: 'custom' });
  });
});
