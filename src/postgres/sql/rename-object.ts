import type { AlterObjectSchemaStmt, Node, RenameStmt } from 'libpg-query';
import { splitTableName, tableName, type TableName } from '../../model/names.ts';
import { renamed, spelled } from '../../model/sql-words.ts';
import type { ForeignKey, Index } from '../../model/schema.ts';
import { moveTypeGrants } from './object-privilege.ts';
import { columnList, type DraftTable, type SchemaDraft } from './schema-draft.ts';
import { changeStatistics, withStatisticsColumn } from './statistics-definition.ts';
import { listStrings, qualifiedName, relationName, strings } from './syntax-tree.ts';
import type { DefinitionContext } from './table-definition.ts';

/*
 * RENAME and SET SCHEMA: the definitions that name a thing follow it, as the server's own do.
 */

/** What is renamed, in the context of its statement. */
type Rename = (node: RenameStmt, context: DefinitionContext) => void;

const table: Rename = ({ relation, newname = '' }, { draft, schema }) => {
  const from = relationName(relation, schema);
  moveTable(draft, from, tableName(splitTableName(from).schema, newname));
};

const view: Rename = ({ relation, newname = '' }, { draft, schema }) => {
  const from = relationName(relation, schema);
  moveView(draft, from, tableName(splitTableName(from).schema, newname));
};

const type: Rename = ({ object, newname = '' }, { draft, schema }) => {
  const from = qualifiedName(listStrings(object), schema);
  moveType(draft, from, tableName(splitTableName(from).schema, newname));
};

const RENAMES: Readonly<Record<string, Rename>> = {
  OBJECT_TABLE: table,
  OBJECT_VIEW: view,
  OBJECT_MATVIEW: view,
  OBJECT_TYPE: type,
  OBJECT_DOMAIN: type,
  OBJECT_COLUMN: ({ relation, subname = '', newname = '' }, { draft, schema }) => renameColumn(draft, relationName(relation, schema), { from: subname, to: newname }),
  OBJECT_TABCONSTRAINT: ({ relation, subname = '', newname = '' }, { draft, schema }) => {
    const found = draft.tables.get(relationName(relation, schema));
    if (!found) return;
    const named = <T extends { readonly name: string }>(each: T): T => (each.name === subname ? { ...each, name: newname } : each);
    if (found.primaryKey) found.primaryKey = named(found.primaryKey);
    found.uniques = found.uniques.map(named);
    found.checks = found.checks.map(named);
    found.foreignKeys = found.foreignKeys.map(named);
    if (found.exclusions) found.exclusions = found.exclusions.map(named);
  },
  OBJECT_INDEX: ({ relation, newname = '' }, { draft, schema }) => {
    const { schema: own, table: from } = splitTableName(relationName(relation, schema));
    const named = <T extends { readonly name: string }>(each: T): T => (each.name === from ? { ...each, name: newname } : each);
    for (const each of draft.tables.values()) {
      if (splitTableName(each.name).schema !== own) continue;
      if (each.primaryKey) each.primaryKey = named(each.primaryKey);
      each.uniques = each.uniques.map(named);
      each.indexes = each.indexes.map(named);
      if (each.exclusions) each.exclusions = each.exclusions.map(named);
      if (each.replicaIdentityIndex === from) each.replicaIdentityIndex = newname;
    }
    for (const [name, each] of draft.views) if (splitTableName(name).schema === own && each.indexes) draft.views.set(name, { ...each, indexes: each.indexes.map(named) });
  },
  OBJECT_TRIGGER: ({ relation, subname = '', newname = '' }, { draft, schema }) => {
    const found = draft.tables.get(relationName(relation, schema));
    if (found) found.triggers = found.triggers.map((each) => (each.name === subname ? { ...each, name: newname, definition: triggerNamed(each.definition, subname, newname) } : each));
  },
  OBJECT_POLICY: ({ relation, subname = '', newname = '' }, { draft, schema }) => {
    const found = draft.tables.get(relationName(relation, schema));
    if (found?.policies) found.policies = found.policies.map((each) => (each.name === subname ? { ...each, name: newname } : each)).sort((a, b) => (a.name < b.name ? -1 : 1));
  },
  OBJECT_STATISTIC_EXT: ({ object, newname = '' }, { draft, schema }) => {
    const from = qualifiedName(listStrings(object), schema);
    changeStatistics(draft, (each) => (tableName(each.schema, each.name) === from ? { ...each, name: newname } : each));
  },
  OBJECT_SEQUENCE: ({ relation, newname = '' }, { draft, schema }) => {
    const from = relationName(relation, schema);
    moveSequence(draft, from, tableName(splitTableName(from).schema, newname));
  },
};

/** ALTER … RENAME of what is read here. */
export function renameObject(node: RenameStmt, context: DefinitionContext): void {
  RENAMES[node.renameType ?? '']?.(node, context);
}

/** ALTER … SET SCHEMA of what is read here. */
export function moveObject({ objectType, relation, object, newschema = '' }: AlterObjectSchemaStmt, { draft, schema }: DefinitionContext): void {
  const to = (from: TableName): TableName => tableName(newschema, splitTableName(from).table);
  const kind: string = objectType ?? '';
  const from = relation ? relationName(relation, schema) : namedBy(object, schema);
  if (kind === 'OBJECT_TABLE') {
    moveTable(draft, from, to(from));
    // Its own sequences go with it.
    for (const [name, sequence] of draft.sequences) if (sequence.ownedBy?.table === to(from)) moveSequence(draft, name, to(name));
  } else if (kind === 'OBJECT_VIEW' || kind === 'OBJECT_MATVIEW') moveView(draft, from, to(from));
  else if (kind === 'OBJECT_SEQUENCE') moveSequence(draft, from, to(from));
  else if (kind === 'OBJECT_TYPE' || kind === 'OBJECT_DOMAIN') moveType(draft, from, to(from));
  else if (kind === 'OBJECT_STATISTIC_EXT') changeStatistics(draft, (each) => (tableName(each.schema, each.name) === from ? { ...each, schema: newschema } : each));
}

function namedBy(object: Node | undefined, schema: string): TableName {
  return qualifiedName(object && 'TypeName' in object ? strings(object.TypeName.names) : listStrings(object), schema);
}

function moveTable(draft: SchemaDraft, from: TableName, to: TableName): void {
  const found = draft.tables.get(from);
  if (!found) return;
  draft.tables.delete(from);
  const onIt = <T extends { readonly definition: string }>(each: T): T => ({ ...each, definition: each.definition.replace(ON_TABLE, (_text, before: string) => `${before}${printed(to)}`) });
  draft.tables.set(to, { ...found, name: to, indexes: found.indexes.map(onIt), triggers: found.triggers.map(onIt) });
  for (const sequence of draft.sequences.values()) if (sequence.ownedBy?.table === from) sequence.ownedBy = { ...sequence.ownedBy, table: to };
  for (const [name, old] of draft.views) draft.views.set(name, { ...old, reads: old.reads.map((read) => (read === from ? to : read)).sort() });
  moveGrants(draft, 'table', from, to);
  changeStatistics(draft, (each) => (each.table === from ? { ...each, table: to } : each));
  for (const other of draft.tables.values()) {
    if (other.partitionOf?.parent === from) other.partitionOf = { ...other.partitionOf, parent: to };
    other.foreignKeys = other.foreignKeys.map((key) => (key.references === from ? redefined({ ...key, references: to }) : key));
  }
}

const printed = (name: TableName): string => {
  const { schema, table: own } = splitTableName(name);
  return `${spelled(schema)}.${spelled(own)}`;
};

/** The table that an index or a trigger stands on, behind the first ON that is no part of an event. */
const ON_TABLE = /^((?:[^"']|"(?:[^"]|"")*")*?\sON\s+(?:ONLY\s+)?)(?:"(?:[^"]|"")+"|[^\s".(]+)(?:\.(?:"(?:[^"]|"")+"|[^\s".(]+))?/i;

function moveView(draft: SchemaDraft, from: TableName, to: TableName): void {
  const found = draft.views.get(from);
  if (!found) return;
  draft.views.delete(from);
  draft.views.set(to, { ...found, name: to });
  for (const [name, old] of draft.views) draft.views.set(name, { ...old, reads: old.reads.map((read) => (read === from ? to : read)).sort() });
  moveGrants(draft, 'table', from, to);
}

function moveSequence(draft: SchemaDraft, from: TableName, to: TableName): void {
  const found = draft.sequences.get(from);
  if (!found) return;
  const { schema, table: name } = splitTableName(to);
  draft.sequences.delete(from);
  draft.sequences.set(to, { ...found, schema, name });
  moveGrants(draft, 'sequence', from, to);
}

/** Types are written without their schema where it is public. */
function moveType(draft: SchemaDraft, from: TableName, to: TableName): void {
  const written = (name: TableName): string => name.replace(/^public\./, '');
  const parts = splitTableName(to);
  const renamedType = { schema: parts.schema, name: parts.table };
  for (const kind of [draft.enums, draft.domains, draft.structuredTypes] as readonly Map<string, { readonly schema: string; readonly name: string }>[]) {
    const found = kind.get(from);
    if (!found) continue;
    kind.delete(from);
    kind.set(to, { ...found, ...renamedType });
    moveTypeGrants(draft, { schema: found.schema, name: found.name }, renamedType);
  }
  for (const each of draft.tables.values()) {
    for (const column of each.columns) {
      const [, base = '', array = ''] = /^(.*?)((?:\[\])*)$/.exec(column.type) ?? [];
      if (base === from || base === written(from)) column.type = `${written(to)}${array}`;
    }
  }
}

function moveGrants({ grants }: SchemaDraft, on: 'table' | 'sequence', from: TableName, to: TableName): void {
  for (const [key, grant] of grants ?? []) {
    if (grant.on !== on || grant.name !== from) continue;
    grants?.delete(key);
    grants?.set([on, to, grant.column ?? '', grant.grantee, grant.privilege].join('\0'), { ...grant, name: to });
  }
}

function triggerNamed(definition: string, from: string, to: string): string {
  return definition.replace(/^(\s*CREATE\s+(?:OR\s+REPLACE\s+)?(?:CONSTRAINT\s+)?TRIGGER\s+)("(?:[^"]|"")+"|\S+)/i, (_text, head: string, name: string) => `${head}${renamed(name, from, to)}`);
}

function renameColumn(draft: SchemaDraft, name: TableName, { from, to }: { readonly from: string; readonly to: string }): void {
  const found = draft.tables.get(name);
  if (!found) return;
  const each = (column: string): string => (column === from ? to : column);
  const text = (sql: string): string => renamed(sql, from, to);
  const inBrackets = <T extends { readonly definition: string }>(part: T): T => ({ ...part, definition: fromBracket(part.definition, text) });
  for (const column of found.columns) {
    column.name = each(column.name);
    if (column.generated !== undefined) column.generated = text(column.generated);
  }
  if (found.primaryKey) found.primaryKey = { ...inBrackets(found.primaryKey), columns: found.primaryKey.columns.map(each) };
  found.uniques = found.uniques.map((key) => ({ ...inBrackets(key), columns: key.columns.map(each) }));
  found.checks = found.checks.map(inBrackets);
  if (found.exclusions) found.exclusions = found.exclusions.map(inBrackets);
  found.indexes = found.indexes.map((index): Index => ({ ...inBrackets(index), columns: index.columns.map((column) => (column === null ? null : each(column))) }));
  if (found.policies) found.policies = found.policies.map(({ using, check, ...policy }) => ({ ...policy, ...(using === undefined ? {} : { using: text(using) }), ...(check === undefined ? {} : { check: text(check) }) }));
  if (found.partitionBy !== undefined) found.partitionBy = fromBracket(found.partitionBy, text);
  renameInKeys(draft, found, each);
  changeStatistics(draft, (statistics) => withStatisticsColumn(statistics, name, { from, to }));
  for (const [key, grant] of draft.grants ?? []) {
    if (grant.on !== 'table' || grant.name !== name || grant.column !== from) continue;
    draft.grants?.delete(key);
    draft.grants?.set(['table', name, to, grant.grantee, grant.privilege].join('\0'), { ...grant, column: to });
  }
  for (const sequence of draft.sequences.values()) if (sequence.ownedBy?.table === name) sequence.ownedBy = { ...sequence.ownedBy, column: each(sequence.ownedBy.column) };
}

function renameInKeys(draft: SchemaDraft, found: DraftTable, each: (column: string) => string): void {
  found.foreignKeys = found.foreignKeys.map((key) => redefined({ ...key, columns: key.columns.map(each) }));
  for (const other of draft.tables.values()) other.foreignKeys = other.foreignKeys.map((key) => (key.references === found.name ? redefined({ ...key, referencedColumns: key.referencedColumns.map(each) }) : key));
}

/** The part behind the first bracket: what comes before it are words of SQL, and names of other things. */
function fromBracket(definition: string, change: (text: string) => string): string {
  const at = definition.replaceAll(/"(?:[^"]|"")*"/g, (quoted) => '_'.repeat(quoted.length)).indexOf('(');
  return at < 0 ? definition : `${definition.slice(0, at)}${change(definition.slice(at))}`;
}

/** With the columns and the table that it has now. */
function redefined(key: ForeignKey): ForeignKey {
  const referenced = key.referencedColumns.length === 0 ? '' : `(${columnList(key.referencedColumns)})`;
  const tail = key.definition.replace(/^FOREIGN KEY[\s\S]*?\sREFERENCES\s+(?:"(?:[^"]|"")+"|[^\s".(]+)(?:\.(?:"(?:[^"]|"")+"|[^\s".(]+))?\s*(?:\((?:[^()"]|"(?:[^"]|"")*")*\))?/i, '');
  const { schema, table: name } = splitTableName(key.references);
  const target = schema === 'public' ? columnList([name]) : key.references;
  return { ...key, definition: `FOREIGN KEY (${columnList(key.columns)}) REFERENCES ${target}${referenced}${tail}` };
}
