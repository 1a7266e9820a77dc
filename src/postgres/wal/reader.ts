import { isUtf8 } from 'node:buffer';
import { BanyanError } from '../../core/errors.ts';

/** Reads a message's fields from left to right; anything that does not fit is BANYAN_WAL_FORMAT, never a wrong value. */
export class ByteReader {
  #bytes: Buffer;
  #end: number;
  #at: number;

  constructor(bytes: Buffer, from = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#at = from;
    this.#end = end;
  }

  /** Begins anew with other bytes. */
  reset(bytes: Buffer, from: number, end: number): void {
    this.#bytes = bytes;
    this.#at = from;
    this.#end = end;
  }

  get remaining(): number {
    return this.#end - this.#at;
  }

  uint8(): number {
    return this.#bytes.readUInt8(this.#take(1));
  }

  uint16(): number {
    return this.#bytes.readUInt16BE(this.#take(2));
  }

  uint32(): number {
    return this.#bytes.readUInt32BE(this.#take(4));
  }

  int64(): bigint {
    return this.#bytes.readBigInt64BE(this.#take(8));
  }

  uint64(): bigint {
    return this.#bytes.readBigUInt64BE(this.#take(8));
  }

  /** `length` bytes as UTF-8. */
  text(length: number): string {
    const from = this.#take(length);
    return this.#utf8(from, from + length);
  }

  /** Text up to a zero byte. */
  cstring(): string {
    const zero = this.#bytes.indexOf(0, this.#at);
    if (zero < 0 || zero >= this.#end) throw malformed('a string without an end');
    const value = this.#utf8(this.#at, zero);
    this.#at = zero + 1;
    return value;
  }

  skip(length: number): void {
    this.#take(length);
  }

  /** All bytes that are left, one character for each, if they are plain ASCII and few enough to be worth it. Does not move. */
  asciiRest(): string | undefined {
    if (this.remaining > ASCII_WORTH) return undefined;
    const text = this.#bytes.toString('latin1', this.#at, this.#end);
    return NOT_ASCII.test(text) ? undefined : text;
  }

  bytes(length: number): Buffer {
    const from = this.#take(length);
    return this.#bytes.subarray(from, from + length);
  }

  end(what: string): void {
    if (this.#at !== this.#end) throw malformed(`${this.#end - this.#at} bytes too many after ${what}`);
  }

  /** A database in SQL_ASCII may send anything; a value that would come out changed is refused. */
  #utf8(from: number, to: number): string {
    const text = this.#bytes.toString('utf8', from, to);
    if (text.includes('\uFFFD') && !isUtf8(this.#bytes.subarray(from, to))) throw malformed('a text that is not UTF-8');
    return text;
  }

  #take(length: number): number {
    const from = this.#at;
    if (length > this.#end - from) throw malformed(`${length} bytes expected, ${this.#end - from} left`);
    this.#at = from + length;
    return from;
  }
}

/** Bytes; above it, a second look at them costs more than reading them as one saves. */
const ASCII_WORTH = 4096;
const NOT_ASCII = /[\x80-\xff]/;

export function malformed(what: string): BanyanError {
  return new BanyanError('BANYAN_WAL_FORMAT', { message: `The replication stream is malformed: ${what}.` });
}
