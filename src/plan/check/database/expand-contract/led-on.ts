import type { Column, Schema, Sequence, Table } from '../../../../model/schema.ts';
import { displayName } from '../differences.ts';
import { mentions, renamed } from '../sql-text.ts';
import { isRename, type FittingColumn, type FittingGroup } from './fitting-columns.ts';
import { keepingName, keptName, nullNames } from './keep-in-step.ts';
import { nameAt } from './station.ts';

/** A database in which scripts of an earlier check were broken off. */
interface LedOn {
  /** Without what they have made: those that lead on make it where it is not there yet. */
  readonly schema: Schema;
  /** Columns whose new one has taken over, and whose old one has only to go. */
  readonly over: readonly FittingGroup[];
}

export function leadOn(schema: Schema, renames: ReadonlyMap<string, string>): LedOn {
  const over: FittingGroup[] = [];
  const functions = new Set<string>();
  const tables = schema.tables.map((table): Table => {
    const gone = new Set<string>();
    const members: FittingColumn[] = [];
    const has = (name: string): boolean => table.columns.some((column) => column.name === name);
    for (const { name: column } of table.columns) {
      const path = `${displayName(table.name)}.${column}`;
      const to = (renames.get(path) ?? renames.get(`${table.name}.${column}`))?.split('.').at(-1);
      const fired = (name: string): boolean => table.triggers.some((trigger) => trigger.name === name);
      const isOver = fired(keptName(column));
      const [old, fresh] = isOver ? (to === undefined ? [`banyan_old_${column}`, column] : [column, to]) : [column, to ?? `banyan_new_${column}`];
      if (!has(old) || !has(fresh)) continue;
      gone.add(isOver ? old : fresh).add(keepingName(column))
        .add(keptName(column)).add(nullNames(column)[0]).add(nullNames(column)[1]).add(`banyan_not_null_of_${column}`.slice(0, 63));
      functions.add(`banyan_keep_${displayName(table.name).split('.').at(-1) ?? ''}_${column}`);
      if (isOver) members.push(...takenOver(schema, table, { column, old, fresh }));
    }
    if (members.length > 0) over.push(...groupOver(table, members));
    const isMade = ({ name }: { readonly name: string }): boolean => gone.has(name) || /^banyan_(new|old)_/.test(name);
    // A foreign key to a column with a second one may be of a table that has none.
    if (gone.size === 0) return { ...table, foreignKeys: table.foreignKeys.filter((key) => !isMade(key)) };
    const left = <T extends { readonly name: string }>(items: readonly T[]): T[] => items.filter((item) => !isMade(item));
    return {
      ...table, columns: table.columns.filter(({ name }) => !gone.has(name)).map((column) => members.find(({ fresh }) => fresh.name === column.name)?.fresh ?? column), triggers: table.triggers.filter(({ name }) => !gone.has(name)),
      checks: left(table.checks), indexes: left(table.indexes), uniques: left(table.uniques), foreignKeys: left(table.foreignKeys),
    };
  });
  const routines = schema.routines?.filter(({ name }) => ![...functions].some((each) => name.includes(each)));
  const renamedTo = (owner: Sequence['ownedBy']): FittingColumn | undefined => over.flatMap((group) => group.tables).flatMap(({ columns }) => columns).find((member) => isRename(member) && owner?.table === member.table.name && owner.column === member.old.name);
  const sequences = schema.sequences.map((sequence): Sequence => {
    const member = renamedTo(sequence.ownedBy);
    return member && sequence.ownedBy ? { ...sequence, ownedBy: { ...sequence.ownedBy, column: member.fresh.name } } : sequence;
  });
  return { schema: { ...schema, tables, sequences, ...(routines ? { routines } : {}) }, over };
}

function takenOver(schema: Schema, table: Table, names: { readonly column: string; readonly old: string; readonly fresh: string }): FittingColumn[] {
  const find = (wanted: string): Column | undefined => table.columns.find(({ name }) => name === wanted);
  const [old, fresh] = [find(names.old), find(names.fresh)];
  if (!old || !fresh) return [];
  const sequence = schema.sequences.find(({ ownedBy }) => ownedBy?.table === table.name && (ownedBy.column === names.old || ownedBy.column === names.fresh));
  // Of a renamed column default and numbers stay with the old name until that goes.
  const kept = names.old === names.column ? { ...fresh, ...(old.default === undefined ? {} : { default: old.default }), ...(old.identity === undefined ? {} : { identity: old.identity }) } : fresh;
  return [{ table, old: { ...old, name: names.column }, fresh: kept, ...(sequence ? { sequence } : {}) }];
}

/** What is left on the old columns of a table, by the names that they had. That of the primary key is an index now. */
function groupOver(table: Table, columns: readonly FittingColumn[]): FittingGroup[] {
  if (!table.primaryKey) return [];
  const was = (member: FittingColumn): string => nameAt(member, 'left');
  const back = (name: string): string => columns.find((member) => was(member) === name)?.old.name ?? name;
  const text = (definition: string): string => columns.reduce((sofar, member) => renamed(sofar, was(member), member.old.name), definition);
  const isOld = ({ name }: { readonly name: string }): boolean => name.startsWith('banyan_old_');
  const bare = (name: string): string => name.slice('banyan_old_'.length);
  const stands = (definition: string): boolean => columns.some((member) => mentions(definition, was(member)));
  const oldOf = (member: FittingColumn): FittingColumn => ({ ...member, old: { ...member.old, nullable: member.fresh.nullable } });
  // The key is that of the table as it is, whose names are those behind the taking over.
  return [{ foreignKeys: [], tables: [{
    table, columns: columns.map(oldOf), key: table.primaryKey, policies: [], triggers: [],
    indexes: table.indexes.filter((index) => isOld(index) && stands(index.definition)).map((index) => ({ ...index, name: bare(index.name), columns: index.columns.map((name) => (name === null ? null : back(name))), definition: index.definition.replace(/(\sON\s[\s\S]*)$/i, text) })),
    uniques: table.uniques.filter((key) => isOld(key) && key.columns.some((name) => columns.some((member) => was(member) === name))).map((key) => ({ ...key, name: bare(key.name), columns: key.columns.map(back) })),
    checks: table.checks.filter((check) => isOld(check) && stands(check.definition)).map(({ name, definition }) => ({ name: bare(name), definition: text(definition) })),
  }] }];
}
