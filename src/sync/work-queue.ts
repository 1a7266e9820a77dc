import type { Clock } from '../core/clock.ts';
import type { Work } from './work.ts';

/** Translated transactions between the reading and the writing half of a stream, bounded by rows. */
export class WorkQueue {
  readonly #clock: Clock;
  readonly #maxRows: number;
  /** Whether somebody needs the stream read further than the bound allows; see Knowledge.awaited. */
  readonly #overflow: () => boolean;
  #works: Work[] = [];
  #rows = 0;
  /** Waits for a change; absent while nobody does, since an abort costs more than the rest of a put. */
  #wake: AbortController | undefined;

  constructor(options: { readonly clock: Clock; readonly maxRows: number; readonly overflow: () => boolean }) {
    this.#clock = options.clock;
    this.#maxRows = options.maxRows;
    this.#overflow = options.overflow;
  }

  get rows(): number {
    return this.#rows;
  }

  get oldest(): Work | undefined {
    return this.#works.find((work) => work.counts);
  }

  /** Whether there is more to do than to note progress. */
  get pressing(): boolean {
    return this.#works.some((work) => work.urgent || work.counts || work.steps.length > 0);
  }

  get empty(): boolean {
    return this.#works.length === 0;
  }

  /** Takes a work; resolves when there is room for the next. */
  async put(work: Work, signal: AbortSignal): Promise<void> {
    const last = this.#works.at(-1);
    if (last && isProgress(last) && isProgress(work)) this.#works[this.#works.length - 1] = work;
    else this.#works.push(work);
    this.#rows += work.steps.length;
    this.#notify();
    while (this.#rows > this.#maxRows && !this.#overflow()) await this.changed(50, signal);
  }

  /** The next works in order: at least one, then as many as keep within `maxRows`. */
  take(maxRows: number): Work[] {
    let rows = 0;
    let count = 0;
    for (const work of this.#works) {
      if (count > 0 && rows + work.steps.length > maxRows) break;
      rows += work.steps.length;
      count += 1;
    }
    const taken = this.#works.slice(0, count);
    this.#works = this.#works.slice(count);
    this.#rows -= rows;
    this.#notify();
    return taken;
  }

  /** Resolves when something was put or taken, at the latest after `ms` milliseconds. */
  async changed(ms: number, signal: AbortSignal): Promise<void> {
    const wake = (this.#wake ??= new AbortController()).signal;
    try {
      await this.#clock.sleep(ms, AbortSignal.any([wake, signal]));
    } catch (error) {
      if (!wake.aborted) throw error;
    }
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.abort();
  }
}

function isProgress(work: Work): boolean {
  return work.steps.length === 0 && !work.urgent && !work.counts;
}
