import { quoteLiteral, type TableName } from '../../../../model/names.ts';
import type { Check, Column, ForeignKey, Index, Key } from '../../../../model/schema.ts';
import { hasAnyTrigger } from '../conditions.ts';
import { hasColumn, renamed } from '../sql-text.ts';
import { isRename, type FittingColumn, type FittingGroup, type FittingTable } from './fitting-columns.ts';
import { keptName, type Twins } from './keep-in-step.ts';

/** What a column is called: the new one while it is built, the old one once it is taken over from, and the one that has taken over. */
export type Station = 'building' | 'left' | 'over';

export function nameAt(member: FittingColumn, station: Station): string {
  const { old, fresh } = member;
  if (station === 'over' || (station === 'building' && isRename(member))) return fresh.name;
  return station === 'building' ? `banyan_new_${old.name}` : isRename(member) ? old.name : `banyan_old_${old.name}`;
}

/** The two while the new one is built. */
export function building(member: FittingColumn): Twins {
  const { table: { name: table }, old, fresh } = member;
  return { table, old, fresh: { ...fresh, name: nameAt(member, 'building') } };
}

/** The two once the new one has taken over. */
export function taken(member: FittingColumn): Twins {
  const { table: { name: table }, old, fresh } = member;
  return { table, old: { ...old, name: nameAt(member, 'left') }, fresh };
}

/** SQL of whether the new columns have taken over: all of a group do at once. */
export function isOver({ tables }: FittingGroup): string {
  const member = tables[0]?.columns[0];
  if (!member) return 'true';
  const { table: { name: table }, old, fresh } = member;
  const gone = isRename(member) ? `NOT ${hasColumn(table, old.name)}`
    : `(${hasColumn(table, old.name, `format_type(a.atttypid, a.atttypmod) = ${quoteLiteral(fresh.type)}`)} AND NOT ${hasColumn(table, `banyan_new_${old.name}`)})`;
  return `(${hasAnyTrigger(table, keptName(old.name))} OR ${gone})`;
}

const columnAt = (columns: readonly FittingColumn[], station: Station) => (name: string): string => {
  const member = columns.find(({ old }) => old.name === name);
  return member ? nameAt(member, station) : name;
};

export const prefixOf = (station: Station): string => ({ building: 'banyan_new_', left: 'banyan_old_', over: '' })[station];

export function textAt(columns: readonly FittingColumn[], text: string, station: Station): string {
  return columns.reduce((sofar, member) => renamed(sofar, member.old.name, nameAt(member, station)), text);
}

/** The key on the columns of a station, under a name for the time being. */
export function keyAt({ columns }: Pick<FittingTable, 'columns'>, key: Key, station: Station): Key {
  return { ...key, name: `${prefixOf(station)}${key.name}`, columns: key.columns.map(columnAt(columns, station)) };
}

export function indexAt({ columns }: Pick<FittingTable, 'columns'>, index: Index, station: Station): Index {
  const name = columnAt(columns, station);
  return {
    ...index, name: `${prefixOf(station)}${index.name}`, columns: index.columns.map((column) => (column === null ? null : name(column))),
    definition: index.definition.replace(/(\sON\s[\s\S]*)$/i, (text) => textAt(columns, text, station)),
  };
}

export function checkAt({ columns }: Pick<FittingTable, 'columns'>, check: Check, station: Station): Check {
  return { name: `${prefixOf(station)}${check.name}`, definition: textAt(columns, check.definition, station) };
}

export function foreignKeyAt({ tables }: FittingGroup, table: TableName, key: ForeignKey, station: Station): ForeignKey {
  const of = (name: TableName): readonly FittingColumn[] => tables.find((each) => each.table.name === name)?.columns ?? [];
  return {
    ...key, name: `${prefixOf(station)}${key.name}`, columns: key.columns.map(columnAt(of(table), station)), referencedColumns: key.referencedColumns.map(columnAt(of(key.references), station)),
    definition: key.definition.replace(/(ON DELETE SET NULL\s*)(\([^)]*\))/i, (_, action: string, columns: string) => `${action}${textAt(of(table), columns, station)}`),
  };
}

/** Without a default and with nulls: the column of the other one's rows. */
export function bare({ name, type, collation }: Column): Column {
  return { name, type, nullable: true, ...(collation === undefined ? {} : { collation }) };
}
