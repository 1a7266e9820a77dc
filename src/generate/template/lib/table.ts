import { isSortable, jsonWriter, operatorsOf, selectExpression, type KindName, type Operator } from './kinds.ts';

export interface ColumnDefinition {
  readonly name: string;
  readonly kind: KindName;
  readonly array?: true;
  readonly nullable?: true;
  /** Written by the database alone. */
  readonly readOnly?: true;
  /** Never in an answer, a filter or a sort: passwords and other secrets. */
  readonly writeOnly?: true;
}

export interface ConstraintDefinition {
  readonly name: string;
  readonly kind: 'unique' | 'foreign key' | 'check';
  readonly columns: readonly string[];
}

export interface TableDefinition {
  readonly schema: string;
  readonly table: string;
  /** What one row is called in messages. */
  readonly singular: string;
  /** Columns that tell rows apart; empty if there are none. */
  readonly key: readonly string[];
  readonly columns: readonly ColumnDefinition[];
  readonly constraints: readonly ConstraintDefinition[];
}

export interface Column {
  readonly name: string;
  readonly kind: KindName;
  readonly array: boolean;
  readonly nullable: boolean;
  readonly readOnly: boolean;
  readonly writeOnly: boolean;
  readonly sortable: boolean;
  /** The quoted name. */
  readonly sql: string;
  /** The select list's entry. */
  readonly select: string;
  /** `"name":` */
  readonly jsonName: string;
  readonly toJson: (text: string) => string;
}

/** A query parameter that filters: `price[gte]`. */
export interface FilterParameter {
  readonly column: Column;
  readonly operator: Operator;
}

export interface Table {
  readonly schema: string;
  readonly table: string;
  /** Quoted, with its schema. */
  readonly sql: string;
  readonly singular: string;
  readonly key: readonly Column[];
  /** `"a" = $1 AND "b" = $2`, for the key. */
  readonly keyCondition: string;
  readonly byName: ReadonlyMap<string, Column>;
  /** What an answer shows. */
  readonly visible: readonly Column[];
  readonly filters: ReadonlyMap<string, FilterParameter>;
  readonly constraints: readonly ConstraintDefinition[];
}

export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function defineColumn(definition: ColumnDefinition): Column {
  const { name, kind, array = false, nullable = false, readOnly = false, writeOnly = false } = definition;
  const sql = quoteIdentifier(name);
  return {
    name,
    kind,
    array,
    nullable,
    readOnly,
    writeOnly,
    sql,
    sortable: isSortable(kind, array) && !writeOnly,
    select: selectExpression(sql, kind, array),
    jsonName: `${JSON.stringify(name)}:`,
    toJson: jsonWriter(kind, array),
  };
}

/** Query parameters with a meaning of their own; a column of such a name is filtered as `limit[eq]`. */
const RESERVED = new Set(['limit', 'cursor', 'sort', 'fields']);

function filterParameters(columns: readonly Column[]): Map<string, FilterParameter> {
  const filters = new Map<string, FilterParameter>();
  for (const column of columns) {
    for (const operator of operatorsOf(column.kind, column.array)) {
      filters.set(`${column.name}[${operator}]`, { column, operator });
    }
  }
  for (const column of columns) {
    const equality = filters.get(`${column.name}[eq]`);
    if (equality && !RESERVED.has(column.name) && !filters.has(column.name)) filters.set(column.name, equality);
  }
  return filters;
}

/** Prepares what every statement on the table needs. */
export function defineTable(definition: TableDefinition): Table {
  const columns = definition.columns.map(defineColumn);
  const byName = new Map(columns.map((column) => [column.name, column]));
  const visible = columns.filter((column) => !column.writeOnly);
  const key = definition.key.flatMap((name) => byName.get(name) ?? []);
  return {
    schema: definition.schema,
    table: definition.table,
    sql: `${quoteIdentifier(definition.schema)}.${quoteIdentifier(definition.table)}`,
    singular: definition.singular,
    key,
    keyCondition: key.map((column, i) => `${column.sql} = $${i + 1}`).join(' AND '),
    byName,
    visible,
    filters: filterParameters(visible),
    constraints: definition.constraints,
  };
}
