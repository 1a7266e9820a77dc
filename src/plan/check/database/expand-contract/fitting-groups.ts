import type { TableName } from '../../../../model/names.ts';
import type { ForeignKey, Schema } from '../../../../model/schema.ts';
import { displayName } from '../differences.ts';
import { fittingColumn, rulesOn, titleOf, type Candidate, type FittingColumn, type FittingGroup, type FittingTable, type OwnedForeignKey } from './fitting-columns.ts';

export interface InPlace {
  /** `users.mail`. */
  readonly column: string;
  readonly reason: string;
}

interface Grouped {
  readonly groups: readonly FittingGroup[];
  readonly inPlace: readonly InPlace[];
}

/**
 * The columns that get a second one beside them, in groups that take over together: those that share a key, an index, a
 * check, a policy or a foreign key. Groups that others refer to come first. Pure.
 */
export function groupColumns(schema: Schema, candidates: readonly Candidate[]): Grouped {
  const inPlace: InPlace[] = [];
  let members: FittingColumn[] = [];
  for (const candidate of candidates) {
    const fits = fittingColumn(candidate);
    if (typeof fits === 'string') inPlace.push({ column: titleOf(candidate), reason: fits });
    else members.push(fits);
  }
  const keys = schema.tables.flatMap(({ name, foreignKeys }) => foreignKeys.map((key): OwnedForeignKey => ({ table: name, key })));
  // A column that does not fit may be what another one's foreign key needs.
  for (let before = -1; before !== members.length;) {
    before = members.length;
    for (const each of keys) {
      const touched = members.filter((member) => stands(each, member));
      const reason = touched.length === 0 ? undefined : refusedKey(schema, each, members);
      if (reason === undefined) continue;
      inPlace.push(...touched.map((member) => ({ column: titleOf(member), reason })));
      members = members.filter((member) => !touched.includes(member));
    }
  }
  return { groups: linked(members, keys).map((group) => groupOf(schema, group, keys)), inPlace };
}

/** Whether the foreign key stands on the column, on either side. */
function stands({ table, key }: OwnedForeignKey, { table: { name }, old }: FittingColumn): boolean {
  return (table === name && key.columns.includes(old.name)) || (key.references === name && key.referencedColumns.includes(old.name));
}

const WHOLE_NUMBERS = /^(smallint|integer|bigint)$/;

function refusedKey(schema: Schema, { table, key }: OwnedForeignKey, members: readonly FittingColumn[]): string | undefined {
  const title = `the foreign key ${key.name} of ${displayName(table)}`;
  const typeOf = (of: TableName, column: string): string | undefined =>
    (members.find((member) => member.table.name === of && member.old.name === column)?.fresh ?? schema.tables.find(({ name }) => name === of)?.columns.find(({ name }) => name === column))?.type;
  const joins = key.columns.map((column, n): readonly [string | undefined, string | undefined] => [typeOf(table, column), typeOf(key.references, key.referencedColumns[n] ?? '')]);
  const apart = joins.find(([from = '', to = '']) => from !== to && !(WHOLE_NUMBERS.test(from) && WHOLE_NUMBERS.test(to)));
  if (apart) return `${title} would join ${apart.join(' to ')}`;
  if (key.onDelete === 'set default' || key.onUpdate === 'set default') return `${title} sets a default`;
  if (/\bPERIOD\b/i.test(key.definition)) return `${title} is one of periods`;
  if ([table, key.references].some((of) => schema.tables.find(({ name }) => name === of)?.kind !== 'table')) return `${title} is one of a partitioned table`;
  return Buffer.byteLength(`banyan_new_${key.name}`) > 63 ? 'its names are too long' : undefined;
}

/** Members that take over together. */
function linked(members: readonly FittingColumn[], keys: readonly OwnedForeignKey[]): FittingColumn[][] {
  const groups = new Map(members.map((member) => [member, new Set([member])]));
  const link = (together: readonly FittingColumn[]): void => {
    const all = new Set(together.flatMap((member) => [...(groups.get(member) ?? [])]));
    for (const member of all) groups.set(member, all);
  };
  for (const each of keys) link(members.filter((member) => stands(each, member)));
  for (const table of new Set(members.map((member) => member.table))) {
    const own = members.filter((member) => member.table === table);
    const on = new Map(own.map((member) => [member, rulesOn(table, [member.old.name])]));
    const all = [...on.values()].flatMap(({ primary, indexes, uniques, checks, policies }) => [...(primary ? [primary] : []), ...indexes, ...uniques, ...checks, ...policies]);
    for (const rule of new Set(all)) {
      link(own.filter((member) => {
        const { primary, indexes = [], uniques = [], checks = [], policies = [] } = on.get(member) ?? {};
        return [primary, ...indexes, ...uniques, ...checks, ...policies].includes(rule);
      }));
    }
  }
  return [...new Set(groups.values())].map((group) => members.filter((member) => group.has(member)));
}

function groupOf(schema: Schema, members: readonly FittingColumn[], keys: readonly OwnedForeignKey[]): FittingGroup {
  const tables = [...new Set(members.map(({ table }) => table))];
  const foreignKeys = keys.filter((each) => members.some((member) => stands(each, member)));
  return { tables: referredFirst(tables, schema.tables.flatMap((table) => table.foreignKeys.map((key) => ({ table: table.name, key })))).flatMap((table) => tableOf(members.filter((member) => member.table === table))), foreignKeys };
}

function tableOf(columns: readonly FittingColumn[]): FittingTable[] {
  const table = columns[0]?.table;
  if (!table?.primaryKey) return [];
  const { exclusion: _exclusion, ...rules } = rulesOn(table, columns.map(({ old }) => old.name));
  return [{ table, key: table.primaryKey, columns, ...rules }];
}

/** Those that others refer to come first; in a circle the order stays. */
function referredFirst<T extends { readonly name: TableName }>(tables: readonly T[], keys: readonly { readonly table: TableName; readonly key: ForeignKey }[]): T[] {
  const left = [...tables];
  const ordered: T[] = [];
  while (left.length > 0) {
    const waits = ({ name }: T): boolean => keys.some(({ table, key }) => table === name && key.references !== name && left.some((other) => other.name === key.references));
    ordered.push(...left.splice(Math.max(0, left.findIndex((table) => !waits(table))), 1));
  }
  return ordered;
}
