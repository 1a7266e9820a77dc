import { describe, expect, it } from 'vitest';
import { isSpooled, UNCHANGED, type Change, type Relation, type Row, type SpooledChanges } from '../../model/change.ts';
import { parseTableName } from '../../model/names.ts';
import type { Position } from '../../model/position.ts';
import type { ChangeSource, SourceEvent } from '../../ports/change-source.ts';
import { CatchUpSource } from './catch-up-source.ts';
import type { SourceTable } from './chunks.ts';
import type { FinishedKeys } from './finished-keys.ts';

const at = (n: number): Position => BigInt(n) as Position;
const table = (name: string): SourceTable => ({
  source: parseTableName(name), parts: [],
  key: [{ name: 'id', sqlType: 'pg_catalog.int4', sqlCollation: undefined }],
});
const TABLES = { half: table('half'), whole: table('whole'), none: table('none') };
const relation = (name: string): Relation => ({
  table: parseTableName(name), replicaIdentity: 'default',
  columns: [{ name: 'id', identity: true, typeId: 23 }, { name: 'v', identity: false, typeId: 25 }],
});
const HALF = relation('half');

/** Of the half finished table, keys below 100 are there. */
const finished = {
  stateOf: (name: string) => {
    for (const [finishedAs, each] of [['some', TABLES.half], ['all', TABLES.whole], ['none', TABLES.none]] as const) {
      if (each.source === name) return { table: each, finished: finishedAs };
    }
    return undefined;
  },
  areFinished: (_: string, keys: readonly (readonly string[])[]) => Promise.resolve(keys.map(([id]) => Number(id) < 100)),
} as Pick<FinishedKeys, 'stateOf' | 'areFinished'> as FinishedKeys;

const insert = (row: Row, of = HALF): Change => ({ kind: 'insert', relation: of, row });
const update = (row: Row, of = HALF): Change => ({ kind: 'update', relation: of, row });
const remove = (id: string, of = HALF): Change => ({ kind: 'delete', relation: of, old: [id, null], oldIsKey: true });
const move = (from: string, row: Row): Change => ({ kind: 'update', relation: HALF, old: [from, null], oldIsKey: true, row });

class Listed implements ChangeSource {
  readonly #events: readonly SourceEvent[];
  constructor(events: readonly SourceEvent[]) {
    this.#events = events;
  }
  async *stream({ signal }: { readonly signal: AbortSignal }): AsyncGenerator<SourceEvent> {
    for (const event of this.#events) yield await Promise.resolve(event);
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    throw signal.reason;
  }
  acknowledge(): void {
    throw new Error('the log is still needed');
  }
}

/** One transaction for each list of changes, at 10, 20, …; then progress. */
async function cut(transactions: readonly (readonly Change[])[], { from = 0, until = 1000 } = {}) {
  const events: SourceEvent[] = transactions.map((changes, i) => ({
    kind: 'transaction', transaction: { position: at((i + 1) * 10), xid: i, committedAt: 0n, changes },
  }));
  const source = new CatchUpSource({
    source: new Listed([...events, { kind: 'progress', position: at(2000) }]), finished, from: at(from), until: at(until),
  });
  const stop = new AbortController();
  const seen: { position: Position; changes: readonly Change[] }[] = [];
  for await (const event of source.stream({ signal: stop.signal })) {
    if (event.kind === 'transaction' && !isSpooled(event.transaction.changes)) {
      seen.push({ position: event.transaction.position, changes: event.transaction.changes });
    }
    if (source.reached) break;
  }
  stop.abort();
  source.acknowledge(at(1));
  return { source, seen, changes: seen.flatMap((each) => each.changes), lacking: source.lacking.map(({ key }) => key[0]) };
}

describe('CatchUpSource', () => {
  it('passes on what concerns finished chunks and Banyan\'s own tables, and drops the rest', async () => {
    const whole = insert(['500', 'w'], relation('whole'));
    const own = insert(['1', 'm'], relation('banyan.mark'));
    const { changes } = await cut([
      [insert(['1', 'a']), insert(['101', 'a']), whole, own, insert(['1', 'n'], relation('none'))],
      [update(['1', UNCHANGED]), update(['101', UNCHANGED]), remove('1'), remove('101')],
    ]);
    expect(changes).toEqual([insert(['1', 'a']), whole, own, update(['1', UNCHANGED]), remove('1')]);
  });

  it('stands still where the next chunks are read, and leaves out what is older than the finished ones', async () => {
    const { seen, source } = await cut([[insert(['1', 'a'])], [insert(['2', 'a'])], [insert(['3', 'a'])], [insert(['4', 'a'])]], { from: 10, until: 30 });
    expect(seen.map(({ position }) => position)).toEqual([20n, 30n]);
    expect(source.reached).toBe(true);
  });

  it('turns a move out of the finished chunks into a delete, and one in into an insert', async () => {
    const { changes, lacking } = await cut([[move('1', ['200', UNCHANGED])], [move('200', ['2', 'whole'])], [move('2', ['3', UNCHANGED])]]);
    expect(changes).toEqual([remove('1'), insert(['2', 'whole']), move('2', ['3', UNCHANGED])]);
    expect(lacking).toEqual([]);
  });

  it('takes unchanged values from the old row where the log has all of it', async () => {
    const { changes, lacking } = await cut([[{ ...move('200', ['2', UNCHANGED]), old: ['200', 'old'], oldIsKey: false } as Change]]);
    expect(changes).toEqual([insert(['2', 'old'])]);
    expect(lacking).toEqual([]);
  });

  it('has a row fetched that moves in without its large value, and follows it until then', async () => {
    const arrive = move('200', ['2', UNCHANGED]);
    expect(await cut([[arrive]])).toMatchObject({ changes: [], lacking: ['2'] });
    // Whatever happens to it meanwhile is in what is fetched.
    expect(await cut([[arrive], [update(['2', 'now whole'])]])).toMatchObject({ changes: [], lacking: ['2'] });
    expect(await cut([[arrive], [move('2', ['3', UNCHANGED])]])).toMatchObject({ changes: [], lacking: ['3'] });
    expect(await cut([[arrive], [move('2', ['3', 'whole'])]])).toMatchObject({ changes: [insert(['3', 'whole'])], lacking: [] });
    expect(await cut([[arrive], [move('2', ['300', UNCHANGED])]])).toMatchObject({ changes: [], lacking: [] });
    expect(await cut([[arrive], [remove('2')]])).toMatchObject({ changes: [], lacking: [] });
    expect(await cut([[arrive], [remove('2'), insert(['2', 'new'])]])).toMatchObject({ changes: [insert(['2', 'new'])], lacking: [] });
  });

  it('cuts the parts of a unit, and begins anew when it is read again', async () => {
    const parts = [{ position: at(10), xid: 1, committedAt: 0n, changes: [insert(['1', 'a']), insert(['101', 'a']), move('200', ['2', UNCHANGED])] }];
    const source = new CatchUpSource({
      source: new Listed([{ kind: 'unit', position: at(10), parts }, { kind: 'progress', position: at(20) }]), finished, from: at(0), until: at(20),
    });
    for (let round = 0; round < 2; round++) {
      const stop = new AbortController();
      const events: SourceEvent[] = [];
      for await (const event of source.stream({ signal: stop.signal })) {
        events.push(event);
        if (source.reached) break;
      }
      stop.abort();
      expect(events[0]).toMatchObject({ kind: 'unit', parts: [{ changes: [insert(['1', 'a'])] }] });
      expect(source.lacking.map(({ key }) => key)).toEqual([['2']]);
    }
  });

  it('cuts a transaction that does not stand in memory, as often as it is read, and discards what nobody gets', async () => {
    let discarded = 0;
    const spooled = (parts: readonly (readonly Change[])[]): SpooledChanges => ({
      count: parts.flat().length,
      async *parts() {
        for (const part of parts) yield await Promise.resolve(part);
      },
      discard: async () => void (discarded += 1),
    });
    const large = spooled([[insert(['1', 'a']), insert(['101', 'a'])], [move('200', ['2', UNCHANGED])], [move('2', ['3', 'whole']), remove('1')]]);
    const transaction = (position: number, changes: SpooledChanges): SourceEvent => ({
      kind: 'transaction', transaction: { position: at(position), xid: position, committedAt: 0n, changes },
    });
    const source = new CatchUpSource({
      source: new Listed([transaction(5, spooled([])), transaction(10, large), transaction(30, spooled([])), { kind: 'progress', position: at(40) }]),
      finished, from: at(5), until: at(20),
    });
    const stop = new AbortController();
    const events: SourceEvent[] = [];
    for await (const event of source.stream({ signal: stop.signal })) {
      events.push(event);
      if (source.reached) break;
    }
    stop.abort();
    expect(discarded).toBe(2);
    expect(source.lacking).toEqual([]);
    const [first] = events;
    const cutChanges = first?.kind === 'transaction' && isSpooled(first.transaction.changes) ? first.transaction.changes : undefined;
    expect(cutChanges?.count).toBe(3);
    for (let round = 0; round < 2; round++) {
      const read: (readonly Change[])[] = [];
      for await (const part of cutChanges?.parts() ?? []) read.push(part);
      expect(read).toEqual([[insert(['1', 'a'])], [], [insert(['3', 'whole']), remove('1')]]);
    }
    await cutChanges?.discard();
    expect(discarded).toBe(3);
  });

  it('gives the error of its source', async () => {
    const broken: ChangeSource = {
      // eslint-disable-next-line require-yield
      async *stream() {
        throw new Error('Connection terminated');
      },
      acknowledge: () => {},
    };
    const stream = new CatchUpSource({ source: broken, finished, from: at(0), until: at(1) }).stream({ signal: new AbortController().signal });
    await expect(stream.next()).rejects.toThrow('Connection terminated');
  });
});
