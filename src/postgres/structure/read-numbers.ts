import type pg from 'pg';
import { quoteIdentifier, quoteTable, tableName, type TableName } from '../../model/names.ts';
import type { Schema, Sequence } from '../../model/schema.ts';
import type { Standing, Territory } from './number-territory.ts';

/** A column whose new rows get their number from a sequence. */
export interface FedColumn {
  readonly table: TableName;
  readonly column: string;
}

/** The columns of `tables` that draw from the sequence and hold plain numbers. Pure. */
export function fedColumns(schema: Schema, sequence: Sequence, tables: ReadonlySet<TableName>): readonly FedColumn[] {
  const name = tableName(sequence.schema, sequence.name);
  return schema.tables.filter((table) => tables.has(table.name)).flatMap((table) =>
    table.columns
      .filter((column) => (sequence.ownedBy?.table === table.name && sequence.ownedBy.column === column.name) || drawnFrom(column.default) === name)
      .filter((column) => isNumber(schema, column.type))
      .map((column) => ({ table: table.name, column: column.name })),
  );
}

/** The sequence of a default that is nothing but its next number. */
export function drawnFrom(expression: string | undefined): string | undefined {
  return /^nextval\('((?:[^']|'')+)'::regclass\)$/.exec(expression ?? '')?.[1]?.replaceAll("''", "'");
}

function isNumber(schema: Schema, type: string): boolean {
  if (/^(smallint|integer|bigint|numeric)/.test(type)) return true;
  const domain = schema.domains.find((each) => tableName(each.schema, each.name) === type);
  return domain !== undefined && isNumber(schema, domain.baseType);
}

export async function readStanding(pool: pg.Pool, sequence: Sequence): Promise<Standing> {
  const found = await pool.query<{ next: string }>(`SELECT ${nextOf(sequence)} AS next FROM ${nameOf(sequence)} s`);
  return { next: BigInt(found.rows[0]?.next ?? '0'), start: BigInt(sequence.start ?? '1'), increment: BigInt(sequence.increment) };
}

/** In numeric: a sequence at its end has a next number that its type does not hold. */
const nextOf = (sequence: Sequence): string => `(s.last_value::numeric + CASE WHEN s.is_called THEN ${sequence.increment} ELSE 0 END)::text`;
const nameOf = ({ schema, name }: Sequence): string => quoteTable(tableName(schema, name));

/** What a column holds of a side's own numbers, and the number that follows. */
export interface Numbers {
  readonly next: bigint;
  /** The largest, or with a step below zero the smallest; absent: none. */
  readonly furthest?: bigint;
}

/**
 * Both of one moment: a number is drawn before its row is committed, so that a sequence which is read after
 * the snapshot of the column is never behind it because of somebody who writes meanwhile.
 */
export async function readNumbers(pool: pg.Pool, sequence: Sequence, fed: FedColumn, territory: Territory): Promise<Numbers> {
  const column = `t.${quoteIdentifier(fed.column)}`;
  const { from, below, every } = territory;
  const conditions = [
    `${column} IS NOT NULL`,
    ...(from === undefined ? [] : [`${column} >= '${from}'::int8`]),
    ...(below === undefined ? [] : [`${column} < '${below}'::int8`]),
    ...(every === undefined ? [] : [`mod(mod(${column}::numeric, ${every.step}) + ${every.step}, ${every.step}) = ${every.remainder}`]),
  ];
  const furthest = BigInt(sequence.increment) < 0n ? 'min' : 'max';
  const found = await pool.query<{ furthest: string | null; next: string }>(
    `SELECT (SELECT trunc(${furthest}(${column})::numeric)::text FROM ${quoteTable(fed.table)} t WHERE ${conditions.join(' AND ')}) AS furthest, ${nextOf(sequence)} AS next FROM ${nameOf(sequence)} s`,
  );
  const [row] = found.rows;
  return { next: BigInt(row?.next ?? '0'), ...(typeof row?.furthest === 'string' && /^-?\d+$/.test(row.furthest) ? { furthest: BigInt(row.furthest) } : {}) };
}

/** Whether a row has the number already that the sequence gives out next; of one moment as well. */
export async function isNextTaken(pool: pg.Pool, sequence: Sequence, fed: FedColumn): Promise<boolean> {
  const column = `t.${quoteIdentifier(fed.column)}`;
  const found = await pool.query<{ taken: string }>(
    `SELECT EXISTS (SELECT FROM ${quoteTable(fed.table)} t WHERE ${column} = (${nextOf(sequence)})::numeric) AS taken FROM ${nameOf(sequence)} s`,
  );
  return found.rows[0]?.taken === 't';
}

export const sequenceOf = (schema: Schema, name: TableName): Sequence | undefined => schema.sequences.find((each) => tableName(each.schema, each.name) === name);
