import type { Clock } from '../core/clock.ts';
import type { Checksummer, ChecksumSnapshot, PlaceRange, TableShape } from '../ports/checksummer.ts';
import { leafShift, MOST_LEAVES, ROWS_PER_LEAF, scanLeaves } from './leaves.ts';
import { suspectsInColumns } from './merge-columns.ts';
import type { Pace } from './pace.ts';
import type { TablePair, TableToValidate } from './pair.ts';
import { RangeWalk } from './range-walk.ts';
import { openBoth } from './snapshots.ts';
import { SUSPECTS_AT_ONCE, SuspectBatch } from './suspect-batch.ts';
import type { Suspect } from './suspects.ts';

/** Rows of a range: enough that what each costs beside its rows is little, few enough that its snapshot is short. */
const RANGE_ROWS = 2_097_152;
/** Where a larger share of the last range's rows differed, all hashes of the next are sent: most leaves would differ. */
const WORTH_SENDING = 0.003;
/** What a leaf costs (a group, and its digest), as a multiple of what it costs to read a row of a leaf that differs. */
const LEAF_COST = 1.25;
const LEAST_ROWS_PER_LEAF = 32;

export interface RangeComparison {
  readonly pair: TablePair;
  readonly source: Checksummer;
  readonly target: Checksummer;
  /** The places to compare. */
  readonly within: PlaceRange;
  readonly rangeRows: number;
  readonly clock: Clock;
  /** Default: as fast as it goes. */
  readonly pace?: Pace;
  readonly signal?: AbortSignal;
  /** Told of rows as they are scanned, of both sides together. */
  readonly onRows: (rows: number) => void;
  /** Is handed every suspect exactly once. No snapshot is open then, unless more differs in one range than fits. */
  readonly onSuspects: (suspects: readonly Suspect[]) => Promise<void>;
  /** Where an earlier comparison of the same places has got to. */
  readonly from?: { readonly next: bigint; readonly rows: Rows };
  readonly journal?: {
    /** Whether it is time to say how far we are. */
    readonly isDue: () => boolean;
    /** Every place below `next` has been compared, with so many rows, and every suspect was handed over. */
    readonly note: (next: bigint, rows: Rows) => Promise<void>;
  };
}

export interface Rows {
  readonly source: number;
  readonly target: number;
}

interface Scanned extends Rows {
  readonly suspects: number;
}

/**
 * Rows of a leaf, where such a share of rows differs: large leaves are few, small ones hold few rows
 * beside each that differs. Least at the square root of the two costs' ratio.
 */
export function rowsPerLeaf(differing: number): number {
  return Math.min(ROWS_PER_LEAF, Math.max(LEAST_ROWS_PER_LEAF, Math.round(Math.sqrt(LEAF_COST / differing))));
}

/**
 * Compares a table range by range of its whole-number key, each in a pair of snapshots of its own: no
 * snapshot lives long, and every row is seen once, for a row that moves to another place is another
 * row. Rows that come beyond `within` meanwhile are younger than the comparison.
 */
export async function compareRanges(options: RangeComparison): Promise<Rows> {
  const { pair, within, from, journal, clock, pace } = options;
  const walk = new RangeWalk({ within, estimatedRows: pair.estimatedRows, rows: options.rangeRows, ...(from ? { next: from.next } : {}) });
  const rows = { source: from?.rows.source ?? 0, target: from?.rows.target ?? 0 };
  const batch = new SuspectBatch(options.onSuspects);
  /** Which share of the last range's rows differed. */
  let differing = 0;
  for (let range = walk.take(); range !== undefined; range = walk.take()) {
    options.signal?.throwIfAborted();
    const startedMs = clock.monotonic();
    const scanned = await scanRange(options, { range, differing, expectedRows: walk.expectedRows }, (suspects) => batch.add(suspects));
    rows.source += scanned.source;
    rows.target += scanned.target;
    const most = Math.max(scanned.source, scanned.target);
    differing = scanned.suspects / Math.max(1, most);
    await batch.handFull();
    // So that the next range's suspects fit beside each other.
    const tookMs = clock.monotonic() - startedMs;
    walk.learn(range, most, Math.min(SUSPECTS_AT_ONCE / differing, MOST_LEAVES * rowsPerLeaf(differing), pace?.rowsAfter(most, tookMs) ?? Infinity));
    await pace?.rest(tookMs, options.signal);
    if (journal?.isDue() !== true) continue;
    await batch.handAll();
    await journal.note(walk.next, { ...rows });
  }
  await batch.handAll();
  return rows;
}

/** Rows lie near enough to the order of the key that a range of keys is a range of pages. */
const ORDERED = 0.9;

/** Whether a table is scanned range by range. A key that is given by hand may hold nulls, which lie in no range. */
export function rangesOf(options: {
  readonly spec: TableToValidate;
  readonly source: TableShape;
  readonly target: TableShape;
  /** Of a range, if somebody wants ranges. */
  readonly rows: number | undefined;
  /** Whether the scan is to be paced, which only ranges can be. */
  readonly paced: boolean;
}): { readonly rangeRows?: number } {
  const { spec, source, target, rows, paced } = options;
  if (spec.key !== undefined) return {};
  if (rows !== undefined) return { rangeRows: rows };
  return paced || [source, target].every(({ keyOrder = 0 }) => Math.abs(keyOrder) >= ORDERED) ? { rangeRows: RANGE_ROWS } : {};
}

async function scanRange(
  options: RangeComparison,
  scan: { readonly range: PlaceRange; readonly differing: number; readonly expectedRows: number },
  found: (suspects: readonly Suspect[]) => Promise<void>,
): Promise<Scanned> {
  const { pair, onRows } = options;
  const { range, differing } = scan;
  const [source, target] = await openBoth(options);
  const sides = { source: { snapshot: source, selection: pair.source }, target: { snapshot: target, selection: pair.target } };
  try {
    if (differing > WORTH_SENDING) {
      const sent = await mergeColumns({ pair, source, target, range, found });
      onRows(sent.source + sent.target);
      return sent;
    }
    const shift = leafShift(range, scan.expectedRows, rowsPerLeaf(differing));
    const balance = await scanLeaves(sides, { shift, range, hashed: true, onRows });
    const leaves = balance.differing();
    if (leaves.length === 0) return { ...balance.rows, suspects: 0 };
    const { suspects } = await mergeColumns({ pair, source, target, range, within: { shift, leaves }, found });
    return { ...balance.rows, suspects };
  } finally {
    await Promise.all([source.close(), target.close()]);
  }
}

async function mergeColumns(options: {
  readonly pair: TablePair;
  readonly source: ChecksumSnapshot;
  readonly target: ChecksumSnapshot;
  readonly range: PlaceRange;
  readonly within?: Parameters<ChecksumSnapshot['columns']>[1]['within'];
  readonly found: (suspects: readonly Suspect[]) => Promise<void>;
}): Promise<Rows & { readonly suspects: number }> {
  const { pair, source, target, range, within, found } = options;
  const reading = { range, ...(within ? { within } : {}) };
  const merged = suspectsInColumns({
    source: source.columns(pair.source, reading),
    target: target.columns(pair.target, reading),
    batch: SUSPECTS_AT_ONCE,
  });
  let suspects = 0;
  for (;;) {
    const next = await merged.next();
    if (next.done === true) return { ...next.value, suspects };
    suspects += next.value.length;
    await found(next.value);
  }
}
