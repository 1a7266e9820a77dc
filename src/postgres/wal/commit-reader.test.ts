import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isBanyanError } from '../../core/errors.ts';
import { isSpooled, type Change, type Transaction } from '../../model/change.ts';
import { CommitReader } from './commit-reader.ts';
import type { SpoolFile, SpoolStorage } from './spool-storage.ts';

const bytes = (...parts: readonly (string | number | bigint)[]): Buffer =>
  Buffer.concat(parts.map((part) => {
    if (typeof part === 'string') return Buffer.from(part);
    const buffer = Buffer.alloc(typeof part === 'bigint' ? 8 : 4);
    if (typeof part === 'bigint') buffer.writeBigUInt64BE(part);
    else buffer.writeUInt32BE(part);
    return buffer;
  }));
const RELATION = (xid: readonly number[]): Buffer => bytes('R', ...xid, 7, 'public\0t\0d\0\x01\x01id\0', 25, 0xffffffff);
const insert = (xid: readonly number[], value: string): Buffer => bytes('I', ...xid, 7, 'N\0\x01t', value.length, value);
const begin = (xid: number): Buffer => bytes('B', 0n, 0n, xid);
const commit = (end: bigint): Buffer => bytes('C\0', end, end, 0n);
const start = (xid: number, first: boolean): Buffer => bytes('S', xid, first ? '\x01' : '\0');
const stop = bytes('E');
const streamCommit = (xid: number, end: bigint): Buffer => bytes('c', xid, '\0', end, end, 0n);
const abort = (xid: number, subxid: number): Buffer => bytes('A', xid, subxid);

/** A fake disk in memory, which takes only so many bytes. */
function memoryStorage(limit = Infinity): SpoolStorage & { open: number } {
  const storage = {
    open: 0,
    create(): Promise<SpoolFile> {
      storage.open += 1;
      let content = Buffer.alloc(0);
      return Promise.resolve({
        write: (part, position) => {
          if (position + part.length > limit) return Promise.reject(Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' }));
          content = Buffer.concat([content.subarray(0, position), part]);
          return Promise.resolve();
        },
        read: (into, position) => Promise.resolve(content.copy(into, 0, position)),
        close: () => {
          storage.open -= 1;
          return Promise.resolve();
        },
      });
    },
  };
  return storage;
}

const readerOf = (storage: SpoolStorage): CommitReader =>
  new CommitReader({ storage, memory: { rows: 3, bytes: 1e9 }, part: { rows: 2, bytes: 1e9 } });

async function valuesOf({ changes }: Transaction): Promise<string[]> {
  const read: Change[] = [];
  if (isSpooled(changes)) for await (const part of changes.parts()) read.push(...part);
  else read.push(...changes);
  return read.map((change) => (change.kind === 'insert' ? String(change.row[0]) : change.kind));
}

async function readAll(reader: CommitReader, messages: readonly Buffer[]): Promise<string[][]> {
  const told: string[][] = [];
  for (const message of messages) {
    const transaction = await reader.take(message);
    if (!transaction) continue;
    told.push(await valuesOf(transaction));
    if (isSpooled(transaction.changes)) await transaction.changes.discard();
  }
  return told;
}

const LARGE = 'x'.repeat(100_000);
const MIXED = [
  start(10, true), RELATION([10]), insert([10], 'a'), insert([11], 'gone'), insert([10], LARGE), stop,
  begin(20), RELATION([]), insert([], 'small'), commit(50n),
  start(30, true), RELATION([30]), insert([30], 'never'), stop,
  start(10, false), insert([10], 'b'), insert([12], 'gone too'), insert([10], 'c'), stop,
  abort(10, 11), abort(30, 30), abort(10, 12), streamCommit(10, 60n),
  begin(40), insert([], 'd'), insert([], 'e'), insert([], 'f'), insert([], 'g'), insert([], LARGE), commit(70n),
];

describe('CommitReader', () => {
  it('tells transactions in commit order, without what was rolled back, and gives its disk back', async () => {
    const storage = memoryStorage();
    const told = await readAll(readerOf(storage), MIXED);
    expect(told).toEqual([['small'], ['a', LARGE, 'b', 'c'], ['d', 'e', 'f', 'g', LARGE]]);
    expect(storage.open).toBe(0);
  });

  it('gives its disk back when the stream ends in the middle', async () => {
    const storage = memoryStorage();
    const reader = readerOf(storage);
    await readAll(reader, MIXED.slice(0, 14));
    expect(storage.open).toBe(1);
    await reader.close();
    expect(storage.open).toBe(0);
  });

  it('says BANYAN_SPOOL when the disk is full', async () => {
    const reader = readerOf(memoryStorage(1000));
    await expect(readAll(reader, MIXED)).rejects.toMatchObject({ code: 'BANYAN_SPOOL', message: expect.stringContaining('ENOSPC') });
    await reader.close();
  });

  it.each([
    ['a part within a transaction', [begin(1), start(2, true)]],
    ['a part that never began', [start(2, false)]],
    ['a transaction that begins twice', [start(2, true), stop, start(2, true)]],
    ['the end of a part that never began', [stop]],
    ['a commit of what never began', [streamCommit(2, 9n)]],
    ['a whole transaction within a part', [start(2, true), begin(3)]],
    ['a commit within a part', [start(2, true), streamCommit(2, 9n)]],
  ])('refuses %s', async (_, messages) => {
    await expect(readAll(readerOf(memoryStorage()), messages)).rejects.toMatchObject({ code: 'BANYAN_WAL_FORMAT' });
  });

  it('answers messages that are missing, repeated, changed or out of order with whole rows or BANYAN_WAL_FORMAT', async () => {
    const edit = fc.record({ at: fc.nat(), what: fc.constantFrom('drop', 'repeat', 'swap', 'change'), byte: fc.nat(), to: fc.nat(255) });
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 4 }), async (edits) => {
        const messages = [...MIXED];
        for (const { at, what, byte, to } of edits) {
          const i = at % messages.length;
          const message = Buffer.from(messages[i]!);
          if (what === 'change') message[byte % message.length] = to;
          if (what === 'drop') messages.splice(i, 1);
          else if (what === 'repeat') messages.splice(i, 0, message);
          else if (what === 'swap') messages.splice(i, 2, ...messages.slice(i, i + 2).toReversed());
          else messages[i] = message;
        }
        const reader = readerOf(memoryStorage());
        try {
          await readAll(reader, messages);
        } catch (error) {
          if (!isBanyanError(error, 'BANYAN_WAL_FORMAT') && !isBanyanError(error, 'BANYAN_TWO_PHASE')) throw error;
        } finally {
          await reader.close();
        }
      }),
      { numRuns: 300 },
    );
  });
});
