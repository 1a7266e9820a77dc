import { Client, Pool } from 'pg';
import type pg from 'pg';
import { systemClock, type Clock } from '../core/clock.ts';
import { redactUrl } from '../core/redact.ts';
import type { Logger } from '../core/logger.ts';
import { BanyanError, messageOf } from '../core/errors.ts';
import { PreferringClient, sessionTarget } from './session-client.ts';

/** Every value arrives as the text the server wrote; nothing passes through Date, Number or JSON. */
const opaqueTypes: pg.CustomTypesConfig = { getTypeParser: () => (value: string | Buffer) => value };

export interface ConnectOptions {
  /** As libpq reads it, with `sslmode` and its files, sockets (`postgres:///db?host=/run/postgresql`), `PG…` variables and `.pgpass`. */
  readonly url: string;
  /** Shown in pg_stat_activity. Default `banyan`. */
  readonly applicationName?: string;
  /** Give up connecting after this many milliseconds. Default 10,000. */
  readonly connectTimeoutMs?: number;
  /** Default: the system's. */
  readonly clock?: Clock;
  /** Whether a query is sent before the one before it was answered. Default false. */
  readonly pipeline?: boolean;
}

export interface PoolOptions extends ConnectOptions {
  /** Most connections at once. Default 4; each costs the server a backend. */
  readonly max?: number;
  /** Whether the process may end while only idle connections are left. Default false. */
  readonly allowExitOnIdle?: boolean;
  /** Give a query up after this many milliseconds without its whole answer, and its connection with it. Default: never. */
  readonly answerTimeoutMs?: number;
  /** Told of errors on idle connections; the pool replaces such a connection by itself. */
  readonly logger?: Logger;
}

/** How to connect, and with which client. @throws BANYAN_CONNECT, BANYAN_NOT_AVAILABLE */
export function clientOf(options: ConnectOptions): { readonly config: pg.ClientConfig; readonly Session: typeof Client } {
  if (/^(mysql|mariadb):/i.test(options.url)) {
    throw new BanyanError('BANYAN_NOT_AVAILABLE', { message: `MySQL and MariaDB (${redactUrl(options.url)}) are not available yet.` });
  }
  const { config, mode } = sessionTarget({ url: options.url });
  return {
    config: {
      ...config,
      application_name: options.applicationName ?? 'banyan',
      connectionTimeoutMillis: options.connectTimeoutMs ?? 10_000,
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
      types: opaqueTypes,
      ...(options.pipeline === undefined ? {} : { pipeline: options.pipeline }),
    },
    Session: mode === 'prefer' ? PreferringClient : Client,
  };
}

// pg-pool awaits what the hook returns, though its type does not say so.
const settings = ((client: pg.ClientBase): Promise<unknown> => client.query(SESSION_SETTINGS)) as (client: pg.ClientBase) => void;

/**
 * A pool whose results are opaque text (`'t'`, `'42'`, `null`) and whose sessions write every type in
 * its portable text form (ISO dates, shortest exact floats, hex bytea), whatever the server's defaults.
 */
export function createPool(options: PoolOptions): pg.Pool {
  const { config, Session } = clientOf(options);
  const pool = new Pool({
    ...config,
    Client: Session,
    max: options.max ?? 4,
    allowExitOnIdle: options.allowExitOnIdle ?? false,
    onConnect: settings,
    ...(options.answerTimeoutMs === undefined ? {} : { query_timeout: options.answerTimeoutMs }),
  });
  // One that is lost while in use fails its query as well; without a listener it would end the process.
  pool.on('connect', (client) => client.on('error', () => {}));
  pool.on('error', (error) => {
    options.logger?.warn('an idle connection was lost', { url: redactUrl(options.url), reason: error.message });
  });
  return pool;
}

/** One connected session of the same kind as {@link createPool}'s. The caller ends it. */
export async function connect(options: ConnectOptions): Promise<pg.Client> {
  const { config, Session } = clientOf(options);
  const client = new Session(config);
  // A lost connection also fails the query in flight; without a listener it would end the process.
  client.on('error', () => {});
  try {
    await beginSession(client, options);
  } catch (error) {
    client.connection.stream.destroy();
    throw new BanyanError('BANYAN_CONNECT', {
      message: `Could not connect to ${redactUrl(options.url)}: ${messageOf(error)}`,
      cause: error,
    });
  }
  return client;
}

/** Connects, and makes the session's settings; a link that dies meanwhile is given up in time as well. */
export async function beginSession(client: pg.Client, { connectTimeoutMs = 10_000, clock = systemClock }: Pick<ConnectOptions, 'connectTimeoutMs' | 'clock'>): Promise<void> {
  const done = new AbortController();
  const begun = client.connect().then(() => client.query(SESSION_SETTINGS));
  const breakOff = (): void => {
    client.connection.stream.destroy();
  };
  const late = clock.sleep(connectTimeoutMs, done.signal).then(
    () => {
      breakOff();
      // It may have been about to connect.
      begun.then(breakOff, () => {});
      throw new Error('timeout expired');
    },
    () => {},
  );
  try {
    await Promise.race([begun, late]);
  } finally {
    done.abort();
  }
}

/** Makes text output independent of the database's and role's settings, and a lost client known to the server. */
export const SESSION_SETTINGS =
  "SET DateStyle = 'ISO, MDY'; SET IntervalStyle = 'postgres'; SET extra_float_digits = 3; " +
  "SET bytea_output = 'hex'; SET TimeZone = 'UTC'; SET client_encoding = 'UTF8'; SET lc_monetary = 'C'; " +
  "SET xmlbinary = 'base64'; SET standard_conforming_strings = on; SET search_path = pg_catalog; " +
  // So that the server, too, notices within half a minute that we are gone without a word.
  'SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 4';

/**
 * Runs `work` in one transaction: committed when it returns, rolled back when it throws. The server ends it
 * when nothing is asked in it for 10 seconds: a worker that froze with a lock would keep it from its successors.
 */
export async function inTransaction<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let failure: Error | undefined;
  try {
    await client.query("BEGIN; SET LOCAL idle_in_transaction_session_timeout = '10s'");
    const result = await work(client);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    // A session whose rollback fails is not given back to the pool: it may still be in the transaction.
    await client.query('ROLLBACK').catch((lost: unknown) => {
      failure = lost instanceof Error ? lost : new Error(messageOf(lost));
    });
    throw error;
  } finally {
    client.release(failure);
  }
}
