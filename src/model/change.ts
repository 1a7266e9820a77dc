import type { TableName } from './names.ts';
import type { Position } from './position.ts';

/** A value as the text the database wrote, or SQL null. Never parsed on its way. */
export type Value = string | null;

/** A TOASTed value that an UPDATE did not touch; the log does not carry it. It is not null. */
export const UNCHANGED: unique symbol = Symbol('banyan.unchanged');

export type Cell = Value | typeof UNCHANGED;

/** Cells in the order of their relation's columns. */
export type Row = readonly Cell[];

/** A table as it was at that point of the log, which may not be what the catalogue says today. */
export interface Relation {
  readonly table: TableName;
  readonly columns: readonly RelationColumn[];
  readonly replicaIdentity: 'default' | 'full' | 'nothing' | 'index';
}

export interface RelationColumn {
  readonly name: string;
  /** Part of the replica identity. */
  readonly identity: boolean;
  /** The server's number for the type. */
  readonly typeId: number;
  /** Its length or precision; -1: none. Absent: the source does not tell. */
  readonly modifier?: number;
}

export interface Insert {
  readonly kind: 'insert';
  readonly relation: Relation;
  readonly row: Row;
}

export interface Update {
  readonly kind: 'update';
  readonly relation: Relation;
  readonly row: Row;
  /** The old row where the log has it: whole, or only its identity (other cells null, see `oldIsKey`). */
  readonly old?: Row;
  readonly oldIsKey?: boolean;
}

export interface Delete {
  readonly kind: 'delete';
  readonly relation: Relation;
  readonly old: Row;
  readonly oldIsKey: boolean;
}

export interface Truncate {
  readonly kind: 'truncate';
  readonly relations: readonly Relation[];
  readonly cascade: boolean;
  readonly restartIdentity: boolean;
}

export type Change = Insert | Update | Delete | Truncate;

/** One committed transaction, in commit order of its server. */
export interface Transaction {
  /** The end of its commit record: what a checkpoint stores. */
  readonly position: Position;
  /** The server's number for the transaction; unique within the reach of one epoch. */
  readonly xid: number;
  /** Commit time on the server's clock, microseconds since 1970. */
  readonly committedAt: bigint;
  /** Set when the transaction was itself a replay. */
  readonly origin?: Origin;
  /** In the order of the log; those of a large transaction don't stand in memory. */
  readonly changes: readonly Change[] | SpooledChanges;
  /** About how much memory the changes take, in bytes, where the source knows. */
  readonly bytes?: number;
}

/** The changes of a transaction that is too large to stand in memory at once. Whoever gets it discards it. */
export interface SpooledChanges {
  readonly count: number;
  /** All of them in order, a part at a time. May be called again: an attempt that failed is repeated. */
  parts(): AsyncIterable<readonly Change[]>;
  /** Gives back the disk space; nothing can be read from here on. May be called twice. */
  discard(): Promise<void>;
}

export function isSpooled(changes: Transaction['changes']): changes is SpooledChanges {
  return 'parts' in changes;
}

export interface Origin {
  /** The replication origin's name on this server. */
  readonly name: string;
  /** Where the original was committed, on *its* server. */
  readonly position: Position;
}
