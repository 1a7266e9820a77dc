import type { Socket } from 'node:net';
import type pg from 'pg';
import { BanyanError, messageOf } from '../../core/errors.ts';
import { redactUrl } from '../../core/redact.ts';
import { systemClock, type Clock } from '../../core/clock.ts';
import type { Position } from '../../model/position.ts';
import { quoteIdentifier } from '../../model/names.ts';
import { beginSession, clientOf } from '../connect.ts';
import { watchClient } from '../link-watch.ts';
import { errorFields, FrameReader, queryFrame, statusFrame, type ReadFrame } from './frames.ts';
import { ByteReader, malformed } from './reader.ts';

/** What a walsender sends within its copy stream. */
export type WalMessage =
  /** A message of the plugin: `bytes` from `from` to before `end`. */
  | { readonly kind: 'wal'; readonly bytes: Buffer; readonly from: number; readonly end: number }
  | { readonly kind: 'keepalive'; readonly position: Position };

export interface ReplicationOptions {
  readonly url: string;
  readonly applicationName?: string;
  /** Default: the system's. */
  readonly clock?: Clock;
  /** Look whether the server still works on a command when its answer takes longer than this, in milliseconds. Default 20,000. Streaming has a watch of its own. */
  readonly silenceMs?: number;
}

/**
 * A session that speaks the replication protocol. pg does the handshake: TLS, SCRAM, sockets. Decoded
 * values are written under this session's settings, so it needs the portable ones as any other.
 */
export async function connectReplication(options: ReplicationOptions): Promise<pg.Client> {
  const { config, Session } = clientOf(options);
  const replication: pg.ClientConfig & { readonly replication: string } = { ...config, replication: 'database' };
  const client = new Session(replication);
  // A lost connection is seen by whoever awaits a query or reads the stream.
  client.on('error', () => {});
  try {
    await beginSession(client, options);
  } catch (error) {
    client.connection.stream.destroy();
    throw new BanyanError('BANYAN_CONNECT', {
      message: `Could not open a replication connection to ${redactUrl(options.url)}: ${messageOf(error)}`,
      cause: error,
      remedy: 'Beside what any connection needs, the role must have REPLICATION (or rds_replication), and pg_hba.conf must let it in.',
    });
  }
  watchClient(client, { url: options.url, clock: options.clock ?? systemClock, afterMs: options.silenceMs ?? 20_000 });
  return client;
}

export interface StreamOptions {
  readonly client: pg.Client;
  readonly slot: string;
  /** One, or several of which all is sent. */
  readonly publication: string | readonly string[];
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** What to report as durable; asked each time a status is sent. */
  readonly durable: () => Position;
  /** Pause between unasked status messages, in milliseconds. */
  readonly statusEveryMs?: number;
  /** Whether the server may send large transactions while they are open. Default true. */
  readonly streaming?: boolean;
  /** Take the connection for lost when the server has said nothing for this long, in milliseconds, though it was asked. */
  readonly silenceMs: number;
}

/**
 * Streams a logical slot from its confirmed position, for as long as the connection lives. Takes
 * the client's socket over and closes it at the end. Back-pressure is TCP's: what is not consumed
 * is not read, while status messages go on, so that the server does not hang up.
 */
export async function* streamSlot(options: StreamOptions): AsyncGenerator<WalMessage[]> {
  const server = await readServer(options.client).catch((error: unknown) => {
    options.client.connection.stream.destroy();
    throw error;
  });
  const socket = takeOver(options.client);
  const closed = new AbortController();
  const stop = (): void => {
    socket.destroy();
  };
  options.signal.addEventListener('abort', stop, { once: true });
  const frames = new FrameReader();
  try {
    options.signal.throwIfAborted();
    const publications = [options.publication].flat().map(quoteIdentifier).join(',').replaceAll("'", "''");
    socket.write(
      queryFrame(`START_REPLICATION SLOT ${quoteIdentifier(options.slot)} LOGICAL 0/0 (${protocol(server.version, options)}, publication_names '${publications}')`),
    );
    // Often enough that a silence is noticed, and the server asked, well within the time allowed.
    const statusEveryMs = options.statusEveryMs ?? Math.min(server.statusEveryMs, options.silenceMs / 4);
    const asked = new Asked({ clock: options.clock, statusEveryMs });
    const read = readingWith(() => {
      asked.again();
      socket.write(statusFrame(options.durable(), { replyNow: false }));
    });
    const status = reportStatus(socket, { ...options, asked, statusEveryMs }, closed.signal);
    try {
      for await (const chunk of socket) {
        const messages = frames.push(chunk as Buffer, read);
        if (messages.length > 0) yield messages;
      }
    } finally {
      closed.abort();
      await status;
    }
    options.signal.throwIfAborted();
    throw new BanyanError('BANYAN_WAL_STREAM', { message: `The server ended the stream of slot ${options.slot}.` });
  } catch (error) {
    options.signal.throwIfAborted();
    if (error instanceof BanyanError) throw error;
    throw new BanyanError('BANYAN_WAL_STREAM', {
      message: `The stream of slot ${options.slot} was lost: ${messageOf(error)}`,
      cause: error,
    });
  } finally {
    options.signal.removeEventListener('abort', stop);
    socket.destroy();
  }
}

/**
 * What to ask of a server: the latest protocol that it and we speak. From version 2 on it may stream
 * transactions that are open. Without `two_phase`, from version 3 on as before, a prepared
 * transaction comes when it is committed.
 */
function protocol(serverVersion: number, { streaming = true }: Pick<StreamOptions, 'streaming'>): string {
  const version = serverVersion < 140_000 ? 1 : serverVersion < 150_000 ? 2 : serverVersion < 160_000 ? 3 : 4;
  return `proto_version '${version}'${streaming && version >= 2 ? ", streaming 'on'" : ''}`;
}

interface Server {
  readonly version: number;
  /** Often enough for its patience with a client that says nothing. */
  readonly statusEveryMs: number;
}

async function readServer(client: pg.Client): Promise<Server> {
  const found = await client.query<{ version: string; timeout: string }>(
    "SELECT current_setting('server_version_num') AS version, setting AS timeout FROM pg_catalog.pg_settings WHERE name = 'wal_sender_timeout'",
  );
  const timeoutMs = Number(found.rows[0]?.timeout ?? 0);
  return { version: Number(found.rows[0]?.version), statusEveryMs: timeoutMs > 0 ? Math.min(1000, timeoutMs / 3) : 1000 };
}

/** From here on the connection's bytes are ours; pg keeps only its error and close listeners. */
function takeOver(client: pg.Client): Socket {
  const socket = client.connection.stream as Socket;
  socket.removeAllListeners('data');
  socket.pause();
  return socket;
}

/**
 * Sends status messages until closed. A link that has gone dead without a word is found by asking
 * the server for an answer when it has been silent for half of the allowed time.
 */
async function reportStatus(
  socket: Socket,
  options: StreamOptions & { readonly asked: Asked; readonly statusEveryMs: number },
  closed: AbortSignal,
): Promise<void> {
  const { clock, silenceMs } = options;
  let heard = socket.bytesRead;
  let heardAt = clock.monotonic();
  while (!closed.aborted) {
    try {
      await clock.sleep(options.statusEveryMs, closed);
    } catch {
      // The stream ended; that is the only reason for this sleep to be cut short.
      return;
    }
    // Bytes that nobody has taken yet: then it is our reader that is slow.
    if (socket.bytesRead !== heard || socket.readableLength > 0) {
      heard = socket.bytesRead;
      heardAt = clock.monotonic();
    }
    if (options.asked.sinceMs > STOPPING_GRACE_MS) socket.destroy(new Error('the server is shutting down'));
    const silentMs = clock.monotonic() - heardAt;
    if (silentMs > silenceMs) socket.destroy(new Error(`the server said nothing for ${Math.round(silentMs)} ms`));
    if (socket.writable) socket.write(statusFrame(options.durable(), { replyNow: silentMs > silenceMs / 2 }));
  }
}

/**
 * Notices that the server is shutting down. It then waits until its reader has confirmed everything, and asks
 * over and over. What a reader of two directions confirms also waits for the way back, which the same
 * server refuses by then: neither would ever end.
 */
class Asked {
  readonly #clock: Clock;
  readonly #everyMs: number;
  #firstAt: number | undefined;
  #lastAt = 0;

  constructor({ clock, statusEveryMs }: { readonly clock: Clock; readonly statusEveryMs: number }) {
    this.#clock = clock;
    this.#everyMs = statusEveryMs;
  }

  /** The server wants to hear from us at once, though it hears from us all the time. */
  again(): void {
    const now = this.#clock.monotonic();
    if (this.#firstAt === undefined || now - this.#lastAt > this.#everyMs) this.#firstAt = now;
    this.#lastAt = now;
  }

  /** For how long it has gone on asking. */
  get sinceMs(): number {
    const now = this.#clock.monotonic();
    return this.#firstAt === undefined || now - this.#lastAt > this.#everyMs ? 0 : now - this.#firstAt;
  }
}

/** Time for what was received to be applied and confirmed before the connection to a stopping server is given up. */
const STOPPING_GRACE_MS = 2000;

const COPY_BOTH = 0x57;
const COPY_DATA = 0x64;
const COPY_DONE = 0x63;
const WAL_DATA = 0x77;
const ERROR = 0x45;
const NOTICE = 0x4e;
/** Parameter status, command complete, ready for query: nothing to do. */
const IGNORED = new Set([0x53, 0x43, 0x5a]);

/** Two positions and a time. */
const WAL_HEADER = 24;

/** Reads what a walsender sends; `reply` answers it at once. */
function readingWith(reply: () => void): ReadFrame<WalMessage> {
  return (type, bytes, from, end) => {
    if (type !== COPY_DATA) return readOther(type, bytes.subarray(from, end));
    if (bytes[from] === WAL_DATA && end - from > WAL_HEADER) return { kind: 'wal', bytes, from: from + 1 + WAL_HEADER, end };
    const reader = new ByteReader(bytes, from, end);
    const kind = reader.uint8();
    if (kind === WAL_DATA) throw malformed('a part of the log without its header');
    if (kind === 0x6b) {
      const position = reader.uint64() as Position;
      reader.int64();
      if (reader.uint8() === 1) reply();
      return { kind: 'keepalive', position };
    }
    throw malformed(`copy data of unknown kind ${kind}`);
  };
}

function readOther(type: number, body: Buffer): undefined {
  if (type === NOTICE) {
    const { sqlState, message } = errorFields(body);
    // Since 18 the server only warns when the publication is missing, and sends none of its changes.
    if (sqlState === '55000') {
      throw new BanyanError('BANYAN_SLOT_LOST', { message: `The server leaves out changes: ${message}`, details: { sqlState } });
    }
    return undefined;
  }
  if (type === ERROR) {
    const { sqlState, message } = errorFields(body);
    if (sqlState === '42704' || sqlState === '55000') {
      throw new BanyanError('BANYAN_SLOT_LOST', { message: `The server can not stream from the slot any more: ${message}`, details: { sqlState } });
    }
    throw new BanyanError('BANYAN_WAL_STREAM', { message: `The server refused to stream: ${message}`, details: { sqlState } });
  }
  if (type !== COPY_BOTH && type !== COPY_DONE && !IGNORED.has(type)) throw malformed(`message type ${type}`);
  return undefined;
}
