/** A number that is an exact integer, as all below 2^53 are, to a position, in the order of positions. */
interface Run<P extends bigint> {
  readonly keys: Float64Array;
  readonly positions: BigUint64Array;
  /** The last position in it. */
  readonly last: P;
}

/**
 * Numbers to positions that only grow. The latest entries are in an ordinary map; older ones are
 * packed outside the heap, 16 bytes each, for there may be as many as there were commits while the
 * other side stood still.
 */
export class PackedMap<P extends bigint> {
  readonly #recentSize: number;
  #recent = new Map<number, P>();
  #runs: Run<P>[] = [];
  #dropped: P | undefined;

  /** @param options.recentSize entries outside of the packed ones at most. Default 50,000. */
  constructor(options: { readonly recentSize?: number } = {}) {
    this.#recentSize = options.recentSize ?? 50_000;
  }

  get(key: number): P | undefined {
    const position = this.#recent.get(key) ?? this.#packed(key);
    return position === undefined || (this.#dropped !== undefined && position <= this.#dropped) ? undefined : position;
  }

  /** Positions come in order; of one number the last stands. */
  set(key: number, position: P): void {
    // Taken out first, so that the map stays in the order of positions.
    this.#recent.delete(key);
    this.#recent.set(key, position);
    if (this.#recent.size > this.#recentSize) this.#pack();
  }

  /** Forgets what lies at or before a position. */
  dropThrough(position: P): void {
    for (const [key, at] of this.#recent) {
      if (at > position) break;
      this.#recent.delete(key);
    }
    if (this.#runs.length === 0) return;
    this.#runs = this.#runs.filter((run) => run.last > position);
    // A run goes as a whole; what should be gone of it already is not found any more.
    if (this.#dropped === undefined || position > this.#dropped) this.#dropped = position;
  }

  #pack(): void {
    const entries = [...this.#recent].toSorted(([a], [b]) => a - b);
    let last = this.#runs.at(-1)?.last;
    for (const [, position] of entries) if (last === undefined || position > last) last = position;
    if (last === undefined) return;
    this.#runs.push({
      keys: Float64Array.from(entries, ([key]) => key), positions: BigUint64Array.from(entries, ([, position]) => position), last,
    });
    this.#recent = new Map();
  }

  #packed(key: number): P | undefined {
    for (let i = this.#runs.length - 1; i >= 0; i--) {
      const run = this.#runs[i];
      const at = run ? firstAtLeast(run.keys, key) : 0;
      // What was put in comes out.
      if (run && run.keys[at] === key) return run.positions[at] as P | undefined;
    }
    return undefined;
  }
}

/** Where in ascending numbers the first stands that is not less. */
export function firstAtLeast(numbers: Float64Array, number: number): number {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((numbers[middle] ?? 0) < number) low = middle + 1;
    else high = middle;
  }
  return low;
}
