import type { Column, Schema, Table } from '../../../../model/schema.ts';
import { displayName } from '../differences.ts';
import { renamed } from '../sql-text.ts';
import type { FittingColumn } from './fitting-columns.ts';
import { keepingName, keptName } from './keep-in-step.ts';

/** A database in which scripts of an earlier check were broken off. */
interface LedOn {
  /** Without what they have made: those that lead on make it where it is not there yet. */
  readonly schema: Schema;
  /** Columns whose new one has taken over, and whose old one has only to go. */
  readonly over: readonly FittingColumn[];
}

export function leadOn(schema: Schema, renames: ReadonlyMap<string, string>): LedOn {
  const over: FittingColumn[] = [];
  const functions = new Set<string>();
  const tables = schema.tables.map((table): Table => {
    const gone = new Set<string>();
    const has = (name: string): boolean => table.columns.some((column) => column.name === name);
    for (const { name: column } of table.columns) {
      const path = `${displayName(table.name)}.${column}`;
      const to = (renames.get(path) ?? renames.get(`${table.name}.${column}`))?.split('.').at(-1);
      const fired = (name: string): boolean => table.triggers.some((trigger) => trigger.name === name);
      const isOver = fired(keptName(column));
      const [old, fresh] = isOver ? (to === undefined ? [`banyan_old_${column}`, column] : [column, to]) : [column, to ?? `banyan_new_${column}`];
      if (!has(old) || !has(fresh)) continue;
      gone.add(isOver ? old : fresh).add(keepingName(column)).add(keptName(column)).add(`banyan_not_null_of_${column}`.slice(0, 63));
      functions.add(`banyan_keep_${displayName(table.name).split('.').at(-1) ?? ''}_${column}`);
      if (isOver) over.push(...takenOver(table, { column, old, fresh }));
    }
    if (gone.size === 0) return table;
    const isMade = (name: string): boolean => gone.has(name) || /^banyan_(new|old)_/.test(name);
    return {
      ...table, columns: table.columns.filter(({ name }) => !gone.has(name)), triggers: table.triggers.filter(({ name }) => !gone.has(name)), checks: table.checks.filter(({ name }) => !gone.has(name)),
      indexes: table.indexes.filter(({ name }) => !isMade(name)), uniques: table.uniques.filter(({ name }) => !isMade(name)),
    };
  });
  const routines = schema.routines?.filter(({ name }) => ![...functions].some((each) => name.includes(each)));
  return { schema: { ...schema, tables, ...(routines ? { routines } : {}) }, over };
}

function takenOver(table: Table, names: { readonly column: string; readonly old: string; readonly fresh: string }): FittingColumn[] {
  const find = (wanted: string): Column | undefined => table.columns.find(({ name }) => name === wanted);
  const [old, fresh] = [find(names.old), find(names.fresh)];
  if (!old || !fresh || !table.primaryKey) return [];
  const back = (name: string): string => (name === names.old ? names.column : name);
  const isOld = ({ name, columns }: { readonly name: string; readonly columns: readonly (string | null)[] }): boolean => name.startsWith('banyan_old_') && columns.includes(names.old);
  const bare = (name: string): string => name.slice('banyan_old_'.length);
  return [{
    table, key: table.primaryKey, old: { ...old, name: names.column }, fresh,
    indexes: table.indexes.filter(isOld).map((index) => ({ ...index, name: bare(index.name), columns: index.columns.map((name) => (name === null ? null : back(name))), definition: index.definition.replace(/(\sON\s[\s\S]*)$/i, (text) => renamed(text, names.old, names.column)) })),
    uniques: table.uniques.filter(isOld).map((key) => ({ ...key, name: bare(key.name), columns: key.columns.map(back) })),
  }];
}
