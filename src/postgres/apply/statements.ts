import { formatLsn, type Position } from '../../model/position.ts';
import { UNCHANGED, type Row, type Value } from '../../model/change.ts';
import { quoteIdentifier, splitTableName } from '../../model/names.ts';
import { columnLiteral } from './array-literal.ts';
import type { Marking } from '../replay-marking.ts';
import type { TableShape } from './table-shape.ts';

/** A statement with its values; those of one table and form share their text, so that plans are reused. */
export interface Statement {
  readonly text: string;
  readonly values: readonly Value[];
}

/** Which rows a set-based statement may write. */
export interface Guard {
  /** The numbers of the stream's origins on the target, or undefined where the server can't tell (before 14). */
  readonly origins: readonly string[] | undefined;
  /** The stream whose transactions are noted in banyan.replayed, where it writes without an origin. */
  readonly noted?: string | undefined;
  /** Rows last written by transactions older than this may be written. */
  readonly horizonXid: number | undefined;
  /** SQL condition of the table's filter: other rows are not written. */
  readonly filter?: string | undefined;
}

/**
 * SQL that is true for a row whose last writer this stream may overwrite unasked. It stands in the
 * WHERE of the write itself, because there the server checks it again after waiting for a lock.
 */
function guardSql(shape: TableShape, guard: Guard, horizonParam: number): string {
  const allowed = ['t.xmin = pg_catalog.pg_current_xact_id()::xid'];
  const ours = writtenByUs(guard);
  if (ours !== undefined) allowed.push(ours);
  // A null horizon makes this term null, which allows nothing. A parameter, so that the text stays the same.
  allowed.push(`pg_catalog.age(t.xmin) > pg_catalog.age($${horizonParam}::text::xid)`);
  allowed.push(WRITTEN_IN_SAVEPOINT);
  const byWriter = `(${allowed.join(' OR ')})`;
  return guard.filter === undefined ? byWriter : `${byWriter} AND ${insideSql(shape, guard.filter)}`;
}

/** SQL that is true for a row `t` within a filter. The filter's names can only mean the table's own columns there. */
export function insideSql(shape: TableShape, filter: string): string {
  return `EXISTS (SELECT FROM (SELECT t.*) AS ${quoteIdentifier(splitTableName(shape.name).table)} WHERE (${filter}\n))`;
}

/** Gives the ordinals, from 1, of keys whose rows are outside of a filter. */
export function outsideOf(shape: TableShape, keys: readonly (readonly string[])[], filter: string): Statement {
  const names = shape.key.map((_, i) => `k${i}`);
  return {
    text:
      `SELECT pg_catalog.array_agg(u.ord) AS missed FROM unnest(${shape.key.map((column, i) => param(i, shape.sqlTypes[column])).join(', ')}) ` +
      `WITH ORDINALITY AS u(${[...names, 'ord'].join(', ')}) JOIN ${shape.sqlName} AS t ON ${matchKey(shape)} WHERE NOT ${insideSql(shape, filter)}`,
    values: shape.key.map((_, i) => columnLiteral(keys, i)),
  };
}

/**
 * SQL that is true for a row `t` that this very transaction wrote within one of its savepoints: its
 * number is later than the transaction's own, and nobody else would see the row before the end.
 */
const WRITTEN_IN_SAVEPOINT =
  'CASE WHEN pg_catalog.age(t.xmin) < pg_catalog.age(pg_catalog.pg_current_xact_id()::xid) THEN pg_catalog.pg_xact_status((' +
  'pg_catalog.pg_current_xact_id()::text::int8 + pg_catalog.age(pg_catalog.pg_current_xact_id()::xid) - pg_catalog.age(t.xmin)' +
  ")::text::xid8) = 'in progress' ELSE false END";

/** SQL that is true for a row `t` that this very transaction wrote. */
export const WRITTEN_HERE = `t.xmin = pg_catalog.pg_current_xact_id()::xid OR ${WRITTEN_IN_SAVEPOINT}`;

/** SQL that is true for a row `t` whose last writer changed the form of its table. */
export const WRITER_OF_FORM =
  '(EXISTS (SELECT FROM pg_catalog.pg_class f WHERE f.oid = t.tableoid AND f.xmin = t.xmin) OR ' +
  'EXISTS (SELECT FROM pg_catalog.pg_attribute f WHERE f.attrelid = t.tableoid AND f.xmin = t.xmin))';

/** SQL that is true for a row `t` whose last writer was this stream, in an earlier transaction; undefined where the server can't tell. */
export function writtenByUs({ origins, noted }: Pick<Guard, 'origins' | 'noted'>): string | undefined {
  if (noted !== undefined) {
    return `EXISTS (SELECT FROM banyan.replayed r WHERE r.stream = '${noted.replaceAll("'", "''")}' AND r.xid = t.xmin::pg_catalog.text::pg_catalog.int8)`;
  }
  return origins && writtenBy(origins);
}

const writtenBy = (origins: readonly string[]): string =>
  `(pg_catalog.pg_xact_commit_timestamp_origin(t.xmin)).roident IN (${origins.map((origin) => `${origin}::oid`).join(', ')})`;

const horizonValue = (guard: Guard): Value => (guard.horizonXid === undefined ? null : String(guard.horizonXid));

/**
 * Types whose values the server reads the same as an element of an array of that type as it does from
 * text, and in one step less. Not among them: arrays, which unnest would flatten, and types of users.
 */
const READ_DIRECTLY: ReadonlySet<string> = new Set(
  ['int2', 'int4', 'int8', 'numeric', 'float4', 'float8', 'text', 'varchar', 'bool', 'date', 'timestamp', 'timestamptz', 'uuid', 'bytea', 'json', 'jsonb']
    // The server quotes names that are words of SQL, such as numeric.
    .flatMap((type) => [`pg_catalog.${type}`, `pg_catalog."${type}"`]),
);

/** The i-th parameter, as an array of values of a column of that type. */
const param = (i: number, type: string | undefined): string => `$${i + 1}::${type !== undefined && READ_DIRECTLY.has(type) ? type : 'text'}[]`;

/**
 * Gives one row whose `missed` is null if the statement took every row, or else an array of the
 * ordinals (from 1) that did not: thousands of answers that all say "taken" cost more than the rest.
 */
const countingMissed = (statement: string, missed: string): string =>
  `WITH took AS (${statement}) SELECT CASE WHEN (SELECT count(*) FROM took) < pg_catalog.cardinality($1) THEN (${missed}) END AS missed`;

/** Of a statement that returns the ordinals that took. */
const byOrdinal = (statement: string): string =>
  countingMissed(
    statement,
    'SELECT pg_catalog.array_agg(i) FROM pg_catalog.generate_series(1, pg_catalog.cardinality($1)) AS i WHERE i NOT IN (SELECT ord FROM took)',
  );

/**
 * Inserts rows; an existing row with the same key is overwritten if the guard allows. All rows leave the
 * same cells unchanged: those get their defaults, or stay as they are. Gives what missed.
 */
export function insertAll(shape: TableShape, rows: readonly Row[], guard: Guard): Statement {
  const given = present(shape, rows[0]);
  if (shape.key.length === 0) return insertMore(shape, given, rows);
  const place = new Map(given.map((column, i) => [column, i]));
  const set = settable(shape, rows[0]);
  const insert =
    `INSERT INTO ${shape.sqlName} AS t (${given.map((i) => shape.sqlColumns[i]).join(', ')}) OVERRIDING SYSTEM VALUE ` +
    `SELECT ${given.map((column, i) => `u.c${i}::${shape.sqlTypes[column]}`).join(', ')} ` +
    `FROM unnest(${given.map((column, i) => param(i, shape.sqlTypes[column])).join(', ')}) AS u(${given.map((_, i) => `c${i}`).join(', ')}) ` +
    `ON CONFLICT (${keyColumns(shape).join(', ')}) DO ${overwrite(shape, set, guardSql(shape, guard, given.length + 1))} ` +
    `RETURNING ${keyColumns(shape, 't.').map((column, i) => `${column} AS k${i}`).join(', ')}`;
  const text = countingMissed(
    insert,
    `SELECT pg_catalog.array_agg(n.ord) FROM unnest(${shape.key.map((i) => param(place.get(i) ?? i, shape.sqlTypes[i])).join(', ')}) ` +
      `WITH ORDINALITY AS n(${shape.key.map((_, i) => `k${i}`).join(', ')}, ord) ` +
      `WHERE (${shape.key.map((column, i) => `n.k${i}::${shape.sqlTypes[column]}`).join(', ')}) NOT IN ` +
      `(SELECT ${shape.key.map((_, i) => `k${i}`).join(', ')} FROM took)`,
  );
  const values = given.map((column) => columnLiteral(rows, column));
  // A row that is all key can not be overwritten, so its statement has no guard.
  return { text, values: set.length === 0 ? values : [...values, horizonValue(guard)] };
}

/** Rows of a table without a key: each is one more. */
function insertMore(shape: TableShape, given: readonly number[], rows: readonly Row[]): Statement {
  const text =
    `INSERT INTO ${shape.sqlName} (${given.map((i) => shape.sqlColumns[i]).join(', ')}) OVERRIDING SYSTEM VALUE ` +
    `SELECT ${given.map((column, i) => `u.c${i}::${shape.sqlTypes[column]}`).join(', ')} ` +
    `FROM unnest(${given.map((column, i) => param(i, shape.sqlTypes[column])).join(', ')}) AS u(${given.map((_, i) => `c${i}`).join(', ')})`;
  return { text, values: given.map((column) => columnLiteral(rows, column)) };
}

/** One of the rows that the server writes as it writes `row`, of a table without a key. Not every type has an equality. */
export function deleteEqual(shape: TableShape, row: Row): Statement {
  const values = row.map(known);
  const stored = `ROW(${shape.sqlColumns.map((column) => `e.${column}`).join(', ')})::text`;
  const wanted = `ROW(${shape.sqlTypes.map((type, i) => `$${i + 1}::text::${type}`).join(', ')})::text`;
  return {
    text:
      `DELETE FROM ${shape.sqlName} AS t USING (SELECT e.tableoid AS part, e.ctid AS place FROM ${shape.sqlName} AS e ` +
      `WHERE ${stored} = ${wanted} LIMIT 1 FOR UPDATE) AS found WHERE t.tableoid = found.part AND t.ctid = found.place`,
    values,
  };
}

/** Columns of which a row says something. */
function present(shape: TableShape, row: Row | undefined): number[] {
  return shape.columns.map((_, i) => i).filter((i) => row?.[i] !== UNCHANGED);
}

/** Columns that such a row overwrites where there is one already. */
export function settable(shape: TableShape, row: Row | undefined): number[] {
  return shape.settable.filter((i) => row?.[i] !== UNCHANGED);
}

function overwrite(shape: TableShape, set: readonly number[], where: string): string {
  if (set.length === 0) return 'NOTHING';
  return `UPDATE SET ${set.map((i) => `${shape.sqlColumns[i]} = EXCLUDED.${shape.sqlColumns[i]}`).join(', ')} WHERE ${where}`;
}

/** Updates rows by key. All rows leave the same cells unchanged. Gives what missed. */
export function updateAll(shape: TableShape, keys: readonly (readonly string[])[], rows: readonly Row[], guard: Guard): Statement {
  const set = shape.settable.filter((i) => rows[0]?.[i] !== UNCHANGED);
  const key = shape.key;
  const width = key.length;
  const alias = [...key.map((_, i) => `k${i}`), ...set.map((_, i) => `c${i}`), 'ord'];
  // An UPDATE must set something; a key column set to itself changes nothing.
  const assignments = set.length > 0
    ? set.map((column, i) => `${shape.sqlColumns[column]} = u.c${i}::${shape.sqlTypes[column]}`)
    : [`${keyColumns(shape)[0]} = t.${keyColumns(shape)[0]}`];
  const text = byOrdinal(
    `UPDATE ${shape.sqlName} AS t SET ${assignments.join(', ')} ` +
      `FROM unnest(${[...key, ...set].map((column, i) => param(i, shape.sqlTypes[column])).join(', ')}) WITH ORDINALITY AS u(${alias.join(', ')}) ` +
      `WHERE ${matchKey(shape)} AND ${guardSql(shape, guard, alias.length)} RETURNING u.ord`,
  );
  const values = [
    ...Array.from({ length: width }, (_, i) => columnLiteral(keys, i)),
    ...set.map((column) => columnLiteral(rows, column)),
    horizonValue(guard),
  ];
  return { text, values };
}

/** Gives the keys, as k0 and so on, of the rows that may not be written unasked; of a table with a filter, of those within it. */
export function writtenByOthers(shape: TableShape, { filter, ...guard }: Guard): Statement {
  const inside = filter === undefined ? '' : ` AND ${insideSql(shape, filter)}`;
  return {
    text:
      `SELECT ${shape.key.map((column, i) => `t.${shape.sqlColumns[column]} AS k${i}`).join(', ')} FROM ${shape.sqlName} AS t ` +
      `WHERE (${guardSql(shape, guard, 1)}) IS NOT TRUE${inside}`,
    values: [horizonValue(guard)],
  };
}

/** Deletes all rows that may be written unasked, but those with the given keys. */
export function deleteOthersThan(shape: TableShape, keys: readonly (readonly string[])[], guard: Guard): Statement {
  const names = shape.key.map((_, i) => `k${i}`);
  return {
    text:
      `DELETE FROM ${shape.sqlName} AS t WHERE ${guardSql(shape, guard, names.length + 1)} AND NOT EXISTS (SELECT FROM ` +
      `unnest(${shape.key.map((column, i) => param(i, shape.sqlTypes[column])).join(', ')}) AS u(${names.join(', ')}) WHERE ${matchKey(shape)})`,
    values: [...shape.key.map((_, i) => columnLiteral(keys, i)), horizonValue(guard)],
  };
}

/** Deletes rows by key. Gives what missed. */
export function deleteAll(shape: TableShape, keys: readonly (readonly string[])[], guard: Guard): Statement {
  const alias = [...shape.key.map((_, i) => `k${i}`), 'ord'];
  const text = byOrdinal(
    `DELETE FROM ${shape.sqlName} AS t USING unnest(${shape.key.map((column, i) => param(i, shape.sqlTypes[column])).join(', ')}) ` +
      `WITH ORDINALITY AS u(${alias.join(', ')}) WHERE ${matchKey(shape)} AND ${guardSql(shape, guard, alias.length)} RETURNING u.ord`,
  );
  return { text, values: [...shape.key.map((_, i) => columnLiteral(keys, i)), horizonValue(guard)] };
}

function matchKey(shape: TableShape): string {
  return shape.key.map((column, i) => `t.${shape.sqlColumns[column]} = u.k${i}::${shape.sqlTypes[column]}`).join(' AND ');
}

/** `"a" = $1::type AND …`, numbered from `first`. */
export function whereKey(shape: TableShape, first = 1): string {
  return shape.key
    .map((column, i) => `t.${shape.sqlColumns[column]} = $${first + i}::text::${shape.sqlTypes[column]}`)
    .join(' AND ');
}

/** The keys, as `k0`, `k1`, …, of all rows that hold the values which are given. */
export function keysHolding(shape: TableShape, row: Row): Statement {
  const given = present(shape, row);
  const equal = given.map((column, i) => `t.${shape.sqlColumns[column]} IS NOT DISTINCT FROM $${i + 1}::text::${shape.sqlTypes[column]}`);
  return {
    text:
      `SELECT ${shape.key.map((column, i) => `t.${shape.sqlColumns[column]}::text AS k${i}`).join(', ')} FROM ${shape.sqlName} AS t ` +
      `WHERE ${['true', ...equal].join(' AND ')}`,
    values: row.filter((cell) => cell !== UNCHANGED),
  };
}

/** One row, whoever wrote it last: insert, or overwrite by key. A cell that is UNCHANGED gets its default, or stays as it is. */
export function putOne(shape: TableShape, row: Row): Statement {
  const given = present(shape, row);
  const text =
    `INSERT INTO ${shape.sqlName} AS t (${given.map((i) => shape.sqlColumns[i]).join(', ')}) OVERRIDING SYSTEM VALUE ` +
    `VALUES (${given.map((column, i) => `$${i + 1}::text::${shape.sqlTypes[column]}`).join(', ')}) ` +
    `ON CONFLICT (${keyColumns(shape).join(', ')}) DO ${overwrite(shape, settable(shape, row), 'true')}`;
  return { text, values: given.map((i) => known(row[i])) };
}

/** One row by its present key, cells that are UNCHANGED left alone; sets key columns where they differ. */
export function updateOne(shape: TableShape, key: readonly string[], row: Row): Statement {
  const rekeyed = shape.key.filter((column, i) => row[column] !== UNCHANGED && row[column] !== key[i]);
  const set = [...rekeyed, ...shape.settable.filter((i) => row[i] !== UNCHANGED)];
  const first = key.length + 1;
  const assignments = set.length > 0
    ? set.map((column, i) => `${shape.sqlColumns[column]} = $${first + i}::text::${shape.sqlTypes[column]}`)
    : [`${keyColumns(shape)[0]} = t.${keyColumns(shape)[0]}`];
  return {
    text: `UPDATE ${shape.sqlName} AS t SET ${assignments.join(', ')} WHERE ${whereKey(shape)}`,
    values: [...key, ...set.map((column) => known(row[column]))],
  };
}

function keyColumns(shape: TableShape, prefix = ''): string[] {
  return shape.key.map((column) => `${prefix}${shape.sqlColumns[column]}`);
}

function known(cell: Row[number] | undefined): Value {
  return typeof cell === 'string' ? cell : null;
}

/**
 * Ends a transaction: marks it as a replay of `position`, with the original's commit time, and moves
 * the checkpoint in the same commit. The stream's row has been locked since its beginning. The
 * checkpoint is the last thing written: a capture by triggers takes it for the end.
 */
export function commitSql(options: {
  readonly stream: string;
  /** Without an origin, a replay is known by its number, which is noted. */
  readonly marking: Marking;
  readonly position: Position;
  readonly seen: Position;
  readonly committedAt: bigint;
}): string {
  const stream = options.stream.replaceAll("'", "''");
  const mark = options.marking === 'origin'
    ? `SELECT pg_catalog.pg_replication_origin_xact_setup('${formatLsn(options.position)}', ` +
      `'epoch'::timestamptz + ${options.committedAt} * interval '1 microsecond')`
    : `INSERT INTO banyan.replayed (stream, xid, whole_xid) SELECT '${stream}', x::xid::text::int8, x::text::int8 FROM pg_current_xact_id() AS x`;
  return (
    `${mark}; ` +
    `UPDATE banyan.stream SET position = '${formatLsn(options.position)}', seen = '${formatLsn(options.seen)}', ` +
    `updated_at = clock_timestamp() WHERE name = '${stream}'; COMMIT`
  );
}
