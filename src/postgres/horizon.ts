import type pg from 'pg';
import { invariant } from '../core/errors.ts';
import type { Beginning, Horizon } from '../ports/applier.ts';
import { parsePosition, positionSql } from './log-position.ts';

/** A point before which every transaction of this database has ended and been logged. */
export async function readHorizon(pool: pg.Pool, service: string): Promise<Horizon> {
  // Two statements, in this order: what had ended by the snapshot was logged before the position.
  const before = await pool.query<{ xmin: string }>('SELECT pg_snapshot_xmin(pg_current_snapshot())::xid::text AS xmin');
  const after = await pool.query<{ position: string }>(`SELECT ${positionSql('$1')} AS position`, [service]);
  return { xid: Number(before.rows[0]?.xmin), position: parsePosition(after.rows[0]?.position) };
}

/** When a one-way stream to this database began, kept beside its checkpoint. */
export function beginningOf(pool: pg.Pool, stream: string): Beginning {
  return {
    keep: async () => {
      await pool.query(
        'INSERT INTO banyan.stream_beginning (stream, horizon) VALUES ($1, pg_snapshot_xmin(pg_current_snapshot())) ON CONFLICT (stream) DO NOTHING', [stream],
      );
      const { rows: [row] } = await pool.query<{ xid: string }>(BEGINNING, [stream]);
      invariant(row, 'a beginning that was kept');
      return Number(row.xid);
    },
    forget: () => forgetBeginning(pool, stream),
  };
}

export async function forgetBeginning(client: pg.Pool | pg.ClientBase, stream: string): Promise<void> {
  await client.query('DELETE FROM banyan.stream_beginning WHERE stream = $1', [stream]);
}

/** Of what is older than the oldest row that is not frozen anywhere, the server does not know any more who wrote it: it counts as earlier. */
const BEGINNING = `
SELECT (greatest(horizon::text::bigint, pg_snapshot_xmax(pg_current_snapshot())::text::bigint - (SELECT max(age(datfrozenxid)) FROM pg_database)) % 4294967296)::text AS xid
  FROM banyan.stream_beginning WHERE stream = $1`;
