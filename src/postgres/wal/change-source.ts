import type pg from 'pg';
import type { Clock } from '../../core/clock.ts';
import { later, ORIGIN_OF_TIME, type Position } from '../../model/position.ts';
import type { ChangeSource, SourceEvent } from '../../ports/change-source.ts';
import { Assembler } from './assembler.ts';
import { PgoutputDecoder } from './pgoutput.ts';
import { connectReplication, streamSlot } from './walsender.ts';

export interface WalChangeSourceOptions {
  readonly url: string;
  readonly slot: string;
  readonly publication: string;
  readonly clock: Clock;
  /** The origin of our own replays on this server; see {@link Assembler}. */
  readonly replayOrigin?: string;
  readonly applicationName?: string;
  /**
   * Asked on each connection before the stream begins there, with that connection: whether this server
   * and this slot may still be read. Throws if not.
   */
  readonly check?: (replication: pg.Client) => Promise<void>;
  /** Pause between status messages to the server, in milliseconds. Default 1000. */
  readonly statusEveryMs?: number;
  /** Take the connection for lost after this long without a word from the server, in milliseconds. Default 30,000. */
  readonly silenceMs?: number;
}

/** Captures a PostgreSQL server's commits from its WAL, through a logical slot and pgoutput. */
export class WalChangeSource implements ChangeSource {
  readonly #options: WalChangeSourceOptions;
  #durable: Position = ORIGIN_OF_TIME;

  constructor(options: WalChangeSourceOptions) {
    this.#options = options;
  }

  async *stream({ signal }: { readonly signal: AbortSignal }): AsyncGenerator<SourceEvent> {
    const client = await connectReplication(this.#options);
    try {
      await this.#options.check?.(client);
    } catch (error) {
      client.connection.stream.destroy();
      throw error;
    }
    const decoder = new PgoutputDecoder();
    const assembler = new Assembler(this.#options);
    const batches = streamSlot({
      client,
      slot: this.#options.slot,
      publication: this.#options.publication,
      clock: this.#options.clock,
      signal,
      durable: () => this.#durable,
      statusEveryMs: this.#options.statusEveryMs ?? 1000,
      silenceMs: this.#options.silenceMs ?? 30_000,
    });
    for await (const messages of batches) {
      for (const message of messages) {
        if (message.kind === 'keepalive') {
          // A keepalive in the middle of a transaction says nothing about that transaction.
          if (!assembler.inTransaction) yield { kind: 'progress', position: message.position };
          continue;
        }
        const table = decoder.tableOf(message.payload);
        if (table !== undefined && assembler.leavesOut(table)) continue;
        const transaction = assembler.push(decoder.decode(message.payload));
        if (transaction) yield { kind: 'transaction', transaction };
      }
    }
  }

  acknowledge(position: Position): void {
    this.#durable = later(this.#durable, position);
  }
}
