import type pg from 'pg';
import type { Clock } from '../core/clock.ts';
import { BanyanError, messageOf } from '../core/errors.ts';
import { parseLsn } from '../model/position.ts';
import type { Replica } from '../ports/replica.ts';
import { sqlState } from './transient.ts';

export interface ReplicaOptions {
  /** Sessions on the standby; all must reach the same server. */
  readonly pool: pg.Pool;
  readonly primary: pg.Pool;
  /** For messages: whose it is, and where. */
  readonly name: string;
  readonly clock: Clock;
}

interface Identity {
  readonly system: string;
  readonly standby: string;
  readonly started: string;
  readonly database: string;
  readonly oid: string;
}

/** A physical standby, and how far it has replayed its primary's log. Writes nothing on either. */
export class PostgresReplica implements Replica {
  readonly #options: ReplicaOptions;
  readonly #started: string;
  /** Undefined: it is the primary itself, which is never behind. */
  readonly #segment: bigint | undefined;

  private constructor(options: ReplicaOptions, started: string, segment: bigint | undefined) {
    this.#options = options;
    this.#started = started;
    this.#segment = segment;
  }

  /**
   * @throws BANYAN_VALIDATE_REPLICA if it can not be read, or is neither a standby of `primary` nor
   * `primary` itself, or has another database open.
   */
  static async open(options: ReplicaOptions): Promise<PostgresReplica> {
    const { pool, primary, name } = options;
    const [there, here] = await Promise.all([
      identityOf(pool).catch((error: unknown) => {
        throw notReadable(name, error);
      }),
      identityOf(primary),
    ]);
    const refuse = (reason: string): never => {
      throw new BanyanError('BANYAN_VALIDATE_REPLICA', { message: `${name} ${reason}`, details: { replica: name } });
    };
    if (there.system !== here.system) refuse(`is not a standby of its primary: its system identifier is ${there.system}, the primary's ${here.system}.`);
    if (there.database !== here.database) refuse(`opens the database ${there.database}, while its primary's is ${here.database}.`);
    // A server that was made of the same files by hand shares the identifier.
    if (there.oid !== here.oid) refuse(`is not a standby of its primary: its database ${there.database} is another one.`);
    if (here.standby === 't') refuse('has a primary that is a standby itself: a fence can not be placed there.');
    const itself = there.started === here.started;
    if (there.standby !== 't' && !itself) refuse('is not in recovery: it was promoted, and goes its own way.');
    return new PostgresReplica(options, there.started, itself ? undefined : BigInt(await segmentSize(primary)));
  }

  get name(): string {
    return this.#options.name;
  }

  async caughtUp({ timeoutMs, signal }: Parameters<Replica['caughtUp']>[0]): Promise<boolean> {
    if (this.#segment === undefined) return true;
    const { pool, primary, clock, name } = this.#options;
    const found = await primary.query<{ position: string }>('SELECT pg_current_wal_insert_lsn() AS position');
    const position = endOfRecord(parseLsn(found.rows[0]?.position ?? ''), this.#segment);
    const start = clock.monotonic();
    for (;;) {
      signal?.throwIfAborted();
      const row = (await pool.query<{ standby: string; started: string; replayed: string | null }>(REPLAYED_SQL)).rows[0];
      if (row?.standby !== 't' || row.started !== this.#started) {
        throw new BanyanError('BANYAN_VALIDATE_REPLICA', { message: `${name} was promoted or restarted, or several servers answer in its place.`, details: { replica: name } });
      }
      // A commit is visible once its record has been replayed: the position moves on afterwards.
      if (row.replayed !== null && parseLsn(row.replayed) >= position) return true;
      const waitedMs = clock.monotonic() - start;
      if (waitedMs >= timeoutMs) return false;
      await clock.sleep(waitedMs < 50 ? 2 : 10, signal);
    }
  }
}

const IDENTITY_SQL =
  'SELECT (SELECT system_identifier::text FROM pg_control_system()) AS system, pg_is_in_recovery() AS standby, ' +
  'pg_postmaster_start_time()::text AS started, current_database() AS database, ' +
  '(SELECT oid FROM pg_database WHERE datname = current_database()) AS oid';

const REPLAYED_SQL = 'SELECT pg_is_in_recovery() AS standby, pg_postmaster_start_time()::text AS started, pg_last_wal_replay_lsn() AS replayed';

async function identityOf(pool: pg.Pool): Promise<Identity> {
  const found = await pool.query<{ [K in keyof Identity]: string }>(IDENTITY_SQL);
  return found.rows[0] ?? { system: '', standby: '', started: '', database: '', oid: '' };
}

async function segmentSize(pool: pg.Pool): Promise<string> {
  const found = await pool.query<{ size: string }>("SELECT pg_size_bytes(current_setting('wal_segment_size')) AS size");
  return found.rows[0]?.size ?? '0';
}

const PAGE = 8192n;
const LONG_HEADER = 40n;
const HEADER = 24n;

/**
 * Where the last record before the insert position ends. After a record that fills its page the server
 * names the place behind the next page's header, and no standby of a quiet primary ever gets there.
 */
export function endOfRecord(position: bigint, segment: bigint): bigint {
  if (position % segment === LONG_HEADER) return position - LONG_HEADER;
  return position % PAGE === HEADER ? position - HEADER : position;
}

function notReadable(name: string, error: unknown): BanyanError {
  const closed = sqlState(error) === '57P03' ? ' It takes no sessions (yet): see hot_standby there.' : '';
  return new BanyanError('BANYAN_VALIDATE_REPLICA', { message: `${name} can not be read: ${messageOf(error)}.${closed}`, cause: error, details: { replica: name } });
}

/**
 * What a standby's replay cut off, by its name: it waits for queries only so long before it takes away the rows
 * they read, or the session. Any other error is given back as it is.
 */
export function namingRecoveryConflict(error: unknown, replicas: readonly Replica[]): unknown {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (!/conflict with recovery/.test(cause.message)) continue;
    const names = replicas.map(({ name }) => name).join(' or ');
    return new BanyanError('BANYAN_VALIDATE_REPLICA', { message: `${names} cut a query off to replay its primary's changes: ${messageOf(cause)}.`, cause: error });
  }
  return error;
}
