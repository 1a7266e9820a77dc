import type { Value } from '../../model/change.ts';

const SPECIAL = /["\\]/;

/** Values as one PostgreSQL `text[]` literal, for unnest. */
export function arrayLiteral(values: readonly Value[]): string {
  let literal = '{';
  for (let i = 0; i < values.length; i++) {
    if (i > 0) literal += ',';
    const value = values[i];
    if (value === null || value === undefined) literal += 'NULL';
    else literal += SPECIAL.test(value) ? `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"` : `"${value}"`;
  }
  return `${literal}}`;
}
