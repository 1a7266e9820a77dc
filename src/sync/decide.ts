import type { ConflictType } from '../model/conflict.ts';
import type { LockedRow, Rival, Write } from '../ports/applier.ts';
import type { ConflictingChange } from './conflict.ts';
import { insertWhereNone, note, ONE_CONFLICT, rowMissing, rowOf, type SettleContext, type Settlement } from './settle-context.ts';
import { lacksValues, named, namedKey, ordered } from './work.ts';

/** Settles a conflict about one row, and records it. Undefined if a row has come meanwhile: the conflict is another one now. */
export async function decide(options: {
  readonly write: Write;
  readonly locked: LockedRow | undefined;
  readonly rival: Rival;
  readonly context: SettleContext;
}): Promise<Settlement | undefined> {
  const { write, locked, rival, context } = options;
  const { transaction, target } = context;
  const table = write.table;
  const key = namedKey(table, write.key);
  const incoming: ConflictingChange = {
    table: table.name, key, committedAt: write.committedAt,
    row: write.row ? named(table, write.row, locked?.row) : null,
    ...(write.old ? { old: named(table, write.old) } : {}),
  };
  const present: ConflictingChange = {
    table: table.name, key, committedAt: rival.committedAt,
    row: locked ? named(table, locked.row) : null,
  };
  const [monolith, service] = target === 'monolith' ? [present, incoming] : [incoming, present];
  const verdict =
    context.authority === 'follows'
      ? { winner: target === 'monolith' ? ('service' as const) : ('monolith' as const), strategy: 'follow' }
      : rival.side === 'service'
        // The service's own earlier write won here already; its later one supersedes it.
        ? { winner: 'service' as const, strategy: 'superseded' }
        : await context.resolver.resolve(monolith, service);
  const winner = typeof verdict.winner === 'string' ? verdict.winner : 'merged';
  if (winner === 'merged') {
    await transaction.put(table, write.key, ordered(table, verdict.winner as Exclude<typeof verdict.winner, string>));
  } else if (winner !== target) {
    if (!(await takeIncoming(write, locked, context))) return undefined;
  } else if (!locked && !(await holdAbsence(write, context))) {
    return undefined;
  }
  const after = await transaction.lock(table, write.key);
  await transaction.recordConflict(
    {
      service: context.service, table: table.name, key, type: typeOf(write, rival),
      monolith: monolith.row, serviceRow: service.row, winner, strategy: verdict.strategy,
      ...('reason' in verdict && verdict.reason !== undefined ? { reason: verdict.reason } : {}),
    },
    // The only whole copy of a row that was set aside is at its author: no decision may remove it there.
    context.authority === 'settles' && !context.newlyHeld.owns(write.keyText)
      ? { table: table.name, key, row: after ? named(table, after.row) : null }
      : undefined,
  );
  note(context, write.keyText, { winner, committedAt: winner === 'service' ? write.committedAt : rival.committedAt });
  context.touched.add(write.keyText);
  return ONE_CONFLICT;
}

/**
 * That a row stays away can't be locked, and a local insert that commits before this decision would
 * be undone by it on the service alone. To have inserted the key and deleted it again keeps others
 * from it until the commit. False if a row has come meanwhile.
 */
async function holdAbsence(write: Write, context: SettleContext): Promise<boolean> {
  if (context.authority !== 'settles' || !write.row || lacksValues(write.table, write.row)) return true;
  if (!(await insertWhereNone(write, context))) return false;
  await context.transaction.remove(write.table, write.key);
  return true;
}

/** False if a row has come where there was none: the conflict is another one now. */
async function takeIncoming(write: Write, locked: LockedRow | undefined, context: SettleContext): Promise<boolean> {
  if (write.kind === 'delete') {
    await context.transaction.remove(write.table, write.key);
    return true;
  }
  const row = rowOf(write);
  if (!locked && lacksValues(write.table, row)) throw rowMissing(write);
  if (!locked) return insertWhereNone(write, context);
  await context.transaction.put(write.table, write.key, row);
  return true;
}

function typeOf(write: Write, rival: Rival): ConflictType {
  if (write.kind === 'insert') return rival.deleted ? 'delete-update' : 'insert-insert';
  if (write.kind === 'delete') return 'update-delete';
  return rival.deleted ? 'delete-update' : 'update-update';
}
