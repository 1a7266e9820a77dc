import { withAbortOf } from '../core/abort-any.ts';
import type { Clock } from '../core/clock.ts';
import { isSpooledSteps, rowsOf, type Work } from './work.ts';

/** Made once: an abort without a reason makes an exception with a stack each time. */
const WOKEN = new Error('woken');

/**
 * How far beyond its bounds a queue may grow. `some`: the opposite stream waits for this one to be read
 * further. `all`: and this one's writing half waits for the opposite stream, so that without it both would
 * wait for ever; that ends as soon as the shorter of both logs is read.
 */
export type Overflow = 'none' | 'some' | 'all';

/** Times the bounds. */
const SOME = 4;

/**
 * Translated transactions between the reading and the writing half of a stream, bounded by rows and
 * bytes. A spooled one counts its rows, so that the disk is bounded as well.
 */
export class WorkQueue {
  readonly #clock: Clock;
  readonly #maxRows: number;
  readonly #maxBytes: number;
  readonly #overflow: () => Overflow;
  #works: Work[] = [];
  #rows = 0;
  #bytes = 0;
  /** Waits for a change; absent while nobody does, since an abort costs more than the rest of a put. */
  #wake: AbortController | undefined;

  constructor(options: { readonly clock: Clock; readonly maxRows: number; readonly maxBytes: number; readonly overflow: () => Overflow }) {
    this.#clock = options.clock;
    this.#maxRows = options.maxRows;
    this.#maxBytes = options.maxBytes;
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
    return this.#works.some((work) => work.urgent || work.counts || rowsOf(work) > 0);
  }

  get empty(): boolean {
    return this.#works.length === 0;
  }

  /** Takes a work; resolves when there is room for the next. */
  async put(work: Work, signal: AbortSignal): Promise<void> {
    const last = this.#works.at(-1);
    if (last && isProgress(last) && isProgress(work)) this.#works[this.#works.length - 1] = work;
    else this.#works.push(work);
    this.#rows += rowsOf(work);
    this.#bytes += bytesOf(work);
    this.wake();
    while (this.#full()) await this.changed(50, signal);
  }

  #full(): boolean {
    const filled = Math.max(this.#rows / this.#maxRows, this.#bytes / this.#maxBytes);
    if (filled <= 1) return false;
    const overflow = this.#overflow();
    return overflow === 'none' || (overflow === 'some' && filled > SOME);
  }

  /** The next works in order: at least one, then as many as keep within the bounds. A spooled one comes alone. */
  take(maxRows: number, maxBytes: number): Work[] {
    let rows = 0;
    let bytes = 0;
    let count = 0;
    for (const work of this.#works) {
      const spooled = isSpooledSteps(work.steps);
      if (count > 0 && (spooled || rows + rowsOf(work) > maxRows || bytes + bytesOf(work) > maxBytes)) break;
      rows += rowsOf(work);
      bytes += bytesOf(work);
      count += 1;
      if (spooled) break;
    }
    const taken = this.#works.slice(0, count);
    this.#works = this.#works.slice(count);
    this.#rows -= rows;
    this.#bytes -= bytes;
    this.wake();
    return taken;
  }

  /** Gives back the disk space of what will not be taken any more. */
  async discard(): Promise<void> {
    const works = this.#works;
    this.#works = [];
    this.#rows = 0;
    this.#bytes = 0;
    for (const { steps } of works) if (isSpooledSteps(steps)) await steps.discard();
  }

  /** Resolves when something was put or taken, at the latest after `ms` milliseconds. */
  async changed(ms: number, signal: AbortSignal): Promise<void> {
    const wake = (this.#wake ??= new AbortController()).signal;
    try {
      await withAbortOf([wake, signal], (either) => this.#clock.sleep(ms, either));
    } catch (error) {
      if (!wake.aborted) throw error;
    }
  }

  /** Ends every wait for a change. */
  wake(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.abort(WOKEN);
  }
}

function isProgress(work: Work): boolean {
  return rowsOf(work) === 0 && !work.urgent && !work.counts;
}

/** What a work holds in memory. */
function bytesOf(work: Work): number {
  return isSpooledSteps(work.steps) ? 0 : (work.bytes ?? 0);
}
