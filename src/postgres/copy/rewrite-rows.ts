import { Transform, type TransformCallback } from 'node:stream';
import type { Cell, Row } from '../../model/change.ts';
import { copyLine } from '../copy-text.ts';

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
        lines.push(copyLine(this.#change(readLine(bytes.subarray(from, to))), this.defaultMark));
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

const ESCAPES: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };

const unescape = (text: string): string => text.replace(/\\(.)/gs, (_, letter: string) => ESCAPES[letter] ?? letter);
