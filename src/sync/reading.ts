import { isSpooled, type Change, type Relation, type Transaction } from '../model/change.ts';
import type { NamedRow } from '../model/conflict.ts';
import type { TableName } from '../model/names.ts';
import type { Position } from '../model/position.ts';
import type { DecidedRow } from './knowledge.ts';

/** What a transaction's commit tells for each of its changes. */
/** The forms of tables that are not known to fit: one transaction may show several of one table. */
export class Unfit {
  readonly #forms = new Map<TableName, Set<Relation>>();

  get size(): number {
    return this.#forms.size;
  }

  add(table: TableName, relation: Relation): void {
    const forms = this.#forms.get(table);
    if (forms) forms.add(relation);
    else this.#forms.set(table, new Set([relation]));
  }

  *[Symbol.iterator](): Generator<readonly [TableName, Relation]> {
    for (const [table, forms] of this.#forms) for (const relation of forms) yield [table, relation];
  }
}

export interface Reading {
  readonly position: Position;
  readonly committedAt: bigint;
  /** How far of the other side's commits had been seen. */
  readonly seen: Position;
  /** Of an echo, where the original was committed. */
  readonly batch: Position;
  readonly echo: boolean;
  /** Whether what the changes tell of their side is to be noted; not again when they are read again. */
  readonly learning: boolean;
  /** Whether a mark came by. */
  marked: boolean;
  /** What was decided by row; of one row the last stands. */
  readonly decided: Map<string, DecidedRow>;
  /** Tables whose form the changes do not fit, by the shared names, and the form that they have. */
  readonly unfit: Unfit;
}

export type InMemory = Transaction & { readonly changes: readonly Change[] };

export function isInMemory(transaction: Transaction): transaction is InMemory {
  return !isSpooled(transaction.changes);
}

export async function* inParts({ changes }: Transaction): AsyncGenerator<readonly Change[]> {
  if (isSpooled(changes)) yield* changes.parts();
  else yield changes;
}

export async function discardAll(parts: readonly Transaction[]): Promise<void> {
  for (const { changes } of parts) if (isSpooled(changes)) await changes.discard();
}

/** A new row's values by column name. */
export function textsOf(change: Extract<Change, { kind: 'insert' }>): (name: string) => string | undefined {
  const record = new Map(change.relation.columns.map((column, i) => [column.name, change.row[i]]));
  return (name) => {
    const cell = record.get(name);
    return typeof cell === 'string' ? cell : undefined;
  };
}

/** JSON of strings and nulls only, as Banyan itself wrote it: no number passes through it. */
export function parseNamed(text: string): NamedRow {
  return JSON.parse(text) as NamedRow;
}
