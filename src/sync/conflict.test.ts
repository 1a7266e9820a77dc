import { describe, expect, it } from 'vitest';
import { systemClock, type Clock } from '../core/clock.ts';
import { tableName } from '../model/names.ts';
import { ConflictResolver, type ConflictingChange, type ResolveConflict } from './conflict.ts';

const table = tableName('public', 'items');
const change = (committedAt: bigint, row: ConflictingChange['row'], old?: ConflictingChange['old']): ConflictingChange => ({
  table, key: { id: '1' }, row, committedAt, ...(old ? { old } : {}),
});
const mine = change(10n, { id: '1', a: 'm', b: 'old' });
const theirs = change(20n, { id: '1', a: 'old', b: 's' }, { id: '1', a: 'old', b: 'old' });

describe('built-in strategies', () => {
  it('last write wins by commit time; at the same time the monolith', async () => {
    const resolver = new ConflictResolver({ clock: systemClock });
    expect(await resolver.resolve(mine, theirs)).toMatchObject({ winner: 'service', strategy: 'last-write-wins' });
    expect(await resolver.resolve(change(20n, mine.row), theirs)).toMatchObject({ winner: 'monolith' });
  });

  it('prefers the side it is told to, per table', async () => {
    const resolver = new ConflictResolver({ clock: systemClock, default: 'prefer-monolith' });
    expect(await resolver.resolve(mine, theirs)).toMatchObject({ winner: 'monolith' });
    resolver.use(table, 'prefer-service');
    expect(await resolver.resolve(mine, theirs)).toMatchObject({ winner: 'service', strategy: 'prefer-service' });
  });

  it('merges column by column, and falls back where the old row or a row is missing', async () => {
    const resolver = new ConflictResolver({ clock: systemClock, default: 'merge-columns' });
    expect((await resolver.resolve(mine, theirs)).winner).toEqual({ id: '1', a: 'm', b: 's' });
    const both = change(20n, { id: '1', a: 's', b: 'old' }, { id: '1', a: 'old', b: 'old' });
    expect((await resolver.resolve(mine, both)).winner).toEqual({ id: '1', a: 's', b: 'old' });
    expect((await resolver.resolve(change(30n, null), theirs)).winner).toBe('monolith');
    expect((await resolver.resolve(mine, change(5n, theirs.row))).winner).toBe('monolith');
  });
});

describe('a function of the user', () => {
  const ask = (custom: ResolveConflict, clock: Clock = systemClock) =>
    new ConflictResolver({ clock, custom, timeoutMs: 10 }).resolve(mine, theirs);

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
    expect(await resolver.resolve(mine, theirs)).toMatchObject({ winner: 'monolith', strategy: 'custom' });
  });
});
