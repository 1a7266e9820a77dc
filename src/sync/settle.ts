import type { Row } from '../model/change.ts';
import { later, ORIGIN_OF_TIME, type Position } from '../model/position.ts';
import type { LockedRow, Rival, Write } from '../ports/applier.ts';
import { decide, typeOf } from './decide.ts';
import { askAgain } from './decisions.ts';
import { findRival } from './rival.ts';
import { filled, insertWhereNone, NOTHING, ONE_CONFLICT, record, removeRow, rowMissing, rowOf, type Inserted, type SettleContext, type Settlement } from './settle-context.ts';
import { lacksValues, named, namedKey, type SpooledSteps, type Step } from './work.ts';

/**
 * Applies one change that the set-based path did not take: finds out precisely whether it conflicts,
 * and settles it or leaves it to the side that will.
 *
 * A change conflicts if the row's last local writer committed after the point up to which the
 * change's author had seen this side (TRAPS 16). Convergence does not rest on both sides computing
 * the same verdict: only the monolith decides, writes what it decided, and its decision travels to
 * the service as one more write of the monolith, to which the same rule applies.
 */
export async function settle(write: Write, context: SettleContext): Promise<Settlement> {
  const { transaction, touched } = context;
  if (write.table.key.length === 0) return settleKeyless(write, context);
  if (write.newKeyText !== undefined) return settleRekeyed({ ...write, row: rowOf(write), newKeyText: write.newKeyText }, context);
  const locked = await transaction.lock(write.table, write.key);
  const rival = await findRival(write, locked, context);
  if (!rival) {
    if (write.kind === 'delete') {
      // Where nothing was, nothing is ours: a local writer may yet insert.
      if (!locked || isForeign(locked, write, context)) return NOTHING;
      await removeRow(context, write);
    } else if (locked) {
      await transaction.put(write.table, write.key, rowOf(write));
    } else if (write.kind === 'update') {
      return restoreMissing(write, context);
    } else {
      // Nothing was there to lock: a local writer may have been quicker.
      if (!(await insertWhereNone(write, context))) return settle(write, context);
      context.inserted.push({ write });
    }
    touched.add(write.keyText);
    return NOTHING;
  }
  if (context.authority === 'defers') {
    const conflicts = await recordOvertaken({ write, locked, rival, context });
    if (locked || write.kind !== 'insert') return { conflicts, deferred: 1 };
    // The service's delete may have found no row on the monolith yet, and then nothing will be decided about it.
    // If something is, this row gives way to it: it is no local writer's.
    if (!(await insertWhereNone(write, context))) return settle(write, context);
    touched.add(write.keyText);
    return NOTHING;
  }
  return (await decide({ write, locked, rival, context })) ?? settle(write, context);
}

/**
 * A change that was held while a user of the service wrote its row: at the monolith his write counted as having seen
 * it, and prevailed unasked. Only here can it be told that he had not.
 */
async function recordOvertaken({ write, locked, rival, context }: {
  readonly write: Write;
  readonly locked: LockedRow | undefined;
  readonly rival: Rival;
  readonly context: SettleContext;
}): Promise<number> {
  const base = write.bases?.get(write.keyText);
  if (!base || base.rival) return 0;
  await record(
    {
      service: context.service, table: write.table.name, key: namedKey(write.table, write.key), type: typeOf(write, rival),
      monolith: write.row ? named(write.table, write.row, locked?.row) : null, monolithAt: write.committedAt,
      serviceRow: locked ? named(write.table, locked.row) : null, serviceAt: rival.committedAt,
      winner: 'service', strategy: 'overtaken', reason: "the monolith's change was in quarantine when the service's was written",
    },
    undefined,
    context,
  );
  return 1;
}

/** A table without a key is followed one way only: its rows come and go, and nobody's write is overwritten. */
async function settleKeyless(write: Write, context: SettleContext): Promise<Settlement> {
  const missed = await context.transaction.write([write], undefined);
  if (missed.length === 0) return NOTHING;
  const gone = write.old ? named(write.table, write.old) : null;
  await context.transaction.recordConflict(
    {
      service: context.service, table: write.table.name, key: {}, type: 'missing-row',
      monolith: context.target === 'monolith' ? null : gone, serviceRow: context.target === 'monolith' ? gone : null,
      winner: context.target === 'monolith' ? 'service' : 'monolith', strategy: 'follow', reason: 'the row to delete is not there',
    },
    undefined,
  );
  return ONE_CONFLICT;
}

/**
 * A row that got another key. Undisturbed, it is one UPDATE, which keeps the values that the change
 * does not carry. If anybody else has to do with either key, it is a delete and an insert, each of
 * which may meet its own conflict.
 */
async function settleRekeyed(write: Write & { readonly row: Row; readonly newKeyText: string }, context: SettleContext): Promise<Settlement> {
  const { transaction, touched } = context;
  // A delete that carries a row would be judged by it.
  const { newKeyText, row, ...plain } = write;
  const newKey = newKeyOf(write, row);
  const there = { ...plain, row, kind: 'insert', key: newKey, keyText: newKeyText } as const;
  const gone: Write = { ...plain, kind: 'delete' };
  const locked = await transaction.lock(write.table, write.key);
  const occupied = await transaction.lock(write.table, newKey);
  const rival = await findRival(gone, locked, context);
  const disturbed = !locked || occupied || rival || (await findRival(there, undefined, context));
  if (!disturbed) {
    await transaction.put(write.table, write.key, row);
    touched.add(write.keyText).add(newKeyText);
    context.inserted.push({ write: there });
    return NOTHING;
  }
  // What the change leaves as it was is here only if nobody has written it here since.
  const whole = rival ? row : filled(row, locked);
  const first = await settle(gone, context);
  if (lacksValues(write.table, whole)) {
    if (context.authority !== 'defers') throw rowMissing(there);
    await askAgain(there, context);
    return first;
  }
  const second = await settle({ ...there, row: whole }, context);
  return { conflicts: first.conflicts + second.conflicts, deferred: first.deferred + second.deferred };
}

/** A row that stands outside of the filter, and is not the stream's own. */
const isForeign = (locked: LockedRow, write: Write, { touched }: SettleContext): boolean =>
  locked.outside === true && !locked.own && !locked.replayed && !touched.has(write.keyText);

/** What a change does to each row that it writes: two, if it gives one another key. */
export function placesOf(write: Write): Write[] {
  const { newKeyText, row, ...plain } = write;
  if (write.former) return [];
  if (newKeyText === undefined || !row) return [write];
  return [{ ...plain, kind: 'delete' }, { ...plain, row, kind: 'insert', key: newKeyOf(write, row), keyText: newKeyText }];
}

/** The key that a row with another one has got. */
export function newKeyOf(write: Pick<Write, 'table' | 'key'>, row: Row): string[] {
  return write.table.key.map((column, i) => {
    const cell = row[column];
    return typeof cell === 'string' ? cell : (write.key[i] ?? '');
  });
}

/** An update of a row that is not there, and that nobody is known to have deleted here. */
async function restoreMissing(write: Write, context: SettleContext): Promise<Settlement> {
  // The service may itself have declined it; the monolith has the whole row.
  if (context.authority === 'defers') return askAgain(write, context);
  const row = rowOf(write);
  if (lacksValues(write.table, row)) throw rowMissing(write);
  if (!(await insertWhereNone(write, context))) return settle(write, context);
  // A local writer may have put it here and deleted it once more while it was asked for. Now that it is held, nobody can.
  await context.catchUp();
  const tombstone = context.knowledge.lastDelete(write.keyText, write.table.name);
  if (tombstone && tombstone.position > write.seen) {
    await removeRow(context, write);
    const rival = { deleted: true, committedAt: tombstone.committedAt, side: context.target };
    return (await decide({ write, locked: undefined, rival, context })) ?? settle(write, context);
  }
  context.touched.add(write.keyText);
  const present = named(write.table, row);
  await record(
    {
      service: context.service, table: write.table.name, key: namedKey(write.table, write.key), type: 'missing-row',
      monolith: context.target === 'monolith' ? null : present,
      serviceRow: context.target === 'monolith' ? present : null,
      ...(context.target === 'monolith' ? { serviceAt: write.committedAt } : { monolithAt: write.committedAt }),
      winner: context.target === 'monolith' ? 'service' : 'monolith',
      strategy: 'missing-row', reason: 'inserted from the change',
    },
    undefined,
    context,
  );
  return ONE_CONFLICT;
}

/**
 * Looks for deletes that this transaction's inserts had not seen. An absent row can't be locked and
 * tells nothing, so the question waits until the inserts hold their places, and is put once for all of them.
 */
export async function settleInserts(context: SettleContext): Promise<Settlement> {
  const { inserted, authority } = context;
  if (authority !== 'settles' || inserted.length === 0) return NOTHING;
  await context.catchUp();
  return settleDeleted(inserted.splice(0), context);
}

/** The same for a transaction whose inserts don't stand in memory: they are read again, if there is any delete to ask for. */
export async function settleSpooledInserts(work: { readonly seen: Position; readonly steps: SpooledSteps }, context: SettleContext): Promise<Settlement> {
  const { authority, knowledge, decided } = context;
  if (authority !== 'settles') return NOTHING;
  await context.catchUp();
  if (!knowledge.deletedSince(work.seen)) return NOTHING;
  let conflicts = 0;
  for await (const steps of work.steps.parts()) {
    for (const step of steps) {
      const write = insertBy(step);
      // What was decided in this transaction had met the delete on its way.
      if (!write || decided.has(write.keyText)) continue;
      conflicts += (await settleDeleted([{ write }], context)).conflicts;
    }
  }
  return { conflicts, deferred: 0 };
}

/** A step as the row that it puts where none was. */
function insertBy(step: Step): Write | undefined {
  if (step.kind === 'insert') return step;
  if (step.kind !== 'update' || step.newKeyText === undefined || !step.row) return undefined;
  const { newKeyText, row, ...plain } = step;
  return { ...plain, row, kind: 'insert', key: newKeyOf(step, row), keyText: newKeyText };
}

async function settleDeleted(inserted: readonly Inserted[], context: SettleContext): Promise<Settlement> {
  const { transaction, knowledge, touched, target } = context;
  let conflicts = 0;
  for (const { write, settled = ORIGIN_OF_TIME } of inserted) {
    const tombstone = knowledge.tombstone(write.keyText);
    if (!tombstone || tombstone.position <= later(write.seen, settled)) continue;
    await context.alone();
    const locked = await transaction.lock(write.table, write.key);
    // Inserted and deleted again: two deletes are no conflict. And what is not ours was not inserted here.
    if (!locked || !(locked.own || touched.has(write.keyText))) continue;
    await removeRow(context, write);
    const again: Write = { ...write, kind: 'insert', row: locked.row };
    const rival = { deleted: true, committedAt: tombstone.committedAt, side: target };
    const settlement = (await decide({ write: again, locked: undefined, rival, context })) ?? (await settle(again, context));
    conflicts += settlement.conflicts;
  }
  return { conflicts, deferred: 0 };
}
