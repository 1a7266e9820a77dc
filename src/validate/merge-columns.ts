import type { RowColumns } from '../ports/checksummer.ts';
import { ABSENT, type Observation, type Suspect } from './suspects.ts';

/** One side's batches, and how far they have been read. */
class ColumnReader {
  readonly #batches: AsyncIterator<RowColumns>;
  batch: RowColumns | undefined;
  at = 0;
  rows = 0;

  constructor(batches: AsyncIterable<RowColumns>) {
    this.#batches = batches[Symbol.asyncIterator]();
  }

  get hasEnded(): boolean {
    return this.batch === undefined;
  }

  /** Makes sure of a next row, or of the end. */
  async fill(): Promise<void> {
    while (this.batch === undefined || this.at === this.batch.rows) {
      const next = await this.#batches.next();
      this.at = 0;
      this.batch = next.done === true ? undefined : next.value;
      if (this.batch === undefined) return;
      this.rows += this.batch.rows;
    }
  }

  async close(): Promise<void> {
    await this.#batches.return?.();
  }
}

/**
 * Merges both sides' rows, each place at most once on a side, and yields what is not the same, in
 * batches of about `batch`. Returns how many rows each side had.
 */
export async function* suspectsInColumns(options: {
  readonly source: AsyncIterable<RowColumns>;
  readonly target: AsyncIterable<RowColumns>;
  readonly batch: number;
}): AsyncGenerator<readonly Suspect[], { readonly source: number; readonly target: number }> {
  const [a, b] = [new ColumnReader(options.source), new ColumnReader(options.target)];
  let found: Suspect[] = [];
  try {
    for (;;) {
      // Both have ended before an error is passed on: a snapshot must not be closed under a running query.
      const filled = await Promise.allSettled([a.fill(), b.fill()]);
      for (const result of filled) if (result.status === 'rejected') throw result.reason;
      if (a.hasEnded && b.hasEnded) break;
      step(a, b, found);
      if (found.length >= options.batch) {
        yield found;
        found = [];
      }
    }
    if (found.length > 0) yield found;
    return { source: a.rows, target: b.rows };
  } finally {
    await a.close();
    await b.close();
  }
}

/** Goes on until one of the two batches has been read. */
function step(a: ColumnReader, b: ColumnReader, found: Suspect[]): void {
  const [source, target] = [a.batch, b.batch];
  if (source === undefined || target === undefined) {
    if (source !== undefined) for (; a.at < source.rows; a.at++) found.push(suspect(source.places[a.at], observed(source, a.at), ABSENT));
    if (target !== undefined) for (; b.at < target.rows; b.at++) found.push(suspect(target.places[b.at], ABSENT, observed(target, b.at)));
    return;
  }
  // Halves of 32 bits are compared without making a BigInt of each place and hash.
  const [sourcePlaces, targetPlaces] = [halves(source.places), halves(target.places)];
  const [sourceHashes, targetHashes] = [halves(source.hashes), halves(target.hashes)];
  let [i, j] = [a.at, b.at];
  while (i < source.rows && j < target.rows) {
    if (sourcePlaces[2 * i] === targetPlaces[2 * j] && sourcePlaces[2 * i + 1] === targetPlaces[2 * j + 1]) {
      if (sourceHashes[2 * i] !== targetHashes[2 * j] || sourceHashes[2 * i + 1] !== targetHashes[2 * j + 1]) {
        found.push(suspect(source.places[i], observed(source, i), observed(target, j)));
      }
      i++;
      j++;
    } else if ((source.places[i] ?? 0n) < (target.places[j] ?? 0n)) found.push(suspect(source.places[i], observed(source, i++), ABSENT));
    else found.push(suspect(target.places[j], ABSENT, observed(target, j++)));
  }
  a.at = i;
  b.at = j;
}

const halves = (numbers: BigInt64Array): Int32Array => new Int32Array(numbers.buffer, numbers.byteOffset, 2 * numbers.length);

function suspect(place: bigint | undefined, source: Observation, target: Observation): Suspect {
  return { identity: { place: place ?? 0n, key: [String(place)] }, source, target };
}

function observed(columns: RowColumns, at: number): Observation {
  const version = columns.versions?.[at];
  return { times: 1, hash: String(columns.hashes[at]), ...(version === undefined ? {} : { version: String(version) }) };
}
