import { describe, expect, it } from 'vitest';
import { systemClock } from '../core/clock.ts';
import type { Position } from '../model/position.ts';
import { tableName } from '../model/names.ts';
import { Knowledge } from './knowledge.ts';

const at = (position: bigint): Position => position as Position;
const fresh = (): Knowledge => new Knowledge({ clock: systemClock });

describe('decisions', () => {
  it('are placed by the transaction that made them, whatever the clocks say', () => {
    const knowledge = fresh();
    knowledge.recordDecision('k', { position: undefined, batch: at(7n), winner: 'monolith', committedAt: 9_999n });
    knowledge.placeDecision('k', { position: at(50n), batch: at(7n), winner: 'monolith', committedAt: 1n });
    expect(knowledge.decision('k')?.position).toBe(50n);
    knowledge.forget(at(50n));
    expect(knowledge.decision('k')).toBeUndefined();
  });

  it('stand until a later one is shown, and come back when the later one did not commit', () => {
    const knowledge = fresh();
    knowledge.placeDecision('k', { position: at(50n), batch: at(7n), winner: 'service', committedAt: 1n });
    knowledge.recordDecision('k', { position: undefined, batch: at(9n), winner: 'merged', committedAt: 2n });
    knowledge.placeDecision('k', { position: at(50n), batch: at(7n), winner: 'service', committedAt: 1n });
    expect(knowledge.decision('k')?.winner).toBe('merged');
    knowledge.forgetDecision('k', at(9n));
    expect(knowledge.decision('k')).toMatchObject({ winner: 'service', position: 50n });
    knowledge.forgetDecision('k', at(7n));
    expect(knowledge.decision('k')).toBeUndefined();
  });
});

describe('a table that was emptied', () => {
  it('is where its rows were last deleted, unless one was deleted by itself later, until every change has seen it', () => {
    const knowledge = fresh();
    const items = tableName('public', 'items');
    knowledge.recordDelete('k', { position: at(10n), committedAt: 1n });
    knowledge.recordEmptied(items, { position: at(20n), committedAt: 2n });
    expect(knowledge.lastDelete('k', items)?.position).toBe(20n);
    expect(knowledge.lastDelete('k', tableName('public', 'others'))?.position).toBe(10n);
    // Of which rows, it does not say.
    expect(knowledge.tombstone('other')).toBeUndefined();
    knowledge.recordDelete('k', { position: at(30n), committedAt: 3n });
    expect(knowledge.lastDelete('k', items)?.position).toBe(30n);
    knowledge.forget(at(20n));
    expect(knowledge.lastDelete('other', items)).toBeUndefined();
  });

  it('is not what the decisions are that its emptier had not seen', () => {
    const knowledge = fresh();
    knowledge.placeDecision('seen', { position: at(5n), batch: at(1n), winner: 'service', committedAt: 1n });
    knowledge.placeDecision('unseen', { position: at(9n), batch: at(2n), winner: 'service', committedAt: 1n });
    knowledge.recordDecision('open', { position: undefined, batch: at(3n), winner: 'merged', committedAt: 1n });
    expect(knowledge.decidedSince(at(5n))).toEqual(['unseen', 'open']);
  });
});

describe('what is known of a writer', () => {
  it('is found by its number, or by its time where a savepoint gave the row another number', () => {
    const knowledge = fresh();
    knowledge.recordCommit({ xid: 5, position: at(10n), committedAt: 100n });
    expect(knowledge.commitOf({ xid: 5 })).toBe(10n);
    expect(knowledge.commitOf({ xid: 6, committedAt: 100n })).toBe(10n);
    expect(knowledge.commitOf({ xid: 6 })).toBeUndefined();
  });

  it('is dropped when a horizon answers for it and everybody has seen it', () => {
    const knowledge = fresh();
    knowledge.recordCommit({ xid: 5, position: at(10n), committedAt: 100n });
    knowledge.recordDelete('a', { position: at(10n), committedAt: 100n });
    knowledge.recordDelete('b', { position: at(30n), committedAt: 300n });
    knowledge.addHorizon({ xid: 6, position: at(20n) });
    knowledge.forget(at(15n));
    expect(knowledge.commitOf({ xid: 5 })).toBe(10n);
    expect(knowledge.tombstone('a')).toBeUndefined();
    knowledge.forget(at(20n));
    expect(knowledge.commitOf({ xid: 5 })).toBeUndefined();
    expect(knowledge.tombstone('b')?.position).toBe(30n);
    knowledge.recordInsert('b');
    expect(knowledge.tombstone('b')).toBeUndefined();
  });

  it('keeps few horizons, the latest among them', () => {
    const knowledge = fresh();
    for (let i = 1; i <= 500; i++) knowledge.addHorizon({ xid: i, position: at(BigInt(i)) });
    expect(knowledge.horizonFor(at(1000n))?.xid).toBe(500);
    expect(knowledge.horizonFor(at(0n))).toBeUndefined();
  });
});

it('wakes who waits for a position, and fails him who is aborted', async () => {
  const knowledge = fresh();
  const stop = new AbortController();
  const waiting = knowledge.awaitDecoded(at(10n), stop.signal);
  expect(knowledge.awaited).toBe(true);
  knowledge.decodedThrough(at(10n));
  await waiting;
  expect(knowledge.awaited).toBe(false);
  const never = knowledge.awaitDecoded(at(20n), stop.signal);
  stop.abort(new Error('stopped'));
  await expect(never).rejects.toThrow();
  expect(knowledge.hasRead({ decoded: at(10n), seen: at(0n) })).toBe(true);
  expect(knowledge.hasRead({ decoded: at(10n), seen: at(1n) })).toBe(false);
});

describe('a row with a change in quarantine', () => {
  it('has its deletes remembered until they are stored, and told after that, however far both sides have read', () => {
    const knowledge = fresh();
    knowledge.recordDelete('other', { position: at(5n), committedAt: 5n });
    knowledge.watch('k');
    knowledge.recordDelete('k', { position: at(10n), committedAt: 10n });
    const deletes = knowledge.unstoredDeletes();
    expect([...deletes]).toEqual([['k', { position: 10n, committedAt: 10n }]]);
    // One that comes while the first is stored is not taken for stored.
    knowledge.recordDelete('k', { position: at(20n), committedAt: 20n });
    knowledge.storedDeletes(deletes);
    expect([...knowledge.unstoredDeletes().values()]).toEqual([{ position: 20n, committedAt: 20n }]);
    knowledge.storedDeletes(knowledge.unstoredDeletes());
    knowledge.forget(at(30n));
    expect(knowledge.unstoredDeletes().size).toBe(0);
    expect([knowledge.tombstone('k')?.position, knowledge.tombstone('other')]).toEqual([20n, undefined]);
    knowledge.watchOnly(new Map());
    expect(knowledge.tombstone('k')).toBeUndefined();
  });

  it('has them from where they were stored after a restart', () => {
    const knowledge = fresh();
    knowledge.watchOnly(new Map([['k', { position: at(10n), committedAt: 10n }], ['l', undefined]]));
    expect([knowledge.tombstone('k')?.position, knowledge.unstoredDeletes().size]).toEqual([10n, 0]);
    knowledge.recordInsert('k');
    expect(knowledge.tombstone('k')).toBeUndefined();
  });
});
