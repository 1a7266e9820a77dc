import { tableName, type TableName } from '../../model/names.ts';
import { isSign, isWord, type Token } from './tokens.ts';

/** A table where a statement names one. */
export interface TableReference {
  readonly table: TableName;
  /** By what the rest of the statement calls it, in lower case. */
  readonly alias: string;
}

/** Functions that have a FROM of their own. */
const WITH_FROM = ['EXTRACT', 'TRIM', 'SUBSTRING', 'SUBSTR', 'MID'];
const AFTER_TABLES = new Set([
  'WHERE', 'GROUP', 'ORDER', 'HAVING', 'LIMIT', 'SET', 'UNION', 'INTERSECT', 'EXCEPT', 'SELECT', 'VALUES', 'VALUE', 'FOR', 'LOCK', 'PROCEDURE', 'INTO', 'WINDOW', 'RETURNING', 'OFFSET',
]);
const NO_ALIAS = new Set([
  ...AFTER_TABLES, 'FROM', 'ON', 'USING', 'JOIN', 'INNER', 'LEFT', 'RIGHT', 'CROSS', 'NATURAL', 'FULL', 'OUTER', 'STRAIGHT_JOIN', 'USE', 'FORCE', 'IGNORE', 'PARTITION', 'AS', 'DUPLICATE', 'SYSTEM_TIME', 'TABLESAMPLE',
]);
const SYSTEM = new Set(['information_schema', 'mysql', 'performance_schema', 'sys']);

/** Says what schema a database's name stands for. */
export type SchemaOf = (database: string | undefined) => string;

interface Level {
  /** Whether a comma is followed by another table. */
  inTables: boolean;
  expected: boolean;
  readonly ownFrom: boolean;
}

/**
 * The tables that a part of a statement reads: those behind FROM and JOIN, in subqueries too. Names that a
 * WITH defines are no tables, nor is what the server keeps of itself.
 * @param inTables whether the part begins where a table is expected.
 * @throws where parentheses do not match, or no table stands where one has to.
 */
export function tableReferences(tokens: readonly Token[], options: { readonly inTables: boolean; readonly schemaOf: SchemaOf }): TableReference[] {
  const defined = definedNames(tokens);
  const found: TableReference[] = [];
  const levels: Level[] = [{ inTables: options.inTables, expected: options.inTables, ownFrom: false }];
  for (let at = 0; at < tokens.length; at += 1) {
    const token = tokens[at];
    const level = levels.at(-1);
    if (!token || !level) throw new Error('a parenthesis closes that never opened');
    if (isSign(token, '(')) {
      const query = isWord(tokens[at + 1], 'SELECT', 'WITH', 'VALUES', 'TABLE');
      levels.push({ inTables: level.expected && !query, expected: level.expected && !query, ownFrom: isWord(tokens[at - 1], ...WITH_FROM) });
      level.expected = false;
    } else if (isSign(token, ')')) {
      if (level.expected) throw new Error('no table where one is expected, but ")"');
      levels.pop();
    } else if (level.expected && isName(token) && !(token.kind === 'word' && AFTER_TABLES.has(token.text.toUpperCase())) && !isWord(token, 'LATERAL', 'ONLY')) {
      const reference = readReference(tokens, at, options.schemaOf);
      level.expected = false;
      at = reference.end - 1;
      if (reference.table !== undefined && !(reference.plain && defined.has(reference.alias))) found.push({ table: reference.table, alias: reference.alias });
    } else if (isWord(token, 'FROM') && !level.ownFrom && !isWord(tokens[at - 1], 'DISTINCT')) {
      Object.assign(level, { inTables: true, expected: true });
    } else if (isWord(token, 'JOIN', 'STRAIGHT_JOIN') && (level.inTables || !isWord(tokens[at - 1], 'SELECT'))) {
      level.expected = level.inTables;
    } else if (isSign(token, ',')) {
      level.expected = level.inTables;
    } else if (token.kind === 'word' && AFTER_TABLES.has(token.text.toUpperCase())) {
      if (level.expected) throw new Error(`no table where one is expected, but "${token.text}"`);
      Object.assign(level, { inTables: false, expected: false });
    } else if (level.expected && !isWord(token, 'LATERAL', 'ONLY')) {
      throw new Error(`no table where one is expected, but "${token.text}"`);
    }
  }
  if (levels.length > 1) throw new Error('a parenthesis that does not close');
  if (levels[0]?.expected) throw new Error('no table where one is expected, but the end');
  return found;
}

export interface ReadReference extends Omit<TableReference, 'table'> {
  /** Undefined for what is no table of the application's. */
  readonly table: TableName | undefined;
  /** Without a database. */
  readonly plain: boolean;
  /** Where what follows begins. */
  readonly end: number;
}

/** A table's name and alias, at the token where it begins. */
export function readReference(tokens: readonly Token[], from: number, schemaOf: SchemaOf): ReadReference {
  let at = from;
  const parts = [tokens[at]?.text ?? ''];
  at += 1;
  while (isSign(tokens[at], '.') && isName(tokens[at + 1])) {
    parts.push(tokens[at + 1]?.text ?? '');
    at += 2;
  }
  const name = parts.at(-1) ?? '';
  const database = parts.at(-2);
  // JSON_TABLE and the like.
  const isFunction = isSign(tokens[at], '(') && isWord(tokens[from], 'JSON_TABLE');
  const named = isWord(tokens[at], 'AS') ? at + 1 : at;
  const alias = tokens[named];
  const hasAlias = isName(alias) && !(alias?.kind === 'word' && NO_ALIAS.has(alias.text.toUpperCase()));
  const hidden = isFunction || isWord(tokens[from], 'DUAL') || SYSTEM.has((database ?? '').toLowerCase());
  return {
    table: hidden ? undefined : tableName(schemaOf(database), name),
    alias: (hasAlias ? (alias?.text ?? name) : name).toLowerCase(),
    plain: database === undefined,
    end: hasAlias ? named + 1 : at,
  };
}

export function isName(token: Token | undefined): boolean {
  return token?.kind === 'name' || (token?.kind === 'word' && !/^\d+$/.test(token.text));
}

function definedNames(tokens: readonly Token[]): ReadonlySet<string> {
  const names = new Set<string>();
  tokens.forEach((token, at) => {
    if (!isWord(token, 'AS') || !isSign(tokens[at + 1], '(') || !isWord(tokens[at + 2], 'SELECT', 'WITH', 'VALUES')) return;
    let before = at - 1;
    if (isSign(tokens[before], ')')) while (before > 0 && !isSign(tokens[before], '(')) before -= 1;
    const name = tokens[isSign(tokens[before], '(') ? before - 1 : before];
    if (isName(name)) names.add((name?.text ?? '').toLowerCase());
  });
  return names;
}
