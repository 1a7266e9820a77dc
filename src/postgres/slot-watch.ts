import type pg from 'pg';

/** What a server tells of one slot, now. */
export interface SlotReading {
  readonly name: string;
  /** Somebody reads it. */
  readonly active: boolean;
  /** Bytes of WAL that the server keeps for it. Null: it has lost them. */
  readonly retainedBytes: number | null;
  /** Bytes that may still be written before it is in danger. Null: the server sets no bound (`max_slot_wal_keep_size` is -1). */
  readonly safeBytes: number | null;
  /** `reserved` and `extended`: all is there; `unreserved`: the next checkpoint throws away what it needs; `lost`: gone. */
  readonly walStatus: string;
}

/** A standby has no position of its own to write at. */
const READ_SLOTS = `
SELECT slot_name AS name, active, coalesce(wal_status, 'lost') AS wal_status, safe_wal_size AS safe,
  pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END, restart_lsn) AS retained
FROM pg_replication_slots WHERE database = current_database() AND plugin = 'pgoutput' AND NOT temporary ORDER BY slot_name`;

/** The lasting slots of this database. Needs no right but to connect. */
export async function readSlots(pool: Pick<pg.Pool, 'query'>): Promise<readonly SlotReading[]> {
  const found = await pool.query<{ name: string; active: string; wal_status: string; safe: string | null; retained: string | null }>(READ_SLOTS);
  return found.rows.map((row) => ({
    name: row.name, active: row.active === 't', walStatus: row.wal_status,
    retainedBytes: row.retained === null ? null : Math.max(0, Number(row.retained)),
    safeBytes: row.safe === null ? null : Number(row.safe),
  }));
}

/** Whether a slot's name is one that Banyan gives with this prefix. */
export function isStreamSlot(name: string, prefix: string): boolean {
  return name.startsWith(`${prefix}_`) && /_(m2s|s2m)_[0-9]+$/.test(name);
}
