import type pg from 'pg';
import { BanyanError, invariant, isBanyanError } from '../../core/errors.ts';
import type { Applier, ApplyTransaction, BeginOptions, Checkpoint, QuarantineEntry, TargetTable } from '../../ports/applier.ts';
import type { TableName } from '../../model/names.ts';
import { formatLsn, later, ORIGIN_OF_TIME, parseLsn, type Position } from '../../model/position.ts';
import { systemClock, type Clock } from '../../core/clock.ts';
import { connect } from '../connect.ts';
import { endSession, watchClient } from '../link-watch.ts';
import type { StreamNames } from '../banyan-schema.ts';
import { ensureOrigin, originNumbers, repairOrigin, sessionOrigin } from '../origins.ts';
import type { Marking } from '../replay-marking.ts';
import { endFormerSessions, sessionName } from '../sessions.ts';
import { isContention, isTransient, sqlState } from '../transient.ts';
import { WORTH_COPYING } from './copy-in.ts';
import { CopyTrust } from './copy-trust.ts';
import { readQuarantined } from './quarantine.ts';
import { readShapes, type TableShape } from './table-shape.ts';
import { OutOfDate, PostgresApplyTransaction } from './transaction.ts';

export interface PostgresApplierOptions {
  readonly url: string;
  readonly service: string;
  readonly names: StreamNames;
  /**
   * With which the stream is claimed; one smaller than the stream's is refused. Default: one more than
   * the stream's, so that whoever claims last may write.
   */
  readonly token?: string;
  /** Most transactions at once, each in a session of its own. Default 2. */
  readonly sessions?: number;
  /** Whether tables without a key are let through: for streams that go one way. Default false. */
  readonly keyless?: boolean;
  /** Default: the system's. */
  readonly clock?: Clock;
  /**
   * Look whether the server still works on what it was asked when its answer takes longer than this, in
   * milliseconds, and break the connection off if not. Default 20,000.
   */
  readonly linkTimeoutMs?: number;
  /** From how many rows on inserts that run beside others are copied in. Default 50. */
  readonly copyFrom?: number;
  /** How its writes are told from those of users. Default `origin`; `setting` where capture is by triggers, and needs no rights to origins. */
  readonly marking?: Marking;
}

/**
 * The session of an apply worker. Triggers and foreign keys already fired at the source; index
 * scans are forced because the planner has no statistics of a table that was just loaded; a worker
 * that freezes inside a transaction loses it, so that another can take over. The source is told to
 * forget what was committed here, so a commit that may not be durable yet is no commit.
 */
const APPLY_SETTINGS =
  "SET session_replication_role = replica; SET enable_seqscan = off; SET enable_hashjoin = off; " +
  "SET enable_mergejoin = off; SET idle_in_transaction_session_timeout = '20s'; SET lock_timeout = 0; SET statement_timeout = 0; " +
  "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";

interface StreamRow {
  readonly token: string;
  readonly position: string;
  readonly seen: string;
}

/**
 * Writes a stream into PostgreSQL, in sessions that each carry one of the stream's replication origins.
 *
 * Every transaction locks the stream's row and compares the token: FOR UPDATE, which waits for all
 * others, if it is alone, FOR KEY SHARE if it runs beside others. A claim takes FOR UPDATE. So a token
 * that was right as a transaction began is right when it commits.
 */
export class PostgresApplier implements Applier {
  readonly sessions: number;
  readonly #marking: Marking;
  readonly #options: PostgresApplierOptions;
  readonly #clients = new Map<number, pg.Client>();
  /** Sessions with a transaction. */
  readonly #busy = new Set<number>();
  /** For whoever needs a session while all have one. */
  readonly #waiting: (() => void)[] = [];
  /** Sessions whose prepared statements are out of date. */
  readonly #stale = new Set<number>();
  #token = '';
  /** Each session's process, also of one that was lost. */
  readonly #pids = new Map<number, string>();
  /** The latest checkpoint that the target is known to have. One before it means that the target forgot. */
  #committed: Position = ORIGIN_OF_TIME;
  #origins: readonly string[] | undefined;
  #shapes = new Map<TableName, TableShape>();
  readonly #copyTrust = new CopyTrust();

  constructor(options: PostgresApplierOptions) {
    this.#options = options;
    this.#marking = options.marking ?? 'origin';
    // A session that waited for another's row would not see, in the same statement, that the other has noted its number.
    this.sessions = this.#marking === 'origin' ? (options.sessions ?? 2) : 1;
  }

  async claim(): Promise<Checkpoint> {
    await this.close();
    let checkpoint: Checkpoint | undefined;
    const claimOn = async (client: pg.Client): Promise<void> => {
      const row = await this.#claimOn(client);
      this.#token = row.token;
      this.#committed = parseLsn(row.position);
      checkpoint = { position: parseLsn(row.position), seen: parseLsn(row.seen) };
    };
    // With a token the claim comes first: it is what keeps the former worker from taking the origin again.
    // Without, whoever has the origin stays, and this one waits.
    if (this.#options.token === undefined) await this.#open(0, { afterOrigin: claimOn });
    else await this.#open(0, { beforeOrigin: claimOn });
    invariant(checkpoint, 'a claim without a checkpoint');
    return checkpoint;
  }

  async #claimOn(client: pg.Client): Promise<StreamRow> {
    const { names: { stream }, token } = this.#options;
    if (token !== undefined) await endFormerSessions(client, stream, token);
    // A transaction of the former worker may hold the row; the next attempt ends its session once more.
    await client.query("SET lock_timeout = '1s'");
    const claimed = await client.query<StreamRow>(
      token === undefined
        ? { text: CLAIM_NEXT_SQL, values: [stream] }
        : { text: CLAIM_SQL, values: [stream, token] },
    );
    await client.query('SET lock_timeout = 0');
    const row = claimed.rows[0];
    if (row) return row;
    const found = await client.query('SELECT 1 FROM banyan.stream WHERE name = $1', [stream]);
    if (found.rowCount !== 0) throw this.#fenced();
    throw new BanyanError('BANYAN_STREAM_UNKNOWN', { message: `Stream ${stream} has no checkpoint in its target.` });
  }

  #fenced(): BanyanError {
    return new BanyanError('BANYAN_STREAM_FENCED', { message: `Stream ${this.#options.names.stream} was claimed by another worker.` });
  }

  async describe(tables: readonly TableName[]): Promise<ReadonlyMap<TableName, TargetTable>> {
    const found = await readShapes(await this.#session(0), tables, { keyless: this.#options.keyless ?? false });
    this.#shapes = new Map([...this.#shapes, ...found]);
    return found;
  }

  async begin({ beside = false, hurried = false }: BeginOptions = {}): Promise<ApplyTransaction> {
    const session = await this.#takeSession();
    let begun: Promise<Checkpoint> | undefined;
    try {
      if (this.#stale.delete(session)) await this.#end(session);
      const client = await this.#session(session);
      begun = this.#begin(client, { lock: beside ? 'FOR KEY SHARE' : 'FOR UPDATE', hurried });
      // If it is the commit that hears of it first.
      begun.catch(() => {});
      const checkpoint = beside ? undefined : await begun;
      return new PostgresApplyTransaction({
        client, checkpoint, begun,
        names: this.#options.names,
        service: this.#options.service,
        origins: this.#origins,
        marking: this.#marking,
        shapeOf: (table) => this.#shape(table),
        // One that fails beside others is applied again, alone; one that is alone must tell which row is at fault.
        ...(beside ? { copying: { trust: this.#copyTrust, from: this.#options.copyFrom ?? WORTH_COPYING } } : {}),
        onEnd: () => this.#giveBack(session),
        onStale: () => this.#stale.add(session),
        onCommit: (committed) => {
          this.#committed = later(this.#committed, committed);
        },
      });
    } catch (error) {
      this.#giveBack(session);
      if (begun && isBanyanError(error)) await this.#clients.get(session)?.query('ROLLBACK');
      // The session may be in a transaction that has failed already; the next attempt needs another one.
      else if (begun) await this.#end(session);
      throw error;
    }
  }

  /** Begins, and looks whether the stream is still ours. */
  async #begin(client: pg.Client, { lock, hurried }: { readonly lock: 'FOR UPDATE' | 'FOR KEY SHARE'; readonly hurried: boolean }): Promise<Checkpoint> {
    const stream = this.#options.names.stream.replaceAll("'", "''");
    // A transaction beside this one may commit before the answer is read.
    const known = this.#committed;
    const results: unknown = await client.query(`BEGIN; SELECT token, position, seen FROM banyan.stream WHERE name = '${stream}' ${lock}${hurried ? HURRIED_SQL : ''}`);
    const row = Array.isArray(results) ? (results as pg.QueryResult<StreamRow>[])[1]?.rows[0] : undefined;
    if (row?.token !== this.#token) throw this.#fenced();
    const position = parseLsn(row.position);
    if (position < known) {
      throw new BanyanError('BANYAN_TARGET_CHANGED', {
        message: `Stream ${this.#options.names.stream} was committed up to ${formatLsn(known)}; its target now says ${row.position}.`,
      });
    }
    this.#committed = later(this.#committed, position);
    return { position, seen: parseLsn(row.seen) };
  }

  async quarantined(): Promise<readonly QuarantineEntry[]> {
    return readQuarantined(await this.#session(0), this.#options.names.stream);
  }

  async isAsked(): Promise<boolean> {
    const client = await this.#session(0);
    const found = await client.query("SELECT 1 FROM banyan.quarantine WHERE stream = $1 AND state = 'held' AND asked IS NOT NULL LIMIT 1", [
      this.#options.names.stream,
    ]);
    return found.rows.length > 0;
  }

  isTransient(error: unknown): boolean {
    return isTransient(error);
  }

  isOutOfDate(error: unknown): boolean {
    return error instanceof OutOfDate;
  }

  isContention(error: unknown): boolean {
    return isContention(error);
  }

  codeOf(error: unknown): string {
    return sqlState(error) ?? 'unknown';
  }

  async close(): Promise<void> {
    for (const session of this.#clients.keys()) await this.#end(session);
  }

  /**
   * A session without a transaction. One that was rolled back has it until the server says so, which may take
   * as long as the lock that its last statement waits for: a second transaction in it would be a part of the first.
   */
  async #takeSession(): Promise<number> {
    for (;;) {
      for (let session = 0; session < this.sessions; session++) {
        if (this.#busy.has(session)) continue;
        this.#busy.add(session);
        return session;
      }
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    }
  }

  #giveBack(session: number): void {
    this.#busy.delete(session);
    for (const wake of this.#waiting.splice(0)) wake();
  }

  async #end(session: number): Promise<void> {
    const client = this.#clients.get(session);
    if (!client) return;
    this.#clients.delete(session);
    // A statement that waits for a lock may wait for long: it is not waited for.
    if (this.#busy.has(session)) client.connection.stream.destroy();
    await endSession(client, { clock: this.#clock, withinMs: LEAVE_MS });
  }

  get #clock(): Clock {
    return this.#options.clock ?? systemClock;
  }

  #shape(table: TargetTable): TableShape {
    const shape = this.#shapes.get(table.name);
    if (!shape) throw new BanyanError('BANYAN_INTERNAL', { message: `${table.name} was never described.` });
    return shape;
  }

  /** A session; opened again, with nothing of its former state, after it was lost. */
  async #session(session: number): Promise<pg.Client> {
    return this.#clients.get(session) ?? this.#open(session, { beforeOrigin: (client) => this.#stillOurs(client) });
  }

  /** A worker that has lost its claim must not stand in its successor's way, not even by holding the origin. */
  async #stillOurs(client: pg.Client): Promise<void> {
    if (this.#token === '') return;
    const found = await client.query<{ token: string }>('SELECT token FROM banyan.stream WHERE name = $1', [this.#options.names.stream]);
    if (found.rows[0]?.token !== this.#token) throw this.#fenced();
  }

  async #open(session: number, { beforeOrigin, afterOrigin }: {
    readonly beforeOrigin?: (client: pg.Client) => Promise<void>;
    readonly afterOrigin?: (client: pg.Client) => Promise<void>;
  }): Promise<pg.Client> {
    const { url, service, names, token } = this.#options;
    const name = sessionName(names.stream, token).slice(0, 63);
    const client = await connect({ url, applicationName: name, pipeline: true });
    watchClient(client, { url, clock: this.#clock, afterMs: this.#options.linkTimeoutMs ?? 20_000 });
    try {
      await client.query(APPLY_SETTINGS);
      // Its link was lost to us, perhaps not to the server: it may still hold the origin, and the checkpoint's lock.
      await client.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1 AND application_name = $2', [this.#pids.get(session) ?? '0', name]);
      await beforeOrigin?.(client);
      await client.query("SELECT set_config('banyan.replay', $1, false)", [service]);
      const own = await client.query<{ pid: string }>('SELECT pg_backend_pid() AS pid');
      this.#pids.set(session, own.rows[0]?.pid ?? '0');
      if (this.#marking === 'origin') await this.#setUpOrigin(client, session);
      else await client.query(FORGET_REPLAYED_SQL, [names.stream]);
      await afterOrigin?.(client);
    } catch (error) {
      await endSession(client, { clock: this.#clock, withinMs: LEAVE_MS });
      throw error;
    }
    client.once('end', () => {
      if (this.#clients.get(session) === client) this.#clients.delete(session);
    });
    this.#clients.set(session, client);
    return client;
  }

  async #setUpOrigin(client: pg.Client, session: number): Promise<void> {
    const { names } = this.#options;
    // All of them, because each session must know the others' rows for the stream's own.
    for (let i = 0; i < this.sessions; i++) await ensureOrigin(client, sessionOrigin(names.origin, i));
    await ensureOrigin(client, repairOrigin(names.origin));
    await this.#takeOrigin(client, sessionOrigin(names.origin, session));
    const version = await client.query<{ version: string }>("SELECT current_setting('server_version_num') AS version");
    // pg_xact_commit_timestamp_origin came with PostgreSQL 14.
    this.#origins = Number(version.rows[0]?.version) >= 140_000 ? await originNumbers(client, names.origin) : undefined;
  }

  /** A former worker's session that has not noticed its end yet may still hold the origin. */
  async #takeOrigin(client: pg.Client, origin: string): Promise<void> {
    const { names, token } = this.#options;
    for (let attempt = 1; ; attempt++) {
      try {
        await client.query('SELECT pg_replication_origin_session_setup($1)', [origin]);
        return;
      } catch (error) {
        if (token === undefined || sqlState(error) !== OBJECT_IN_USE || attempt === TAKE_ATTEMPTS) throw error;
        await endFormerSessions(client, names.stream, token);
        await client.query('SELECT pg_sleep(0.05)');
      }
    }
  }
}

/** The lock waits for every transaction of the stream; the update's own would let those pass that run beside others. */
const LOCK_SQL = 'WITH locked AS (SELECT name FROM banyan.stream WHERE name = $1 FOR UPDATE) UPDATE banyan.stream AS s';
const CLAIM_NEXT_SQL = `${LOCK_SQL} SET token = s.token + 1 FROM locked WHERE s.name = locked.name RETURNING s.token, s.position, s.seen`;
const CLAIM_SQL = `${LOCK_SQL} SET token = $2 FROM locked WHERE s.name = locked.name AND s.token <= $2 RETURNING s.token, s.position, s.seen`;

const LEAVE_MS = 2000;

/** Well before the server looks for a deadlock, after a second by default. */
const HURRIED_SQL = "; SET LOCAL lock_timeout = '300ms'";

/** Long before a number comes again. A row whose writer is not known here is looked at one by one; nothing else. */
const FORGET_REPLAYED_SQL =
  'DELETE FROM banyan.replayed WHERE stream = $1 AND whole_xid < pg_snapshot_xmax(pg_current_snapshot())::text::int8 - 10000000';
const OBJECT_IN_USE = '55006';
const TAKE_ATTEMPTS = 20;
