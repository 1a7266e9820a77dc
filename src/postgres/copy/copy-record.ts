import type pg from 'pg';
import { formatLsn, parseLsn, type Position } from '../../model/position.ts';
import type { TableName } from '../../model/names.ts';
import type { Chunk, SourceTable } from './chunks.ts';

/*
 * What a copy remembers, in the target: `banyan.copy` says as of which position of the source everything
 * copied so far is, `banyan.copy_chunk` which chunks there are and which are there. A chunk's mark
 * commits with its rows.
 */
export const COPY_SCHEMA_SQL = `
CREATE TABLE IF NOT EXISTS banyan.copy (
  stream text PRIMARY KEY,
  tables text NOT NULL,
  position pg_lsn NOT NULL,
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  ended_at_lsn pg_lsn
);
CREATE TABLE IF NOT EXISTS banyan.copy_chunk (
  stream text NOT NULL,
  table_name text NOT NULL,
  number int NOT NULL,
  lower text,
  upper text,
  rows bigint,
  position pg_lsn,
  PRIMARY KEY (stream, table_name, number)
);
`;

export interface RecordedChunk extends Chunk {
  /** Undefined until it is copied. */
  readonly rows: number | undefined;
}

export interface CopyRecord {
  /** Everything that is copied is as the source was here. */
  readonly position: Position;
  readonly chunks: readonly RecordedChunk[];
}

/** What tells whether a copy that was begun is still the copy that is asked for. */
const describe = (tables: readonly SourceTable[]): string =>
  JSON.stringify(tables.map(({ source, key, parts }) => ({ source, key, parts: parts.map(({ target, read, write, where, into }) => ({ target, read, write, where, into })) })));

/** The record of a copy of exactly these tables, begun and not ended. */
export async function readCopyRecord(pool: pg.Pool, stream: string, tables: readonly SourceTable[]): Promise<CopyRecord | undefined> {
  const copy = await pool.query<{ tables: string; position: string }>(
    'SELECT tables, position FROM banyan.copy WHERE stream = $1 AND ended_at_lsn IS NULL',
    [stream],
  );
  const row = copy.rows[0];
  if (!row || row.tables !== describe(tables)) return undefined;
  const chunks = await pool.query<{ table_name: TableName; number: string; lower: string | null; upper: string | null; rows: string | null }>(
    'SELECT table_name, number, lower, upper, rows FROM banyan.copy_chunk WHERE stream = $1 ORDER BY table_name, number',
    [stream],
  );
  return {
    position: parseLsn(row.position),
    chunks: chunks.rows.map((chunk) => ({
      table: chunk.table_name, number: Number(chunk.number), lower: boundOf(chunk.lower), upper: boundOf(chunk.upper),
      rows: chunk.rows === null ? undefined : Number(chunk.rows),
    })),
  };
}

const boundOf = (text: string | null): readonly string[] | undefined => (text === null ? undefined : (JSON.parse(text) as string[]));

/** Notes a new copy in the place of any former one. */
export async function beginCopyRecord(client: pg.ClientBase, options: {
  readonly stream: string;
  readonly tables: readonly SourceTable[];
  readonly position: Position;
  readonly chunks: readonly Chunk[];
}): Promise<void> {
  const { stream, tables, position, chunks } = options;
  await forgetCopyRecord(client, stream);
  await client.query('INSERT INTO banyan.copy (stream, tables, position) VALUES ($1, $2, $3)', [stream, describe(tables), formatLsn(position)]);
  const bound = (chunk: Chunk, end: 'lower' | 'upper'): string | null => (chunk[end] ? JSON.stringify(chunk[end]) : null);
  await client.query(
    'INSERT INTO banyan.copy_chunk (stream, table_name, number, lower, upper) ' +
      'SELECT $1, t, n, l, u FROM unnest($2::text[], $3::int[], $4::text[], $5::text[]) AS c(t, n, l, u)',
    [
      stream, chunks.map((chunk) => chunk.table), chunks.map((chunk) => chunk.number),
      chunks.map((chunk) => bound(chunk, 'lower')), chunks.map((chunk) => bound(chunk, 'upper')),
    ],
  );
}

export async function forgetCopyRecord(client: pg.ClientBase | pg.Pool, stream: string): Promise<void> {
  await client.query('DELETE FROM banyan.copy_chunk WHERE stream = $1', [stream]);
  await client.query('DELETE FROM banyan.copy WHERE stream = $1', [stream]);
}

/** In the transaction of the chunk's rows. */
export async function markChunk(client: pg.ClientBase, options: {
  readonly stream: string;
  readonly chunk: Chunk;
  readonly rows: number;
  readonly position: Position;
}): Promise<void> {
  const { stream, chunk, rows, position } = options;
  await client.query('UPDATE banyan.copy_chunk SET rows = $4, position = $5 WHERE stream = $1 AND table_name = $2 AND number = $3', [
    stream, chunk.table, chunk.number, rows, formatLsn(position),
  ]);
}

/** Everything copied so far has been brought to this position. */
export async function moveCopyRecord(client: pg.ClientBase, stream: string, position: Position): Promise<void> {
  await client.query('UPDATE banyan.copy SET position = $2 WHERE stream = $1', [stream, formatLsn(position)]);
}

/** The copy is whole. What is left of its record says where in the target's own log it ended. */
export async function endCopyRecord(client: pg.ClientBase, stream: string): Promise<void> {
  await client.query('DELETE FROM banyan.copy_chunk WHERE stream = $1', [stream]);
  await client.query('UPDATE banyan.copy SET ended_at_lsn = pg_current_wal_insert_lsn() WHERE stream = $1', [stream]);
}
