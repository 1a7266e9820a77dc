import { parseLsn, type Position } from '../model/position.ts';

/**
 * SQL for a point of a service's log in this database: not before anything that has been committed, and
 * passed by what is committed later. In the WAL it is an LSN; where triggers capture, a number of
 * theirs, which is drawn. The parameter holds the service's name.
 */
export const positionSql = (service: string): string =>
  `CASE WHEN EXISTS (SELECT FROM banyan.capture WHERE service = ${service}) ` +
  `THEN nextval('banyan.capture_position')::text ELSE pg_current_wal_insert_lsn()::text END`;

/** Reads what {@link positionSql} gives: an LSN has a slash. */
export function parsePosition(text: string | null | undefined): Position {
  if (text === null || text === undefined) return 0n as Position;
  return text.includes('/') ? parseLsn(text) : (BigInt(text) as Position);
}
