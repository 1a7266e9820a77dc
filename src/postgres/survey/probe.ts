import { pipeline } from 'node:stream/promises';
import { Writable } from 'node:stream';
import type pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import type { Clock } from '../../core/clock.ts';
import { messageOf } from '../../core/errors.ts';
import type { TableName } from '../../model/names.ts';
import type { ReadProbe, SurveyedIndex } from '../../model/survey.ts';
import { sqlState } from '../transient.ts';
import { READ_ONLY } from './statements.ts';

/** How much a probe may ask of a server. */
export interface ProbeBounds {
  /** A statement that takes longer is given up. */
  readonly timeoutMs: number;
  /** Of a table's pages, over all slices. */
  readonly pages: number;
  /** Keys that are sorted. */
  readonly sortedRows: number;
}

export const BOUNDS: ProbeBounds = { timeoutMs: 2000, pages: 2048, sortedRows: 20_000 };

/** Parts of one table that are read: how far they differ says how far the rest may. */
const SLICES = 4;

/** Fewer rows say more of the beginning of a statement than of reading rows. */
const FEWEST_ROWS = 1000;

/** Until this version a range of pages was a scan of the whole table. */
const PAGE_RANGES_SINCE = 140_000;

export interface ProbedTable {
  readonly name: TableName;
  /** It, or its largest partition, as SQL. */
  readonly largest: string;
  readonly largestPages: number;
}

/**
 * Reads parts of a table, spread over its pages, through COPY, and throws them away. One short read-only transaction
 * a slice, under a timeout; a reader's lock lets writers through.
 * @returns the reason where it can not be told.
 */
export async function readProbe(client: pg.PoolClient, table: ProbedTable, options: { readonly clock: Clock; readonly bounds: ProbeBounds; readonly version: number }): Promise<ReadProbe | string> {
  const { clock, bounds, version } = options;
  const parts = Math.min(SLICES, Math.max(1, table.largestPages));
  const each = Math.max(1, Math.floor(Math.min(table.largestPages, bounds.pages) / parts));
  const slices: { rows: number; bytes: number; seconds: number }[] = [];
  for (let i = 0; i <= parts; i++) {
    // The first is read twice: what is slow only once (a plan, a cache) is not what the rest of the table costs.
    const from = Math.max(0, Math.floor((table.largestPages / parts) * Math.max(0, i - 1)));
    const where = version < PAGE_RANGES_SINCE ? ` LIMIT ${each * 50}` : ` WHERE ctid >= '(${from},0)' AND ctid < '(${from + each},0)'`;
    try {
      const slice = await copySlice(client, `COPY (SELECT * FROM ${table.largest}${where}) TO STDOUT`, { clock, timeoutMs: bounds.timeoutMs });
      if (i > 0) slices.push(slice);
    } catch (error) {
      return messageOf(error);
    }
  }
  const rows = slices.reduce((sum, slice) => sum + slice.rows, 0);
  const told = slices.filter((slice) => slice.rows > 0 && slice.seconds > 0);
  return rows < FEWEST_ROWS || told.length === 0 ? `${rows} rows are too few to measure by` : { slices: told };
}

async function copySlice(client: pg.PoolClient, statement: string, { clock, timeoutMs }: { readonly clock: Clock; readonly timeoutMs: number }): Promise<{ rows: number; bytes: number; seconds: number }> {
  return inReadOnly(client, timeoutMs, async () => {
    let bytes = 0;
    const start = clock.monotonic();
    const rows = client.query(copyTo(statement));
    await pipeline(rows, new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        bytes += chunk.length;
        done();
      },
    }));
    return { rows: rows.rowCount, bytes, seconds: (clock.monotonic() - start) / 1000 };
  });
}

/** Sorts some rows by an index's columns in the server: what building it mostly is. @returns undefined where it can not be told. */
export async function sortProbe(client: pg.PoolClient, table: ProbedTable & { readonly columns: string }, options: { readonly clock: Clock; readonly bounds: ProbeBounds }): Promise<SurveyedIndex['sort']> {
  const { clock, bounds: { timeoutMs, sortedRows } } = options;
  const statement = `WITH few AS MATERIALIZED (SELECT ${table.columns} FROM ${table.largest} LIMIT ${sortedRows}) SELECT count(*)::text AS n FROM (SELECT * FROM few ORDER BY ${table.columns} OFFSET 0) sorted`;
  const timed = (): Promise<{ readonly rows: number; readonly seconds: number }> =>
    inReadOnly(client, timeoutMs, async () => {
      const start = clock.monotonic();
      const found = await client.query<{ n: string }>(statement);
      return { rows: Number(found.rows[0]?.n ?? 0), seconds: (clock.monotonic() - start) / 1000 };
    });
  try {
    // The first also fills the cache.
    await timed();
    const sorted = await timed();
    return sorted.rows < FEWEST_ROWS || sorted.seconds <= 0 ? undefined : sorted;
  } catch (error) {
    // A type without an order, or a server that has no time: then it is reckoned.
    if (sqlState(error) === undefined) throw error;
    return undefined;
  }
}

/** Counts rows as far as `most`, and the pages they lie on: a table without statistics is not read whole for them. */
export async function countSome(client: pg.PoolClient, table: ProbedTable, options: { readonly most: number; readonly timeoutMs: number }): Promise<{ readonly rows: number; readonly pages: number }> {
  return inReadOnly(client, options.timeoutMs, async () => {
    const found = await client.query<{ rows: string; pages: string }>(
      `SELECT count(*)::text AS rows, coalesce(max((ctid::text::point)[0])::bigint + 1, 0)::text AS pages FROM (SELECT ctid FROM ${table.largest} LIMIT ${options.most}) few`,
    );
    return { rows: Number(found.rows[0]?.rows ?? 0), pages: Number(found.rows[0]?.pages ?? 0) };
  });
}

/** Ends with a rollback, whatever came of it. */
async function inReadOnly<T>(client: pg.PoolClient, timeoutMs: number, work: () => Promise<T>): Promise<T> {
  await client.query(READ_ONLY(timeoutMs));
  try {
    return await work();
  } finally {
    await client.query('ROLLBACK');
  }
}
