import { BanyanError } from '../../core/errors.ts';
import { isExact } from '../../model/exact-types.ts';
import { quoteIdentifier, quoteTable, splitTableName, type TableName } from '../../model/names.ts';
import type { Column, ForeignKey, Index, Key, Schema, Sequence, Table } from '../../model/schema.ts';
import type { TableMapping } from '../../model/table-mapping.ts';

/**
 * The monolith's tables as the service shall have them: other names, fewer columns, other types. What
 * is written as SQL over the old names is made anew where it is plain, and left out where it is not
 * (checks, expression and partial indexes of a table with other columns). Pure.
 *
 * Tables with functions are left out: what those give, only the user knows.
 * @throws BANYAN_MAPPING for a partitioned table, whose partitions the mapping does not name.
 */
export function reshaped(source: Schema, mappings: readonly TableMapping[], target: Schema): Schema {
  const changed = mappings.filter((mapping) => mapping.service !== mapping.monolith || mapping.columns || mapping.computed || mapping.functions);
  if (changed.length === 0) return source;
  const byTable = new Map<TableName, TableMapping[]>();
  for (const mapping of changed) byTable.set(mapping.monolith, [...(byTable.get(mapping.monolith) ?? []), mapping]);
  const shape = new Map(source.tables.map((table) => [table.name, table]));
  const made = new Map<TableName, Table>();
  // A table that several of the monolith's share is the first part's; the others add to it, whatever they are called.
  const inTurn = [...source.tables.map((table) => ({ table, parts: false })), ...source.tables.map((table) => ({ table, parts: true }))];
  for (const { table, parts } of inTurn) {
    const forms = byTable.get(table.name);
    if (!forms && !parts) made.set(table.name, withReferences(table, table, changed));
    for (const mapping of forms ?? []) {
      if (mapping.functions || (mapping.part === true) !== parts) continue;
      if (table.kind !== 'table') {
        throw new BanyanError('BANYAN_MAPPING', {
          message: `${table.name} is partitioned, and can't be created as ${mapping.service} or with other columns.`,
          remedy: `Create ${mapping.service} in the service's database yourself, and run \`banyan sync run --no-provision\`.`,
        });
      }
      const other = made.get(mapping.service);
      const part = withReferences(reshape(table, mapping), table, changed);
      made.set(mapping.service, other ? joined(other, part) : part);
    }
  }
  const tables = [...made.values()].map((table) => spelledAs(table, target.tables.find(({ name }) => name === table.name), mappings));
  return { ...source, tables, sequences: source.sequences.flatMap((sequence) => ownerOf(sequence, changed, shape)) };
}

function reshape(table: Table, mapping: TableMapping): Table {
  const { columns: paired, service, computed = [] } = mapping;
  const names = new Map((paired ?? table.columns.map(({ name }) => ({ monolith: name, service: name }))).map((column) => [column.monolith, column.service]));
  const columns = paired
    ? paired.flatMap((each): Column[] => {
        const column = table.columns.find(({ name }) => name === each.monolith);
        if (!column) return [];
        const { default: value, collation, identity, ...rest } = column;
        const otherwise = each.type !== undefined && each.type !== column.type;
        const sameValues = !each.values && isExact(column.type, each.type ?? column.type);
        return [{
          ...rest, name: each.service, type: each.type ?? column.type,
          ...(sameValues && value !== undefined ? { default: value } : {}),
          ...(!otherwise && collation !== undefined ? { collation } : {}),
          ...(identity !== undefined ? { identity } : {}),
        }];
      })
    : [...table.columns];
  const all = [...columns, ...computed.map(({ service: name, type, expression }): Column => ({ name, type, nullable: true, generated: expression }))];
  const plain = !paired || (paired.every((each) => each.monolith === each.service && !each.values && each.type === undefined) && paired.length === table.columns.length);
  const named = (name: string): string => (service === table.name ? name : `${splitTableName(service).table}_${name}`.slice(0, 63));
  const key = (each: Key): Key[] => {
    const mapped = renamed(each.columns, names);
    return mapped ? [{ ...each, name: named(each.name), columns: mapped, definition: definitionOf(each, mapped) }] : [];
  };
  const { primaryKey, ...rest } = table;
  const primary = primaryKey && key(primaryKey)[0];
  return {
    ...rest, name: service, columns: all,
    ...(primary ? { primaryKey: primary } : {}),
    uniques: table.uniques.flatMap(key),
    checks: plain ? table.checks : [],
    exclusions: plain ? (table.exclusions ?? []) : [],
    indexes: table.indexes.flatMap((index) => indexOn(index, { service, names, name: named(index.name) })),
    foreignKeys: table.foreignKeys.flatMap((each) => {
      const mapped = renamed(each.columns, names);
      return mapped ? [{ ...each, name: named(each.name), columns: mapped }] : [];
    }),
    ...(rest.replicaIdentityIndex === undefined ? {} : { replicaIdentity: 'default' as const }),
  };
}

function renamed(columns: readonly string[], names: ReadonlyMap<string, string>): string[] | undefined {
  const mapped = columns.map((name) => names.get(name));
  return mapped.every((name) => name !== undefined) ? mapped : undefined;
}

const list = (columns: readonly string[]): string => columns.map(quoteIdentifier).join(', ');

/** Of a key whose definition is only its columns; anything else about it is said after them. */
function definitionOf(key: Key, columns: readonly string[]): string {
  const open = key.definition.indexOf('(');
  const close = closing(key.definition, open);
  return `${key.definition.slice(0, open)}(${list(columns)})${key.definition.slice(close + 1)}`;
}

/** Where the bracket at `open` ends, quoted names passed over. */
function closing(sql: string, open: number): number {
  let quoted = false;
  for (let i = open; i < sql.length; i++) {
    if (sql[i] === '"') quoted = !quoted;
    if (sql[i] === ')' && !quoted) return i;
  }
  return sql.length - 1;
}

function indexOn(index: Index, options: { readonly service: TableName; readonly names: ReadonlyMap<string, string>; readonly name: string }): Index[] {
  const columns = index.columns.filter((name) => name !== null);
  const mapped = renamed(columns, options.names);
  if (!mapped || index.partial || columns.length !== index.columns.length || !/USING btree \([^()]*\)$/.test(index.definition)) return [];
  const definition = `CREATE ${index.unique ? 'UNIQUE ' : ''}INDEX ${quoteIdentifier(options.name)} ON ${quoteTable(options.service)} USING btree (${list(mapped)})`;
  return [{ ...index, name: options.name, columns: mapped, definition }];
}

/** Foreign keys to tables that have other names at the service. */
function withReferences(table: Table, original: Table, mappings: readonly TableMapping[]): Table {
  const foreignKeys = table.foreignKeys.flatMap((key): ForeignKey[] => {
    const forms = mappings.filter((mapping) => mapping.monolith === key.references);
    const before = original.foreignKeys.find((each) => each.definition === key.definition);
    const same = forms.length === 0 && before?.columns.every((name, i) => key.columns[i] === name) === true;
    if (same) return [key];
    const form = forms.find((mapping) => !mapping.columns || key.referencedColumns.every((name) => mapping.columns?.some((column) => column.monolith === name)));
    if (forms.length > 0 && !form) return [];
    const references = form?.service ?? key.references;
    const referencedColumns = key.referencedColumns.map((name) => form?.columns?.find((column) => column.monolith === name)?.service ?? name);
    const actions = `${action('DELETE', key.onDelete)}${action('UPDATE', key.onUpdate)}${/ DEFERRABLE.*$/.exec(key.definition)?.[0] ?? ''}`;
    return [{
      ...key, references, referencedColumns,
      definition: `FOREIGN KEY (${list(key.columns)}) REFERENCES ${quoteTable(references)} (${list(referencedColumns)})${actions}`,
    }];
  });
  return { ...table, foreignKeys };
}

const action = (event: string, what: ForeignKey['onDelete']): string => (what === 'no action' ? '' : ` ON ${event} ${what.toUpperCase()}`);

/** Two of the monolith's tables as one: the first's rows with the second's columns, which may be null. */
function joined(first: Table, second: Table): Table {
  const known = new Set(first.columns.map((column) => column.name));
  const more = second.columns.filter((column) => !known.has(column.name));
  return { ...first, columns: [...first.columns, ...more.map((column) => ({ ...column, nullable: true }))] };
}

/** How the server prints what was made anew, where the service has it already: the same columns are the same key. */
function spelledAs(table: Table, there: Table | undefined, mappings: readonly TableMapping[]): Table {
  if (!there) return table;
  const same = <T extends { readonly name: string; readonly columns: readonly unknown[]; readonly definition: string }>(mine: T, others: readonly T[]): T => {
    const other = others.find(({ name }) => name === mine.name);
    return other && other.columns.join('\n') === mine.columns.join('\n') ? { ...mine, definition: other.definition } : mine;
  };
  const computed = new Set(mappings.filter(({ service }) => service === table.name).flatMap((mapping) => mapping.computed ?? []).map(({ service }) => service));
  return {
    ...table,
    ...(table.primaryKey ? { primaryKey: same(table.primaryKey, there.primaryKey ? [there.primaryKey] : []) } : {}),
    uniques: table.uniques.map((key) => same(key, there.uniques)),
    indexes: table.indexes.map((index) => same(index, there.indexes)),
    columns: table.columns.map((column) => {
      const generated = computed.has(column.name) ? there.columns.find(({ name }) => name === column.name)?.generated : undefined;
      return generated === undefined ? column : { ...column, generated };
    }),
  };
}

/** A sequence follows its column; where the column does not go, nobody draws from it. */
function ownerOf(sequence: Sequence, mappings: readonly TableMapping[], tables: ReadonlyMap<TableName, Table>): Sequence[] {
  const owner = sequence.ownedBy;
  const forms = owner ? mappings.filter((mapping) => mapping.monolith === owner.table) : [];
  if (!owner || forms.length === 0 || !tables.has(owner.table)) return [sequence];
  for (const { service, columns, functions } of forms) {
    const column = columns ? columns.find((each) => each.monolith === owner.column)?.service : owner.column;
    if (column === undefined || functions) continue;
    const { ownedBy: _, ...free } = sequence;
    // A sequence can only be owned by a table of its own schema; an identity's follows its table there.
    const follows = owner.identity || splitTableName(service).schema === sequence.schema;
    return [follows ? { ...free, ownedBy: { ...owner, table: service, column } } : free];
  }
  return [];
}
