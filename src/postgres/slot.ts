import type pg from 'pg';
import { quoteIdentifier, quoteTable, tableName, type TableName } from '../model/names.ts';
import { parseLsn, type Position } from '../model/position.ts';
import { CARRIED_TABLES } from './banyan-schema.ts';
import { inTransaction } from './connect.ts';
import { sqlState } from './transient.ts';

/** The database's number within its cluster. */
export async function databaseOid(pool: pg.Pool): Promise<string> {
  const found = await pool.query<{ oid: string }>('SELECT oid FROM pg_database WHERE datname = current_database()');
  return found.rows[0]?.oid ?? '';
}

/** Publishes exactly these tables and Banyan's own; partitioned ones under their root's name. */
export async function ensurePublication(pool: pg.Pool, name: string, tables: readonly TableName[]): Promise<void> {
  const list = [...tables.map(quoteTable), ...CARRIED_TABLES].join(', ');
  await inTransaction(pool, async (client) => {
    const found = await client.query('SELECT 1 FROM pg_publication WHERE pubname = $1', [name]);
    await client.query(
      found.rowCount === 0
        ? `CREATE PUBLICATION ${quoteIdentifier(name)} FOR TABLE ${list} WITH (publish_via_partition_root = true)`
        : `ALTER PUBLICATION ${quoteIdentifier(name)} SET TABLE ${list}`,
    );
  });
}

/** The tables of some publications; none where they do not exist. */
export async function publishedTables(pool: pg.Pool, publications: readonly string[]): Promise<ReadonlySet<TableName>> {
  const found = await pool.query<{ schema: string; name: string }>(
    'SELECT DISTINCT schemaname AS schema, tablename AS name FROM pg_publication_tables WHERE pubname = ANY ($1)',
    [publications],
  );
  return new Set(found.rows.map(({ schema, name }) => tableName(schema, name)));
}

export interface SlotState {
  readonly confirmed: Position;
  /** The server has thrown away WAL that the slot needed. */
  readonly lost: boolean;
}

export async function slotState(pool: pg.Pool, slot: string): Promise<SlotState | undefined> {
  const found = await pool.query<{ confirmed: string | null; wal_status: string | null }>(
    'SELECT confirmed_flush_lsn AS confirmed, wal_status FROM pg_replication_slots WHERE slot_name = $1 AND database = current_database()',
    [slot],
  );
  const row = found.rows[0];
  if (!row) return undefined;
  return { confirmed: parseLsn(row.confirmed ?? '0/0'), lost: row.wal_status === 'lost' };
}

export interface CreatedSlot {
  readonly position: Position;
  /** A snapshot that sees exactly what was committed before `position`; lives until the session's next command. */
  readonly snapshot: string;
}

/** From PostgreSQL 17 on, a standby that synchronises slots keeps this one, so that the stream survives a failover. */
export async function createSlot(replication: pg.Client, slot: string): Promise<CreatedSlot> {
  const version = await replication.query<{ server_version_num: string }>('SHOW server_version_num');
  const failover = Number(version.rows[0]?.server_version_num) >= 170_000;
  const created = await replication.query<{ consistent_point: string; snapshot_name: string }>(
    `CREATE_REPLICATION_SLOT ${quoteIdentifier(slot)} LOGICAL pgoutput ${failover ? "(SNAPSHOT 'export', FAILOVER)" : 'EXPORT_SNAPSHOT'}`,
  );
  const row = created.rows[0];
  return { position: parseLsn(row?.consistent_point ?? '0/0'), snapshot: row?.snapshot_name ?? '' };
}

/**
 * Drops a slot if it exists. One that a lost worker still holds is freed first; its walsender needs a
 * moment to leave, so this asks again until it has.
 */
export async function dropSlot(pool: pg.Pool, slot: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    await pool.query('SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = $1 AND active', [slot]);
    try {
      await pool.query('SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1', [slot]);
      return;
    } catch (error) {
      if (sqlState(error) === UNDEFINED_OBJECT) return;
      if (sqlState(error) !== OBJECT_IN_USE || attempt === DROP_ATTEMPTS) throw error;
      await pool.query('SELECT pg_sleep(0.05)');
    }
  }
}

const OBJECT_IN_USE = '55006';
/** Somebody else dropped it in between. */
const UNDEFINED_OBJECT = '42704';
const DROP_ATTEMPTS = 100;
