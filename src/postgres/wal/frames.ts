import { malformed } from './reader.ts';

/** What to make of one message of PostgreSQL's protocol: its type byte, and its body from `from` to before `end`; undefined for nothing. */
export type ReadFrame<T> = (type: number, bytes: Buffer, from: number, end: number) => T | undefined;

/** No message of a walsender is larger: a row's field is at most 1 GB. */
const MAX_LENGTH = 0x7fffffff;

/** Cuts the connection's bytes into messages, however they were cut into packets. */
export class FrameReader {
  #parts: Buffer[] = [];
  #size = 0;
  /** Bytes that must be there before another look is worth while. */
  #wanted = 5;

  /**
   * Takes bytes as they arrive; gives what `read` makes of the messages they complete, in order. It is told where
   * each one lies, because a Buffer for each costs more than all else that is done with most of them.
   */
  push<T>(chunk: Buffer, read: ReadFrame<T>): T[] {
    this.#parts.push(chunk);
    this.#size += chunk.length;
    if (this.#size < this.#wanted) return [];
    const bytes = this.#parts.length === 1 ? chunk : Buffer.concat(this.#parts, this.#size);
    const messages: T[] = [];
    let at = 0;
    this.#wanted = 5;
    while (bytes.length - at >= 5) {
      const length = bytes.readUInt32BE(at + 1);
      if (length < 4 || length > MAX_LENGTH) throw malformed(`a message of length ${length}`);
      if (bytes.length - at < length + 1) {
        this.#wanted = length + 1;
        break;
      }
      const message = read(bytes.readUInt8(at), bytes, at + 5, at + 1 + length);
      if (message !== undefined) messages.push(message);
      at += length + 1;
    }
    this.#parts = at === bytes.length ? [] : [bytes.subarray(at)];
    this.#size = bytes.length - at;
    return messages;
  }
}

/** A simple-query message. */
export function queryFrame(sql: string): Buffer {
  const text = Buffer.from(`${sql}\0`, 'utf8');
  const frame = Buffer.alloc(5 + text.length);
  frame.writeUInt8(0x51, 0);
  frame.writeUInt32BE(4 + text.length, 1);
  text.copy(frame, 5);
  return frame;
}

/** A standby status update: everything up to `position` is durable on our side. */
export function statusFrame(position: bigint, options: { readonly replyNow: boolean }): Buffer {
  const frame = Buffer.alloc(5 + 34);
  frame.writeUInt8(0x64, 0);
  frame.writeUInt32BE(4 + 34, 1);
  frame.writeUInt8(0x72, 5);
  frame.writeBigUInt64BE(position, 6);
  frame.writeBigUInt64BE(position, 14);
  frame.writeBigUInt64BE(position, 22);
  // The client's clock, which the server only shows in pg_stat_replication; 0 shows as 2000-01-01.
  frame.writeBigInt64BE(0n, 30);
  frame.writeUInt8(options.replyNow ? 1 : 0, 38);
  return frame;
}

/** The SQLSTATE and message of an ErrorResponse's body. */
export function errorFields(body: Buffer): { readonly sqlState: string; readonly message: string } {
  const fields = new Map<string, string>();
  for (const field of body.toString('utf8').split('\0')) {
    if (field !== '') fields.set(field.charAt(0), field.slice(1));
  }
  return { sqlState: fields.get('C') ?? 'XX000', message: fields.get('M') ?? 'an error without a message' };
}
