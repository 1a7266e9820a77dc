import type { DropStmt, Node } from 'libpg-query';
import { parseTableName, splitTableName, tableName, type TableName } from '../../model/names.ts';
import type { Grant } from '../../model/schema.ts';
import { forgetObjectGrants } from './object-privilege.ts';
import type { DraftTable, SchemaDraft } from './schema-draft.ts';
import { dropStatisticsOn } from './statistics-definition.ts';
import { listStrings, qualifiedName, strings } from './syntax-tree.ts';
import type { DefinitionContext } from './table-definition.ts';
import { typeText } from './type-text.ts';

type Drop = (context: DefinitionContext, object: Node) => void;

const dropType: Drop = ({ draft, schema }, object) => {
  if (!('TypeName' in object)) return;
  const name = qualifiedName(strings(object.TypeName.names), schema);
  draft.enums.delete(name);
  draft.domains.delete(name);
  draft.structuredTypes.delete(name);
  forgetObjectGrants(draft, (grant) => grant.on === 'type' && tableName(grant.schema, grant.name) === name);
};

const dropView: Drop = ({ draft, schema }, object) => {
  const name = qualifiedName(listStrings(object), schema);
  draft.views.delete(name);
  revokeAll(draft, 'table', name);
  dropReaders(draft, name);
};

/** What is granted on a thing goes with it: another of its name begins without. */
function revokeAll({ grants }: SchemaDraft, on: Grant['on'], name: TableName): void {
  for (const [key, grant] of grants ?? []) if (grant.on === on && grant.name === name) grants?.delete(key);
}

function dropSequence(draft: SchemaDraft, name: TableName): void {
  draft.sequences.delete(name);
  revokeAll(draft, 'sequence', name);
}

/** With what the server takes along: its partitions, and (CASCADE, or it would have refused) the keys and views that stand on it. */
function dropTable(draft: SchemaDraft, name: TableName): void {
  if (!draft.tables.delete(name)) return;
  revokeAll(draft, 'table', name);
  dropStatisticsOn(draft, name);
  for (const [key, { ownedBy }] of draft.sequences) if (ownedBy?.table === name) dropSequence(draft, key);
  for (const other of draft.tables.values()) other.foreignKeys = other.foreignKeys.filter(({ references }) => references !== name);
  for (const [partition, { partitionOf }] of draft.tables) if (partitionOf?.parent === name) dropTable(draft, partition);
  dropReaders(draft, name);
}

/** The views that read a table or view, and those that read them. */
function dropReaders(draft: SchemaDraft, name: TableName): void {
  for (const [view, { reads }] of draft.views) {
    if (!reads.includes(name) || !draft.views.delete(view)) continue;
    revokeAll(draft, 'table', view);
    dropReaders(draft, view);
  }
}

/** Everything in it, and what stands on that elsewhere: columns of its types, defaults of its sequences, triggers of its functions. */
function dropSchema(draft: SchemaDraft, schema: string): void {
  const isIn = (name: TableName): boolean => splitTableName(name).schema === schema;
  for (const name of draft.tables.keys()) if (isIn(name)) dropTable(draft, name);
  for (const name of draft.views.keys()) {
    if (!isIn(name)) continue;
    draft.views.delete(name);
    revokeAll(draft, 'table', name);
    dropReaders(draft, name);
  }
  for (const kind of [draft.enums, draft.domains, draft.structuredTypes] as readonly Map<string, { readonly schema: string; readonly name: string }>[]) {
    for (const [key, type] of kind) {
      if (type.schema !== schema) continue;
      kind.delete(key);
      for (const table of draft.tables.values()) for (const column of table.columns.filter((each) => each.type.replace(/(?:\[\])+$/, '') === key)) dropColumn(draft, table, column.name);
    }
  }
  for (const name of draft.sequences.keys()) if (isIn(name)) dropSequence(draft, name);
  for (const table of draft.tables.values()) for (const column of table.columns) if (drawnFrom(column.default) === schema) delete column.default;
  for (const [key, routine] of draft.routines) if (routine.schema === schema) draft.routines.delete(key);
  for (const table of draft.tables.values()) table.triggers = table.triggers.filter(({ calls }) => splitTableName(parseTableName(calls)).schema !== schema);
  forgetObjectGrants(draft, (grant) => grant.schema === schema);
  for (const [key, each] of draft.statistics) if (each.schema === schema) draft.statistics.delete(key);
  for (const [key, grant] of draft.grants ?? []) if (grant.on === 'schema' && grant.name === schema) draft.grants?.delete(key);
}

/** The schema of the sequence in `nextval('audit.numbers')`. */
function drawnFrom(value: string | undefined): string | undefined {
  const [, quoted, plain] = /^nextval\('(?:"((?:[^"]|"")+)"|([^.'"]+))\./i.exec(value ?? '') ?? [];
  return quoted?.replaceAll('""', '"') ?? plain?.toLowerCase();
}

/** A column, with the keys, indexes and the sequence that stand on it. */
export function dropColumn(draft: SchemaDraft, table: DraftTable, column: string): void {
  const without = (key: { readonly columns: readonly (string | null)[] }): boolean => !key.columns.includes(column);
  table.columns = table.columns.filter(({ name }) => name !== column);
  table.foreignKeys = table.foreignKeys.filter(without);
  table.uniques = table.uniques.filter(without);
  table.indexes = table.indexes.filter(without);
  dropStatisticsOn(draft, table.name, column);
  if (table.primaryKey && !without(table.primaryKey)) delete table.primaryKey;
  for (const [name, { ownedBy }] of draft.sequences) if (ownedBy?.table === table.name && ownedBy.column === column) draft.sequences.delete(name);
}

const dropRoutine: Drop = ({ draft, schema }, object) => {
  if (!('ObjectWithArgs' in object)) return;
  const { objname, objargs, args_unspecified: any } = object.ObjectWithArgs;
  const name = qualifiedName(strings(objname), schema);
  const signature = (objargs ?? []).map((arg) => ('TypeName' in arg ? typeText(arg.TypeName).text.replace(/\(.*?\)/, '') : '')).join(', ');
  for (const [key, routine] of draft.routines) {
    if (tableName(routine.schema, routine.name) !== name || !(any || routine.signature === signature)) continue;
    draft.routines.delete(key);
    forgetObjectGrants(draft, (grant) => grant.on === 'routine' && grant.schema === routine.schema && grant.name === routine.name && grant.signature === routine.signature);
  }
};

/** What stands on a table: its last name is its own, those before are the table's. */
const onTable = (kind: 'triggers' | 'policies'): Drop => ({ draft, schema }, object) => {
  const parts = listStrings(object);
  const table = draft.tables.get(qualifiedName(parts.slice(0, -1), schema));
  if (kind === 'triggers' && table) table.triggers = table.triggers.filter(({ name }) => name !== parts.at(-1));
  else if (table?.policies) table.policies = table.policies.filter(({ name }) => name !== parts.at(-1));
};

const DROPS: Readonly<Record<string, Drop>> = {
  OBJECT_TABLE: ({ draft, schema }, object) => dropTable(draft, qualifiedName(listStrings(object), schema)),
  OBJECT_SCHEMA: ({ draft }, object) => {
    for (const name of strings([object])) dropSchema(draft, name);
  },
  OBJECT_VIEW: dropView,
  OBJECT_MATVIEW: dropView,
  OBJECT_INDEX: ({ draft }, object) => {
    const name = listStrings(object).at(-1);
    for (const table of draft.tables.values()) table.indexes = table.indexes.filter((index) => index.name !== name);
  },
  OBJECT_SEQUENCE: ({ draft, schema }, object) => {
    dropSequence(draft, qualifiedName(listStrings(object), schema));
  },
  OBJECT_STATISTIC_EXT: ({ draft, schema }, object) => {
    draft.statistics.delete(qualifiedName(listStrings(object), schema));
  },
  OBJECT_TYPE: dropType,
  OBJECT_DOMAIN: dropType,
  OBJECT_EXTENSION: ({ draft }, object) => {
    for (const name of strings([object])) {
      draft.extensions.delete(name);
      draft.extensionVersions.delete(name);
    }
  },
  OBJECT_TRIGGER: onTable('triggers'),
  OBJECT_POLICY: onTable('policies'),
  OBJECT_FUNCTION: dropRoutine,
  OBJECT_PROCEDURE: dropRoutine,
  OBJECT_ROUTINE: dropRoutine,
};

/** DROP of what is read here. */
export function dropObjects(node: DropStmt, context: DefinitionContext): void {
  for (const object of node.objects ?? []) DROPS[node.removeType ?? '']?.(context, object);
}
