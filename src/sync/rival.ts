import { UNCHANGED } from '../model/change.ts';
import { later, ORIGIN_OF_TIME } from '../model/position.ts';
import type { Base, LockedRow, Rival, Write } from '../ports/applier.ts';
import type { DecidedRow } from './knowledge.ts';
import type { SettleContext } from './settle-context.ts';

export async function findRival(write: Write, locked: LockedRow | undefined, context: SettleContext): Promise<Rival | undefined> {
  const { knowledge, touched, target } = context;
  const base = write.bases?.get(write.keyText);
  if (base && !locked?.own && !touched.has(write.keyText)) return rivalSince(base, { write, locked, context });
  const decision = knowledge.decision(write.keyText);
  if (decision && (decision.position === undefined || decision.position > write.seen)) {
    return decidedBefore({ write, locked, decision, context });
  }
  if (locked) {
    if (locked.own || locked.replayed || touched.has(write.keyText)) return undefined;
    // Nobody at the source has seen a row that the filter leaves here.
    const unseen = locked.outside === true && write.kind !== 'delete';
    if (!unseen && await hadSeen(write, locked, context)) return undefined;
    return { deleted: false, committedAt: locked.committedAt ?? 0n, side: target };
  }
  if (write.kind === 'delete') return undefined;
  let tombstone = knowledge.tombstone(write.keyText);
  // An updated row was there when the change was made, so it has gone since. And the delete that is known may not be the last.
  if (write.kind === 'update' || (tombstone && tombstone.position > write.seen)) {
    await context.catchUp();
    tombstone = write.kind === 'update' ? knowledge.lastDelete(write.keyText, write.table.name) : knowledge.tombstone(write.keyText);
  }
  if (!tombstone || tombstone.position <= write.seen) return undefined;
  return { deleted: true, committedAt: tombstone.committedAt, side: target };
}

/** Whether the author of a change had seen the local transaction that wrote a row last. */
async function hadSeen(write: Write, locked: LockedRow, context: SettleContext): Promise<boolean> {
  const { knowledge } = context;
  const horizon = knowledge.horizonFor(write.seen);
  if (horizon && precedes(locked.xid, horizon.xid)) return true;
  let position = knowledge.commitOf(locked);
  if (position === undefined) {
    // Too new for the stream to have shown it, or older than where the stream began.
    await context.catchUp();
    position = knowledge.commitOf(locked);
  }
  if (context.authority === 'follows') return false;
  // What it had seen may be long forgotten, where nobody could tell how its row stood when it was put in quarantine.
  if (position === undefined && write.bases && context.authority === 'settles') return false;
  // Whose write was written anew, nothing tells. Here it is settled, and so recorded; the service's side does not lose
  // it by taking the change: its own write is on its way.
  if (position === undefined) return locked.rewritten !== true || context.authority !== 'settles' || knowledge.predates(locked.committedAt);
  return position <= write.seen;
}

/** Whether the row is as it was when the change was put in quarantine, though another transaction has written it anew. */
function isAsItWas(base: Base, locked: LockedRow, { table }: Write): boolean {
  const { row } = base;
  if (!locked.rewritten || !row) return false;
  return table.columns.every((name, i) => locked.row[i] === UNCHANGED || !Object.hasOwn(row, name) || row[name] === locked.row[i]);
}

/**
 * Of a change that comes out of quarantine. What it had seen may be long forgotten, so it was judged when
 * it was put there; whatever was written here since, its author can't have seen.
 */
async function rivalSince(base: Base, { write, locked, context }: {
  readonly write: Write;
  readonly locked: LockedRow | undefined;
  readonly context: SettleContext;
}): Promise<Rival | undefined> {
  if (locked?.xid === base.xid || (locked && isAsItWas(base, locked, write))) return (locked ? undefined : await deletedSince(base, write, context)) ?? base.rival;
  // An earlier change of the row has come out of quarantine before it.
  if (locked?.replayed) return findRival({ ...write, bases: new Map() }, locked, context);
  const { knowledge, target } = context;
  if (locked) return { deleted: false, committedAt: locked.committedAt ?? 0n, side: target };
  // Two deletes are no conflict.
  if (write.kind === 'delete') return undefined;
  await context.catchUp();
  return { deleted: true, committedAt: knowledge.tombstone(write.keyText)?.committedAt ?? 0n, side: target };
}

/** Of a change that comes out of quarantine: its row is absent, as it was then. It may have come and gone since. */
async function deletedSince(base: Base, write: Write, { authority, knowledge, target, catchUp }: SettleContext): Promise<Rival | undefined> {
  // Two deletes are no conflict; and who settles nothing asks for the row afterwards.
  if (write.kind === 'delete' || authority !== 'settles') return undefined;
  await catchUp();
  const tombstone = knowledge.tombstone(write.keyText);
  if (!tombstone || tombstone.position <= later(write.seen, base.deleted ?? ORIGIN_OF_TIME)) return undefined;
  return { deleted: true, committedAt: tombstone.committedAt, side: target };
}

/**
 * The row was decided about, and the change's author did not know it. What stands there is the
 * decision, unless a local writer, who saw it, has written since.
 */
async function decidedBefore({ write, locked, decision, context }: {
  readonly write: Write;
  readonly locked: LockedRow | undefined;
  readonly decision: DecidedRow;
  readonly context: SettleContext;
}): Promise<Rival | undefined> {
  const { knowledge, touched, target } = context;
  if (locked) {
    const ours = locked.own || locked.replayed || touched.has(write.keyText);
    // A decision may leave a local row that the change's author knew: then nothing but the decision is new to it.
    return ours || (await hadSeen(write, locked, context))
      ? { deleted: false, committedAt: decision.committedAt, side: decision.winner }
      : { deleted: false, committedAt: locked.committedAt ?? 0n, side: target };
  }
  // Two deletes are no conflict.
  if (write.kind === 'delete') return undefined;
  if (!context.decided.has(write.keyText)) await context.catchUp();
  const placed = knowledge.decision(write.keyText)?.position;
  // Here a row stood, whatever the change was: the decision's.
  const tombstone = knowledge.lastDelete(write.keyText, write.table.name);
  return tombstone && placed !== undefined && tombstone.position > placed
    ? { deleted: true, committedAt: tombstone.committedAt, side: target }
    : { deleted: true, committedAt: decision.committedAt, side: decision.winner };
}

/** Transaction numbers wrap around; like the server, compare them modulo 2^32. */
function precedes(a: number, b: number): boolean {
  return ((a - b) | 0) < 0;
}
