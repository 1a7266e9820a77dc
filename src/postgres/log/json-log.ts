import { LONGEST_RECORD, RecordReader, type LogReader } from './log-reader.ts';

/** Reads jsonlog: one object in each line. */
export class JsonLogReader extends RecordReader implements LogReader {
  readonly format = 'PostgreSQL jsonlog';
  #text = '';
  #line = 0;

  push(text: string): void {
    this.#text += text;
    let at = 0;
    for (;;) {
      const end = this.#text.indexOf('\n', at);
      if (end === -1) break;
      this.#takeLine(this.#text.slice(at, end));
      at = end + 1;
    }
    this.#text = this.#text.slice(at);
    // The rest of such a line is no object, and is passed over.
    if (this.#text.length > LONGEST_RECORD) this.#text = '';
  }

  end(): void {
    this.#takeLine(this.#text);
    this.#text = '';
  }

  #takeLine(line: string): void {
    this.#line += 1;
    if (line.trim() === '') return;
    const entry = parsed(line);
    if (!entry) return;
    const field = (name: string): string | undefined => {
      const value = entry[name];
      return typeof value === 'string' ? value : undefined;
    };
    const [database, transaction, detail, query] = [field('dbname'), field('vxid'), field('detail'), field('statement')];
    this.take(
      {
        severity: field('error_severity') ?? '',
        session: field('session_id') ?? '',
        message: field('message') ?? '',
        line: this.#line,
        ...(database === undefined ? {} : { database }),
        ...(transaction === undefined ? {} : { transaction }),
        ...(detail === undefined ? {} : { detail }),
        ...(query === undefined ? {} : { query }),
      },
      field('timestamp'),
    );
  }
}

/** The object in a line; undefined for a line that was cut off. */
function parsed(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
