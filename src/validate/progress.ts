import type { Clock } from '../core/clock.ts';
import type { TableName } from '../model/names.ts';

export interface Progress {
  readonly table: TableName;
  /** `scan`: leaves are hashed. `rows`: differing leaves are read. `recheck`: suspects are looked at again. */
  readonly phase: 'scan' | 'rows' | 'recheck';
  /** Rows scanned so far, of both sides together. */
  readonly rows: number;
  /** The servers' estimate of that number at the end; never less than `rows`. */
  readonly estimatedRows: number;
  /** Rows scanned each second since the table was begun. */
  readonly rowsPerSecond: number;
  /** Rows found different on the first look, so far. */
  readonly suspects: number;
}

/** Follows one table and tells a listener. */
export class ProgressMeter {
  readonly #options: { readonly table: TableName; readonly estimatedRows: number; readonly clock: Clock; readonly listener: ((progress: Progress) => void) | undefined };
  readonly #startedMs: number;
  #rows = 0;
  #suspects = 0;

  constructor(options: {
    readonly table: TableName;
    readonly estimatedRows: number;
    readonly clock: Clock;
    readonly listener: ((progress: Progress) => void) | undefined;
  }) {
    this.#options = options;
    this.#startedMs = options.clock.monotonic();
  }

  get seconds(): number {
    return (this.#options.clock.monotonic() - this.#startedMs) / 1000;
  }

  scanned(rows: number): void {
    this.#rows += rows;
    this.#tell('scan');
  }

  found(suspects: number): void {
    this.#suspects += suspects;
    this.#tell('rows');
  }

  rechecking(): void {
    this.#tell('recheck');
  }

  #tell(phase: Progress['phase']): void {
    const { table, estimatedRows, listener } = this.#options;
    listener?.({
      table,
      phase,
      rows: this.#rows,
      estimatedRows: Math.max(this.#rows, estimatedRows),
      rowsPerSecond: this.seconds > 0 ? Math.round(this.#rows / this.seconds) : 0,
      suspects: this.#suspects,
    });
  }
}
