import { quoteIdentifier } from '../../../../model/names.ts';
import type { Schema, Table } from '../../../../model/schema.ts';
import type { Comparison } from '../../finding.ts';
import { compareSchemas, withFullTypes, type CompareSchemasOptions } from '../compare-schemas.ts';
import { Differences, displayName } from '../differences.ts';
import { applyRenames } from '../renames.ts';
import { expandContract } from './expand-contract.ts';
import { isRename, rewrites, type Candidate, type FittingColumn, type FittingGroup } from './fitting-columns.ts';
import { groupColumns, type InPlace } from './fitting-groups.ts';
import { leadOn } from './led-on.ts';
import { asOfType } from './numbers.ts';
import { leadOnRenamed, renameByView, renamedTables } from './rename-table.ts';

/**
 * As {@link compareSchemas}, but a column whose new type would write its table anew, and a renamed one, get a second
 * column beside them: both are kept in step until the old one goes. A renamed table gets a view under its old name. Scripts that were broken off are led on. `inPlace`: columns that can not have that, and why.
 */
export function compareWithExpandContract({ before, after, renames: wanted = new Map() }: CompareSchemasOptions): Comparison & { readonly inPlace: readonly InPlace[] } {
  const fresh = withFullTypes(after);
  const { schema: there, renames, over: views } = leadOnRenamed({ before: withFullTypes(before), after: fresh, renames: wanted });
  const { schema: old, over } = leadOn(there, renames);
  const going = new Set(over.flatMap(columnsOf).flatMap((member) => (isRename(member) ? pathsOf(member) : [])));
  const left = new Map([...renames].filter(([name, to]) => !going.has(name) && !isDone(old, name, to)));
  const { findings } = compareSchemas({ before: old, after: fresh, renames: left });
  const tables = renamedTables({ before: old, after: fresh, renames: left });
  const base = tables.renamed.reduce((schema, { table, to }) => applyRenames(schema, new Map<string, string>([[table.name, to]]), new Differences()), old);
  const { groups, inPlace } = groupColumns(base, base.tables.flatMap((table) => candidates({ schema: base, table, other: fresh.tables.find(({ name }) => name === table.name), renames: left })));
  const members = groups.flatMap(columnsOf);
  const taken = new Set([...members.flatMap((member) => (isRename(member) ? pathsOf(member) : [])), ...tables.renamed.flatMap(({ table: { name } }) => [name, displayName(name)])]);
  const rest = compareSchemas({ before: members.reduce(withColumn, base), after: fresh, renames: new Map([...left].filter(([name]) => !taken.has(name))) });
  const named = tables.renamed.map((table) => renameByView(table, old));
  const made = groups.map(expandContract);
  const last = [...made, ...over.map(expandContract), ...named, ...views.map((table) => renameByView(table, before))].flatMap(({ contract }) => contract);
  return { findings, scripts: [...[...named, ...made].flatMap(({ expand }) => expand), ...rest.scripts, ...last], inPlace: [...tables.inPlace, ...inPlace] };
}

/** Whether an earlier check has renamed it already, up to its end. */
function isDone({ tables }: Schema, old: string, fresh: string): boolean {
  const named = (path: string): Table | undefined => tables.find(({ name }) => name === path || displayName(name) === path);
  const [owner, column] = [old.slice(0, Math.max(0, old.lastIndexOf('.'))), old.split('.').at(-1)];
  const has = (name: string | undefined): boolean => named(owner)?.columns.some((each) => each.name === name) ?? false;
  return named(old) === undefined && (named(fresh) !== undefined || (!has(column) && has(fresh.split('.').at(-1))));
}

const columnsOf = ({ tables }: FittingGroup): FittingColumn[] => tables.flatMap(({ columns }) => columns);

/** As a rename may name the column. */
const pathsOf = ({ table, old }: FittingColumn): string[] => [`${table.name}.${old.name}`, `${displayName(table.name)}.${old.name}`];

function candidates({ schema, table, other, renames }: { readonly schema: Schema; readonly table: Table; readonly other: Table | undefined; readonly renames: ReadonlyMap<string, string> }): Candidate[] {
  // Rows must be carried over to another table then: no column of it is changed here.
  if (other?.partitionBy !== table.partitionBy) return [];
  return table.columns.flatMap((old): Candidate[] => {
    const to = (renames.get(`${displayName(table.name)}.${old.name}`) ?? renames.get(`${table.name}.${old.name}`))?.split('.').at(-1);
    const target = other?.columns.find(({ name }) => name === (to ?? old.name));
    return !target || (to === undefined && !rewrites(old, target)) ? [] : [{ schema, table, old, target }];
  });
}

/** The schema once the new column has taken over. */
function withColumn(schema: Schema, member: FittingColumn): Schema {
  const { table: { name }, old, fresh } = member;
  const quoted = (column: string): string => `${name}.${quoteIdentifier(column)}`;
  const moved = isRename(member) ? applyRenames(schema, new Map([[quoted(old.name), quoted(fresh.name)]]), new Differences()) : schema;
  return {
    ...moved, tables: moved.tables.map((table) => (table.name !== name ? table : { ...table, columns: table.columns.map((column) => (column.name === fresh.name ? fresh : column)) })),
    sequences: moved.sequences.map((sequence) => (sequence.ownedBy?.table === name && sequence.ownedBy.column === fresh.name ? asOfType(sequence, fresh.type) : sequence)),
  };
}
