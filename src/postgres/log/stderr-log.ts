import { RecordLines } from '../../core/record-lines.ts';
import { LONGEST_RECORD, type LogReader } from '../../model/logged-statement.ts';
import { RecordReader, type LogReaderOptions } from './log-reader.ts';
import type { LinePrefix } from './prefix.ts';

/** Reads what a server writes to stderr: a prefix, a severity, and lines that go on until the next prefix. */
export class StderrLogReader extends RecordReader implements LogReader {
  readonly format: string;
  readonly #prefix: LinePrefix;
  readonly #lines: RecordLines;

  constructor(options: LogReaderOptions & { readonly prefix: LinePrefix }) {
    super(options);
    this.#prefix = options.prefix;
    this.format = `PostgreSQL stderr log, prefix "${options.prefix.text}"`;
    this.#lines = new RecordLines({
      head: options.prefix.pattern, goesOn: '\t', longest: LONGEST_RECORD,
      onRecord: ({ head, text, line }) => this.#takeMessage(head, text, line),
    });
  }

  push(text: string): void {
    this.#lines.push(text);
  }

  end(): void {
    this.#lines.end();
  }

  #takeMessage(head: RegExpExecArray, message: string, line: number): void {
    const { groups } = this.#prefix;
    const group = (number: number): string | undefined => (number === 0 ? undefined : head[number]);
    this.take(
      {
        severity: head[groups.severity] ?? '', session: group(groups.session) ?? '', database: group(groups.database), transaction: group(groups.transaction),
        message, detail: undefined, query: undefined, line,
      },
      group(groups.time),
    );
  }
}
