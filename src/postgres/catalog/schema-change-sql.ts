import type { CatalogColumn, SchemaChange } from '../../model/catalog.ts';
import { quoteIdentifier, quoteTable } from '../../model/names.ts';

/** Statements that make a change, each without its semicolon. Pure. */
export function schemaChangeSql(change: SchemaChange): readonly string[] {
  const table = quoteTable(change.table);
  const alter = `ALTER TABLE ${table}`;
  switch (change.kind) {
    case 'add-column':
      return addColumn(alter, change.column, change.notNull);
    case 'rename-column':
      return [`${alter} RENAME COLUMN ${quoteIdentifier(change.from)} TO ${quoteIdentifier(change.to)}`];
    case 'change-type': {
      const column = quoteIdentifier(change.column);
      return [`${alter} ALTER COLUMN ${column} TYPE ${change.type} USING ${column}::${change.type}`];
    }
    case 'drop-column':
      return [`${alter} DROP COLUMN ${quoteIdentifier(change.column)}`];
    case 'allow-null':
      return [`${alter} ALTER COLUMN ${quoteIdentifier(change.column)} DROP NOT NULL`];
    case 'change-key': {
      const drop = change.formerKey === undefined ? '' : `DROP CONSTRAINT ${quoteIdentifier(change.formerKey)}, `;
      return [`${alter} ${drop}ADD PRIMARY KEY (${change.columns.map(quoteIdentifier).join(', ')})`];
    }
    case 'write-again': {
      const column = quoteIdentifier(change.column);
      return [`UPDATE ${table} SET ${column} = ${column}`];
    }
    case 'grant':
    default:
      return [`GRANT ${change.rights.join(', ')} ON ${table} TO ${quoteIdentifier(change.role)}`];
  }
}

/** Rows that are there take what the source's hold without a word of the log; rows that come take what the source's take. */
function addColumn(alter: string, column: CatalogColumn, notNull: boolean): readonly string[] {
  const name = quoteIdentifier(column.name);
  const { existing, default: later } = column;
  const clauses = [
    column.type,
    ...(column.collation === undefined ? [] : [`COLLATE ${column.collation}`]),
    ...(existing === undefined ? [] : [`DEFAULT ${existing}`]),
    ...(notNull ? ['NOT NULL'] : []),
  ];
  const add = `${alter} ADD COLUMN ${name} ${clauses.join(' ')}`;
  if (later === existing) return [add];
  return [add, `${alter} ALTER COLUMN ${name} ${later === undefined ? 'DROP DEFAULT' : `SET DEFAULT ${later}`}`];
}
