import type pg from 'pg';
import { quoteIdentifier, quoteTable, type TableName } from '../../model/names.ts';

/** A column and the key of another table that it may refer to. */
interface Candidate {
  readonly table: TableName;
  readonly column: string;
  readonly parent: TableName;
  readonly parentColumn: string;
  readonly family: 'integer' | 'uuid' | 'text';
}

interface Tested {
  readonly distinct: number;
  readonly included: number;
  readonly density?: number;
}

export interface KeyValuesOptions<C extends Candidate> {
  readonly pool: pg.Pool;
  /** Tested in this order until the queries are used up. */
  readonly candidates: readonly C[];
  /** Most queries; each is an index look-up of at most 100 values, or reads at most 10,000 rows. Default 500. */
  readonly mostQueries?: number;
  /** A query that takes longer is given up, in milliseconds. Default 2,000. */
  readonly timeoutMs?: number;
}

const ROWS = 10_000;
const VALUES = 100;
/** What makes a candidate be passed over: the time is up, a right is missing, or the table is gone by now. */
const PASSED_OVER = new Set(['57014', '42501', '42P01', '42703', '55P03']);

/**
 * Tests which candidates' values their parents have. Only reads, in transactions that can not write,
 * each query within its time; a sample of the first rows in storage, of which at most 100 different
 * values are looked up. A candidate that can not be read is passed over.
 */
export async function testKeyValues<C extends Candidate>(options: KeyValuesOptions<C>): Promise<(C & Tested)[]> {
  const { pool, candidates, mostQueries = 500, timeoutMs = 2000 } = options;
  const samples = new Map<string, readonly string[]>();
  const found: (C & Tested)[] = [];
  let queries = 0;
  const ask = async (text: string, values: readonly unknown[] = []): Promise<readonly Record<string, string | null>[]> => {
    queries += 1;
    const client = await pool.connect();
    try {
      await client.query('BEGIN READ ONLY');
      await client.query(`SET LOCAL statement_timeout = ${Math.ceil(timeoutMs)}; SET LOCAL lock_timeout = 500`);
      const { rows } = await client.query<Record<string, string | null>>(text, [...values]);
      return rows;
    } catch (error) {
      if (error instanceof Error && 'code' in error && PASSED_OVER.has(String(error.code))) return [];
      throw error;
    } finally {
      await client.query('ROLLBACK').catch(() => undefined);
      client.release();
    }
  };
  for (const candidate of candidates) {
    if (queries >= mostQueries) break;
    const key = `${candidate.table} ${candidate.column}`;
    let sample = samples.get(key);
    if (!sample) {
      const rows = await ask(sampleQuery(candidate));
      sample = rows.flatMap(({ value }) => (typeof value === 'string' ? [value] : []));
      samples.set(key, sample);
    }
    if (sample.length === 0) continue;
    const [row] = await ask(lookUpQuery(candidate), [sample]);
    if (!row) continue;
    const density = row['density'] === null || row['density'] === undefined ? {} : { density: Number(row['density']) };
    found.push({ ...candidate, distinct: sample.length, included: Number(row['included']), ...density });
  }
  return found;
}

function sampleQuery({ table, column }: Candidate): string {
  const name = quoteIdentifier(column);
  return `SELECT DISTINCT value FROM (SELECT ${name}::text AS value FROM ${quoteTable(table)} WHERE ${name} IS NOT NULL LIMIT ${ROWS}) AS sample
    LIMIT ${VALUES}`;
}

function lookUpQuery({ parent, parentColumn, family }: Candidate): string {
  const key = quoteIdentifier(parentColumn);
  const from = quoteTable(parent);
  const type = { integer: 'bigint', uuid: 'uuid', text: 'text' }[family];
  const included = `SELECT count(*) FROM unnest($1::text[]) AS sample (value)
    WHERE EXISTS (SELECT 1 FROM ${from} WHERE ${key} = sample.value::${type})`;
  if (family !== 'integer') return `SELECT (${included}) AS included, NULL AS density`;
  // A parent with more rows in between than are counted is dense, whatever the rest holds.
  return `SELECT (${included}) AS included,
    (SELECT count(*) FROM (SELECT 1 FROM ${from} WHERE ${key} BETWEEN range.low AND range.high LIMIT ${ROWS * 10}) AS counted)::numeric
      / least(range.high - range.low + 1, ${ROWS * 10}) AS density
    FROM (SELECT min(value::bigint) AS low, max(value::bigint) AS high FROM unnest($1::text[]) AS sample (value)) AS range`;
}
