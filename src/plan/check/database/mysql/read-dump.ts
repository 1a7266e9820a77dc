import { quoteIdentifier, quoteLiteral, splitTableName, tableName } from '../../../../model/names.ts';
import type { Check, Column, EnumType, ForeignKey, Index, Key, Schema, Table } from '../../../../model/schema.ts';
import { defaultOf, foreignKeyAction, typeOf } from '../schema-json.ts';
import { columnsText, spelled } from '../sql-text.ts';
import { splitDump, tokensOf, type DumpStatement } from './split-dump.ts';
import { TokenReader } from './token-reader.ts';

/** Whether a file of SQL is one of MySQL or MariaDB: by the head of a dump, or what only those write. */
export function isMysqlDump(text: string): boolean {
  return /^(?:-- (?:MySQL|MariaDB) dump|\/\*M?!\d)/m.test(text.slice(0, 5000)) || /^\s*create\s+table\s+(?:if\s+not\s+exists\s+)?`/im.test(text) || /^\)\s*engine\s*=/im.test(text);
}

export interface ReadDump {
  readonly schema: Schema;
  /** Statements that were passed over although they may say something of tables. */
  readonly unread: readonly { readonly line: number; readonly reason: string }[];
}

type Draft = { -readonly [K in keyof Table]: Table[K] } & { columns: Column[]; uniques: Key[]; foreignKeys: ForeignKey[]; checks: Check[]; indexes: Index[] };

/**
 * The tables of a dump of MySQL or MariaDB, with their types as the nearest of PostgreSQL's and each ENUM as a type of its
 * own. Rows, views, triggers and routines are passed over.
 */
export function readMysqlDump(dump: string): ReadDump {
  const tables = new Map<string, Draft>();
  const enums: EnumType[] = [];
  const unread: { line: number; reason: string }[] = [];
  for (const statement of splitDump(dump)) {
    const reader = new TokenReader(statement.text, tokensOf(statement.text));
    if (/^create\s+(?:or\s+replace\s+)?(?:temporary\s+)?table\s/i.test(statement.text)) createTable(reader, tables, enums, unread, statement);
    else if (/^alter\s+table\s/i.test(statement.text)) alterTable(reader, tables, enums, unread, statement);
  }
  const all = [...tables.values()].map((table): Table => ({ ...table, foreignKeys: table.foreignKeys.map((key) => (key.referencedColumns.length > 0 ? key : { ...key, referencedColumns: tables.get(key.references)?.primaryKey?.columns ?? [] })) }));
  return { schema: { dialect: 'mysql', tables: all.toSorted((a, b) => (a.name < b.name ? -1 : 1)), enums, domains: [], sequences: [], views: [], extensions: [] }, unread };
}

interface Target {
  readonly table: Draft;
  readonly enums: EnumType[];
}

function createTable(reader: TokenReader, tables: Map<string, Draft>, enums: EnumType[], unread: { line: number; reason: string }[], { line }: DumpStatement): void {
  while (!reader.skip('TABLE')) reader.next();
  reader.skip('IF', 'NOT', 'EXISTS');
  const name = qualifiedName(reader);
  if (name === undefined || !reader.skip('(')) {
    unread.push({ line, reason: 'a CREATE TABLE without columns (LIKE, SELECT) is not read' });
    return;
  }
  const table: Draft = { name, kind: 'table', columns: [], uniques: [], foreignKeys: [], checks: [], indexes: [], triggers: [], replicaIdentity: 'default', unlogged: false, rowSecurity: false, estimatedRows: -1, bytes: 0 };
  tables.set(name, table);
  do {
    if (!element(reader, { table, enums })) unread.push({ line, reason: `a part of ${name} is not read` });
    reader.skipElement();
  } while (reader.skip(','));
  reader.skip(')');
  tableOptions(reader, table);
}

/** Keys that some tools write behind the tables. */
function alterTable(reader: TokenReader, tables: Map<string, Draft>, enums: EnumType[], unread: { line: number; reason: string }[], { line }: DumpStatement): void {
  reader.skip('ALTER', 'TABLE');
  const name = qualifiedName(reader);
  const table = name === undefined ? undefined : tables.get(name);
  if (!table) return;
  do {
    if (reader.isAt('DISABLE', 'KEYS') || reader.isAt('ENABLE', 'KEYS') || reader.isAt('AUTO_INCREMENT')) reader.skipElement();
    else if (reader.skip('ADD') || reader.skip('MODIFY')) {
      reader.skip('COLUMN');
      const of = reader.peek()?.value;
      const at = table.columns.findIndex((column) => column.name === of);
      if (!element(reader, { table, enums })) unread.push({ line, reason: `an ALTER TABLE of ${table.name} is not read` });
      const changed = at < 0 ? undefined : table.columns.pop();
      if (changed) table.columns[at] = changed;
    } else unread.push({ line, reason: `an ALTER TABLE of ${table.name} is not read` });
    reader.skipElement();
  } while (reader.skip(','));
}

function qualifiedName(reader: TokenReader): Table['name'] | undefined {
  const name = reader.name();
  // A database's name before it is passed over: dumps are of one.
  const own = reader.skip('.') ? reader.name() : name;
  return own === undefined ? undefined : tableName('public', own);
}

/** A column, key or check. */
function element(reader: TokenReader, target: Target): boolean {
  const { table } = target;
  const constraint = reader.skip('CONSTRAINT') ? (reader.isAt('PRIMARY') || reader.isAt('UNIQUE') || reader.isAt('FOREIGN') || reader.isAt('CHECK') ? '' : reader.name()) : undefined;
  if (reader.skip('PRIMARY', 'KEY')) {
    skipUsing(reader);
    const parts = keyParts(reader);
    table.primaryKey = keyOf('PRIMARY KEY', 'PRIMARY', parts.map(({ column }) => column));
    table.columns = table.columns.map((column) => (parts.some((part) => part.column === column.name) ? { ...column, nullable: false } : column));
  } else if (reader.isAt('UNIQUE')) {
    reader.next();
    if (!reader.skip('KEY')) reader.skip('INDEX');
    addKey(reader, table, { unique: true, method: '', fallback: constraint });
  } else if (reader.isAt('FULLTEXT') || reader.isAt('SPATIAL')) {
    const method = reader.next()?.value.toLowerCase() ?? '';
    if (!reader.skip('KEY')) reader.skip('INDEX');
    addKey(reader, table, { unique: false, method, fallback: undefined });
  } else if (reader.isAt('KEY') || reader.isAt('INDEX')) {
    reader.next();
    addKey(reader, table, { unique: false, method: '', fallback: undefined });
  } else if (reader.skip('FOREIGN', 'KEY')) addForeignKey(reader, table, constraint);
  else if (reader.skip('CHECK')) addCheck(reader, table, constraint || undefined);
  else return column(reader, target);
  return true;
}

function skipUsing(reader: TokenReader): string | undefined {
  return reader.skip('USING') ? reader.name()?.toLowerCase() : undefined;
}

interface KeyPart {
  readonly column: string;
  readonly text: string;
  readonly plain: boolean;
}

function keyParts(reader: TokenReader): KeyPart[] {
  const text = reader.brackets() ?? '';
  const parts = new TokenReader(text, tokensOf(text));
  const found: KeyPart[] = [];
  while (parts.peek()) {
    const expression = parts.brackets();
    const name = expression === undefined ? parts.name() : undefined;
    if (expression === undefined && name === undefined) break;
    const prefix = expression === undefined ? parts.brackets() : undefined;
    const descending = parts.skip('DESC');
    parts.skipElement();
    parts.skip(',');
    const own = name === undefined ? `(${plainNames(expression ?? '')})` : spelled(name);
    found.push({ column: name ?? '', plain: name !== undefined && prefix === undefined, text: `${own}${prefix === undefined ? '' : `(${prefix})`}${descending ? ' DESC' : ''}` });
  }
  return found;
}

function keyOf(word: 'PRIMARY KEY' | 'UNIQUE', name: string, columns: readonly string[]): Key {
  return { name, columns, definition: `${word} (${columns.map(spelled).join(', ')})`, deferrable: false, nullsNotDistinct: false };
}

function addKey(reader: TokenReader, table: Draft, { unique, method, fallback }: { readonly unique: boolean; readonly method: string; readonly fallback: string | undefined }): void {
  const given = reader.isAt('(') || reader.isAt('USING') ? undefined : reader.name();
  const before = skipUsing(reader);
  const parts = keyParts(reader);
  const using = before ?? skipUsing(reader) ?? method;
  const name = given ?? (fallback || undefined) ?? (parts[0]?.column || 'functional_index');
  if (unique && parts.every(({ plain }) => plain)) table.uniques.push(keyOf('UNIQUE', name, parts.map(({ column }) => column)));
  else {
    table.indexes.push({
      name, unique, partial: false, columns: parts.map(({ column, plain }) => (plain ? column : null)),
      definition: `CREATE ${unique ? 'UNIQUE ' : ''}INDEX ${spelled(name)} ON ${table.name} ${using === '' || using === 'btree' ? '' : `USING ${using} `}(${parts.map(({ text }) => text).join(', ')})`,
    });
  }
}

function addForeignKey(reader: TokenReader, table: Draft, constraint: string | undefined): void {
  const own = reader.isAt('(') ? undefined : reader.name();
  const columns = keyParts(reader).map((part) => part.column);
  reader.skip('REFERENCES');
  const references = qualifiedName(reader) ?? table.name;
  const referencedColumns = reader.isAt('(') ? keyParts(reader).map((part) => part.column) : [];
  let [onDelete, onUpdate] = [foreignKeyAction(undefined), foreignKeyAction(undefined)];
  while (!reader.isEnd()) {
    const isDelete = reader.skip('ON', 'DELETE');
    if (isDelete || reader.skip('ON', 'UPDATE')) {
      const first = reader.next()?.value ?? '';
      const words = /^(?:set|no)$/i.test(first) ? `${first} ${reader.next()?.value ?? ''}` : first;
      if (isDelete) onDelete = foreignKeyAction(words);
      else onUpdate = foreignKeyAction(words);
    } else reader.next();
  }
  // To InnoDB both refuse at once.
  const told = (action: ForeignKey['onDelete']): ForeignKey['onDelete'] => (action === 'restrict' ? 'no action' : action);
  [onDelete, onUpdate] = [told(onDelete), told(onUpdate)];
  const name = (constraint || undefined) ?? own ?? `${splitTableName(table.name).table}_ibfk_${table.foreignKeys.length + 1}`;
  table.foreignKeys.push({
    name, columns, references, referencedColumns, onDelete, onUpdate,
    definition: `FOREIGN KEY ${columnsText(columns)} REFERENCES ${references} ${columnsText(referencedColumns)}${onUpdate === 'no action' ? '' : ` ON UPDATE ${onUpdate.toUpperCase()}`}${onDelete === 'no action' ? '' : ` ON DELETE ${onDelete.toUpperCase()}`}`,
  });
}

function addCheck(reader: TokenReader, table: Draft, name: string | undefined): void {
  const expression = plainNames(reader.brackets() ?? '');
  table.checks.push({ name: name ?? `CONSTRAINT_${table.checks.length + 1}`, definition: `CHECK (${expression})` });
}

/** Names in backticks as PostgreSQL writes them. */
function plainNames(expression: string): string {
  return expression.replaceAll(/'(?:[^'\\]|\\[\s\S]|'')*'|`((?:[^`]|``)*)`/g, (all, name: string | undefined) => (name === undefined ? all : spelled(name.replaceAll('``', '`'))));
}

const TEXTS = /^(?:character|text)/;

/** A column with what stands behind it. */
function column(reader: TokenReader, { table, enums }: Target): boolean {
  const name = reader.name();
  const base = reader.peek()?.kind === 'word' ? reader.next()?.value.toLowerCase() : undefined;
  if (name === undefined || base === undefined) return false;
  const words = base === 'double' && reader.skip('PRECISION') ? 'double precision' : base === 'character' && reader.skip('VARYING') ? 'varchar' : base;
  const sizes = reader.brackets();
  // What is filled with zeros is never negative.
  const unsigned = [reader.skip('UNSIGNED'), reader.skip('ZEROFILL'), reader.skip('UNSIGNED')].includes(true);
  reader.skip('SIGNED');
  const isEnum = words === 'enum';
  const type = isEnum ? enumOf(table, name, sizes ?? '', enums) : words === 'set' ? 'text' : typeOf({ type: `${words}${sizes === undefined ? '' : `(${sizes})`}${unsigned ? ' unsigned' : ''}` });
  if (words === 'set') table.checks.push({ name: `${name} SET`, definition: `CHECK (${spelled(name)} <@ ARRAY[${labelsOf(sizes ?? '').map(quoteLiteral).join(', ')}])` });
  const made: { -readonly [K in keyof Column]: Column[K] } = { name, type, nullable: true };
  while (!reader.isEnd()) columnOption(reader, table, made);
  if (made.identity !== undefined) delete made.default;
  table.columns = [...table.columns, made];
  return true;
}

function labelsOf(list: string): string[] {
  return tokensOf(list).filter(({ kind }) => kind === 'text').map(({ value }) => value);
}

function enumOf(table: Draft, column: string, list: string, enums: EnumType[]): string {
  const name = `${splitTableName(table.name).table}.${column}`;
  const at = enums.findIndex((each) => each.name === name);
  if (at >= 0) enums.splice(at, 1);
  enums.push({ schema: 'public', name, labels: labelsOf(list) });
  return `public.${quoteIdentifier(name)}`;
}

function columnOption(reader: TokenReader, table: Draft, made: { -readonly [K in keyof Column]: Column[K] }): void {
  if (reader.skip('NOT', 'NULL')) made.nullable = false;
  else if (reader.skip('DEFAULT')) {
    const value = defaultText(reader, made.type);
    if (value !== undefined) made.default = value;
  } else if (reader.skip('AUTO_INCREMENT')) {
    made.identity = 'by default';
    made.nullable = false;
  } else if (reader.skip('COMMENT')) {
    const comment = reader.next()?.value ?? '';
    if (comment !== '') made.comment = comment;
  } else if (reader.skip('COLLATE')) made.collation = reader.name() ?? '';
  else if (reader.skip('CHARACTER', 'SET') || reader.skip('CHARSET')) reader.next();
  else if (reader.skip('PRIMARY', 'KEY')) {
    table.primaryKey = keyOf('PRIMARY KEY', 'PRIMARY', [made.name]);
    made.nullable = false;
  } else if (reader.skip('UNIQUE')) {
    reader.skip('KEY');
    table.uniques.push(keyOf('UNIQUE', made.name, [made.name]));
  } else if (reader.skip('CHECK')) addCheck(reader, table, made.name);
  else if (reader.skip('GENERATED', 'ALWAYS', 'AS') || reader.skip('AS')) {
    made.generated = plainNames(reader.brackets() ?? '');
    made.virtual = !(reader.skip('STORED') || reader.skip('PERSISTENT'));
    reader.skip('VIRTUAL');
  } else if (reader.brackets() === undefined) reader.next();
}

function defaultText(reader: TokenReader, type: string): string | undefined {
  const expression = reader.brackets();
  if (expression !== undefined) return `(${plainNames(expression)})`;
  const sign = reader.skip('-') ? '-' : '';
  const token = reader.isEnd() ? undefined : reader.next();
  if (!token) return undefined;
  const numeric = !TEXTS.test(type) && !type.startsWith('public.') && !/^(?:time|date|bytea|json|bit)/.test(type);
  if (token.kind === 'text') return numeric && /^-?\d+(?:\.\d+)?$/.test(token.value) ? defaultOf(Number.isInteger(Number(token.value)) && type === 'boolean' ? Number(token.value) : token.value, type) : quoteLiteral(token.value);
  const bits = /^b$/i.test(token.value) && reader.peek()?.kind === 'text' ? reader.next()?.value : undefined;
  if (bits !== undefined) return `B'${bits}'`;
  const call = reader.brackets();
  reader.skip('ON', 'UPDATE');
  return defaultOf(`${sign}${token.value}${call === undefined ? '' : `(${call})`}`, type);
}

/** COMMENT, and the collation of columns that have none of their own. */
function tableOptions(reader: TokenReader, table: Draft): void {
  let collation: string | undefined;
  while (reader.peek()) {
    if (reader.skip('PARTITION', 'BY')) {
      const method = [reader.name(), reader.isAt('(') ? undefined : reader.name()].filter((word) => word !== undefined).join(' ').toUpperCase();
      table.partitionBy = `${method} (${plainNames(reader.brackets() ?? '')})`;
      // Behind it stand the partitions, with options of their own.
      break;
    }
    const isComment = reader.skip('COMMENT');
    const isCollation = !isComment && reader.skip('COLLATE');
    if (!isComment && !isCollation) {
      reader.next();
      continue;
    }
    reader.skip('=');
    const value = reader.next()?.value ?? '';
    if (isCollation) collation = value;
    else if (value !== '') table.comment = value;
  }
  if (collation === undefined) return;
  const common = collation;
  table.columns = table.columns.map((each) => (each.collation === undefined && TEXTS.test(each.type) ? { ...each, collation: common } : each));
}
