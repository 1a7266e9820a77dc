import { LONGEST_RECORD, RecordReader, type LogReader, type LogReaderOptions } from './log-reader.ts';
import type { LinePrefix } from './prefix.ts';

const TAB = 9;

/** A message that began, whose end is not known yet. */
interface Begun {
  readonly severity: string;
  readonly session: string;
  readonly database: string | undefined;
  readonly transaction: string | undefined;
  readonly time: string | undefined;
  /** Where its text begins. */
  message: number;
  readonly line: number;
}

/** Reads what a server writes to stderr: a prefix, a severity, and lines that go on until the next prefix. */
export class StderrLogReader extends RecordReader implements LogReader {
  readonly format: string;
  readonly #prefix: LinePrefix;
  #text = '';
  /** From here on lines were not looked at yet. */
  #at = 0;
  #line = 1;
  #begun: Begun | undefined;

  constructor(options: LogReaderOptions & { readonly prefix: LinePrefix }) {
    super(options);
    this.#prefix = options.prefix;
    this.format = `PostgreSQL stderr log, prefix "${options.prefix.text}"`;
  }

  push(text: string): void {
    this.#text += text;
    for (;;) {
      const end = this.#text.indexOf('\n', this.#at);
      if (end === -1) break;
      this.#takeLine(end);
      this.#at = end + 1;
      this.#line += 1;
    }
    if (this.#text.length - this.#at > LONGEST_RECORD) {
      // One endless line: its begin is taken, and what comes of it later goes on with nothing.
      this.#takeLine(this.#text.length);
      this.#at = this.#text.length;
    }
    this.#forget();
  }

  end(): void {
    if (this.#at < this.#text.length) this.#takeLine(this.#text.length);
    this.#finish(this.#text.endsWith('\n') ? this.#text.length - 1 : this.#text.length);
    this.#text = '';
    this.#at = 0;
  }

  #takeLine(end: number): void {
    const { pattern, groups } = this.#prefix;
    if (this.#text.charCodeAt(this.#at) === TAB) return;
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (!found || pattern.lastIndex > end + 1) return;
    this.#finish(this.#at - 1);
    this.#begun = {
      severity: found[groups.severity] ?? '',
      session: groups.session === 0 ? '' : (found[groups.session] ?? ''),
      database: groups.database === 0 ? undefined : found[groups.database],
      transaction: groups.transaction === 0 ? undefined : found[groups.transaction],
      time: groups.time === 0 ? undefined : found[groups.time],
      message: pattern.lastIndex,
      line: this.#line,
    };
  }

  #finish(end: number): void {
    const begun = this.#begun;
    this.#begun = undefined;
    if (!begun) return;
    const { severity, session, database, transaction, line } = begun;
    this.take({ severity, session, database, transaction, message: this.#text.slice(begun.message, end), detail: undefined, query: undefined, line }, begun.time);
  }

  /** Lets go of what was read. */
  #forget(): void {
    if (this.#begun && this.#at - this.#begun.message > LONGEST_RECORD) {
      this.#finish(this.#begun.message + LONGEST_RECORD);
    }
    const from = this.#begun ? this.#begun.message : this.#at;
    this.#text = this.#text.slice(from);
    this.#at -= from;
    if (this.#begun) this.#begun.message = 0;
  }
}
