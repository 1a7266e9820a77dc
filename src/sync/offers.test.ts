import { describe, expect, it } from 'vitest';
import type { Change, Relation } from '../model/change.ts';
import { tableName } from '../model/names.ts';
import type { Position } from '../model/position.ts';
import { Mapping } from './mapping.ts';
import { OfferReader, Offers, type OfferOutcome } from './offers.ts';
import { Unfit, type Reading } from './reading.ts';

const ITEMS = tableName('public', 'items');
const EQUAL = { state: 'equal' } as const;
const MOVED = { state: 'moved' } as const;

describe('the outcomes of offers', () => {
  it('come in the order in which they were asked for, whichever was settled first, or before anybody asked', async () => {
    const offers = new Offers();
    offers.settled(new Map([['b', MOVED]]));
    const outcomes = offers.outcomes(['a', 'b', 'c'], new AbortController().signal);
    offers.settled(new Map<string, OfferOutcome>([['c', EQUAL], ['a', { state: 'refused', reason: 'why' }]]));
    expect(await outcomes).toEqual([{ state: 'refused', reason: 'why' }, MOVED, EQUAL]);
  });

  it('are not waited for by one who is stopped', async () => {
    const offers = new Offers();
    const stopping = new AbortController();
    const outcomes = offers.outcomes(['a'], stopping.signal);
    stopping.abort(new Error('enough'));
    await expect(outcomes).rejects.toThrow('enough');
    const other = new AbortController();
    const again = offers.outcomes(['b'], other.signal);
    other.abort('no error at all');
    await expect(again).rejects.toThrow('stopped');
    await expect(offers.outcomes(['c'], stopping.signal)).rejects.toThrow('enough');
  });

  it('of a worker that is gone fill no memory: no more are kept than may be asked for at once', async () => {
    const offers = new Offers();
    offers.settled(new Map(Array.from({ length: 10_001 }, (_, i) => [`former ${i}`, EQUAL])));
    expect(await offers.outcomes(['former 9999'], new AbortController().signal)).toEqual([EQUAL]);
    offers.settled(new Map(Array.from({ length: 10_001 }, (_, i) => [`former ${i}`, EQUAL])));
    const stopping = new AbortController();
    const beyond = offers.outcomes(['former 10000'], stopping.signal);
    await Promise.resolve();
    stopping.abort(new Error('it was not kept'));
    await expect(beyond).rejects.toThrow('it was not kept');
  });
});

const COLUMNS = ['id', 'service', 'table_name', 'key', 'row', 'offer'];
const REQUEST: Relation = {
  table: tableName('banyan', 'request'), replicaIdentity: 'default', columns: COLUMNS.map((name) => ({ name, identity: name === 'id', typeId: 25 })),
};
const offered = (cells: Readonly<Record<string, string>>): Change => ({ kind: 'insert', relation: REQUEST, row: COLUMNS.map((name) => cells[name] ?? null) });

function read(change: Change) {
  const mapping = new Mapping({
    pairs: [{ monolith: ITEMS, service: ITEMS }], direction: 'service-to-monolith',
    targets: new Map([[ITEMS, { name: ITEMS, columns: ['id', 'name'], key: [0] }]]),
  });
  const reading: Reading = {
    position: 100n as Position, committedAt: 7n, seen: 50n as Position, batch: 0n as Position, echo: false, learning: true, marked: false, decided: new Map(), unfit: new Unfit(),
  };
  return new OfferReader().read(change, reading, { service: 'shop', mapping });
}

describe('an offer in the log', () => {
  const row = { id: '3', service: 'shop', table_name: ITEMS, key: '{"id":"1"}', row: '{"id":"1","name":"Ann"}' };

  it('is the row whole, as seen as its author says', () => {
    expect(read(offered({ ...row, offer: '{"truth":"service","here":"t","version":"9","seen":"0/40"}' }))).toMatchObject([
      { kind: 'offered', key: ['1'], write: { kind: 'insert', row: ['1', 'Ann'], seen: 0x40n, position: 100n, committedAt: 7n }, offer: { id: '3', truth: 'service', version: '9' } },
    ]);
  });

  it('is its absence, as seen as the log tells where its author does not', () => {
    expect(read(offered({ ...row, row: '{"id":"1"}', offer: '{"truth":"monolith","here":"f"}' }))).toMatchObject([
      { write: { kind: 'delete', key: ['1'], seen: 50n }, offer: { id: '3', truth: 'monolith' } },
    ]);
  });

  it('is none of ours if it belongs to another service, or is a request, or has been deleted', () => {
    expect(read(offered({ ...row, service: 'other', offer: '{"truth":"service","here":"t"}' }))).toEqual([]);
    expect(read(offered(row))).toEqual([]);
    expect(read({ kind: 'delete', relation: REQUEST, old: COLUMNS.map(() => null), oldIsKey: true })).toEqual([]);
  });
});
