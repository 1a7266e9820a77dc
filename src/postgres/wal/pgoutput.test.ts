import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isBanyanError } from '../../core/errors.ts';
import { isSpooled, UNCHANGED, type Transaction } from '../../model/change.ts';
import { Assembler } from './assembler.ts';
import { parseLsn } from '../../model/position.ts';
import { PgoutputDecoder, type PgoutputMessage } from './pgoutput.ts';

/** Writes the fields of a message, big-endian, so that tests say what they send. */
class Bytes {
  readonly #parts: Buffer[] = [];

  constructor(kind: string) {
    this.#parts.push(Buffer.from(kind));
  }

  u8(value: number): this {
    return this.#push(1, (b) => b.writeUInt8(value));
  }

  u16(value: number): this {
    return this.#push(2, (b) => b.writeUInt16BE(value));
  }

  u32(value: number): this {
    return this.#push(4, (b) => b.writeUInt32BE(value));
  }

  u64(value: bigint): this {
    return this.#push(8, (b) => b.writeBigUInt64BE(value));
  }

  i64(value: bigint): this {
    return this.#push(8, (b) => b.writeBigInt64BE(value));
  }

  z(text: string): this {
    this.#parts.push(Buffer.from(`${text}\0`));
    return this;
  }

  row(...cells: readonly (string | null | typeof UNCHANGED)[]): this {
    this.u16(cells.length);
    for (const cell of cells) {
      if (cell === null) this.#parts.push(Buffer.from('n'));
      else if (cell === UNCHANGED) this.#parts.push(Buffer.from('u'));
      else {
        const text = Buffer.from(cell);
        this.#parts.push(Buffer.from('t'));
        this.u32(text.length);
        this.#parts.push(text);
      }
    }
    return this;
  }

  get buffer(): Buffer {
    return Buffer.concat(this.#parts);
  }

  #push(size: number, write: (buffer: Buffer) => void): this {
    const buffer = Buffer.alloc(size);
    write(buffer);
    this.#parts.push(buffer);
    return this;
  }
}

const m = (kind: string): Bytes => new Bytes(kind);

const RELATION = m('R').u32(7).z('Odd Schema').z('t').u8(0x64).u16(2)
  .u8(1).z('id').u32(23).u32(0xffffffff)
  .u8(0).z('v').u32(25).u32(0xffffffff).buffer;

function decoderWithRelation(): PgoutputDecoder {
  const decoder = new PgoutputDecoder();
  decoder.decode(RELATION);
  return decoder;
}

const VALID: Readonly<Record<string, Buffer>> = {
  begin: m('B').u64(9n).i64(-1n).u32(42).buffer,
  commit: m('C').u8(0).u64(8n).u64(9n).i64(0n).buffer,
  origin: m('O').u64(77n).z('banyan_x').buffer,
  relation: RELATION,
  type: m('Y').u32(99).z('public').z('mood').buffer,
  message: m('M').u8(1).u64(3n).z('hello').u32(3).u8(1).u8(2).u8(3).buffer,
  insert: m('I').u32(7).u8(0x4e).row('1', null).buffer,
  update: m('U').u32(7).u8(0x4e).row('1', UNCHANGED).buffer,
  'update with key': m('U').u32(7).u8(0x4b).row('1', null).u8(0x4e).row('2', UNCHANGED).buffer,
  'update with old row': m('U').u32(7).u8(0x4f).row('1', 'ä').u8(0x4e).row('1', 'b').buffer,
  'delete by key': m('D').u32(7).u8(0x4b).row('1', null).buffer,
  'delete with old row': m('D').u32(7).u8(0x4f).row('1', 'x').buffer,
  truncate: m('T').u32(1).u8(3).u32(7).buffer,
  'stream start': m('S').u32(42).u8(1).buffer,
  'stream stop': m('E').buffer,
  'stream commit': m('c').u32(42).u8(0).u64(8n).u64(9n).i64(-1n).buffer,
  'stream abort': m('A').u32(42).u32(43).buffer,
};

/** What the messages of a streamed part look like: each with its transaction's number. */
const NUMBERED = ['relation', 'type', 'message', 'insert', 'update', 'update with key', 'update with old row', 'delete by key', 'delete with old row', 'truncate'];
const numbered = (name: string, xid: number): Buffer => {
  const bytes = VALID[name]!;
  return Buffer.concat([bytes.subarray(0, 1), new Bytes('').u32(xid).buffer, bytes.subarray(1)]);
};

describe('PgoutputDecoder', () => {
  it.each([
    ['plain', 'x'], ['long', 'x'.repeat(200)], ['longer than is read in one go', 'x'.repeat(5000)], ['not ASCII', 'zażółć 🌳'], ['empty', ''],
    ['control characters', '\u0001\u007f'],
  ])('decodes the same row whatever is in it: %s', (_, value) => {
    const message = m('U').u32(7).u8(0x4f).row(value, null).u8(0x4e).row('1', value).buffer;
    expect(decoderWithRelation().decode(message)).toMatchObject({ kind: 'update', old: [value, null], row: ['1', value] });
  });

  it('refuses a plain row whose value claims more bytes than there are', () => {
    const message = m('I').u32(7).u8(0x4e).row('1', 'abc').buffer;
    message.writeUInt32BE(4, message.length - 7);
    expect(() => decoderWithRelation().decode(message)).toThrow('bytes expected');
    expect(() => decoderWithRelation().decode(message.subarray(0, message.length - 5))).toThrow('without its length');
  });

  it('reads every message', () => {
    const decoder = new PgoutputDecoder();
    const decode = (name: string): PgoutputMessage => decoder.decode(VALID[name]!);
    const relation = {
      table: '"Odd Schema".t', replicaIdentity: 'default',
      columns: [{ name: 'id', identity: true, typeId: 23, modifier: -1 }, { name: 'v', identity: false, typeId: 25, modifier: -1 }],
    };
    expect(decode('relation')).toEqual({ kind: 'relation', relation });
    expect(decode('begin')).toEqual({ kind: 'begin', committedAt: 946_684_799_999_999n, xid: 42 });
    expect(decode('commit')).toEqual({ kind: 'commit', endPosition: 9n });
    expect(decode('origin')).toEqual({ kind: 'origin', position: 77n, name: 'banyan_x' });
    expect(decode('type')).toEqual({ kind: 'type' });
    expect(decode('message')).toEqual({ kind: 'message', prefix: 'hello' });
    expect(decode('insert')).toEqual({ kind: 'insert', relation, row: ['1', null] });
    expect(decode('update')).toEqual({ kind: 'update', relation, row: ['1', UNCHANGED] });
    expect(decode('update with key')).toEqual({ kind: 'update', relation, old: ['1', null], oldIsKey: true, row: ['2', UNCHANGED] });
    expect(decode('update with old row')).toEqual({ kind: 'update', relation, old: ['1', 'ä'], oldIsKey: false, row: ['1', 'b'] });
    expect(decode('delete by key')).toEqual({ kind: 'delete', relation, old: ['1', null], oldIsKey: true });
    expect(decode('delete with old row')).toEqual({ kind: 'delete', relation, old: ['1', 'x'], oldIsKey: false });
    expect(decode('truncate')).toEqual({ kind: 'truncate', relations: [relation], cascade: true, restartIdentity: true });
    expect(decode('stream start')).toEqual({ kind: 'stream-start', xid: 42, first: true });
    expect(decode('stream stop')).toEqual({ kind: 'stream-stop' });
    expect(decode('stream commit')).toEqual({ kind: 'stream-commit', xid: 42, endPosition: 9n, committedAt: 946_684_799_999_999n });
    expect(decode('stream abort')).toEqual({ kind: 'stream-abort', xid: 42, subxid: 43 });
  });

  it.each(NUMBERED)('reads %s of a streamed part, and refuses it cut or followed by anything', (name) => {
    const decoder = decoderWithRelation().fork({ streamed: true });
    const bytes = numbered(name, 77);
    expect(decoder.decode(bytes)).toEqual(decoderWithRelation().decode(VALID[name]!));
    expect(decoder.xidOf(bytes)).toBe(77);
    const refused = expect.objectContaining({ code: 'BANYAN_WAL_FORMAT' });
    for (let end = 0; end < bytes.length; end++) expect(() => decoder.decode(bytes.subarray(0, end))).toThrow(refused);
    expect(() => decoder.decode(Buffer.concat([bytes, Buffer.from([0])]))).toThrow(refused);
  });

  it('takes over from a transaction what was described to it, but nothing older than what it knows', () => {
    const decoder = decoderWithRelation();
    const first = decoder.fork({ streamed: true });
    const described = (columns: number): Buffer => {
      const message = m('R').u32(9).z('s').z('t').u8(0x64).u16(columns);
      for (let i = 0; i < columns; i++) message.u8(i === 0 ? 1 : 0).z(`c${i}`).u32(23).u32(0);
      return message.buffer;
    };
    first.decode(Buffer.concat([described(1).subarray(0, 1), new Bytes('').u32(5).buffer, described(1).subarray(1)]));
    const insert = m('I').u32(9).u8(0x4e).row('1').buffer;
    expect(() => decoder.decode(insert)).toThrow('never described');
    decoder.learnFrom(first);
    expect(decoder.decode(insert)).toMatchObject({ row: ['1'] });
    decoder.decode(described(2));
    decoder.learnFrom(first);
    expect(decoder.decode(m('I').u32(9).u8(0x4e).row('1', '2').buffer)).toMatchObject({ row: ['1', '2'] });
  });

  it.each(['b', 'P', 'K', 'r', 'p'])('refuses message "%s" of a prepared transaction by name', (letter) => {
    expect(() => decoderWithRelation().decode(m(letter).u32(1).buffer)).toThrow(expect.objectContaining({ code: 'BANYAN_TWO_PHASE' }));
  });

  it('takes a relation as it was last described, and an empty schema for pg_catalog', () => {
    const decoder = decoderWithRelation();
    const described = decoder.decode(m('R').u32(7).z('').z('t').u8(0x66).u16(1).u8(1).z('id').u32(23).u32(0).buffer);
    expect(described).toMatchObject({ relation: { table: 'pg_catalog.t', replicaIdentity: 'full' } });
    expect(decoder.decode(m('I').u32(7).u8(0x4e).row('5').buffer)).toMatchObject({ row: ['5'] });
    expect(() => decoder.decode(VALID['insert']!)).toThrow(/a row of 2 columns for pg_catalog.t, which has 1/);
  });

  it.each([
    ['nothing at all', Buffer.alloc(0)],
    ['an unknown message', m('Z').buffer],
    ['a rollback with its time, which only parallel streaming sends', m('A').u32(42).u32(43).u64(8n).i64(0n).buffer],
    ['an unknown relation', m('I').u32(8).u8(0x4e).row('1', null).buffer],
    ['a truncate of an unknown relation', m('T').u32(1).u8(0).u32(8).buffer],
    ['a truncate that counts wrong', m('T').u32(0x40000001).u8(0).u32(7).buffer],
    ['a replica identity that does not exist', m('R').u32(9).z('a').z('b').u8(0x78).u16(0).buffer],
    ['a relation with fewer columns than it says', m('R').u32(9).z('a').z('b').u8(0x64).u16(2).u8(0).z('c').u32(1).u32(1).buffer],
    ['an insert without a new row', m('I').u32(7).u8(0x4b).row('1', null).buffer],
    ['an update without a row', m('U').u32(7).u8(0x78).row('1', null).buffer],
    ['an update with two old rows', m('U').u32(7).u8(0x4b).row('1', null).u8(0x4b).row('1', null).buffer],
    ['a delete with a new row', m('D').u32(7).u8(0x4e).row('1', null).buffer],
    ['too few columns', m('I').u32(7).u8(0x4e).row('1').buffer],
    ['too many columns', m('I').u32(7).u8(0x4e).row('1', '2', '3').buffer],
    ['a binary value', m('I').u32(7).u8(0x4e).u16(2).u8(0x62).u32(1).u8(1).u8(0x6e).buffer],
    ['a value longer than the message', m('I').u32(7).u8(0x4e).u16(2).u8(0x74).u32(0xffffffff).u8(1).buffer],
    ['a message whose content is cut', m('M').u8(0).u64(1n).z('p').u32(5).u8(1).buffer],
  ])('refuses %s', (_, bytes) => {
    expect(() => decoderWithRelation().decode(bytes)).toThrow(expect.objectContaining({ code: 'BANYAN_WAL_FORMAT' }));
  });

  it.each(Object.entries(VALID))('refuses %s when it is cut anywhere or followed by anything', (_, bytes) => {
    const refused = expect.objectContaining({ code: 'BANYAN_WAL_FORMAT' });
    for (let end = 0; end < bytes.length; end++) expect(() => decoderWithRelation().decode(bytes.subarray(0, end))).toThrow(refused);
    expect(() => decoderWithRelation().decode(Buffer.concat([bytes, Buffer.from([0])]))).toThrow(refused);
  });

  it('answers changed and random bytes with a whole row or BANYAN_WAL_FORMAT', () => {
    const changed = fc
      .tuple(fc.constantFrom(...Object.values(VALID)), fc.array(fc.tuple(fc.nat(60), fc.nat(255)), { minLength: 1, maxLength: 4 }))
      .map(([bytes, edits]) => {
        const copy = Buffer.from(bytes);
        for (const [at, byte] of edits) copy[at % copy.length] = byte;
        return copy;
      });
    const random = fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(fc.oneof(changed, random), (bytes) => {
        try {
          const message = decoderWithRelation().decode(bytes);
          if ('row' in message) expect(message.row).toHaveLength(message.relation.columns.length);
          if ('old' in message && message.old) expect(message.old).toHaveLength(message.relation.columns.length);
        } catch (error) {
          if (!isBanyanError(error, 'BANYAN_WAL_FORMAT') && !isBanyanError(error, 'BANYAN_TWO_PHASE')) throw error;
        }
      }),
      { numRuns: 3000 },
    );
  });
});

function kindsOf(transaction: Transaction | undefined): readonly string[] | undefined {
  if (!transaction || isSpooled(transaction.changes)) return undefined;
  return transaction.changes.map((change) => change.kind);
}

describe('Assembler', () => {
  const decoder = decoderWithRelation();
  const message = (name: string): PgoutputMessage => decoder.decode(VALID[name]!);

  it('gives a transaction at its commit, with its origin and changes in order', () => {
    const assembler = new Assembler();
    for (const name of ['relation', 'type', 'message', 'begin', 'origin', 'insert', 'update', 'truncate', 'delete by key']) {
      expect(assembler.push(message(name))).toBeUndefined();
    }
    expect(assembler.inTransaction).toBe(true);
    const transaction = assembler.push(message('commit'));
    expect(transaction).toMatchObject({ position: 9n, xid: 42, committedAt: 946_684_799_999_999n, origin: { name: 'banyan_x', position: 77n } });
    expect(kindsOf(transaction)).toEqual(['insert', 'update', 'truncate', 'delete']);
    expect(assembler.inTransaction).toBe(false);
  });

  it('keeps only what is Banyan\'s own of our replays', () => {
    const own = new PgoutputDecoder();
    own.decode(m('R').u32(7).z('banyan').z('conflict').u8(0x64).u16(2).u8(1).z('id').u32(23).u32(0).u8(0).z('v').u32(25).u32(0).buffer);
    const push = (assembler: Assembler): readonly string[] | undefined => {
      for (const name of ['begin', 'origin', 'insert', 'truncate', 'update']) assembler.push(message(name));
      assembler.push(own.decode(VALID['insert']!));
      return kindsOf(assembler.push(message('commit')));
    };
    expect(push(new Assembler({ replayOrigin: 'banyan_x' }))).toEqual(['insert']);
    expect(push(new Assembler({ replayOrigin: 'another' }))).toEqual(['insert', 'truncate', 'update', 'insert']);
  });

  it('takes the numbered origins of a stream for the stream\'s own, and no other', () => {
    const told = (name: string): string | undefined => {
      const assembler = new Assembler({ replayOrigin: 'banyan_x' });
      assembler.push(message('begin'));
      assembler.push({ kind: 'origin', name, position: parseLsn('0/1') });
      return assembler.push(message('commit'))?.origin?.name;
    };
    expect(['banyan_x', 'banyan_x/2', 'banyan_x2', 'other/1'].map(told)).toEqual(['banyan_x', 'banyan_x', 'banyan_x2', 'other/1']);
  });

  it.each(['insert', 'commit', 'origin', 'truncate'])('refuses "%s" outside a transaction', (name) => {
    expect(() => new Assembler().push(message(name))).toThrow(expect.objectContaining({ code: 'BANYAN_WAL_FORMAT' }));
  });

  it('refuses a transaction within another', () => {
    const assembler = new Assembler();
    assembler.push(message('begin'));
    expect(() => assembler.push(message('begin'))).toThrow(/a transaction within another/);
  });
});
