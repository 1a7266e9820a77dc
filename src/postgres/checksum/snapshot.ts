import type pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import type {
  ChecksumSnapshot,
  LeafDigest,
  LeafSet,
  PlaceRange,
  RowColumns,
  RowDigest,
  Selection,
} from '../../ports/checksummer.ts';
import { columnSql, fromSql, hashSql, keyColumns, keyHashSql, placeSql, valueSql, whereSql } from './expressions.ts';
import { refused } from './query.ts';
import { readRowColumns } from './row-columns.ts';
import { quoteTable } from '../../model/names.ts';

/** Tables with more pages than this are scanned in parts of so many, so that progress is seen and a stop is quick. */
const PAGES_PER_PART = 65_536;

/** Grouping by leaf must not spill to disk: 65,536 groups take about 16 MB. */
const BEGIN_SQL = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; SET LOCAL work_mem = '64MB'";

export class PostgresChecksumSnapshot implements ChecksumSnapshot {
  readonly #client: pg.PoolClient;
  readonly #pid: string;
  readonly #pool: pg.Pool;
  readonly #signal: AbortSignal | undefined;
  readonly #pagesPerPart: number;
  readonly #onAbort: () => void;
  readonly #onLost: () => void;
  #failed = false;
  #cancelled: Promise<unknown> = Promise.resolve();
  #cursors = 0;

  private constructor(options: {
    readonly client: pg.PoolClient;
    readonly pid: string;
    readonly pool: pg.Pool;
    readonly pagesPerPart: number;
    readonly signal: AbortSignal | undefined;
  }) {
    this.#client = options.client;
    this.#pid = options.pid;
    this.#pool = options.pool;
    this.#signal = options.signal;
    this.#pagesPerPart = options.pagesPerPart;
    // A connection that is lost between two statements tells nobody else; the next statement will fail.
    this.#onLost = () => {
      this.#failed = true;
    };
    this.#client.on('error', this.#onLost);
    this.#onAbort = () => {
      this.#failed = true;
      this.#cancelled = this.#pool.query('SELECT pg_cancel_backend($1)', [this.#pid]).catch(() => {});
    };
    this.#signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  static async open(options: { readonly pool: pg.Pool; readonly pagesPerPart?: number; readonly signal?: AbortSignal }): Promise<PostgresChecksumSnapshot> {
    const { pool, pagesPerPart = PAGES_PER_PART, signal } = options;
    signal?.throwIfAborted();
    const client = await pool.connect();
    try {
      await client.query(BEGIN_SQL);
      // The snapshot is taken here, by the first statement that reads.
      const found = await client.query<{ pid: string }>('SELECT pg_backend_pid() AS pid FROM pg_class LIMIT 1');
      return new PostgresChecksumSnapshot({ client, pid: found.rows[0]?.pid ?? '0', pool, pagesPerPart, signal });
    } catch (error) {
      client.release(true);
      throw error;
    }
  }

  async placeBounds(selection: Selection): Promise<PlaceRange | undefined> {
    const [key] = keyColumns(selection);
    if (key === undefined) return undefined;
    // Of the bare column, which an index answers.
    const place = columnSql(key);
    const [row] = await this.#rows(selection, `SELECT min(${place}), max(${place}) FROM ${fromSql(selection)} ${whereSql(selection)}`);
    const [from, to] = row ?? [];
    return from === undefined || from === null || to === undefined || to === null ? undefined : { from: BigInt(from), to: BigInt(to) };
  }

  async count(selection: Selection): Promise<number> {
    const [row] = await this.#rows(selection, `SELECT count(*) FROM ${fromSql(selection)} ${whereSql(selection)}`);
    return Number(row?.[0] ?? 0);
  }

  async *leaves(
    selection: Selection,
    options: {
      readonly shift: number;
      readonly hashed: boolean;
      readonly within?: LeafSet;
      readonly range?: PlaceRange;
      readonly onRows?: (rows: number) => void;
    },
  ): AsyncGenerator<LeafDigest> {
    const wanted = options.within ? withinLeaves(selection, options.within) : [];
    if (options.range) await this.#query(selection, PAGE_BY_PAGE);
    for (const part of options.range ? [rangeConditions(selection, options.range)] : await this.#parts(selection)) {
      const rows = await this.#rows(selection, leavesSql(selection, { ...options, conditions: [...part, ...wanted] }));
      let counted = 0;
      for (const [leaf, count, sum] of rows) {
        const times = Number(count);
        counted += times;
        yield { leaf: BigInt(leaf ?? 0), rows: times, digest: sum ?? '' };
      }
      options.onRows?.(counted);
    }
  }

  async *columns(selection: Selection, { range, within }: { readonly range: PlaceRange; readonly within?: LeafSet }): AsyncGenerator<RowColumns> {
    const versioned = await this.#hasVersions(selection);
    await this.#query(selection, within ? PAGE_BY_PAGE : COLUMNS_SETTINGS);
    const sql = columnsSql(selection, { versioned, conditions: [...rangeConditions(selection, range), ...(within ? withinLeaves(selection, within) : [])] });
    let whole = false;
    try {
      yield* readRowColumns(this.#client.query(copyTo(`COPY (${sql}) TO STDOUT (FORMAT binary)`)), versioned);
      whole = true;
    } catch (error) {
      this.#signal?.throwIfAborted();
      throw refused(error, selection);
    } finally {
      // What is left of a copy that nobody reads on stands in the connection.
      if (!whole) this.#failed = true;
    }
  }

  async *rows(
    selection: Selection,
    options: { readonly within: LeafSet; readonly hashed: boolean; readonly batch?: number },
  ): AsyncGenerator<readonly RowDigest[]> {
    const name = `banyan_rows_${++this.#cursors}`;
    const versioned = selection.keyLength > 0 && (await this.#hasVersions(selection));
    await this.#query(selection, `DECLARE ${name} NO SCROLL CURSOR FOR ${rowsSql(selection, { ...options, versioned })}`);
    const keyed = selection.keyLength > 0;
    for (;;) {
      const rows = await this.#rows(selection, `FETCH ${options.batch ?? 4096} FROM ${name}`);
      if (rows.length === 0) break;
      yield rows.map(([place, hash, extra, ...key]): RowDigest => ({
        place: BigInt(place ?? 0),
        hash: hash ?? '',
        times: keyed ? 1 : Number(extra),
        // A place that is the key itself is not sent twice.
        key: selection.placedByKey ? [place ?? ''] : key.map((value) => value ?? ''),
        ...(keyed && versioned && extra !== null && extra !== undefined ? { version: extra } : {}),
      }));
    }
    await this.#query(selection, `CLOSE ${name}`);
  }

  async close(): Promise<void> {
    this.#signal?.removeEventListener('abort', this.#onAbort);
    await this.#cancelled;
    if (!this.#failed) {
      try {
        await this.#client.query('ROLLBACK');
      } catch {
        // The connection is gone, and with it the transaction; it must not go back to the pool.
        this.#failed = true;
      }
    }
    this.#client.off('error', this.#onLost);
    this.#client.release(this.#failed);
  }

  /** Conditions that together cover every page once. */
  async #parts(selection: Selection): Promise<readonly (readonly string[])[]> {
    const found = await this.#client.query<{ pages: string }>(PAGES_SQL, [quoteTable(selection.table)]);
    const pages = Number(found.rows[0]?.pages ?? 0);
    const size = this.#pagesPerPart;
    if (pages <= size) return [[]];
    const parts: (readonly string[])[] = [];
    for (let page = 0; page < pages; page += size) {
      const last = page + size >= pages;
      parts.push([`t.ctid >= '(${page},0)'::tid`, ...(last ? [] : [`t.ctid < '(${page + size},0)'::tid`])]);
    }
    return parts;
  }

  async #hasVersions(selection: Selection): Promise<boolean> {
    const found = await this.#client.query<{ versioned: string | null }>(VERSIONED_SQL, [quoteTable(selection.table)]);
    return found.rows[0]?.versioned === 't';
  }

  async #rows(selection: Selection, text: string): Promise<readonly (readonly (string | null)[])[]> {
    const found = await this.#query(selection, text);
    return found.rows;
  }

  async #query(selection: Selection, text: string): Promise<pg.QueryArrayResult<(string | null)[]>> {
    this.#signal?.throwIfAborted();
    try {
      return await this.#client.query<(string | null)[]>({ text, rowMode: 'array' });
    } catch (error) {
      this.#failed = true;
      this.#signal?.throwIfAborted();
      throw refused(error, selection);
    }
  }
}

/** Heap pages of the table, or of its largest partition: page ranges apply to each partition. */
const PAGES_SQL = `
SELECT coalesce(max(pg_relation_size(c.oid)), 0) / current_setting('block_size')::int8 AS pages FROM pg_class c
 WHERE c.relkind = 'r' AND (c.oid = to_regclass($1)
    OR c.oid IN (SELECT relid FROM pg_partition_tree(to_regclass($1)) WHERE isleaf))`;

/** Views have no system columns. */
const VERSIONED_SQL = "SELECT relkind IN ('r', 'p') AS versioned FROM pg_class WHERE oid = to_regclass($1)";

/** More ranges than this are not looked up one by one in the key's index, but picked out of one scan. */
const MOST_RANGES = 256;

/**
 * One group for each leaf. Left to itself the planner takes every key for a group of its own, and would
 * sort the whole table on disk, or group it without parallel workers. Of the column of a UNION ALL it
 * knows nothing, and expects few groups.
 */
function leavesSql(
  selection: Selection,
  options: { readonly shift: number; readonly hashed: boolean; readonly conditions: readonly string[] },
): string {
  const { shift, hashed, conditions } = options;
  const columns = `${placeSql(selection)} >> ${shift} AS leaf, ${hashed ? hashSql(selection) : keyHashSql(selection)} AS hash`;
  const rows = `SELECT ${columns} FROM ${fromSql(selection)} ${whereSql(selection, ...conditions)}`;
  return `SELECT leaf, count(*), sum(hash) FROM (${rows} UNION ALL SELECT NULL::int8, NULL::int8 WHERE false) AS row GROUP BY leaf`;
}

function rowsSql(
  selection: Selection,
  options: { readonly within: LeafSet; readonly hashed: boolean; readonly versioned: boolean },
): string {
  const hash = options.hashed ? hashSql(selection) : "'0'";
  const place = placeSql(selection);
  const from = `FROM ${fromSql(selection)} ${whereSql(selection, ...withinLeaves(selection, options.within))}`;
  if (selection.keyLength === 0) return `SELECT ${place}, ${hash}, count(*) ${from} GROUP BY 1, 2 ORDER BY 1`;
  const version = options.versioned ? 't.xmin::text' : 'NULL';
  const key = selection.placedByKey ? [] : keyColumns(selection).map(valueSql);
  return `SELECT ${[place, hash, version, ...key].join(', ')} ${from} ORDER BY 1`;
}

/** Hashing a row costs far more than the planner thinks: it is worth parallel workers although each row is handed over. */
const COLUMNS_SETTINGS = 'SET LOCAL cpu_tuple_cost = 0.5; SET LOCAL parallel_tuple_cost = 0.01; SET LOCAL enable_indexscan = on';

/** Where no order is asked for, a range's rows are read faster a page at a time than one by one in the order of the index. */
const PAGE_BY_PAGE = 'SET LOCAL enable_indexscan = off';

/** Ordered by the bare column, whose index may give that order for nothing. */
function columnsSql(selection: Selection, options: { readonly versioned: boolean; readonly conditions: readonly string[] }): string {
  const [key] = keyColumns(selection);
  const order = key === undefined ? '1' : columnSql(key);
  const version = options.versioned ? ', t.xmin' : '';
  return `SELECT ${placeSql(selection)}, ${hashSql(selection)}${version} FROM ${fromSql(selection)} ${whereSql(selection, ...options.conditions)} ORDER BY ${order}`;
}

/** Of the bare column, whose index finds them. */
function rangeConditions(selection: Selection, { from, to }: PlaceRange): readonly string[] {
  const [key] = keyColumns(selection);
  return key === undefined ? [] : [`${columnSql(key)} BETWEEN '${from}'::int8 AND '${to}'::int8`];
}

function withinLeaves(selection: Selection, within: LeafSet): readonly string[] {
  if (selection.placedByKey) {
    const ranges = mergeRanges(within.leaves, within.shift);
    if (ranges.length <= MOST_RANGES) return [`(${ranges.flatMap((range) => rangeConditions(selection, range)).join(' OR ')})`];
  }
  return [`(${placeSql(selection)} >> ${within.shift}) = ANY ('{${within.leaves.join(',')}}'::int8[])`];
}

/** Ranges of places of the leaves, neighbours joined. */
export function mergeRanges(leaves: readonly bigint[], shift: number): readonly PlaceRange[] {
  const sorted = [...leaves].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const ranges: { from: bigint; to: bigint }[] = [];
  const bits = BigInt(shift);
  for (const leaf of sorted) {
    const from = leaf << bits;
    const to = ((leaf + 1n) << bits) - 1n;
    const last = ranges[ranges.length - 1];
    if (last !== undefined && last.to + 1n >= from) last.to = to;
    else ranges.push({ from, to });
  }
  return ranges;
}
