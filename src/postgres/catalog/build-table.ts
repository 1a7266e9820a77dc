import { invariant } from '../../core/errors.ts';
import { tableName, type TableName } from '../../model/names.ts';
import type { Column, ForeignKey, ForeignKeyAction, Index, Key, Table, Trigger } from '../../model/schema.ts';
import type { ActionLetter, ColumnRow, ConstraintRow, IndexRow, TableRow, TriggerRow } from './rows.ts';

const REPLICA_IDENTITY = { d: 'default', f: 'full', n: 'nothing', i: 'index' } as const;
const TRIGGER_ENABLED = { O: 'origin', A: 'always', R: 'replica', D: 'disabled' } as const;
const ACTION: Readonly<Record<ActionLetter, ForeignKeyAction>> = {
  a: 'no action',
  r: 'restrict',
  c: 'cascade',
  n: 'set null',
  d: 'set default',
};

/** One table from its own rows of each kind. Pure. */
export function buildTable(parts: {
  readonly name: TableName;
  readonly parent: TableName | undefined;
  readonly table: TableRow;
  readonly columns: readonly ColumnRow[];
  readonly constraints: readonly ConstraintRow[];
  readonly indexes: readonly IndexRow[];
  readonly triggers: readonly TriggerRow[];
}): Table {
  const { table, constraints } = parts;
  const ofType = (type: ConstraintRow['type']): readonly ConstraintRow[] => constraints.filter((row) => row.type === type);
  const primary = ofType('p')[0];
  const exclusions = ofType('x');
  let kind: Table['kind'] = table.kind === 'p' ? 'partitioned' : 'table';
  if (table.isPartition) kind = 'partition';
  return {
    name: parts.name,
    kind,
    columns: parts.columns.map(buildColumn),
    ...(primary && { primaryKey: buildKey(primary) }),
    uniques: ofType('u').map(buildKey),
    foreignKeys: ofType('f').map(buildForeignKey),
    checks: ofType('c').map(({ name, definition }) => ({ name, definition })),
    ...(exclusions.length > 0 && { exclusions: exclusions.map(({ name, definition }) => ({ name, definition })) }),
    indexes: parts.indexes.map(buildIndex),
    triggers: parts.triggers.map(buildTrigger),
    replicaIdentity: REPLICA_IDENTITY[table.replicaIdentity],
    ...(table.replicaIdentityIndex !== null && { replicaIdentityIndex: table.replicaIdentityIndex }),
    ...(parts.parent !== undefined && table.bound !== null && { partitionOf: { parent: parts.parent, bound: table.bound } }),
    ...(table.partitionBy !== null && { partitionBy: table.partitionBy }),
    unlogged: table.unlogged,
    rowSecurity: table.rowSecurity,
    ...(table.comment !== null && { comment: table.comment }),
    estimatedRows: table.estimatedRows,
    bytes: table.bytes,
  };
}

function buildColumn(row: ColumnRow): Column {
  const { name, type, nullable, expression, collation, comment } = row;
  return {
    name,
    type,
    nullable,
    ...(expression !== null && (row.generated === '' ? { default: expression } : { generated: expression })),
    ...(row.generated === 'v' && { virtual: true }),
    ...(row.identity !== '' && { identity: row.identity === 'a' ? 'always' : 'by default' }),
    ...(collation !== null && { collation }),
    ...(comment !== null && { comment }),
  };
}

function buildKey(row: ConstraintRow): Key {
  const { name, definition, deferrable, nullsNotDistinct } = row;
  return { name, columns: row.columns ?? [], definition, deferrable, nullsNotDistinct };
}

function buildForeignKey(row: ConstraintRow): ForeignKey {
  const { name, foreignSchema, foreignTable, onDelete, onUpdate, definition } = row;
  invariant(
    foreignSchema !== null && foreignTable !== null && onDelete !== ' ' && onUpdate !== ' ',
    `The catalogue has a foreign key ${name} without its target.`,
  );
  return {
    name,
    columns: row.columns ?? [],
    references: tableName(foreignSchema, foreignTable),
    referencedColumns: row.foreignColumns ?? [],
    onDelete: ACTION[onDelete],
    onUpdate: ACTION[onUpdate],
    definition,
  };
}

const ON_ONLY = /^(CREATE (?:UNIQUE )?INDEX (?:"(?:[^"]|"")+"|[^\s"]+) ON )ONLY /;

function buildIndex(row: IndexRow): Index {
  const { name, columns, unique, partial } = row;
  // Of a partitioned table the server prints ON ONLY, which would leave the partitions without it.
  return { name, columns, unique, partial, definition: row.definition.replace(ON_ONLY, '$1') };
}

function buildTrigger(row: TriggerRow): Trigger {
  const { name, definition, calls } = row;
  return { name, definition, calls, enabled: TRIGGER_ENABLED[row.enabled] };
}
