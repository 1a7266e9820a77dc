import type { Row } from '../../model/change.ts';
import type { TableName } from '../../model/names.ts';
import { columnsOf, isPlain, type TableMapping } from '../../model/table-mapping.ts';
import { rowTranslator } from '../../model/translate-row.ts';

/** What a copy reads of a table, and what it writes. */
export interface CopiedTable {
  readonly source: TableName;
  readonly target: TableName;
  /** The source's columns, in the order in which they are read. */
  readonly read: readonly string[];
  /** The target's, in the order in which they are written; generated columns are not among them. */
  readonly write: readonly string[];
  /** SQL condition on the source's row. */
  readonly where?: string;
  /** Makes a written row of a read one. Absent: both are the same text, and the bytes go from COPY to COPY as they are. */
  readonly change?: (row: Row) => Row;
  /** The target's key, if its rows may be there already and get only these columns. */
  readonly into?: readonly string[];
}

/**
 * The copy of one pair of tables, from the monolith into the service.
 * @param options.service The columns of the service's table that can be written, and which identify a row.
 */
export function copiedTable(mapping: TableMapping, options: {
  readonly service: { readonly columns: readonly string[]; readonly key: readonly number[] };
}): CopiedTable {
  const { columns, key } = options.service;
  const names = { source: mapping.monolith, target: mapping.service };
  const where = mapping.where === undefined ? {} : { where: mapping.where };
  const keyNames = key.map((index) => columns[index] ?? '');
  const into = mapping.part === true ? { into: keyNames } : {};
  const paired = columnsOf(mapping, columns).filter((column) => columns.includes(column.service));
  if (isPlain(mapping)) {
    return { ...names, ...where, ...into, read: paired.map((column) => column.monolith), write: paired.map((column) => column.service) };
  }
  const read = [...new Set([...paired.map((column) => column.monolith), ...(mapping.functions?.reads ?? [])])];
  // A function may leave columns out in one row and give them in the next; all that it may give are written.
  const write = mapping.functions ? columns : paired.map((column) => column.service);
  const { row } = rowTranslator({ mapping, to: 'service', from: read, into: write, key: keyNames });
  return { ...names, ...where, ...into, read, write, change: row };
}
