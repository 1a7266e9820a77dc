import { invariant } from '../core/errors.ts';
import { UNCHANGED, type Row } from '../model/change.ts';
import type { ConflictType } from '../model/conflict.ts';
import { ORIGIN_OF_TIME } from '../model/position.ts';
import type { Side } from '../model/side.ts';
import type { ApplyTransaction, LockedRow, TargetTable, Write } from '../ports/applier.ts';
import type { ConflictingChange, ConflictResolver } from './conflict.ts';
import type { Knowledge } from './knowledge.ts';
import { named, namedKey, ordered, type Decided } from './work.ts';

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
  /** Decisions made in this transaction, to be forgotten if it rolls back. */
  readonly decided: Set<string>;
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
  const locked = await transaction.lock(write.table, write.key);
  const rival = await findRival(write, locked, context);
  if (!rival) {
    if (write.kind === 'delete') {
      if (locked) await transaction.remove(write.table, write.key);
    } else if (locked || write.kind === 'insert') {
      await transaction.put(write.table, write.key, rowOf(write));
    } else {
      return restoreMissing(write, context);
    }
    touched.add(write.keyText);
    return NOTHING;
  }
  if (context.authority === 'defers') return DEFERRED;
  return decide({ write, locked, rival, context });
}

async function findRival(write: Write, locked: LockedRow | undefined, context: SettleContext): Promise<Rival | undefined> {
  const { knowledge, touched, target } = context;
  const decision = knowledge.decision(write.keyText);
  if (decision && (decision.position === undefined || decision.position > write.seen)) {
    return { deleted: !locked, committedAt: decision.committedAt, side: decision.winner };
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

/** Transaction numbers wrap around; like the server, compare them modulo 2^32. */
function precedes(a: number, b: number): boolean {
  return ((a - b) | 0) < 0;
}

/** An update of a row that is not there, and that nobody deleted here. */
async function restoreMissing(write: Write, context: SettleContext): Promise<Settlement> {
  const row = rowOf(write);
  const complete = !row.includes(UNCHANGED);
  if (complete) {
    await context.transaction.put(write.table, write.key, row);
    context.touched.add(write.keyText);
  } else {
    await context.transaction.quarantine({
      write, code: 'missing-row', reason: 'the row is missing here, and the change does not carry its unchanged large values',
    });
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
    await takeIncoming(write, locked, context);
  }
  const after = await transaction.lock(table, write.key);
  await transaction.recordConflict(
    {
      service: context.service, table: table.name, key, type: typeOf(write, rival),
      monolith: monolith.row, serviceRow: service.row, winner, strategy: verdict.strategy,
      ...('reason' in verdict && verdict.reason !== undefined ? { reason: verdict.reason } : {}),
    },
    context.authority === 'settles' ? { table: table.name, key, row: after ? named(table, after.row) : null } : undefined,
  );
  if (context.authority === 'settles') {
    context.knowledge.recordDecision(write.keyText, {
      position: undefined, winner,
      committedAt: winner === 'service' ? write.committedAt : rival.committedAt,
    });
    context.decided.add(write.keyText);
  }
  context.touched.add(write.keyText);
  return ONE_CONFLICT;
}

async function takeIncoming(write: Write, locked: LockedRow | undefined, context: SettleContext): Promise<void> {
  if (write.kind === 'delete') {
    await context.transaction.remove(write.table, write.key);
    return;
  }
  const row = rowOf(write);
  if (!locked && row.includes(UNCHANGED)) {
    await context.transaction.quarantine({
      write, code: 'missing-row', reason: 'the row was deleted here, and the change does not carry its unchanged large values',
    });
    return;
  }
  await context.transaction.put(write.table, write.key, row);
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
  if (await findRival(asWrite, locked, context)) return DEFERRED;
  if (step.row) await context.transaction.put(step.table, step.key, step.row);
  else if (locked) await context.transaction.remove(step.table, step.key);
  context.touched.add(step.keyText);
  return NOTHING;
}

/**
 * A change that clashes with another row's unique value. If that row was written here unseen by the
 * change's author, it is a conflict of two rows: one of them has to go, on both sides, and its
 * content stays in the conflict's record. Otherwise it is none of concurrency's making; false.
 */
export async function settleClash(write: Write, context: SettleContext): Promise<Settlement | undefined> {
  if (!write.row) return undefined;
  const { transaction, target } = context;
  const table = write.table;
  let settlement: Settlement | undefined;
  for (const otherKey of await transaction.clashes(table, write.key, write.row)) {
    const otherText = context.keyTextOf(table, otherKey);
    const locked = await transaction.lock(table, otherKey);
    if (!locked) continue;
    const rival = await findRival({ ...write, kind: 'update', key: otherKey, keyText: otherText }, locked, context);
    if (!rival) return undefined;
    if (context.authority === 'defers') return DEFERRED;
    const key = namedKey(table, write.key);
    const present: ConflictingChange = { table: table.name, key: namedKey(table, otherKey), row: named(table, locked.row), committedAt: rival.committedAt };
    const incoming: ConflictingChange = { table: table.name, key, row: named(table, write.row), committedAt: write.committedAt };
    const [monolith, service] = target === 'monolith' ? [present, incoming] : [incoming, present];
    const verdict = await context.resolver.resolve(monolith, service);
    // Two rows can't be merged into one without losing a key: anything but the service keeps the monolith's.
    const incomingWins = verdict.winner === 'service' ? target === 'monolith' : target === 'service';
    const loser = incomingWins ? { key: otherKey, text: otherText } : { key: write.key, text: write.keyText };
    if (incomingWins) await transaction.remove(table, otherKey);
    await transaction.recordConflict(
      {
        service: context.service, table: table.name, key: namedKey(table, loser.key), type: 'unique-key',
        monolith: monolith.row, serviceRow: service.row, winner: incomingWins === (target === 'monolith') ? 'service' : 'monolith',
        strategy: verdict.strategy, ...(verdict.reason === undefined ? {} : { reason: verdict.reason }),
      },
      context.authority === 'settles' ? { table: table.name, key: namedKey(table, loser.key), row: null } : undefined,
    );
    settlement = { conflicts: (settlement?.conflicts ?? 0) + 1, deferred: 0 };
    note(context, loser.text, rival.committedAt);
    if (!incomingWins) {
      // The service refused the monolith's row because of its own; with that gone, it has to come again.
      await transaction.recordConflict(
        {
          service: context.service, table: table.name, key: namedKey(table, otherKey), type: 'unique-key',
          monolith: monolith.row, serviceRow: null, winner: 'monolith', strategy: verdict.strategy, reason: 'keeps its unique value',
        },
        context.authority === 'settles' ? { table: table.name, key: namedKey(table, otherKey), row: named(table, locked.row) } : undefined,
      );
      note(context, otherText, rival.committedAt);
      return settlement;
    }
  }
  if (settlement) {
    await transaction.put(table, write.key, write.row);
    context.touched.add(write.keyText);
  }
  return settlement;
}

function note(context: SettleContext, keyText: string, committedAt: bigint): void {
  if (context.authority !== 'settles') return;
  context.knowledge.recordDecision(keyText, { position: undefined, winner: 'monolith', committedAt });
  context.decided.add(keyText);
}
