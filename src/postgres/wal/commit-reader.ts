import type { Transaction } from '../../model/change.ts';
import { isOriginOf } from '../origins.ts';
import { Assembler } from './assembler.ts';
import { PgoutputDecoder } from './pgoutput.ts';
import { malformed } from './reader.ts';
import { Spool } from './spool.ts';
import type { SpoolStorage } from './spool-storage.ts';
import { SpooledTransaction, type PartSize } from './spooled-changes.ts';
import { StreamedTransaction } from './streamed-transaction.ts';

export interface CommitReaderOptions {
  /** The origin of our own replays; see {@link Assembler}. */
  readonly replayOrigin?: string;
  readonly storage: SpoolStorage;
  /** Most of one transaction that stands in memory; the rest is spooled. */
  readonly memory: PartSize;
  /** What is given at a time of a spooled one. */
  readonly part: PartSize;
}

/** The rest of a transaction that has become too large for memory. */
interface Rest {
  readonly spool: Spool;
  readonly decoder: PgoutputDecoder;
  count: number;
  bytes: number;
}

/**
 * Reads pgoutput's messages into committed transactions, in commit order, with no more of them in
 * memory than is allowed: what a server sends in one go before its commit and what it streams while
 * it is still open.
 */
export class CommitReader {
  readonly #options: CommitReaderOptions;
  readonly #decoder = new PgoutputDecoder();
  readonly #assembler: Assembler;
  readonly #streamed = new Map<number, StreamedTransaction>();
  #block: StreamedTransaction | undefined;
  #rest: Rest | undefined;

  constructor(options: CommitReaderOptions) {
    this.#options = options;
    this.#assembler = new Assembler(options);
  }

  /** Whether the stream is within a transaction, or a part of one: positions told there say nothing about it. */
  get inTransaction(): boolean {
    return this.#block !== undefined || this.#assembler.inTransaction;
  }

  /** Takes one message, `bytes` from `from` to before `end`; gives the transaction it completes, if it does. */
  take(bytes: Buffer, from = 0, end = bytes.length): Transaction | undefined | Promise<Transaction | undefined> {
    if (this.#block) return this.#inBlock(this.#block, bytes.subarray(from, end));
    if (this.#rest || this.#assembler.inReplay) {
      const table = this.#decoder.tableOf(bytes, from, end);
      if (table !== undefined) {
        if (this.#assembler.leavesOut(table)) return undefined;
        if (this.#rest) return this.#spool(this.#rest, bytes.subarray(from, end));
      }
    }
    const message = this.#decoder.decode(bytes, from, end);
    if (message.kind === 'stream-start') return this.#begin(message);
    if (message.kind === 'stream-commit') return this.#commitStreamed(message);
    if (message.kind === 'stream-abort') return this.#abort(message);
    if (message.kind === 'stream-stop') throw malformed('the end of a part that never began');
    const rest = this.#rest;
    if (rest && (message.kind === 'relation' || message.kind === 'truncate')) return this.#spool(rest, bytes.subarray(from, end));
    const transaction = this.#assembler.push(message, end - from);
    if (transaction && rest) {
      this.#rest = undefined;
      return { ...transaction, bytes: rest.bytes, changes: this.#spooled(transaction, rest) };
    }
    const { memory, storage } = this.#options;
    if (this.#assembler.rows > memory.rows || this.#assembler.bytes > memory.bytes) {
      this.#rest ??= { spool: new Spool(storage), decoder: this.#decoder.fork({ streamed: false }), count: this.#assembler.rows, bytes: this.#assembler.bytes };
    }
    return transaction;
  }

  /** Gives back the disk space of what has not ended; what was given to the caller is the caller's. */
  async close(): Promise<void> {
    await this.#rest?.spool.close();
    for (const streamed of this.#streamed.values()) await streamed.discard();
    this.#streamed.clear();
  }

  #spool(rest: Rest, payload: Buffer): Promise<undefined> | undefined {
    rest.count += 1;
    rest.bytes += payload.length;
    return rest.spool.append({ xid: 0, payload })?.then(nothing);
  }

  #spooled(transaction: Transaction, rest: Rest): SpooledTransaction {
    const { part } = this.#options;
    return new SpooledTransaction({
      before: 'parts' in transaction.changes ? [] : transaction.changes,
      spool: rest.spool, decoder: rest.decoder, count: rest.count, part, isAborted: () => false,
    });
  }

  #begin({ xid, first }: { readonly xid: number; readonly first: boolean }): undefined {
    if (this.#assembler.inTransaction) throw malformed('a part of a transaction within another');
    let streamed = this.#streamed.get(xid);
    if (first === (streamed !== undefined)) throw malformed(first ? 'a transaction that begins twice' : 'a part of a transaction that never began');
    if (!streamed) {
      const { storage, memory, part, replayOrigin } = this.#options;
      streamed = new StreamedTransaction({
        xid, storage, memory, part, decoder: this.#decoder.fork({ streamed: true }),
        replayOf: (origin) => (replayOrigin !== undefined && isOriginOf(origin, replayOrigin) ? replayOrigin : undefined),
      });
      this.#streamed.set(xid, streamed);
    }
    this.#block = streamed;
    return undefined;
  }

  #inBlock(block: StreamedTransaction, payload: Buffer): Promise<undefined> | undefined {
    if (payload[0] !== STREAM_STOP) return block.take(payload)?.then(nothing);
    this.#decoder.decode(payload);
    this.#block = undefined;
    return undefined;
  }

  async #commitStreamed(message: { readonly xid: number; readonly endPosition: Transaction['position']; readonly committedAt: bigint }): Promise<Transaction> {
    if (this.#assembler.inTransaction) throw malformed('the end of a transaction within another');
    const streamed = this.#streamed.get(message.xid);
    if (!streamed) throw malformed('the end of a transaction that never began');
    this.#decoder.learnFrom(streamed.decoder);
    const transaction = await streamed.commit({ position: message.endPosition, committedAt: message.committedAt });
    this.#streamed.delete(message.xid);
    return transaction;
  }

  #abort({ xid, subxid }: { readonly xid: number; readonly subxid: number }): Promise<undefined> | undefined {
    const streamed = this.#streamed.get(xid);
    // Nothing of it came, so there is nothing to drop.
    if (!streamed) return undefined;
    if (subxid !== xid) {
      streamed.abortPart(subxid);
      return undefined;
    }
    this.#streamed.delete(xid);
    return streamed.discard().then(nothing);
  }
}

const nothing = (): undefined => undefined;
const STREAM_STOP = 0x45;
