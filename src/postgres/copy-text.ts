import { UNCHANGED, type Cell } from '../model/change.ts';

const SPECIAL = /[\\\b\f\n\r\t\v]/;
const EACH_SPECIAL = /[\\\b\f\n\r\t\v]/g;
const LETTERS = new Map([['\b', 'b'], ['\f', 'f'], ['\n', 'n'], ['\r', 'r'], ['\t', 't'], ['\v', 'v']]);
const escape = (character: string): string => `\\${LETTERS.get(character) ?? character}`;

/** A row as COPY reads it in its text form, with the newline; `defaultMark` stands for a cell that nothing is known of. */
export function copyLine(row: readonly (Cell | undefined)[], defaultMark = '\\N'): string {
  let line = '';
  for (let i = 0; i < row.length; i++) {
    const cell = row[i];
    if (i > 0) line += '\t';
    if (typeof cell === 'string') line += SPECIAL.test(cell) ? cell.replace(EACH_SPECIAL, escape) : cell;
    else line += cell === UNCHANGED ? defaultMark : '\\N';
  }
  return `${line}\n`;
}
