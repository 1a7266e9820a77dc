import type { ForeignKey, Index, Key, Table } from '../../../model/schema.ts';
import { foreignKeySql, indexTail } from './definitions.ts';
import { displayName, tablePath, type Pair } from './differences.ts';
import { canonical } from './sql-text.ts';

/** What is new, works, and will hurt later. */
export function adviseOn({ before, after, differences }: Pair): void {
  for (const fresh of after.tables.filter(({ partitionOf }) => !partitionOf)) {
    const old = before.tables.find(({ name }) => name === fresh.name);
    const name = displayName(fresh.name);
    const path = tablePath(fresh.name);
    if (!old && keysOf(fresh).length === 0) differences.find('table-without-key', { field_path: path, description: `Table ${name} is new, and has no key.` });
    const keys = fresh.foreignKeys.filter((key) => !old?.foreignKeys.some((each) => each.name === key.name || foreignKeySql(each) === foreignKeySql(key)));
    const checks = fresh.checks.filter((check) => !old?.checks.some((each) => each.name === check.name || canonical(each.definition) === canonical(check.definition)));
    for (const key of keys) {
      if (!leads(fresh, key)) differences.find('foreign-key-without-index', { field_path: `${path}.constraints.${key.name}`, new_value: key.definition, affected_operations: ['DELETE', 'UPDATE'], description: `No index of ${name} begins with the columns of the foreign key ${key.name} (${key.columns.join(', ')}).` });
    }
    for (const each of [...keys, ...checks]) {
      if (/\sNOT VALID$/i.test(each.definition)) differences.find('constraint-not-validated', { field_path: `${path}.constraints.${each.name}`, new_value: each.definition, affected_operations: ['SELECT'], description: `The constraint ${each.name} of ${name} holds for new rows only.` });
    }
    for (const index of fresh.indexes.filter((each) => !old?.indexes.some(({ name: known }) => known === each.name))) {
      const other = longer(fresh, index);
      if (other !== undefined) differences.find('index-redundant', { field_path: `${path}.indexes.${index.name}`, new_value: index.definition, affected_operations: ['INSERT', 'UPDATE'], description: `The index ${index.name} of ${name} has the columns with which ${other} begins.` });
    }
  }
}

function keysOf(table: Table): Key[] {
  return [...(table.primaryKey ? [table.primaryKey] : []), ...table.uniques];
}

/** Whether an index, in whatever order, begins with the columns of the key. */
function leads(table: Table, { columns }: ForeignKey): boolean {
  const leading = [...keysOf(table).map((key) => key.columns), ...table.indexes.filter(({ partial }) => !partial).map((index) => index.columns)];
  return leading.some((each) => columns.every((column) => each.slice(0, columns.length).includes(column)));
}

/** Another index or key that does all that this one does. */
function longer(table: Table, index: Index): string | undefined {
  const { columns } = index;
  const isPlain = (each: Index): boolean => !each.partial && /^(?:using btree\s*)?\([\w ,"]*\)$/i.test(indexTail(each)) && !/\b(?:asc|desc|nulls|collate|\w+_ops)\b/i.test(indexTail(each));
  if (index.unique || !isPlain(index)) return undefined;
  const others = [...keysOf(table), ...table.indexes.filter((each) => each.name !== index.name && isPlain(each))];
  const same = (each: { readonly columns: readonly (string | null)[] }): boolean => columns.every((column, i) => column === each.columns[i]);
  return others.find((each) => same(each) && (each.columns.length > columns.length || each.name < index.name || !table.indexes.some(({ name }) => name === each.name)))?.name;
}
