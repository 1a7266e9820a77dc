import type { Side } from '../model/side.ts';
import type { LockedRow, Write } from '../ports/applier.ts';
import type { DecidedRow } from './knowledge.ts';
import type { SettleContext } from './settle-context.ts';

/** A write on the target that the incoming change's author had not seen. */
export interface Rival {
  readonly deleted: boolean;
  readonly committedAt: bigint;
  /** Whose write it is: the target's own, or, after an earlier conflict, whoever won that. */
  readonly side: Side | 'merged';
}

export async function findRival(write: Write, locked: LockedRow | undefined, context: SettleContext): Promise<Rival | undefined> {
  const { knowledge, touched, target } = context;
  const decision = knowledge.decision(write.keyText);
  if (decision && (decision.position === undefined || decision.position > write.seen)) {
    return decidedBefore({ write, locked, decision, context });
  }
  if (locked) {
    if (locked.own || locked.replayed || touched.has(write.keyText)) return undefined;
    const horizon = knowledge.horizonFor(write.seen);
    if (horizon && precedes(locked.xid, horizon.xid)) return undefined;
    let position = knowledge.commitOf(locked);
    if (position === undefined) {
      // Too new for the stream to have shown it, or older than where the stream began.
      await context.catchUp();
      position = knowledge.commitOf(locked);
    }
    if (context.authority !== 'follows' && (position === undefined || position <= write.seen)) return undefined;
    return { deleted: false, committedAt: locked.committedAt ?? 0n, side: target };
  }
  if (write.kind === 'delete') return undefined;
  let tombstone = knowledge.tombstone(write.keyText);
  if (!tombstone && write.kind === 'update') {
    await context.catchUp();
    tombstone = knowledge.tombstone(write.keyText);
  }
  if (!tombstone || tombstone.position <= write.seen) return undefined;
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
    return ours
      ? { deleted: false, committedAt: decision.committedAt, side: decision.winner }
      : { deleted: false, committedAt: locked.committedAt ?? 0n, side: target };
  }
  // Two deletes are no conflict.
  if (write.kind === 'delete') return undefined;
  if (!context.decided.has(write.keyText)) await context.catchUp();
  const placed = knowledge.decision(write.keyText)?.position;
  const tombstone = knowledge.tombstone(write.keyText);
  return tombstone && placed !== undefined && tombstone.position > placed
    ? { deleted: true, committedAt: tombstone.committedAt, side: target }
    : { deleted: true, committedAt: decision.committedAt, side: decision.winner };
}

/** Transaction numbers wrap around; like the server, compare them modulo 2^32. */
function precedes(a: number, b: number): boolean {
  return ((a - b) | 0) < 0;
}
