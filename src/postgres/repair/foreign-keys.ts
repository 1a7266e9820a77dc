import type pg from 'pg';
import type { Value } from '../../model/change.ts';
import type { NamedRow } from '../../model/conflict.ts';
import { quoteIdentifier } from '../../model/names.ts';
import type { RowIdentity } from '../../ports/checksummer.ts';
import { columnLiteral } from '../apply/array-literal.ts';
import { rowsUnder, type RepairTarget } from './statements.ts';

/** A foreign key that holds, from its child's side or its parent's. */
interface ForeignKey {
  readonly name: string;
  /** The other table, quoted for SQL. */
  readonly other: string;
  /** Columns of the table that was asked about, and of the other, in the same order. */
  readonly columns: readonly string[];
  readonly there: readonly string[];
}

export interface ForeignKeys {
  /** To what the table's rows refer. */
  readonly outgoing: readonly ForeignKey[];
  /** Who refers to the table's rows. */
  readonly incoming: readonly ForeignKey[];
}

/** The foreign keys of a table that no row breaks as far as the database knows. */
export async function readForeignKeys(client: pg.ClientBase | pg.Pool, sqlName: string): Promise<ForeignKeys> {
  const found = await client.query<{ outgoing: string | null; incoming: string | null }>(FOREIGN_KEYS_SQL, [sqlName]);
  const parsed = (json: string | null | undefined): ForeignKey[] => (json ? (JSON.parse(json) as ForeignKey[]) : []);
  return { outgoing: parsed(found.rows[0]?.outgoing), incoming: parsed(found.rows[0]?.incoming) };
}

const NAMES = (relation: string, columns: string): string =>
  `(SELECT json_agg(a.attname ORDER BY k.i) FROM unnest(f.${columns}) WITH ORDINALITY AS k(attnum, i) JOIN pg_attribute a ON a.attrelid = f.${relation} AND a.attnum = k.attnum)`;

const LIST = (other: string, mine: readonly [string, string], theirs: readonly [string, string], where: string): string => `
(SELECT json_agg(json_build_object('name', f.conname, 'other', quote_ident(n.nspname) || '.' || quote_ident(c.relname),
          'columns', ${NAMES(...mine)}, 'there', ${NAMES(...theirs)}) ORDER BY f.conname)
   FROM pg_constraint f JOIN pg_class c ON c.oid = f.${other} JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE f.contype = 'f' AND f.convalidated AND f.conparentid = 0 AND f.${where} = to_regclass($1))`;

const FOREIGN_KEYS_SQL = `SELECT ${LIST('confrelid', ['conrelid', 'conkey'], ['confrelid', 'confkey'], 'conrelid')} AS outgoing,
${LIST('conrelid', ['confrelid', 'confkey'], ['conrelid', 'conkey'], 'confrelid')} AS incoming`;

/**
 * The identities, by index, of rows that now refer to none, with the constraint's name. Those that are referred to
 * stay until the transaction ends, as with the server's own check, which does not look at what is written as a replay.
 */
export async function brokenReferences(
  client: pg.ClientBase,
  { target, outgoing, identities }: { readonly target: RepairTarget; readonly outgoing: readonly ForeignKey[]; readonly identities: readonly RowIdentity[] },
): Promise<ReadonlyMap<number, string>> {
  const broken = new Map<number, string>();
  const { at, from, where, values } = rowsUnder(target, identities);
  const rows = `(SELECT ${at} AS "banyan at", t.* FROM ${from} WHERE ${where}) AS t`;
  for (const { name, other, columns, there } of outgoing) {
    const own = columns.map((column) => `t.${quoteIdentifier(column)}`);
    const same = there.map((column, i) => `p.${quoteIdentifier(column)} = ${own[i]}`).join(' AND ');
    const found = await client.query<{ at: string }>(
      `SELECT t."banyan at" AS at FROM ${rows} WHERE ${own.map((column) => `${column} IS NOT NULL`).join(' AND ')} ` +
        `AND NOT EXISTS (SELECT FROM ${other} AS p WHERE ${same} FOR KEY SHARE)`,
      [...values],
    );
    for (const row of found.rows) if (!broken.has(Number(row.at) - 1)) broken.set(Number(row.at) - 1, name);
  }
  return broken;
}

/** Of rows as they were, by index: those to which somebody refers although nothing has their values any more, with the constraint's name. */
export async function leftBehind(
  client: pg.ClientBase,
  { target, incoming, rows }: { readonly target: RepairTarget; readonly incoming: readonly ForeignKey[]; readonly rows: readonly NamedRow[] },
): Promise<ReadonlyMap<number, string>> {
  const { shape } = target;
  const left = new Map<number, string>();
  for (const { name, other, columns, there } of incoming) {
    const types = columns.map((column) => shape.sqlTypes[shape.columns.indexOf(column)] ?? 'text');
    const wanted = types.map((type, i) => `u.c${i}::${type}`);
    const found = await client.query<{ at: string }>(
      `SELECT u.at FROM unnest(${columns.map((_, i) => `$${i + 1}::text[]`).join(', ')}) WITH ORDINALITY AS u(${[...columns.map((_, i) => `c${i}`), 'at'].join(', ')}) ` +
        `WHERE EXISTS (SELECT FROM ${other} AS c WHERE ${there.map((column, i) => `c.${quoteIdentifier(column)} = ${wanted[i]}`).join(' AND ')}) ` +
        `AND NOT EXISTS (SELECT FROM ${shape.sqlName} AS t WHERE ${columns.map((column, i) => `t.${quoteIdentifier(column)} = ${wanted[i]}`).join(' AND ')})`,
      columns.map((column) => columnLiteral(rows.map((row): Value[] => [row[column] ?? null]), 0)),
    );
    for (const row of found.rows) if (!left.has(Number(row.at) - 1)) left.set(Number(row.at) - 1, name);
  }
  return left;
}
