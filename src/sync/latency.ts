/**
 * Times in milliseconds, counted in buckets that grow by 5 %, so that any percentile is right to
 * 5 % in a few hundred numbers, however many were recorded.
 */
export class LatencyRecord {
  readonly #buckets: number[] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  record(ms: number, times = 1): void {
    const bucket = Math.max(0, Math.ceil(Math.log(Math.max(ms, FLOOR) / FLOOR) / Math.log(GROWTH)));
    this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + times;
    this.#count += times;
  }

  /** The time that `share` (0 to 1) of all stayed under; 0 if there are none. */
  percentile(share: number): number {
    let left = share * this.#count;
    for (let bucket = 0; bucket < this.#buckets.length; bucket++) {
      left -= this.#buckets[bucket] ?? 0;
      if (left <= 0 && this.#count > 0) return Math.round(FLOOR * GROWTH ** bucket * 100) / 100;
    }
    return 0;
  }
}

const FLOOR = 0.1;
const GROWTH = 1.05;
