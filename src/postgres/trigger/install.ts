import type pg from 'pg';
import { BanyanError } from '../../core/errors.ts';
import { quoteIdentifier, quoteLiteral, quoteTable, tableName, type TableName } from '../../model/names.ts';
import type { Position } from '../../model/position.ts';
import { connect, inTransaction } from '../connect.ts';
import { CAPTURE_FUNCTIONS_SQL } from './schema.ts';

/** Banyan's own tables that a source tells of. */
const CARRIED = ['banyan.stream', 'banyan.mark', 'banyan.conflict', 'banyan.request'] as const;

/**
 * Triggers fire in the order of their names. This one comes before all others, so that what they
 * write is logged behind what made them fire.
 */
export const TRIGGER_PREFIX = '!banyan ';

/** Which of a replay's own settings tells the triggers to be quiet. */
export const REPLAY_SETTING = 'banyan.replay';

const triggerName = (service: string): string => `${TRIGGER_PREFIX}${service}`.slice(0, 60);

/** How long the application's writes may have to wait for a table to get its triggers. */
const LOCK_TIMEOUT = '3s';

/**
 * Makes each table tell of its changes: what is written from here on is logged, also by sessions
 * that replay something (`session_replication_role = replica`), but not by Banyan's own.
 * Each table is locked for a moment; where that takes too long it fails with 55P03, which may pass.
 */
export async function ensureTriggers(pool: pg.Pool, service: string, tables: readonly TableName[]): Promise<void> {
  await inTransaction(pool, async (client) => {
    await client.query("SELECT pg_advisory_xact_lock(7163244909)");
    await client.query(CAPTURE_FUNCTIONS_SQL);
  });
  const quiet = `current_setting('${REPLAY_SETTING}', true) IS DISTINCT FROM ${quoteLiteral(service)}`;
  for (const table of tables) await ensureOne(pool, { service, table: quoteTable(table), events: 'INSERT OR UPDATE OR DELETE', when: quiet, truncate: true });
  for (const table of CARRIED) await ensureOne(pool, { service, table, events: 'INSERT OR UPDATE', when: `NEW.service = ${quoteLiteral(service)}`, truncate: false });
}

interface Wanted {
  readonly service: string;
  /** Quoted. */
  readonly table: string;
  readonly events: string;
  readonly when: string;
  readonly truncate: boolean;
}

async function ensureOne(pool: pg.Pool, { service, table, events, when, truncate }: Wanted): Promise<void> {
  if (await isCaptured(pool, service, table, truncate)) return;
  const name = triggerName(service);
  const row = quoteIdentifier(name);
  const call = (fn: string): string => `EXECUTE FUNCTION banyan.${fn}(${quoteLiteral(service)})`;
  await inTransaction(pool, async (client) => {
    await client.query(`SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'`);
    // To drop locks out readers too, so only where there is something to drop.
    for (const old of await ownTriggers(client, name, table)) await client.query(`DROP TRIGGER ${quoteIdentifier(old.name)} ON ${old.relation}`);
    await client.query(`CREATE TRIGGER ${row} AFTER ${events} ON ${table} FOR EACH ROW WHEN (${when}) ${call('capture_row')}`);
    if (truncate) {
      for (const moment of ['BEFORE', 'AFTER']) {
        const trigger = quoteIdentifier(`${name} ${moment[0]}`);
        await client.query(`CREATE TRIGGER ${trigger} ${moment} TRUNCATE ON ${table} FOR EACH STATEMENT WHEN (${when}) ${call('capture_truncate')}`);
      }
    }
    const made = await client.query<{ relation: string; name: string }>(TRIGGERS_SQL, [table, name]);
    for (const trigger of made.rows) {
      await client.query(`ALTER TABLE ONLY ${trigger.relation} ENABLE ALWAYS TRIGGER ${quoteIdentifier(trigger.name)}`);
    }
  });
}

/** Whether the table, with all its partitions, has its triggers, and none is switched off. */
async function isCaptured(pool: pg.Pool, service: string, table: string, truncate: boolean): Promise<boolean> {
  const name = triggerName(service);
  const found = await pool.query<{ name: string; enabled: string; relations: string; self: string }>(TRIGGERS_SQL, [table, name]);
  const rows = found.rows.filter((row) => row.name === name).length;
  const statements = found.rows.filter((row) => row.name !== name).length;
  return (
    found.rows.every((row) => row.enabled === 'A') && rows === Number(found.rows[0]?.relations) && statements === (truncate ? 2 : 0)
  );
}

/** $1: a quoted table, $2: the row trigger's name. Triggers of the table and of its partitions. */
const TRIGGERS_SQL = `
WITH RECURSIVE part AS (
  SELECT $1::regclass::oid AS relid
  UNION ALL
  SELECT i.inhrelid FROM part p JOIN pg_inherits i ON i.inhparent = p.relid
)
SELECT p.relid::regclass::text AS relation, t.tgname AS name, t.tgenabled AS enabled, (SELECT count(*) FROM part) AS relations
  FROM part p JOIN pg_trigger t ON t.tgrelid = p.relid
 WHERE t.tgname::text IN ($2::text, $2 || ' B', $2 || ' A') AND NOT t.tgisinternal OR t.tgname::text = $2 AND t.tgparentid <> 0`;

/** The users' tables that have a service's triggers. */
export async function capturedTables(pool: pg.Pool, service: string): Promise<ReadonlySet<TableName>> {
  const found = await pool.query<{ schema: string; name: string }>(
    'SELECT n.nspname AS schema, c.relname AS name FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace ' +
      "WHERE t.tgname::text = $1 AND t.tgparentid = 0 AND n.nspname <> 'banyan'",
    [triggerName(service)],
  );
  return new Set(found.rows.map(({ schema, name }) => tableName(schema, name)));
}

/** The tables that tell nothing, or not everything, of their changes. */
async function uncaptured(pool: pg.Pool, service: string, tables: readonly TableName[]): Promise<readonly string[]> {
  const missing: string[] = [];
  for (const table of tables) if (!(await isCaptured(pool, service, quoteTable(table), true))) missing.push(table);
  for (const table of CARRIED) if (!(await isCaptured(pool, service, table, false))) missing.push(table);
  return missing;
}

export interface StartedLog {
  readonly position: Position;
  /** Exported: sees exactly what is not in the log after `position`. Lives until released. */
  readonly snapshot: string;
  /** Names this log; another database, or a log begun anew, has another. */
  readonly identity: string;
  release(): Promise<void>;
}

/** Begins a service's log anew: from a snapshot on, of which a copy can be made. The triggers must be there. */
export async function startLog(end: { readonly url: string; readonly pool: pg.Pool }, service: string): Promise<StartedLog> {
  await dropLog(end.pool, service);
  const drawn = await end.pool.query<{ position: string }>("SELECT nextval('banyan.capture_position') AS position");
  const position = drawn.rows[0]?.position ?? '0';
  const client = await connect({ url: end.url, applicationName: `banyan ${service} snapshot` });
  try {
    await client.query('SET idle_in_transaction_session_timeout = 0');
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const taken = await client.query<{ exported: string; seen: string }>('SELECT pg_export_snapshot() AS exported, pg_current_snapshot() AS seen');
    const { exported = '', seen } = taken.rows[0] ?? {};
    const identity = await inTransaction(end.pool, async (session) => {
      const made = await session.query<{ identity: string }>('INSERT INTO banyan.capture (service) VALUES ($1) RETURNING identity', [service]);
      await session.query('INSERT INTO banyan.capture_batch (service, position, snapshot) VALUES ($1, $2, $3)', [service, position, seen]);
      return made.rows[0]?.identity ?? '';
    });
    let released: Promise<void> | undefined;
    return { position: BigInt(position) as Position, snapshot: exported, identity, release: () => (released ??= client.end()) };
  } catch (error) {
    await client.end();
    throw error;
  }
}

/** Forgets a service's log; its triggers go on. */
async function dropLog(pool: pg.Pool, service: string): Promise<void> {
  await inTransaction(pool, async (client) => {
    for (const table of ['capture', 'capture_batch', 'capture_stake', 'capture_log']) {
      await client.query(`DELETE FROM banyan.${table} WHERE service = $1`, [service]);
    }
  });
}

/** Takes a service's triggers and log away. */
export async function dropCapture(pool: pg.Pool, service: string): Promise<void> {
  const name = triggerName(service);
  for (const trigger of await ownTriggers(pool, name)) await pool.query(`DROP TRIGGER ${quoteIdentifier(trigger.name)} ON ${trigger.relation}`);
  const there = await pool.query<{ there: string }>("SELECT to_regclass('banyan.capture') IS NOT NULL AS there");
  if (there.rows[0]?.there === 't') await dropLog(pool, service);
}

/** The triggers of one service, of one table or all; not those that a partition has from its parent. */
async function ownTriggers(
  pool: pg.Pool | pg.ClientBase, name: string, table?: string,
): Promise<readonly { readonly relation: string; readonly name: string }[]> {
  const found = await pool.query<{ relation: string; name: string }>(
    "SELECT tgrelid::regclass::text AS relation, tgname AS name FROM pg_trigger WHERE tgname::text IN ($1::text, $1 || ' B', $1 || ' A') AND tgparentid = 0 " +
      'AND ($2::text IS NULL OR tgrelid = $2::regclass)',
    [name, table ?? null],
  );
  return found.rows;
}

/** What a checkpoint has to find: its own log, with its batch, and every trigger. */
export async function checkLog(
  pool: pg.Pool,
  options: { readonly service: string; readonly identity: string; readonly position: Position; readonly tables: readonly TableName[] },
): Promise<void> {
  const { service, identity, position, tables } = options;
  const found = await pool.query<{ identity: string; known: string }>(
    'SELECT identity, EXISTS (SELECT 1 FROM banyan.capture_batch b WHERE b.service = c.service AND b.position = $2) AS known ' +
      'FROM banyan.capture c WHERE service = $1',
    [service, String(position)],
  );
  const log = found.rows[0];
  if (log && log.identity !== identity) {
    throw new BanyanError('BANYAN_SOURCE_CHANGED', { message: `The streams of ${service} were taken from log ${identity}; its URL now leads to log ${log.identity}.` });
  }
  if (log?.known !== 't') {
    throw new BanyanError('BANYAN_SLOT_LOST', {
      message: `The triggers' log of ${service} ${log ? `does not know position ${position} any more` : 'does not exist'}.`,
    });
  }
  const missing = await uncaptured(pool, service, tables);
  if (missing.length > 0) {
    throw new BanyanError('BANYAN_SLOT_LOST', { message: `The capture triggers of ${missing.join(', ')} are missing or switched off; changes may be missing as well.` });
  }
}
