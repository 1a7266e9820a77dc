import { UNCHANGED, type Cell, type Change, type Relation, type Row } from '../../src/model/change.ts';
import type { NamedRow } from '../../src/model/conflict.ts';
import { COLUMNS, ITEMS, relation, RENAMED } from './database.ts';

/** The column that holds the rest of a composite key, by the monolith's name. */
const PART = 'part';
/** The service may call it what another column is called at the monolith. */
const PART_RENAMED = 'id';

/**
 * How one side's table looks from outside. The simulated database keeps every row in one form, with its key
 * in one cell; with a composite key the engine meets two columns in its place, in another order on each side.
 */
export interface Layout {
  readonly relation: Relation;
  readonly columns: readonly string[];
  readonly key: readonly number[];
  /** From the database to the engine. */
  out(row: Row): Row;
  /** From the engine to the database; `key` is the row's, for what the cells leave unchanged. */
  into(row: Row, key: string): Row;
  keyOut(key: string): readonly string[];
  keyOf(parts: readonly string[]): string;
}

export function layoutOf({ renamed, composite }: { readonly renamed: boolean; readonly composite: boolean }): Layout {
  const { table, columns } = renamed ? RENAMED : { table: ITEMS, columns: COLUMNS };
  if (!composite) {
    return {
      relation: relation(table, columns, [columns[0]]), columns, key: [0],
      out: (row) => row, into: (row) => row, keyOut: (key) => [key], keyOf: ([key = '']) => key,
    };
  }
  const all = [...columns, renamed ? PART_RENAMED : PART];
  const key = renamed ? [PART_AT, 0] : [0, PART_AT];
  const inOrder = ([id, part]: readonly [string, string]): readonly string[] => key.map((column) => (column === 0 ? id : part));
  const keyOf = (parts: readonly string[]): string => joined(parts[key.indexOf(0)] ?? '', parts[key.indexOf(PART_AT)] ?? '');
  return {
    relation: relation(table, all, key.map((column) => all[column] ?? '')), columns: all, key,
    out: (row) => {
      const [id, ...rest] = row;
      const [first, part]: readonly [Cell, Cell] = typeof id === 'string' ? split(id) : [id ?? null, id ?? null];
      return [first, ...rest, part];
    },
    into: (row, present) => {
      const [first, second] = split(present);
      const cell = (value: Cell | undefined, unchanged: string): string => (typeof value === 'string' ? value : unchanged);
      const untouched = row[0] === UNCHANGED && row[PART_AT] === UNCHANGED;
      return [untouched ? UNCHANGED : joined(cell(row[0], first), cell(row[PART_AT], second)), ...row.slice(1, PART_AT)];
    },
    keyOut: (text) => inOrder(split(text)),
    keyOf,
  };
}

/** What a table's change looks like from outside. */
export function laidOut(change: Change, layout: Layout): Change {
  if (change.kind === 'truncate') return { ...change, relations: [layout.relation] };
  if (change.relation.table !== ITEMS) return change;
  const { relation: as } = layout;
  if (change.kind === 'insert') return { ...change, relation: as, row: layout.out(change.row) };
  if (change.kind === 'delete') return { ...change, relation: as, old: layout.out(change.old) };
  return { ...change, relation: as, row: layout.out(change.row), ...(change.old ? { old: layout.out(change.old) } : {}) };
}

/** The key of a row by the monolith's names. */
export function keyNamed(key: NamedRow): string {
  return key[PART] === undefined ? (key['id'] ?? '') : joined(key['id'] ?? '', key[PART] ?? '');
}

/** The columns of a pair of layouts by their names on both sides. */
export function pairedColumns({ composite }: { readonly composite: boolean }): { readonly monolith: string; readonly service: string }[] {
  const pairs = COLUMNS.map((monolith, i) => ({ monolith, service: RENAMED.columns[i] ?? '' }));
  return composite ? [...pairs, { monolith: PART, service: PART_RENAMED }] : pairs;
}

const PART_AT = COLUMNS.length;

/** `k5` is the third row of the second kind. */
function split(key: string): readonly [string, string] {
  const number = Number(key.slice(1));
  return [String(number % 2), `p${number >> 1}`];
}

function joined(id: string, part: string): string {
  return `k${2 * Number(part.slice(1)) + Number(id)}`;
}
