import type { Clock } from '../core/clock.ts';
import { messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import { eventFor } from './alert.ts';
import type { TableReport, ValidationReport } from './report.ts';
import { ownMemory, runSchedules, type Schedule } from './schedule.ts';
import { nextStanding, standingOf, type AlertBelow, type Standing } from './standing.ts';
import type { ValidateOptions } from './validator.ts';

export interface Alert {
  /** The tables that have crossed the threshold since the run before, or are worse now. Resolved: those that are well again. */
  readonly tables: readonly TableReport[];
  readonly score: number;
  readonly alertBelow: AlertBelow;
  readonly report: ValidationReport;
}

export interface WatchOptions extends ValidateOptions {
  /** Seconds from the end of one run to the start of the next. Default 60. Not beside `schedules`. */
  readonly everySeconds?: number;
  /** Runs at these times instead, one at a time; what is missed during a run is made up for by one. */
  readonly schedules?: readonly Schedule[];
  /** Alert when the share of equal rows of a table is below this, for all or by table. Default 1: any difference alerts. */
  readonly alertBelow?: AlertBelow;
  readonly onReport?: (report: ValidationReport) => void | Promise<void>;
  /** Told when a table crosses the threshold, and when it gets worse; not at every run. */
  readonly onAlert?: (alert: Alert) => void | Promise<void>;
  /** Told when tables that were alerted of are well again, by a run that looked as closely. */
  readonly onResolved?: (alert: Alert) => void | Promise<void>;
  /** Told of a run that failed. The watch goes on: the next run may succeed. */
  readonly onError?: (error: unknown) => void | Promise<void>;
}

interface WatchParts {
  readonly validate: (options: ValidateOptions) => Promise<ValidationReport>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly options: WatchOptions;
}

/** A validation that repeats itself. */
export class Watch {
  /** Resolves once the watch has stopped, and every query of it. Rejects only if `onError` throws. */
  readonly finished: Promise<void>;
  readonly #stop = new AbortController();
  #latest: ValidationReport | undefined;

  readonly #standings = new Map<string, Standing>();

  constructor(parts: WatchParts) {
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

  async #run({ validate, clock, logger, options }: WatchParts): Promise<void> {
    const { everySeconds = 60, schedules, alertBelow: _alertBelow, onReport, onAlert: _onAlert, onResolved: _onResolved, onError, signal: outer, ...validateOptions } = options;
    const signal = outer ? AbortSignal.any([outer, this.#stop.signal]) : this.#stop.signal;
    const once = async (more: ValidateOptions): Promise<void> => {
      try {
        const report = await validate({ ...validateOptions, ...more, signal });
        this.#latest = report;
        await onReport?.(report);
        await this.#tell(report, options);
      } catch (error) {
        if (signal.aborted) return;
        logger.error('a validation failed', { reason: messageOf(error) });
        await onError?.(error);
      }
    };
    if (schedules) {
      await runSchedules({
        schedules, memory: ownMemory(), signal, now: () => clock.now(), sleep: (ms, until) => clock.sleep(ms, until),
        run: ({ level, tables, incremental }) =>
          once({ ...(level === undefined ? {} : { level }), ...(tables === undefined ? {} : { tables }), ...(incremental === undefined ? {} : { incremental }) }),
        onError: (error) => {
          throw error;
        },
      });
      return;
    }
    while (!signal.aborted) {
      await once({});
      try {
        await clock.sleep(everySeconds * 1000, signal);
      } catch (error) {
        // The clock rejects only because the watch was stopped.
        if (!signal.aborted) throw error;
      }
    }
  }

  async #tell(report: ValidationReport, { alertBelow = 1, onAlert, onResolved }: WatchOptions): Promise<void> {
    const raised: TableReport[] = [];
    const over: TableReport[] = [];
    for (const table of report.tables) {
      const before = this.#standings.get(table.table);
      const now = nextStanding(before, standingOf(table, report.level, alertBelow));
      this.#standings.set(table.table, now);
      const event = eventFor(before?.severity, now.severity, 'low');
      if (event !== undefined) (event === 'resolved' ? over : raised).push(table);
    }
    const alert = { score: report.score, alertBelow, report };
    if (raised.length > 0) await onAlert?.({ ...alert, tables: raised });
    if (over.length > 0) await onResolved?.({ ...alert, tables: over });
  }
}
