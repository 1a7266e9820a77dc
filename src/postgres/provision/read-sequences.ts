import type pg from 'pg';
import { quoteIdentifier, quoteLiteral, quoteTable, tableName, type TableName } from '../../model/names.ts';
import type { Schema, Sequence, Table } from '../../model/schema.ts';
import type { SequenceState } from './sequences.ts';

/**
 * Where each of the sequences of `schema` stands in this database, by `schema.name`. The highest
 * number in the owning column is read where an index gives it at once: rows may have been written
 * with numbers that no sequence handed out.
 */
export async function readSequences(
  client: pg.ClientBase | pg.Pool,
  schema: Schema,
): Promise<ReadonlyMap<TableName, SequenceState>> {
  if (schema.sequences.length === 0) return new Map();
  const tables = new Map(schema.tables.map((table) => [table.name, table]));
  const parts = schema.sequences.map((sequence) => statePart(sequence, tables));
  const result = await client.query<{ name: TableName; drawn: string; stored: string | null; start: string }>(parts.join(' UNION ALL '));
  return new Map(
    result.rows.map(({ name, drawn, stored, start }) => [
      name,
      { drawn: BigInt(drawn), start: BigInt(start), ...(stored !== null && { stored: BigInt(stored) }) },
    ]),
  );
}

function statePart(sequence: Sequence, tables: ReadonlyMap<TableName, Table>): string {
  const name = tableName(sequence.schema, sequence.name);
  const drawn = `(s.last_value::numeric - CASE WHEN s.is_called THEN 0 ELSE ${sequence.increment} END)::text`;
  const owner = sequence.ownedBy;
  const table = owner && tables.get(owner.table);
  const column = table?.columns.find(({ name: columnName }) => columnName === owner?.column);
  const stored =
    table && column && /^(smallint|integer|bigint)$/.test(column.type) && leadsAnIndex(table, column.name)
      ? `(SELECT max(t.${quoteIdentifier(column.name)})::text FROM ${quoteTable(table.name)} t)`
      : 'NULL::text';
  return `SELECT ${quoteLiteral(name)}::text AS name, ${drawn} AS drawn, ${stored} AS stored,
    (SELECT q.seqstart::text FROM pg_catalog.pg_sequence q WHERE q.seqrelid = ${quoteLiteral(quoteTable(name))}::regclass) AS start
    FROM ${quoteTable(name)} s`;
}

function leadsAnIndex(table: Table, column: string): boolean {
  if (table.primaryKey?.columns[0] === column || table.uniques.some((key) => key.columns[0] === column)) return true;
  return table.indexes.some((index) => !index.partial && index.columns[0] === column);
}
