import type { AlterTableCmd, AlterTableStmt, ColumnDef, Constraint, Node } from 'libpg-query';
import { tableName, type TableName } from '../../../../model/names.ts';
import { isChanging } from './changing-default.ts';
import { use, type FormUse } from './form-use.ts';
import type { FormName } from './forms.ts';
import type { SchemaSoFar } from './schema-so-far.ts';
import { storageChange, typeShape } from './type-storage.ts';

/** Commands that are one form, whatever else is so. */
const PLAIN: Readonly<Record<string, FormName>> = {
  AT_SetExpression: 'set-expression', AT_DropExpression: 'drop-expression', AT_AddIdentity: 'add-identity', AT_SetIdentity: 'set-identity', AT_DropIdentity: 'drop-identity',
  AT_SetStatistics: 'set-statistics', AT_SetOptions: 'set-column-options', AT_ResetOptions: 'set-column-options', AT_SetStorage: 'set-storage', AT_SetCompression: 'set-compression', AT_AlterConstraint: 'alter-constraint',
  AT_ChangeOwner: 'owner-to', AT_SetLogged: 'set-persistence', AT_SetUnLogged: 'set-persistence', AT_SetRelOptions: 'set-options', AT_ResetRelOptions: 'set-options',
  AT_EnableRowSecurity: 'row-security', AT_DisableRowSecurity: 'row-security', AT_ForceRowSecurity: 'row-security', AT_NoForceRowSecurity: 'row-security', AT_ReplicaIdentity: 'replica-identity',
  AT_EnableTrig: 'switch-trigger', AT_EnableAlwaysTrig: 'switch-trigger', AT_EnableReplicaTrig: 'switch-trigger', AT_DisableTrig: 'switch-trigger', AT_EnableTrigAll: 'switch-trigger', AT_DisableTrigAll: 'switch-trigger', AT_EnableTrigUser: 'switch-trigger', AT_DisableTrigUser: 'switch-trigger',
  AT_ClusterOn: 'cluster-on', AT_DropCluster: 'cluster-on',
};

/** The forms of one ALTER TABLE; `sofar` then knows what it changed. */
export function alterTableForms({ cmds = [] }: AlterTableStmt, table: TableName, sofar: SchemaSoFar): FormUse[] {
  return cmds.flatMap((node) => ('AlterTableCmd' in node ? command(node.AlterTableCmd, table, sofar) : []));
}

function command(cmd: AlterTableCmd, table: TableName, sofar: SchemaSoFar): FormUse[] {
  const relations = { table: [table] };
  const { name = '', def } = cmd;
  const subtype: string = cmd.subtype ?? '';
  const plain = PLAIN[subtype];
  if (plain !== undefined) return [use(plain, relations)];
  switch (subtype) {
    case 'AT_AddColumn':
      return def && 'ColumnDef' in def ? addColumn(def.ColumnDef, table, sofar) : [];
    case 'AT_DropColumn':
      return [use(sofar.table(table)?.columns.get(name)?.generated ? 'drop-column-stored' : 'drop-column', relations)];
    case 'AT_ColumnDefault':
      return [use(def ? 'set-default' : 'drop-default', relations)];
    case 'AT_AlterColumnType':
      return def && 'ColumnDef' in def ? [use(alterType(name, def.ColumnDef, table, sofar), relations)] : [];
    case 'AT_SetNotNull': {
      const proven = sofar.isProvenNotNull(table, name);
      sofar.setColumn(table, name, { nullable: false });
      return [use(proven ? 'set-not-null-proven' : 'set-not-null', relations)];
    }
    case 'AT_DropNotNull':
      sofar.setColumn(table, name, { nullable: true });
      return [use('drop-not-null', relations)];
    case 'AT_AddConstraint': {
      if (!def || !('Constraint' in def)) return [];
      const uses = constraintForms(def.Constraint, table, sofar);
      sofar.constrain(table, def.Constraint);
      return uses;
    }
    case 'AT_ValidateConstraint': {
      const found = sofar.table(table)?.constraints.get(name);
      sofar.validate(table, name);
      if (found?.valid) return [use('no-table')];
      return [found?.kind === 'foreign_key' ? use('validate-foreign-key', { ...relations, referenced: found.references === undefined ? [] : [found.references] }) : use('validate-check', relations)];
    }
    case 'AT_DropConstraint': {
      const found = sofar.table(table)?.constraints.get(name);
      sofar.table(table)?.constraints.delete(name);
      return [found?.kind === 'foreign_key' && found.references !== undefined ? use('drop-foreign-key', { ...relations, referenced: [found.references] }) : use('drop-constraint', relations)];
    }
    case 'AT_AddInherit':
    case 'AT_DropInherit':
      return [use('inherit', { ...relations, parent: def && 'RangeVar' in def ? [relationOf(def.RangeVar)] : [] })];
    case 'AT_AttachPartition':
    case 'AT_DetachPartition':
      return partition(subtype, def, table, sofar);
    default:
      return [use('unknown', relations)];
  }
}

export function relationOf(relation: { readonly schemaname?: string; readonly relname?: string } | undefined): TableName {
  return tableName(relation?.schemaname ?? 'public', relation?.relname ?? '');
}

function partition(subtype: string, def: Node | undefined, parent: TableName, sofar: SchemaSoFar): FormUse[] {
  if (!def || !('PartitionCmd' in def)) return [];
  const child = relationOf(def.PartitionCmd.name);
  const beside = sofar.defaultPartition(parent);
  if (subtype === 'AT_AttachPartition') {
    sofar.attach(parent, child, def.PartitionCmd.bound?.is_default === true);
    return [use('attach-partition', { parent: [parent], partition: [child, ...(beside === undefined ? [] : [beside])] })];
  }
  sofar.detach(child);
  return [use(def.PartitionCmd.concurrent ? 'detach-partition-concurrently' : 'detach-partition', { parent: [parent], partition: [child, ...(beside === undefined || beside === child ? [] : [beside])] })];
}

function constraintForms(constraint: Constraint, table: TableName, sofar: SchemaSoFar): FormUse[] {
  const relations = { table: [table] };
  const unproven = constraint.skip_validation === true;
  const columns = strings(constraint.keys);
  const kind: string = constraint.contype ?? '';
  switch (kind) {
    case 'CONSTR_CHECK':
      return [use(unproven ? 'add-check-not-valid' : 'add-check', relations)];
    case 'CONSTR_NOTNULL':
      if (unproven) return [use('add-not-null-not-valid', relations)];
      return [use(columns.every((column) => sofar.isProvenNotNull(table, column)) ? 'set-not-null-proven' : 'set-not-null', relations)];
    case 'CONSTR_FOREIGN': {
      const both = { ...relations, referenced: [relationOf(constraint.pktable)] };
      return [use(unproven ? 'add-foreign-key-not-valid' : 'add-foreign-key', both)];
    }
    case 'CONSTR_UNIQUE':
      return [use(constraint.indexname === undefined ? 'add-unique' : 'add-key-using-index', relations)];
    case 'CONSTR_PRIMARY': {
      if (constraint.indexname === undefined) return [use(columns.length > 0 && columns.every((column) => sofar.isProvenNotNull(table, column)) ? 'add-primary-key-strict' : 'add-primary-key', relations)];
      const found = sofar.table(table)?.columns;
      // The index's columns are not written here: without them, any column that may be null counts.
      const strict = found !== undefined && (sofar.indexColumns(table, constraint.indexname) ?? [...found.keys()]).every((column) => sofar.isProvenNotNull(table, column));
      return [use(strict ? 'add-key-using-index' : 'add-primary-key-using-index-nullable', relations)];
    }
    case 'CONSTR_EXCLUSION':
      return [use('add-exclusion', relations)];
    default:
      return [use('unknown', relations)];
  }
}

function addColumn(column: ColumnDef, table: TableName, sofar: SchemaSoFar): FormUse[] {
  const relations = { table: [table] };
  const constraints = (column.constraints ?? []).flatMap((node) => ('Constraint' in node ? [node.Constraint] : []));
  const of = (kind: Constraint['contype']): Constraint | undefined => constraints.find(({ contype }) => contype === kind);
  const shape = column.typeName ? typeShape(column.typeName) : undefined;
  const [generated, value] = [of('CONSTR_GENERATED'), of('CONSTR_DEFAULT')];
  const serial = /^(small|big)?serial[248]?$/.test(shape?.name ?? '');
  const constrained = sofar.domains.get(shape?.name ?? '')?.constrained === true;
  const required = of('CONSTR_NOTNULL') !== undefined || of('CONSTR_PRIMARY') !== undefined;
  sofar.setColumn(table, column.colname ?? '', { type: () => shape, nullable: !(required || serial || of('CONSTR_IDENTITY') !== undefined), generated: generated !== undefined });
  const form: FormName = generated
    ? (generated.generated_kind === 'v' ? 'add-column-virtual' : 'add-column-stored')
    : of('CONSTR_IDENTITY') ? 'add-column-identity' : serial || isChanging(value?.raw_expr) ? 'add-column-volatile' : constrained ? 'add-column-domain' : required && !value ? 'add-column-required' : 'add-column';
  const own = constraints.filter(({ contype }) => contype === 'CONSTR_CHECK' || contype === 'CONSTR_FOREIGN' || contype === 'CONSTR_UNIQUE' || contype === 'CONSTR_PRIMARY');
  // A column of nulls breaks no foreign key: the server does not look.
  return [use(form, relations), ...own.flatMap((constraint) => constraintForms(constraint.contype === 'CONSTR_FOREIGN' && !value && !serial ? { ...constraint, skip_validation: true } : constraint, table, sofar))];
}

/** By the types before and after, and by what USING says, unless it is the cast itself. */
function alterType(name: string, column: ColumnDef, table: TableName, sofar: SchemaSoFar): FormName {
  const before = sofar.table(table)?.columns.get(name)?.type();
  const after = column.typeName ? typeShape(column.typeName) : undefined;
  sofar.setColumn(table, name, { type: () => after });
  if (!before || !after) return 'alter-type-refusing';
  const base = (shape: NonNullable<typeof before>): typeof shape => sofar.domains.get(shape.name)?.base() ?? shape;
  if (before.name !== after.name && sofar.domains.get(after.name)?.constrained) return 'alter-type-refusing';
  if (column.raw_default && !isOwnCast(column.raw_default, name, after)) return 'alter-type-refusing';
  const change = storageChange(base(before), base(after));
  if (change === 'kept') return column.collClause ? 'alter-type-collation' : 'alter-type-kept';
  return change === 'timestamptz' ? 'alter-type-timestamptz' : change === 'rewritten' ? 'alter-type-rewritten' : 'alter-type-refusing';
}

/** `name`, or `name::type` with the new type. */
function isOwnCast(expression: Node, name: string, type: ReturnType<typeof typeShape>): boolean {
  if ('ColumnRef' in expression) return strings(expression.ColumnRef.fields).at(-1) === name;
  if (!('TypeCast' in expression) || !expression.TypeCast.arg || !('ColumnRef' in expression.TypeCast.arg) || !expression.TypeCast.typeName) return false;
  const cast = typeShape(expression.TypeCast.typeName);
  return isOwnCast(expression.TypeCast.arg, name, type) && cast.name === type.name && cast.array === type.array && cast.sizes.join() === type.sizes.join();
}

export function strings(nodes: readonly Node[] | undefined): string[] {
  return (nodes ?? []).flatMap((node) => ('String' in node ? [node.String.sval ?? ''] : []));
}
