import { parseTableName, quoteIdentifier, quoteTable, type TableName } from '../../model/names.ts';
import type { Schema } from '../../model/schema.ts';
import type { PlanToUndo, StepToUndo } from './plan-to-undo.ts';
import type { LostRows } from './runbook-document.ts';

/** A table as a look at the database found it. */
export interface LookedAtTable {
  readonly table: TableName;
  readonly rows: number;
  /** False: an estimate. */
  readonly exact: boolean;
  /** How it is known: `counted`, `by the server's statistics`. */
  readonly from: string;
  /** With indexes and TOAST. */
  readonly bytes: number;
  /** Rows that have a value in it, counted, by the column's name. */
  readonly columns: ReadonlyMap<string, number>;
}

export interface DatabaseLook {
  /** RFC 3339. */
  readonly at: string;
  readonly tables: readonly LookedAtTable[];
  /** Its tables as they are, with the types and rules of their columns. */
  readonly schema?: Schema;
}

/** The table of a plan; undefined: named as people do ("order items"). */
export function tableOf(name: string): TableName | undefined {
  try {
    return parseTableName(name);
  } catch {
    return undefined;
  }
}

/** All tables that a plan speaks of. */
export function tablesOf({ tables = [], schema_changes: changes = [] }: PlanToUndo): string[] {
  return [...new Set([...tables.map(({ name }) => name), ...changes.map(({ table }) => table)])];
}

/** Tables of which undoing a step loses something: those that it names. */
export function tablesConcerned(plan: PlanToUndo, { name, rollback }: StepToUndo): string[] {
  return tablesOf(plan).filter((table) => name.startsWith(`${table}: `) || rollback.includes(`"${table.split('.').at(-1) ?? ''}"`));
}

/** The columns that a way back drops, as they are stored. */
export function droppedColumns({ rollback }: StepToUndo): string[] {
  return [...rollback.matchAll(/\bDROP COLUMN (?:IF EXISTS )?(?:"((?:[^"]|"")+)"|([a-z_][\w$]*))/gi)].map(([, quoted, plain = '']) => quoted?.replaceAll('""', '"') ?? plain.toLowerCase());
}

/** How many rows undoing a step concerns at most, by what is known of its tables. */
export function lostRowsOf(plan: PlanToUndo, step: StepToUndo, look: DatabaseLook | undefined): LostRows[] {
  const [column] = droppedColumns(step);
  return tablesConcerned(plan, step).map((name): LostRows => {
    const table = tableOf(name);
    const query = `SELECT count(${column === undefined ? '*' : quoteIdentifier(column)}) FROM ${table === undefined ? `"public".${quoteIdentifier(name)}` : quoteTable(table)};`;
    const found = look?.tables.find((each) => each.table === table);
    const planned = plan.tables?.find((each) => each.name === name)?.row_count;
    if (look && found) {
      const valued = column === undefined ? undefined : found.columns.get(column);
      return valued === undefined
        ? { table: name, rows: found.rows, exact: found.exact, from: `${found.from}, ${look.at}`, query }
        : { table: name, rows: valued, exact: true, from: `those with a value in it, counted, ${look.at}`, query };
    }
    return planned === undefined ? { table: name, exact: false, from: 'no database was looked at', query } : { table: name, rows: planned, exact: false, from: 'the plan says so', query };
  });
}

/** For people: how many, and whether that is an estimate. The query stays out of it: this is also written to those who run none. */
export function lostRowsText(lost: readonly LostRows[]): string {
  if (lost.length === 0) return '';
  return ` (${lost.map(({ table, rows, exact, from }) => (rows === undefined ? `how many rows of ${table} is not known` : `at most ${exact ? '' : 'about '}${rows} rows of ${table}: ${exact ? '' : 'an estimate, '}${from}`)).join('; ')})`;
}

/** How to know it better, where it is not counted. */
export function countingOf(lost: readonly LostRows[] = []): string[] {
  return lost.filter(({ exact }) => !exact).map(({ query }) => query);
}
