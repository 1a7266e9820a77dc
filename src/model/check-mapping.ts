import { isExactBothWays } from './exact-types.ts';
import type { Schema, Table } from './schema.ts';
import { columnsOf, type ColumnMapping, type TableMapping } from './table-mapping.ts';

/** What does not fit, and under which key of the table's entry it was said. */
export interface MappingIssue {
  /** `columns.email`, `where`; empty: the table as a whole. */
  readonly key: string;
  readonly found: string;
  readonly expected: string;
}

export interface MappingFacts {
  readonly monolith: Schema;
  /** Absent: not looked at yet. */
  readonly service?: Schema;
  /** Whether changes come back from the service. */
  readonly back: boolean;
  /** The monolith's version, such as 150004. */
  readonly version: number;
  /** Whether each change carries the whole old row without being told to, as triggers do. */
  readonly oldRows: boolean;
  /** Whether another entry of the service's tables has the same target. */
  readonly joined: boolean;
}

/** What in a table's mapping does not fit its tables, or has no way back though the mode needs one. Pure. */
export function checkMapping(mapping: TableMapping, facts: MappingFacts): readonly MappingIssue[] {
  const table = facts.monolith.tables.find(({ name }) => name === mapping.monolith);
  // That it exists is somebody else's question.
  if (!table) return [];
  const target = facts.service?.tables.find(({ name }) => name === mapping.service);
  return [
    ...checkNames(mapping, table),
    ...checkKey(mapping, table),
    ...checkFilter(mapping, table, facts),
    ...checkFunctions(mapping, table, target, facts),
    ...(facts.back ? checkAbsent(mapping, table) : []),
    ...(target ? checkTarget(mapping, table, target, facts) : []),
  ];
}

function checkNames({ columns = [], monolith }: TableMapping, table: Table): MappingIssue[] {
  return columns.flatMap(({ monolith: name, service }) => {
    const column = table.columns.find((each) => each.name === name);
    const key = `columns.${service}`;
    if (!column) return [{ key, found: `"${name}", which ${monolith} does not have`, expected: `one of ${table.columns.map((each) => each.name).join(', ')}` }];
    if (column.generated !== undefined) return [{ key, found: `"${name}", which the monolith's database computes`, expected: 'a column that is written' }];
    return [];
  });
}

/** Both sides must know a row by the same key. */
function checkKey({ columns, monolith }: TableMapping, table: Table): MappingIssue[] {
  if (!columns) return [];
  const left = (table.primaryKey?.columns ?? []).filter((name) => !columns.some((column) => column.monolith === name));
  const key = new Set(table.primaryKey?.columns);
  const changed = columns.filter((column) => column.values && key.has(column.monolith));
  return [
    ...changed.map((column) => ({ key: `columns.${column.service}.values`, found: `values for "${column.monolith}", which is in the primary key of ${monolith}`, expected: 'the key as it is, under any names: both sides know a row by it' })),
    ...left.map((name) => ({ key: 'columns', found: `columns without "${name}", which is in the primary key of ${monolith}`, expected: 'all of the key, under any names' })),
  ];
}

function checkFilter({ where, monolith }: TableMapping, table: Table, { version }: MappingFacts): MappingIssue[] {
  if (where === undefined) return [];
  if (version < 150_000) {
    return [{ key: 'where', found: `a filter, and PostgreSQL ${Math.floor(version / 10_000)}`, expected: 'PostgreSQL 15 or newer, whose publications tell when a row moves into a filter or out of it' }];
  }
  if (table.kind !== 'table') return [{ key: 'where', found: `a filter of the partitioned table ${monolith}`, expected: 'a table without partitions' }];
  return table.replicaIdentity === 'full' ? [] : [{ key: 'where', found: `a filter, and ${monolith} with replica identity ${table.replicaIdentity}`, expected: fullOf(monolith) }];
}

const fullOf = (table: string): string => `the whole old row in the log: ALTER TABLE ${table} REPLICA IDENTITY FULL`;

function checkFunctions({ functions, monolith, service }: TableMapping, table: Table, target: Table | undefined, { back, oldRows }: MappingFacts): MappingIssue[] {
  if (!functions) return [];
  const lacksOldRow = (one: Table): boolean => !oldRows && one.replicaIdentity !== 'full';
  const issue = (found: string, expected: string): MappingIssue => ({ key: 'transform', found, expected });
  return [
    ...(functions.toService ? [] : [issue('a module without toService', 'export function toService(row)')]),
    ...(back && !functions.toMonolith ? [issue('a module without toMonolith', 'export function toMonolith(row) for the way back, or sync.mode monolith-to-service')] : []),
    ...(lacksOldRow(table) ? [issue(`a module, and ${monolith} with replica identity ${table.replicaIdentity}`, fullOf(monolith))] : []),
    ...(back && target && lacksOldRow(target) ? [issue(`a module, and the service's ${service} with replica identity ${target.replicaIdentity}`, fullOf(service))] : []),
  ];
}

/** A row that the service inserts gets the defaults of the columns that it does not have. */
function checkAbsent({ columns, functions }: TableMapping, table: Table): MappingIssue[] {
  if (!columns || functions) return [];
  const carried = new Set(columns.map((column) => column.monolith));
  return table.columns
    .filter((column) => !carried.has(column.name) && !column.nullable && column.default === undefined && column.identity === undefined && column.generated === undefined)
    .map((column) => ({
      key: 'columns', found: `columns without "${column.name}", which is NOT NULL without a default in the monolith`,
      expected: 'that column as well, or a default for it: a row that the service inserts has to get something there',
    }));
}

function checkTarget(mapping: TableMapping, table: Table, target: Table, facts: MappingFacts): MappingIssue[] {
  const paired = columnsOf(mapping, target.columns.filter((column) => column.generated === undefined).map((column) => column.name));
  const issues: MappingIssue[] = [];
  const enums = new Set([...facts.monolith.enums, ...(facts.service?.enums ?? [])].map(({ schema, name }) => `${schema}.${name}`));
  for (const column of paired) issues.push(...checkColumn(column, { mapping, table, target, enums, back: facts.back }));
  for (const { service } of mapping.computed ?? []) {
    const there = target.columns.find((column) => column.name === service);
    if (there?.generated === undefined) {
      issues.push({ key: `columns.${service}`, found: there ? `"${service}" of ${mapping.service}, which is an ordinary column` : `${mapping.service} without "${service}"`, expected: 'a column GENERATED ALWAYS AS (…) there' });
    }
  }
  const wanted = (table.primaryKey?.columns ?? []).map((name) => paired.find((column) => column.monolith === name)?.service);
  const key = target.primaryKey?.columns ?? [];
  if (key.length !== wanted.length || wanted.some((name) => name === undefined || !key.includes(name))) {
    issues.push({ key: '', found: `${mapping.service} with the primary key (${key.join(', ')})`, expected: `the monolith's, which is (${wanted.map((name) => name ?? '?').join(', ')}) there` });
  }
  if (!mapping.functions && !facts.joined && mapping.columns) {
    const given = new Set(paired.map((column) => column.service));
    for (const column of target.columns) {
      if (given.has(column.name) || column.nullable || column.default !== undefined || column.identity !== undefined || column.generated !== undefined) continue;
      issues.push({ key: 'columns', found: `nothing for "${column.name}", which is NOT NULL without a default in ${mapping.service}`, expected: 'a column of the monolith for it, or a default' });
    }
  }
  return issues;
}

function checkColumn(column: ColumnMapping, { mapping, table, target, enums, back }: {
  readonly mapping: TableMapping;
  readonly table: Table;
  readonly target: Table;
  readonly enums: ReadonlySet<string>;
  readonly back: boolean;
}): MappingIssue[] {
  const key = `columns.${column.service}`;
  const here = table.columns.find((each) => each.name === column.monolith);
  const there = target.columns.find((each) => each.name === column.service);
  if (!there) return [{ key, found: `${mapping.service} without "${column.service}"`, expected: `one of ${target.columns.map((each) => each.name).join(', ')}` }];
  if (there.generated !== undefined) return [{ key, found: `"${column.service}" of ${mapping.service}, which its database computes`, expected: 'a column that can be written' }];
  // Without a mapping the tables' difference is a matter of provisioning.
  if (!here || !back || column.values || mapping.functions || !mapping.columns) return [];
  if (isExactBothWays(here.type, there.type, enums)) return [];
  return [{
    key, found: `${here.type} in the monolith and ${there.type} in the service`,
    expected: 'types between which every value comes back as it was; else `values`, a module with toService and toMonolith, or sync.mode monolith-to-service',
  }];
}
