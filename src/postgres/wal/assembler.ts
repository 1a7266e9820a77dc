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

  /** Whether a change of this table would be left out where the stream is now, so that its row need not be decoded. */
  leavesOut(table: string): boolean {
    const origin = this.#open?.origin;
    return origin !== undefined && origin.name === this.#replayOrigin && !table.startsWith('banyan.');
  }

  /** Takes one message; returns the transaction it completes, if it does. */
  push(message: PgoutputMessage): Transaction | undefined {
    switch (message.kind) {
      case 'begin':
        if (this.#open) throw malformed('a transaction within another');
        this.#open = { xid: message.xid, committedAt: message.committedAt, changes: [] };
        break;
      case 'origin':
        this.#current(message.kind).origin = { name: this.#streamOf(message.name), position: message.position };
        break;
      case 'commit': {
        const open = this.#current(message.kind);
        this.#open = undefined;
        return { position: message.endPosition, ...open };
      }
      case 'insert':
      case 'update':
      case 'delete':
      case 'truncate':
        this.#take(message);
        break;
      case 'relation':
      case 'type':
      case 'message':
        break;
    }
    return undefined;
  }

  #streamOf(origin: string): string {
    return this.#replayOrigin !== undefined && isOriginOf(origin, this.#replayOrigin) ? this.#replayOrigin : origin;
  }

  #take(change: Change): void {
    const open = this.#current(change.kind);
    if (!this.leavesOut(change.kind === 'truncate' ? '' : change.relation.table)) open.changes.push(change);
  }

  #current(kind: string): OpenTransaction {
    if (!this.#open) throw malformed(`"${kind}" outside a transaction`);
    return this.#open;
  }
}
