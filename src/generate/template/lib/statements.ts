import { queryRows, type Db, type Parameter, type TextRow } from '../db.ts';
import type { Operator } from './kinds.ts';
import type { Filter, ListQuery, SortTerm } from './list-query.ts';
import type { Column, Table } from './table.ts';

/** A row as PostgreSQL wrote it, with the columns it has. */
export interface Row {
  readonly columns: readonly Column[];
  readonly values: TextRow;
}

export interface Page {
  readonly rows: readonly Row[];
  /** Where the next page begins; absent on the last one. */
  readonly next?: readonly (string | null)[];
}

/** What a create, replace or patch request writes. `undefined`: the column's default. */
export type Values = ReadonlyMap<Column, Parameter | undefined>;

/** A condition and the values of its `$1`, `$2`, … */
export interface Condition {
  readonly sql: string;
  readonly values: readonly Parameter[];
}

const selectList = (columns: readonly Column[]): string => columns.map((column) => column.select).join(', ');

async function one(db: Db, sql: string, values: readonly Parameter[], columns: readonly Column[]): Promise<Row | undefined> {
  const [row] = await queryRows(db, sql, values);
  return row && { columns, values: row };
}

/** The row with this key. `lock` keeps others from changing it until the transaction ends. */
export async function selectRow(
  db: Db,
  table: Table,
  key: readonly Parameter[],
  options: { readonly columns?: readonly Column[]; readonly lock?: boolean } = {},
): Promise<Row | undefined> {
  const { columns = table.visible, lock = false } = options;
  const sql = `SELECT ${selectList(columns)} FROM ${table.sql} WHERE ${table.keyCondition}${lock ? ' FOR UPDATE' : ''}`;
  return one(db, sql, key, columns);
}

export async function insertRow(db: Db, table: Table, values: Values): Promise<Row | undefined> {
  const parameters: Parameter[] = [];
  const columns: string[] = [];
  for (const [column, value] of values) {
    if (value === undefined) continue;
    columns.push(column.sql);
    parameters.push(value);
  }
  const row =
    columns.length === 0
      ? 'DEFAULT VALUES'
      : `(${columns.join(', ')}) VALUES (${parameters.map((_, i) => `$${i + 1}`).join(', ')})`;
  return one(
    db,
    `INSERT INTO ${table.sql} ${row} RETURNING ${selectList(table.visible)}`,
    parameters,
    table.visible,
  );
}

/** Sets the given columns of the row with this key; undefined if there is no such row. */
export async function updateRow(db: Db, table: Table, key: readonly Parameter[], values: Values): Promise<Row | undefined> {
  if (values.size === 0) return selectRow(db, table, key);
  const parameters: Parameter[] = [...key];
  const assignments = [...values].map(([column, value]) => {
    if (value === undefined) return `${column.sql} = DEFAULT`;
    parameters.push(value);
    return `${column.sql} = $${parameters.length}`;
  });
  return one(
    db,
    `UPDATE ${table.sql} SET ${assignments.join(', ')} WHERE ${table.keyCondition} RETURNING ${selectList(table.visible)}`,
    parameters,
    table.visible,
  );
}

/** Whether there was such a row. */
export async function deleteRow(db: Db, table: Table, key: readonly Parameter[]): Promise<boolean> {
  const rows = await queryRows(db, `DELETE FROM ${table.sql} WHERE ${table.keyCondition} RETURNING 1`, key);
  return rows.length > 0;
}

/** Collects a statement's values and hands out their placeholders. */
class Parameters {
  readonly values: Parameter[];

  constructor(values: readonly Parameter[] = []) {
    this.values = [...values];
  }

  add(value: Parameter): string {
    this.values.push(value);
    return `$${this.values.length}`;
  }
}

/** The SQL of each operator; `?` stands for the value's placeholder. */
const OPERATOR_SQL: Readonly<Record<Exclude<Operator, 'is'>, string>> = {
  eq: '= ?',
  ne: '<> ?',
  gt: '> ?',
  gte: '>= ?',
  lt: '< ?',
  lte: '<= ?',
  in: '= ANY(?)',
  like: 'LIKE ?',
  ilike: 'ILIKE ?',
  contains: '@> ?',
  overlaps: '&& ?',
};

function filterCondition({ column, operator, value }: Filter, parameters: Parameters): string {
  if (operator === 'is') return `${column.sql} IS ${value === 'null' ? 'NULL' : 'NOT NULL'}`;
  return `${column.sql} ${OPERATOR_SQL[operator].replace('?', () => parameters.add(value))}`;
}

/** Nulls sort as the greatest value, as PostgreSQL's indexes have them. */
function isAfter(term: SortTerm, value: string | null, parameters: Parameters): string {
  const { sql, nullable } = term.column;
  if (value === null) return term.descending ? `${sql} IS NOT NULL` : 'FALSE';
  const placeholder = parameters.add(value);
  if (term.descending) return `${sql} < ${placeholder}`;
  return nullable ? `(${sql} > ${placeholder} OR ${sql} IS NULL)` : `${sql} > ${placeholder}`;
}

/**
 * "Behind the last row seen" in the order of the sort. Rows inserted or deleted meanwhile neither
 * shift nor repeat anything, because a page begins at values, not at a count.
 */
function keysetCondition(sort: readonly SortTerm[], after: readonly (string | null)[], parameters: Parameters): string {
  const descending = sort[0]?.descending ?? false;
  if (sort.length > 1 && sort.every((term) => term.descending === descending && !term.column.nullable)) {
    // The row comparison says the same in a form that an index can answer.
    const columns = sort.map((term) => term.column.sql).join(', ');
    const values = after.map((value) => parameters.add(value)).join(', ');
    return `(${columns}) ${descending ? '<' : '>'} (${values})`;
  }
  const alternatives: string[] = [];
  const equal: string[] = [];
  for (const [i, term] of sort.entries()) {
    const value = after[i] ?? null;
    alternatives.push([...equal, isAfter(term, value, parameters)].join(' AND '));
    // A value that no later alternative compares with must not become a parameter: it would have no type.
    if (i < sort.length - 1) equal.push(value === null ? `${term.column.sql} IS NULL` : `${term.column.sql} = ${parameters.add(value)}`);
  }
  return `(${alternatives.map((alternative) => `(${alternative})`).join(' OR ')})`;
}

/** One page of the rows that satisfy the query's filters and `within`, if given. */
export async function selectPage(db: Db, table: Table, query: ListQuery, within?: Condition): Promise<Page> {
  const parameters = new Parameters(within?.values);
  const keyset = table.key.length > 0;
  const conditions = within ? [within.sql] : [];
  for (const filter of query.filters) conditions.push(filterCondition(filter, parameters));
  if (query.after && keyset) conditions.push(keysetCondition(query.sort, query.after, parameters));

  const order = query.sort.map((term) => `${term.column.sql}${term.descending ? ' DESC' : ''}`).join(', ');
  const select = [selectList(query.fields), ...query.sort.map((term) => term.column.sql)];
  const skipped = keyset ? 0 : Number(query.after?.[0] ?? 0);
  const sql = [
    `SELECT ${select.join(', ')} FROM ${table.sql}`,
    conditions.length > 0 ? `WHERE ${conditions.join(' AND ')}` : '',
    order === '' ? '' : `ORDER BY ${order}`,
    // As a number, not as a parameter: so the planner knows that few rows are wanted, and uses the index of the order.
    `LIMIT ${query.limit + 1}`,
    skipped > 0 ? `OFFSET ${parameters.add(String(skipped))}` : '',
  ];
  const found = await queryRows(db, sql.filter(Boolean).join(' '), parameters.values);
  const shown = found.slice(0, query.limit);
  const rows = shown.map((values) => ({ columns: query.fields, values }));
  const last = shown.at(-1);
  if (found.length <= query.limit || !last) return { rows };
  return { rows, next: keyset ? last.slice(query.fields.length) : [String(skipped + shown.length)] };
}
