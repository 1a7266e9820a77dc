export interface BatchSizeOptions {
  /** Most rows of a batch. */
  readonly most: number;
}

/**
 * How many rows a stream takes into one transaction of its target: as many as it can write without
 * holding them for long. Whoever writes there waits for them meanwhile, and two that hold what the other
 * wants are a deadlock; the more rows, the surer.
 */
export class BatchSize {
  readonly #most: number;
  #rows: number;
  /** Until it was once too much, it may double. */
  #probing = true;

  constructor({ most }: BatchSizeOptions) {
    this.#most = most;
    this.#rows = Math.min(most, FIRST_ROWS);
  }

  get rows(): number {
    return this.#rows;
  }

  /** A batch of so many rows was written, and held them for so long before it was committed. */
  wrote({ rows, heldMs }: { readonly rows: number; readonly heldMs: number }): void {
    if (heldMs > LONG_MS) {
      this.#probing = false;
      this.#rows = Math.max(1, Math.floor((Math.min(this.#rows, rows) * GOAL_MS) / heldMs));
    } else if (heldMs < GOAL_MS && rows * 2 > this.#rows) {
      this.#rows = Math.min(this.#most, Math.ceil(this.#rows * (this.#probing ? 2 : 1.25)));
    }
  }

  /** A batch of so many rows was given up because of others' locks. */
  contended(rows: number): void {
    this.#probing = false;
    this.#rows = Math.max(1, Math.min(this.#rows, rows) >> 1);
  }
}

const FIRST_ROWS = 250;
const GOAL_MS = 200;
const LONG_MS = 400;
