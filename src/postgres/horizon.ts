import type pg from 'pg';
import { parseLsn } from '../model/position.ts';
import type { Horizon } from '../ports/applier.ts';

/** A point before which every transaction of this database has ended and been logged. */
export async function readHorizon(pool: pg.Pool): Promise<Horizon> {
  // Two statements, in this order: what had ended by the snapshot was logged before the position.
  const before = await pool.query<{ xmin: string }>('SELECT pg_snapshot_xmin(pg_current_snapshot())::xid::text AS xmin');
  const after = await pool.query<{ lsn: string }>('SELECT pg_current_wal_insert_lsn() AS lsn');
  return { xid: Number(before.rows[0]?.xmin), position: parseLsn(after.rows[0]?.lsn ?? '0/0') };
}
