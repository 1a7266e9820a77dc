import type { LogEvent } from '../../model/logged-statement.ts';
import { eventsOf, type LogRecord } from './messages.ts';

export interface LogReaderOptions {
  readonly emit: (event: LogEvent) => void;
  /** Leave out what the log says of other databases. Default: everything counts. */
  readonly database?: string;
}

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
