import type { LogEvent } from '../../model/logged-statement.ts';
import { eventsOf, type LogRecord } from './messages.ts';

/** Takes a log file's text, in any pieces, as bytes in latin1. */
export interface LogReader {
  /** What it reads, in words. */
  readonly format: string;
  push(text: string): void;
  /** The file ends here; what is incomplete is taken as far as it goes. */
  end(): void;
  /** The times of its first and last message, as the log writes them. */
  readonly from: string | undefined;
  readonly to: string | undefined;
  /** Messages that were left out because they are about another database. */
  readonly otherDatabases: number;
}

export interface LogReaderOptions {
  readonly emit: (event: LogEvent) => void;
  /** Leave out what the log says of other databases. Default: everything counts. */
  readonly database?: string;
}

/** What is longer is cut: its tables are not known, and memory stays bounded. */
export const LONGEST_RECORD = 4 * 1024 * 1024;

/** What readers of every format have in common: times, and whose database a message is about. */
export class RecordReader {
  readonly #options: LogReaderOptions;
  #from: string | undefined;
  #to: string | undefined;
  otherDatabases = 0;

  constructor(options: LogReaderOptions) {
    this.#options = options;
  }

  get from(): string | undefined {
    return this.#from;
  }

  get to(): string | undefined {
    return this.#to && copied(this.#to);
  }

  protected take(record: LogRecord, time: string | undefined): void {
    if (time !== undefined && time !== '') {
      this.#from ??= copied(time);
      this.#to = time;
    }
    const { database } = this.#options;
    if (database !== undefined && record.database !== undefined && record.database !== '' && record.database !== database) {
      this.otherDatabases += 1;
      return;
    }
    eventsOf(record, this.#options.emit);
  }
}

/** A part of a longer text keeps all of that text in memory; this does not. */
function copied(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}
