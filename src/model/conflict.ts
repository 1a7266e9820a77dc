import type { Value } from './change.ts';
import type { TableName } from './names.ts';

/** What met what: first what was there, then what came. */
export type ConflictType =
  | 'update-update'
  | 'update-delete'
  | 'delete-update'
  | 'insert-insert'
  | 'unique-key'
  | 'missing-row'
  /** One side removed a row to which the other had begun to refer. */
  | 'foreign-key'
  /** Nobody's write met another's: the two sides differed, and one was made equal to the other (see ADR 11). */
  | 'difference';

/** A row by column name; values are opaque text. */
export type NamedRow = Readonly<Record<string, Value>>;

/** Two writes to one row of which neither writer had seen the other, and what became of them. */
export interface Conflict {
  readonly service: string;
  readonly table: TableName;
  readonly key: NamedRow;
  readonly type: ConflictType;
  /** The row as the monolith's writer left it; null: deleted. */
  readonly monolith: NamedRow | null;
  /** The row as the service's writer left it; null: deleted. */
  readonly serviceRow: NamedRow | null;
  /** When the monolith's write was committed, by its clock, in microseconds since 1970; absent where there was none or it is not known. */
  readonly monolithAt?: bigint;
  /** When the service's write was committed, by its clock. */
  readonly serviceAt?: bigint;
  readonly winner: 'monolith' | 'service' | 'merged';
  readonly strategy: string;
  readonly reason?: string;
}

/**
 * The row that both sides must hold from here on, settled where the conflict was found (the
 * monolith's side) and carried to the service by the monolith's own stream.
 */
export interface Decision {
  readonly table: TableName;
  readonly key: NamedRow;
  /** null: the row is gone. */
  readonly row: NamedRow | null;
  /** Whose write stands there now, as far as a change that has not seen this decision is concerned. */
  readonly standing: Standing;
}

/** The writer of what a decision left. */
export interface Standing {
  readonly winner: 'monolith' | 'service' | 'merged';
  /** Microseconds since 1970, by its own clock. */
  readonly committedAt: bigint;
}
