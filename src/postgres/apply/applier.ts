import type pg from 'pg';
import { BanyanError } from '../../core/errors.ts';
import type { Applier, ApplyTransaction, Checkpoint, TargetTable } from '../../ports/applier.ts';
import type { TableName } from '../../model/names.ts';
import { parseLsn } from '../../model/position.ts';
import { connect } from '../connect.ts';
import type { StreamNames } from '../banyan-schema.ts';
import { ensureOrigin, originNumbers } from '../origins.ts';
import { isTransient, sqlState } from '../transient.ts';
import { readShapes, type TableShape } from './table-shape.ts';
import { PostgresApplyTransaction } from './transaction.ts';

export interface PostgresApplierOptions {
  readonly url: string;
  readonly service: string;
  readonly names: StreamNames;
  readonly applicationName?: string;
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

/** Writes a stream into PostgreSQL, in one session that carries the stream's replication origin. */
export class PostgresApplier implements Applier {
  readonly #options: PostgresApplierOptions;
  #client: pg.Client | undefined;
  #token = '';
  #origins: readonly string[] | undefined;
  #shapes = new Map<TableName, TableShape>();

  constructor(options: PostgresApplierOptions) {
    this.#options = options;
  }

  async claim(): Promise<Checkpoint> {
    const client = await this.#session();
    const claimed = await client.query<StreamRow>(
      'UPDATE banyan.stream SET token = token + 1 WHERE name = $1 RETURNING token, position, seen',
      [this.#options.names.stream],
    );
    const row = claimed.rows[0];
    if (!row) {
      throw new BanyanError('BANYAN_STREAM_UNKNOWN', { message: `Stream ${this.#options.names.stream} has no checkpoint in its target.` });
    }
    this.#token = row.token;
    return { position: parseLsn(row.position), seen: parseLsn(row.seen) };
  }

  async describe(tables: readonly TableName[]): Promise<ReadonlyMap<TableName, TargetTable>> {
    this.#shapes = await readShapes(await this.#session(), tables);
    return this.#shapes;
  }

  async begin(): Promise<ApplyTransaction> {
    const client = await this.#session();
    const stream = this.#options.names.stream.replaceAll("'", "''");
    // The lock also keeps a second worker's claim waiting until this transaction has ended.
    let results: unknown;
    try {
      results = await client.query(`BEGIN; SELECT token, position, seen FROM banyan.stream WHERE name = '${stream}' FOR UPDATE`);
    } catch (error) {
      // The session may be in a transaction that has failed already; the next attempt needs another one.
      await this.close();
      throw error;
    }
    const row = Array.isArray(results) ? (results as pg.QueryResult<StreamRow>[])[1]?.rows[0] : undefined;
    if (row?.token !== this.#token) {
      await client.query('ROLLBACK');
      throw new BanyanError('BANYAN_STREAM_FENCED', { message: `Stream ${this.#options.names.stream} was claimed by another worker.` });
    }
    return new PostgresApplyTransaction({
      client,
      checkpoint: { position: parseLsn(row.position), seen: parseLsn(row.seen) },
      names: this.#options.names,
      service: this.#options.service,
      origins: this.#origins,
      shapeOf: (table) => this.#shape(table),
    });
  }

  async heldKeys(): Promise<ReadonlySet<string>> {
    const client = await this.#session();
    const held = await client.query<{ key_text: string }>(
      "SELECT key_text FROM banyan.quarantine WHERE stream = $1 AND state = 'held' " +
        "UNION SELECT new_key_text FROM banyan.quarantine WHERE stream = $1 AND state = 'held' AND new_key_text IS NOT NULL",
      [this.#options.names.stream],
    );
    return new Set(held.rows.map((row) => row.key_text));
  }

  isTransient(error: unknown): boolean {
    return isTransient(error);
  }

  codeOf(error: unknown): string {
    return sqlState(error) ?? 'unknown';
  }

  async close(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    await client?.end();
  }

  #shape(table: TargetTable): TableShape {
    const shape = this.#shapes.get(table.name);
    if (!shape) throw new BanyanError('BANYAN_INTERNAL', { message: `${table.name} was never described.` });
    return shape;
  }

  /** The one session; opened again, with nothing of its former state, after it was lost. */
  async #session(): Promise<pg.Client> {
    if (this.#client) return this.#client;
    const client = await connect({
      url: this.#options.url,
      applicationName: this.#options.applicationName ?? `banyan ${this.#options.names.stream}`,
    });
    try {
      await client.query(APPLY_SETTINGS);
      await ensureOrigin(client, this.#options.names.origin);
      await client.query('SELECT pg_replication_origin_session_setup($1)', [this.#options.names.origin]);
      const version = await client.query<{ version: string }>("SELECT current_setting('server_version_num') AS version");
      // pg_xact_commit_timestamp_origin came with PostgreSQL 14.
      this.#origins = Number(version.rows[0]?.version) >= 140_000 ? await originNumbers(client, this.#options.names.origin) : undefined;
    } catch (error) {
      await client.end();
      throw error;
    }
    client.once('end', () => {
      if (this.#client === client) this.#client = undefined;
    });
    this.#client = client;
    return client;
  }
}
