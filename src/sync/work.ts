import { UNCHANGED, type Relation, type Row, type Value } from '../model/change.ts';
import type { NamedRow } from '../model/conflict.ts';
import type { TableName } from '../model/names.ts';
import type { Position } from '../model/position.ts';
import type { Side } from '../model/side.ts';
import type { Recalled, TargetTable, Write } from '../ports/applier.ts';
import type { Mapping } from './mapping.ts';

/** The row that a conflict left behind, on its way to the service. */
export interface Decided {
  readonly kind: 'decided';
  readonly table: TargetTable;
  readonly key: readonly string[];
  readonly keyText: string;
  /** See {@link Write.former}. */
  readonly former?: NamedRow;
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
  /** See {@link Write.former}. */
  readonly former?: NamedRow;
  readonly seen: Position;
  readonly position: Position;
  readonly committedAt: bigint;
}

/**
 * What the source has of one row, said by itself and not by a write, so that the row can be made equal on
 * both sides (see ADR 11). It stands in the source's log where it is true.
 */
export interface Offered {
  readonly kind: 'offered';
  readonly table: TargetTable;
  readonly key: readonly string[];
  readonly keyText: string;
  /** The row as an insert; a delete where there is none. */
  readonly write: Write;
  readonly offer: Offer;
}

export interface Offer {
  readonly id: string;
  /** The side that both are made equal to. */
  readonly truth: Side;
  /** Of a row that the source does not have: the version of the target's row that was found. Another one came after. */
  readonly version?: string;
}

export interface Truncated {
  readonly kind: 'truncate';
  readonly tables: readonly TargetTable[];
  readonly restartIdentity: boolean;
  readonly seen: Position;
  readonly position: Position;
  readonly committedAt: bigint;
}

export type Step = Write | Decided | Requested | Offered | Truncated;

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
  /** With which its steps were translated. */
  readonly mapping?: Mapping;
  /** Of tables whose form its changes did not fit as they were read: what they looked like, by the shared names. */
  readonly unfit?: Iterable<readonly [TableName, Relation]>;
  /** Translates those changes again. */
  readonly again?: () => readonly Step[];
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
export function asWrite(step: Write | Decided | Requested | Offered): Write {
  if (step.kind === 'offered') return step.write;
  if (step.kind !== 'decided' && step.kind !== 'requested') return step;
  const { table, key, keyText, former, seen, position, committedAt } = step;
  const write = { table, key, keyText, ...(former ? { former } : {}), seen, position, committedAt };
  if (step.kind === 'requested') return { ...write, kind: 'update' };
  return {
    ...write, kind: step.row ? 'insert' : 'delete', ...(step.row ? { row: step.row } : {}), ...(step.bases ? { bases: step.bases } : {}),
  };
}

/** A change out of quarantine as the step that it was. */
export function stepOf({ write, as }: Recalled): Write | Decided | Requested {
  if (as === 'change' || as === 'untranslated') return write;
  const { table, key, keyText, former, seen, position, committedAt } = write;
  const about = { table, key, keyText, ...(former ? { former } : {}), seen, position, committedAt };
  if (as === 'requested') return { kind: as, ...about };
  return { kind: as, ...about, row: write.row ?? null, ...(write.bases ? { bases: write.bases } : {}) };
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
export function ordered(table: TargetTable, named: NamedRow): Row {
  const { formerly } = table;
  const row = formerly ? Object.fromEntries(Object.entries(named).map(([name, value]) => [table.columns.includes(name) ? name : (formerly.get(name) ?? name), value])) : named;
  return table.columns.map((column) => (Object.hasOwn(row, column) ? (row[column] ?? null) : UNCHANGED));
}

export function namedKey(table: TargetTable, key: readonly string[]): NamedRow {
  return Object.fromEntries(table.key.map((column, i) => [table.columns[column] ?? '', key[i] ?? null]));
}

/** Whether a row lacks a value that its source has: it can't be inserted from this change alone. */
export function lacksValues(table: TargetTable, row: Row): boolean {
  return row.some((cell, i) => cell === UNCHANGED && table.carried?.[i] !== false);
}

/** Steps that are never grouped with others. */
export function isAlone(step: Step): step is Decided | Requested | Offered | Truncated {
  return step.kind === 'offered' || step.kind === 'decided' || step.kind === 'requested' || step.kind === 'truncate';
}

/** Which of several equal rows goes is found only when those before it are there. */
export const isKeylessDelete = (write: Write): boolean => write.kind === 'delete' && write.table.key.length === 0;
