import type pg from 'pg';
import { sqlState } from '../transient.ts';

/**
 * Fixed values of every type that goes into the record hash. Servers of different versions or byte
 * orders that agree on these hashes, and on the encoding, hash all such values alike.
 */
const VECTOR_SQL = `
SELECT current_setting('server_encoding') || ' ' || string_agg(hash_record_extended(v, seed)::text, ' ' ORDER BY seed) AS vector
  FROM (SELECT ROW(true, false, '\\x00ff10'::bytea, '00112233-4455-6677-8899-aabbccddeeff'::uuid, '2024-02-29'::date,
      (-7)::int2, 123456789::int4, int8send(-9007199254740993), 'NaN'::float8, '-0'::float8, 1e300::float8,
      numeric_send(trim_scale(-12345678901234567890.1234500)), numeric_send('NaN'), numeric_send(0), timestamp_send('infinity'),
      timestamptz_send('2024-02-29 12:00:00.000001+00'), time_send('24:00'), ''::text COLLATE "C", repeat('banyan ', 40) COLLATE "C",
      NULL::text) AS v) AS fixed,
    (VALUES (0::int8), (7), (-9007199254740993)) AS seeds (seed)`;

/** The record hash of fixed values; empty on servers that have none (before PostgreSQL 14). */
export async function testVector(pool: pg.Pool): Promise<string> {
  try {
    const found = await pool.query<{ vector: string }>(VECTOR_SQL);
    return found.rows[0]?.vector ?? '';
  } catch (error) {
    // 42883: the function does not exist.
    if (sqlState(error) === '42883') return '';
    throw error;
  }
}
