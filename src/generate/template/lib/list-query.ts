import type { Parameter } from '../db.ts';
import { badField } from '../errors.ts';
import type { CursorCodec } from './cursor.ts';
import type { Column, FilterParameter, Table } from './table.ts';

export const DEFAULT_LIMIT = 20;
export const MOST_ROWS = 200;

export interface SortTerm {
  readonly column: Column;
  readonly descending: boolean;
}

export interface Filter extends FilterParameter {
  readonly value: Parameter;
}

/** What a list request asks for, checked against the table. */
export interface ListQuery {
  readonly fields: readonly Column[];
  readonly filters: readonly Filter[];
  /** Ends with the key, so that no two rows are equal in it; a table without a key has no such end. */
  readonly sort: readonly SortTerm[];
  /** The sort as text, for cursors. */
  readonly sortText: string;
  readonly limit: number;
  /** The values of the sort columns in the last row already seen; of a table without a key, the rows seen. */
  readonly after?: readonly (string | null)[];
}

/** A query parameter that may be given once. */
function single(name: string, value: unknown): string {
  if (typeof value !== 'string') throw badField(name, 'repeated', 'may be given once');
  return value;
}

function readLimit(value: unknown): number {
  if (value === undefined) return DEFAULT_LIMIT;
  const text = single('limit', value);
  if (!/^[0-9]+$/.test(text) || Number(text) === 0) throw badField('limit', 'limit', 'must be a whole number of at least 1');
  return Math.min(Number(text), MOST_ROWS);
}

/** The columns to answer with: `fields=id,email`, or all of them. */
export function readFields(table: Table, query: unknown): readonly Column[] {
  const given = asRecord(query)['fields'];
  if (given === undefined) return table.visible;
  return single('fields', given)
    .split(',')
    .map((name) => {
      const column = table.byName.get(name);
      if (!column || column.writeOnly) throw badField('fields', 'unknown', `"${name}" is no property of a ${table.singular}`);
      return column;
    })
    .filter((column, i, all) => all.indexOf(column) === i);
}

function readSort(table: Table, value: unknown): SortTerm[] {
  const terms: SortTerm[] = [];
  const add = (column: Column, descending: boolean): void => {
    if (!terms.some((term) => term.column === column)) terms.push({ column, descending });
  };
  for (const part of value === undefined ? [] : single('sort', value).split(',')) {
    const descending = part.startsWith('-') && !table.byName.has(part);
    const name = descending ? part.slice(1) : part;
    const column = table.byName.get(name);
    if (!column?.sortable) throw badField('sort', 'unknown', `"${name}" is nothing a ${table.singular} can be sorted by`);
    add(column, descending);
  }
  // The key goes the way of what stands before it: one index can then serve the whole order.
  const descending = terms.at(-1)?.descending ?? false;
  for (const column of table.key) add(column, descending);
  return terms;
}

/** `a,b\,c` is `a` and `b,c`. */
function splitList(text: string): string[] {
  const parts: string[] = [''];
  for (let i = 0; i < text.length; i++) {
    const c = text.charAt(i);
    if (c === ',') parts.push('');
    else parts[parts.length - 1] += c === '\\' && i + 1 < text.length ? text.charAt(++i) : c;
  }
  return parts;
}

function readFilter(name: string, parameter: FilterParameter, value: unknown): Filter {
  const text = single(name, value);
  if (text.includes('\0')) throw badField(name, 'text', 'must not contain a null character');
  const { column, operator } = parameter;
  if (operator === 'is' && text !== 'null' && text !== 'not-null') throw badField(name, 'is', 'must be null or not-null');
  const several = operator === 'in' || operator === 'overlaps' || (operator === 'contains' && column.array);
  return { column, operator, value: several ? splitList(text) : text };
}

function asRecord(query: unknown): Readonly<Record<string, unknown>> {
  return typeof query === 'object' && query !== null ? { ...query } : {};
}

/** Reads a list request's query; throws a 400 that names the parameter if anything in it is wrong. */
export function readListQuery(table: Table, cursors: CursorCodec, query: unknown): ListQuery {
  const { limit, cursor, sort, fields, ...rest } = asRecord(query);
  const filters = Object.entries(rest).map(([name, value]) => {
    const parameter = table.filters.get(name);
    if (!parameter) throw badField(name, 'unknown', 'is no parameter of this list');
    return readFilter(name, parameter, value);
  });
  const terms = readSort(table, sort);
  const sortText = terms.map((term) => `${term.descending ? '-' : ''}${term.column.name}`).join(',');
  const cursorValues = table.key.length > 0 ? terms.length : 1;
  return {
    fields: readFields(table, { fields }),
    filters,
    sort: terms,
    sortText,
    limit: readLimit(limit),
    ...(cursor === undefined ? {} : { after: cursors.read(single('cursor', cursor), sortText, cursorValues).values }),
  };
}
