import type { Clock } from '../core/clock.ts';
import type { ResyncCounts } from '../ports/resync-store.ts';
import type { Offers, OfferOutcome } from './offers.ts';

/** A row that may differ. */
export interface ResyncRow {
  readonly key: readonly string[];
  /** The version of the row on the side that does not offer; absent: there is none. */
  readonly version?: string;
  /** The offering side's next transaction after that was read. */
  readonly since: string;
}

/** What a table's two sides are asked. */
export interface ResyncTable {
  /** Rows that were not the same in one view of each side. */
  scan(): AsyncIterable<readonly ResyncRow[]>;
  /** Of these rows, those that are not the same now. */
  look(rows: readonly ResyncRow[]): Promise<readonly ResyncRow[]>;
  /** Has the side whose stream is read say what it has; gives the offers' ids, undefined where none could be made now. */
  offer(rows: readonly ResyncRow[]): Promise<readonly (string | undefined)[]>;
}

export interface ResyncOptions {
  readonly table: ResyncTable;
  readonly offers: Pick<Offers, 'outcomes'>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onCounts?: (counts: ResyncCounts) => Promise<void>;
}

/** Rows that are offered in one transaction: their locks are held so long. */
const AT_ONCE = 200;
/** With pauses from 20 milliseconds to a second between them, half a minute. */
const LOOKS = 36;
/** What was refused for another row's sake may pass once that is equal. */
const PASSES = 3;

/**
 * Makes one table's two sides equal while both are written and their streams run. Each row that is not the
 * same is offered by one side, through its log, and settled where that arrives (see {@link settleOffered}).
 * Nothing is remembered: what is done is equal and is not found again, so whoever begins anew goes on.
 */
export async function resync({ table, offers, clock, signal, onCounts }: ResyncOptions): Promise<ResyncCounts & { readonly reason?: string }> {
  const counts = { found: 0, repaired: 0, held: 0, busy: 0, refused: 0 };
  let reason: string | undefined;
  for (let pass = 1; pass <= PASSES; pass++) {
    const before = counts.repaired;
    Object.assign(counts, { held: 0, busy: 0, refused: 0 });
    reason = undefined;
    for await (const rows of table.scan()) {
      counts.found += pass === 1 ? rows.length : 0;
      for (let i = 0; i < rows.length; i += AT_ONCE) {
        signal.throwIfAborted();
        const settled = await settleRows(rows.slice(i, i + AT_ONCE), { table, offers, clock, signal });
        for (const state of ['repaired', 'held', 'busy', 'refused'] as const) counts[state] += settled[state];
        reason ??= settled.reason;
        await onCounts?.(counts);
      }
    }
    // A pass that had nothing to do has seen the whole table equal, but for what it counts.
    if (counts.repaired === before) break;
  }
  return { ...counts, ...(reason === undefined ? {} : { reason }) };
}

async function settleRows(
  rows: readonly ResyncRow[],
  { table, offers, clock, signal }: Pick<ResyncOptions, 'table' | 'offers' | 'clock' | 'signal'>,
): Promise<Omit<ResyncCounts, 'found'> & { readonly reason: string | undefined }> {
  const counts = { repaired: 0, held: 0, refused: 0 };
  let reason: string | undefined;
  let open = rows;
  for (let look = 0; look < LOOKS && open.length > 0; look++) {
    if (look > 0) await clock.sleep(Math.min(1000, 20 * 2 ** look), signal);
    const ids = await table.offer(open);
    const made = ids.filter((id) => id !== undefined);
    const outcomes = new Map<string | undefined, OfferOutcome>((await offers.outcomes(made, signal)).map((outcome, i) => [made[i], outcome]));
    const again: ResyncRow[] = [];
    const moved: ResyncRow[] = [];
    for (const [i, row] of open.entries()) {
      const id = ids[i];
      const outcome = id === undefined ? undefined : outcomes.get(id);
      if (!outcome) again.push(row);
      else if (outcome.state === 'moved') moved.push(row);
      else if (outcome.state !== 'equal') counts[outcome.state] += 1;
      if (outcome?.state === 'refused') reason ??= outcome.reason;
    }
    open = moved.length === 0 ? again : [...again, ...(await table.look(moved))];
  }
  return { ...counts, busy: open.length, reason };
}
