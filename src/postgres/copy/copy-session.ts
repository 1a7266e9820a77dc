import { pipeline } from 'node:stream/promises';
import type pg from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import { quoteIdentifier, quoteLiteral, quoteTable } from '../../model/names.ts';
import { formatLsn, type Position } from '../../model/position.ts';
import { connect } from '../connect.ts';
import { copyOrigin, ensureOrigin } from '../origins.ts';
import { sqlState } from '../transient.ts';
import type { CopiedPart } from './chunks.ts';
import { RewriteRows } from './rewrite-rows.ts';

/** What a copy's sessions are called on the servers, so that what a lost worker left can be ended. */
export const copyApplicationName = (origin: string): string => `copy ${origin}`;

/** A pair of sessions that carry rows from the source, as it was at one snapshot, to the target. */
export interface CopySession {
  readonly source: pg.Client;
  readonly target: pg.Client;
}

/** It may wait long for its turn while the source's snapshot is kept for it. */
const SOURCE_SETTINGS = 'SET idle_in_transaction_session_timeout = 0; SET statement_timeout = 0; SET lock_timeout = 0';
const TARGET_SETTINGS = `${SOURCE_SETTINGS}; SET session_replication_role = replica`;

/** A session on the source that sees what the snapshot's exporter sees, for as long as it lives. */
export async function openSnapshot(options: { readonly url: string; readonly origin: string; readonly snapshot: string }): Promise<pg.Client> {
  const client = await connect({ url: options.url, applicationName: copyApplicationName(options.origin) });
  try {
    await client.query(SOURCE_SETTINGS);
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    await client.query(`SET TRANSACTION SNAPSHOT ${quoteLiteral(options.snapshot)}`);
    return client;
  } catch (error) {
    await client.end();
    throw error;
  }
}

/** A session on the target whose writes the opposite stream takes for replays. */
export async function openTarget(options: {
  readonly url: string;
  readonly origin: string;
  readonly session: number;
  /** The service, where its triggers are to be quiet and no origin is to be used. */
  readonly quiet?: string | undefined;
}): Promise<pg.Client> {
  const client = await connect({ url: options.url, applicationName: copyApplicationName(options.origin) });
  const origin = copyOrigin(options.origin, options.session);
  try {
    await client.query(TARGET_SETTINGS);
    if (options.quiet !== undefined) {
      await client.query("SELECT set_config('banyan.replay', $1, false)", [options.quiet]);
      withoutOrigin.add(client);
      return client;
    }
    await ensureOrigin(client, origin);
    await takeOrigin(client, origin);
    return client;
  } catch (error) {
    await client.end();
    throw error;
  }
}

/** Sessions whose writes are known by the setting alone. */
const withoutOrigin = new WeakSet<pg.Client>();

/** A session that has just ended holds its origin for a moment longer. */
async function takeOrigin(client: pg.Client, origin: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await client.query('SELECT pg_replication_origin_session_setup($1)', [origin]);
      return;
    } catch (error) {
      if (sqlState(error) !== OBJECT_IN_USE || attempt === TAKE_ATTEMPTS) throw error;
      await client.query('SELECT pg_sleep(0.05)');
    }
  }
}

const OBJECT_IN_USE = '55006';
const TAKE_ATTEMPTS = 40;

/**
 * Carries rows within the target's open transaction: what the source's COPY writes is what the target's
 * COPY reads, unread by us unless a transform has to change it. Gives their number.
 * @param which SQL condition on the source's row
 */
export async function carryRows(options: {
  readonly session: CopySession;
  readonly part: CopiedPart;
  readonly which: string;
  readonly signal: AbortSignal;
}): Promise<number> {
  const { session: { source, target }, part, which, signal } = options;
  const read = part.read.map(quoteIdentifier).join(', ');
  const write = part.write.map(quoteIdentifier).join(', ');
  const own = part.where === undefined ? '' : ` AND (${part.where}\n)`;
  const rewriting = part.change && new RewriteRows(part.change, (await knowsDefault(target)) ? DEFAULT_MARK : undefined);
  const name = part.into ? 'banyan_part' : quoteTable(part.target);
  if (part.into) await target.query(`CREATE TEMPORARY TABLE banyan_part ON COMMIT DROP AS SELECT ${write} FROM ${quoteTable(part.target)} WITH NO DATA`);
  const form = part.binary ? ' WITH (FORMAT binary)' : '';
  const into = rewriting?.defaultMark === undefined ? form : ` WITH (DEFAULT '${rewriting.defaultMark}')`;
  const out = source.query(copyTo(`COPY (SELECT ${read} FROM ${quoteTable(part.source)} WHERE ${which}${own}) TO STDOUT${form}`, BUFFER));
  const taken = target.query(copyFrom(`COPY ${name} (${write}) FROM STDIN${into}`, BUFFER));
  if (rewriting) await pipeline(out, rewriting, taken, { signal });
  else await pipeline(out, taken, { signal });
  if (part.into) {
    await target.query(joinPart(part, part.into, write));
    await target.query('DROP TABLE banyan_part');
  }
  return taken.rowCount;
}

/** No value looks like this: a backslash of a value is written twice. */
const DEFAULT_MARK = '\\D';

/** Whether COPY has a word for a column's default: since PostgreSQL 16. Before that, it becomes null. */
async function knowsDefault(target: pg.Client): Promise<boolean> {
  const found = await target.query<{ version: string }>("SELECT current_setting('server_version_num') AS version");
  return Number(found.rows[0]?.version) >= 160_000;
}

/** Puts a part's columns beside those that the rows have already. */
function joinPart(part: CopiedPart, key: readonly string[], write: string): string {
  const set = part.write.filter((column) => !key.includes(column)).map((column) => `${quoteIdentifier(column)} = EXCLUDED.${quoteIdentifier(column)}`);
  return (
    `INSERT INTO ${quoteTable(part.target)} (${write}) OVERRIDING SYSTEM VALUE SELECT ${write} FROM banyan_part ` +
    `ON CONFLICT (${key.map(quoteIdentifier).join(', ')}) DO ${set.length === 0 ? 'NOTHING' : `UPDATE SET ${set.join(', ')}`}`
  );
}

/** Enough that neither server waits for the other's every packet. */
const BUFFER = { highWaterMark: 1 << 20 };

/** Runs `work` in a transaction of the target that is a replay of the source as of `position`. */
export async function asReplay<T>(target: pg.Client, position: Position, work: () => Promise<T>): Promise<T> {
  await target.query('BEGIN');
  if (!withoutOrigin.has(target)) await target.query(`SELECT pg_replication_origin_xact_setup('${formatLsn(position)}', now())`);
  const result = await work();
  await target.query('COMMIT');
  return result;
}
