import type pg from 'pg';
import { quoteIdentifier, quoteLiteral } from '../model/names.ts';
import type { Side } from '../model/side.ts';
import { insideSql } from './apply/statements.ts';
import type { TableShape } from './apply/table-shape.ts';
import { inTransaction } from './connect.ts';

export interface OfferRowsOptions {
  /** Of the side that offers. */
  readonly pool: pg.Pool;
  readonly service: string;
  /** On that side. */
  readonly shape: TableShape;
  /** The columns that the stream carries, by name. */
  readonly columns: readonly string[];
  /** By which rows are found. */
  readonly keyNames: readonly string[];
  /** SQL condition: other rows count as not there. */
  readonly filter?: string;
  readonly truth: Side;
  /** The stream that writes to this side, if there is one. */
  readonly incoming?: string;
  readonly rows: readonly OfferedKey[];
}

export interface OfferedKey {
  readonly key: readonly string[];
  /** The version of the other side's row; absent: there is none, or it was not looked at. */
  readonly version?: string | undefined;
  /** What {@link readNextTransaction} gave after the other side's row was read. */
  readonly since: string;
}

/** The number that the next transaction will have: all before it have begun. */
export async function readNextTransaction(pool: pg.Pool): Promise<string> {
  const found = await pool.query<{ next: string }>('SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS next');
  return found.rows[0]?.next ?? '0';
}

/**
 * Writes into this side's log what it has of some rows: the row whole, or that there is none. No row is waited
 * for; one that somebody writes now is left out. Gives each offer's id, or undefined where none was made.
 *
 * A row is share-locked from before it is read until after the offer stands in the log, so the log never has an
 * older version after a newer one. Absence can't be locked. It is offered only once every transaction that had begun
 * when the other side's row was read has ended: then nobody who brought that row there is still to become visible.
 * What comes later has another version there, and how far the other side had been seen is read with the same snapshot.
 */
export async function offerRows(options: OfferRowsOptions): Promise<readonly (string | undefined)[]> {
  return inTransaction(options.pool, async (client) => {
    // Whatever the default is: each statement has to see what has been committed by then.
    await client.query('SET TRANSACTION ISOLATION LEVEL READ COMMITTED');
    const ids: (string | undefined)[] = options.rows.map(() => undefined);
    // Before anything is looked for: what had ended by now, the statements to come see.
    const oldest = await client.query<{ oldest: string }>('SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS oldest');
    const running = BigInt(oldest.rows[0]?.oldest ?? '0');
    const present = await client.query<{ id: string; offer: string }>(presentSql(options), keysOf(options, options.rows));
    for (const { id, offer } of present.rows) ids[placeOf(offer)] = id;
    const left = options.rows.flatMap((row, i) => (ids[i] === undefined && BigInt(row.since) <= running ? [{ ...row, i }] : []));
    if (left.length > 0) {
      const seen = await client.query<{ there: string | null; seen: string | null }>(visibleSql(options), [...keysOf(options, left), options.incoming ?? '']);
      const visible = new Set(seen.rows[0]?.there?.slice(1, -1).split(',').map(Number));
      const absent = left.filter((_, at) => !visible.has(at + 1));
      const made = await client.query<{ id: string; offer: string }>(ABSENT_SQL, absentValues(options, absent, seen.rows[0]?.seen ?? undefined));
      for (const { id, offer } of made.rows) ids[placeOf(offer)] = id;
    }
    // That they were inserted is in the log.
    await client.query('DELETE FROM banyan.request WHERE id = ANY ($1::bigint[])', [ids.filter((id) => id !== undefined)]);
    return ids;
  });
}

/** Nothing of a row is in it. */
const placeOf = (offer: string): number => Number((JSON.parse(offer) as { readonly at: string }).at) - 1;

function keysOf({ keyNames }: OfferRowsOptions, rows: readonly OfferedKey[]): string[][] {
  return keyNames.map((_, i) => rows.map(({ key }) => key[i] ?? ''));
}

function wantedSql({ shape, keyNames, filter }: OfferRowsOptions): string {
  const arrays = keyNames.map((name, i) => `$${i + 1}::text[]::${shape.sqlTypes[shape.columns.indexOf(name)]}[]`);
  const names = keyNames.map((_, i) => `k${i}`);
  const matches = keyNames.map((name, i) => `t.${quoteIdentifier(name)} = w.k${i}`);
  return (
    `FROM unnest(${arrays.join(', ')}) WITH ORDINALITY AS w (${[...names, 'at'].join(', ')}) JOIN ${shape.sqlName} AS t ON ${matches.join(' AND ')}` +
    (filter === undefined ? '' : ` WHERE ${insideSql(shape, filter)}`)
  );
}

/** Text as the type's own output function writes it, which a cast to text does not always do. */
const valueSql = (name: string): string => `CASE WHEN t.${quoteIdentifier(name)} IS NOT NULL THEN format('%s', t.${quoteIdentifier(name)}) END`;

const objectSql = (names: readonly string[]): string =>
  `json_object(ARRAY[${names.map(quoteLiteral).join(', ')}]::text[], ARRAY[${names.map(valueSql).join(', ')}]::text[])::text`;

function presentSql(options: OfferRowsOptions): string {
  const { service, shape, columns, keyNames, truth } = options;
  return (
    `WITH found AS (SELECT w.at, ${objectSql(keyNames)} AS key, ${objectSql(columns)} AS row ${wantedSql(options)} FOR SHARE OF t SKIP LOCKED) ` +
    'INSERT INTO banyan.request (service, table_name, key, row, offer) ' +
    `SELECT ${quoteLiteral(service)}, ${quoteLiteral(shape.name)}, key, row, json_build_object('truth', ${quoteLiteral(truth)}, 'here', 't', 'at', at::text)::text FROM found ` +
    'RETURNING id, offer'
  );
}

function visibleSql(options: OfferRowsOptions): string {
  return (
    `SELECT (SELECT array_agg(w.at) ${wantedSql(options)}) AS there, ` +
    `(SELECT position::text FROM banyan.stream WHERE name = $${options.keyNames.length + 1}) AS seen`
  );
}

const ABSENT_SQL =
  'INSERT INTO banyan.request (service, table_name, key, row, offer) SELECT $1, $2, o.key, o.row, o.offer FROM unnest($3::text[], $4::text[], $5::text[]) AS o (key, row, offer) RETURNING id, offer';

function absentValues({ service, shape, columns, keyNames, truth }: OfferRowsOptions, rows: readonly (OfferedKey & { readonly i: number })[], seen: string | undefined): unknown[] {
  const keys = rows.map(({ key }) => Object.fromEntries(keyNames.map((name, i) => [name, key[i] ?? ''])));
  const empty = Object.fromEntries(columns.map((name): [string, string | null] => [name, null]));
  return [
    service, shape.name, keys.map((key) => JSON.stringify(key)), keys.map((key) => JSON.stringify({ ...empty, ...key })),
    rows.map(({ i, version }) =>
      JSON.stringify({ truth, here: 'f', at: String(i + 1), ...(version === undefined ? {} : { version }), ...(seen === undefined ? {} : { seen }) })),
  ];
}
