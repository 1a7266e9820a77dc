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

/**
 * As {@link compareSchemas}, but a column whose new type would write its table anew, and a renamed one, get a second
 * column beside them: both are kept in step until the old one goes. Scripts that were broken off are led on. `inPlace`: columns that can not have that, and why.
 */
export function compareWithExpandContract({ before, after, renames = new Map() }: CompareSchemasOptions): Comparison & { readonly inPlace: readonly InPlace[] } {
  const { schema: old, over } = leadOn(withFullTypes(before), renames);
  const fresh = withFullTypes(after);
  const going = new Set(over.flatMap(columnsOf).flatMap((member) => (isRename(member) ? pathsOf(member) : [])));
  const left = new Map([...renames].filter(([name]) => !going.has(name)));
  const { findings } = compareSchemas({ before: old, after: fresh, renames: left });
  const { groups, inPlace } = groupColumns(old, old.tables.flatMap((table) => candidates({ schema: old, table, other: fresh.tables.find(({ name }) => name === table.name), renames: left })));
  const members = groups.flatMap(columnsOf);
  const taken = new Set(members.flatMap((member) => (isRename(member) ? pathsOf(member) : [])));
  const rest = compareSchemas({ before: members.reduce(withColumn, old), after: fresh, renames: new Map([...left].filter(([name]) => !taken.has(name))) });
  const made = groups.map(expandContract);
  const last = [...made, ...over.map(expandContract)].flatMap(({ contract }) => contract);
  return { findings, scripts: [...made.flatMap(({ expand }) => expand), ...rest.scripts, ...last], inPlace };
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
