import { quoteLiteral, type TableName } from '../../../model/names.ts';
import type { Column, Schema } from '../../../model/schema.ts';
import { hasCollation, hasExpression } from './conditions.ts';
import { typeReached } from './compare-defined-types.ts';
import type { Pair } from './differences.ts';
import { hasColumn } from './sql-text.ts';

/** The end that a run of the scripts leads to. */
export type End = 'before' | 'after';

/**
 * Condition that the columns of the tables are what they are to be at that end: what would be in the way of a change of
 * theirs need not go, should the scripts run a second time. Undefined where none of them changes.
 */
export function columnsReached(pair: Omit<Pair, 'differences' | 'original'>, tables: Iterable<TableName>, end: End): string | undefined {
  const [here, there] = end === 'after' ? [pair.after, pair.before] : [pair.before, pair.after];
  const conditions = [...new Set(tables)].flatMap((name) => {
    const [columns, others] = [columnsOf(here, name), columnsOf(there, name)];
    if (columns === undefined || others === undefined) return [];
    return [...columns.flatMap((column) => columnReached(name, column, others.find((other) => other.name === column.name))), ...others.filter((other) => !columns.some((column) => column.name === other.name)).map((other) => `NOT ${hasColumn(name, other.name)}`), ...typesOf([...columns, ...others])];
  });
  return conditions.length === 0 ? undefined : [...new Set(conditions)].join(' AND ');

  function typesOf(columns: readonly Column[]): string[] {
    const used = new Set(columns.map(({ type }) => type.replace(/(\[\])+$/, '')));
    return [...pair.rebuilt].filter((type) => used.has(type)).map((type) => typeReached(here, type));
  }
}

const columnsOf = ({ tables }: Schema, name: TableName): readonly Column[] | undefined => tables.find((table) => table.name === name)?.columns;

function columnReached(table: TableName, column: Column, other: Column | undefined): string[] {
  const { name, type, collation, generated, virtual = false } = column;
  if (!other) return [hasColumn(table, name)];
  const conditions = [
    ...(type === other.type ? [] : [`format_type(a.atttypid, a.atttypmod) IN (${quoteLiteral(type)}, ${quoteLiteral(type.replace(/^public\./, ''))})`]),
    ...(collation === other.collation ? [] : [hasCollation(collation)]),
    ...(generated === other.generated && virtual === (other.virtual ?? false) ? [] : [`a.attgenerated = '${generated === undefined ? '' : virtual ? 'v' : 's'}'`, ...(generated === undefined ? [] : [hasExpression(generated)])]),
  ];
  return conditions.length === 0 ? [] : [hasColumn(table, name, conditions.join(' AND '))];
}
