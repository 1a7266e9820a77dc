export interface ThrottleOptions {
  /** A measure of the watched server (such as what a commit takes there, in milliseconds) above this says that it is busy. */
  readonly limit: number;
  /** Of its time, the least that the work goes on: it never stops wholly. */
  readonly leastShare: number;
}

/** So many measures are looked at; their median does not mind a single high one. */
const WINDOW = 5;
/** What is given back with each measure that was low enough. */
const STEP = 0.1;
/** No pause is longer, so that a change of mind is soon felt. */
const LONGEST_PAUSE_MS = 2000;

/**
 * How much of its time some work may go on, so that the server it burdens has the rest for its own users.
 * Halved while that server is busy, given back step by step when it is not.
 */
export class Throttle {
  readonly #options: ThrottleOptions;
  readonly #measures: number[] = [];
  #share = 1;

  constructor(options: ThrottleOptions) {
    this.#options = options;
  }

  /** Between `leastShare` and 1: full speed. */
  get share(): number {
    return this.#share;
  }

  /** Whether this measure is too high. */
  isSlow(measure: number): boolean {
    return measure > this.#options.limit;
  }

  /** Of the latest measures; undefined before the first. */
  get medianMs(): number | undefined {
    return this.#measures.toSorted((a, b) => a - b)[Math.floor(this.#measures.length / 2)];
  }

  /** Notes a measure; gives whether throttling has just begun, or is just over. */
  add(measure: number): 'begun' | 'over' | undefined {
    this.#measures.push(measure);
    if (this.#measures.length > WINDOW) this.#measures.shift();
    // The first ones may have waited for a connection.
    if (this.#measures.length < WINDOW) return undefined;
    const before = this.#share;
    const busy = (this.medianMs ?? 0) > this.#options.limit;
    this.#share = busy ? Math.max(this.#options.leastShare, before / 2) : Math.min(1, before + STEP);
    if (before === 1 && this.#share < 1) return 'begun';
    return before < 1 && this.#share === 1 ? 'over' : undefined;
  }

  /** How long to rest after work that took `tookMs`, in milliseconds. */
  pauseMs(tookMs: number): number {
    return Math.min(LONGEST_PAUSE_MS, tookMs * (1 / this.#share - 1));
  }
}
