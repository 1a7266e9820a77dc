import type pg from 'pg';
import type { StreamNames } from '../banyan-schema.ts';
import type { CaptureKind } from '../capture.ts';
import { copyOrigin } from '../origins.ts';

/**
 * Drops the origins that a finished copy's parallel sessions used, as soon as nobody needs them: the
 * opposite stream tells the copied rows from a user's by their origin's name, which is gone with it. So
 * they stay until its slot has left the copy behind. Cheap to ask. False: not yet.
 */
export async function dropCopyOrigins(options: {
  readonly ends: { readonly monolith: { readonly pool: pg.Pool }; readonly service: { readonly pool: pg.Pool; readonly capture?: CaptureKind } };
  readonly names: { readonly forward: StreamNames; /** Absent: there is no opposite stream. */ readonly backward?: StreamNames };
}): Promise<boolean> {
  const { ends, names } = options;
  const { pool } = ends.service;
  if (ends.service.capture === 'trigger') {
    await pool.query('DELETE FROM banyan.copy WHERE stream = $1 AND ended_at_lsn IS NOT NULL', [names.forward.stream]);
    return true;
  }
  const found = await pool.query<{ passed: string }>(
    'SELECT $2::text IS NULL OR coalesce((SELECT confirmed_flush_lsn >= c.ended_at_lsn FROM pg_replication_slots ' +
      'WHERE slot_name = $2 AND database = current_database()), true) AS passed FROM banyan.copy c WHERE stream = $1 AND ended_at_lsn IS NOT NULL',
    [names.forward.stream, names.backward?.slot ?? null],
  );
  const row = found.rows[0];
  if (!row) return true;
  if (row.passed !== 't') return false;
  await pool.query(
    'SELECT pg_replication_origin_drop(roname) FROM pg_replication_origin WHERE starts_with(roname, $1)',
    [copyOrigin(names.forward.origin, 1).slice(0, -1)],
  );
  await pool.query('DELETE FROM banyan.copy WHERE stream = $1 AND ended_at_lsn IS NOT NULL', [names.forward.stream]);
  return true;
}
