import type { TargetTable, Write } from '../ports/applier.ts';
import { typeOf } from './decide.ts';
import { sendAgain } from './decisions.ts';
import { findRival } from './rival.ts';
import { record, type SettleContext } from './settle-context.ts';
import { placesOf } from './settle.ts';
import { named, namedKey } from './work.ts';

/** A row of which a change has come out of quarantine and was applied. */
export interface ReleasedRow {
  readonly table: TargetTable;
  readonly key: readonly string[];
  readonly keyText: string;
}

/**
 * A change that is discarded may have met a write of the monolith's that its author had not seen, and that the service
 * left to the monolith to settle. It is settled by that: the monolith's write stands.
 *
 * @returns the rows of which that is so.
 */
export async function giveUp(write: Write, context: SettleContext): Promise<readonly ReleasedRow[]> {
  const met: ReleasedRow[] = [];
  if (context.authority !== 'settles') return met;
  for (const place of placesOf(write)) {
    const { table, key } = place;
    const locked = await context.transaction.lock(table, key);
    const rival = await findRival(place, locked, context);
    if (!rival || rival.side === 'service') continue;
    await record(
      {
        service: context.service, table: table.name, key: namedKey(table, key), type: typeOf(place, rival),
        monolith: locked ? named(table, locked.row) : null, monolithAt: rival.committedAt,
        serviceRow: place.row ? named(table, place.row, locked?.row) : null, serviceAt: place.committedAt,
        winner: 'monolith', strategy: 'discarded', reason: "the service's change was discarded from the quarantine",
      },
      undefined,
      context,
    );
    met.push(place);
  }
  return met;
}

/**
 * While a change was held, whatever the target's users wrote to its row counted as having seen it, and
 * prevailed at the source unasked; what stood at the source and what stood here may have parted since.
 * No position tells how, so the row is settled anew, from what the monolith has of it now: the monolith
 * says so by a decision, and the service asks for one.
 */
export async function settleReleased(rows: Iterable<ReleasedRow>, context: SettleContext): Promise<void> {
  const { authority, transaction } = context;
  if (authority === 'follows') return;
  for (const row of rows) {
    if (authority === 'defers') await transaction.request(row.table, row.key, { evenIfGone: true });
    // Each write to a row that was decided about ends in another decision, which says where the row is.
    else if (!context.decided.has(row.keyText)) await sendAgain(row, 'a change of it has come out of quarantine', context);
  }
}
