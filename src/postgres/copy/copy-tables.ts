import { pipeline } from 'node:stream/promises';
import type pg from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import { quoteIdentifier, quoteTable, type TableName } from '../../model/names.ts';
import { formatLsn, type Position } from '../../model/position.ts';
import { connect } from '../connect.ts';
import type { CopiedTable } from './copied-table.ts';
import { RewriteRows } from './rewrite-rows.ts';

export interface CopyOptions {
  readonly sourceUrl: string;
  readonly targetUrl: string;
  /** Snapshot exported by the slot whose stream goes on from here. */
  readonly snapshot: string;
  /** The origin that marks the rows as replays, so that the opposite stream drops them. */
  readonly origin: string;
  /** Where the slot begins. */
  readonly position: Position;
  readonly tables: readonly CopiedTable[];
  readonly signal: AbortSignal;
  readonly onTable?: (table: TableName, rows: number) => void;
}

/** What a copy's sessions are called on the servers, so that what a lost worker left can be ended. */
export const copyApplicationName = (origin: string): string => `copy ${origin}`;

/**
 * Copies tables as one consistent snapshot, text for text: what the source's COPY writes is what the
 * target's COPY reads. Returns the number of rows.
 */
export async function copyTables(options: CopyOptions): Promise<number> {
  const source = await connect({ url: options.sourceUrl, applicationName: copyApplicationName(options.origin) });
  try {
    const target = await connect({ url: options.targetUrl, applicationName: copyApplicationName(options.origin) });
    // A COPY that waits for a lock hears nothing else; only the end of its connection stops it at once.
    const stop = (): void => {
      for (const client of [source, target]) client.connection.stream.destroy();
    };
    options.signal.addEventListener('abort', stop, { once: true });
    try {
      options.signal.throwIfAborted();
      await source.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
      await source.query(`SET TRANSACTION SNAPSHOT '${options.snapshot.replaceAll("'", "''")}'`);
      await target.query('SET session_replication_role = replica');
      await target.query('SELECT pg_replication_origin_session_setup($1)', [options.origin]);
      let total = 0;
      for (const table of options.tables) {
        options.signal.throwIfAborted();
        const rows = await copyOne(source, target, table, options);
        options.onTable?.(table.target, rows);
        total += rows;
      }
      await source.query('COMMIT');
      return total;
    } catch (error) {
      options.signal.throwIfAborted();
      throw error;
    } finally {
      options.signal.removeEventListener('abort', stop);
      await target.end();
    }
  } finally {
    await source.end();
  }
}

/** No value looks like this: a backslash of a value is written twice. */
const DEFAULT_MARK = '\\D';

/** Whether COPY has a word for a column's default: since PostgreSQL 16. Before that, it becomes null. */
async function knowsDefault(target: pg.Client): Promise<boolean> {
  const found = await target.query<{ version: string }>("SELECT current_setting('server_version_num') AS version");
  return Number(found.rows[0]?.version) >= 160_000;
}

async function copyOne(source: pg.Client, target: pg.Client, table: CopiedTable, options: CopyOptions): Promise<number> {
  const read = table.read.map(quoteIdentifier).join(', ');
  const write = table.write.map(quoteIdentifier).join(', ');
  const where = table.where === undefined ? '' : ` WHERE (${table.where}\n)`;
  await target.query('BEGIN');
  await target.query(`SELECT pg_replication_origin_xact_setup('${formatLsn(options.position)}', now())`);
  const rewriting = table.change && new RewriteRows(table.change, (await knowsDefault(target)) ? DEFAULT_MARK : undefined);
  const name = table.into ? 'banyan_part' : quoteTable(table.target);
  if (table.into) await target.query(`CREATE TEMPORARY TABLE banyan_part ON COMMIT DROP AS SELECT ${write} FROM ${quoteTable(table.target)} WITH NO DATA`);
  const out = source.query(copyTo(`COPY (SELECT ${read} FROM ${quoteTable(table.source)}${where}) TO STDOUT`));
  const into = target.query(copyFrom(`COPY ${name} (${write}) FROM STDIN${rewriting?.defaultMark === undefined ? '' : ` WITH (DEFAULT '${rewriting.defaultMark}')`}`));
  if (rewriting) await pipeline(out, rewriting, into, { signal: options.signal });
  else await pipeline(out, into, { signal: options.signal });
  if (table.into) await target.query(joinPart(table, table.into, write));
  await target.query('COMMIT');
  return into.rowCount;
}

/** Puts a part's columns beside those that the rows have already. */
function joinPart(table: CopiedTable, key: readonly string[], write: string): string {
  const set = table.write.filter((column) => !key.includes(column)).map((column) => `${quoteIdentifier(column)} = EXCLUDED.${quoteIdentifier(column)}`);
  return (
    `INSERT INTO ${quoteTable(table.target)} (${write}) OVERRIDING SYSTEM VALUE SELECT ${write} FROM banyan_part ` +
    `ON CONFLICT (${key.map(quoteIdentifier).join(', ')}) DO ${set.length === 0 ? 'NOTHING' : `UPDATE SET ${set.join(', ')}`}`
  );
}
