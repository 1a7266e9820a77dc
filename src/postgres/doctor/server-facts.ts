import type pg from 'pg';

/** What one server says of itself and of the role that is connected. */
export interface ServerFacts {
  /** As in `server_version_num`: 180001. */
  readonly version: number;
  readonly role: string;
  readonly database: string;
  /** Null where the role may not see it. */
  readonly systemIdentifier: string | null;
  readonly standby: boolean;
  readonly walLevel: string;
  readonly slotsMax: number;
  readonly slotsUsed: number;
  readonly sendersMax: number;
  readonly sendersUsed: number;
  /** Replication origins that can be in use at once, and are. */
  readonly originsMax: number;
  readonly originsUsed: number;
  /** Of those in use, Banyan's own. */
  readonly banyanOrigins: number;
  readonly mayReplicate: boolean;
  readonly trackCommitTimestamp: boolean;
  readonly mayCreate: boolean;
  /** Functions of replication origins that the role may not execute. */
  readonly deniedFunctions: readonly string[];
  readonly maySetReplicationRole: boolean;
  readonly maxSlotWalKeepSize: string;
  readonly encoding: string;
  readonly collation: string;
  readonly banyanSlots: readonly SlotFact[];
  /** Extensions that are installed or could be. */
  readonly extensions: readonly string[];
}

export interface SlotFact {
  readonly name: string;
  readonly active: boolean;
  readonly lost: boolean;
  /** About to lose WAL that it needs. */
  readonly unreserved: boolean;
}

/** `version` decides which columns and functions there are. */
export async function readServerFacts(pool: Pick<pg.Pool, 'query'>, version: number): Promise<ServerFacts> {
  // A statement that merely contains a call is refused when the role may not make it, so ask first.
  const allowed = await pool.query<{ control: string; origins: string }>(ALLOWED);
  const { control, origins } = allowed.rows[0] ?? { control: 'f', origins: 'f' };
  const sql = serverFactsSql({ version, mayReadControl: control === 't', mayReadOrigins: origins === 't' });
  const result = await pool.query<{ json: string }>(sql);
  return JSON.parse(result.rows[0]?.json ?? '{}') as ServerFacts;
}

const ALLOWED = `SELECT has_function_privilege('pg_control_system()', 'EXECUTE') AS control,
  has_function_privilege('pg_show_replication_origin_status()', 'EXECUTE')
    AND (current_setting('server_version_num')::int >= 140000 OR (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)) AS origins`;

function serverFactsSql(options: { readonly version: number; readonly mayReadControl: boolean; readonly mayReadOrigins: boolean }): string {
  const { version } = options;
  const originsMax = version >= 180000 ? 'max_active_replication_origins' : 'max_replication_slots';
  const maySet =
    version >= 150000 ? "has_parameter_privilege('session_replication_role', 'SET')" : 'r.rolsuper';
  return `SELECT json_build_object(
    'version', current_setting('server_version_num')::int,
    'role', current_user, 'database', current_database(),
    'systemIdentifier', ${options.mayReadControl ? '(SELECT system_identifier::text FROM pg_control_system())' : 'NULL'},
    'standby', pg_is_in_recovery(),
    'walLevel', current_setting('wal_level'),
    'slotsMax', current_setting('max_replication_slots')::int,
    'slotsUsed', (SELECT count(*) FROM pg_replication_slots),
    'sendersMax', current_setting('max_wal_senders')::int,
    'sendersUsed', (SELECT count(*) FROM pg_stat_replication),
    'originsMax', current_setting('${originsMax}')::int,
    'originsUsed', ${options.mayReadOrigins ? '(SELECT count(*) FROM pg_show_replication_origin_status())' : '0'},
    'banyanOrigins', ${options.mayReadOrigins ? "(SELECT count(*) FROM pg_show_replication_origin_status() WHERE external_id LIKE 'banyan\\_%')" : '0'},
    'mayReplicate', r.rolreplication OR r.rolsuper,
    'trackCommitTimestamp', current_setting('track_commit_timestamp')::bool,
    'mayCreate', has_database_privilege(current_database(), 'CREATE'),
    'deniedFunctions', (SELECT coalesce(json_agg(f ORDER BY f), '[]') FROM unnest(ARRAY[
       'pg_replication_origin_create(text)', 'pg_replication_origin_oid(text)', 'pg_replication_origin_drop(text)',
       'pg_replication_origin_session_setup(text)', 'pg_replication_origin_session_reset()',
       'pg_replication_origin_xact_setup(pg_lsn,timestamptz)', 'pg_show_replication_origin_status()'
      ]) f WHERE NOT coalesce(has_function_privilege(to_regprocedure(f), 'EXECUTE'), true)),
    'maySetReplicationRole', ${maySet},
    'maxSlotWalKeepSize', current_setting('max_slot_wal_keep_size'),
    'encoding', pg_encoding_to_char(d.encoding), 'collation', d.datcollate,
    'banyanSlots', (SELECT coalesce(json_agg(json_build_object('name', slot_name, 'active', active,
                      'lost', coalesce(wal_status = 'lost', false), 'unreserved', coalesce(wal_status = 'unreserved', false)) ORDER BY slot_name), '[]')
                      FROM pg_replication_slots WHERE slot_name LIKE 'banyan\\_%' AND database = current_database()),
    'extensions', (SELECT coalesce(json_agg(name), '[]') FROM pg_available_extensions)
  )::text AS json
  FROM pg_roles r, pg_database d WHERE r.rolname = current_user AND d.datname = current_database()`;
}

/** The server's version number, which every server answers. */
export async function readServerVersion(pool: Pick<pg.Pool, 'query'>): Promise<number> {
  const result = await pool.query<{ server_version_num: string }>('SHOW server_version_num');
  return Number(result.rows[0]?.server_version_num);
}
