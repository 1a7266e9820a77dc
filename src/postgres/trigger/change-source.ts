import type pg from 'pg';
import type { Clock } from '../../core/clock.ts';
import { BanyanError } from '../../core/errors.ts';
import { later, ORIGIN_OF_TIME, type Position } from '../../model/position.ts';
import type { ChangeSource, SourceEvent } from '../../ports/change-source.ts';
import { connect } from '../connect.ts';
import { CaptureLog, type Batch, type PartSize } from './capture-log.ts';
import type { Entry } from './entries.ts';
import { largeUnit } from './large-unit.ts';
import { assembleUnit } from './unit.ts';

export interface TriggerChangeSourceOptions {
  readonly url: string;
  readonly service: string;
  readonly clock: Clock;
  /** The stream that writes into this database, and the origin under which its transactions are told. */
  readonly replay?: { readonly stream: string; readonly origin: string };
  readonly applicationName?: string;
  /** Asked on each connection before anything is read: whether this log still is the stream's. Throws if not. */
  readonly check?: () => Promise<void>;
  /** Most of one unit that stands in memory, and how much of a larger one at a time. Default 10,000 and 2,000 rows, 16 and 4 MiB. */
  readonly memory?: { readonly transaction?: PartSize; readonly part?: PartSize };
  /** Shortest and longest pause between two looks at the log, in milliseconds. Default 5 and 50; each look is one small query. */
  readonly pollMs?: { readonly least: number; readonly most: number };
}

/**
 * Captures a PostgreSQL database's commits from the log that its triggers write, with no right to
 * replication. What has been committed between two looks comes as one unit; see `schema.ts` for why.
 */
export class TriggerChangeSource implements ChangeSource {
  readonly #options: TriggerChangeSourceOptions;
  #durable: Position = ORIGIN_OF_TIME;

  constructor(options: TriggerChangeSourceOptions) {
    this.#options = options;
  }

  async *stream({ signal, onBegin }: Parameters<ChangeSource['stream']>[0]): AsyncGenerator<SourceEvent> {
    const client = await connect({ url: this.#options.url, applicationName: this.#name });
    const stop = (): void => {
      client.connection.stream.destroy();
    };
    signal.addEventListener('abort', stop, { once: true });
    try {
      signal.throwIfAborted();
      await client.query(SETTINGS);
      await this.#options.check?.();
      yield* this.#units(client, signal, onBegin);
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    } finally {
      signal.removeEventListener('abort', stop);
      // A session that is broken off half way has nothing to say any more.
      await client.end().catch(() => {});
    }
  }

  get #name(): string {
    return this.#options.applicationName ?? `banyan ${this.#options.service}`;
  }

  acknowledge(position: Position): void {
    this.#durable = later(this.#durable, position);
  }

  async *#units(client: pg.Client, signal: AbortSignal, onBegin: Parameters<ChangeSource['stream']>[0]['onBegin']): AsyncGenerator<SourceEvent> {
    const { url, service, clock, replay, pollMs = { least: 5, most: 50 } } = this.#options;
    const memory = { ...MEMORY, ...this.#options.memory };
    const log = new CaptureLog(client, service);
    let before = await this.#start(log);
    if (onBegin) await onBegin({ position: before.position, history: await log.identity() });
    let pauseMs = pollMs.least;
    // A mark promises that the stream passes it; one that an earlier reader saw may still be waited for.
    let owed = true;
    for (;;) {
      await this.#forget(log);
      const batch = await log.next(before.position);
      if (batch) {
        const entries = await log.read(before, batch, memory.transaction);
        const parts = entries
          ? assembleUnit({ entries, relationOf: (entry) => log.relationOf(entry), after: before.position, position: batch.position, replay })
          : await largeUnit({ url, service, applicationName: this.#name, log, before, batch, replay, part: memory.part });
        // To add one batch too many does no harm.
        owed = !entries || this.#owesAnother(entries, log, batch);
        before = batch;
        pauseMs = pollMs.least;
        if (parts.length > 0) yield { kind: 'unit', position: batch.position, parts };
        else yield { kind: 'progress', position: batch.position };
      } else if (owed || (await log.hasMore(before))) {
        await log.advance();
      } else {
        await clock.sleep(pauseMs, signal);
        pauseMs = Math.min(pollMs.most, pauseMs * 2);
      }
    }
  }

  async #start(log: CaptureLog): Promise<Batch> {
    const base = await log.acknowledged();
    if (base) return base;
    throw new BanyanError('BANYAN_SLOT_LOST', { message: `The triggers' log of ${this.#options.service} is gone from the database.` });
  }

  /**
   * A mark's position is drawn before its entry's id. One that came while this batch was made can lie
   * behind the batch's position, though the batch has seen it; then another batch has to follow.
   */
  #owesAnother(entries: readonly Entry[], log: CaptureLog, batch: Batch): boolean {
    return entries.some((entry) => entry.id > batch.position && MARKS.has(log.relationOf(entry).relation.table));
  }

  async #forget(log: CaptureLog): Promise<void> {
    if (this.#forgotten < this.#durable) {
      const through = this.#durable;
      if (await log.forget(through)) this.#forgotten = through;
    }
  }

  #forgotten: Position = ORIGIN_OF_TIME;
}

/** A batch that the other side has applied must not be missing after a crash of this server. */
const SETTINGS =
  "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'; " +
  "SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = '20s'";

const MIB = 1024 * 1024;
const MEMORY = { transaction: { rows: 10_000, bytes: 16 * MIB }, part: { rows: 2000, bytes: 4 * MIB } } as const;

/** Tables that marks are written to. */
const MARKS: ReadonlySet<string> = new Set(['banyan.mark', 'banyan.request']);
