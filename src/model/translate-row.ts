import { BanyanError, messageOf } from '../core/errors.ts';
import { UNCHANGED, type Cell, type Row } from './change.ts';
import type { NamedRow } from './conflict.ts';
import { columnsOf, type ColumnMapping, type RowFunction, type TableMapping } from './table-mapping.ts';

export interface TranslateOptions {
  readonly mapping: TableMapping;
  readonly to: 'monolith' | 'service';
  /** The columns of the rows that come, and of those that go, in their order. */
  readonly from: readonly string[];
  readonly into: readonly string[];
  /** Columns of `into` that identify the row: no function may give them another value. */
  readonly key?: readonly string[];
}

/** Rows of one side as rows of the other. A cell that nothing is known of is UNCHANGED. */
export interface RowTranslator {
  /**
   * The whole way, user's functions included.
   * @throws BANYAN_TRANSFORM if a value has no counterpart, or a function fails or gives what is no row.
   */
  readonly row: (row: Row) => Row;
  /** Names and values only: enough for a key. */
  readonly columns: (row: Row) => Row;
  /** Whether every row stays as it is. */
  readonly same: boolean;
}

/** Makes the translation of one mapping's rows in one direction. Pure. */
export function rowTranslator(options: TranslateOptions): RowTranslator {
  const { mapping, to, from, into } = options;
  const paired = columnsOf(mapping, into);
  const cells = into.map((name) => {
    const column = paired.find((each) => each[to] === name);
    return { index: column ? from.indexOf(column[to === 'service' ? 'monolith' : 'service']) : -1, value: column && valueOf(mapping, column, to) };
  });
  const same = cells.length === from.length && cells.every(({ index, value }, i) => index === i && value === undefined);
  const columns = same
    ? (row: Row): Row => row
    : (row: Row): Row =>
        cells.map(({ index, value }): Cell => {
          const cell = index < 0 ? UNCHANGED : (row[index] ?? null);
          return value === undefined || typeof cell !== 'string' ? cell : value(cell);
        });
  const run = mapping.functions?.[to === 'service' ? 'toService' : 'toMonolith'];
  return { columns, row: run ? withFunction(options, run, columns) : columns, same: same && !run };
}

function valueOf(mapping: TableMapping, column: ColumnMapping, to: 'monolith' | 'service'): ((text: string) => string) | undefined {
  if (!column.values) return undefined;
  const values = to === 'service' ? column.values : new Map([...column.values].map(([here, there]) => [there, here]));
  const side = to === 'service' ? 'monolith' : 'service';
  return (text) => {
    const found = values.get(text);
    if (found !== undefined) return found;
    throw new BanyanError('BANYAN_TRANSFORM', {
      message: `${mapping[side]}.${column[side]} holds ${JSON.stringify(text)}, which \`values\` of ${mapping.monolith} does not list; it lists ${[...values.keys()].map((value) => JSON.stringify(value)).join(', ')}.`,
    });
  };
}

function withFunction({ mapping, to, from, into, key = [] }: TranslateOptions, run: RowFunction, columns: (row: Row) => Row): (row: Row) => Row {
  const name = to === 'service' ? 'toService' : 'toMonolith';
  const side = to === 'service' ? 'monolith' : 'service';
  const fail = (what: string, cause?: unknown): BanyanError =>
    new BanyanError('BANYAN_TRANSFORM', { message: `${name} of ${mapping.monolith} ${what}`, ...(cause === undefined ? {} : { cause }) });
  const places = new Map(into.map((column, i) => [column, i]));
  const fixed = new Set(key);
  return (row) => {
    const given: Record<string, string | null> = {};
    for (const [i, column] of from.entries()) {
      const cell = row[i];
      if (cell === UNCHANGED) throw fail(`needs the whole row, and the change of ${mapping[side]} does not carry "${column}": REPLICA IDENTITY FULL makes it.`);
      given[column] = cell ?? null;
    }
    let answer: unknown;
    try {
      answer = run(given);
    } catch (error) {
      throw fail(`failed: ${messageOf(error)}`, error);
    }
    if (!isNamedRow(answer)) throw fail('gave no object of strings and nulls.');
    const result = [...columns(row)];
    for (const [column, value] of Object.entries(answer)) {
      const place = places.get(column);
      if (place === undefined) throw fail(`gave "${column}", which ${mapping[to]} does not have or which is not written.`);
      if (fixed.has(column) && value !== result[place]) throw fail(`gave the key column "${column}" another value.`);
      result[place] = value;
    }
    return result;
  };
}

function isNamedRow(value: unknown): value is NamedRow {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  // A promise has no properties of its own, and would pass for a row without columns.
  if ('then' in value && typeof value.then === 'function') return false;
  return Object.values(value).every((cell) => cell === null || typeof cell === 'string');
}
