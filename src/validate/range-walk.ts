import type { PlaceRange } from '../ports/checksummer.ts';

/** The first range tells how densely the places are filled, and how much of it differs. */
const FIRST_ROWS = 16_384;
/** The next range expects at most so many times the rows of the last: what lies ahead may be denser. */
const GROWTH = 8;

/**
 * Cuts a table's places into ranges of about so many rows, from the lowest on. How many rows a range
 * has is only known afterwards, so each is made as wide as the last one suggests.
 */
export class RangeWalk {
  readonly #to: bigint;
  readonly #rows: number;
  #next: bigint;
  #width: bigint;
  #wanted: number;

  constructor(options: {
    readonly within: PlaceRange;
    /** About how many rows there are; 0: unknown. */
    readonly estimatedRows: number;
    /** Rows of a range. */
    readonly rows: number;
    /** Where to begin. Default: at the lowest place. */
    readonly next?: bigint;
  }) {
    const { within, estimatedRows, rows } = options;
    this.#next = options.next ?? within.from;
    this.#to = within.to;
    this.#rows = rows;
    this.#wanted = Math.min(FIRST_ROWS, rows);
    const places = within.to - within.from + 1n;
    // Where the server knows nothing yet, no place is taken to be empty: that costs a few small ranges.
    this.#width = atLeastOne(estimatedRows > 0 ? (places * BigInt(this.#wanted)) / BigInt(Math.ceil(estimatedRows)) : BigInt(this.#wanted));
  }

  /** The lowest place that no range has covered yet. */
  get next(): bigint {
    return this.#next;
  }

  /** How many rows the next range is likely to have. */
  get expectedRows(): number {
    return this.#wanted;
  }

  /** The next range; undefined when all places are covered. */
  take(): PlaceRange | undefined {
    if (this.#next > this.#to) return undefined;
    const end = this.#next + this.#width - 1n;
    const range = { from: this.#next, to: end < this.#to ? end : this.#to };
    this.#next = range.to + 1n;
    return range;
  }

  /**
   * Learns from a range that was scanned.
   * @param most rows that the next one may have, for other reasons than its size. Default: no limit.
   */
  learn(range: PlaceRange, rows: number, most = Infinity): void {
    const width = range.to - range.from + 1n;
    this.#wanted = Math.max(1, Math.floor(Math.min(this.#rows, most, Math.max(rows, FIRST_ROWS) * GROWTH)));
    const wanted = rows === 0 ? width * BigInt(GROWTH) : (width * BigInt(this.#wanted)) / BigInt(rows);
    const widest = width * BigInt(GROWTH);
    this.#width = atLeastOne(wanted < widest ? wanted : widest);
  }
}

const atLeastOne = (width: bigint): bigint => (width < 1n ? 1n : width);
