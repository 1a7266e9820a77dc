import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isBanyanError } from '../../core/errors.ts';
import { errorFields, FrameReader, queryFrame, statusFrame, type ReadFrame } from './frames.ts';
import { ByteReader } from './reader.ts';

function frameOf(type: number, body: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(type, 0);
  head.writeUInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

interface Frame {
  readonly type: number;
  readonly body: Buffer;
}

const asFrame: ReadFrame<Frame> = (type, bytes, from, end) => ({ type, body: bytes.subarray(from, end) });

const frames = fc.array(fc.record({ type: fc.nat(255), body: fc.uint8Array({ maxLength: 40 }) }), { maxLength: 12 });

describe('FrameReader', () => {
  it('gives the same messages however the bytes are cut', () => {
    fc.assert(
      fc.property(frames, fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1 }), (sent, cuts) => {
        const bytes = Buffer.concat(sent.map(({ type, body }) => frameOf(type, body)));
        const reader = new FrameReader();
        const got: Frame[] = [];
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const size = cuts[i % cuts.length]!;
          got.push(...reader.push(bytes.subarray(at, at + size), asFrame));
          at += size;
        }
        expect(got.map(({ type, body }) => [type, body.toString('hex')])).toEqual(
          sent.map(({ type, body }) => [type, Buffer.from(body).toString('hex')]),
        );
      }),
    );
  });

  it('gives a message as soon as its last byte is there, and the rest later', () => {
    const reader = new FrameReader();
    const bytes = Buffer.concat([frameOf(1, Buffer.from('ab')), frameOf(2, Buffer.from('cd'))]);
    expect(reader.push(bytes.subarray(0, 6), asFrame)).toEqual([]);
    expect(reader.push(bytes.subarray(6, 8), asFrame).map((f) => f.type)).toEqual([1]);
    expect(reader.push(bytes.subarray(8), asFrame).map((f) => f.body.toString())).toEqual(['cd']);
    expect(reader.push(Buffer.alloc(0), asFrame)).toEqual([]);
  });

  it.each([0, 3, 0x80000000, 0xffffffff])('refuses a message of length %d', (length) => {
    const head = Buffer.alloc(5);
    head.writeUInt32BE(length, 1);
    expect(() => new FrameReader().push(head, asFrame)).toThrow(expect.objectContaining({ code: 'BANYAN_WAL_FORMAT' }));
  });

  it('answers random bytes with messages or BANYAN_WAL_FORMAT', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          new FrameReader().push(Buffer.from(bytes), asFrame);
        } catch (error) {
          expect(isBanyanError(error, 'BANYAN_WAL_FORMAT')).toBe(true);
        }
      }),
    );
  });
});

describe('the messages that are sent', () => {
  it('a query ends with a zero byte and counts it', () => {
    expect(queryFrame('é').toString('hex')).toBe('5100000007c3a900');
  });

  it('a status carries one position as written, flushed and applied', () => {
    const frame = statusFrame(0x16b374d848n, { replyNow: true });
    expect(frame.toString('hex')).toBe(`640000002672${'00000016b374d848'.repeat(3)}${'00'.repeat(8)}01`);
    expect(statusFrame(0n, { replyNow: false }).at(-1)).toBe(0);
  });
});

describe('errorFields', () => {
  it('reads code and message, and does without', () => {
    expect(errorFields(Buffer.from('SERROR\0C42704\0Mgone\0\0'))).toEqual({ sqlState: '42704', message: 'gone' });
    expect(errorFields(Buffer.from([0]))).toEqual({ sqlState: 'XX000', message: 'an error without a message' });
  });
});

describe('ByteReader', () => {
  it('reads fields from left to right within its bounds', () => {
    const reader = new ByteReader(Buffer.from('00010203040000000000000005ffffffffffffffff616200cc', 'hex'));
    expect([reader.uint8(), reader.uint16(), reader.uint16()]).toEqual([0, 0x0102, 0x0304]);
    expect([reader.uint64(), reader.int64()]).toEqual([5n, -1n]);
    expect(reader.cstring()).toBe('ab');
    expect(reader.remaining).toBe(1);
    expect(reader.bytes(1).toString('hex')).toBe('cc');
    reader.end('all');
  });

  it('does not read beyond the end it was given', () => {
    const bytes = Buffer.from('616263006465', 'hex');
    expect(() => new ByteReader(bytes, 0, 3).cstring()).toThrow(/without an end/);
    expect(() => new ByteReader(bytes, 4).cstring()).toThrow(/without an end/);
    expect(() => new ByteReader(bytes, 0, 3).uint32()).toThrow(/4 bytes expected, 3 left/);
    expect(() => new ByteReader(bytes, 0, 3).end('x')).toThrow(/3 bytes too many after x/);
  });

  it('refuses text that is not UTF-8, and keeps the replacement character where it was sent', () => {
    const broken = Buffer.from('61ff62', 'hex');
    expect(() => new ByteReader(broken).text(3)).toThrow(expect.objectContaining({ code: 'BANYAN_WAL_FORMAT' }));
    expect(() => new ByteReader(Buffer.from('ff00', 'hex')).cstring()).toThrow(expect.objectContaining({ code: 'BANYAN_WAL_FORMAT' }));
    expect(new ByteReader(Buffer.from('a\uFFFDb')).text(5)).toBe('a\uFFFDb');
  });
});
