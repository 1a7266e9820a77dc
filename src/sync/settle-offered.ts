import { allInOrder } from '../core/all-in-order.ts';
import { UNCHANGED, type Row } from '../model/change.ts';
import { otherSide } from '../model/side.ts';
import type { LockedRow } from '../ports/applier.ts';
import { standingNow } from './decisions.ts';
import type { OfferOutcome } from './offers.ts';
import { findRival } from './rival.ts';
import { insertWhereNone, note, removeRow, type SettleContext } from './settle-context.ts';
import { lacksValues, named, namedKey, type Offered } from './work.ts';

/**
 * Compares rows as the source says they are with what stands here, and makes them equal to the side that
 * counts. What the source says is true where it stands in its log, and everything before it has been applied
 * here. So a row that differs, and of which the source had seen all that this side wrote, differs for good;
 * any other is on its way and is left to the streams.
 */
export async function settleOffered(offered: readonly Offered[], context: SettleContext): Promise<readonly OfferOutcome[]> {
  const { transaction, authority } = context;
  const locked = await allInOrder(offered.map(({ table, key }) => transaction.lock(table, key)));
  // A row that is not here may have gone a moment ago: the log tells, once it has been read that far.
  if (authority === 'settles' && locked.includes(undefined)) await context.catchUp();
  const outcomes: OfferOutcome[] = [];
  for (const [i, step] of offered.entries()) outcomes.push(await settleOne(step, locked[i], context));
  return outcomes;
}

async function settleOne(step: Offered, locked: LockedRow | undefined, context: SettleContext): Promise<OfferOutcome> {
  const { table, key, keyText, write, offer } = step;
  const { transaction, authority, target } = context;
  if (write.fault) return refused(write.fault.message);
  if (authority === 'defers') return refused('only the monolith settles what differs');
  const here = locked?.outside === true ? undefined : locked;
  if (write.row ? here && isSame(write.row, here.row) : !here) return { state: 'equal' };
  // Absence has no lock: whatever came here since was not known to whoever found nothing there.
  if (!write.row && here && String(here.xid) !== offer.version) return { state: 'moved' };
  if (authority === 'settles' && locked?.outside !== true && (await findRival({ ...write, kind: locked ? 'update' : 'insert' }, locked, context))) {
    return { state: 'moved' };
  }
  const truth = authority === 'follows' ? otherSide(target) : offer.truth;
  if (truth !== target) {
    if (locked?.outside === true) return refused('the filter leaves this row to the monolith');
    if (!write.row) await removeRow(context, { table, key });
    else if (here) await transaction.put(table, key, write.row);
    else if (lacksValues(table, write.row)) return refused('the row lacks values that this side needs');
    else if (!(await insertWhereNone(write, context))) return { state: 'moved' };
    // It may have come and gone here before the insert took its place.
    else context.inserted.push({ write });
    context.touched.add(keyText);
  }
  await tell(step, { here, truth }, context);
  return { state: 'repaired' };
}

/** Keeps both rows as they were, and has the monolith tell the service what stands from here on. */
async function tell(
  { table, key, keyText, write }: Offered,
  { here, truth }: { readonly here: LockedRow | undefined; readonly truth: 'monolith' | 'service' },
  context: SettleContext,
): Promise<void> {
  const { transaction, authority, target, service } = context;
  const mine = here ? named(table, here.row) : null;
  const theirs = write.row ? named(table, write.row, here?.row) : null;
  const [monolith, serviceRow] = target === 'monolith' ? [mine, theirs] : [theirs, mine];
  const standing = truth === target ? standingNow(here, keyText, context) : { winner: truth, committedAt: write.committedAt };
  const after = authority === 'settles' ? await transaction.lock(table, key) : undefined;
  const name = namedKey(table, key);
  await transaction.recordConflict(
    { service, table: table.name, key: name, type: 'difference', monolith, serviceRow, winner: truth, strategy: 'resync', reason: `the two sides differed, and the ${truth} was to count` },
    authority === 'settles' ? { table: table.name, key: name, row: after && !after.outside ? named(table, after.row) : null, standing } : undefined,
  );
  note(context, keyText, standing);
}

/** Cells that one of the two does not carry are not compared. */
function isSame(offered: Row, here: Row): boolean {
  return offered.every((cell, i) => cell === UNCHANGED || here[i] === UNCHANGED || cell === here[i]);
}

const refused = (reason: string): OfferOutcome => ({ state: 'refused', reason });
