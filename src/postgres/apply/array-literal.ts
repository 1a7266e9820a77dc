import type { Cell } from '../../model/change.ts';

const SPECIAL = /["\\]/;

/** One column of many rows as a PostgreSQL array literal, for unnest. Cells that are not known become null. */
export function columnLiteral(rows: readonly (readonly (Cell | undefined)[])[], column: number): string {
  let literal = '{';
  for (let i = 0; i < rows.length; i++) {
    if (i > 0) literal += ',';
    const value = rows[i]?.[column];
    if (typeof value !== 'string') literal += 'NULL';
    else literal += SPECIAL.test(value) ? `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"` : `"${value}"`;
  }
  return `${literal}}`;
}
