import { PERSONAL_PHRASES, PERSONAL_WORDS } from '../model/personal-words.ts';
import type { Table } from '../model/schema.ts';
import { visibleWords } from './words.ts';

/** The columns of a table whose names say that they are about a person. */
export function personalColumns(table: Table): string[] {
  return table.columns
    .filter(({ name }) => PERSONAL_PHRASES.test(name) || visibleWords(name).some((word) => PERSONAL_WORDS.has(word)))
    .map(({ name }) => `${table.name}.${name}`);
}
