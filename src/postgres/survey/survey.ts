import type pg from 'pg';
import type { Clock } from '../../core/clock.ts';
import { messageOf } from '../../core/errors.ts';
import { tableName, type TableName } from '../../model/names.ts';
import type { Schema } from '../../model/schema.ts';
import type { OpenTransaction, Survey, SurveyedIndex, SurveyedTable } from '../../model/survey.ts';
import { PostgresIntrospector } from '../catalog/introspector.ts';
import { readTableFacts, type TableFacts } from '../doctor/table-facts.ts';
import { BOUNDS, countSome, readProbe, sortProbe, type ProbeBounds, type ProbedTable } from './probe.ts';
import { sideEffectsOf, type TriggerFunction } from './side-effects.ts';
import * as ask from './statements.ts';

export interface SurveyOptions {
  readonly pool: pg.Pool;
  readonly clock: Clock;
  /** What is to be moved; empty: all tables, and nothing is known of a cut. */
  readonly tables: readonly TableName[];
  /** For how long writes are watched. Default 10. */
  readonly watchSeconds?: number;
  /** Transactions open for longer are told. Default 60. */
  readonly longTransactionSeconds?: number;
  /** What probes may ask of the server. Absent parts: 2 s a statement, 2,048 pages a table, 20,000 keys. */
  readonly bounds?: Partial<ProbeBounds>;
  readonly signal?: AbortSignal;
}

/** So many of the largest tables are read to be measured; the others are reckoned by them. */
const MOST_PROBED = 10;

/** Of each table's indexes. */
const MOST_SORTED = 8;

/** Tables without statistics are counted up to here, and beyond it reckoned by their pages. */
const MOST_COUNTED = 100_000;

/**
 * Looks at a running server without writing anything: how much there is, what is written meanwhile, how fast it reads
 * and sorts. What it is not allowed to ask is a gap of the survey, and no error.
 */
export async function survey(options: SurveyOptions): Promise<Survey> {
  const { pool, clock, signal, watchSeconds = 10, longTransactionSeconds = 60 } = options;
  const bounds = { ...BOUNDS, ...options.bounds };
  const gaps: { what: string; why: string }[] = [];
  const rows = async <T extends pg.QueryResultRow>(sql: string, values: readonly string[] = []): Promise<readonly T[]> => (await pool.query<T>(sql, [...values])).rows;
  const orGap = async <T>(what: string, work: () => Promise<T>, otherwise: T): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      signal?.throwIfAborted();
      gaps.push({ what, why: messageOf(error) });
      return otherwise;
    }
  };
  const [server] = await rows<{ version: string; number: string; standby: string; wal_level: string; slot_limit: string | null; database: string }>(ask.SERVER);
  const version = Number(server?.number ?? 0);
  const standby = server?.standby === 'true';
  const schema = await new PostgresIntrospector({ pool }).readSchema();
  const wanted = tablesOf(schema, options.tables, gaps);
  const before = await totals(rows, { orGap, clock });
  await clock.sleep(watchSeconds * 1000, signal);
  const after = await totals(rows, { orGap, clock });
  if (standby) gaps.push({ what: 'growth of the write-ahead log and rows written', why: 'this is a standby, which writes nothing of its own: ask the primary' });
  const watchedSeconds = (after.at - before.at) / 1000;

  const facts = await orGap<ReadonlyMap<TableName, TableFacts>>('rules and types made by hand', () => readTableFacts(pool), new Map());
  const odd = await readOddTypes(rows);
  const found = (await rows<TableRow>(ask.TABLES)).filter(({ schema: of, name }) => wanted.has(tableName(of, name)));
  const tables: SurveyedTable[] = [];
  const client = await pool.connect();
  let lost: Error | boolean = true;
  try {
    const largestFirst = found.toSorted((a, b) => Number(b.table_bytes) - Number(a.table_bytes));
    for (const [i, row] of largestFirst.entries()) {
      signal?.throwIfAborted();
      const name = tableName(row.schema, row.name);
      const probed: ProbedTable = { name, largest: row.largest, largestPages: Number(row.largest_pages ?? 0) };
      const allowed = row.readable === 'true';
      const read = !allowed ? 'the role may not SELECT from it' : i < MOST_PROBED ? await readProbe(client, probed, { clock, bounds, version }) : `only the ${MOST_PROBED} largest are read to be measured`;
      const counted = await countOf(client, row, { probed, allowed, timeoutMs: bounds.timeoutMs, gap: (why) => gaps.push({ what: `rows of ${name}`, why }) });
      const indexes: SurveyedIndex[] = [];
      for (const { columns, ...index } of JSON.parse(row.indexes) as (SurveyedIndex & { readonly columns: string | null })[]) {
        const sort = typeof read === 'string' || columns === null || indexes.length >= MOST_SORTED ? undefined : await sortProbe(client, { ...probed, columns }, { clock, bounds });
        indexes.push({ ...index, ...(sort ? { sort } : {}) });
      }
      const of = facts.get(name);
      const [from, to] = [before.writes.get(name), after.writes.get(name)];
      tables.push({
        name, ...counted, tableBytes: Number(row.table_bytes), totalBytes: Number(row.total_bytes),
        indexes,
        // A standby has counters of its own, of what it reads.
        ...(standby || from === undefined || to === undefined ? {} : { writes: Math.max(0, to - from) }),
        updated: Number(row.updated), hotUpdated: Number(row.hot), live: Number(row.live),
        ...(typeof read === 'string' ? { notRead: read } : { read }),
        rules: of?.rules ?? [], inherits: of?.inherits ?? false,
        oddTypes: [...(of?.handMadeTypes ?? []), ...(of?.largeObjects ?? []), ...(odd.get(name) ?? [])],
      });
    }
    lost = false;
  } finally {
    client.release(lost);
  }
  return {
    at: new Date(clock.now()).toISOString(), database: server?.database ?? '', version: server?.version ?? '', standby, walLevel: server?.wal_level ?? '',
    slotLimitBytes: server?.slot_limit === null || server === undefined ? null : Number(server.slot_limit),
    watchedSeconds, ...(before.wal === undefined || after.wal === undefined ? {} : { walBytes: after.wal - before.wal }),
    tables: tables.toSorted((a, b) => (a.name < b.name ? -1 : 1)), schema,
    sideEffects: await orGap('what triggers do', async () => (await sideEffectsOf(await readTriggers(rows))).filter(({ table }) => wanted.has(table)), []),
    ...(await openWork(rows, { orGap, gaps, longTransactionSeconds })),
    extensions: await rows<{ name: string; version: string }>(ask.EXTENSIONS),
    cut: options.tables.length > 0, gaps,
  };
}

type Rows = <T extends pg.QueryResultRow>(sql: string, values?: readonly string[]) => Promise<readonly T[]>;
type OrGap = <T>(what: string, work: () => Promise<T>, otherwise: T) => Promise<T>;

interface TableRow {
  readonly schema: string;
  readonly name: string;
  readonly table_bytes: string;
  readonly total_bytes: string;
  readonly pages: string;
  readonly rows: string | null;
  readonly updated: string;
  readonly hot: string;
  readonly live: string;
  readonly largest: string;
  readonly largest_pages: string | null;
  readonly readable: string;
  readonly indexes: string;
}

/** Those that are named and there; without names all that are no partitions. */
function tablesOf(schema: Schema, named: readonly TableName[], gaps: { what: string; why: string }[]): ReadonlySet<TableName> {
  const there = new Set(schema.tables.filter(({ kind }) => kind !== 'partition').map(({ name }) => name));
  for (const name of named) if (!there.has(name)) gaps.push({ what: name, why: 'this database has no such table' });
  return named.length === 0 ? there : new Set(named.filter((name) => there.has(name)));
}

interface Totals {
  readonly at: number;
  readonly wal: number | undefined;
  readonly writes: ReadonlyMap<TableName, number>;
}

async function totals(rows: Rows, { orGap, clock }: { readonly orGap: OrGap; readonly clock: Clock }): Promise<Totals> {
  const wal = await orGap('growth of the write-ahead log', async () => (await rows<{ bytes: string | null }>(ask.WAL))[0]?.bytes ?? null, null);
  const writes = await orGap('rows written', () => rows<{ schema: string; name: string; writes: string }>(ask.WRITES), []);
  return { at: clock.monotonic(), wal: wal === null ? undefined : Number(wal), writes: new Map(writes.map((row) => [tableName(row.schema, row.name), Number(row.writes)])) };
}

async function countOf(
  client: pg.PoolClient, row: TableRow,
  { probed, allowed, timeoutMs, gap }: { readonly probed: ProbedTable; readonly allowed: boolean; readonly timeoutMs: number; readonly gap: (why: string) => void },
): Promise<Pick<SurveyedTable, 'rows' | 'rowsFrom'>> {
  if (row.rows !== null) return { rows: Math.max(0, Number(row.rows)), rowsFrom: 'statistics' };
  if (!allowed) {
    gap('never analysed, and the role may not SELECT from it');
    return { rows: 0, rowsFrom: 'sampled' };
  }
  try {
    const some = await countSome(client, probed, { most: MOST_COUNTED, timeoutMs });
    const whole = probed.largestPages === Number(row.pages) && some.rows < MOST_COUNTED;
    return whole ? { rows: some.rows, rowsFrom: 'counted' } : { rows: some.pages === 0 ? 0 : Math.round((some.rows / some.pages) * Number(row.pages)), rowsFrom: 'sampled' };
  } catch (error) {
    gap(messageOf(error));
    return { rows: 0, rowsFrom: 'sampled' };
  }
}

async function readOddTypes(rows: Rows): Promise<ReadonlyMap<TableName, readonly string[]>> {
  const found = await rows<{ schema: string; name: string; columns: string }>(ask.ODD_TYPES);
  return new Map(found.map((row) => [tableName(row.schema, row.name), JSON.parse(row.columns) as string[]]));
}

async function readTriggers(rows: Rows): Promise<TriggerFunction[]> {
  const found = await rows<{ schema: string; name: string; trigger: string; language: string; body: string; definition: string | null }>(ask.TRIGGERS);
  return found.map(({ schema, name, ...rest }) => ({ ...rest, table: tableName(schema, name) }));
}

/** What a new slot, or a lock, would wait for. */
async function openWork(
  rows: Rows, { orGap, gaps, longTransactionSeconds }: { readonly orGap: OrGap; readonly gaps: { what: string; why: string }[]; readonly longTransactionSeconds: number },
): Promise<Pick<Survey, 'transactions' | 'prepared'>> {
  const [hidden] = await orGap('sessions of others', () => rows<{ hidden: string }>(ask.HIDDEN_SESSIONS), []);
  if (Number(hidden?.hidden ?? 0) > 0) gaps.push({ what: 'transactions of others', why: `the role may not see ${hidden?.hidden} sessions: GRANT pg_read_all_stats` });
  const open = await orGap('open transactions', () => rows<{ pid: string; application: string; state: string; seconds: string }>(ask.TRANSACTIONS, [String(longTransactionSeconds)]), []);
  const prepared = await orGap('prepared transactions', () => rows<{ id: string; seconds: string }>(ask.PREPARED), []);
  return {
    transactions: open.map((each): OpenTransaction => ({ ...each, seconds: Number(each.seconds) })),
    prepared: prepared.map(({ id, seconds }) => ({ id, seconds: Number(seconds) })),
  };
}
