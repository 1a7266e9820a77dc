import type pg from 'pg';
import { quoteIdentifier, quoteLiteral, quoteTable, type TableName } from '../../model/names.ts';
import type { TableShape } from '../apply/table-shape.ts';
import type { CopiedTable } from './copied-table.ts';

/** A table of the source with everything that is made of it: chunk by chunk, all of that is copied in one transaction. */
export interface SourceTable {
  readonly source: TableName;
  /** The columns by which it can be read in ranges; none: it is one chunk. */
  readonly key: readonly KeyColumn[];
  readonly parts: readonly CopiedPart[];
}

export interface CopiedPart extends CopiedTable {
  /** Whether the binary form of the one side's columns is that of the other's. */
  readonly binary: boolean;
}

/** A column of a key, on the source. */
export interface KeyColumn {
  readonly name: string;
  /** Quoted, for SQL. */
  readonly sqlType: string;
  /** Quoted, for SQL; undefined where the type has none. */
  readonly sqlCollation: string | undefined;
}

/** Rows of a table whose key is at or after `lower` and before `upper`; without a bound, all on that side. */
export interface KeyRange {
  readonly lower: readonly string[] | undefined;
  readonly upper: readonly string[] | undefined;
}

export interface Chunk extends KeyRange {
  /** From 0, in the order of the key. */
  readonly number: number;
  readonly table: TableName;
}

/**
 * SQL that is true for keys within a range. Only the source's server ever compares keys: what order
 * text has there, nobody else need know.
 * @param expressions one for each column of the key
 */
export function inRange(key: readonly KeyColumn[], expressions: readonly string[], range: KeyRange): string {
  const compare = (operator: string, bound: readonly string[]): string => {
    const values = key.map((column, i) => `${quoteLiteral(bound[i] ?? '')}::${column.sqlType}`);
    return key.length === 1 ? `${expressions[0]} ${operator} ${values[0]}` : `(${expressions.join(', ')}) ${operator} (${values.join(', ')})`;
  };
  const parts = [
    ...(range.lower ? [compare('>=', range.lower)] : []),
    ...(range.upper ? [compare('<', range.upper)] : []),
  ];
  return parts.length === 0 ? 'true' : parts.join(' AND ');
}

/** Ranges in the order of their bounds, those that meet joined into one. */
export function joined(chunks: readonly Chunk[]): KeyRange[] {
  const ranges: { lower: KeyRange['lower']; upper: KeyRange['upper']; last: number }[] = [];
  for (const chunk of chunks.toSorted((a, b) => a.number - b.number)) {
    const before = ranges.at(-1);
    if (before && before.last + 1 === chunk.number) Object.assign(before, { upper: chunk.upper, last: chunk.number });
    else ranges.push({ lower: chunk.lower, upper: chunk.upper, last: chunk.number });
  }
  return ranges.map(({ lower, upper }) => ({ lower, upper }));
}

/**
 * Divides a table into chunks of about `rows` rows, by the key. The bounds come from a sample of a few
 * pages: they need not be even, only apart. Reads within the caller's snapshot.
 */
export async function planChunks(source: pg.ClientBase, table: SourceTable, rows: number): Promise<Chunk[]> {
  const whole: Chunk[] = [{ number: 0, table: table.source, lower: undefined, upper: undefined }];
  if (table.key.length === 0) return whole;
  const { pages, rows: expected } = await readSize(source, table);
  const count = Math.min(MOST_CHUNKS, Math.ceil(expected / rows));
  if (count < 2 || pages === 0) return whole;
  const percent = Math.min(100, (100 * SAMPLED_PAGES_PER_CHUNK * count) / pages);
  const names = table.key.map((column) => quoteIdentifier(column.name));
  const order = names.map((name) => `s.${name}`).join(', ');
  const bounds = await source.query<Record<string, string>>(
    `SELECT DISTINCT ON (s.tile) ${names.map((name, i) => `s.${name}::text AS k${i}`).join(', ')} FROM ` +
      `(SELECT ${names.join(', ')}, ntile(${count}) OVER (ORDER BY ${names.join(', ')}) AS tile ` +
      `FROM ${quoteTable(table.source)} TABLESAMPLE SYSTEM (${percent.toFixed(6)})) s ORDER BY s.tile, ${order}`,
  );
  // What comes before the first that was sampled belongs to the first chunk.
  const starts = bounds.rows.slice(1).map((row) => table.key.map((_, i) => row[`k${i}`] ?? ''));
  return [undefined, ...starts].map((lower, number) => ({ number, table: table.source, lower, upper: starts[number] }));
}

/** About how large a table is on the source. */
export async function readSize(source: pg.ClientBase, table: SourceTable): Promise<{ readonly rows: number; readonly pages: number }> {
  const found = await source.query<{ rows: string; pages: string }>(SIZE_SQL, [quoteTable(table.source)]);
  return { rows: Number(found.rows[0]?.rows ?? 0), pages: Number(found.rows[0]?.pages ?? 0) };
}

/** A bound more than this costs more to keep than it is worth. */
const MOST_CHUNKS = 100_000;
const SAMPLED_PAGES_PER_CHUNK = 30;

/** $1: the quoted name. The rows of a table that was never analysed are guessed from its size. */
const SIZE_SQL = `
SELECT coalesce(sum(CASE WHEN c.reltuples > 0 AND c.relpages > 0 THEN c.reltuples / c.relpages * size.pages ELSE size.pages * 80 END), 0)::int8 AS rows,
       coalesce(sum(size.pages), 0)::int8 AS pages
FROM (SELECT to_regclass($1)::oid AS relid UNION SELECT relid::oid FROM pg_partition_tree(to_regclass($1))) t
JOIN pg_class c ON c.oid = t.relid,
LATERAL (SELECT CASE WHEN c.relkind = 'r' THEN pg_relation_size(c.oid) / current_setting('block_size')::int ELSE 0 END AS pages) size`;

/** The key by which a table's rows can be told apart and ordered on the source. */
export async function readKey(source: pg.ClientBase | pg.Pool, shape: TableShape): Promise<readonly KeyColumn[]> {
  const types = shape.key.map((column) => shape.sqlTypes[column] ?? '');
  // An operator of another schema could order differently from the index, and leave rows between two ranges.
  if (shape.key.length === 0 || types.some((type) => !type.startsWith('pg_catalog.'))) return [];
  // An update tells the old key if the key is what the log identifies rows by, or the whole old row is.
  const identity = await source.query<{ relreplident: string }>('SELECT relreplident FROM pg_class WHERE oid = to_regclass($1)', [quoteTable(shape.name)]);
  if (!['d', 'f'].includes(identity.rows[0]?.relreplident ?? '')) return [];
  const found = await source.query<{ name: string; collation: string | null }>(
    "SELECT a.attname AS name, quote_ident(n.nspname) || '.' || quote_ident(c.collname) AS collation FROM pg_attribute a " +
      'LEFT JOIN pg_collation c ON c.oid = a.attcollation LEFT JOIN pg_namespace n ON n.oid = c.collnamespace WHERE a.attrelid = to_regclass($1) AND a.attnum > 0',
    [quoteTable(shape.name)],
  );
  const collations = new Map(found.rows.map((row) => [row.name, row.collation ?? undefined]));
  return shape.key.map((column, i) => {
    const name = shape.columns[column] ?? '';
    return { name, sqlType: types[i] ?? '', sqlCollation: collations.get(name) };
  });
}
