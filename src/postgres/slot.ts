import type pg from 'pg';
import { BanyanError, messageOf } from '../core/errors.ts';
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

export interface PublishedTable {
  readonly table: TableName;
  /** SQL condition (PostgreSQL 15 and newer): a row that an update moves into it is published as an insert, one that leaves it as a delete. */
  readonly where?: string;
}

/**
 * Publishes exactly these tables and Banyan's own; partitioned ones under their root's name.
 * @param options.running A stream follows the publication already, so no filter may change: nothing would bring the rows that a new one lets in.
 * @throws BANYAN_MAPPING if the server refuses a filter, or one has changed under a running stream.
 */
export async function ensurePublication(
  pool: pg.Pool,
  name: string,
  tables: readonly PublishedTable[],
  options: { readonly running?: boolean } = {},
): Promise<void> {
  const list = [...tables.map(({ table, where }) => `${quoteTable(table)}${where === undefined ? '' : ` WHERE (${where}\n)`}`), ...CARRIED_TABLES].join(', ');
  await inTransaction(pool, async (client) => {
    const before = await filtersOf(client, name);
    try {
      await client.query(
        before === undefined
          ? `CREATE PUBLICATION ${quoteIdentifier(name)} FOR TABLE ${list} WITH (publish_via_partition_root = true)`
          : `ALTER PUBLICATION ${quoteIdentifier(name)} SET TABLE ${list}`,
      );
    } catch (error) {
      const filtered = tables.filter(({ where }) => where !== undefined);
      if (filtered.length === 0 || !NOT_A_FILTER.has(sqlState(error) ?? '')) throw error;
      throw new BanyanError('BANYAN_MAPPING', {
        message: `PostgreSQL refuses the filter (\`where\`) of ${filtered.map(({ table }) => table).join(' or ')}: ${messageOf(error)}; expected a condition on the row's own columns with built-in, immutable functions.`,
        cause: error,
      });
    }
    const after = await filtersOf(client, name);
    for (const [table, filter] of (options.running ? before : undefined) ?? []) {
      const now = after?.get(table);
      if (after?.has(table) !== true || now === filter) continue;
      throw new BanyanError('BANYAN_MAPPING', {
        message: `The filter (\`where\`) of ${table} was ${filter ?? 'none'} when its rows were copied, and is ${now ?? 'none'} now; expected the same for as long as the streams exist.`,
        remedy: 'Put the filter back, or give the table to a service whose streams are set up anew.',
      });
    }
  });
}

/** Syntax, an unknown or ambiguous name, a type that does not fit, and what a publication's filter may not contain. */
const NOT_A_FILTER: ReadonlySet<string> = new Set(['42601', '42703', '42883', '42804', '42P20', '42P10', '0A000', '22P02', '42803', '42P17']);

/** Of a publication's tables, as the server prints them; undefined if there is no such publication. Before 15 there are none. */
async function filtersOf(client: pg.ClientBase, name: string): Promise<ReadonlyMap<string, string | null> | undefined> {
  const found = await client.query('SELECT 1 FROM pg_publication WHERE pubname = $1', [name]);
  if (found.rowCount === 0) return undefined;
  const tables = await client.query<{ schema: string; name: string; filter: string | null }>(
    "SELECT schemaname AS schema, tablename AS name, to_jsonb(t) ->> 'rowfilter' AS filter FROM pg_publication_tables AS t WHERE pubname = $1",
    [name],
  );
  return new Map(tables.rows.map((row) => [tableName(row.schema, row.name), row.filter]));
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

/**
 * Makes a slot. From PostgreSQL 17 on, a standby that synchronises slots keeps it, so that the stream survives
 * a failover; not so a temporary one, which ends with its session.
 */
export async function createSlot(replication: pg.Client, slot: string, options: { readonly temporary?: boolean } = {}): Promise<CreatedSlot> {
  const version = await replication.query<{ server_version_num: string }>('SHOW server_version_num');
  const temporary = options.temporary === true;
  const failover = !temporary && Number(version.rows[0]?.server_version_num) >= 170_000;
  const created = await replication.query<{ consistent_point: string; snapshot_name: string }>(
    `CREATE_REPLICATION_SLOT ${quoteIdentifier(slot)} ${temporary ? 'TEMPORARY ' : ''}LOGICAL pgoutput ${failover ? "(SNAPSHOT 'export', FAILOVER)" : 'EXPORT_SNAPSHOT'}`,
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
