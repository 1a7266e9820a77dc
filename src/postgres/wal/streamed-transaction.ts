import type { Change, Origin, Transaction } from '../../model/change.ts';
import { parseLsn, type Position } from '../../model/position.ts';
import type { PgoutputDecoder } from './pgoutput.ts';
import { malformed } from './reader.ts';
import { Spool } from './spool.ts';
import type { SpoolStorage } from './spool-storage.ts';
import { SpooledTransaction, type PartSize } from './spooled-changes.ts';

export interface StreamedOptions {
  readonly xid: number;
  /** Knows what the stream's decoder knew when the transaction's first part came. */
  readonly decoder: PgoutputDecoder;
  readonly storage: SpoolStorage;
  readonly part: PartSize;
  /** Most that is taken into memory when it commits. */
  readonly memory: PartSize;
  /** Whether a transaction of this origin is our own replay, and by which name. */
  readonly replayOf: (origin: string) => string | undefined;
}

/** A transaction whose changes the server sends before it ends: kept aside until it commits, and dropped with what it rolls back. */
export class StreamedTransaction {
  readonly #options: StreamedOptions;
  readonly #decoder: PgoutputDecoder;
  readonly #spool: Spool;
  readonly #aborted = new Numbers();
  #origin: Origin | undefined;
  #replay = false;
  #rows = 0;
  #bytes = 0;

  constructor(options: StreamedOptions) {
    this.#options = options;
    this.#decoder = options.decoder.fork();
    this.#spool = new Spool(options.storage);
  }

  /** What the server has described to this transaction. */
  get decoder(): PgoutputDecoder {
    return this.#decoder;
  }

  /** Takes a message of one of its parts; resolves when there is room for the next. */
  take(payload: Buffer): Promise<void> | undefined {
    const xid = this.#decoder.xidOf(payload);
    const table = this.#decoder.tableOf(payload);
    if (xid !== undefined && table !== undefined) {
      if (this.#replay && !table.startsWith('banyan.')) return undefined;
      if (this.#replay && table === 'banyan.stream') this.#learnPosition(payload);
      return this.#keep(xid, payload);
    }
    const message = this.#decoder.decode(payload);
    if (message.kind === 'origin') {
      const replay = this.#options.replayOf(message.name);
      this.#replay = replay !== undefined;
      this.#origin = { name: replay ?? message.name, position: message.position };
      return undefined;
    }
    if (message.kind === 'relation') return this.#spool.append({ xid: xid ?? this.#options.xid, payload });
    if (message.kind === 'truncate') return this.#replay ? undefined : this.#keep(xid ?? this.#options.xid, payload);
    if (message.kind === 'type' || message.kind === 'message') return undefined;
    throw malformed(`"${message.kind}" within a part of a transaction`);
  }

  abortPart(subxid: number): void {
    this.#aborted.add(subxid);
  }

  async commit(options: { readonly position: Position; readonly committedAt: bigint }): Promise<Transaction> {
    const { xid, decoder, memory, part } = this.#options;
    this.#aborted.sort();
    const spooled = new SpooledTransaction({
      before: [], spool: this.#spool, decoder, part, count: this.#rows, isAborted: (number) => this.#aborted.has(number),
    });
    const transaction = { ...options, xid, bytes: this.#bytes, ...(this.#origin ? { origin: this.#origin } : {}) };
    if (this.#rows > memory.rows || this.#bytes > memory.bytes) return { ...transaction, changes: spooled };
    const changes: Change[] = [];
    try {
      for await (const some of spooled.parts()) changes.push(...some);
    } finally {
      await spooled.discard();
    }
    return { ...transaction, changes };
  }

  discard(): Promise<void> {
    return this.#spool.close();
  }

  #keep(xid: number, payload: Buffer): Promise<void> | undefined {
    this.#rows += 1;
    this.#bytes += payload.length;
    return this.#spool.append({ xid, payload });
  }

  /**
   * The server knows where the original was committed only when the replay commits, and then does not
   * say it of a transaction that it had begun to stream. Its checkpoint, which it writes last, does.
   */
  #learnPosition(payload: Buffer): void {
    const message = this.#decoder.decode(payload);
    if (message.kind !== 'update' || !this.#origin) return;
    const cell = message.row[message.relation.columns.findIndex((column) => column.name === 'position')];
    if (typeof cell === 'string') this.#origin = { ...this.#origin, position: parseLsn(cell) };
  }
}

/** Four bytes for each: a transaction may roll back a savepoint for each of its rows. */
class Numbers {
  #numbers = new Uint32Array(4);
  #size = 0;

  add(number: number): void {
    if (this.#size === this.#numbers.length) {
      const larger = new Uint32Array(this.#size * 2);
      larger.set(this.#numbers);
      this.#numbers = larger;
    }
    this.#numbers[this.#size] = number;
    this.#size += 1;
  }

  /** Needed before {@link has}. */
  sort(): void {
    this.#numbers = this.#numbers.slice(0, this.#size).sort();
  }

  has(number: number): boolean {
    let low = 0;
    let high = this.#size;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#numbers[middle] ?? 0) < number) low = middle + 1;
      else high = middle;
    }
    return low < this.#size && this.#numbers[low] === number;
  }
}
