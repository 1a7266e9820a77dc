import { LONGEST_RECORD, type LogReader } from '../../model/logged-statement.ts';
import { RecordReader } from './log-reader.ts';

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
    this.take(
      {
        severity: textAt(entry, 'error_severity') ?? '',
        session: textAt(entry, 'session_id') ?? '',
        database: textAt(entry, 'dbname'),
        transaction: textAt(entry, 'vxid'),
        message: textAt(entry, 'message') ?? '',
        detail: textAt(entry, 'detail'),
        query: textAt(entry, 'statement'),
        line: this.#line,
      },
      textAt(entry, 'timestamp'),
    );
  }
}

/** The object in a line; undefined for a line that was cut off. */
function parsed(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Readonly<Record<string, unknown>>) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function textAt(entry: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const value = entry[name];
  return typeof value === 'string' ? value : undefined;
}
