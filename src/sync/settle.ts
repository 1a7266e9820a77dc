import { invariant } from '../core/errors.ts';
import { UNCHANGED, type Cell, type Row } from '../model/change.ts';
import type { ConflictType } from '../model/conflict.ts';
import { ORIGIN_OF_TIME, type Position } from '../model/position.ts';
import type { Side } from '../model/side.ts';
import type { ApplyTransaction, LockedRow, TargetTable, Write } from '../ports/applier.ts';
import type { ConflictingChange, ConflictResolver } from './conflict.ts';
import type { DecidedRow, Knowledge } from './knowledge.ts';
import { named, namedKey, ordered, type Decided, type Requested } from './work.ts';

/** Who settles a conflict that is found while applying to this side. */
export type Authority =
  /** The monolith in bidirectional sync: settles, and tells the service through its own stream. */
  | 'settles'
  /** The service in bidirectional sync: leaves its row alone; the monolith will decide. */
  | 'defers'
  /** A one-way stream: nobody carries this side's writes anywhere, so the source wins. */
  | 'follows';

export interface SettleContext {
  readonly service: string;
  readonly target: Side;
  readonly authority: Authority;
  readonly transaction: ApplyTransaction;
  /** What the target's own stream has told. */
  readonly knowledge: Knowledge;
  readonly resolver: ConflictResolver;
  /** Rows that this transaction has written already; their locks are held. */
  readonly touched: Set<string>;
  /** Decisions made in this transaction by row, to be forgotten if it rolls back. */
  readonly decided: Map<string, DecidedRow>;
  /** Rows that were inserted where none was, and nothing known of a delete; see {@link settleInserts}. */
  readonly inserted: Write[];
  /** Rows with a change put in quarantine by this transaction; later changes of theirs are held behind it. */
  readonly newlyHeld: Set<string>;
  /**
   * Rows that were taken away for the sake of a decision about another, by which; they have been asked for.
   * Only a shortcut: without it, two rows that the monolith lets have one value go round once more.
   */
  readonly displaced: Map<string, string>;
  /** The position of the transaction's last work. */
  readonly batch: Position;
  /** The text under which both directions know a row. */
  readonly keyTextOf: (table: TargetTable, key: readonly string[]) => string;
  /** Places a mark in the target's log and resolves when its stream has been read that far. */
  readonly catchUp: () => Promise<void>;
}

export interface Settlement {
  readonly conflicts: number;
  readonly deferred: number;
}

const NOTHING: Settlement = { conflicts: 0, deferred: 0 };
const DEFERRED: Settlement = { conflicts: 0, deferred: 1 };
const ONE_CONFLICT: Settlement = { conflicts: 1, deferred: 0 };

/** A write on the target that the incoming change's author had not seen. */
interface Rival {
  readonly deleted: boolean;
  readonly committedAt: bigint;
  /** Whose write it is: the target's own, or, after an earlier conflict, whoever won that. */
  readonly side: Side | 'merged';
}

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
  if (write.newKeyText !== undefined) return settleRekeyed({ ...write, row: rowOf(write), newKeyText: write.newKeyText }, context);
  const locked = await transaction.lock(write.table, write.key);
  const rival = await findRival(write, locked, context);
  if (!rival) {
    if (write.kind === 'delete') {
      // Where nothing was, nothing is ours: a local writer may yet insert.
      if (!locked) return NOTHING;
      await transaction.remove(write.table, write.key);
    } else if (locked) {
      await transaction.put(write.table, write.key, rowOf(write));
    } else if (write.kind === 'update') {
      return restoreMissing(write, context);
    } else {
      // Nothing was there to lock: a local writer may have been quicker.
      if (!(await insertWhereNone(write, context))) return settle(write, context);
      context.inserted.push(write);
    }
    touched.add(write.keyText);
    return NOTHING;
  }
  if (context.authority === 'defers') {
    if (locked || write.kind !== 'insert') return DEFERRED;
    // The service's delete may have found no row on the monolith yet, and then nothing will be decided about it.
    // If something is, this row gives way to it: it is no local writer's.
    if (!(await insertWhereNone(write, context))) return settle(write, context);
    touched.add(write.keyText);
    return NOTHING;
  }
  return decide({ write, locked, rival, context });
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
  const newKey = write.table.key.map((column, i) => known(row[column]) ?? write.key[i] ?? '');
  const there = { ...plain, row, kind: 'insert', key: newKey, keyText: newKeyText } as const;
  const gone: Write = { ...plain, kind: 'delete' };
  const locked = await transaction.lock(write.table, write.key);
  const occupied = await transaction.lock(write.table, newKey);
  const rival = await findRival(gone, locked, context);
  const disturbed = !locked || occupied || rival || (await findRival(there, undefined, context));
  if (!disturbed) {
    await transaction.put(write.table, write.key, row);
    touched.add(write.keyText).add(newKeyText);
    context.inserted.push(there);
    return NOTHING;
  }
  // What the change leaves as it was is here only if nobody has written it here since.
  const whole = rival ? row : filled(row, locked);
  const first = await settle(gone, context);
  if (whole.includes(UNCHANGED)) {
    if (context.authority === 'defers') await askAgain(there, context);
    else await setAsMissing(there, context);
    return first;
  }
  const second = await settle({ ...there, row: whole }, context);
  return { conflicts: first.conflicts + second.conflicts, deferred: first.deferred + second.deferred };
}

function filled(row: Row, locked: LockedRow | undefined): Row {
  return row.map((cell, i) => (cell === UNCHANGED && locked ? (locked.row[i] ?? null) : cell));
}

const known = (cell: Cell | undefined): string | undefined => (typeof cell === 'string' ? cell : undefined);

/** The change lacks large values that it did not touch, and the row that had them is not here. */
async function setAsMissing(write: Write, context: SettleContext): Promise<void> {
  context.newlyHeld.add(write.keyText);
  await context.transaction.quarantine({
    write, code: 'missing-row', reason: 'the row is missing here, and the change does not carry its unchanged large values',
  });
}

async function findRival(write: Write, locked: LockedRow | undefined, context: SettleContext): Promise<Rival | undefined> {
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

/** False if a row was there after all. */
async function insertWhereNone(write: Write, context: SettleContext): Promise<boolean> {
  const missed = await context.transaction.write([{ ...write, kind: 'insert' }], undefined);
  return missed.length === 0;
}

/** Transaction numbers wrap around; like the server, compare them modulo 2^32. */
function precedes(a: number, b: number): boolean {
  return ((a - b) | 0) < 0;
}

/** An update of a row that is not there, and that nobody deleted here. */
async function restoreMissing(write: Write, context: SettleContext): Promise<Settlement> {
  // The service may itself have declined it; the monolith has the whole row.
  if (context.authority === 'defers') return askAgain(write, context);
  const row = rowOf(write);
  const complete = !row.includes(UNCHANGED);
  if (complete) {
    if (!(await insertWhereNone(write, context))) return settle(write, context);
    context.touched.add(write.keyText);
  } else {
    await setAsMissing(write, context);
  }
  const present = named(write.table, row);
  await context.transaction.recordConflict(
    {
      service: context.service, table: write.table.name, key: namedKey(write.table, write.key), type: 'missing-row',
      monolith: context.target === 'monolith' ? null : present,
      serviceRow: context.target === 'monolith' ? present : null,
      winner: context.target === 'monolith' ? 'service' : 'monolith',
      strategy: 'missing-row', reason: complete ? 'inserted from the change' : 'quarantined',
    },
    undefined,
  );
  return ONE_CONFLICT;
}

async function decide(options: {
  readonly write: Write;
  readonly locked: LockedRow | undefined;
  readonly rival: Rival;
  readonly context: SettleContext;
}): Promise<Settlement> {
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
    if (!(await takeIncoming(write, locked, context))) return settle(write, context);
  } else if (!locked && !(await holdAbsence(write, context))) {
    return settle(write, context);
  }
  const after = await transaction.lock(table, write.key);
  await transaction.recordConflict(
    {
      service: context.service, table: table.name, key, type: typeOf(write, rival),
      monolith: monolith.row, serviceRow: service.row, winner, strategy: verdict.strategy,
      ...('reason' in verdict && verdict.reason !== undefined ? { reason: verdict.reason } : {}),
    },
    // The only whole copy of a row that was set aside is at its author: no decision may remove it there.
    context.authority === 'settles' && !context.newlyHeld.has(write.keyText)
      ? { table: table.name, key, row: after ? named(table, after.row) : null }
      : undefined,
  );
  note(context, write.keyText, { winner, committedAt: winner === 'service' ? write.committedAt : rival.committedAt });
  context.touched.add(write.keyText);
  return ONE_CONFLICT;
}

/**
 * Looks for deletes that this transaction's inserts had not seen. An absent row can't be locked and
 * tells nothing, so the question waits until the inserts hold their places, and is put once for all of them.
 */
export async function settleInserts(context: SettleContext): Promise<Settlement> {
  const { transaction, knowledge, inserted, authority, target } = context;
  if (authority !== 'settles' || inserted.length === 0) return NOTHING;
  await context.catchUp();
  let conflicts = 0;
  for (const write of inserted.splice(0)) {
    const tombstone = knowledge.tombstone(write.keyText);
    if (!tombstone || tombstone.position <= write.seen) continue;
    const locked = await transaction.lock(write.table, write.key);
    // Inserted and deleted again: two deletes are no conflict.
    if (!locked) continue;
    await transaction.remove(write.table, write.key);
    const settlement = await decide({
      write: { ...write, kind: 'insert', row: locked.row }, locked: undefined,
      rival: { deleted: true, committedAt: tombstone.committedAt, side: target }, context,
    });
    conflicts += settlement.conflicts;
  }
  return { conflicts, deferred: 0 };
}

/**
 * That a row stays away can't be locked, and a local insert that commits before this decision would
 * be undone by it on the service alone. To have inserted the key and deleted it again keeps others
 * from it until the commit. False if a row has come meanwhile.
 */
async function holdAbsence(write: Write, context: SettleContext): Promise<boolean> {
  if (context.authority !== 'settles' || !write.row || write.row.includes(UNCHANGED)) return true;
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
  if (!locked && row.includes(UNCHANGED)) {
    await setAsMissing(write, context);
    return true;
  }
  if (!locked) return insertWhereNone(write, context);
  await context.transaction.put(write.table, write.key, row);
  return true;
}

function typeOf(write: Write, rival: Rival): ConflictType {
  if (write.kind === 'insert') return rival.deleted ? 'delete-update' : 'insert-insert';
  if (write.kind === 'delete') return 'update-delete';
  return rival.deleted ? 'delete-update' : 'update-update';
}

function rowOf(write: Write): Row {
  invariant(write.row, 'an insert or update carries its row');
  return write.row;
}

/** Writes what the monolith decided, unless the service has written the row since without having seen it. */
export async function followDecision(step: Decided, context: SettleContext): Promise<Settlement> {
  const locked = await context.transaction.lock(step.table, step.key);
  const asWrite: Write = {
    kind: step.row ? 'insert' : 'delete', table: step.table, key: step.key, keyText: step.keyText,
    ...(step.row ? { row: step.row } : {}), position: ORIGIN_OF_TIME, committedAt: 0n, seen: step.seen,
  };
  // A row that is not there may have been deleted here a moment ago: only the stream can tell.
  if (step.row && !locked) await context.catchUp();
  if (await findRival(asWrite, locked, context)) return DEFERRED;
  if (step.row && !locked && !step.row.includes(UNCHANGED)) {
    if (!(await insertWhereNone(asWrite, context))) return followDecision(step, context);
  } else if (step.row) await context.transaction.put(step.table, step.key, step.row);
  else if (!locked) return NOTHING;
  else await context.transaction.remove(step.table, step.key);
  context.touched.add(step.keyText);
  context.displaced.delete(step.keyText);
  return NOTHING;
}

/**
 * The service could not write a row and asks for it: what stands here is sent as a decision. Whatever
 * the service writes to that row before it has read the answer is judged as not having seen it.
 * A row that is not here needs no answer: its delete follows in the stream.
 */
export async function answerRequest(step: Requested, context: SettleContext): Promise<void> {
  const { table, key, keyText } = step;
  const locked = await context.transaction.lock(table, key);
  if (!locked || context.authority !== 'settles') return;
  const row = named(table, locked.row);
  await context.transaction.recordConflict(
    {
      service: context.service, table: table.name, key: namedKey(table, key), type: 'unique-key', monolith: row, serviceRow: null,
      winner: 'monolith', strategy: 'sent-again', reason: 'the service could not take it at first',
    },
    { table: table.name, key: namedKey(table, key), row },
  );
  note(context, keyText, { winner: standing(locked, keyText, context), committedAt: locked.committedAt ?? 0n });
}

/** Whose write a row of the monolith is. */
function standing(locked: LockedRow, keyText: string, context: SettleContext): DecidedRow['winner'] {
  const ours = locked.own || locked.replayed || context.touched.has(keyText);
  return ours ? (context.knowledge.decision(keyText)?.winner ?? 'service') : 'monolith';
}

/**
 * A change that clashes with another row's unique value. If that row was written here unseen by the
 * change's author, it is a conflict of two rows: only one of them can have the value, on both sides.
 * The one that loses becomes what the monolith has beside the winner, and its content stays in the
 * conflict's record. Otherwise it is none of concurrency's making; undefined.
 *
 * The service settles nothing. It can't rely on the clash being met at the monolith, where the other
 * row may have changed by then; so it asks for the row. A decision tells it more: a row that the
 * monolith had seen, and that is in the way all the same, is one that the service declined to change,
 * so it makes room and is asked for. Unless the monolith has just sent it, too: then its table allows
 * what the service's does not.
 */
export async function settleClash(write: Write, context: SettleContext, decided = false): Promise<Settlement | undefined> {
  if (!write.row) return undefined;
  if (write.newKeyText !== undefined) return settleMovedClash({ ...write, row: write.row, newKeyText: write.newKeyText }, context);
  const { transaction, target } = context;
  const table = write.table;
  let conflicts = 0;
  const inTheWay: Write[] = [];
  for (const otherKey of await transaction.clashes(table, write.key, write.row)) {
    const otherText = context.keyTextOf(table, otherKey);
    const locked = await transaction.lock(table, otherKey);
    if (!locked) continue;
    const rival = await findRival({ ...write, kind: 'update', key: otherKey, keyText: otherText }, locked, context);
    if (!rival) {
      if (!decided || context.authority !== 'defers' || context.displaced.get(write.keyText) === otherText) return undefined;
      inTheWay.push({ ...write, key: otherKey, keyText: otherText });
      continue;
    }
    if (context.authority === 'defers') return askAgain(write, context);
    const own = await transaction.lock(table, write.key);
    const present: ConflictingChange = { table: table.name, key: namedKey(table, otherKey), row: named(table, locked.row), committedAt: rival.committedAt };
    const incoming: ConflictingChange = {
      table: table.name, key: namedKey(table, write.key), row: named(table, write.row, own?.row), committedAt: write.committedAt,
    };
    const [monolith, service] = target === 'monolith' ? [present, incoming] : [incoming, present];
    const verdict = await context.resolver.resolve(monolith, service);
    // Two rows can't be merged into one without losing a key: anything but the service keeps the monolith's.
    const incomingWins = verdict.winner === 'service' ? target === 'monolith' : target === 'service';
    if (incomingWins) await transaction.remove(table, otherKey);
    const loser = incomingWins ? { key: present.key, text: otherText, left: undefined } : { key: incoming.key, text: write.keyText, left: own };
    await transaction.recordConflict(
      {
        service: context.service, table: table.name, key: loser.key, type: 'unique-key',
        monolith: monolith.row, serviceRow: service.row, winner: incomingWins === (target === 'monolith') ? 'service' : 'monolith',
        strategy: verdict.strategy, ...(verdict.reason === undefined ? {} : { reason: verdict.reason }),
      },
      context.authority === 'settles'
        ? { table: table.name, key: loser.key, row: loser.left ? named(table, loser.left.row) : null }
        : undefined,
    );
    conflicts += 1;
    note(context, loser.text, {
      winner: loser.left ? standing(loser.left, loser.text, context) : 'monolith', committedAt: loser.left?.committedAt ?? rival.committedAt,
    });
    if (!incomingWins) return { conflicts, deferred: 0 };
  }
  for (const other of inTheWay) {
    await transaction.remove(table, other.key);
    await askAgain(other, context);
    context.displaced.set(other.keyText, write.keyText);
  }
  if (conflicts === 0 && inTheWay.length === 0) return undefined;
  // Its own row may have changed here unseen as well.
  const settlement = await settle(write, context);
  return { conflicts: conflicts + settlement.conflicts, deferred: settlement.deferred };
}

/** A row that got another key, and clashes there: its old place is left in any case. */
async function settleMovedClash(write: Write & { readonly row: Row; readonly newKeyText: string }, context: SettleContext): Promise<Settlement | undefined> {
  const { newKeyText, row: moved, ...plain } = write;
  const locked = await context.transaction.lock(write.table, write.key);
  const gone: Write = { ...plain, kind: 'delete' };
  const row = (await findRival(gone, locked, context)) ? moved : filled(moved, locked);
  const key = write.table.key.map((column, i) => known(row[column]) ?? write.key[i] ?? '');
  // Without its large values it can't be written here, and a clash of two rows is not to be judged by it.
  if (context.authority !== 'defers' && row.includes(UNCHANGED)) return undefined;
  const left = await settle(gone, context);
  const there = await settleClash({ ...plain, kind: 'insert', key, keyText: newKeyText, row }, context);
  return there && { conflicts: left.conflicts + there.conflicts, deferred: left.deferred + there.deferred };
}

async function askAgain(write: Write, context: SettleContext): Promise<Settlement> {
  await context.transaction.request(write.table, write.key);
  // It is not what the monolith has, so it is no proof that the monolith has both.
  for (const [displaced, by] of context.displaced) if (by === write.keyText) context.displaced.delete(displaced);
  return DEFERRED;
}

function note(context: SettleContext, keyText: string, decided: Pick<DecidedRow, 'winner' | 'committedAt'>): void {
  if (context.authority !== 'settles') return;
  const decision = { position: undefined, batch: context.batch, ...decided };
  context.knowledge.recordDecision(keyText, decision);
  context.decided.set(keyText, decision);
}
