import type { Cell, Value } from '../../model/change.ts';

const SPECIAL = /["\\]/;

const element = (value: string): string =>
  SPECIAL.test(value) ? `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"` : `"${value}"`;

/** Values as one PostgreSQL `text[]` literal. */
export function arrayLiteral(values: readonly Value[]): string {
  return `{${values.map((value) => (value === null ? 'NULL' : element(value))).join(',')}}`;
}

/** One column of many rows as such a literal, for unnest. Cells that are not known become null. */
export function columnLiteral(rows: readonly (readonly (Cell | undefined)[])[], column: number): string {
  let literal = '{';
  for (let i = 0; i < rows.length; i++) {
    if (i > 0) literal += ',';
    const value = rows[i]?.[column];
    literal += typeof value === 'string' ? element(value) : 'NULL';
  }
  return `${literal}}`;
}
