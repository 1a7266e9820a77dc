import { LONGEST_RECORD, type LogReader } from '../../model/logged-statement.ts';
import { RecordReader } from './log-reader.ts';

const QUOTE = 34;
const COMMA = 44;
const NEWLINE = 10;

const START = /\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/y;
const NEXT = /\n(?=\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)/g;
const LONGEST_TIME = 32;

/** Columns of csvlog, which every version since 9.0 begins with. */
const COLUMN = { time: 0, database: 2, session: 5, transaction: 9, severity: 11, message: 13, detail: 14, query: 19 } as const;

/** Reads csvlog. */
export class CsvLogReader extends RecordReader implements LogReader {
  readonly format = 'PostgreSQL csvlog';
  #text = '';
  #line = 1;
  readonly #fields: string[] = [];

  push(text: string): void {
    this.#text += text;
    let at = 0;
    for (;;) {
      const next = this.#startsRecord(at) ? this.#readRecord(at) : this.#nextRecord(at);
      if (next === -1) break;
      at = next;
    }
    this.#text = this.#text.slice(at);
    if (this.#text.length > LONGEST_RECORD) {
      const next = this.#nextRecord(0);
      this.#text = this.#text.slice(next === -1 ? -LONGEST_TIME : next);
    }
  }

  end(): void {
    // A record that was cut off may still hold its statement.
    if (this.#text !== '') this.push('"\n');
    if (this.#text !== '') this.push('\n');
    this.#text = '';
  }

  /** Takes the record at `from`; where the next one begins, or -1 if it has not ended. */
  #readRecord(from: number): number {
    const text = this.#text;
    const { length } = text;
    const fields = this.#fields;
    fields.length = 0;
    let at = from;
    let lines = 1;
    for (;;) {
      if (at >= length) return -1;
      if (text.charCodeAt(at) === QUOTE) {
        let end = text.indexOf('"', at + 1);
        let doubled = false;
        while (end !== -1 && text.charCodeAt(end + 1) === QUOTE) {
          doubled = true;
          end = text.indexOf('"', end + 2);
        }
        if (end === -1 || end + 1 >= length) return -1;
        const field = text.slice(at + 1, end);
        fields.push(doubled ? field.replaceAll('""', '"') : field);
        for (let newline = text.indexOf('\n', at); newline !== -1 && newline < end; newline = text.indexOf('\n', newline + 1)) lines += 1;
        at = end + 1;
      } else {
        let end = at;
        for (; end < length; end += 1) {
          const code = text.charCodeAt(end);
          if (code === COMMA || code === NEWLINE) break;
        }
        if (end >= length) return -1;
        fields.push(text.slice(at, end));
        at = end;
      }
      const separator = text.charCodeAt(at);
      if (separator !== COMMA && separator !== NEWLINE) return this.#nextRecord(from);
      at += 1;
      if (separator === NEWLINE) break;
    }
    this.#take(fields);
    this.#line += lines;
    return at;
  }

  #take(fields: readonly string[]): void {
    const message = fields[COLUMN.message];
    if (message === undefined) return;
    this.take(
      {
        severity: fields[COLUMN.severity] ?? '',
        session: fields[COLUMN.session] ?? '',
        database: fields[COLUMN.database] ?? '',
        transaction: fields[COLUMN.transaction] ?? '',
        message,
        detail: fields[COLUMN.detail] || undefined,
        query: fields[COLUMN.query] || undefined,
        line: this.#line,
      },
      fields[COLUMN.time],
    );
  }

  /** Whether a record can begin there, as far as the text goes. */
  #startsRecord(at: number): boolean {
    START.lastIndex = at;
    return this.#text.length - at < LONGEST_TIME || START.test(this.#text);
  }

  /** Where the next line begins that begins like a record: what stands before was cut off, or its quotes do not match. -1: not here. */
  #nextRecord(from: number): number {
    NEXT.lastIndex = from;
    const found = NEXT.exec(this.#text);
    if (!found) return -1;
    for (let newline = this.#text.indexOf('\n', from); newline !== -1 && newline <= found.index; newline = this.#text.indexOf('\n', newline + 1)) this.#line += 1;
    return found.index + 1;
  }
}
