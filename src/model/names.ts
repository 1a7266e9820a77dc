import { BanyanError } from '../core/errors.ts';

declare const tableNameBrand: unique symbol;

/**
 * The one spelling of a table's name used as a key everywhere: `schema.table`, each part quoted as
 * psql would where it must be. Made by {@link tableName} or {@link parseTableName} only.
 */
export type TableName = string & { readonly [tableNameBrand]: true };

const PLAIN = /^[a-z_][a-z0-9_$]*$/;

function displayIdentifier(name: string): string {
  return PLAIN.test(name) ? name : quoteIdentifier(name);
}

/** `name` as a quoted SQL identifier, safe to put into a statement. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** `text` as an SQL literal, for statements that take no parameters; right whatever standard_conforming_strings says. */
export function quoteLiteral(text: string): string {
  const quoted = text.replaceAll("'", "''");
  return text.includes('\\') ? `E'${quoted.replaceAll('\\', '\\\\')}'` : `'${quoted}'`;
}

/** The canonical name of a table from its real (unquoted) schema and name. */
export function tableName(schema: string, table: string): TableName {
  return `${displayIdentifier(schema)}.${displayIdentifier(table)}` as TableName;
}

/**
 * Reads a table name as a user writes it: SQL identifiers, unquoted ones folded to lower case,
 * quoted ones kept; without a schema, `public`.
 * @throws BANYAN_TABLE_NAME if it is not one or two identifiers.
 */
export function parseTableName(text: string): TableName {
  const { schema, table } = splitTableName(text);
  return tableName(schema, table);
}

/** The real schema and table behind a name as a user writes it or as {@link tableName} made it. */
export function splitTableName(text: string): { readonly schema: string; readonly table: string } {
  const parts: string[] = [];
  const token = /\s*(?:"((?:[^"]|"")+)"|([^\s."]+))\s*(\.|$)/y;
  let at = 0;
  for (;;) {
    token.lastIndex = at;
    const match = token.exec(text);
    if (!match) throw badTableName(text);
    parts.push(match[1] === undefined ? (match[2] ?? '').toLowerCase() : match[1].replaceAll('""', '"'));
    at = token.lastIndex;
    if (match[3] !== '.') break;
  }
  const [first, second, ...rest] = parts;
  if (first === undefined || rest.length > 0) throw badTableName(text);
  return second === undefined ? { schema: 'public', table: first } : { schema: first, table: second };
}

function badTableName(text: string): BanyanError {
  return new BanyanError('BANYAN_TABLE_NAME', {
    message: `"${text}" is not a table name; expected table or schema.table, quoted as in psql where needed.`,
  });
}

/** The quoted, schema-qualified form for SQL. */
export function quoteTable(name: TableName): string {
  const { schema, table } = splitTableName(name);
  return `${quoteIdentifier(schema)}.${quoteIdentifier(table)}`;
}
