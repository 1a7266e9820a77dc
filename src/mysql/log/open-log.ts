import { LONGEST_RECORD, type LogEvent, type LogReader } from '../../model/logged-statement.ts';
import { RecordLines } from '../../core/record-lines.ts';

export interface OpenLogOptions {
  /** The beginning of the file. */
  readonly sample: string;
  readonly emit: (event: LogEvent) => void;
  /** A database that sessions of this log work in, unless they say otherwise. */
  readonly onDatabase: (database: string) => void;
}

const TIME = String.raw`\d{6} [ \d]\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.\d]*(?:Z|[+-]\d\d:\d\d)`;
const COMMANDS = [
  'Query', 'Execute', 'Prepare', 'Connect', 'Quit', 'Init DB', 'Close stmt', 'Reset stmt', 'Reset connection', 'Fetch', 'Long Data', 'Field List', 'Statistics', 'Ping', 'Change user', 'Set option', 'Kill', 'Refresh', 'Shutdown', 'Processlist',
  'Binlog Dump', 'Binlog Dump GTID', 'Register Slave', 'Register Replica', 'Daemon', 'Debug', 'Sleep', 'Error', 'Time', 'Delayed insert', 'Create DB', 'Drop DB', 'Connect Out', 'Table Dump', 'Slave_IO', 'Slave_SQL', 'Bulk_execute', 'Unimpl',
].join('|');
const STARTED = String.raw`[^\n]*, Version: [^\n]* started with:`;
const GENERAL = new RegExp(String.raw`(?:(${TIME})?\t+ *(\d+) (${COMMANDS})(?:\t|(?=\r?\n|$))|${STARTED})`, 'y');
const SLOW = new RegExp(String.raw`(?:# Time: (${TIME})|# User@Host: |${STARTED})`, 'y');

/** A reader for what seems to be a general or slow log of MySQL or MariaDB; undefined if it is neither. */
export function openMysqlLog({ sample, ...options }: OpenLogOptions): LogReader | undefined {
  const lines = sample.split('\n').slice(0, 2000);
  const count = (pattern: RegExp): number => lines.filter((line) => new RegExp(pattern.source).exec(line)?.index === 0 && !line.includes(', Version: ')).length;
  const [general, slow] = [count(GENERAL), count(SLOW)];
  if (general + slow === 0) return undefined;
  return general >= slow ? new GeneralLogReader(options) : new SlowLogReader(options);
}

type ReaderOptions = Omit<OpenLogOptions, 'sample'>;

/** What both readers have in common. */
class MysqlLogReader {
  readonly otherDatabases = 0;
  readonly #options: ReaderOptions;
  readonly #lines: RecordLines;
  #from: string | undefined;
  #to: string | undefined;

  constructor(options: ReaderOptions, head: RegExp, take: (head: RegExpExecArray, text: string, line: number) => void) {
    this.#options = options;
    this.#lines = new RecordLines({ head, longest: LONGEST_RECORD, onRecord: (record) => take(record.head, record.text, record.line) });
  }

  get from(): string | undefined {
    return this.#from;
  }

  get to(): string | undefined {
    return this.#to;
  }

  push(text: string): void {
    this.#lines.push(text);
  }

  end(): void {
    this.#lines.end();
  }

  protected emit(event: LogEvent): void {
    this.#options.emit(event);
  }

  protected sees(database: string | undefined): void {
    if (database !== undefined && database !== '') this.#options.onDatabase(database);
  }

  protected at(time: string | undefined): void {
    if (time === undefined) return;
    this.#to = isoTime(time);
    this.#from ??= this.#to;
  }
}

/** Reads the general log. It is written before a statement runs: which ones failed is not in it. */
class GeneralLogReader extends MysqlLogReader implements LogReader {
  readonly format = 'MySQL general log';

  constructor(options: ReaderOptions) {
    super(options, GENERAL, (head, text, line) => this.#take(head, text, line));
  }

  #take([, time, session, command]: RegExpExecArray, text: string, line: number): void {
    this.at(time);
    if (session === undefined) this.emit({ kind: 'restart' });
    else if (command === 'Query' || command === 'Execute' || command === 'Bulk_execute') this.emit({ kind: 'statement', session, text, line, transaction: undefined, done: false });
    else if (command === 'Quit' || command === 'Reset connection') this.emit({ kind: 'end', session });
    else if (command === 'Connect' || command === 'Change user') {
      this.emit({ kind: 'end', session });
      this.sees(/ on (\S+)(?: using |\s*$)/.exec(text)?.[1]?.replace(/^using$/, ''));
    } else if (command === 'Init DB') this.sees(text.trim());
  }
}

const BEFORE_STATEMENT = /^(?:#[^\n]*(?:\n|$)|use [^\n;]*;\r?\n|SET timestamp=\d+(?:\.\d+)?;(?:\r?\n|$))/i;

/** Reads the slow log, with `long_query_time = 0` all that succeeded. */
class SlowLogReader extends MysqlLogReader implements LogReader {
  readonly format = 'MySQL slow log';

  constructor(options: ReaderOptions) {
    super(options, SLOW, (head, text, line) => this.#take(head, text, line));
  }

  #take([head, time]: RegExpExecArray, text: string, line: number): void {
    this.at(time);
    if (head.includes(', Version: ')) this.emit({ kind: 'restart' });
    if (!head.startsWith('# User@Host')) return;
    // The rest of the line of User@Host belongs to the head, though it stands in the text.
    let [rest, begin] = [`#${text}`, line];
    let [session, database] = ['', ''];
    for (let found = BEFORE_STATEMENT.exec(rest); found; found = BEFORE_STATEMENT.exec(rest)) {
      session = /\bThread_id: (\d+)|\bId: +(\d+)/.exec(found[0])?.slice(1).find(Boolean) ?? session;
      database = /\bSchema: (\S+) /.exec(found[0])?.[1] ?? /^use ([^;]*);/i.exec(found[0])?.[1]?.replaceAll('`', '') ?? database;
      if (found[0].startsWith('# administrator command: Quit')) this.emit({ kind: 'end', session });
      rest = rest.slice(found[0].length);
      begin += 1;
      if (found[0] === '') break;
    }
    this.sees(database);
    if (rest.trim() !== '') this.emit({ kind: 'statement', session, text: rest, line: begin, transaction: undefined, done: true });
  }
}

/** `251122  9:01:02` and `2025-11-22T09:01:02.5Z` alike. */
function isoTime(time: string): string {
  const short = /^(\d\d)(\d\d)(\d\d) (.*)$/.exec(time);
  if (!short) return time.replace('T', ' ');
  const [, year, month, day, clock = ''] = short;
  return `20${year}-${month}-${day} ${clock.trim().padStart(8, '0')}`;
}
