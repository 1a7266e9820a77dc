import type { Clock } from '../core/clock.ts';
import { messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { TableReport, ValidationReport } from './report.ts';
import type { ValidateOptions } from './validator.ts';

export interface Alert {
  /** The tables below the threshold; all of them if the report as a whole is. */
  readonly tables: readonly TableReport[];
  readonly score: number;
  readonly alertBelow: number;
  readonly report: ValidationReport;
}

export interface WatchOptions extends ValidateOptions {
  /** Seconds from the end of one run to the start of the next. Default 60. */
  readonly everySeconds?: number;
  /** Alert when the share of equal rows of any table is below this. Default 1: any difference alerts. */
  readonly alertBelow?: number;
  readonly onReport?: (report: ValidationReport) => void | Promise<void>;
  readonly onAlert?: (alert: Alert) => void | Promise<void>;
  /** Told of a run that failed. The watch goes on: the next run may succeed. */
  readonly onError?: (error: unknown) => void | Promise<void>;
}

/** A validation that repeats itself. */
export class Watch {
  /** Resolves once the watch has stopped, and every query of it. Rejects only if `onError` throws. */
  readonly finished: Promise<void>;
  readonly #stop = new AbortController();
  #latest: ValidationReport | undefined;

  constructor(parts: {
    readonly validate: (options: ValidateOptions) => Promise<ValidationReport>;
    readonly clock: Clock;
    readonly logger: Logger;
    readonly options: WatchOptions;
  }) {
    this.finished = this.#run(parts);
  }

  /** The report of the last run that ended. */
  get latest(): ValidationReport | undefined {
    return this.#latest;
  }

  /** Stops the run that is under way, and waits until it has. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.finished;
  }

  async #run(parts: {
    readonly validate: (options: ValidateOptions) => Promise<ValidationReport>;
    readonly clock: Clock;
    readonly logger: Logger;
    readonly options: WatchOptions;
  }): Promise<void> {
    const { validate, clock, logger, options } = parts;
    const { everySeconds = 60, alertBelow = 1, onReport, onAlert, onError, signal: outer, ...validateOptions } = options;
    const signal = outer ? AbortSignal.any([outer, this.#stop.signal]) : this.#stop.signal;
    while (!signal.aborted) {
      try {
        const report = await validate({ ...validateOptions, signal });
        this.#latest = report;
        await onReport?.(report);
        const low = report.tables.filter((table) => table.score < alertBelow || (!table.consistent && table.score === 1));
        if (low.length > 0) await onAlert?.({ tables: low, score: report.score, alertBelow, report });
      } catch (error) {
        if (signal.aborted) return;
        logger.error('a validation failed', { reason: messageOf(error) });
        await onError?.(error);
      }
      try {
        await clock.sleep(everySeconds * 1000, signal);
      } catch (error) {
        // The clock rejects only because the watch was stopped.
        if (!signal.aborted) throw error;
      }
    }
  }
}
