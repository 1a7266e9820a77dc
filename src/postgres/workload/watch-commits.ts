import type pg from 'pg';
import { withAbortOf } from '../../core/abort-any.ts';
import type { Clock } from '../../core/clock.ts';
import { BanyanError, messageOf } from '../../core/errors.ts';
import type { TableName } from '../../model/names.ts';
import { later, parseLsn, type Position } from '../../model/position.ts';
import type { WriteOperation } from '../../model/workload.ts';
import { connect } from '../connect.ts';
import { connectReplication, streamSlot } from '../wal/walsender.ts';
import { CommitTables } from './commit-tables.ts';
import { dropLeftPublications, dropPublications, publishForWatch } from './watch-publications.ts';

export interface WatchOptions {
  readonly url: string;
  readonly seconds: number;
  readonly clock: Clock;
  /** Ends the watch before its time; what was seen until then counts. */
  readonly signal: AbortSignal;
  /** Of the names on the server: lower-case hexadecimal digits that no other watch has. */
  readonly suffix: string;
  /** What one transaction has written. */
  readonly onCommit: (operations: readonly WriteOperation[]) => void;
  readonly onReady?: () => void;
  readonly note: (text: string) => void;
}

export interface Watched {
  readonly seconds: number;
  /** Tables of which only new rows were seen. */
  readonly insertsOnly: readonly TableName[];
  /** Tables that could not be watched. */
  readonly unseen: readonly TableName[];
}

/** A slot begins only when every transaction that was open has ended. */
const PATIENCE_MS = 60_000;
/** For what had committed when the time was over and was not decoded yet. */
const GRACE_MS = 10_000;
const SILENCE_MS = 30_000;

/**
 * Reads from the WAL, for a while, which tables are written by one transaction. Nothing has to be
 * installed, and nothing stays behind: the slot is temporary, and publications that a killed watch left
 * are dropped by the next one.
 * @throws BANYAN_WATCH where the server or the role does not allow it.
 */
export async function watchCommits(options: WatchOptions): Promise<Watched> {
  const session = await connect({ url: options.url, clock: options.clock });
  try {
    await refuseUnable(session);
    for (const name of await dropLeftPublications(session)) options.note(`dropped the publication ${name}, which a watch that was killed had left`);
    const watched = await publishForWatch(session, options.suffix);
    try {
      const seconds = await follow(session, watched.publications, options);
      return { seconds, insertsOnly: watched.insertsOnly, unseen: watched.unseen };
    } finally {
      await dropPublications(session, watched.publications);
    }
  } finally {
    await session.end();
  }
}

async function refuseUnable(session: pg.Client): Promise<void> {
  const found = await session.query<{ level: string; standby: string; slots: string }>(
    "SELECT current_setting('wal_level') AS level, pg_is_in_recovery() AS standby, current_setting('max_replication_slots') AS slots",
  );
  const [server] = found.rows;
  if (server?.level !== 'logical') {
    throw new BanyanError('BANYAN_WATCH', {
      message: `wal_level is ${server?.level ?? 'not known'}; expected logical.`,
      remedy: "ALTER SYSTEM SET wal_level = 'logical'; then restart the server. Without a restart: statement logs (--log), or pg_stat_statements for joins.",
    });
  }
  if (server.standby === 't') throw new BanyanError('BANYAN_WATCH', { message: 'The server is a standby, where nothing can be published.', remedy: 'Name the primary.' });
}

/** Follows the publications for the time asked; how many seconds that was. */
async function follow(session: pg.Client, publications: readonly string[], options: WatchOptions): Promise<number> {
  const { clock } = options;
  const slot = publications[0]?.replace(/_inserts$/, '') ?? '';
  const client = await connectReplication({ url: options.url, clock });
  await makeSlot(client, slot, options);
  const stop = new AbortController();
  const reader = new CommitTables();
  let position = reader.position;
  let fence: Position | undefined;
  const begin = clock.monotonic();
  options.onReady?.();
  const timer = endWatch(session, options, stop).then((at) => {
    fence = at;
    // Where nothing more is written, the server has nothing more to say.
    if (at !== undefined && position >= at) stop.abort();
  });
  try {
    // Without streaming the server keeps aside what has not committed.
    const batches = streamSlot({ client, slot, publication: publications, clock, signal: stop.signal, streaming: false, silenceMs: SILENCE_MS, durable: () => position });
    for await (const messages of batches) {
      for (const message of messages) {
        if (message.kind === 'keepalive') {
          position = later(position, message.position);
          continue;
        }
        const operations = reader.take(message.bytes, message.from, message.end);
        if (operations) options.onCommit(operations);
      }
      position = later(position, reader.position);
      if (fence !== undefined && position >= fence) break;
    }
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  } finally {
    stop.abort();
    await timer;
  }
  return (clock.monotonic() - begin) / 1000;
}

/** Waits for the end of the time, tells where the log stands then, and breaks off what has not come by then for too long. */
async function endWatch(session: pg.Client, options: WatchOptions, stop: AbortController): Promise<Position | undefined> {
  const { clock } = options;
  await withAbortOf([options.signal, stop.signal], (ended) => clock.sleep(options.seconds * 1000, ended)).catch(() => {});
  if (stop.signal.aborted) return undefined;
  const found = await session.query<{ position: string }>('SELECT pg_current_wal_flush_lsn() AS position');
  void clock.sleep(GRACE_MS, stop.signal).then(() => stop.abort(), () => {});
  return parseLsn(found.rows[0]?.position ?? '0/0');
}

async function makeSlot(client: pg.Client, slot: string, { clock, signal }: WatchOptions): Promise<void> {
  const done = new AbortController();
  const patience = withAbortOf([signal, done.signal], (ended) => clock.sleep(PATIENCE_MS, ended)).then(() => 'late', () => 'stopped');
  const made = client.query(`CREATE_REPLICATION_SLOT ${slot} TEMPORARY LOGICAL pgoutput NOEXPORT_SNAPSHOT`).then(() => 'made');
  try {
    const first = await Promise.race([made, patience]);
    if (first === 'made') return;
    made.catch(() => {});
    if (signal.aborted) signal.throwIfAborted();
    throw new Error(`a transaction that was open before has not ended for ${PATIENCE_MS / 1000} s; see pg_stat_activity and pg_prepared_xacts`);
  } catch (error) {
    client.connection.stream.destroy();
    if (signal.aborted) throw error;
    throw new BanyanError('BANYAN_WATCH', { message: `No temporary slot could be made: ${messageOf(error)}`, cause: error });
  } finally {
    done.abort();
  }
}
