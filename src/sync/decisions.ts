import { BanyanError } from '../core/errors.ts';
import { UNCHANGED } from '../model/change.ts';
import type { NamedRow, Standing } from '../model/conflict.ts';
import type { LockedRow, TargetTable, Write } from '../ports/applier.ts';
import { findRival } from './rival.ts';
import { DEFERRED, insertWhereNone, note, NOTHING, removeRow, standing, type SettleContext, type Settlement } from './settle-context.ts';
import { asWrite, lacksValues, named, namedKey, ordered, type Decided, type Requested } from './work.ts';

/** Writes what the monolith decided, unless the service has written the row since without having seen it. */
export async function followDecision(step: Decided, context: SettleContext): Promise<Settlement> {
  const locked = await context.transaction.lock(step.table, step.key);
  const write = asWrite(step);
  // A row that is not there may have been deleted here a moment ago: only the stream can tell.
  if (step.row && !locked) await context.catchUp();
  if (await findRival(write, locked, context)) return DEFERRED;
  // It was made before its table had some column: the monolith is asked for the row as it is now.
  if (step.row && !locked && lacksValues(step.table, step.row)) return askAgain(write, context);
  if (step.row && !locked) {
    if (!(await insertWhereNone(write, context))) return followDecision(step, context);
  } else if (step.row) await context.transaction.put(step.table, step.key, step.row);
  else if (!locked) return NOTHING;
  else {
    await removeRow(context, step);
    // Absence can't always be held there: a local writer may have inserted the row before the decision was committed.
    await context.transaction.request(step.table, step.key);
  }
  context.touched.add(step.keyText);
  context.displaced.delete(step.keyText);
  return NOTHING;
}

/**
 * The service could not write a row and asks for it: what stands here is sent as a decision. Whatever
 * the service writes to that row before it has read the answer is judged as not having seen it.
 * A row that is not here needs no answer, unless one was asked for: its delete follows in the stream.
 */
export async function answerRequest(step: Requested, context: SettleContext): Promise<void> {
  if (context.authority !== 'settles') return;
  const locked = await context.transaction.lock(step.table, step.key);
  if ((locked && !locked.outside) || step.evenIfGone) await sendAgain(step, 'the service could not take it at first', context);
}

/** Tells the service by a decision what stands here of a row, or that nothing does. */
export async function sendAgain(
  { table, key, keyText }: { readonly table: TargetTable; readonly key: readonly string[]; readonly keyText: string },
  reason: string,
  context: SettleContext,
): Promise<void> {
  const locked = await context.transaction.lock(table, key);
  context.assertFresh?.();
  const row = locked && !locked.outside ? named(table, locked.row) : null;
  const now = standingNow(locked, keyText, context);
  await context.transaction.recordConflict(
    {
      service: context.service, table: table.name, key: namedKey(table, key), type: 'unique-key', monolith: row, serviceRow: null, monolithAt: now.committedAt,
      winner: 'monolith', strategy: 'sent-again', reason,
    },
    { table: table.name, key: namedKey(table, key), row, standing: now },
  );
  note(context, keyText, now);
}

/** Whose write, or delete, it is that stands at the monolith. */
export function standingNow(locked: LockedRow | undefined, keyText: string, context: SettleContext): Standing {
  return locked ? { winner: standing(locked, keyText, context), committedAt: locked.committedAt ?? 0n } : absent(keyText, context);
}

/** Whose delete it is that no row stands here. */
function absent(keyText: string, { knowledge, touched }: SettleContext): Standing {
  const tombstone = knowledge.tombstone(keyText);
  const decision = knowledge.decision(keyText);
  if (touched.has(keyText) || !tombstone) return { winner: decision?.winner ?? 'service', committedAt: decision?.committedAt ?? 0n };
  return { winner: 'monolith', committedAt: tombstone.committedAt };
}

/**
 * A record or request that names its row by what was its table's key once. Which row was meant can not be told any
 * more: by now several may hold the same, and another than it was. So nothing is done to any of them; what stands at
 * the monolith is asked for, or told, of each.
 */
export async function settleFormer({ table, former }: { readonly table: TargetTable; readonly former: NamedRow }, context: SettleContext): Promise<void> {
  const { authority, transaction, keyTextOf } = context;
  const row = ordered(table, former);
  if (row.filter((cell) => cell !== UNCHANGED).length < Object.keys(former).length) {
    throw new BanyanError('BANYAN_NO_KEY', {
      message: `A row of ${table.name} is named by ${Object.keys(former).join(', ')}, which is not in the table any more.`,
      remedy: 'Discard the change, and compare the table: `banyan validate`.',
    });
  }
  for (const key of await transaction.keysBy(table, row)) {
    if (authority === 'settles') await sendAgain({ table, key, keyText: keyTextOf(table, key) }, 'it was named by a key that its table no longer has', context);
    else if (authority === 'defers') await transaction.request(table, key, { evenIfGone: true });
  }
}

/** The service asks for a row that it could not write; the monolith answers with the row as it is by then. */
export async function askAgain(write: Write, context: SettleContext): Promise<Settlement> {
  await context.transaction.request(write.table, write.key);
  // It is not what the monolith has, so it is no proof that the monolith has both.
  for (const [displaced, by] of context.displaced) if (by === write.keyText) context.displaced.delete(displaced);
  return DEFERRED;
}
