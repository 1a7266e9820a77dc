export interface ThrottleOptions {
  /** A commit on the watched side that takes longer than this many milliseconds says that it is busy. */
  readonly commitMs: number;
  /** Of its time, the least that a stream goes on working: sync never stops wholly. */
  readonly leastShare: number;
}

/** So many commits are looked at; their median does not mind a single slow one. */
const WINDOW = 5;
/** What is given back with each commit that was fast enough. */
const STEP = 0.1;
/** No pause is longer, so that a change of mind is soon felt. */
const LONGEST_PAUSE_MS = 2000;

/**
 * How much of its time a stream may work, so that the side it writes to (or a copy reads from) has the rest for
 * its own users. Halved while that side's commits are slow, given back step by step when they are fast again.
 */
export class Throttle {
  readonly #options: ThrottleOptions;
  readonly #commits: number[] = [];
  #share = 1;

  constructor(options: ThrottleOptions) {
    this.#options = options;
  }

  /** Between `leastShare` and 1: full speed. */
  get share(): number {
    return this.#share;
  }

  /** Whether a commit that has taken so long is a slow one, even if it has not come back yet. */
  isSlow(tookMs: number): boolean {
    return tookMs > this.#options.commitMs;
  }

  /** Of the latest commits, in milliseconds; undefined before the first. */
  get medianMs(): number | undefined {
    return this.#commits.toSorted((a, b) => a - b)[Math.floor(this.#commits.length / 2)];
  }

  /** Notes what a commit has taken by now; gives whether throttling has just begun, or is just over. */
  add(tookMs: number): 'begun' | 'over' | undefined {
    this.#commits.push(tookMs);
    if (this.#commits.length > WINDOW) this.#commits.shift();
    // The first ones may have waited for a connection.
    if (this.#commits.length < WINDOW) return undefined;
    const before = this.#share;
    const busy = (this.medianMs ?? 0) > this.#options.commitMs;
    this.#share = busy ? Math.max(this.#options.leastShare, before / 2) : Math.min(1, before + STEP);
    if (before === 1 && this.#share < 1) return 'begun';
    return before < 1 && this.#share === 1 ? 'over' : undefined;
  }

  /** How long to rest after work that took `tookMs`, in milliseconds. */
  pauseMs(tookMs: number): number {
    return Math.min(LONGEST_PAUSE_MS, tookMs * (1 / this.#share - 1));
  }
}
