import { BanyanError, invariant } from '../core/errors.ts';
import { UNCHANGED, type Row } from '../model/change.ts';
import type { Conflict, ConflictType, Decision, Standing } from '../model/conflict.ts';
import type { TableName } from '../model/names.ts';
import type { Position } from '../model/position.ts';
import type { Side } from '../model/side.ts';
import type { ApplyTransaction, Link, LockedRow, TargetTable, Write } from '../ports/applier.ts';
import type { ConflictResolver } from './conflict.ts';
import type { Holds } from './holds.ts';
import type { DecidedRow, Knowledge } from './knowledge.ts';
import type { Order } from './strategies.ts';

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
  readonly inserted: Inserted[];
  /** Rows that this transaction has written, and that were outside of their table's filter then. */
  readonly outside: Map<string, OutsideRow>;
  /** What this transaction has put in quarantine holds back. */
  readonly newlyHeld: Holds;
  /**
   * Rows that were taken away for the sake of a decision about another, by which; they have been asked for.
   * Only a shortcut: without it, two rows that the monolith lets have one value go round once more.
   */
  readonly displaced: Map<string, string>;
  /** Conflicts that this transaction has recorded, by type. */
  readonly types: Map<ConflictType, number>;
  /** The position of the transaction's last work. */
  readonly batch: Position;
  /** The foreign keys between the stream's tables; none for a one-way stream. */
  readonly links: readonly Link[];
  /** Rows that others may refer to, and that this transaction has removed at some time. Also what was undone: it is asked again whether they are there. */
  readonly removed: Map<string, RemovedRow>;
  /** Rows that were settled one by one, and may refer to what is not there any more. */
  readonly suspects: Map<string, { readonly table: TargetTable; readonly key: readonly string[] }>;
  /** Rows whose content is kept when they are removed. */
  readonly watched: Set<string>;
  /** The text under which both directions know a row. */
  readonly keyTextOf: (table: TargetTable, key: readonly string[]) => string;
  /** The key that such a text stands for; undefined if it is another table's. */
  readonly keyOfText: (table: TargetTable, keyText: string) => readonly string[] | undefined;
  /** A table as both directions know it; undefined if it is none of theirs. */
  readonly tableNamed: (name: TableName) => TargetTable | undefined;
  /** Translates a change again that could not be translated before; it may fail again. */
  readonly translate: (write: Write) => Write;
  /** Resolves once nothing else of this stream runs on the target. To be awaited before single rows are judged or written. */
  readonly alone: () => Promise<void>;
  /** Throws, to try again, if the target's tables may have another form than is known here: a row that is told would not be whole. Default: never. */
  readonly assertFresh?: () => void;
  /** Places a mark in the target's log and resolves when its stream has been read that far. */
  readonly catchUp: () => Promise<void>;
}

export interface RemovedRow {
  readonly table: TargetTable;
  readonly key: readonly string[];
  /** What it was; absent if it was not watched. */
  readonly row?: Row;
  /** It goes in any case, for its own parent has gone. */
  readonly forced?: boolean;
}

export interface OutsideRow {
  readonly table: TargetTable;
  readonly key: readonly string[];
}

export interface Inserted {
  readonly write: Write;
  /** By a decision: where the last delete of the row was that it had met. */
  readonly settled?: Position;
}

export interface Settlement {
  readonly conflicts: number;
  readonly deferred: number;
}

export const NOTHING: Settlement = { conflicts: 0, deferred: 0 };
export const DEFERRED: Settlement = { conflicts: 0, deferred: 1 };
export const ONE_CONFLICT: Settlement = { conflicts: 1, deferred: 0 };


export function rowOf(write: Write): Row {
  invariant(write.row, 'an insert or update carries its row');
  return write.row;
}

export function filled(row: Row, locked: LockedRow | undefined): Row {
  return row.map((cell, i) => (cell === UNCHANGED && locked ? (locked.row[i] ?? null) : cell));
}

/** The change lacks large values that it did not touch, and the row that had them is not here. */
export function rowMissing(write: Write): BanyanError {
  return new BanyanError('BANYAN_ROW_MISSING', {
    message: `The row of ${write.table.name} is missing here, and the change does not carry its unchanged large values.`,
  });
}

/** What a strategy may ask of the target about the table of a change. */
export function orderOf({ table }: Write, { transaction }: SettleContext): Order {
  return { compare: (_, column, a, b) => transaction.compare(table, column, a, b) };
}

/** Stores a conflict with its verdict, in the same transaction, and counts it. */
export async function record(conflict: Conflict, decision: Decision | undefined, { transaction, types, assertFresh }: SettleContext): Promise<void> {
  assertFresh?.();
  await transaction.recordConflict(conflict, decision);
  types.set(conflict.type, (types.get(conflict.type) ?? 0) + 1);
}

/** False if a row was there after all. */
export async function insertWhereNone(write: Write, context: SettleContext): Promise<boolean> {
  const missed = await context.transaction.write([{ ...write, kind: 'insert' }], undefined);
  return missed.length === 0;
}

/** Removes a row, and remembers that somebody may refer to it. */
export async function removeRow(context: SettleContext, { table, key, forced = false }: Omit<RemovedRow, 'row'>): Promise<void> {
  const { transaction, links, removed, watched } = context;
  if (links.some(({ parent }) => parent.name === table.name)) {
    const keyText = context.keyTextOf(table, key);
    const row = watched.has(keyText) ? (await transaction.lock(table, key))?.row : undefined;
    removed.set(keyText, { ...removed.get(keyText), table, key, ...(row ? { row } : {}), forced });
  }
  await transaction.remove(table, key);
}

/** Whose write a row of the monolith is. */
export function standing(locked: LockedRow, keyText: string, context: SettleContext): DecidedRow['winner'] {
  const ours = locked.own || locked.replayed || context.touched.has(keyText);
  return ours ? (context.knowledge.decision(keyText)?.winner ?? 'service') : 'monolith';
}

export function note(context: SettleContext, keyText: string, decided: Standing): void {
  if (context.authority !== 'settles') return;
  const decision = { position: undefined, batch: context.batch, ...decided };
  context.knowledge.recordDecision(keyText, decision);
  context.decided.set(keyText, decision);
}
