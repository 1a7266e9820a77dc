import type { NamedRow } from './conflict.ts';
import type { TableName } from './names.ts';

/**
 * How one table of the monolith and one of the service belong together: the one description that
 * sync, copy, provisioning and validation read.
 */
export interface TableMapping {
  readonly monolith: TableName;
  readonly service: TableName;
  /** The columns that move. Absent: all, under their own names. */
  readonly columns?: readonly ColumnMapping[];
  /** Columns that the service's database computes from its own; nobody writes them. */
  readonly computed?: readonly ComputedColumn[];
  /** An SQL condition on the monolith's row: only rows for which it is true belong to the service. */
  readonly where?: string;
  /** What a user's module does on top of the columns. */
  readonly functions?: RowFunctions;
  /** A later part of a service's table that several of the monolith's share: its rows come and go with the first part's. */
  readonly part?: boolean;
}

export interface ColumnMapping {
  readonly monolith: string;
  readonly service: string;
  /** The service's text for each of the monolith's; no two have the same. Null stays null. */
  readonly values?: ReadonlyMap<string, string>;
  /** The column's type in the service, as SQL. Absent: the monolith's. */
  readonly type?: string;
}

export interface ComputedColumn {
  readonly service: string;
  readonly type: string;
  /** SQL over the service's row. */
  readonly expression: string;
}

/** A row by column name, whole, as text; gives the columns it changes or adds, by the other side's names. */
export type RowFunction = (row: NamedRow) => NamedRow;

export interface RowFunctions {
  /** The monolith's columns, all of which `toService` is given. */
  readonly reads: readonly string[];
  readonly toService?: RowFunction;
  readonly toMonolith?: RowFunction;
}

/** Whether a row is the same text on both sides, but for names. */
export function isPlain(mapping: TableMapping): boolean {
  return mapping.functions === undefined && mapping.columns?.some((column) => column.values) !== true;
}

/** The columns that move, where the names on both sides are known. */
export function columnsOf(mapping: TableMapping, sideColumns: readonly string[]): readonly ColumnMapping[] {
  return mapping.columns ?? sideColumns.map((name) => ({ monolith: name, service: name }));
}

/**
 * What a pair of tables is called between the two sides: the monolith's name, unless several tables of
 * the service are made of that one.
 */
export function sharedName(mapping: TableMapping, all: readonly TableMapping[]): TableName {
  return all.some((other) => other !== mapping && other.monolith === mapping.monolith) ? mapping.service : mapping.monolith;
}
