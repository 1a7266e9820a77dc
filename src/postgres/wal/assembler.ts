import type { Change, Origin, Transaction } from '../../model/change.ts';
import { isOriginOf } from '../origins.ts';
import { malformed } from './reader.ts';
import type { PgoutputMessage } from './pgoutput.ts';

interface OpenTransaction {
  readonly xid: number;
  readonly committedAt: bigint;
  readonly changes: Change[];
  origin?: Origin;
}

/** Joins pgoutput's messages into whole transactions. */
export class Assembler {
  readonly #replayOrigin: string | undefined;
  #open: OpenTransaction | undefined;
  #bytes = 0;

  /**
   * @param options.replayOrigin the origin whose transactions are our own replays: of them only
   * Banyan's own tables are kept, so that an initial copy does not pass through memory again. The
   * numbered origins of the same stream are told as this one.
   */
  constructor(options: { readonly replayOrigin?: string } = {}) {
    this.#replayOrigin = options.replayOrigin;
  }

  /** Whether a transaction has begun and not yet ended. */
  get inTransaction(): boolean {
    return this.#open !== undefined;
  }

  /** Whether the stream is within a replay of our own. */
  get inReplay(): boolean {
    const origin = this.#open?.origin;
    return origin !== undefined && origin.name === this.#replayOrigin;
  }

  /** Whether a change of this table would be left out where the stream is now, so that its row need not be decoded. */
  leavesOut(table: string): boolean {
    return this.inReplay && !table.startsWith('banyan.');
  }

  /** Changes of the open transaction that stand in memory. */
  get rows(): number {
    return this.#open?.changes.length ?? 0;
  }

  /** Bytes that those changes took in the log. */
  get bytes(): number {
    return this.#open ? this.#bytes : 0;
  }

  /** Takes one message, of so many bytes; returns the transaction it completes, if it does. */
  push(message: PgoutputMessage, bytes = 0): Transaction | undefined {
    switch (message.kind) {
      case 'begin':
        if (this.#open) throw malformed('a transaction within another');
        this.#open = { xid: message.xid, committedAt: message.committedAt, changes: [] };
        this.#bytes = 0;
        break;
      case 'origin':
        this.#current(message.kind).origin = { name: this.#streamOf(message.name), position: message.position };
        break;
      case 'commit': {
        const open = this.#current(message.kind);
        this.#open = undefined;
        return {
          position: message.endPosition, xid: open.xid, committedAt: open.committedAt, changes: open.changes, bytes: this.#bytes,
          ...(open.origin ? { origin: open.origin } : {}),
        };
      }
      case 'insert':
      case 'update':
      case 'delete':
      case 'truncate':
        this.#take(message, bytes);
        break;
      case 'relation':
      case 'type':
      case 'message':
        break;
      case 'stream-start':
      case 'stream-stop':
      case 'stream-commit':
      case 'stream-abort':
        throw malformed(`"${message.kind}" where a whole transaction is assembled`);
    }
    return undefined;
  }

  #streamOf(origin: string): string {
    return this.#replayOrigin !== undefined && isOriginOf(origin, this.#replayOrigin) ? this.#replayOrigin : origin;
  }

  #take(change: Change, bytes: number): void {
    const open = this.#current(change.kind);
    if (this.inReplay && this.leavesOut(change.kind === 'truncate' ? '' : change.relation.table)) return;
    open.changes.push(change);
    this.#bytes += bytes;
  }

  #current(kind: string): OpenTransaction {
    if (!this.#open) throw malformed(`"${kind}" outside a transaction`);
    return this.#open;
  }
}
