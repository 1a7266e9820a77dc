import { BanyanError } from '../core/errors.ts';
import type { ConflictType, NamedRow } from '../model/conflict.ts';
import { ORIGIN_OF_TIME } from '../model/position.ts';
import type { LockedRow, Rival, TargetTable, Write } from '../ports/applier.ts';
import type { ConflictingChange } from './conflict.ts';
import { insertWhereNone, note, ONE_CONFLICT, orderOf, record, removeRow, rowMissing, rowOf, type SettleContext, type Settlement } from './settle-context.ts';
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
        : await context.resolver.resolve(monolith, service, orderOf(write, context));
  const winner = typeof verdict.winner === 'string' ? verdict.winner : 'merged';
  if (typeof verdict.winner !== 'string') {
    checkMerged(table, key, verdict.winner);
    // What it does not name stays as it is here, or as it came if there is no row here.
    const whole = locked ? verdict.winner : { ...incoming.row, ...verdict.winner };
    if (!locked && table.columns.some((column) => !Object.hasOwn(whole, column))) {
      throw new BanyanError('BANYAN_RESOLVER', { message: `The row that the resolver of ${table.name} made lacks columns, and there is none to take them from.` });
    }
    await transaction.put(table, write.key, ordered(table, whole));
  } else if (winner !== target) {
    if (!(await takeIncoming(write, locked, context))) return undefined;
  } else if (!locked && !(await holdAbsence(write, context))) {
    return undefined;
  }
  const after = await transaction.lock(table, write.key);
  const standing = { winner, committedAt: winner === 'service' ? write.committedAt : rival.committedAt } as const;
  await record(
    {
      service: context.service, table: table.name, key, type: typeOf(write, rival),
      monolith: monolith.row, serviceRow: service.row,
      monolithAt: monolith.committedAt, serviceAt: service.committedAt, winner, strategy: verdict.strategy,
      ...('reason' in verdict && verdict.reason !== undefined ? { reason: verdict.reason } : {}),
    },
    // The only whole copy of a row that was set aside is at its author: no decision may remove it there.
    context.authority === 'settles' && !context.newlyHeld.owns(write.keyText)
      ? { table: table.name, key, row: after && !after.outside ? named(table, after.row) : null, standing }
      : undefined,
    context,
  );
  note(context, write.keyText, standing);
  context.touched.add(write.keyText);
  return ONE_CONFLICT;
}

/** @throws BANYAN_RESOLVER if a resolver made a row that is not this one, or not of this table. */
function checkMerged(table: TargetTable, key: NamedRow, row: NamedRow): void {
  const unknown = Object.keys(row).filter((column) => !table.columns.includes(column));
  const moved = Object.keys(key).filter((column) => Object.hasOwn(row, column) && row[column] !== key[column]);
  const fault = unknown.length > 0 ? `names columns that it does not have: ${unknown.join(', ')}` : moved.length > 0 ? `changes its key: ${moved.join(', ')}` : undefined;
  if (fault) throw new BanyanError('BANYAN_RESOLVER', { message: `The row that the resolver of ${table.name} made ${fault}.` });
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
    await removeRow(context, write);
    return true;
  }
  const row = rowOf(write);
  if (!locked && lacksValues(write.table, row)) throw rowMissing(write);
  if (!locked) {
    // To insert may have meant to wait for somebody who deleted the row once more.
    const settled = context.knowledge.tombstone(write.keyText)?.position ?? ORIGIN_OF_TIME;
    if (!(await insertWhereNone(write, context))) return false;
    context.inserted.push({ write, settled });
    return true;
  }
  await context.transaction.put(write.table, write.key, row);
  return true;
}

export function typeOf(write: Write, rival: Rival): ConflictType {
  if (write.kind === 'insert') return rival.deleted ? 'delete-update' : 'insert-insert';
  if (write.kind === 'delete') return 'update-delete';
  return rival.deleted ? 'delete-update' : 'update-update';
}
