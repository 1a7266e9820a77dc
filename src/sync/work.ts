import { UNCHANGED, type Row, type Value } from '../model/change.ts';
import type { NamedRow } from '../model/conflict.ts';
import type { Position } from '../model/position.ts';
import type { Recalled, TargetTable, Write } from '../ports/applier.ts';

/** The row that a conflict left behind, on its way to the service. */
export interface Decided {
  readonly kind: 'decided';
  readonly table: TargetTable;
  readonly key: readonly string[];
  readonly keyText: string;
  /** null: the row is gone. */
  readonly row: Row | null;
  readonly seen: Position;
  /** Where and when it was decided. */
  readonly position: Position;
  readonly committedAt: bigint;
  /** See {@link Write.bases}. */
  readonly bases?: Write['bases'];
}

/** A row that the service could not write, and asks the monolith to send again. */
export interface Requested {
  readonly kind: 'requested';
  /** Whether it wants to be told also that the row is gone. */
  readonly evenIfGone?: boolean;
  readonly table: TargetTable;
  readonly key: readonly string[];
  readonly keyText: string;
  readonly seen: Position;
  readonly position: Position;
  readonly committedAt: bigint;
}

export interface Truncated {
  readonly kind: 'truncate';
  readonly tables: readonly TargetTable[];
  readonly restartIdentity: boolean;
}

export type Step = Write | Decided | Requested | Truncated;

/** One source transaction, translated for the target. */
export interface Work {
  readonly position: Position;
  readonly seen: Position;
  readonly committedAt: bigint;
  readonly steps: readonly Step[] | SpooledSteps;
  /** About how much memory the steps take, in bytes, where it is known. */
  readonly bytes?: number;
  /** Whether a checkpoint should be written for it even if there is nothing to apply: somebody may wait for it. */
  readonly urgent: boolean;
  /** A real transaction of the source, not an echo of ours. */
  readonly counts: boolean;
}

/** The steps of a transaction too large for memory: translated anew, a part at a time, whenever they are read. */
export interface SpooledSteps {
  readonly count: number;
  parts(): AsyncIterable<readonly Step[]>;
  discard(): Promise<void>;
}

export function isSpooledSteps(steps: Work['steps']): steps is SpooledSteps {
  return 'parts' in steps;
}

/** How many steps a work has, wherever they are. */
export function rowsOf({ steps }: Work): number {
  return isSpooledSteps(steps) ? steps.count : steps.length;
}

/** What a step would do to its row. A request writes nothing. */
export function asWrite(step: Write | Decided | Requested): Write {
  if (step.kind !== 'decided' && step.kind !== 'requested') return step;
  const { table, key, keyText, seen, position, committedAt } = step;
  const write = { table, key, keyText, seen, position, committedAt };
  if (step.kind === 'requested') return { ...write, kind: 'update' };
  return {
    ...write, kind: step.row ? 'insert' : 'delete', ...(step.row ? { row: step.row } : {}), ...(step.bases ? { bases: step.bases } : {}),
  };
}

/** A change out of quarantine as the step that it was. */
export function stepOf({ write, as }: Recalled): Write | Decided | Requested {
  if (as === 'change' || as === 'untranslated') return write;
  const { table, key, keyText, seen, position, committedAt } = write;
  if (as === 'requested') return { kind: as, table, key, keyText, seen, position, committedAt };
  return { kind: as, table, key, keyText, seen, position, committedAt, row: write.row ?? null, ...(write.bases ? { bases: write.bases } : {}) };
}

/** A row by column name; cells that did not change take `fallback`'s value, or are left out. */
export function named(table: TargetTable, row: Row, fallback?: Row): NamedRow {
  const result: Record<string, Value> = {};
  table.columns.forEach((column, i) => {
    const cell = row[i];
    if (cell === UNCHANGED) {
      const known = fallback?.[i];
      if (known !== undefined && known !== UNCHANGED) result[column] = known;
    } else {
      result[column] = cell ?? null;
    }
  });
  return result;
}

/** A row in the table's order; columns that are not named stay as they are. */
export function ordered(table: TargetTable, row: NamedRow): Row {
  return table.columns.map((column) => (Object.hasOwn(row, column) ? (row[column] ?? null) : UNCHANGED));
}

export function namedKey(table: TargetTable, key: readonly string[]): NamedRow {
  return Object.fromEntries(table.key.map((column, i) => [table.columns[column] ?? '', key[i] ?? null]));
}

/** Whether a row lacks a value that its source has: it can't be inserted from this change alone. */
export function lacksValues(table: TargetTable, row: Row): boolean {
  return row.some((cell, i) => cell === UNCHANGED && table.carried?.[i] !== false);
}
