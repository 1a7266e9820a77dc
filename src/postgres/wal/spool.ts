import { BanyanError, messageOf } from '../../core/errors.ts';
import { malformed } from './reader.ts';
import type { SpoolFile, SpoolStorage } from './spool-storage.ts';

/** One message of the log as it was received, with the transaction or subtransaction that wrote it. */
export interface SpooledMessage {
  readonly xid: number;
  readonly payload: Buffer;
}

/** Bytes: what is written and read at once. Each transaction that is open in the stream holds this much. */
const BLOCK = 64 * 1024;
/** Two 32-bit numbers: the payload's length, the transaction. */
const HEADER = 8;

/**
 * Messages of one transaction in the order of the log, on disk but for the last few. A transaction
 * of few bytes makes no file.
 */
export class Spool {
  readonly #storage: SpoolStorage;
  #file: SpoolFile | undefined;
  #written = 0;
  /** What is not on disk yet: copied, for a message is a part of a larger packet that it would keep in memory. */
  #tail: Buffer | undefined;
  #tailBytes = 0;
  #closed = false;

  constructor(storage: SpoolStorage) {
    this.#storage = storage;
  }

  /** Takes a message; resolves when there is room for the next, or returns undefined when there is already. */
  append({ xid, payload }: SpooledMessage): Promise<void> | undefined {
    const size = HEADER + payload.length;
    if (this.#tailBytes + size > BLOCK) return this.#flush().then(() => (size > BLOCK ? this.#writeLarge(xid, payload) : this.#copy(xid, payload)));
    this.#copy(xid, payload);
    return undefined;
  }

  /** All messages from the first, as often as wanted. Nothing may be appended meanwhile. */
  async *messages(): AsyncGenerator<SpooledMessage> {
    let parts: Buffer[] = [];
    let size = 0;
    let wanted = HEADER;
    for await (const block of this.#blocks()) {
      parts.push(block);
      size += block.length;
      if (size < wanted) continue;
      const bytes = parts.length === 1 ? block : Buffer.concat(parts, size);
      let at = 0;
      wanted = HEADER;
      while (bytes.length - at >= HEADER) {
        const end = at + HEADER + bytes.readUInt32BE(at);
        if (end > bytes.length) {
          wanted = end - at;
          break;
        }
        yield { xid: bytes.readUInt32BE(at + 4), payload: bytes.subarray(at + HEADER, end) };
        at = end;
      }
      parts = [bytes.subarray(at)];
      size = bytes.length - at;
    }
    if (size > 0) throw malformed('a spooled message that has no end');
  }

  /** Gives back the disk space. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#tail = undefined;
    this.#tailBytes = 0;
    await this.#file?.close();
  }

  async *#blocks(): AsyncGenerator<Buffer> {
    for (let at = 0; at < this.#written;) {
      const block = Buffer.allocUnsafe(Math.min(BLOCK, this.#written - at));
      const read = await this.#onDisk(async () => this.#file?.read(block, at));
      if (read !== block.length) throw spoolError('a spool file is shorter than what was written to it', undefined);
      at += block.length;
      yield block;
    }
    if (this.#tail && this.#tailBytes > 0) yield this.#tail.subarray(0, this.#tailBytes);
  }

  #copy(xid: number, payload: Buffer): void {
    const tail = (this.#tail ??= Buffer.allocUnsafe(BLOCK));
    writeHeader(tail, this.#tailBytes, xid, payload);
    payload.copy(tail, this.#tailBytes + HEADER);
    this.#tailBytes += HEADER + payload.length;
  }

  async #flush(): Promise<void> {
    if (!this.#tail || this.#tailBytes === 0) return;
    await this.#write(this.#tail.subarray(0, this.#tailBytes));
    this.#tailBytes = 0;
  }

  async #writeLarge(xid: number, payload: Buffer): Promise<void> {
    const header = Buffer.alloc(HEADER);
    writeHeader(header, 0, xid, payload);
    await this.#write(header);
    await this.#write(payload);
  }

  async #write(bytes: Buffer): Promise<void> {
    await this.#onDisk(async () => {
      this.#file ??= await this.#storage.create();
      await this.#file.write(bytes, this.#written);
    });
    this.#written += bytes.length;
  }

  async #onDisk<T>(use: () => Promise<T>): Promise<T> {
    try {
      return await use();
    } catch (error) {
      throw spoolError(messageOf(error), error);
    }
  }
}

function writeHeader(into: Buffer, at: number, xid: number, payload: Buffer): void {
  into.writeUInt32BE(payload.length, at);
  into.writeUInt32BE(xid, at + 4);
}

function spoolError(reason: string, cause: unknown): BanyanError {
  return new BanyanError('BANYAN_SPOOL', { message: `A large transaction could not be spooled to disk: ${reason}.`, cause });
}
