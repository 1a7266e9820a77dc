import type { Clock } from '../../core/clock.ts';
import type { Checksummer, RowIdentity } from '../../ports/checksummer.ts';
import { scanLeaves } from '../leaves.ts';
import type { Pace } from '../pace.ts';
import type { TablePair } from '../pair.ts';
import { openBoth } from '../snapshots.ts';
import { SUSPECTS_AT_ONCE, SuspectBatch } from '../suspect-batch.ts';
import { findSuspects, unseen, type Suspect } from '../suspects.ts';
import { inOrder, inParts, LEAF_SHIFT, type TouchedLeaves } from './touched-leaves.ts';

/** Neighbourhoods that one statement looks up in the key's index; of more it would make a scan of the table. */
const RANGES_AT_ONCE = 256;
/** Keys whose rows one pair of snapshots reads at most, as a power of two. */
const KEYS_AT_ONCE = 20;
/** A leaf is not split into more than so many, as a power of two. */
const SPLIT_AT_MOST = 12;

export interface TouchedComparison {
  readonly pair: TablePair;
  readonly source: Checksummer;
  readonly target: Checksummer;
  readonly leaves: readonly TouchedLeaves[];
  readonly keys: readonly RowIdentity[];
  readonly clock: Clock;
  readonly pace?: Pace;
  readonly signal?: AbortSignal;
  /** Told of rows as they are read, of both sides together. */
  readonly onRows: (rows: number) => void;
  /** Is handed every suspect exactly once. */
  readonly onSuspects: (suspects: readonly Suspect[]) => Promise<void>;
}

/**
 * Compares the parts of a table that were touched: leaves through the key's index, a few hundred in one pair of
 * snapshots, and single rows by their keys. Gives how many rows each side had there.
 */
export async function compareTouched(options: TouchedComparison): Promise<{ source: number; target: number }> {
  const { leaves, keys, clock, pace, onRows, onSuspects } = options;
  const rows = { source: keys.length, target: keys.length };
  const batch = new SuspectBatch(onSuspects);
  let rowsAtOnce = Infinity;
  for (const each of leaves) {
    const atOnce = (): number => Math.max(1, Math.floor(Math.min(2 ** KEYS_AT_ONCE, rowsAtOnce) / 2 ** each.shift));
    for (const part of inParts(each, { ranges: RANGES_AT_ONCE, leaves: atOnce })) {
      options.signal?.throwIfAborted();
      const startedMs = clock.monotonic();
      const scanned = await scanPart(options, part, (suspects) => batch.add(suspects));
      rows.source += scanned.source;
      rows.target += scanned.target;
      await batch.handFull();
      const tookMs = clock.monotonic() - startedMs;
      rowsAtOnce = pace?.rowsAfter(Math.max(scanned.source, scanned.target), tookMs) ?? Infinity;
      await pace?.rest(tookMs, options.signal);
    }
  }
  await batch.handAll();
  for (let from = 0; from < keys.length; from += SUSPECTS_AT_ONCE) {
    const part = keys.slice(from, from + SUSPECTS_AT_ONCE);
    onRows(2 * part.length);
    await onSuspects(unseen(part));
  }
  return rows;
}

/** Leaves that differ are read row by row while the same snapshots are open. */
async function scanPart(
  options: TouchedComparison,
  within: TouchedLeaves,
  found: (suspects: readonly Suspect[]) => Promise<void>,
): Promise<{ readonly source: number; readonly target: number }> {
  const { pair, onRows } = options;
  const [source, target] = await openBoth(options);
  try {
    const shift = Math.max(LEAF_SHIFT, within.shift - SPLIT_AT_MOST);
    const sides = { source: { snapshot: source, selection: pair.source }, target: { snapshot: target, selection: pair.target } };
    const balance = await scanLeaves(sides, { shift, within, hashed: true, onRows });
    const differing = inOrder(balance.differing());
    for (const part of inParts({ shift, leaves: differing }, { ranges: RANGES_AT_ONCE, leaves: () => 2 ** KEYS_AT_ONCE })) {
      const reading = { within: part, hashed: true };
      const suspects = findSuspects({ source: source.rows(pair.source, reading), target: target.rows(pair.target, reading), keyed: true, batch: SUSPECTS_AT_ONCE });
      for await (const batch of suspects) await found(batch);
    }
    return balance.rows;
  } finally {
    await Promise.all([source.close(), target.close()]);
  }
}
