import type { Schema, Table } from '../../../../model/schema.ts';
import { compareSchemas, withFullTypes, type CompareSchemasOptions } from '../compare-schemas.ts';
import { displayName } from '../differences.ts';
import type { Comparison } from '../../finding.ts';
import { renamed } from '../sql-text.ts';
import { expandContract } from './expand-contract.ts';
import { leadOn } from './led-on.ts';
import { fittingColumn, rewrites, type FittingColumn } from './fitting-columns.ts';

interface InPlace {
  /** `users.mail`. */
  readonly column: string;
  readonly reason: string;
}

/**
 * As {@link compareSchemas}, but a column whose new type would write its table anew, and a renamed one, get a second
 * column beside them: both are kept in step until the old one goes. Scripts that were broken off are led on. `inPlace`: columns that can not have that, and why.
 */
export function compareWithExpandContract({ before, after, renames = new Map() }: CompareSchemasOptions): Comparison & { readonly inPlace: readonly InPlace[] } {
  const { schema: old, over } = leadOn(withFullTypes(before), renames);
  const fresh = withFullTypes(after);
  const going = new Set(over.flatMap(({ table, old: column, fresh: target }) => (column.name === target.name ? [] : [`${table.name}.${column.name}`, `${displayName(table.name)}.${column.name}`])));
  const left = new Map([...renames].filter(([name]) => !going.has(name)));
  const { findings } = compareSchemas({ before: old, after: fresh, renames: left });
  const found = old.tables.flatMap((table) => candidates({ schema: old, table, other: fresh.tables.find(({ name }) => name === table.name), renames }));
  const fitting = found.flatMap((each) => ('reason' in each ? [] : [each]));
  const taken = new Set(fitting.map(({ table, old: column, fresh: target }) => (column.name === target.name ? '' : `${table.name}.${column.name}`)));
  const isTaken = (name: string): boolean => taken.has(name) || taken.has(`public.${name}`);
  const rest = compareSchemas({ before: fitting.reduce(withColumn, old), after: fresh, renames: new Map([...left].filter(([name]) => !isTaken(name))) });
  const made = fitting.map(expandContract);
  const last = [...made, ...over.map(expandContract)].flatMap(({ contract }) => contract);
  return { findings, scripts: [...made.flatMap(({ expand }) => expand), ...rest.scripts, ...last], inPlace: found.flatMap((each) => ('reason' in each ? [each] : [])) };
}

function candidates({ schema, table, other, renames }: { readonly schema: Schema; readonly table: Table; readonly other: Table | undefined; readonly renames: ReadonlyMap<string, string> }): (FittingColumn | InPlace)[] {
  return table.columns.flatMap((column): (FittingColumn | InPlace)[] => {
    const path = `${displayName(table.name)}.${column.name}`;
    const to = (renames.get(path) ?? renames.get(`${table.name}.${column.name}`))?.split('.').at(-1);
    const target = other?.columns.find(({ name }) => name === (to ?? column.name));
    if (!target || (to === undefined && !rewrites(column, target))) return [];
    const fits = fittingColumn({ schema, table, old: column, target });
    return [typeof fits === 'string' ? { column: path, reason: fits } : fits];
  });
}

/** The schema once the new column has taken over. */
function withColumn(schema: Schema, { table: { name }, old, fresh }: FittingColumn): Schema {
  const each = (column: string): string => (column === old.name ? fresh.name : column);
  const text = (definition: string): string => renamed(definition, old.name, fresh.name);
  return {
    ...schema, tables: schema.tables.map((table): Table => (table.name !== name ? table : {
      ...table, columns: table.columns.map((column) => (column.name === old.name ? fresh : column)),
      uniques: table.uniques.map((key) => ({ ...key, columns: key.columns.map(each), definition: text(key.definition) })),
      indexes: table.indexes.map((index) => ({ ...index, columns: index.columns.map((column) => (column === null ? null : each(column))), definition: index.definition.replace(/(\sON\s[\s\S]*)$/i, text) })),
    })),
  };
}
