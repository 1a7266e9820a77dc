import type { AlterTableCmd, AlterTableStmt } from 'libpg-query';
import type { Trigger } from '../../model/schema.ts';
import { dropColumn } from './drop-object.ts';
import { ownedSequence, type DraftColumn, type DraftTable } from './schema-draft.ts';
import { columnOf, constraintOf, relationName } from './syntax-tree.ts';
import { addColumn, addConstraint, collationText, type DefinitionContext } from './table-definition.ts';
import { typeText } from './type-text.ts';

interface AlterContext extends DefinitionContext {
  /** The whole statement, for parts that the tree does not locate. */
  readonly text: string;
}

interface Change {
  readonly table: DraftTable;
  readonly command: AlterTableCmd;
  /** The column that the command names, if it exists. */
  readonly column: DraftColumn | undefined;
  readonly context: AlterContext;
}

/** ALTER TABLE: the commands that change what a schema says; others (owners, storage) are passed over. */
export function alterTable(node: AlterTableStmt, context: AlterContext): void {
  const table = context.draft.tables.get(relationName(node.relation, context.schema));
  if (!table) return;
  for (const item of node.cmds ?? []) {
    if (!('AlterTableCmd' in item)) continue;
    const command = item.AlterTableCmd;
    const column = table.columns.find((candidate) => candidate.name === command.name);
    COMMANDS[command.subtype ?? '']?.({ table, command, column, context });
  }
}

const COMMANDS: Readonly<Record<string, (change: Change) => void>> = {
  AT_AddColumn: ({ table, command, context }) => {
    const definition = columnOf(command.def);
    const isThere = command.missing_ok === true && table.columns.some(({ name }) => name === definition?.colname);
    if (definition && !isThere) addColumn(table, definition, context);
  },
  AT_AddConstraint: ({ table, command, context }) => {
    const constraint = constraintOf(command.def);
    if (constraint) addConstraint(table, constraint, context, {});
  },
  AT_DropColumn: ({ table, command, context }) => dropColumn(context.draft, table, command.name ?? ''),
  AT_ValidateConstraint: ({ table, command }) => {
    const validated = <T extends { readonly name: string; readonly definition: string }>(each: T): T => (each.name === command.name ? { ...each, definition: each.definition.replace(/ NOT VALID$/, '') } : each);
    table.checks = table.checks.map(validated);
    table.foreignKeys = table.foreignKeys.map(validated);
  },
  AT_DropConstraint: ({ table, command }) => {
    table.foreignKeys = table.foreignKeys.filter((key) => key.name !== command.name);
    table.uniques = table.uniques.filter((key) => key.name !== command.name);
    table.checks = table.checks.filter((check) => check.name !== command.name);
    if (table.exclusions) table.exclusions = table.exclusions.filter((each) => each.name !== command.name);
    if (table.primaryKey?.name === command.name) delete table.primaryKey;
  },
  AT_SetNotNull: ({ column }) => {
    if (column) column.nullable = false;
  },
  AT_DropNotNull: ({ column }) => {
    if (column) column.nullable = true;
  },
  AT_ColumnDefault: ({ column, command, context }) => {
    if (!column) return;
    const text = /\bset\s+default\s+([\s\S]+)$/i.exec(context.text)?.[1];
    if (command.def && text !== undefined) column.default = text.trim();
    else delete column.default;
  },
  AT_AlterColumnType: ({ column, command }) => {
    if (!column) return;
    const definition = columnOf(command.def);
    column.type = typeText(definition?.typeName).text;
    const collation = collationText(definition?.collClause);
    if (collation === undefined) delete column.collation;
    else column.collation = collation;
  },
  AT_AddIdentity: ({ table, column, command, context }) => {
    if (!column) return;
    column.identity = constraintOf(command.def)?.generated_when === 'a' ? 'always' : 'by default';
    column.nullable = false;
    const own = ownedSequence({ table: table.name, column: column.name, type: column.type, identity: true });
    context.draft.sequences.set(own.name, own.sequence);
  },
  AT_DropIdentity: ({ table, column, context }) => {
    if (!column) return;
    delete column.identity;
    for (const [name, sequence] of context.draft.sequences) if (sequence.ownedBy?.table === table.name && sequence.ownedBy.column === column.name) context.draft.sequences.delete(name);
  },
  AT_DropExpression: ({ column }) => {
    delete column?.generated;
  },
  AT_SetLogged: ({ table }) => {
    table.unlogged = false;
  },
  AT_SetUnLogged: ({ table }) => {
    table.unlogged = true;
  },
  AT_EnableTrig: switchTrigger('origin'),
  AT_EnableAlwaysTrig: switchTrigger('always'),
  AT_EnableReplicaTrig: switchTrigger('replica'),
  AT_DisableTrig: switchTrigger('disabled'),
  AT_EnableTrigAll: switchTrigger('origin'),
  AT_DisableTrigAll: switchTrigger('disabled'),
  AT_EnableTrigUser: switchTrigger('origin'),
  AT_DisableTrigUser: switchTrigger('disabled'),
  AT_DetachPartition: ({ command, context }) => {
    if (!command.def || !('PartitionCmd' in command.def)) return;
    const partition = context.draft.tables.get(relationName(command.def.PartitionCmd.name, context.schema));
    if (!partition) return;
    partition.kind = partition.partitionBy === undefined ? 'table' : 'partitioned';
    delete partition.partitionOf;
  },
  AT_AttachPartition: ({ table, command, context }) => {
    if (!command.def || !('PartitionCmd' in command.def)) return;
    const partition = context.draft.tables.get(relationName(command.def.PartitionCmd.name, context.schema));
    if (!partition) return;
    const bound = /\b(for\s+values\b[\s\S]*|default)$/i.exec(context.text)?.[1] ?? 'DEFAULT';
    partition.kind = 'partition';
    partition.partitionOf = { parent: table.name, bound: bound.trim().replaceAll(/\s+/g, ' ') };
  },
  AT_ReplicaIdentity: ({ table, command }) => {
    if (!command.def || !('ReplicaIdentityStmt' in command.def)) return;
    const letter = command.def.ReplicaIdentityStmt.identity_type;
    table.replicaIdentity = IDENTITIES[letter ?? ''] ?? 'default';
    const index = command.def.ReplicaIdentityStmt.name;
    if (index === undefined || letter !== 'i') delete table.replicaIdentityIndex;
    else table.replicaIdentityIndex = index;
  },
  AT_EnableRowSecurity: ({ table }) => {
    table.rowSecurity = true;
  },
  AT_ForceRowSecurity: ({ table }) => {
    table.rowSecurityForced = true;
  },
  AT_NoForceRowSecurity: ({ table }) => {
    delete table.rowSecurityForced;
  },
  AT_DisableRowSecurity: ({ table }) => {
    table.rowSecurity = false;
  },
};

/** Of one trigger, or of all where none is named. */
function switchTrigger(enabled: NonNullable<Trigger['enabled']>): (change: Change) => void {
  return ({ table, command }) => {
    table.triggers = table.triggers.map((trigger) => (command.name === undefined || trigger.name === command.name ? { ...trigger, enabled } : trigger));
  };
}

const IDENTITIES: Readonly<Record<string, 'full' | 'nothing' | 'index'>> = { f: 'full', n: 'nothing', i: 'index' };
