import type pg from 'pg';
import type { Horizon } from '../ports/applier.ts';
import { parsePosition, positionSql } from './log-position.ts';

/** A point before which every transaction of this database has ended and been logged. */
export async function readHorizon(pool: pg.Pool, service: string): Promise<Horizon> {
  // Two statements, in this order: what had ended by the snapshot was logged before the position.
  const before = await pool.query<{ xmin: string }>('SELECT pg_snapshot_xmin(pg_current_snapshot())::xid::text AS xmin');
  const after = await pool.query<{ position: string }>(`SELECT ${positionSql('$1')} AS position`, [service]);
  return { xid: Number(before.rows[0]?.xmin), position: parsePosition(after.rows[0]?.position) };
}
