import type { TableName } from '../model/names.ts';
import type { Direction } from '../model/side.ts';

/** One prerequisite, or one fact worth knowing (then `ok` is true). */
export interface PrerequisiteCheck {
  /** Stable: `monolith.wal_level`, `shop.users.key`. */
  readonly id: string;
  readonly ok: boolean;
  readonly found: string;
  readonly expected: string;
  /** Exact SQL or settings; empty when `ok`. */
  readonly remedy: string;
}

export interface PrerequisiteOptions {
  /** The monolith's tables that the service gets. */
  readonly tables: readonly TableName[];
  /** One direction asks for less than both. */
  readonly mode: 'bidirectional' | Direction;
  readonly signal?: AbortSignal;
}

/** Finds out before anything starts whether two databases can be kept the same. */
export interface Prerequisites {
  /** Every check that could be made; one that fails does not hide the others. Changes nothing. */
  diagnose(options: PrerequisiteOptions): Promise<readonly PrerequisiteCheck[]>;
}
