import type { DropStmt, Node } from 'libpg-query';
import { tableName, type TableName } from '../../model/names.ts';
import type { Grant } from '../../model/schema.ts';
import type { SchemaDraft } from './schema-draft.ts';
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
};

const dropView: Drop = ({ draft, schema }, object) => {
  const name = qualifiedName(listStrings(object), schema);
  draft.views.delete(name);
  revokeAll(draft, 'table', name);
};

/** What is granted on a thing goes with it: another of its name begins without. */
function revokeAll({ grants }: SchemaDraft, on: Grant['on'], name: TableName): void {
  for (const [key, grant] of grants ?? []) if (grant.on === on && grant.name === name) grants?.delete(key);
}

function dropSequence(draft: SchemaDraft, name: TableName): void {
  draft.sequences.delete(name);
  revokeAll(draft, 'sequence', name);
}

const dropRoutine: Drop = ({ draft, schema }, object) => {
  if (!('ObjectWithArgs' in object)) return;
  const { objname, objargs, args_unspecified: any } = object.ObjectWithArgs;
  const name = qualifiedName(strings(objname), schema);
  const signature = (objargs ?? []).map((arg) => ('TypeName' in arg ? typeText(arg.TypeName).text.replace(/\(.*?\)/, '') : '')).join(', ');
  for (const [key, routine] of draft.routines) if (tableName(routine.schema, routine.name) === name && (any || routine.signature === signature)) draft.routines.delete(key);
};

/** What stands on a table: its last name is its own, those before are the table's. */
const onTable = (kind: 'triggers' | 'policies'): Drop => ({ draft, schema }, object) => {
  const parts = listStrings(object);
  const table = draft.tables.get(qualifiedName(parts.slice(0, -1), schema));
  if (kind === 'triggers' && table) table.triggers = table.triggers.filter(({ name }) => name !== parts.at(-1));
  else if (table?.policies) table.policies = table.policies.filter(({ name }) => name !== parts.at(-1));
};

const DROPS: Readonly<Record<string, Drop>> = {
  OBJECT_TABLE: ({ draft, schema }, object) => {
    const name = qualifiedName(listStrings(object), schema);
    draft.tables.delete(name);
    revokeAll(draft, 'table', name);
    for (const [key, { ownedBy }] of draft.sequences) if (ownedBy?.table === name) dropSequence(draft, key);
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
