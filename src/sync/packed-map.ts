/** A number that is an exact integer, as all below 2^53 are, to a position, in the order of positions. */
interface Run<P extends bigint> {
  readonly keys: Float64Array;
  readonly positions: BigUint64Array;
  /** The last position in it. */
  readonly last: P;
}

/** Entries that the first arrays have room for. */
const FIRST_SIZE = 256;

/**
 * Numbers to positions that only grow. All of it lies outside the heap, 16 bytes an entry, for there may be as
 * many as there were commits while the other side stood still. There is an entry for every commit and hardly
 * ever a question, so the latest ones are only written down, and put in order when somebody asks.
 */
export class PackedMap<P extends bigint> {
  readonly #recentSize: number;
  #keys = new Float64Array(FIRST_SIZE);
  #positions = new BigUint64Array(FIRST_SIZE);
  #count = 0;
  /** Where each number stands last among the first {@link #indexed} of the latest entries. */
  readonly #index = new Map<number, number>();
  #indexed = 0;
  #runs: Run<P>[] = [];
  /** The latest position among them. */
  #last: P | undefined;
  #dropped: P | undefined;

  /** @param options.recentSize entries that are not in order yet at most. Default 50,000. */
  constructor(options: { readonly recentSize?: number } = {}) {
    this.#recentSize = options.recentSize ?? 50_000;
  }

  get(key: number): P | undefined {
    for (; this.#indexed < this.#count; this.#indexed++) this.#index.set(this.#keys[this.#indexed] ?? 0, this.#indexed);
    const at = this.#index.get(key);
    const position = at === undefined ? this.#packed(key) : (this.#positions[at] as P | undefined);
    return position === undefined || (this.#dropped !== undefined && position <= this.#dropped) ? undefined : position;
  }

  /** Positions come in order; of one number the last stands. */
  set(key: number, position: P): void {
    if (this.#count === this.#keys.length) this.#grow();
    this.#keys[this.#count] = key;
    this.#positions[this.#count] = position;
    this.#count += 1;
    if (this.#last === undefined || position > this.#last) this.#last = position;
    if (this.#count > this.#recentSize) this.#pack();
  }

  /** Forgets what lies at or before a position. */
  dropThrough(position: P): void {
    if (this.#dropped === undefined || position > this.#dropped) this.#dropped = position;
    if (this.#last !== undefined && this.#last <= position) this.#clear();
    // A run goes as a whole; what should be gone of it already is not found any more.
    if (this.#runs.length > 0) this.#runs = this.#runs.filter((run) => run.last > position);
  }

  #grow(): void {
    const keys = new Float64Array(this.#keys.length * 2);
    const positions = new BigUint64Array(keys.length);
    keys.set(this.#keys);
    positions.set(this.#positions);
    this.#keys = keys;
    this.#positions = positions;
  }

  #clear(): void {
    this.#count = 0;
    this.#last = undefined;
    this.#indexed = 0;
    this.#index.clear();
  }

  #pack(): void {
    const last = this.#last;
    if (last === undefined) return;
    const keys = this.#keys.subarray(0, this.#count);
    // Of equal numbers the last is to be found first.
    const order = isAscending(keys) ? undefined : Uint32Array.from(keys, (_, i) => i).sort((a, b) => (keys[a] ?? 0) - (keys[b] ?? 0) || b - a);
    this.#runs.push({
      keys: order ? Float64Array.from(order, (i) => keys[i] ?? 0) : keys.slice(),
      positions: order ? BigUint64Array.from(order, (i) => this.#positions[i] ?? 0n) : this.#positions.slice(0, this.#count),
      last,
    });
    this.#clear();
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

/** Whether each number is larger than the one before. */
function isAscending(numbers: Float64Array): boolean {
  for (let i = 1; i < numbers.length; i++) if ((numbers[i] ?? 0) <= (numbers[i - 1] ?? 0)) return false;
  return true;
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
