import type { Socket } from 'node:net';
import type pg from 'pg';
import type { Clock } from '../core/clock.ts';
import { connect } from './connect.ts';

export interface LinkWatchOptions {
  readonly client: pg.Client;
  /** Of the watched session's server, for a second connection. */
  readonly url: string;
  /** The watched session's process there. */
  readonly pid: string;
  readonly clock: Clock;
  /** Look into it when an answer takes longer than this, in milliseconds. */
  readonly afterMs: number;
}

/**
 * Tells a link that is dead without a word from a statement that takes long, which no bound on time could:
 * asks the server through a second connection whether it is still at work, and breaks the first one off if
 * it is not, or can not be asked. Ends with the session.
 */
export function watchLink(options: LinkWatchOptions): void {
  const ended = new AbortController();
  options.client.once('end', () => ended.abort());
  void watch(options, ended.signal);
}

/** The same for every session of a pool whose statements may take long. */
export function watchPool({ pool, ...rest }: Pick<LinkWatchOptions, 'url' | 'clock' | 'afterMs'> & { readonly pool: pg.Pool }): void {
  pool.on('connect', (client) => watchClient(client, rest));
}

/** The same for a session that is connected. */
export function watchClient(client: pg.Client, rest: Pick<LinkWatchOptions, 'url' | 'clock' | 'afterMs'>): void {
  // pg says who the server's process is in a field that its types leave out.
  const pid = 'processID' in client && typeof client.processID === 'number' ? String(client.processID) : undefined;
  if (pid !== undefined) watchLink({ ...rest, client, pid });
}

async function watch(options: LinkWatchOptions, ended: AbortSignal): Promise<void> {
  const { client, clock, afterMs } = options;
  const socket = client.connection.stream as Socket;
  let heard = socket.bytesRead;
  let waitingSince: number | undefined;
  for (;;) {
    try {
      await clock.sleep(afterMs / 4, ended);
    } catch {
      // The session has ended, which is the only reason for this sleep to be cut short.
      return;
    }
    if (socket.bytesRead !== heard || !isWaiting(client)) {
      heard = socket.bytesRead;
      waitingSince = undefined;
      continue;
    }
    waitingSince ??= clock.monotonic();
    if (clock.monotonic() - waitingSince < afterMs) continue;
    const answeredSince = (): boolean => socket.bytesRead !== heard;
    const works = await isAtWork(options);
    if (!works && !answeredSince() && !ended.aborted) socket.destroy(new Error(`Connection terminated: the server has not answered for ${afterMs} ms`));
    waitingSince = undefined;
  }
}

/** Whether an answer, or the rest of one, is outstanding. pg says so in a field that its types leave out. */
function isWaiting(client: pg.Client): boolean {
  return 'readyForQuery' in client && client.readyForQuery === false;
}

/** Whether the server is still busy with what it was asked; false as well when it can not be asked. */
async function isAtWork({ url, pid, clock, afterMs }: LinkWatchOptions): Promise<boolean> {
  const done = new AbortController();
  let client: pg.Client | undefined;
  const ask = async (): Promise<boolean> => {
    client = await connect({ url, connectTimeoutMs: afterMs, applicationName: 'banyan link' });
    const found = await client.query(AT_WORK_SQL, [pid]);
    return found.rowCount === 1;
  };
  const late = clock.sleep(2 * afterMs, done.signal).then(() => false, () => false);
  try {
    return await Promise.race([ask().catch(() => false), late]);
  } finally {
    done.abort();
    client?.connection.stream.destroy();
  }
}

/** One that waits for its client to take what it has to say is done. */
const AT_WORK_SQL = "SELECT 1 FROM pg_stat_activity WHERE pid = $1 AND state = 'active' AND wait_event_type IS DISTINCT FROM 'Client'";

/** Ends a session in good order; breaks it off where the server does not take its leave within `withinMs` milliseconds. */
export async function endSession(client: pg.Client, { clock, withinMs }: { readonly clock: Clock; readonly withinMs: number }): Promise<void> {
  const done = new AbortController();
  const late = clock.sleep(withinMs, done.signal).then(
    () => {
      client.connection.stream.destroy();
    },
    () => {},
  );
  try {
    await Promise.race([client.end(), late]);
  } finally {
    done.abort();
  }
}
