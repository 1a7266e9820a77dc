const FIRST = 100;
const STEP = 0.02;

/**
 * Follows a quantile of latencies: the first hundred are sorted, then each one moves it a little (Robbins,
 * Monro 1951), on a logarithmic scale. It forgets as it goes, so it follows day and night.
 *
 * It only says where to look. The tests are right wherever that is, as long as it was fixed before what
 * they count has begun, and good if it is near.
 */
export class QuantileTracker {
  readonly #q: number;
  readonly #first: number[] = [];
  #value: number | undefined;

  constructor(q: number) {
    this.#q = q;
  }

  add(ms: number): void {
    if (this.#value !== undefined) {
      this.#value *= Math.exp(STEP * (ms > this.#value ? this.#q : this.#q - 1));
      return;
    }
    this.#first.push(ms);
    if (this.#first.length < FIRST) return;
    this.#first.sort((a, b) => a - b);
    this.#value = Math.max(0.01, this.#first[Math.ceil(this.#q * FIRST) - 1] ?? 0);
    this.#first.length = 0;
  }

  /** In milliseconds; undefined until a hundred were seen. */
  get value(): number | undefined {
    return this.#value;
  }
}
