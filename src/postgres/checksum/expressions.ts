import { quoteIdentifier, quoteLiteral, quoteTable } from '../../model/names.ts';
import type { SelectedColumn, Selection } from '../../ports/checksummer.ts';
import { canonicalForm, recordForm } from './forms.ts';

/** The row variable of every statement. */
const ROW = 't';

export function columnSql({ name, values }: SelectedColumn): string {
  const own = `${ROW}.${quoteIdentifier(name)}`;
  if (!values) return own;
  const cases = [...values].map(([from, to]) => `WHEN ${quoteLiteral(from)} THEN ${quoteLiteral(to)}`).join(' ');
  return `(CASE ${own}::text ${cases} ELSE 'not listed: ' || ${own}::text END)`;
}

/** `schema.table AS t`. */
export function fromSql(selection: Selection): string {
  return `${quoteTable(selection.table)} AS ${ROW}`;
}

/** The selection's filter with other conditions; empty when there is none. */
export function whereSql(selection: Selection, ...conditions: readonly string[]): string {
  const all = [...(selection.where === undefined ? [] : [`(${selection.where}\n)`]), ...conditions];
  return all.length === 0 ? '' : `WHERE ${all.join(' AND ')}`;
}

export function keyColumns(selection: Selection): readonly SelectedColumn[] {
  return selection.columns.slice(0, selection.keyLength);
}

function recordSql(columns: readonly SelectedColumn[], first: readonly string[] = []): string {
  return `ROW(${[...first, ...columns.map((column) => recordForm(columnSql(column), column.form))].join(', ')})`;
}

/**
 * SHA-256, 60 bits of it, of all values with their lengths, so that ('a|b', 'c') is not ('a', 'b|c')
 * and null is not the empty text.
 */
function canonicalSql(columns: readonly SelectedColumn[]): string {
  const parts = columns.map((column) => {
    const text = canonicalForm(columnSql(column), column.form);
    return `coalesce(length(${text}) || ':' || ${text}, '-')`;
  });
  return `('x' || left(encode(sha256(convert_to(${parts.join(' || ')}, 'UTF8')), 'hex'), 15))::bit(60)::int8`;
}

/**
 * The seeds of places and of hashes. With the seed 0 the record hash of a null is that of the floating-point
 * number 0; a whole-number key, which goes into the seed of its row, may well be 0, but hardly one of these.
 */
const PLACE_SEED = '6616329512563912727';
const HASH_SEED = '2685821657736338717';

/** The place of a row: its whole-number key, or a hash of its key, or of the whole row. */
export function placeSql(selection: Selection): string {
  const key = keyColumns(selection);
  const first = key[0];
  if (selection.placedByKey && first !== undefined) return `${columnSql(first)}::int8`;
  const columns = key.length > 0 ? key : selection.columns;
  if (selection.hash === 'canonical') return canonicalSql(columns);
  if (key.length === 1 && first?.form === 'text') return `hashtextextended(${recordForm(columnSql(first), 'text')}, 0)`;
  return `hash_record_extended(${recordSql(columns)}, ${PLACE_SEED})`;
}

/**
 * The row's hash. The record hash is a sum over its columns, so a plain sum of it over rows would not
 * see two rows swap a value. Seeding every column's hash with the row's place binds values to rows.
 */
export function hashSql(selection: Selection): string {
  if (selection.hash === 'canonical') return canonicalSql(selection.columns);
  const seed = `${placeSql(selection)} # ${HASH_SEED}`;
  // A seed that is the key tells it already. A null's hash knows no seed: `true` is there for rows that hold nothing else.
  const record = selection.placedByKey ? recordSql(selection.columns.slice(selection.keyLength), ['true']) : recordSql(selection.columns);
  return `hash_record_extended(${record}, ${seed})`;
}

/** The hash of the row's key alone: two rows missing and two others extra must not add up to nothing. */
export function keyHashSql(selection: Selection): string {
  return selection.hash === 'canonical' ? canonicalSql(keyColumns(selection)) : `hashint8extended(${placeSql(selection)}, 0)`;
}

/** One column's hash; null for null. */
export function columnHashSql(selection: Selection, column: SelectedColumn): string {
  const hash = selection.hash === 'canonical' ? canonicalSql([column]) : `hash_record_extended(${recordSql([column])}, 0)`;
  return `CASE WHEN ${columnSql(column)} IS NOT NULL THEN ${hash} END`;
}

/** The value as the server writes it. */
export function valueSql(column: SelectedColumn): string {
  return `${columnSql(column)}::text`;
}
