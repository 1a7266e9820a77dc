import type { ChecksumSnapshot, LeafDigest, LeafSet, PlaceRange, Selection } from '../ports/checksummer.ts';

/** Leaves of a scan at most: bounds what is held in memory, whatever the table's size. */
export const MOST_LEAVES = 65_536;
/** Rows of a leaf that are worth one digest. Smaller leaves cost the scan more, larger ones cost more rows per difference. */
export const ROWS_PER_LEAF = 256;

/** Leaves are split in so many (as a power of two) where it is worth another scan of those that differ. */
const SPLIT_BITS = 4;
/** Rows in differing leaves that are read one by one rather than hashed once more. */
const ROWS_WORTH_READING = 50_000;

/** Hashed places fill all 64 bits (signed), or 60 bits of the canonical hash. */
const HASHED_PLACES: Readonly<Record<Selection['hash'], PlaceRange>> = {
  record: { from: -(2n ** 63n), to: 2n ** 63n - 1n },
  canonical: { from: 0n, to: 2n ** 60n - 1n },
};

/** The bits by which places are shifted so that the table falls into a fitting number of leaves. */
export function leafShift(range: PlaceRange, rows: number, rowsPerLeaf = ROWS_PER_LEAF): number {
  const wanted = BigInt(Math.min(MOST_LEAVES, Math.max(1, Math.ceil(rows / rowsPerLeaf))));
  let shift = 0n;
  while (shift < 63n && (range.to >> shift) - (range.from >> shift) >= wanted) shift += 1n;
  return Number(shift);
}

/** The places that both sides' rows can have. */
export async function placeRange(sides: readonly ScannedSide[]): Promise<PlaceRange> {
  const [first] = sides;
  if (first !== undefined && !first.selection.placedByKey) return HASHED_PLACES[first.selection.hash];
  const bounds = await Promise.all(sides.map(({ snapshot, selection }) => snapshot.placeBounds(selection)));
  const known = bounds.filter((bound) => bound !== undefined);
  return {
    from: known.reduce((least, { from }) => (from < least ? from : least), known[0]?.from ?? 0n),
    to: known.reduce((most, { to }) => (to > most ? to : most), known[0]?.to ?? 0n),
  };
}

/**
 * Adds up the source's leaves and takes away the target's: what is left differs. One map for both
 * sides, and no order between or within them.
 */
export class LeafBalance {
  readonly #leaves = new Map<bigint, { rows: number; digest: bigint }>();
  readonly rows = { source: 0, target: 0 };

  async add(side: 'source' | 'target', leaves: AsyncIterable<LeafDigest>): Promise<void> {
    const sign = side === 'source' ? 1 : -1;
    for await (const { leaf, rows, digest } of leaves) {
      this.rows[side] += rows;
      const sum = BigInt(digest);
      const known = this.#leaves.get(leaf);
      if (known === undefined) this.#leaves.set(leaf, { rows: sign * rows, digest: BigInt(sign) * sum });
      else {
        known.rows += sign * rows;
        known.digest += BigInt(sign) * sum;
      }
    }
  }

  differing(): readonly bigint[] {
    return [...this.#leaves].filter(([, left]) => left.rows !== 0 || left.digest !== 0n).map(([leaf]) => leaf);
  }

  get leaves(): number {
    return this.#leaves.size;
  }
}

/** A selection within one side's snapshot. */
export interface ScannedSide {
  readonly snapshot: ChecksumSnapshot;
  readonly selection: Selection;
}

export interface BothSides {
  readonly source: ScannedSide;
  readonly target: ScannedSide;
}

/** Scans both sides at once. */
export async function scanLeaves({ source, target }: BothSides, how: Parameters<ChecksumSnapshot['leaves']>[1]): Promise<LeafBalance> {
  const balance = new LeafBalance();
  const side = (name: 'source' | 'target', { snapshot, selection }: ScannedSide) => balance.add(name, snapshot.leaves(selection, how));
  // Both have ended before an error is passed on: a snapshot must not be closed under a running scan.
  const ended = await Promise.allSettled([side('source', source), side('target', target)]);
  for (const result of ended) if (result.status === 'rejected') throw result.reason;
  return balance;
}

/**
 * Scans both sides at once and returns the leaves that differ. Where they hold many rows, splits
 * them by another scan of only those, which is cheaper than reading their rows.
 */
export async function differingLeaves(options: BothSides & {
  readonly estimatedRows: number;
  readonly hashed: boolean;
  readonly onRows: (rows: number) => void;
}): Promise<{ readonly rows: { readonly source: number; readonly target: number }; readonly within: LeafSet }> {
  const { source, target, hashed, onRows } = options;
  const range = await placeRange([source, target]);
  const shift = leafShift(range, options.estimatedRows);
  const balance = await scanLeaves({ source, target }, { shift, hashed, onRows });
  const leaves = balance.differing();
  const rowsPerLeaf = Math.max(balance.rows.source, balance.rows.target) / Math.max(1, balance.leaves);
  const worthSplitting = rowsPerLeaf * leaves.length > ROWS_WORTH_READING && shift >= SPLIT_BITS && leaves.length << SPLIT_BITS <= MOST_LEAVES;
  if (!worthSplitting) return { rows: balance.rows, within: { shift, leaves } };
  const finer = shift - SPLIT_BITS;
  const split = await scanLeaves({ source, target }, { shift: finer, hashed, within: { shift, leaves } });
  return { rows: balance.rows, within: { shift: finer, leaves: split.differing() } };
}
