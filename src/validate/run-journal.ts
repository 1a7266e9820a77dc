import { createHash } from 'node:crypto';
import type { Clock } from '../core/clock.ts';
import { messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { TableName } from '../model/names.ts';
import type { TableProgress, ProgressStore } from '../ports/progress-store.ts';

/** Where a run writes down how far it is. */
export interface JournalOptions {
  readonly store: ProgressStore;
  /** What is compared with what, such as both databases' names: runs of other databases are other runs. */
  readonly of: string;
  /** How much work may be lost when a run is cut off, in milliseconds. Default 5000; less costs a look at what differed so far each time. */
  readonly everyMs?: number;
  /** Is handed what forgets the run, once it has ended: for runs that belong together. Default: it is forgotten at once. */
  readonly ended?: (forget: () => Promise<void>) => void;
}

/**
 * One run's own record. A run is known by all that decides what it finds, so that only the same
 * question goes on from an earlier answer. What can not be written down only means that there is
 * nothing to go on from.
 */
export class RunJournal {
  readonly #options: JournalOptions;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #run: string;
  readonly #before: ReadonlyMap<TableName, TableProgress>;
  #broken = false;
  #savedMs: number;

  private constructor(options: JournalOptions, parts: { readonly clock: Clock; readonly logger: Logger; readonly run: string; readonly before: ReadonlyMap<TableName, TableProgress> }) {
    this.#options = options;
    this.#clock = parts.clock;
    this.#logger = parts.logger;
    this.#run = parts.run;
    this.#before = parts.before;
    this.#savedMs = parts.clock.monotonic();
  }

  /** @param question all that decides what the run finds; plain values only. */
  static async open(
    options: JournalOptions,
    run: { readonly question: unknown; readonly resume: boolean; readonly clock: Clock; readonly logger: Logger },
  ): Promise<RunJournal | undefined> {
    const { clock, logger } = run;
    const name = createHash('sha256').update(JSON.stringify([options.of, run.question])).digest('hex');
    try {
      await options.store.install();
      const before = run.resume ? await options.store.load(name) : new Map<TableName, TableProgress>();
      if (!run.resume) await options.store.forget(name);
      else logger.info(before.size > 0 ? 'going on with the validation that was cut off' : 'no validation of this kind was cut off: beginning anew', { tables: before.size });
      return new RunJournal(options, { clock, logger, run: name, before });
    } catch (error) {
      if (run.resume) throw error;
      logger.warn('this validation can not be resumed: its progress can not be kept', { reason: messageOf(error) });
      return undefined;
    }
  }

  /** What the run that was cut off has left of a table. */
  before(table: TableName): TableProgress | undefined {
    return this.#before.get(table);
  }

  get isDue(): boolean {
    return !this.#broken && this.#clock.monotonic() - this.#savedMs >= (this.#options.everyMs ?? 5000);
  }

  async save(table: TableName, progress: TableProgress): Promise<void> {
    if (this.#broken) return;
    await this.#attempt(this.#options.store.save(this.#run, table, progress));
    this.#savedMs = this.#clock.monotonic();
  }

  /** The run has come to its end. */
  async close(): Promise<void> {
    const forget = (): Promise<void> => (this.#broken ? Promise.resolve() : this.#attempt(this.#options.store.forget(this.#run)));
    if (this.#options.ended) this.#options.ended(forget);
    else await forget();
  }

  async #attempt(work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      this.#broken = true;
      this.#logger.warn('the progress of the validation is no longer kept', { reason: messageOf(error) });
    }
  }
}
