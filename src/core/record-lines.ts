export interface RecordLinesOptions {
  /** Sticky; matches the beginning of a record where a line begins. Does not look beyond the line. */
  readonly head: RegExp;
  /** A line that begins with this goes on with the record before, without being looked at. */
  readonly goesOn?: string;
  /** Longest text of a record; the rest of it is left out. */
  readonly longest: number;
  readonly onRecord: (record: { readonly head: RegExpExecArray; readonly text: string; readonly line: number }) => void;
}

/**
 * Cuts a text that comes in any pieces into records: each begins with a line that matches, and goes on
 * until the next that does. Never holds more than one record and one piece.
 */
export class RecordLines {
  readonly #options: RecordLinesOptions;
  readonly #goesOn: number;
  #text = '';
  /** From here on lines were not looked at yet. */
  #at = 0;
  #line = 1;
  #begun: { readonly head: RegExpExecArray; from: number; readonly line: number } | undefined;

  constructor(options: RecordLinesOptions) {
    this.#options = options;
    this.#goesOn = options.goesOn === undefined ? -1 : options.goesOn.charCodeAt(0);
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
    if (this.#text.length - this.#at > this.#options.longest) {
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
    const { head } = this.#options;
    if (this.#text.charCodeAt(this.#at) === this.#goesOn) return;
    head.lastIndex = this.#at;
    const found = head.exec(this.#text);
    if (!found || head.lastIndex > end + 1) return;
    this.#finish(this.#at - 1);
    this.#begun = { head: found, from: head.lastIndex, line: this.#line };
  }

  #finish(end: number): void {
    const begun = this.#begun;
    this.#begun = undefined;
    if (begun) this.#options.onRecord({ head: begun.head, text: this.#text.slice(begun.from, end), line: begun.line });
  }

  /** Lets go of what was read. */
  #forget(): void {
    if (this.#begun && this.#at - this.#begun.from > this.#options.longest) this.#finish(this.#begun.from + this.#options.longest);
    const from = this.#begun ? this.#begun.from : this.#at;
    this.#text = this.#text.slice(from);
    this.#at -= from;
    if (this.#begun) this.#begun.from = 0;
  }
}
