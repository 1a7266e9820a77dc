import { BanyanError } from '../core/errors.ts';
import { tableName, type TableName } from './names.ts';

/** Columns of a table, as somebody names them. */
export interface ColumnsOfTable {
  readonly table: TableName;
  readonly columns: readonly string[];
}

/** A reference that no constraint keeps. */
export interface DeclaredReference {
  readonly name: string;
  readonly from: ColumnsOfTable;
  readonly to: ColumnsOfTable;
}

/**
 * Reads `schema.table.column`, `table.column` or, for several columns, `schema.table (a, b)`; identifiers as
 * in psql, unquoted ones folded to lower case; without a schema, `public`.
 * @throws BANYAN_TABLE_NAME if it is none of them.
 */
export function parseColumnsOfTable(text: string): ColumnsOfTable {
  const open = openingBracket(text);
  const path = identifiers(open < 0 ? text : text.slice(0, open), '.');
  const listed = open < 0 ? [] : identifiers(text.slice(open + 1).trimEnd().replace(/\)$/, ''), ',');
  const closed = open < 0 || text.trimEnd().endsWith(')');
  if (!path || !listed || !closed) throw unreadable(text);
  const columns = open < 0 ? path.slice(-1) : listed;
  const [first, second, ...rest] = open < 0 ? path.slice(0, -1) : path;
  if (first === undefined || rest.length > 0 || columns.length === 0) throw unreadable(text);
  return { table: second === undefined ? tableName('public', first) : tableName(first, second), columns };
}

/** Of the list of columns; brackets inside quotes are part of a name. */
function openingBracket(text: string): number {
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '"') quoted = !quoted;
    if (text[i] === '(' && !quoted) return i;
  }
  return -1;
}

function identifiers(text: string, separator: '.' | ','): string[] | undefined {
  const found: string[] = [];
  const token = /\s*(?:"((?:[^"]|"")+)"|([^\s".,()]+))\s*([.,]|$)/y;
  for (;;) {
    const match = token.exec(text);
    if (!match || (match[3] !== separator && match[3] !== '')) return undefined;
    found.push(match[1] === undefined ? (match[2] ?? '').toLowerCase() : match[1].replaceAll('""', '"'));
    if (match[3] === '') return found;
  }
}

function unreadable(text: string): BanyanError {
  return new BanyanError('BANYAN_TABLE_NAME', { message: `"${text}" names no columns of a table; expected table.column, schema.table.column or schema.table (column, column).` });
}
