import type { Change, SpooledChanges } from '../../model/change.ts';
import type { PgoutputDecoder } from './pgoutput.ts';
import type { Spool } from './spool.ts';

/** How much of a transaction is in memory at a time. */
export interface PartSize {
  readonly rows: number;
  readonly bytes: number;
}

export interface SpooledTransactionOptions {
  /** The first changes, which were in memory already when the rest was too much. */
  readonly before: readonly Change[];
  readonly spool: Spool;
  /** Knows the relations as they were where the spool begins. */
  readonly decoder: PgoutputDecoder;
  /** Whether a transaction or subtransaction was rolled back: its changes are left out. */
  readonly isAborted: (xid: number) => boolean;
  /** At most as many as there are. */
  readonly count: number;
  readonly part: PartSize;
}

/** A transaction's changes, decoded anew from its spooled messages each time they are read. */
export class SpooledTransaction implements SpooledChanges {
  readonly count: number;
  readonly #options: SpooledTransactionOptions;

  constructor(options: SpooledTransactionOptions) {
    this.count = options.count;
    this.#options = options;
  }

  async *parts(): AsyncGenerator<readonly Change[]> {
    const { before, spool, decoder: from, isAborted, part } = this.#options;
    for (let at = 0; at < before.length; at += part.rows) yield before.slice(at, at + part.rows);
    const decoder = from.fork();
    let changes: Change[] = [];
    let bytes = 0;
    for await (const { xid, payload } of spool.messages()) {
      const isRelation = payload[0] === RELATION;
      // The server describes a relation once, even if what it described it for was rolled back.
      if (!isRelation && isAborted(xid)) continue;
      const message = decoder.decode(payload);
      if (message.kind !== 'insert' && message.kind !== 'update' && message.kind !== 'delete' && message.kind !== 'truncate') continue;
      changes.push(message);
      bytes += payload.length;
      if (changes.length < part.rows && bytes < part.bytes) continue;
      yield changes;
      changes = [];
      bytes = 0;
    }
    if (changes.length > 0) yield changes;
  }

  discard(): Promise<void> {
    return this.#options.spool.close();
  }
}

const RELATION = 0x52;
