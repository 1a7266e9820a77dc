import type { DropStmt, Node } from 'libpg-query';
import { tableName } from '../../model/names.ts';
import { listStrings, qualifiedName, strings } from './syntax-tree.ts';
import type { DefinitionContext } from './table-definition.ts';
import { typeText } from './type-text.ts';

type Drop = (context: DefinitionContext, object: Node) => void;

const typeNameOf = (object: Node): string[] => ('TypeName' in object ? strings(object.TypeName.names) : listStrings(object));

const dropType: Drop = ({ draft, schema }, object) => {
  const name = qualifiedName(typeNameOf(object), schema);
  draft.enums.delete(name);
  draft.domains.delete(name);
  draft.structuredTypes.delete(name);
};

const dropView: Drop = ({ draft, schema }, object) => {
  draft.views.delete(qualifiedName(listStrings(object), schema));
};

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
    for (const [key, { ownedBy }] of draft.sequences) if (ownedBy?.table === name) draft.sequences.delete(key);
  },
  OBJECT_VIEW: dropView,
  OBJECT_MATVIEW: dropView,
  OBJECT_INDEX: ({ draft }, object) => {
    const name = listStrings(object).at(-1);
    for (const table of draft.tables.values()) table.indexes = table.indexes.filter((index) => index.name !== name);
  },
  OBJECT_SEQUENCE: ({ draft, schema }, object) => {
    draft.sequences.delete(qualifiedName(listStrings(object), schema));
  },
  OBJECT_TYPE: dropType,
  OBJECT_DOMAIN: dropType,
  OBJECT_EXTENSION: ({ draft }, object) => {
    if ('String' in object) draft.extensions.delete(object.String.sval ?? '');
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
