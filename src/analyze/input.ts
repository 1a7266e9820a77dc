import { splitTableName, type TableName } from '../model/names.ts';
import type { ForeignKey, Schema, Table } from '../model/schema.ts';
import type { Routine, Workload, WorkloadTransaction, WriteOperation } from '../model/workload.ts';
import type { CopyTimes } from './advice/extraction-time.ts';
import { append } from './lookup.ts';
import { judgeKeys, type TestedKey } from './included-keys.ts';
import { ownersOf, type OwnersFile } from './owners.ts';
import { tenantColumns, type TenantColumn } from './tenancy.ts';

/** What there is to analyse. Only the schema is needed; each of the others makes the answer better. */
export interface AnalyzerInput {
  readonly schema: Schema;
  readonly workload?: Workload;
  readonly routines?: readonly Routine[];
  /** How long tables take to copy, where that was measured. */
  readonly copyTimes?: CopyTimes;
  /** Who owns which code or table. */
  readonly owners?: OwnersFile;
  /** What a sample of values says of keys that nobody declared. */
  readonly testedKeys?: readonly TestedKey[];
}

/** A foreign key between two different tables of the schema, declared or inferred. */
export interface Reference {
  readonly child: number;
  readonly parent: number;
  readonly name: string;
  readonly columns: readonly string[];
  readonly referencedColumns: readonly string[];
  readonly declared: boolean;
  readonly nullable: boolean;
  /** The key's columns are all part of the child's primary key. */
  readonly inPrimaryKey: boolean;
  /** The key's columns are exactly the child's primary key, or unique: at most one child each. */
  readonly oneToOne: boolean;
  readonly cascades: boolean;
  /** The key says only whose row it is: it consists of a column that divides the rows of nearly all tables. */
  readonly tenant: boolean;
}

/** Transactions whose names are resolved to tables of the schema. */
export interface Access {
  readonly calls: number;
  readonly reads: readonly number[];
  readonly writes: readonly number[];
  readonly joins: readonly (readonly number[])[];
  /** What is done to rows, where the workload says so; empty: not known. */
  readonly operations: readonly Operation[];
  readonly label: string;
  /** Whether it says something of what commits together: a lone statement that writes one table does not. */
  readonly tellsWrites: boolean;
}

/** What one kind of statement does to the rows of a table. */
export interface Operation {
  readonly table: number;
  readonly kind: WriteOperation['kind'];
  readonly columns: readonly string[];
  /** Columns set from their own old value. */
  readonly relative: readonly string[];
  /** Of these, those that something is taken from. */
  readonly falling: readonly string[];
}

/** The tables to place, numbered in order of name, so that no result depends on the order of input. */
export interface Monolith {
  readonly tables: readonly Table[];
  readonly indexOf: ReadonlyMap<TableName, number>;
  readonly references: readonly Reference[];
  /** Columns that divide the rows of nearly all tables, and hold none of them together. */
  readonly tenancy: readonly TenantColumn[];
  readonly transactions: readonly Access[];
  /** In what time the transactions ran; absent: not known. */
  readonly seconds?: number;
  /** Views, functions and triggers: what they touch together. */
  readonly code: readonly (readonly number[])[];
  /** The owner of each table; undefined: nobody claims it. */
  readonly owners: readonly (string | undefined)[];
  /** Undeclared keys that values confirm, */
  readonly confirmed: readonly Reference[];
  /** and column and parent of those that values refute: `table column parent`. */
  readonly refuted: ReadonlySet<string>;
  /** Partitions go where their parent goes. */
  readonly partitions: ReadonlyMap<TableName, TableName>;
  /** Names that the workload uses and the schema does not have. */
  readonly unknownTables: readonly string[];
}

export function readInput(input: AnalyzerInput): Monolith {
  const tables = input.schema.tables
    .filter((table) => table.kind !== 'partition')
    .sort((a, b) => compareText(a.name, b.name));
  const indexOf = new Map(tables.map((table, index) => [table.name, index]));
  const partitions = partitionParents(input.schema.tables);
  const resolve = resolver(tables, indexOf, partitions);
  const tenancy = tenantColumns(tables);
  const unknown = new Set<string>();
  const known = (names: readonly TableName[]): number[] => {
    const found = new Set<number>();
    for (const name of names) {
      for (const index of resolve(name)) found.add(index);
      if (resolve(name).length === 0) unknown.add(name);
    }
    return [...found].sort((a, b) => a - b);
  };
  const views = new Map(input.schema.views.map((view) => [view.name, view.reads]));
  const expand = (names: readonly TableName[]): TableName[] => names.flatMap((name) => readsOfView(name, views, 0));
  const transactions = (input.workload?.transactions ?? []).map((item, index) => access(item, index, known, expand));
  return {
    tables,
    indexOf,
    references: declaredReferences(tables, resolve, tenancy),
    tenancy,
    transactions,
    ...(input.workload?.seconds === undefined ? {} : { seconds: input.workload.seconds }),
    owners: input.owners ? ownersOf(input.owners, tables.map((table) => table.name)) : tables.map(() => undefined),
    ...judgedReferences(input.testedKeys ?? [], tables, tenancy),
    code: codeGroups(input, known, expand),
    partitions,
    unknownTables: [...unknown].sort(),
  };
}

export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function partitionParents(tables: readonly Table[]): Map<TableName, TableName> {
  const direct = new Map<TableName, TableName>();
  for (const table of tables) if (table.partitionOf) direct.set(table.name, table.partitionOf.parent);
  const roots = new Map<TableName, TableName>();
  for (const [name, parent] of direct) {
    let root = parent;
    for (let depth = 0; depth < direct.size; depth += 1) root = direct.get(root) ?? root;
    roots.set(name, root);
  }
  return roots;
}

/** A name finds its table, its partition's parent, or the only table of that name in any schema. */
function resolver(
  tables: readonly Table[],
  indexOf: ReadonlyMap<TableName, number>,
  partitions: ReadonlyMap<TableName, TableName>,
): (name: TableName) => readonly number[] {
  const byTable = new Map<string, number[]>();
  tables.forEach((table, index) => {
    const key = splitTableName(table.name).table;
    append(byTable, key, index);
  });
  return (name) => {
    const exact = indexOf.get(partitions.get(name) ?? name);
    if (exact !== undefined) return [exact];
    const { schema, table } = splitTableName(name);
    const same = schema === 'public' ? (byTable.get(table) ?? []) : [];
    return same.length === 1 ? same : [];
  };
}

function readsOfView(
  name: TableName,
  views: ReadonlyMap<TableName, readonly TableName[]>,
  depth: number,
): readonly TableName[] {
  const reads = views.get(name);
  if (!reads || depth > 20) return [name];
  return reads.flatMap((inner) => readsOfView(inner, views, depth + 1));
}

function access(
  item: WorkloadTransaction,
  index: number,
  known: (names: readonly TableName[]) => number[],
  expand: (names: readonly TableName[]) => readonly TableName[],
): Access {
  return {
    calls: item.calls,
    reads: known(expand(item.reads)),
    writes: known(item.writes),
    tellsWrites: item.partial !== true || item.writes.length > 1,
    joins: item.joins.map((tables) => known(expand(tables))).filter((tables) => tables.length > 1),
    operations: (item.operations ?? []).flatMap(({ table, kind, columns = [], relative = [], falling = [] }) =>
      known([table]).map((index): Operation => ({ table: index, kind, columns, relative, falling })),
    ),
    label: item.line === undefined ? `transaction ${index + 1}` : `line ${item.line}`,
  };
}

function declaredReferences(
  tables: readonly Table[],
  resolve: (name: TableName) => readonly number[],
  tenancy: readonly TenantColumn[],
): Reference[] {
  const references: Reference[] = [];
  tables.forEach((table, child) => {
    for (const key of table.foreignKeys) {
      const parent = resolve(key.references)[0];
      if (parent !== undefined && parent !== child) references.push(reference(table, { child, parent, key, tenancy, declared: true }));
    }
  });
  return references;
}

/** Tested keys as references between tables. */
function judgedReferences(
  tested: readonly TestedKey[],
  tables: readonly Table[],
  tenancy: readonly TenantColumn[],
): Pick<Monolith, 'confirmed' | 'refuted'> {
  const { confirmed, refuted } = judgeKeys(tested);
  const references = confirmed.flatMap(({ table: name, column, parent: to, parentColumn }) => {
    const child = tables.findIndex((table) => table.name === name);
    const parent = tables.findIndex((table) => table.name === to);
    const table = tables[child];
    if (!table || parent === -1) return [];
    const key = { name: `${column} (by its values)`, columns: [column], referencedColumns: [parentColumn], onDelete: 'no action' } as const;
    return [reference(table, { child, parent, key, tenancy, declared: false })];
  });
  return { confirmed: references, refuted: new Set(refuted.map(({ table, column, parent }) => `${table} ${column} ${parent}`)) };
}

/** What a foreign key says about how its two tables belong together. */
export function reference(
  table: Table,
  link: {
    readonly child: number;
    readonly parent: number;
    readonly key: Pick<ForeignKey, 'name' | 'columns' | 'referencedColumns' | 'onDelete'>;
    readonly tenancy: readonly TenantColumn[];
    readonly declared: boolean;
  },
): Reference {
  const { key } = link;
  // A tenant's number in front of every key says nothing of which row is part of which.
  const proper = (columns: readonly string[]): string[] =>
    columns.filter((column) => !link.tenancy.some((tenant) => tenant.column === column.toLowerCase()));
  const own = proper(key.columns);
  const primary = proper(table.primaryKey?.columns ?? []);
  const covers = (columns: readonly string[]): boolean =>
    columns.length > 0 && columns.every((column) => own.includes(column));
  const uniques = table.uniques.map((unique): readonly string[] => proper(unique.columns));
  for (const index of table.indexes) {
    if (index.unique && !index.partial) uniques.push(proper(index.columns.map((column) => column ?? '')));
  }
  return {
    child: link.child,
    parent: link.parent,
    name: key.name,
    columns: key.columns,
    referencedColumns: key.referencedColumns,
    declared: link.declared,
    nullable: key.columns.some((name) => table.columns.find((column) => column.name === name)?.nullable ?? false),
    inPrimaryKey: own.length > 0 && own.every((column) => primary.includes(column)),
    oneToOne: covers(primary) || uniques.some(covers),
    cascades: key.onDelete === 'cascade',
    tenant: own.length === 0,
  };
}

function codeGroups(
  input: AnalyzerInput,
  known: (names: readonly TableName[]) => number[],
  expand: (names: readonly TableName[]) => readonly TableName[],
): number[][] {
  const groups: number[][] = [];
  for (const view of input.schema.views) groups.push(known(expand(view.reads)));
  const touched = new Map<string, readonly TableName[]>();
  for (const routine of input.routines ?? []) {
    const names = [...routine.reads, ...routine.writes];
    touched.set(routine.name, names);
    if (names.length > 1) groups.push(known(expand(names)));
  }
  for (const table of input.schema.tables) {
    for (const trigger of table.triggers) {
      const names = touched.get(trigger.calls) ?? touched.get(`public.${trigger.calls}`) ?? [];
      if (names.length > 0) groups.push(known([table.name, ...expand(names)]));
    }
  }
  return groups.filter((group) => group.length > 1);
}
