import { loadModule, parseSync, type ColumnDef, type Constraint, type Node } from 'libpg-query';
import { tableName, type TableName } from '../../model/names.ts';

/** Loads PostgreSQL's own grammar (WebAssembly); once per process, about 20 ms. */
export async function loadGrammar(): Promise<void> {
  await loadModule();
}

/**
 * The statements of one text, as PostgreSQL's grammar reads them.
 * @throws the grammar's own error where the text is not SQL.
 */
export function parseStatements(text: string): readonly Node[] {
  const nodes: Node[] = [];
  for (const statement of parseSync(text).stmts ?? []) if (statement.stmt) nodes.push(statement.stmt);
  return nodes;
}

/** Text that can be cut at the byte offsets that the grammar reports. */
export interface SourceText {
  slice(from: number, to?: number): string;
  readonly length: number;
}

export function sourceText(text: string): SourceText {
  // Offsets are bytes of UTF-8; they are also indexes of the string if every character is ASCII.
  if (Buffer.byteLength(text) === text.length) return text;
  const bytes = Buffer.from(text);
  return { length: bytes.length, slice: (from, to) => bytes.subarray(from, to).toString() };
}

/** The strings of a list of `String` nodes. */
export function strings(nodes: readonly Node[] | undefined): string[] {
  const found: string[] = [];
  for (const node of nodes ?? []) if ('String' in node) found.push(node.String.sval ?? '');
  return found;
}

/** The strings of a `List` node of `String` nodes, as in COMMENT ON or OWNED BY. */
export function listStrings(node: Node | undefined): string[] {
  return node && 'List' in node ? strings(node.List.items) : [];
}

export interface UnresolvedName {
  readonly schemaname?: string;
  readonly relname?: string;
}

/** The name of a relation; without a schema, `fallbackSchema`. */
export function relationName(relation: UnresolvedName | undefined, fallbackSchema: string): TableName {
  return tableName(relation?.schemaname ?? fallbackSchema, relation?.relname ?? '');
}

/** The name in a qualified list of identifiers (`a.b` or `b`). */
export function qualifiedName(parts: readonly string[], fallbackSchema: string): TableName {
  return tableName(parts.at(-2) ?? fallbackSchema, parts.at(-1) ?? '');
}

/** The column a node defines, if it does. */
export function columnOf(node: Node | undefined): ColumnDef | undefined {
  return node && 'ColumnDef' in node ? node.ColumnDef : undefined;
}

/** The constraint a node defines, if it does. */
export function constraintOf(node: Node | undefined): Constraint | undefined {
  return node && 'Constraint' in node ? node.Constraint : undefined;
}

/** The constraints in a list of nodes. */
export function constraintsIn(nodes: readonly Node[] | undefined): Constraint[] {
  return (nodes ?? []).flatMap((node) => constraintOf(node) ?? []);
}
