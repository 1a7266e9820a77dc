import type { ReadStatement, StatementStep } from '../../model/logged-statement.ts';
import type { TableName } from '../../model/names.ts';
import type { WriteOperation } from '../../model/workload.ts';
import { isName, readReference, tableReferences, type SchemaOf, type TableReference } from './table-references.ts';
import { isSign, isWord, tokensOf, type Token } from './tokens.ts';

/** Statements that touch no rows of the application's. */
const ASIDE = new Set([
  'SET', 'SHOW', 'USE', 'DESCRIBE', 'DESC', 'EXPLAIN', 'ANALYZE', 'KILL', 'FLUSH', 'HELP', 'CALL', 'DO', 'PREPARE', 'EXECUTE', 'DEALLOCATE', 'CHECK', 'CHECKSUM', 'SIGNAL', 'RESET', 'PURGE', 'CHANGE', 'STOP', 'CACHE', 'BINLOG', 'HANDLER',
  'BEGIN', 'COMMIT', 'ROLLBACK', 'SAVEPOINT', 'RELEASE', 'START', 'XA', 'GET', 'BACKUP', 'SHUTDOWN', 'VALUES',
]);
/** Statements before which the server commits what is open. */
const COMMITTING = new Set(['CREATE', 'ALTER', 'DROP', 'RENAME', 'TRUNCATE', 'GRANT', 'REVOKE', 'LOCK', 'UNLOCK', 'OPTIMIZE', 'REPAIR', 'INSTALL', 'UNINSTALL']);

interface Statement {
  readonly tokens: readonly Token[];
  readonly schemaOf: SchemaOf;
}

interface Touched {
  readonly reads: readonly TableName[];
  readonly writes: readonly TableName[];
  readonly operations: readonly WriteOperation[];
}

/**
 * Tells, of a text that a MySQL or MariaDB client sent, which tables it reads and writes. It reads tokens
 * and table references, not the whole grammar: a statement is refused only where these make no sense.
 */
export function mysqlStatements(schemaOf: SchemaOf): ReadStatement {
  return (text) => splitTokens(tokensOf(text)).flatMap((tokens) => stepsOf({ tokens, schemaOf }));
}

function splitTokens(tokens: readonly Token[]): Token[][] {
  const statements: Token[][] = [[]];
  for (const token of tokens) {
    if (isSign(token, ';')) statements.push([]);
    else statements.at(-1)?.push(token);
  }
  return statements.filter((statement) => statement.length > 0);
}

function stepsOf(statement: Statement): StatementStep[] {
  const [first] = statement.tokens;
  const verb = first?.kind === 'word' ? first.text.toUpperCase() : (first?.text ?? '');
  const touched = touchedBy(verb, statement);
  const temporary = verb === 'CREATE' && isWord(statement.tokens[1], 'TEMPORARY');
  const steps: StatementStep[] = COMMITTING.has(verb) && !temporary ? [{ kind: 'control', control: { act: 'commit', chain: false } }] : [];
  if (touched.reads.length + touched.writes.length > 0) steps.push({ kind: 'access', ...touched });
  return steps;
}

function touchedBy(verb: string, statement: Statement): Touched {
  const { tokens, schemaOf } = statement;
  switch (verb) {
    case 'INSERT':
    case 'REPLACE':
      return inserted(statement);
    case 'UPDATE':
      return updated(statement, 1);
    case 'DELETE':
      return deleted(statement, 1);
    case 'SELECT':
    case 'TABLE':
    case '(':
      return { reads: namesOf(tableReferences(verb === 'TABLE' ? tokens.slice(1) : tokens, { inTables: verb === 'TABLE', schemaOf })), writes: [], operations: [] };
    case 'WITH': {
      const main = depthZero(tokens, 1).find(({ token }) => isWord(token, 'UPDATE', 'DELETE'));
      const all = { reads: namesOf(tableReferences(tokens, { inTables: false, schemaOf })), writes: [], operations: [] };
      if (!main) return all;
      const written = isWord(main.token, 'UPDATE') ? updated(statement, main.at + 1) : deleted(statement, main.at + 1);
      return { ...written, reads: unique([...all.reads, ...written.writes]) };
    }
    case 'TRUNCATE': {
      const { table } = readReference(tokens, isWord(tokens[1], 'TABLE') ? 2 : 1, schemaOf);
      return table === undefined ? NOTHING : { reads: [], writes: [table], operations: [{ table, kind: 'delete' }] };
    }
    case 'LOAD': {
      const into = tokens.findIndex((token, at) => isWord(token, 'TABLE') && isWord(tokens[at - 1], 'INTO'));
      const table = into === -1 ? undefined : readReference(tokens, into + 1, schemaOf).table;
      return table === undefined ? NOTHING : { reads: [], writes: [table], operations: [{ table, kind: 'insert' }] };
    }
    case 'CREATE': {
      const query = isWord(tokens[1], 'TABLE', 'TEMPORARY') || isWord(tokens[3], 'TABLE') ? tokens.findIndex((token) => isWord(token, 'SELECT')) : -1;
      return query === -1 ? NOTHING : { reads: namesOf(tableReferences(tokens.slice(query), { inTables: false, schemaOf })), writes: [], operations: [] };
    }
    default:
      if (ASIDE.has(verb) || COMMITTING.has(verb)) return NOTHING;
      throw new Error(`syntax error at or near "${verb}"`);
  }
}

const NOTHING: Touched = { reads: [], writes: [], operations: [] };

function inserted({ tokens, schemaOf }: Statement): Touched {
  let at = 1;
  while (isWord(tokens[at], 'LOW_PRIORITY', 'DELAYED', 'HIGH_PRIORITY', 'IGNORE', 'INTO')) at += 1;
  if (!isName(tokens[at])) throw new Error(`no table where one is expected, but "${tokens[at]?.text ?? ''}"`);
  const { table } = readReference(tokens, at, schemaOf);
  if (table === undefined) return NOTHING;
  const operations: WriteOperation[] = [{ table, kind: 'insert' }];
  const duplicate = tokens.findIndex((token, index) => isWord(token, 'DUPLICATE') && isWord(tokens[index + 1], 'KEY'));
  if (duplicate !== -1) operations.push({ table, kind: 'update', ...assignments(tokens, duplicate + 3).columns });
  return { reads: namesOf(tableReferences(tokens.slice(at + 1), { inTables: false, schemaOf })), writes: [table], operations };
}

function updated({ tokens, schemaOf }: Statement, from: number): Touched {
  let at = from;
  while (isWord(tokens[at], 'LOW_PRIORITY', 'IGNORE')) at += 1;
  const set = depthZero(tokens, at).find(({ token }) => isWord(token, 'SET'));
  if (!set) throw new Error('an UPDATE without SET');
  const tables = tableReferences(tokens.slice(at, set.at), { inTables: true, schemaOf });
  const later = tableReferences(tokens.slice(set.at + 1), { inTables: false, schemaOf });
  const { columns, byAlias } = assignments(tokens, set.at + 1);
  const named = tables.filter(({ alias, table }) => byAlias.has(alias) || byAlias.has(lastPart(table)));
  const [first] = tables;
  const written = namesOf(named.length > 0 ? named : first ? [first] : []);
  const operations = written.map((table): WriteOperation => ({ table, kind: 'update', ...(written.length === 1 ? columns : {}) }));
  return { reads: namesOf([...tables, ...later]), writes: written, operations };
}

function deleted({ tokens, schemaOf }: Statement, from: number): Touched {
  let at = from;
  while (isWord(tokens[at], 'LOW_PRIORITY', 'QUICK', 'IGNORE')) at += 1;
  const using = depthZero(tokens, at).find(({ token }) => isWord(token, 'USING', 'WHERE'));
  const list = isWord(tokens[at], 'FROM') ? at + 1 : at;
  const targets: string[] = [];
  let end = list;
  // The list of what is deleted from ends at FROM, at USING or, in the plain form, with its one table.
  while (isName(tokens[end])) {
    const { alias, end: after, table } = readReference(tokens, end, schemaOf);
    targets.push(alias, table === undefined ? '' : lastPart(table));
    end = isSign(tokens[after], '.') && isSign(tokens[after + 1], '*') ? after + 2 : after;
    if (!isSign(tokens[end], ',')) break;
    end += 1;
    if (isWord(tokens[end], 'FROM')) break;
  }
  const hasUsing = isWord(tokens[at], 'FROM') && using !== undefined && isWord(using.token, 'USING') && using.at === end;
  const body = isWord(tokens[at], 'FROM') && !hasUsing ? at : hasUsing ? end + 1 : end;
  const tables = tableReferences(tokens.slice(body), { inTables: hasUsing, schemaOf });
  const written = namesOf(tables.filter(({ alias, table }) => targets.includes(alias) || targets.includes(lastPart(table))));
  const [first] = tables;
  const deletedFrom = isWord(tokens[at], 'FROM') && !hasUsing ? (first ? [first.table] : []) : written;
  return { reads: namesOf(tables), writes: deletedFrom, operations: deletedFrom.map((table) => ({ table, kind: 'delete' })) };
}

/** What is set, from a token on: the columns, those set from themselves, and by which names their tables are called. */
function assignments(tokens: readonly Token[], from: number): { readonly columns: { readonly columns?: readonly string[]; readonly relative?: readonly string[] }; readonly byAlias: ReadonlySet<string> } {
  const columns: string[] = [];
  const relative: string[] = [];
  const byAlias = new Set<string>();
  let column: string | undefined;
  let starts = true;
  for (const { token, at, depth } of depthZero(tokens, from, true)) {
    if (depth === 0 && isWord(token, 'WHERE', 'ORDER', 'LIMIT', 'RETURNING')) break;
    if (starts && isName(token)) {
      const qualified = isSign(tokens[at + 1], '.') && isName(tokens[at + 2]);
      if (qualified) byAlias.add(token.text.toLowerCase());
      else {
        column = token.text;
        columns.push(column);
        starts = false;
      }
    } else if (!starts && column !== undefined && isName(token) && token.text === column && !relative.includes(column) && !isWord(tokens[at - 2], 'VALUES')) {
      relative.push(column);
    }
    if (depth === 0 && isSign(token, ',')) starts = true;
  }
  return { columns: columns.length === 0 ? {} : { columns, ...(relative.length > 0 ? { relative } : {}) }, byAlias };
}

/** The tokens outside parentheses, or with `all` every one, with how deep it stands. */
function* walk(tokens: readonly Token[], from: number): Generator<{ readonly token: Token; readonly at: number; readonly depth: number }> {
  let depth = 0;
  for (let at = from; at < tokens.length; at += 1) {
    const token = tokens[at];
    if (!token) return;
    if (isSign(token, ')')) depth -= 1;
    yield { token, at, depth };
    if (isSign(token, '(')) depth += 1;
  }
}

function depthZero(tokens: readonly Token[], from: number, all = false): { readonly token: Token; readonly at: number; readonly depth: number }[] {
  return [...walk(tokens, from)].filter(({ depth }) => all || depth === 0);
}

function namesOf(references: readonly TableReference[]): TableName[] {
  return unique(references.map(({ table }) => table));
}

function unique(names: readonly TableName[]): TableName[] {
  return [...new Set(names)];
}

function lastPart(table: TableName): string {
  return (table.split('.').at(-1) ?? '').replaceAll('"', '').toLowerCase();
}
