import { quoteTable } from '../../model/names.ts';
import type { Schema, Table } from '../../model/schema.ts';
import type { SchemaFinding } from '../../model/structure-finding.ts';
import { attachPartition, createTable } from '../provision/statements.ts';
import { compareChecks } from './compare-checks.ts';
import { compareColumns } from './compare-columns.ts';
import { compareForeignKeys } from './compare-foreign-keys.ts';
import { compareKeys } from './compare-keys.ts';
import { finding, type TableContext } from './table-context.ts';

/** Everything in which one table is not what the source asks for. Pure. */
export function compareTable(context: TableContext, schemas: { readonly source: Schema; readonly target: Schema }): readonly SchemaFinding[] {
  return [
    ...persistence(context),
    ...compareColumns(context),
    ...compareKeys(context),
    ...compareChecks(context),
    ...compareForeignKeys(context),
    ...partitions(context, schemas),
  ];
}

function persistence({ expected, actual, sourceName, alike }: TableContext): readonly SchemaFinding[] {
  if (expected.unlogged === actual.unlogged) return [];
  const text = (table: Table): string => (table.unlogged ? 'UNLOGGED' : 'LOGGED');
  // Rows that a crash takes away on one side are gone there only.
  const on = expected.unlogged ? 'source' : 'target';
  const name = on === 'source' ? sourceName : actual.name;
  return [
    finding('table_unlogged', {
      object: `table ${actual.name}`, source: text(expected), target: text(actual), on,
      sql: on === 'source' && !alike ? [] : [`ALTER TABLE ${quoteTable(name)} SET LOGGED`],
    }),
  ];
}

function partitions({ expected, actual }: TableContext, { source, target }: { readonly source: Schema; readonly target: Schema }): readonly SchemaFinding[] {
  const object = `table ${actual.name}`;
  if (expected.partitionBy !== actual.partitionBy) {
    const text = ({ partitionBy }: Table): string => (partitionBy === undefined ? 'one table' : `PARTITION BY ${partitionBy}`);
    return [finding('table_kind', { object, source: text(expected), target: text(actual) })];
  }
  if (expected.partitionBy === undefined) return [];
  const mine = partitionsOf(expected, source);
  const theirs = partitionsOf(actual, target);
  const bounds = (tables: readonly Table[]): ReadonlySet<string> => new Set(tables.map(({ partitionOf }) => partitionOf?.bound ?? ''));
  const [here, there] = [bounds(mine), bounds(theirs)];
  const text = (table: Table): string => `${table.name} ${table.partitionOf?.bound ?? ''}`;
  return [
    ...mine.filter(({ partitionOf }) => !there.has(partitionOf?.bound ?? '')).map((table) =>
      // Its rows have a place where there is a default partition.
      ({ ...finding('partition_missing', { object: `partition ${table.name} of ${actual.name}`, source: text(table), target: null, sql: creation(table, actual) }), ...(there.has('DEFAULT') ? { severity: 'warning' as const } : {}) }),
    ),
    ...theirs.filter(({ partitionOf }) => !here.has(partitionOf?.bound ?? '')).map((table) =>
      finding('partition_extra', { object: `partition ${table.name} of ${actual.name}`, source: null, target: text(table), on: 'source', sql: creation(table, expected) }),
    ),
  ];
}

const partitionsOf = (table: Table, schema: Schema): readonly Table[] => schema.tables.filter(({ partitionOf }) => partitionOf?.parent === table.name);

/** Only of one that is not itself partitioned. */
function creation(partition: Table, parent: Table): readonly string[] {
  if (partition.partitionBy !== undefined || !partition.partitionOf) return [];
  return [createTable(partition, new Map()).sql, attachPartition(partition.name, { parent: parent.name, bound: partition.partitionOf.bound }).sql];
}
