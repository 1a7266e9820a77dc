import { parseTableName, quoteIdentifier, quoteTable, splitTableName } from '../../model/names.ts';
import type { PlanToUndo } from './plan-to-undo.ts';

/** Statements that make each table of a plan with what its changes speak of, where nobody gives a schema. */
export function minimalTables({ tables = [], schema_changes: changed = [] }: PlanToUndo): string[] {
  const names = [...new Set([...tables.map(({ name }) => name), ...changed.map(({ table }) => table)])];
  return names.flatMap((name) => {
    const of = parseTableName(name);
    const columns = new Map([['id', 'bigint PRIMARY KEY']]);
    const constraints: string[] = [];
    const need = (column: string | undefined, type: string): void => {
      if (column !== undefined && !columns.has(column)) columns.set(column, type);
    };
    for (const change of changed.filter(({ table }) => table === name).flatMap(({ changes }) => changes)) {
      const strict = change.nullable === false ? ' NOT NULL' : '';
      if (change.type === 'modify_column') need(change.column, change.old_type ?? 'text');
      if (change.type === 'drop_column') need(change.column, `${change.data_type ?? 'text'}${strict}`);
      if (change.type === 'rename_column') need(change.old_name ?? change.column, change.data_type ?? 'text');
      if (change.type === 'add_index') for (const column of change.columns ?? [change.column]) need(column, 'text');
      if (change.type === 'drop_constraint' && change.constraint_name !== undefined && change.definition !== undefined) constraints.push(`CONSTRAINT ${quoteIdentifier(change.constraint_name)} ${change.definition}`);
    }
    // What the changes themselves add is not there yet.
    for (const change of changed.filter(({ table }) => table === name).flatMap(({ changes }) => changes)) if (change.type === 'add_column' && change.column !== undefined) columns.delete(change.column);
    const body = [...[...columns].map(([column, type]) => `${quoteIdentifier(column)} ${type}`), ...constraints];
    return [`CREATE SCHEMA IF NOT EXISTS ${quoteIdentifier(splitTableName(of).schema)}`, `CREATE TABLE ${quoteTable(of)} (${body.join(', ')})`];
  });
}
