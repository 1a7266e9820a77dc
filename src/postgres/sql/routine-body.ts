import { parsePlPgSQLSync, type CreateFunctionStmt } from 'libpg-query';
import { qualifiedName, parseStatements, strings } from './syntax-tree.ts';
import { isRecord, joinedTables, tableAccess, type TableAccess } from './table-access.ts';
import type { TableName } from '../../model/names.ts';
import type { Routine } from '../../model/workload.ts';

/**
 * The tables a function touches: from its SQL-standard body, its SQL string, or the statements and
 * expressions of its PL/pgSQL. Dynamic SQL is out of reach; other languages are not read.
 */
export function readRoutine(statement: CreateFunctionStmt, text: string, schema: string): Routine {
  const reads = new Set<TableName>();
  const writes = new Set<TableName>();
  const joins: TableName[][] = [];
  const add = (access: TableAccess): void => {
    for (const table of access.reads) reads.add(table);
    for (const table of access.writes) writes.add(table);
    const joined = joinedTables(access);
    if (joined.length > 0) joins.push(joined);
  };
  const { language, body } = languageAndBody(statement);
  let complete = true;
  if (statement.sql_body) add(tableAccess(statement.sql_body, schema));
  else if (language === 'sql') complete = readSql(body, schema, add);
  else if (language === 'plpgsql') complete = readPlpgsql(text, body, schema, add);
  else complete = false;
  return {
    name: qualifiedName(strings(statement.funcname), schema),
    reads: [...reads].sort(),
    writes: [...writes].sort(),
    joins,
    complete,
  };
}

function languageAndBody(statement: CreateFunctionStmt): { readonly language: string; readonly body: string } {
  let language = 'sql';
  let body = '';
  for (const option of statement.options ?? []) {
    if (!('DefElem' in option)) continue;
    const { defname, arg } = option.DefElem;
    if (defname === 'language' && arg && 'String' in arg) language = (arg.String.sval ?? '').toLowerCase();
    else if (defname === 'as' && arg && 'List' in arg) body = strings(arg.List.items).at(-1) ?? '';
  }
  return { language, body };
}

type Add = (access: TableAccess) => void;

function readSql(sql: string, schema: string, add: Add): boolean {
  try {
    for (const tree of parseStatements(sql)) add(tableAccess(tree, schema));
    return true;
  } catch {
    readLexically(sql, schema, add);
    return false;
  }
}

function readPlpgsql(text: string, body: string, schema: string, add: Add): boolean {
  let tree: unknown;
  try {
    tree = parsePlPgSQLSync(text);
  } catch {
    // The body uses what only a server knows (a table's row type, say): fall back to its words.
    readLexically(body, schema, add);
    return false;
  }
  let complete = true;
  for (const query of queriesIn(tree)) {
    const trees = firstParse([query, `SELECT ${query}`, query.replace(/^[^=]*?:?=/, 'SELECT ')]);
    if (trees) for (const statement of trees) add(tableAccess(statement, schema));
    else complete = false;
  }
  return complete;
}

function firstParse(candidates: readonly string[]): ReturnType<typeof parseStatements> | undefined {
  for (const candidate of candidates) {
    try {
      return parseStatements(candidate);
    } catch {
      continue;
    }
  }
  return undefined;
}

function queriesIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(queriesIn);
  if (!isRecord(value)) return [];
  const expression = value['PLpgSQL_expr'];
  const own = isRecord(expression) && typeof expression['query'] === 'string' ? [expression['query']] : [];
  return [...own, ...Object.values(value).flatMap(queriesIn)];
}

const NAME = String.raw`((?:"[^"]+"|[a-z_][\w$]*)(?:\.(?:"[^"]+"|[a-z_][\w$]*))?)`;
const WRITES = new RegExp(String.raw`\b(?:insert\s+into|update(?:\s+only)?|delete\s+from)\s+${NAME}`, 'gi');
const READS = new RegExp(String.raw`(?<!delete\s)\b(?:from|join)\s+${NAME}`, 'gi');

function readLexically(body: string, schema: string, add: Add): void {
  const code = body.replaceAll(/--[^\n]*/g, '').replaceAll(/'(?:[^']|'')*'/g, "''");
  const names = (pattern: RegExp): Set<TableName> =>
    new Set([...code.matchAll(pattern)].map((match) => qualifiedName(identifiers(match[1] ?? ''), schema)));
  for (const table of names(WRITES)) add({ reads: new Set(), writes: new Set([table]), operations: [] });
  for (const table of names(READS)) add({ reads: new Set([table]), writes: new Set(), operations: [] });
}

function identifiers(name: string): string[] {
  return [...name.matchAll(/"([^"]+)"|([^."]+)/g)].map((match) => match[1] ?? (match[2] ?? '').toLowerCase());
}
