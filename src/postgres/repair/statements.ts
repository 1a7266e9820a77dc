import type { Value } from '../../model/change.ts';
import type { NamedRow } from '../../model/conflict.ts';
import { quoteIdentifier } from '../../model/names.ts';
import type { RowIdentity, Selection } from '../../ports/checksummer.ts';
import { columnLiteral } from '../apply/array-literal.ts';
import { insideSql, type Statement } from '../apply/statements.ts';
import type { TableShape } from '../apply/table-shape.ts';
import { keyColumns, placeSql } from '../checksum/expressions.ts';

/** A table, and how its rows are found. */
export interface RepairTarget {
  readonly shape: TableShape;
  readonly selection: Selection;
}

/** What a statement of {@link findRows} gives for each row: the identity's ordinal, version, commit time, place on disk, and then the row's cells. */
export const BEFORE_CELLS = 5;

/**
 * Every row that stands under the identities. Text as the type's own output function writes it, which a cast to
 * text does not always do; and a composite of nulls is not null.
 */
export function findRows({ shape, selection }: RepairTarget, identities: readonly RowIdentity[], lock = ''): Statement {
  const cells = shape.sqlColumns.map((column) => `CASE WHEN pg_catalog.num_nulls(t.${column}) = 0 THEN pg_catalog.format('%s', t.${column}) END`);
  const inside = selection.where === undefined ? '' : ` AND ${insideSql(shape, selection.where)}`;
  const written = "CASE WHEN pg_catalog.current_setting('track_commit_timestamp') = 'on' THEN " +
    '(extract(epoch FROM pg_catalog.pg_xact_commit_timestamp(t.xmin)) * 1000000)::pg_catalog.int8 END';
  const output = (at: string): string => `SELECT ${[at, 't.xmin', written, 't.ctid', 't.tableoid', ...cells].join(', ')}`;
  const { at, from, where, values } = rowsUnder({ shape, selection }, identities);
  return { text: `${output(at)} FROM ${from} WHERE ${where}${inside}${lock}`, values };
}

/** SQL of the rows `t` that stand under the identities, `at` being the identity's ordinal. Takes `values` as its first parameters. */
export function rowsUnder({ shape, selection }: RepairTarget, identities: readonly RowIdentity[]): Pick<Statement, 'values'> & { readonly at: string; readonly from: string; readonly where: string } {
  if (selection.keyLength === 0) {
    const place = placeSql(selection);
    return {
      at: `pg_catalog.array_position($1::int8[], ${place})`, from: `${shape.sqlName} AS t`, where: `${place} = ANY ($1::int8[])`,
      values: [`{${identities.map((identity) => String(identity.place)).join(',')}}`],
    };
  }
  const keys = keysOf(shape, selection);
  return {
    at: 'w.at',
    from:
      `unnest(${keys.map((_, i) => `$${i + 1}::text[]`).join(', ')}) WITH ORDINALITY AS w(${[...keys.map((_, i) => `k${i}`), 'at'].join(', ')}) ` +
      `JOIN ${shape.sqlName} AS t ON ${keys.map(({ sqlName, type }, i) => `t.${sqlName} = w.k${i}::${type}`).join(' AND ')}`,
    where: 'true', values: keyLiterals(selection, identities),
  };
}

/** The key's columns as this side has them. */
export function keysOf(shape: TableShape, selection: Selection): readonly { readonly sqlName: string; readonly type: string }[] {
  return keyColumns(selection).map(({ name }) => ({ sqlName: quoteIdentifier(name), type: shape.sqlTypes[shape.columns.indexOf(name)] ?? 'text' }));
}

export const keyLiterals = (selection: Selection, identities: readonly RowIdentity[]): string[] =>
  keyColumns(selection).map((_, i) => columnLiteral(identities.map(({ key }) => key), i));

/** New rows, all of which name the same columns. */
export function insertRows({ shape }: RepairTarget, rows: readonly NamedRow[]): Statement {
  const given = shape.columns.flatMap((name, i) => (Object.hasOwn(rows[0] ?? {}, name) ? [{ name, i }] : []));
  if (given.length === 0) return { text: `INSERT INTO ${shape.sqlName} SELECT FROM pg_catalog.generate_series(1, $1::int)`, values: [String(rows.length)] };
  return {
    text:
      `INSERT INTO ${shape.sqlName} (${given.map(({ i }) => shape.sqlColumns[i]).join(', ')}) OVERRIDING SYSTEM VALUE ` +
      `SELECT ${given.map(({ i }, at) => `u.c${at}::${shape.sqlTypes[i]}`).join(', ')} ` +
      `FROM unnest(${given.map((_, at) => `$${at + 1}::text[]`).join(', ')}) AS u(${given.map((_, at) => `c${at}`).join(', ')})`,
    values: given.map(({ name }) => columnLiteral(rows.map((row): Value[] => [row[name] ?? null]), 0)),
  };
}

/** Sets the same columns of several rows. */
export function updateRows(target: RepairTarget, changes: readonly { readonly identity: RowIdentity; readonly set: NamedRow }[]): Statement {
  const { shape, selection } = target;
  const keys = keysOf(shape, selection);
  const set = Object.keys(changes[0]?.set ?? {}).map((name) => ({ name, i: shape.columns.indexOf(name) }));
  const alias = [...keys.map((_, i) => `k${i}`), ...set.map((_, i) => `c${i}`)];
  return {
    text:
      `UPDATE ${shape.sqlName} AS t SET ${set.map(({ i }, at) => `${shape.sqlColumns[i]} = u.c${at}::${shape.sqlTypes[i]}`).join(', ')} ` +
      `FROM unnest(${alias.map((_, i) => `$${i + 1}::text[]`).join(', ')}) AS u(${alias.join(', ')}) ` +
      `WHERE ${keys.map(({ sqlName, type }, i) => `t.${sqlName} = u.k${i}::${type}`).join(' AND ')}`,
    values: [
      ...keyLiterals(selection, changes.map(({ identity }) => identity)),
      ...set.map(({ name }) => columnLiteral(changes.map((change): Value[] => [change.set[name] ?? null]), 0)),
    ],
  };
}

/** Rows by their place on disk, which holds as long as they are locked. */
export function deleteRows({ shape }: RepairTarget, places: readonly { readonly part: string; readonly place: string }[]): Statement {
  return {
    text: `DELETE FROM ${shape.sqlName} AS t USING unnest($1::text[], $2::text[]) AS u(part, place) WHERE t.tableoid = u.part::oid AND t.ctid = u.place::tid`,
    values: [columnLiteral(places.map(({ part }) => [part]), 0), columnLiteral(places.map(({ place }) => [place]), 0)],
  };
}
