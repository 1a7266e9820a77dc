import { UNCHANGED, type Row } from '../model/change.ts';
import type { TableName } from '../model/names.ts';
import type { Claims, TargetTable, Write } from '../ports/applier.ts';

/**
 * What a change has to do with, by name. It *owns* its row's old and new place and the unique values that
 * it takes or gives free; it *refers* to the rows that its foreign keys point at, now or before.
 *
 * @param present the target's row as it stands, where it is known: what the change does not carry is there.
 */
export function claimsOf(write: Write, present?: Row): Claims {
  const { table } = write;
  const owns = new Set([write.keyText]);
  const refers = new Set<string>();
  if (write.newKeyText !== undefined) owns.add(write.newKeyText);
  // Its columns are its source's own: they name nothing here.
  if (write.fault) {
    const known = write.known && claimsOf(write.known, present);
    return { owns: [...new Set([...owns, ...(known?.owns ?? [])])], refers: known?.refers ?? [] };
  }
  owns.add(rowName(table.name, table.key.map((column, i) => [table.columns[column] ?? '', write.key[i] ?? ''])));
  for (const row of [write.row, write.old, present]) {
    if (!row) continue;
    for (const columns of [table.key, ...(table.otherUniques ?? [])]) {
      const name = nameAt(table, table.name, row, columns, columns.map((column) => table.columns[column] ?? ''));
      if (name !== undefined) owns.add(name);
    }
    for (const { columns, table: parent, there } of table.references ?? []) {
      const name = nameAt(table, parent, row, columns, there);
      if (name !== undefined) refers.add(name);
    }
  }
  return { owns: [...owns], refers: [...refers] };
}

/** What a change owns besides while its whole table is paused: later changes of the table wait behind it. */
export function pauseOf(write: Pick<Write, 'table' | 'of'>): string {
  return JSON.stringify([PAUSED, write.of ?? write.table.name]);
}

/** The tables that are paused by what somebody owns. */
export function pausedBy(owns: readonly string[]): readonly TableName[] {
  return owns.filter((name) => name.startsWith(`["${PAUSED}",`)).map((name) => (JSON.parse(name) as [string, TableName])[1]);
}

/** No schema has this name: a row's own name begins with its table's, which has a point. */
const PAUSED = 'paused';

/** The name of a row by the values of some of its columns; undefined if one of them is null or not known. */
function nameAt(table: TargetTable, named: TableName, row: Row, columns: readonly number[], there: readonly string[]): string | undefined {
  const parts: [string, string][] = [];
  for (const [i, column] of columns.entries()) {
    const cell = row[column];
    if (cell === UNCHANGED || cell === null || cell === undefined || !table.columns[column]) return undefined;
    parts.push([there[i] ?? '', cell]);
  }
  return rowName(named, parts);
}

function rowName(table: TableName, parts: [string, string][]): string {
  parts.sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([table, ...parts.flat()]);
}

/**
 * What the changes in quarantine hold back: every later change of the same row or unique value, of a
 * row that refers to it, and the removal of a row that a held one refers to. What is held back holds
 * back in its turn.
 */
export class Holds {
  readonly #owned: Set<string>;
  readonly #referred: Set<string>;

  constructor(from?: Holds) {
    this.#owned = new Set(from ? from.#owned : []);
    this.#referred = new Set(from ? from.#referred : []);
  }

  get empty(): boolean {
    return this.#owned.size === 0;
  }

  add(claims: Claims): void {
    for (const name of claims.owns) this.#owned.add(name);
    for (const name of claims.refers) this.#referred.add(name);
  }

  addAll(other: Holds): void {
    for (const name of other.#owned) this.#owned.add(name);
    for (const name of other.#referred) this.#referred.add(name);
  }

  /** Whether a row, by its key's text, has a change that is held; or a table, by {@link pauseOf}. */
  owns(keyText: string): boolean {
    return this.#owned.has(keyText);
  }

  /** @param removes whether the change takes its row away from where it was. */
  block(claims: Claims, removes: boolean): boolean {
    return (
      claims.owns.some((name) => this.#owned.has(name) || (removes && this.#referred.has(name))) ||
      claims.refers.some((name) => this.#owned.has(name))
    );
  }
}

/** Whether rows that refer to this one would be left without it. */
export function removes(write: Pick<Write, 'kind' | 'newKeyText'>): boolean {
  return write.kind === 'delete' || write.newKeyText !== undefined;
}
