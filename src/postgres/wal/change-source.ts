import { tmpdir } from 'node:os';
import type pg from 'pg';
import type { Clock } from '../../core/clock.ts';
import { later, ORIGIN_OF_TIME, type Position } from '../../model/position.ts';
import type { ChangeSource, SourceEvent } from '../../ports/change-source.ts';
import { CommitReader } from './commit-reader.ts';
import { DirectorySpoolStorage, type SpoolStorage } from './spool-storage.ts';
import type { PartSize } from './spooled-changes.ts';
import { beginningOf } from './beginning.ts';
import { connectReplication, streamSlot } from './walsender.ts';

/** How much of what is captured stands in memory, and where the rest goes. */
export interface CaptureMemory {
  /** Most of one transaction that stands in memory; one that is larger is spooled. Default 10,000 rows, 16 MiB. */
  readonly transaction?: PartSize;
  /** What is read of a spooled transaction at a time. Default 2,000 rows, 4 MiB. */
  readonly part?: PartSize;
  /** Where spool files go. Default: the system's directory for temporary files. */
  readonly spoolDirectory?: string;
}

export interface WalChangeSourceOptions {
  readonly url: string;
  readonly slot: string;
  readonly publication: string;
  readonly clock: Clock;
  /** The origin of our own replays on this server; their rows are left out. */
  readonly replayOrigin?: string;
  readonly memory?: CaptureMemory;
  /** In the place of files in `memory.spoolDirectory`. */
  readonly spoolStorage?: SpoolStorage;
  /** Whether servers from 14 on may send large transactions while they are open. Default true. */
  readonly streaming?: boolean;
  readonly applicationName?: string;
  /**
   * Asked on each connection before the stream begins there, with that connection: whether this server
   * and this slot may still be read. Throws if not.
   */
  readonly check?: (replication: pg.Client) => Promise<void>;
  /** Pause between status messages to the server, in milliseconds. Default 1000, or a third of the server's patience or a quarter of `silenceMs` if that is less. */
  readonly statusEveryMs?: number;
  /** Take the connection for lost after this long without a word from the server, in milliseconds. Default 30,000. */
  readonly silenceMs?: number;
}

const MIB = 1024 * 1024;

/** Captures a PostgreSQL server's commits from its WAL, through a logical slot and pgoutput. */
export class WalChangeSource implements ChangeSource {
  readonly #options: WalChangeSourceOptions;
  #durable: Position = ORIGIN_OF_TIME;

  constructor(options: WalChangeSourceOptions) {
    this.#options = options;
  }

  async *stream({ signal, onBegin }: Parameters<ChangeSource['stream']>[0]): AsyncGenerator<SourceEvent> {
    const client = await connectReplication(this.#options);
    try {
      await this.#options.check?.(client);
      if (onBegin) {
        const beginning = await beginningOf(client, { slot: this.#options.slot, clock: this.#options.clock, signal });
        if (beginning) await onBegin(beginning);
      }
    } catch (error) {
      client.connection.stream.destroy();
      throw error;
    }
    const { memory, replayOrigin, spoolStorage } = this.#options;
    const storage = spoolStorage ?? new DirectorySpoolStorage({ directory: memory?.spoolDirectory ?? tmpdir(), stream: this.#options.slot });
    const reader = new CommitReader({
      storage, memory: memory?.transaction ?? { rows: 10_000, bytes: 16 * MIB }, part: memory?.part ?? { rows: 2000, bytes: 4 * MIB },
      ...(replayOrigin === undefined ? {} : { replayOrigin }),
    });
    const batches = streamSlot({
      client,
      slot: this.#options.slot,
      publication: this.#options.publication,
      clock: this.#options.clock,
      signal,
      durable: () => this.#durable,
      ...(this.#options.streaming === undefined ? {} : { streaming: this.#options.streaming }),
      ...(this.#options.statusEveryMs === undefined ? {} : { statusEveryMs: this.#options.statusEveryMs }),
      silenceMs: this.#options.silenceMs ?? 30_000,
    });
    try {
      for await (const messages of batches) {
        for (const message of messages) {
          if (message.kind === 'keepalive') {
            // A keepalive in the middle of a transaction says nothing about that transaction.
            if (!reader.inTransaction) yield { kind: 'progress', position: message.position };
            continue;
          }
          const taken = reader.take(message.bytes, message.from, message.end);
          const transaction = taken instanceof Promise ? await taken : taken;
          if (transaction) yield { kind: 'transaction', transaction };
        }
      }
    } finally {
      await reader.close();
    }
  }

  acknowledge(position: Position): void {
    this.#durable = later(this.#durable, position);
  }
}
