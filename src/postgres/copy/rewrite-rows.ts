import { Transform, type TransformCallback } from 'node:stream';
import { UNCHANGED, type Cell, type Row } from '../../model/change.ts';

const TAB = 0x09;
const NEWLINE = 0x0a;

/** Changes the rows of a COPY in text form on their way; holds no more than a piece of it and one row. */
export class RewriteRows extends Transform {
  readonly #change: (row: Row) => Row;
  /** What stands for a column's default; undefined: null does. */
  readonly defaultMark: string | undefined;
  #rest: Buffer = Buffer.alloc(0);

  constructor(change: (row: Row) => Row, defaultMark?: string) {
    super();
    this.#change = change;
    this.defaultMark = defaultMark;
  }

  override _transform(piece: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    try {
      // A newline within a value is written as \n, so each of these ends a row.
      const bytes = this.#rest.length > 0 ? Buffer.concat([this.#rest, piece]) : piece;
      const end = bytes.lastIndexOf(NEWLINE) + 1;
      this.#rest = bytes.subarray(end);
      const lines: string[] = [];
      for (let from = 0; from < end; ) {
        const to = bytes.indexOf(NEWLINE, from);
        lines.push(writeLine(this.#change(readLine(bytes.subarray(from, to))), this.defaultMark));
        from = to + 1;
      }
      done(null, lines.length > 0 ? Buffer.from(lines.join('')) : undefined);
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)));
    }
  }
}

/** One row of COPY's text form, without its newline. */
export function readLine(line: Buffer): Row {
  const cells: Cell[] = [];
  for (let from = 0; from <= line.length; ) {
    const tab = line.indexOf(TAB, from);
    const to = tab < 0 ? line.length : tab;
    const text = line.toString('utf8', from, to);
    cells.push(text === '\\N' ? null : text.includes('\\') ? unescape(text) : text);
    from = to + 1;
  }
  return cells;
}

/** A row as COPY reads it; `defaultMark` stands for a cell that nothing is known of. */
export function writeLine(row: Row, defaultMark = '\\N'): string {
  return `${row.map((cell) => (cell === null ? '\\N' : cell === UNCHANGED ? defaultMark : cell.replace(/[\\\b\f\n\r\t\v]/g, escape))).join('\t')}\n`;
}

const ESCAPES: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };
const LETTERS = new Map(Object.entries(ESCAPES).map(([letter, character]) => [character, letter]));

const unescape = (text: string): string => text.replace(/\\(.)/gs, (_, letter: string) => ESCAPES[letter] ?? letter);
const escape = (character: string): string => `\\${LETTERS.get(character) ?? character}`;
